import { mapSome } from "../system/event-loop.js";
import { existsSync } from "node:fs";
import { basename, join } from "node:path";
import { DatasetError } from "../core/error.js";
import { checkKnown, type OptionNames } from "../core/known-options.js";
import { type Manifest, missingManifest, type ShardEntry } from "../records/manifest.js";
import { checked, openManifest, openPlan, requireManifest, wholeManifest } from "../records/read-stored.js";
import { withPool, workerCount } from "../system/pool.js";
import { type LongOptions, track } from "../notebook/progress.js";
import { recoverPublication } from "../records/publish.js";
import { anyOwnIndex, readIndexFile } from "../records/read-indexes.js";
import type { ShardIndex } from "../records/shard-index.js";
import type { ScanTask, ShardProblem, ShardScan } from "../records/scan-shard.js";
import { textOf } from "../system/file-names.js";
import { runTask } from "../system/task.js";
import { indexFile, manifestPath } from "../records/files.js";
import { planPath } from "../records/plan.js";
import { parseSidecar, sidecarText } from "../original/sidecar.js";
import { findShards } from "../original/shards.js";

/** Options of `verify` and `repair`. */
export interface VerifyOptions extends LongOptions {
  /** Worker threads. Default: one per core. */
  workers?: number;
}

/** Their names. */
export const VERIFY_OPTIONS: OptionNames<VerifyOptions> = { workers: true, signal: true, onProgress: true };

/** What `verify` found. */
export interface VerifyReport {
  /** True where nothing is wrong. */
  sound: boolean;
  shards: number;
  /** Intact examples. */
  examples: number;
  bytes: number;
  /** Each with the shard's `file`, and where they are known the `example` in it and the byte `offset`. */
  problems: ShardProblem[];
}

/**
 * Reads every byte of a dataset's records and checks it: the checksums of each record, that each is an Example, sizes,
 * counts and hashes against the manifest, the index beside each shard, and the checksums of manifest and indexes.
 *
 * Works for shards of other programs too, as far as they can be checked.
 * @throws DatasetError "RECORD" where there are no records
 * @example const report = await verify("./data", "dataset"); // report.problems[0].message
 */
export async function verify(directory: string, name: string, options: VerifyOptions = {}): Promise<VerifyReport> {
  checkKnown("verify", options, VERIFY_OPTIONS);
  await recoverPublication(directory, name);
  const { manifest, message } = await findManifest(directory, name);
  // Without a valid one the shards are still checked as far as possible.
  const { report, indexes } = await inspect(directory, name, manifest, options, manifest ? "damaged" : "all");
  const ours =
    !manifest &&
    (indexes.some((index) => index?.own) || (await anyOwnIndex(directory, await findShards(directory, name))));
  const lacking = message ?? (ours ? missingManifest(directory, name) : undefined);
  if (lacking === undefined) return report;
  const problem: ShardProblem = { kind: "manifest", file: basename(manifestPath(directory, name)), message: lacking };
  return { ...report, sound: false, problems: [problem, ...report.problems] };
}

/**
 * As `verify`, the shards `from` to `to` (excluded) alone: one job of a cluster's array. Plan, sidecar and the rest of the manifest aren't read.
 * @throws DatasetError "RECORD" without a manifest, "OPTION" for shards that it doesn't have
 */
export async function verifyShards(
  directory: string,
  name: string,
  from: number,
  to: number,
  options: VerifyOptions = {},
): Promise<VerifyReport> {
  checkKnown("verifyShards", options, VERIFY_OPTIONS);
  const stored = await requireManifest(directory, name, from, to);
  const shards: ShardEntry[] = [];
  for (let k = from; k < to; k++) shards.push(await stored.shard(k));
  return (await inspectShards(directory, shards, { ...stored.head, shards }, options, "damaged")).report;
}

/** The manifest, or what is wrong with it. */
async function findManifest(
  directory: string,
  name: string,
): Promise<{ manifest?: Manifest | undefined; message?: string }> {
  try {
    const stored = await checked(openManifest(directory, name));
    return { manifest: stored && (await wholeManifest(stored)) };
  } catch (error) {
    if (!(error instanceof DatasetError && error.code === "RECORD")) throw error;
    return { message: error.message };
  }
}

/** What `inspect` finds. */
export interface Inspection {
  report: VerifyReport;
  /** The index of the intact examples of each shard that is there, or of the damaged ones alone. */
  indexes: (ShardIndex | undefined)[];
}

/**
 * As `verify`, with what a repair needs.
 * @param keep which shards' indexes are kept in memory
 */
export async function inspect(
  directory: string,
  name: string,
  manifest: Manifest | undefined,
  options: VerifyOptions,
  keep: "all" | "damaged",
): Promise<Inspection> {
  const shards: (Partial<ShardEntry> & { file: string })[] =
    manifest?.shards ?? (await findShards(directory, name)).map((file) => ({ file }));
  if (shards.length === 0)
    throw new DatasetError(
      "RECORD",
      `records of "${name}": none, expected ${name}.manifest.json or ${name}0.tfrecord (${directory})`,
    );
  const found = await inspectShards(directory, shards, manifest, options, keep);
  if (!manifest) return found;
  const problems = [...found.report.problems, ...(await besideProblems(directory, name, manifest))];
  return { ...found, report: { ...found.report, sound: problems.length === 0, problems } };
}

