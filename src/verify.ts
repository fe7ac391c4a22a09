import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { DatasetError } from "./error.js";
import { withLock } from "./lock.js";
import { type Manifest, readManifest, recordsFingerprint, type ShardEntry } from "./manifest.js";
import { readPlan, planPath } from "./plan-file.js";
import { withPool, workerCount } from "./pool.js";
import { type LongOptions, track } from "./progress.js";
import { finishPublication, publish, recoverPublication, shardFiles, stagingPath } from "./publish.js";
import { findShards, nameFromPlan } from "./records.js";
import { readIndexFile } from "./read-indexes.js";
import type { SalvageTask } from "./salvage.js";
import { markFinished } from "./shard-build.js";
import type { ShardIndex } from "./shard-index.js";
import type { ScanTask, ShardProblem, ShardScan } from "./shard-scan.js";
import { indexFile, shardKey, shardTask } from "./shard-task.js";
import { sidecarText } from "./sidecar.js";
import type { Comparison } from "./stale-task.js";
import { runTask } from "./task.js";
import { writeWhole } from "./whole-file.js";

/** Options of `verify` and `repair`. */
export interface VerifyOptions extends LongOptions {
  /** Worker threads. Default: one per core. */
  workers?: number;
}

/** What `verify` found. */
export interface VerifyReport {
  /** True where nothing is wrong. */
  sound: boolean;
  shards: number;
  /** Sound examples. */
  examples: number;
  bytes: number;
  /** Each with the shard's `file`, and where they are known the `example` in it and the byte `offset`. */
  problems: ShardProblem[];
}

/**
 * Reads every byte of a dataset's records and checks it: the checksums of each record, that each is an Example, sizes,
 * counts and hashes against the manifest, and the index beside each shard.
 *
 * Works for shards of other programs too, as far as they can be checked.
 * @throws DatasetError "RECORD" where there are no records
 * @example const report = await verify("./data", "dataset"); // report.problems[0].message
 */
export async function verify(directory: string, name: string, options: VerifyOptions = {}): Promise<VerifyReport> {
  await recoverPublication(directory, name);
  const { report } = await inspect(directory, name, await readManifest(directory, name), options);
  return report;
}

interface Inspection {
  report: VerifyReport;
  /** The index of the sound examples of each shard that is there. */
  indexes: (ShardIndex | undefined)[];
}

async function inspect(
  directory: string,
  name: string,
  manifest: Manifest | undefined,
  options: VerifyOptions,
): Promise<Inspection> {
  const shards: (Partial<ShardEntry> & { file: string })[] =
    manifest?.shards ?? (await findShards(directory, name)).map((file) => ({ file }));
  if (shards.length === 0)
    throw new DatasetError(
      "RECORD",
      `records of "${name}": none, expected ${name}.manifest.json or ${name}0.tfrecord (${directory})`,
    );
  const lists = manifest === undefined || manifest.kind === "classes" || manifest.kind === "values";
  const indexes: (ShardIndex | undefined)[] = [];
  const problems: ShardProblem[][] = [];
  await track("verify", shards.length, "shards", options, ({ signal, tick }) =>
    withPool(Math.min(workerCount(options.workers), shards.length), (pool) =>
      Promise.all(
        shards.map(async (shard, k) => {
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
          const task: ScanTask = { path, file: shard.file, lists, offsets: beside?.offset };
          const scan = await runTask<ShardScan>(pool, "scanShard", task, signal);
          if (beside) takeNames(scan.index, beside);
          indexes[k] = scan.index;
          problems[k] = [...scan.problems, ...shardProblems(directory, shard, scan, manifest, beside)];
          tick();
        }),
      ),
    ),
  );
  const all = problems.flat();
  const counted = manifest?.shards.reduce((sum, s) => sum + s.examples, 0);
  if (manifest && counted !== manifest.examples) {
    const message = `examples: ${manifest.examples} in the manifest, expected ${counted}, the sum over its shards (${name}.manifest.json)`;
    all.push({ kind: "count", file: `${name}.manifest.json`, message });
  }
  const report: VerifyReport = {
    sound: all.length === 0,
    shards: shards.length,
    examples: indexes.reduce((sum, index) => sum + (index?.offset.length ?? 0), 0),
    bytes: indexes.reduce((sum, index) => sum + (index?.bytes ?? 0), 0),
    problems: all,
  };
  return { report, indexes };
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
      ? "of another shard, expected that of"
      : "not found, expected it beside";
    found.push({ kind: "index", file: besideFile, message: `index ${besideFile}: ${what} ${file} (${directory})` });
  } else if (beside && problems.length === 0 && found.length === 0) {
    const kept = positions(beside);
    const wrong = positions(index).findIndex((row, i) => row !== kept[i]);
    if (wrong >= 0) {
      const message = `index ${besideFile}: example ${wrong} isn't where the shard has it (${directory})`;
      found.push({ kind: "index", file: besideFile, example: wrong, message });
    }
  }
  return found;
}

function positions(index: ShardIndex): string[] {
  const { offset, length, inputAt, inputBytes, targetAt, targetBytes, labelAt, labelBytes } = index;
  return offset.map((o, i) =>
    [o, length[i], inputAt[i], inputBytes[i], targetAt[i], targetBytes[i], labelAt[i], labelBytes[i]].join(" "),
  );
}

