import { type Fingerprints, fingerprintsOf, HEARD_SECONDS, PAIR_FIELDS, type SignalSource } from "./compare-signals.js";
import type { FindingList } from "./finding-list.js";
import type { Place } from "./report.js";
import { BYTES_PER_SAMPLE } from "../records/manifest.js";
import type { Records } from "../records/open-records.js";
import { openShard, sideSamples, whileClaimed } from "../records/records.js";
import { FINGERPRINT_SIZE } from "../signal/similarity.js";
import { type LongOptions, track } from "../notebook/progress.js";
import { withPool, workerCount } from "../system/pool.js";
import { runTask } from "../system/task.js";
import { distinctPairs } from "./similar-pairs.js";

/** Options of the search for sounds that are alike. */
export interface SoundOptions extends LongOptions {
  /**
   * Two signals are near-duplicates from this correlation upwards. Default 0.9. Where neither is in the other whole, because
   * they were cut from one recording at different places, they have to be nearer to 1: 0.97 by default.
   */
  threshold?: number;
  /** Copies may be shifted or cut by up to this many seconds. Default 1.1, a quarter of the median length of shorter signals. */
  maxShift?: number;
  workers?: number;
}

const CHUNK = 256;
const THRESHOLD = 0.9;
/** Music repeats itself: two sounds that each go on differently have to be more alike, by this share of the way to 1. */
const PART_MARGIN = 0.7;
/** A second, and the delay of an encoder. */
const MAX_SHIFT = 1.1;

/** A fingerprint stays similar while the signal is shifted by up to this fraction of its length. */
const BORNE_SHIFT = 1 / 20;
const MOST_CUTS = 2;

// Identifies one audit, so that no worker reads a file that was replaced since.
let audits = 0;

/** Adds sounds that are alike; gives by how many seconds they may be shifted. */
export async function addSounds(
  findings: FindingList,
  records: Records,
  owner: Int8Array,
  options: SoundOptions,
): Promise<number> {
  const { kind, encoding, channels, sampleRate } = records.manifest;
  const examples = Array.from({ length: records.count }, (_, i) => i).filter((i) => owner[i]! >= 0);
  const sides = kind === "pairs" ? (["input", "target"] as const) : (["input"] as const);
  const signals = examples.flatMap((example) => sides.map((side) => ({ example, side })));
  const rate = sampleRate || 16000;
  const unit = BYTES_PER_SAMPLE[encoding] * channels;
  const storedOf = ({ example, side }: Signal): number =>
    (side === "input" ? records.inputBytes : records.targetBytes)[example]!;
  const samplesOf = ({ example, side }: Signal): number => sideSamples(records, example)[side === "input" ? 0 : 1];
  const source = (chosen: readonly Signal[]): SignalSource => {
    const places = new Float64Array(chosen.length * 4);
    const shards: SignalSource["shards"] = {};
    for (const [n, signal] of chosen.entries()) {
      const { example, side } = signal;
      const shard = records.shard[example]!;
      shards[shard] ??= openShard(records, shard);
      const at = side === "input" ? records.inputAt : records.targetAt;
      places.set([shard, at[example]!, storedOf(signal), samplesOf(signal) * unit], n * 4);
    }
    return { shards, opened: `audit ${audits}`, encoding, channels, sampleRate, places };
  };
  const seconds = signals.map((signal) => samplesOf(signal) / rate);
  const { maxShift = Math.min(MAX_SHIFT, median(seconds) / 4) } = options;
  audits++;
  const workers = workerCount(options.workers);
  await withPool(workers, async (pool) => {
    const hashes: string[] = new Array(signals.length);
    const cuts = cutsFor(median(seconds), maxShift);
    const each = fingerprintsOf(cuts);
    const vectors = new Uint16Array(new SharedArrayBuffer(signals.length * each * FINGERPRINT_SIZE * 2));
    await track("audit", signals.length, "signals", options, ({ signal, tick }) =>
      inChunks(signals.length, workers, async (from, to) => {
        const some = signals.slice(from, to);
        const made = await whileClaimed(records, some.map(exampleOf), (fetch) =>
          runTask<Fingerprints>(pool, "fingerprintSignals", { ...source(some), fetch, cuts }, signal),
        );
        for (const [k, hash] of made.hashes.entries()) hashes[from + k] = hash;
        vectors.set(made.vectors, from * each * FINGERPRINT_SIZE);
        tick(to - from);
      }),
    );
    const loud = addIdentical(findings, signals, hashes, owner);
    const chosen = loud.map((n) => signals[n]!);
    const parts = chosen.map(({ example }) => owner[example]!);
    const similar = (views: number[]): Promise<Uint32Array> =>
      runTask(pool, "findSimilar", {
        vectors,
        size: FINGERPRINT_SIZE,
        rows: Uint32Array.from(views.flatMap((view) => loud.map((n) => n * each + view))),
        parts: Uint8Array.from(views.flatMap(() => parts)),
        views: views.length,
      });
    // Of a copy that was moved the end is like the original's beginning; one that was cut is all like a part.
    const looks = [[0], ...cuts.map((_, k) => [0, 2 * k + 1, 2 * k + 2])];
    const pairs = distinctPairs(await Promise.all(looks.map(similar)), chosen.length);
    // What has the very same samples was found already.
    const fresh = pairs.filter((_, k) => hashes[loud[pairs[k & ~1]!]!] !== hashes[loud[pairs[k | 1]!]!]);
    await track("audit", fresh.length / 2, "pairs", options, ({ signal, tick }) =>
      inChunks(fresh.length / 2, workers, async (from, to) => {
        const some = Array.from(fresh.subarray(2 * from, 2 * to), (k) => chosen[k]!);
        const heard = await whileClaimed(records, some.map(exampleOf), (fetch) =>
          runTask<Float64Array>(
            pool,
            "comparePairs",
            { ...source(some), fetch, maxShift: Math.round(maxShift * rate) },
            signal,
          ),
        );
        for (let k = 0; k < some.length / 2; k++) {
          const [score, shift, whole] = heard.subarray(k * PAIR_FIELDS, (k + 1) * PAIR_FIELDS) as unknown as number[];
          if (score! < leastScore(options, whole === 1)) continue;
          addAlike(findings, some[2 * k]!, some[2 * k + 1]!, score!, shift! / rate);
        }
        tick(to - from);
      }),
    );
  });
  return maxShift;
}

