import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { type Fingerprints, fingerprintsOf } from "./compare-signals.js";
import {
  cutsFor,
  emptyFingerprints,
  type Signal,
  signalsOf,
  soundSides,
  takeFingerprints,
  usualSeconds,
  usualShift,
} from "./fingerprints.js";
import { DatasetError } from "../core/error.js";
import { numbersTo } from "../core/numbers.js";
import { type LongOptions, track } from "../notebook/progress.js";
import { auditPath, entryFile } from "../records/files.js";
import { type ShardEntry, sumOf } from "../records/manifest.js";
import { openShards } from "../records/open-records.js";
import { requireManifest, type StoredManifest, wholeManifest } from "../records/read-stored.js";
import type { Records } from "../records/records.js";
import { FINGERPRINT_SIZE } from "../signal/similarity.js";
import { fileError, writeRenamed } from "../system/atomic-file.js";
import { type JsonForm, readJson, sealedText, unlessDamaged } from "../system/sealed-json.js";
import { withPool, workerCount } from "../system/pool.js";

/** The fingerprints of a shard's signals: `D/.N.audit/N<k>.tfrecord.json`. */
interface Part {
  format: 1;
  /** Of the shard. */
  sha256: string;
  cuts: number[];
  hashes: string[];
  /** Little-endian numbers of 16 bits, in base64. */
  vectors: string;
}

/** What a task needs to know of all signals: `D/.N.audit/signals.json`. */
interface Usual {
  format: 1;
  /** Of the records. */
  fingerprint: string;
  seconds: number;
}

/** What `auditShards` has of a shard. */
export interface AuditedShard {
  file: string;
  signals: number;
}

/**
 * Takes the fingerprints that `audit` compares, of the shards `from` to `to` (excluded): one job of a cluster's array. `audit` with `parts`
 * puts them together. What is there already, of the same shards, isn't taken again. The first task reads every shard's index, for how long signals are.
 * @throws DatasetError "RECORD" without a manifest, "OPTION" for shards that it doesn't have
 */
export async function auditShards(
  directory: string,
  name: string,
  from: number,
  to: number,
  options: LongOptions & { workers?: number } = {},
): Promise<AuditedShard[]> {
  const stored = await requireManifest(directory, name, from, to);
  const folder = auditPath(directory, name);
  await mkdir(folder, { recursive: true }).catch((error) => {
    throw fileError(error, folder);
  });
  const seconds = await secondsOf(directory, stored);
  const cuts = cutsFor(seconds, usualShift(seconds));
  const sides = soundSides(stored.head).length;
  const workers = workerCount(options.workers);
  const shards: ShardEntry[] = [];
  for (let k = from; k < to; k++) shards.push(await stored.shard(k));
  const total = shards.reduce((sum, { examples }) => sum + examples * sides, 0);
  await track("audit", total, "signals", options, (tracker) =>
    withPool(workers, async (pool) => {
      for (const shard of shards) {
        if (await readPart(folder, shard, cuts, sides)) {
          tracker.tick(shard.examples * sides);
          continue;
        }
        const records = await openShards(directory, { ...stored.head, ...sumOf([shard]), shards: [shard] });
        const signals = signalsOf(records, numbersTo(records.count));
        const made = await takeFingerprints(pool, records, signals, cuts, { ...tracker, workers });
        const { buffer } = made.vectors;
        const vectors = Buffer.from(buffer).toString("base64");
        const part: Part = { format: 1, sha256: shard.sha256, cuts, hashes: made.hashes, vectors };
        await writeRenamed(join(folder, entryFile(shard.file)), sealedText(part));
      }
    }),
  );
  return shards.map(({ file, examples }) => ({ file, signals: examples * sides }));
}

/** The median length of the signals of all shards, kept for the other tasks. */
async function secondsOf(directory: string, stored: StoredManifest): Promise<number> {
  const { name, fingerprint } = stored.head;
  const path = join(auditPath(directory, name), "signals.json");
  const kept = await readOwn<Usual>(path, ({ seconds }) => Number.isFinite(seconds));
  if (kept?.fingerprint === fingerprint) return kept.seconds;
  const seconds = usualSeconds(await openShards(directory, await wholeManifest(stored)));
  const usual: Usual = { format: 1, fingerprint, seconds };
  await writeRenamed(path, sealedText(usual));
  return seconds;
}

/**
 * The fingerprints of signals from what `auditShards` has left.
 * @throws DatasetError "RECORD" that lists the shards of which there are none, or others'
 */
export async function readParts(
  records: Records,
  signals: readonly Signal[],
  cuts: readonly number[],
): Promise<Fingerprints> {
  const { directory, manifest, elsewhere } = records;
  if (elsewhere) throw new DatasetError("OPTION", `parts: true, expected false for records elsewhere (${directory})`);
  const folder = auditPath(directory, manifest.name);
  const sides = soundSides(manifest);
  const out = emptyFingerprints(signals.length, cuts);
  const size = fingerprintsOf(cuts) * FINGERPRINT_SIZE;
  const missing: number[] = [];
  let n = 0;
  let first = 0;
  for (const [k, shard] of manifest.shards.entries()) {
    const part = await readPart(folder, shard, cuts, sides.length);
    if (!part) missing.push(k);
    for (; n < signals.length && records.shard[signals[n]!.example] === k; n++) {
      const { example, side } = signals[n]!;
      const i = (example - first) * sides.length + sides.indexOf(side);
      if (!part) continue;
      out.hashes[n] = part.hashes[i]!;
      out.vectors.set(part.vectors.subarray(i * size, (i + 1) * size), n * size);
    }
    first += shard.examples;
  }
  if (missing.length === 0) return out;
  const there = manifest.shards.length - missing.length;
  const some = missing.slice(0, MOST_SHOWN).join(" ");
  const more = missing.length > MOST_SHOWN ? ` … and ${missing.length - MOST_SHOWN} more` : "";
  const message = `audit: fingerprints of ${there} shards as they are now, expected of ${manifest.shards.length} (${folder}); run audit-shards for these first: ${some}${more}`;
  throw new DatasetError("RECORD", message);
}

/** Numbers of missing shards that a message shows. */
const MOST_SHOWN = 1000;

/** The fingerprints of a shard, where they are there and of the shard as it is now. */
async function readPart(
  folder: string,
  { file, sha256, examples }: ShardEntry,
  cuts: readonly number[],
  sides: number,
): Promise<Fingerprints | undefined> {
  const count = examples * sides;
  const part = await readOwn<Part>(
    join(folder, entryFile(file)),
    (p) => Array.isArray(p.hashes) && Array.isArray(p.cuts) && typeof p.vectors === "string",
  );
  if (part?.sha256 !== sha256 || part.hashes.length !== count || String(part.cuts) !== String(cuts)) return undefined;
  const bytes = Uint8Array.from(Buffer.from(part.vectors, "base64"));
  const expected = count * fingerprintsOf(cuts) * FINGERPRINT_SIZE * 2;
  return bytes.length === expected ? { hashes: part.hashes, vectors: new Uint16Array(bytes.buffer) } : undefined;
}

/** What a task has left in a file; undefined where there is none, or a damaged one. */
function readOwn<T extends { format: 1 }>(path: string, fits: (value: T) => boolean): Promise<T | undefined> {
  const form: JsonForm<T> = {
    what: "part of an audit",
    misfit: (value) =>
      value.format === 1 && fits(value) ? undefined : { found: "another form", expected: "format 1" },
    fix: "run audit-shards again",
  };
  return unlessDamaged(readJson<T>(path, form));
}
