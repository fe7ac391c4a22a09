import { type Fingerprints, fingerprintsOf, HEARD_SECONDS, type SignalSource } from "./compare-signals.js";
import { AuditReport, type Finding, type LeakKind, leakKinds, type Place } from "./report.js";
import { BYTES_PER_SAMPLE } from "../records/manifest.js";
import { openShard } from "../records/records.js";
import { DatasetError, type Problem } from "../core/error.js";
import { withPool, workerCount } from "../system/pool.js";
import { type LongOptions, track } from "../notebook/progress.js";
import { recipeRows } from "../generate/recipe.js";
import type { Records } from "../records/open-records.js";
import { FINGERPRINT_SIZE } from "../signal/similarity.js";
import { type Split, splitNames } from "../split/split.js";
import { distinctPairs } from "./similar-pairs.js";
import { runTask } from "../system/task.js";

export { AuditReport, type Finding, type LeakKind, type Place };

/** Options of `audit`. */
export interface AuditOptions extends LongOptions {
  /** Kinds that are errors: `audit` then throws "LEAK" where it finds any. `true`: all of them. Default none. */
  failOn?: readonly LeakKind[] | boolean;
  /** Two signals are near-duplicates from this correlation upwards. Default 0.9. */
  threshold?: number;
  /** Copies may be shifted against each other by up to this many seconds. Default 0.25. */
  maxShift?: number;
  /** One name per example, instead of the groups that the records carry. */
  groups?: readonly string[];
  workers?: number;
}

const CHUNK = 256;
const MAX_SHIFT = 0.25;

/** A fingerprint stays similar while the signal is shifted by up to this fraction of its length. */
const BORNE_SHIFT = 1 / 20;
const MOST_CUTS = 2;

// Identifies one audit, so that no worker reads a file that was replaced since.
let audits = 0;

/**
 * Looks for what the splits share, on both sides of every pair:
 *
 * - identical: the same samples;
 * - targetIsInput: a target that is the input of an example in another split, sample for sample or nearly;
 * - nearDuplicate: the same sound at another level, shifted a little, cut a little or encoded again: candidates by a
 *   spectral fingerprint of the whole and, of short files, of all but the beginning or the end; confirmed by their
 *   cross-correlation. Of long files the first 10 s are compared (5.2 s at 192 kHz);
 * - group: examples of one group in two splits;
 * - neighbour: of a generated set, the same wave and chord at the next frequency.
 *
 * Time grows near-linearly with the number of examples.
 *
 * @throws DatasetError "OPTION" for numbers that make no sense, "LEAK" where `failOn` names a kind that was found; its `problems` list every finding
 * @example
 * const report = await audit(records, split, { failOn: ["identical", "group"] });
 * console.log(String(report));
 */
export async function audit(records: Records, split: Split, options: AuditOptions = {}): Promise<AuditReport> {
  checkOptions(options);
  const owner = new Int8Array(records.count).fill(-1);
  for (const [part, name] of splitNames.entries()) for (const i of split[name]) owner[i] = part;
  const findings = new FindingList(records, owner);
  addGroups(findings, owner, options.groups ?? records.groups);
  addNeighbours(findings, records, owner);
  await addSounds(findings, records, owner, options);
  const report = new AuditReport(findings.all(), {
    train: split.train.length,
    validate: split.validate.length,
    test: split.test.length,
  });
  refuse(report, options.failOn);
  return report;
}

function checkOptions({ threshold = 0, maxShift = 0 }: AuditOptions): void {
  if (!(Number.isFinite(maxShift) && maxShift >= 0)) {
    throw new DatasetError("OPTION", `maxShift: ${maxShift}, expected seconds from 0`);
  }
  if (!(threshold >= 0 && threshold <= 1)) {
    throw new DatasetError("OPTION", `threshold: ${threshold}, expected a correlation from 0 to 1`);
  }
}

function refuse(report: AuditReport, failOn: AuditOptions["failOn"]): void {
  const refused = failOn === true ? leakKinds : failOn || [];
  const bad = report.findings.filter((finding) => refused.includes(finding.kind));
  if (bad.length === 0) return;
  const problems: Problem[] = bad.map(({ kind, b, message }) => ({ kind, file: b.name, message }));
  const lines = bad.slice(0, 20).map((finding) => `  ${finding.message}`);
  const more = bad.length > 20 ? [`  … and ${bad.length - 20} more (error.problems has all)`] : [];
  throw new DatasetError(
    "LEAK",
    [`audit: ${bad.length} leaks between splits, expected none of kind ${refused.join(", ")}`, ...lines, ...more].join(
      "\n",
    ),
    problems,
  );
}

/** Keeps, for each example, other split and kind, the worst finding. */
class FindingList {
  private readonly worst = new Map<string, Finding>();

  constructor(
    private readonly records: Records,
    private readonly owner: Int8Array,
  ) {}

  /** The later split's example is `b`: it is the one that is no longer new. */
  add(kind: LeakKind, score: number, one: [number, Place["side"]], two: [number, Place["side"]], what: string): void {
    const [from, to] = this.owner[one[0]]! <= this.owner[two[0]]! ? [one, two] : [two, one];
    const [a, b] = [this.place(...from), this.place(...to)];
    const key = `${kind} ${b.example} ${a.split}`;
    const known = this.worst.get(key);
    if (known && known.score >= score) return;
    const message = `${b.split}: ${b.name} (${b.side}) ${what} ${a.name} (${a.side}) in ${a.split}`;
    this.worst.set(key, { kind, score, a, b, message });
  }