/** Does the work from 0 to `count` in chunks, as many at a time as there are workers. */
async function inChunks(
  count: number,
  workers: number,
  work: (from: number, to: number) => Promise<void>,
): Promise<void> {
  let next = 0;
  const takes = async (): Promise<void> => {
    while (next < count) {
      const from = next;
      next = Math.min(count, from + CHUNK);
      await work(from, next);
    }
  };
  await Promise.all(Array.from({ length: workers }, takes));
}

const exampleOf = ({ example }: Signal): number => example;

type Signal = { example: number; side: Place["side"] };

function median(numbers: readonly number[]): number {
  return [...numbers].sort((a, b) => a - b)[numbers.length >> 1] ?? 1;
}

/** By how many seconds signals are cut, so that each shift up to `maxShift` is near one of them or near none at all. */
function cutsFor(length: number, maxShift: number): number[] {
  const borne = BORNE_SHIFT * Math.min(length, HEARD_SECONDS);
  const count = Math.max(0, Math.min(MOST_CUTS, Math.ceil((maxShift / borne - 1) / 2)));
  return Array.from({ length: count }, (_, k) => (maxShift * 2 * (k + 1)) / (2 * count + 1));
}

/** Adds signals of the same samples; returns one of each (per split and side), without the silent ones, for the similarity search. */
function addIdentical(
  findings: FindingList,
  signals: readonly Signal[],
  hashes: readonly string[],
  owner: Int8Array,
): number[] {
  const seen = new Map<string, number[]>();
  const single: number[] = [];
  for (const [n, hash] of hashes.entries()) {
    // Silence has nothing to learn from.
    if (hash === "") continue;
    const firsts = seen.get(hash) ?? [];
    seen.set(hash, firsts);
    const { example, side } = signals[n]!;
    const part = owner[example]!;
    const place = 2 * part + (side === "input" ? 0 : 1);
    for (const first of firsts) {
      const other = signals[first ?? -1];
      if (!other || owner[other.example] === part) continue;
      const kind = other.side === side ? "identical" : "targetIsInput";
      findings.add(kind, 1, [other.example, other.side], [example, side], "is identical to");
    }
    if (firsts[place] !== undefined) continue;
    firsts[place] = n;
    single.push(n);
  }
  return single;
}

/** From which score two sounds count as alike. */
function leastScore({ threshold = THRESHOLD }: SoundOptions, whole: boolean): number {
  return whole ? threshold : threshold + PART_MARGIN * (1 - threshold);
}

function addAlike(findings: FindingList, one: Signal, two: Signal, score: number, shift: number): void {
  const kind = one.side === two.side ? "nearDuplicate" : "targetIsInput";
  findings.add(
    kind,
    score,
    [one.example, one.side],
    [two.example, two.side],
    "is a near-duplicate of",
    (swapped) => ` (correlation ${score.toFixed(3)}${movedText(swapped ? -shift : shift)})`,
  );
}

/** How many seconds later a copy has the sound. */
function movedText(seconds: number): string {
  const ms = Math.abs(seconds * 1000);
  if (ms < 0.05) return "";
  return `, ${ms < 1000 ? `${ms.toFixed(1)} ms` : `${(ms / 1000).toFixed(2)} s`} ${seconds > 0 ? "later" : "earlier"}`;
}