async function inspectShards(
  directory: string,
  shards: readonly (Partial<ShardEntry> & { file: string })[],
  manifest: Manifest | undefined,
  options: VerifyOptions,
  keep: "all" | "damaged",
): Promise<Inspection> {
  const lists = manifest === undefined || manifest.kind === "classes" || manifest.kind === "values";
  const flac = manifest?.encoding === "flac";
  const indexes: (ShardIndex | undefined)[] = [];
  const problems: ShardProblem[][] = [];
  let [examples, bytes] = [0, 0];
  await track("verify", shards.length, "shards", options, ({ signal, tick }) =>
    withPool(workerCount(options.workers), (pool) =>
      mapSome(
        shards,
        async (shard, k) => {
          const path = join(directory, shard.file);
          if (!existsSync(path)) {
            problems[k] = [
              {
                kind: "missing",
                file: shard.file,
                message: `shard ${shard.file}: not found, expected ${shard.examples} examples (${directory})`,
              },
            ];
            tick();
            return;
          }
          const beside = await readIndexFile(directory, shard);
          const task: ScanTask = { path, file: shard.file, lists, flac, offsets: beside?.offset };
          const scan = await runTask<ShardScan>(pool, "scanShard", task, signal);
          if (beside) takeNames(scan.index, beside);
          if (shard.key !== undefined) scan.index.key = shard.key;
          examples += scan.index.offset.length;
          bytes += scan.index.bytes;
          const found = [...scan.problems, ...shardProblems(directory, shard, scan, manifest, beside)];
          if (found.length > 0) problems[k] = found;
          if (found.length > 0 || keep === "all") indexes[k] = scan.index;
          tick();
        },
        2 * workerCount(options.workers),
      ),
    ),
  );
  const all = problems.flat();
  const report: VerifyReport = {
    sound: all.length === 0,
    shards: shards.length,
    examples,
    bytes,
    problems: all,
  };
  return { report, indexes };
}

/** What is wrong with the plan and the original's sidecar, where they are there. */
async function besideProblems(directory: string, name: string, manifest: Manifest): Promise<ShardProblem[]> {
  const problems: ShardProblem[] = [];
  try {
    await checked(openPlan(planPath(directory, name), name));
  } catch (error) {
    if (!(error instanceof DatasetError && error.code === "RECORD")) throw error;
    problems.push({ kind: "plan", file: `${name}.plan.json`, message: error.message });
  }
  const file = `${name}.txt`;
  const text = await textOf(join(directory, file));
  const right = sidecarText(text, manifest);
  if (text !== undefined && right !== undefined && JSON.stringify(parseSidecar(text)) !== right) {
    const message = `sidecar: not what the manifest says, expected its numbers (${file}); generateRecords writes it again`;
    problems.push({ kind: "sidecar", file, message });
  }
  return problems;
}

/** Names that float16 records don't hold, from the index that was written with them. */
function takeNames(index: ShardIndex, beside: ShardIndex): void {
  const place = new Map(beside.offset.map((offset, i) => [offset, i]));
  for (const [i, offset] of index.offset.entries()) {
    const at = place.get(offset);
    if (at === undefined || index.name[i] !== "") continue;
    index.id[i] = beside.id[at]!;
    index.name[i] = beside.name[at]!;
    index.group[i] = beside.group[at]!;
  }
}

/** What doesn't fit between a shard, the manifest's entry and the index beside it. */
function shardProblems(
  directory: string,
  shard: Partial<ShardEntry> & { file: string },
  { index, problems }: ShardScan,
  manifest: Manifest | undefined,
  beside: ShardIndex | undefined,
): ShardProblem[] {
  const { file } = shard;
  const found: ShardProblem[] = [];
  const differs = (kind: ShardProblem["kind"], what: string, actual: unknown, expected: unknown): void => {
    if (expected === undefined || actual === expected) return;
    found.push({ kind, file, message: `${what}: ${actual}, expected ${expected} as in the manifest (${file})` });
  };
  differs("bytes", "bytes", index.bytes, shard.bytes);
  // A damaged example is one finding; that the hash and the count differ too follows from it.
  if (problems.length === 0) {
    differs("count", "examples", index.offset.length, shard.examples);
    if (found.length === 0) differs("sha256", "sha256", index.sha256, shard.sha256);
  }
  const besideFile = indexFile(file);
  if (manifest && !beside) {
    const what = existsSync(join(directory, besideFile))
      ? "damaged or of another shard, expected that of"
      : "not found, expected it beside";
    found.push({ kind: "index", file: besideFile, message: `index ${besideFile}: ${what} ${file} (${directory})` });
  } else if (beside && problems.length === 0 && found.length === 0) {
    const kept = rows(beside);
    const wrong = rows(index).findIndex((row, i) => row !== kept[i]);
    if (wrong >= 0) {
      const message = `index ${besideFile}: example ${wrong} isn't as the shard has it (${directory})`;
      found.push({ kind: "index", file: besideFile, example: wrong, message });
    }
  }
  return found;
}

/** What an index says of each example. */
function rows(index: ShardIndex): string[] {
  const columns = Object.values(index).filter((column) => Array.isArray(column));
  return index.offset.map((_, i) => JSON.stringify(columns.map((column) => column[i])));
}
