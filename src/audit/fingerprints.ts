import { type Fingerprints, fingerprintsOf, HEARD_SECONDS, type SignalSource } from "./compare-signals.js";
import type { Place } from "./report.js";
import { BYTES_PER_SAMPLE } from "../records/manifest.js";
import { openShard, type Records, sideSamples, whileClaimed } from "../records/records.js";
import { FINGERPRINT_SIZE } from "../signal/similarity.js";
import { runTask, type Runner } from "../system/task.js";

/** One side of one example. */
export type Signal = { example: number; side: Place["side"] };

/** A second, and the delay of an encoder. */
const MAX_SHIFT = 1.1;
/** A fingerprint stays similar while the signal is shifted by up to this fraction of its length. */
const BORNE_SHIFT = 1 / 20;
const MOST_CUTS = 2;
const CHUNK = 256;

// Identifies what opened shards, so that no worker reads a file that was replaced since.
let opened = 0;

/** The sides that are sound. */
export function soundSides({ kind }: Pick<Records["manifest"], "kind">): readonly Place["side"][] {
  return kind === "pairs" ? ["input", "target"] : ["input"];
}

/** The signals of some examples, in order. */
export function signalsOf({ manifest }: Records, examples: Iterable<number>): Signal[] {
  const sides = soundSides(manifest);
  return Array.from(examples, (example) => sides.map((side) => ({ example, side }))).flat();
}

/** Gives the source of some of the records' signals, for a worker. */
export function signalSources(records: Records): (chosen: readonly Signal[]) => SignalSource {
  const { encoding, channels, sampleRate } = records.manifest;
  const unit = BYTES_PER_SAMPLE[encoding] * channels;
  const id = `audit ${opened++}`;
  return (chosen) => {
    const places = new Float64Array(chosen.length * 4);
    const shards: SignalSource["shards"] = {};
    for (const [n, { example, side }] of chosen.entries()) {
      const shard = records.shard[example]!;
      shards[shard] ??= openShard(records, shard);
      const input = side === "input";
      const at = (input ? records.inputAt : records.targetAt)[example]!;
      const stored = (input ? records.inputBytes : records.targetBytes)[example]!;
      places.set([shard, at, stored, sideSamples(records, example)[input ? 0 : 1] * unit], n * 4);
    }
    return { shards, opened: id, encoding, channels, sampleRate, places };
  };
}

/** The records' sample rate, in Hz; 16,000 where they don't say. */
export const rateOf = ({ manifest }: Records): number => manifest.sampleRate || 16000;

/** The median length of all signals, in seconds. */
export function usualSeconds(records: Records): number {
  const rate = rateOf(records);
  const sides = soundSides(records.manifest).length;
  const seconds = new Float64Array(records.count * sides);
  for (let n = 0; n < seconds.length; n++) {
    seconds[n] = sideSamples(records, Math.floor(n / sides))[n % sides]! / rate;
  }
  return seconds.sort()[seconds.length >> 1] ?? 1;
}

/** By how many seconds copies may be shifted unless it is said, of signals that are usually so long. */
export function usualShift(seconds: number): number {
  return Math.min(MAX_SHIFT, seconds / 4);
}

/** By how many seconds signals are cut, so that each shift up to `maxShift` is near one of them or near none at all. */
export function cutsFor(seconds: number, maxShift: number): number[] {
  const borne = BORNE_SHIFT * Math.min(seconds, HEARD_SECONDS);
  const count = Math.max(0, Math.min(MOST_CUTS, Math.ceil((maxShift / borne - 1) / 2)));
  return Array.from({ length: count }, (_, k) => (maxShift * 2 * (k + 1)) / (2 * count + 1));
}

/** Room for the fingerprints of a number of signals, which threads share. */
export function emptyFingerprints(signals: number, cuts: readonly number[]): Fingerprints {
  const bytes = signals * fingerprintsOf(cuts) * FINGERPRINT_SIZE * 2;
  return { hashes: new Array(signals), vectors: new Uint16Array(new SharedArrayBuffer(bytes)) };
}

/** Hashes signals and takes their fingerprints, in a pool. */
export async function takeFingerprints(
  pool: Runner,
  records: Records,
  signals: readonly Signal[],
  cuts: readonly number[],
  { workers, signal, tick }: { workers: number; signal: AbortSignal; tick: (n: number) => void },
): Promise<Fingerprints> {
  const source = signalSources(records);
  const { hashes, vectors } = emptyFingerprints(signals.length, cuts);
  const size = fingerprintsOf(cuts) * FINGERPRINT_SIZE;
  await inChunks(signals.length, workers, async (from, to) => {
    const some = signals.slice(from, to);
    const made = await whileClaimed(records, some.map(exampleOf), (fetch) =>
      runTask<Fingerprints>(pool, "fingerprintSignals", { ...source(some), fetch, cuts }, signal),
    );
    for (const [k, hash] of made.hashes.entries()) hashes[from + k] = hash;
    vectors.set(made.vectors, from * size);
    tick(to - from);
  });
  return { hashes, vectors };
}

/** Does the work from 0 to `count` in chunks, as many at a time as there are workers. */
export async function inChunks(
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

export const exampleOf = ({ example }: Signal): number => example;
