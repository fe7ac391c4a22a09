// The leak audit over 1,000 and 10,000 files of one second: time, growth, and what it finds of copies planted in the test split.
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { type AuditReport, audit } from "../dist/audit/audit.js";
import type { Records } from "../dist/records/open-records.js";
import { random } from "../dist/signal/random.js";
import { explicitSplit } from "../dist/split/split.js";
import { measure, report, round, tiny } from "./harness.js";

const RATE = 16000;
const PLANTED = 0.02;

/** A second of a few decaying notes over coloured noise. */
function sound(seed: number): Float32Array {
  const draw = random(seed);
  const out = new Float32Array(RATE);
  const colour = 0.3 + 0.69 * draw.uniform();
  let low = 0;
  let state = seed * 2654435761;
  for (let i = 0; i < RATE; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    low = colour * low + (1 - colour) * (state / 2 ** 31);
    out[i] = 0.02 * low;
  }
  for (let note = 4 + draw.below(5); note > 0; note--) {
    const from = draw.below(12000);
    const step = (2 * Math.PI * 80 * 2 ** (5 * draw.uniform())) / RATE;
    const fade = 1 - 1 / (800 + draw.below(6000));
    // A rotating number instead of a sine per sample.
    const [cos, sin] = [Math.cos(step), Math.sin(step)];
    let [re, im] = [0.05 + 0.1 * draw.uniform(), 0];
    for (let i = from; i < RATE; i++) {
      [re, im] = [(re * cos - im * sin) * fade, (re * sin + im * cos) * fade];
      out[i] = out[i]! + im;
    }
  }
  return out;
}

const changes: Record<string, (x: Float32Array, draw: ReturnType<typeof random>) => Float32Array> = {
  same: (x) => x,
  gain: (x, draw) => {
    const factor = 0.1 + draw.uniform();
    return x.map((v) => v * factor);
  },
  shift: (x, draw) => {
    const by = 200 + draw.below(3800);
    return x.map((_, i) => x[i - by] ?? 0);
  },
  noise: (x, draw) => {
    const level = Math.sqrt(x.reduce((a, b) => a + b * b, 0) / RATE) / 10;
    return x.map((v) => v + level * draw.gaussian());
  },
  coarse: (x) => x.map((v) => Math.round(v * 512) / 512),
};

/** Files of one second in one shard (its samples alone), the last of them copies; as `openRecords` would give them. */
function planted(
  folder: string,
  count: number,
): { records: Records; copies: { example: number; of: number; kind: string }[] } {
  const path = join(folder, `${count}.data`);
  const file = openSync(path, "w");
  const bytes = RATE * 2;
  const copies: { example: number; of: number; kind: string }[] = [];
  const originals = count - Math.floor(count * PLANTED);
  const kinds = Object.keys(changes);
  for (let i = 0; i < count; i++) {
    let samples: Float32Array;
    if (i < originals) samples = sound(i);
    else {
      const kind = kinds[i % kinds.length]!;
      const of = Math.floor(((i - originals) * originals * 0.7) / (count - originals));
      copies.push({ example: i, of, kind });
      samples = changes[kind]!(sound(of), random(i));
    }
    writeSync(
      file,
      Int16Array.from(samples, (v) => Math.max(-32768, Math.min(32767, Math.round(v * 32768)))),
    );
  }
  closeSync(file);
  const numbers = Array.from({ length: count }, (_, i) => i);
  const records: Records = {
    manifest: {
      format: 1,
      name: "audit",
      kind: "values",
      encoding: "pcm16",
      sampleRate: RATE,
      channels: 1,
      examples: count,
      samples: { min: RATE, max: RATE },
      shards: [
        { file: basename(path), examples: count, bytes: count * bytes, sha256: "", samples: { min: RATE, max: RATE } },
      ],
      fingerprint: "",
    },
    count,
    directory: folder,
    paths: [path],
    shard: new Uint32Array(count),
    offset: Float64Array.from(numbers),
    length: new Uint32Array(count),
    inputAt: Float64Array.from(numbers, (i) => i * bytes),
    inputBytes: new Uint32Array(count).fill(bytes),
    targetAt: new Float64Array(count),
    targetBytes: new Uint32Array(count),
    labelAt: new Float64Array(count),
    labelBytes: new Uint32Array(count),
    ids: Float64Array.from(numbers),
    names: numbers.map((i) => `${i}.wav`),
  };
  return { records, copies };
}

async function run(folder: string, count: number): Promise<number> {
  const { records, copies } = planted(folder, count);
  const originals = count - copies.length;
  const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i);
  const split = explicitSplit(count, {
    train: range(0, Math.floor(originals * 0.7)),
    validate: range(Math.floor(originals * 0.7), originals),
    test: range(originals, count),
  });
  let found: AuditReport | undefined;
  const { seconds, cpuSeconds, peakMegabytes } = await measure(async () => {
    found = await audit(records, split, { onProgress: false, workers: 2 });
  });
  const sounds = found!.findings.filter((f) => f.kind === "identical" || f.kind === "nearDuplicate");
  const truth = new Set(copies.map(({ example, of }) => `${example} ${of}`));
  const pairs = new Set(sounds.map((f) => `${f.b.example} ${f.a.example}`));
  const recall = Object.fromEntries(
    Object.keys(changes).map((kind) => {
      const own = copies.filter((copy) => copy.kind === kind);
      const hits = own.filter(({ example, of }) => pairs.has(`${example} ${of}`)).length;
      return [kind, own.length === 0 ? null : Number((hits / own.length).toFixed(4))];
    }),
  );
  report({
    name: `leak audit ${count}`,
    work: `${count} files of 1 s, ${copies.length} copies planted`,
    seconds: Number(seconds.toFixed(2)),
    cpuSeconds: Number(cpuSeconds.toFixed(2)),
    ...(count === 10000 ? { target: 60, reached: seconds < 60 } : {}),
    peakMegabytes: Math.round(peakMegabytes),
    recall,
    falseAlarms: sounds.filter((f) => !truth.has(`${f.b.example} ${f.a.example}`)).length,
  });
  return cpuSeconds;
}

async function main(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "bench-audit-"));
  try {
    if (tiny) {
      await run(folder, 100);
      return;
    }
    const small = await run(folder, 1000);
    await run(folder, 10_000);
    const large = await run(folder, 100_000);
    const exponent = Math.log10(large / small) / 2;
    report({
      name: "growth of the audit",
      work: "processor time, 1,000 to 100,000 files",
      exponent: round(exponent),
      target: 1.2,
      reached: exponent < 1.2,
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

void main();
