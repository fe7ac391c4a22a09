import type { Random } from "../../dist/signal/random.js";

/** Numbers at which readers go wrong: none, the largest of each width and sign, and their neighbours. */
const EDGES = [0, 1, 2, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff];

/** Texts at which readers of text go wrong. */
const WORDS = [
  ...["", "0", "-1", "1e999", "NaN", "-0", "0x10", "1,5", "9007199254740993", "1e-9", "null", "true"],
  ...[
    "__proto__",
    "constructor",
    "../x.wav",
    "/etc/passwd",
    "a\0b",
    "\uFEFF",
    "\uD800",
    "\r",
    "\n",
    "\t",
    ",",
    ";",
    '"',
    "'",
    "{",
    "[]",
  ],
];

const pick = <T>(random: Random, list: readonly T[]): T => list[random.below(list.length)]!;

function splice(bytes: Buffer, at: number, remove: number, insert: Uint8Array): Buffer {
  return Buffer.concat([bytes.subarray(0, at), insert, bytes.subarray(Math.min(bytes.length, at + remove))]);
}

/** Where a change goes: half of them into the first bytes, where the headers are. */
function place(random: Random, length: number): number {
  const most = random.below(2) === 0 ? Math.min(length, 128) : length;
  return most === 0 ? 0 : random.below(most);
}

function once(bytes: Buffer, others: readonly Buffer[], random: Random, text: boolean): Buffer {
  const at = place(random, bytes.length);
  const kind = random.below(text ? 9 : 8);
  const out = Buffer.from(bytes);
  if (kind === 0 && out.length > 0) out[at]! ^= 1 << random.below(8);
  else if (kind === 1 && out.length > 0) out[at] = pick(random, EDGES) & 0xff;
  else if (kind === 2 && at + 4 <= out.length) {
    const number = pick(random, EDGES);
    if (random.below(2) === 0) out.writeUInt32LE(number, at);
    else out.writeUInt32BE(number, at);
  } else if (kind === 3 && at + 2 <= out.length) {
    const number = pick(random, EDGES) & 0xffff;
    if (random.below(2) === 0) out.writeUInt16LE(number, at);
    else out.writeUInt16BE(number, at);
  } else if (kind === 4) return out.subarray(0, at);
  else if (kind === 5) return splice(out, at, random.below(64), Buffer.alloc(0));
  else if (kind === 6) {
    const from = place(random, bytes.length);
    return splice(out, at, 0, bytes.subarray(from, from + random.below(256)));
  } else if (kind === 7) {
    const other = pick(random, others);
    const from = place(random, other.length);
    return splice(out, at, random.below(64), other.subarray(from, from + random.below(256)));
  } else return splice(out, at, random.below(8), Buffer.from(pick(random, WORDS)));
  return out;
}

/** A changed copy of one of `seeds`: one to eight changes, the same for the same stream of random numbers. */
export function mutate(seeds: readonly Buffer[], random: Random, text: boolean): Buffer {
  let bytes = pick(random, seeds);
  for (let changes = 1 + random.below(8); changes > 0; changes--) bytes = once(bytes, seeds, random, text);
  return bytes;
}

/** Changes values anywhere in a value read from json: other types, edges, names from elsewhere, entries gone or twice. */
export function mutateJson(value: unknown, random: Random): unknown {
  if (value !== null && typeof value === "object" && random.below(8) > 0) {
    const keys = Object.keys(value);
    if (keys.length > 0) {
      const key = pick(random, keys);
      const changed = mutateJson((value as Record<string, unknown>)[key], random);
      if (Array.isArray(value))
        return random.below(6) === 0 ? [...value, changed] : value.map((v, i) => (String(i) === key ? changed : v));
      if (random.below(8) === 0) return Object.fromEntries(Object.entries(value).filter(([name]) => name !== key));
      return { ...value, [key]: changed };
    }
  }
  const replacements: unknown[] = [
    null,
    true,
    -1,
    0.5,
    1e300,
    pick(random, EDGES),
    pick(random, WORDS),
    [],
    {},
    [null],
    undefined,
  ];
  if (typeof value === "number") replacements.push(value + 1, -value, String(value));
  if (typeof value === "string") replacements.push(`${value}x`, value.slice(1), `../${value}`);
  return pick(random, replacements);
}