  all(): Finding[] {
    return [...this.worst.values()].sort(
      (p, q) => leakKinds.indexOf(p.kind) - leakKinds.indexOf(q.kind) || q.score - p.score || p.b.example - q.b.example,
    );
  }

  private place(example: number, side: Place["side"]): Place {
    return { split: splitNames[this.owner[example]!]!, example, name: this.records.names[example] ?? "", side };
  }
}

function addGroups(findings: FindingList, owner: Int8Array, groups: readonly string[] | undefined): void {
  const homes = new Map<string, number[]>();
  for (const [i, group] of (groups ?? []).entries()) {
    if (group === "" || owner[i]! < 0) continue;
    // The first example of the group in each split stands for the others.
    const first = homes.get(group) ?? [];
    homes.set(group, first);
    first[owner[i]!] ??= i;
  }
  for (const [i, group] of (groups ?? []).entries()) {
    for (const other of homes.get(group) ?? []) {
      if (other === undefined || owner[i]! <= owner[other]!) continue;
      findings.add("group", 1, [other, "input"], [i, "input"], `is in group "${group}", like`);
    }
  }
}

function addNeighbours(findings: FindingList, records: Records, owner: Int8Array): void {
  const { recipe } = records.manifest;
  if (!recipe) return;
  const rows = recipeRows(recipe);
  const example = new Map(Array.from(records.ids, (id, i) => [id, i]));
  for (const [k, row] of rows.entries()) {
    const next = rows[k + 1];
    if (!next || next.wave !== row.wave || next.chord !== row.chord) continue;
    const [i, j] = [example.get(row.id), example.get(next.id)];
    if (i === undefined || j === undefined || owner[i]! < 0 || owner[j]! < 0 || owner[i] === owner[j]) continue;
    const ratio = Math.min(row.frequency, next.frequency) / Math.max(row.frequency, next.frequency);
    findings.add(
      "neighbour",
      ratio,
      [i, "input"],
      [j, "input"],
      "has the same wave and chord, one step in frequency from,",
    );
  }
}

async function addSounds(
  findings: FindingList,
  records: Records,
  owner: Int8Array,
  options: AuditOptions,
): Promise<void> {
  const { kind, encoding, channels, sampleRate } = records.manifest;
  const examples = Array.from({ length: records.count }, (_, i) => i).filter((i) => owner[i]! >= 0);
  const sides = kind === "pairs" ? (["input", "target"] as const) : (["input"] as const);
  const signals = examples.flatMap((example) => sides.map((side) => ({ example, side })));
  const rate = sampleRate || 16000;
  const { maxShift = MAX_SHIFT } = options;
  const bytesOf = ({ example, side }: Signal): number =>
    (side === "input" ? records.inputBytes : records.targetBytes)[example]!;
  const source = (chosen: readonly Signal[]): SignalSource => {
    const places = new Float64Array(chosen.length * 3);
    const shards: SignalSource["shards"] = {};
    for (const [n, { example, side }] of chosen.entries()) {
      const shard = records.shard[example]!;
      shards[shard] ??= openShard(records, shard);
      const at = side === "input" ? records.inputAt : records.targetAt;
      places.set([shard, at[example]!, bytesOf({ example, side })], n * 3);
    }
    return { shards, opened: `audit ${audits}`, encoding, channels, sampleRate, places };
  };
  const secondsOf = (signal: Signal): number => bytesOf(signal) / (BYTES_PER_SAMPLE[encoding] * channels * rate);
  audits++;
  const workers = workerCount(options.workers);
  await withPool(workers, async (pool) => {
    const hashes: string[] = new Array(signals.length);
    const cuts = cutsFor(signals.map(secondsOf), maxShift);
    const each = fingerprintsOf(cuts);
    const vectors = new Uint16Array(new SharedArrayBuffer(signals.length * each * FINGERPRINT_SIZE * 2));
    await track("audit", signals.length, "signals", options, ({ signal, tick }) =>
      inChunks(signals.length, workers, async (from, to) => {
        const task = { ...source(signals.slice(from, to)), cuts };
        const made = await runTask<Fingerprints>(pool, "fingerprintSignals", task, signal);
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
        const task = { ...source(some), maxShift: Math.round(maxShift * rate) };
        const heard = await runTask<Float64Array>(pool, "comparePairs", task, signal);
        for (let k = 0; k < some.length; k += 2)
          addAlike(findings, some[k]!, some[k + 1]!, heard[k]!, heard[k + 1]! / rate, options);
        tick(to - from);
      }),
    );
  });
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

type Signal = { example: number; side: Place["side"] };

/** By how many seconds signals are cut, so that each shift up to `maxShift` is near one of them or near none at all. */
function cutsFor(seconds: number[], maxShift: number): number[] {
  const [middle = 1] = seconds.sort((a, b) => a - b).slice(seconds.length >> 1);
  const borne = BORNE_SHIFT * Math.min(middle, HEARD_SECONDS);
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

function addAlike(
  findings: FindingList,
  one: Signal,
  two: Signal,
  score: number,
  shift: number,
  options: AuditOptions,
): void {
  if (score < (options.threshold ?? 0.9)) return;
  const kind = one.side === two.side ? "nearDuplicate" : "targetIsInput";
  const moved = Math.abs(shift) > 0 ? `, ${Math.abs(shift * 1000).toFixed(1)} ms apart` : "";
  findings.add(
    kind,
    score,
    [one.example, one.side],
    [two.example, two.side],
    `is a near-duplicate (correlation ${score.toFixed(3)}${moved}) of`,
  );
}
