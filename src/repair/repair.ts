import { inOrder, mapSome } from "../system/event-loop.js";
import { existsSync } from "node:fs";
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { checkKnown } from "../core/known-options.js";
import { DatasetError } from "../core/error.js";
import { isAddress, soundIn } from "../core/names.js";
import { sealedText, unlessDamaged } from "../system/sealed-json.js";
import { type Lock, whileHeld, withLock } from "../system/lock.js";
import type { Manifest, ShardEntry } from "../records/manifest.js";
import { checked, openManifest, openPlan, wholeManifest } from "../records/read-stored.js";
import { planPath, plannedShard, type ShardPlan } from "../records/plan.js";
import type { Row } from "../core/rows.js";
import { withFetchPool } from "../storage/fetch-file.js";
import { workerCount } from "../system/pool.js";
import { track } from "../notebook/progress.js";
import { finishPublication, publish, shardFiles, stageManifest } from "../records/publish.js";
import { nameFromPlan, plannedRows } from "../records/open-records.js";
import { recoverManifest } from "./recover-manifest.js";
import type { SalvageTask } from "./salvage-shard.js";
import { markFinished, sampleRange } from "../build/build-shard.js";
import type { ShardIndex } from "../records/shard-index.js";
import { shardTask } from "../build/shard-request.js";
import { sidecarText } from "../original/sidecar.js";
import type { Comparison } from "../records/compare-sources.js";
import { runTask } from "../system/task.js";
import { inspect, type VerifyOptions, VERIFY_OPTIONS } from "./verify.js";
import { textOf } from "../system/file-names.js";
import { syncFolder, writeRenamed } from "../system/atomic-file.js";
import { indexFile, makeStaging, shardNumber, stagingPath } from "../records/files.js";

/** What `repair` did, shard by shard. */
export interface RepairReport {
  /** Rebuilt from sources or recipe: as they were, byte for byte. */
  rebuilt: string[];
  /** Those of which only the intact examples could be kept, and how many were lost. */
  salvaged: { file: string; kept: number; lost: number }[];
  /** Shards whose index was rewritten. */
  indexed: string[];
  /** Whether the manifest was damaged or missing, and was rebuilt from the plan. */
  recovered: boolean;
  manifest: Manifest;
}

/** Fixes what `verify` finds: rebuilds a damaged or missing shard from its sources or recipe where they are unchanged,
 * else keeps its intact examples (`generateRecords` rebuilds such a shard once the sources are back). Indexes are
 * rewritten, and so is a damaged manifest where plan and indexes exist. Another program's shards aren't touched.
 *
 * @throws DatasetError "RECORD" without a manifest and a plan, or when no example of the dataset would be left
 * @example const { rebuilt, salvaged } = await repair("./data", "dataset");
 */
export async function repair(directory: string, name: string, options: VerifyOptions = {}): Promise<RepairReport> {
  checkKnown("repair", options, VERIFY_OPTIONS);
  return await withLock(directory, name, async (lock) => {
    await finishPublication(directory, name, lock);
    const stored = await unlessDamaged(checked(openManifest(directory, name)));
    const known = stored && (await unlessDamaged(wholeManifest(stored)));
    const manifest = known ?? (await recoverManifest(directory, name));
    if (!manifest) {
      throw new DatasetError(
        "RECORD",
        `manifest ${name}.manifest.json: damaged or not found, expected it or the plan and index of every shard (${directory}); call generateRecords with overwrite: true`,
      );
    }
    const rebuild = !known && !manifest.recipe;
    const { report, indexes } = await inspect(directory, name, manifest, options, rebuild ? "all" : "damaged");
    const damaged = new Set(
      report.problems.filter((p) => !["index", "plan", "sidecar"].includes(p.kind)).map((p) => p.file),
    );
    // What sources a shard was made from isn't known any more: only a rebuilt one can be distinguished from a stale one.
    if (rebuild) for (const { file } of manifest.shards) damaged.add(file);
    const unindexed = new Set(report.problems.filter((p) => p.kind === "index").map((p) => p.file));
    const result: RepairReport = { rebuilt: [], salvaged: [], indexed: [], recovered: !known, manifest };
    const staging = stagingPath(directory, name);
    const empty = !existsSync(staging) || (await readdir(staging)).length === 0;
    await makeStaging(directory, name);
    for (const [k, shard] of manifest.shards.entries()) {
      if (damaged.has(shard.file) || !unindexed.has(indexFile(shard.file))) continue;
      const index = { ...indexes[k]!, mtimeMs: undefined };
      await nameFromPlan(directory, manifest, index, k);
      await lock.check();
      await writeRenamed(join(directory, indexFile(shard.file)), sealedText(index), staging);
      result.indexed.push(shard.file);
    }
    await syncFolder(directory);
    if (damaged.size === 0 && known) {
      // What an unfinished build has there stays.
      if (empty) await rm(staging, { recursive: true });
      return result;
    }
    const plan = await unlessDamaged(checked(openPlan(planPath(directory, name), name)));
    const fixed = new Map<string, ShardEntry>();
    await track("repair", damaged.size, "shards", whileHeld(options, lock), ({ signal, tick }) =>
      withFetchPool(workerCount(options.workers), (pool, fetches) =>
        mapSome(
          manifest.shards,
          async (shard, k) => {
            if (!damaged.has(shard.file)) return;
            const run = <T>(task: string, input: object): Promise<T> =>
              runTask<T>(pool, task, { ...input, fetches }, signal);
            const sources = known && (await stored!.sources(k));
            const entry = sources ? { ...shard, sources } : shard;
            fixed.set(shard.file, await fixShard(directory, manifest, entry, plan, indexes[k], run, result));
            tick();
          },
          2 * workerCount(options.workers),
        ),
      ),
    );
    const place = (file: string): number => shardNumber(name, file);
    result.rebuilt.sort((a, b) => place(a) - place(b));
    result.salvaged.sort((a, b) => place(a.file) - place(b.file));
    const entries = inOrder(manifest.shards, async (shard, k) => {
      const sources = known && !fixed.has(shard.file) ? await stored!.sources(k) : undefined;
      return fixed.get(shard.file) ?? (sources ? { ...shard, sources } : shard);
    });
    result.manifest = await publishRepaired(directory, manifest, entries, damaged, lock);
    return result;
  });
}

