import { readParts } from "./audit-parts.js";
import { fingerprintsOf, PAIR_FIELDS } from "./compare-signals.js";
import type { FindingList } from "./finding-list.js";
import {
  cutsFor,
  exampleOf,
  inChunks,
  rateOf,
  type Signal,
  signalSources,
  signalsOf,
  takeFingerprints,
  usualSeconds,
  usualShift,
} from "./fingerprints.js";
import type { Records } from "../records/open-records.js";
import { whileClaimed } from "../records/records.js";
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
  /** Takes the fingerprints that `npx deep-audio-dataset audit-shards` has left beside the records, of every shard. Default false. */
  parts?: boolean;
}

const THRESHOLD = 0.9;
/** Music repeats itself: two sounds that each go on differently have to be more alike, by this share of the way to 1. */
const PART_MARGIN = 0.7;
/** Adds sounds that are alike; gives by how many seconds they may be shifted. */
export async function addSounds(
  findings: FindingList,
  records: Records,
  owner: Int8Array,
  options: SoundOptions,
): Promise<number> {
  const examples = Array.from({ length: records.count }, (_, i) => i).filter((i) => owner[i]! >= 0);
  const signals = signalsOf(records, examples);
  const rate = rateOf(records);
  const seconds = usualSeconds(records);
  const { maxShift = usualShift(seconds) } = options;
  const cuts = cutsFor(seconds, maxShift);
  const each = fingerprintsOf(cuts);
  const workers = workerCount(options.workers);
  const source = signalSources(records);
  await withPool(workers, async (pool) => {
    const { hashes, vectors } = await track("audit", signals.length, "signals", options, (tracker) =>
      options.parts
        ? readParts(records, signals, cuts)
        : takeFingerprints(pool, records, signals, cuts, { ...tracker, workers }),
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