/** What `repair` did, shard by shard. */
export interface RepairReport {
  /** Rebuilt from sources or recipe: as they were, byte for byte. */
  rebuilt: string[];
  /** Those of which only the sound examples could be kept, and how many were lost. */
  salvaged: { file: string; kept: number; lost: number }[];
  /** Shards whose index was written anew. */
  indexed: string[];
  manifest: Manifest;
}

/**
 * Mends what `verify` finds: rebuilds a damaged or missing shard from its sources or recipe where they are as they were,
 * else keeps its sound examples (`generateRecords` builds such a shard anew once the sources are back). Indexes are
 * written anew. The examples of another program's shards aren't touched.
 *
 * @throws DatasetError "RECORD" without a manifest, or when no example of the dataset would be left
 * @example const { rebuilt, salvaged } = await repair("./data", "dataset");
 */
export async function repair(directory: string, name: string, options: VerifyOptions = {}): Promise<RepairReport> {
  return await withLock(directory, name, async () => {
    await finishPublication(directory, name);
    const manifest = await readManifest(directory, name);
    if (!manifest) {
      throw new DatasetError(
        "RECORD",
        `manifest ${name}.manifest.json: not found, expected it (${directory}); call generateRecords with overwrite: true`,
      );
    }
    const { report, indexes } = await inspect(directory, name, manifest, options);
    const damaged = new Set(report.problems.filter((p) => p.kind !== "index").map((p) => p.file));
    const unindexed = new Set(report.problems.filter((p) => p.kind === "index").map((p) => p.file));
    const result: RepairReport = { rebuilt: [], salvaged: [], indexed: [], manifest };
    for (const [k, shard] of manifest.shards.entries()) {
      if (damaged.has(shard.file) || !unindexed.has(indexFile(shard.file))) continue;
      const index = { ...indexes[k]!, mtimeMs: undefined };
      await nameFromPlan(directory, manifest, index, k);
      await writeWhole(join(directory, indexFile(shard.file)), JSON.stringify(index));
      result.indexed.push(shard.file);
    }
    if (damaged.size === 0) return result;
    await mkdir(stagingPath(directory, name), { recursive: true });
    const entries = await track("repair", damaged.size, "shards", options, ({ signal, tick }) =>
      withPool(Math.min(workerCount(options.workers), damaged.size), (pool) =>
        Promise.all(
          manifest.shards.map(async (shard, k) => {
            if (!damaged.has(shard.file)) return shard;
            const run = <T>(task: string, input: unknown): Promise<T> => runTask<T>(pool, task, input, signal);
            const entry = await mend(directory, manifest, k, indexes[k], run, result);
            tick();
            return entry;
          }),
        ),
      ),
    );
    const place = (file: string): number => manifest.shards.findIndex((shard) => shard.file === file);
    result.rebuilt.sort((a, b) => place(a) - place(b));
    result.salvaged.sort((a, b) => place(a.file) - place(b.file));
    result.manifest = await publishRepaired(
      directory,
      manifest,
      entries.filter((e) => e.examples > 0),
      damaged,
    );
    return result;
  });
}

/** Rebuilds shard `k`, or keeps what is sound of it. */
async function mend(
  directory: string,
  manifest: Manifest,
  k: number,
  index: ShardIndex | undefined,
  run: <T>(task: string, input: unknown) => Promise<T>,
  result: RepairReport,
): Promise<ShardEntry> {
  const entry = manifest.shards[k]!;
  const { file } = entry;
  const staging = stagingPath(directory, manifest.name);
  const plan = await readPlan(planPath(directory, manifest.name));
  const at = plan?.shards.findIndex((s) => s.file === file) ?? -1;
  if (plan && at >= 0 && shardKey(plan, at) === entry.key) {
    const sources = entry.sources;
    const { changed, removed } = sources
      ? await run<Comparison>("compareSources", { directory, sources })
      : { changed: [], removed: [] };
    if (changed.length + removed.length === 0) {
      result.rebuilt.push(file);
      return await markFinished(
        staging,
        await run<ShardEntry>("buildShardFile", shardTask(plan, at, directory, staging)),
      );
    }
  }
  const sound = index?.offset.length ?? 0;
  result.salvaged.push({ file, kept: sound, lost: entry.examples - sound });
  if (!index || sound === 0) return { ...entry, examples: 0 };
  const task: SalvageTask = { path: join(directory, file), file, staging, index };
  const kept = await run<Pick<ShardEntry, "bytes" | "sha256" | "examples">>("salvageShard", task);
  const { key: _key, sources: _sources, ...rest } = entry;
  return { ...rest, ...kept };
}

async function publishRepaired(
  directory: string,
  before: Manifest,
  shards: ShardEntry[],
  damaged: ReadonlySet<string>,
): Promise<Manifest> {
  if (shards.length === 0) {
    throw new DatasetError(
      "RECORD",
      `records of "${before.name}": no sound example left, expected at least one (${directory}); bring the sources back and call generateRecords`,
    );
  }
  const manifest: Manifest = {
    ...before,
    examples: shards.reduce((sum, s) => sum + s.examples, 0),
    shards,
    fingerprint: recordsFingerprint(shards),
  };
  const kept = new Set(shards.map((s) => s.file));
  await publish(directory, before.name, {
    manifest,
    sidecar: await sidecarText(directory, manifest),
    move: shardFiles(shards.filter((s) => damaged.has(s.file))),
    remove: shardFiles(before.shards.filter((s) => !kept.has(s.file))),
  });
  return manifest;
}