/** Rebuilds shard `k`, or keeps what is intact of it. */
async function fixShard(
  directory: string,
  manifest: Manifest,
  entry: ShardEntry,
  plan: ShardPlan | undefined,
  index: ShardIndex | undefined,
  run: <T>(task: string, input: object) => Promise<T>,
  result: RepairReport,
): Promise<ShardEntry> {
  const { file } = entry;
  const staging = stagingPath(directory, manifest.name);
  const rows = plan && (await plannedRows(plan, entry));
  if (rows && (await hasSources(directory, plan, rows, entry, run))) {
    result.rebuilt.push(file);
    const task = await shardTask(plan, plannedShard(plan, file)!, { directory, staging });
    return await markFinished(staging, await run<ShardEntry>("buildShardFile", task));
  }
  const sound = index?.offset.length ?? 0;
  result.salvaged.push({ file, kept: sound, lost: entry.examples - sound });
  if (!index || sound === 0) return { ...entry, examples: 0 };
  const task: SalvageTask = { path: join(directory, file), file, staging, index };
  const kept = await run<Pick<ShardEntry, "bytes" | "sha256" | "examples">>("salvageShard", task);
  const { key: _key, sources: _sources, ...rest } = entry;
  // Not known where its index was lost.
  const samples = rest.samples.min === Infinity ? sampleRange(index, manifest) : rest.samples;
  return { ...rest, samples, ...kept };
}

/** Whether a shard's sources are as they were; where that isn't known, whether they are all there. */
async function hasSources(
  directory: string,
  { facts: { source } }: ShardPlan,
  rows: readonly Row[],
  { sources }: ShardEntry,
  run: <T>(task: string, input: object) => Promise<T>,
): Promise<boolean> {
  if (sources) {
    const { changed, removed } = await run<Comparison>("compareSources", { directory, sources });
    return changed.length + removed.length === 0;
  }
  if ("recipe" in source) return true;
  const files = rows.flatMap(({ input, target, keys }) => [
    soundIn(source.inputFolder, input),
    ...(target === undefined ? [] : [soundIn(source.targetFolder, target)]),
    ...(keys === undefined ? [] : [keys]),
  ]);
  return files.every((file) => isAddress(file) || existsSync(join(directory, file)));
}

/** Publishes what is left: shards without an intact example are left out. */
async function publishRepaired(
  directory: string,
  before: Manifest,
  entries: AsyncIterable<ShardEntry>,
  damaged: ReadonlySet<string>,
  lock: Lock,
): Promise<Manifest> {
  const { shards: all, examples: _e, samples: _s, fingerprint: _f, ...facts } = before;
  const { name } = before;
  const left = async function* (): AsyncGenerator<ShardEntry> {
    for await (const entry of entries) if (entry.examples > 0) yield entry;
  };
  const manifest = await stageManifest(directory, facts, left(), () => lock.check());
  if (manifest.shards.length === 0) {
    throw new DatasetError(
      "RECORD",
      `records of "${name}": no intact example left, expected at least one (${directory}); bring the sources back and call generateRecords`,
    );
  }
  const kept = new Set(manifest.shards.map((s) => s.file));
  const sidecar = sidecarText(await textOf(join(directory, `${name}.txt`)), manifest);
  const move = shardFiles(manifest.shards.filter((s) => damaged.has(s.file)));
  const remove = shardFiles(all.filter((s) => !kept.has(s.file)));
  await publish(directory, name, { sidecar, move, remove }, lock);
  return manifest;
}
