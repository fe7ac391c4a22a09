import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DatasetError } from "../core/error.js";
import { track } from "../notebook/progress.js";
import { indexFile, makeStaging, manifestPath } from "../records/files.js";
import type { Manifest, ShardEntry } from "../records/manifest.js";
import { type BuildPlan, type RecordOptions, shardPlan } from "../records/plan.js";
import { stageManifest } from "../records/publish.js";
import { openManifest, type StoredManifest } from "../records/read-stored.js";
import { fileAddress } from "../storage/byte-source.js";
import { withFetchPool } from "../storage/fetch-file.js";
import { readBytes } from "../storage/read-source.js";
import { type Condition, type S3Target, s3Target } from "../storage/s3-target.js";
import { inOrder } from "../system/event-loop.js";
import { fileHash } from "../system/hashed-file.js";
import { whileHeld, withLock } from "../system/lock.js";
import { workerCount } from "../system/pool.js";
import { runTask } from "../system/task.js";
import { writeEntry } from "./build-shard.js";
import { countUp, manifestFacts, stagedEntry } from "./build-records.js";
import { shardTask } from "./shard-request.js";

/**
 * As `buildRecords`, but each shard is uploaded once it is built, and deleted here: the disk holds no more of them than there are workers.
 * Those that are there already, of the same plan and sources, are left as they are. The manifest comes last, and only where nobody
 * else has published one meanwhile.
 *
 * @param address `s3://bucket/folder`
 * @throws DatasetError "RECORD" where shards of other bytes are there, unless `overwrite` is given; "LOCKED" where another builder publishes
 */
export async function buildTo(
  directory: string,
  plan: BuildPlan,
  address: string,
  options: RecordOptions = {},
): Promise<Manifest> {
  const target = s3Target(address);
  return await withLock(directory, plan.name, async (lock) => {
    const { name } = plan;
    const shards = shardPlan(plan);
    const staging = await makeStaging(directory, name);
    const file = manifestPath("", name);
    const published = await target.look(file);
    const before = published && (await fetchManifest(address, name, staging));
    const workers = workerCount(options.workers);
    await track("records", shards.examples, "examples", whileHeld(options, lock), ({ signal, tick }) =>
      withFetchPool(workers, async (pool, fetches) => {
        const counter = new SharedArrayBuffer(4);
        const stop = countUp(counter, tick);
        const unchanged = async ({ sources }: ShardEntry): Promise<boolean> => {
          if (!sources) return true;
          const order = { directory, sources };
          const found = await runTask<{ changed: unknown[]; removed: unknown[] }>(
            pool,
            "compareSources",
            order,
            signal,
          );
          return found.changed.length + found.removed.length === 0;
        };
        const finish = async (k: number): Promise<void> => {
          const shard = await shards.shard(k);
          const { file, key } = shard;
          const [staged, listed] = [await stagedEntry(staging, name, file), await listedEntry(before, file)];
          const there = staged || listed ? await target.look(file) : undefined;
          for (const known of [staged, listed]) {
            if (known?.key !== key || there?.sha256 !== known.sha256 || !(await unchanged(known))) continue;
            await writeEntry(staging, known);
            tick(known.examples);
            return;
          }
          const task = { ...(await shardTask(shards, k, { directory, staging })), fetches, counter };
          const entry = await runTask<ShardEntry>(pool, "buildShardFile", task, signal);
          const ours = there && there.sha256 === listed?.sha256;
          const condition = options.overwrite ? "any" : ours ? { version: there.version } : "absent";
          await uploadShard(target, staging, entry, condition);
          await writeEntry(staging, entry);
          for (const part of [entry.file, indexFile(entry.file)]) await rm(join(staging, part));
        };
        let next = 0;
        const worker = async (): Promise<void> => {
          while (next < shards.count) await finish(next++);
        };
        try {
          await Promise.all(Array.from({ length: workers }, worker));
        } finally {
          stop();
        }
      }),
    );
    const entries = inOrder(shards.shards(), async (shard) => (await stagedEntry(staging, name, shard.file))!);
    const manifest = await stageManifest(directory, manifestFacts(shards), entries, () => lock.check());
    const path = manifestPath(staging, name);
    const condition = published ? { version: published.version } : "absent";
    const hash = fileHash(path);
    if (!(await target.put(file, path, hash, condition)) && (await target.look(file))?.sha256 !== hash) {
      const found = `manifest ${fileAddress(address, file)}: published by somebody else meanwhile`;
      throw new DatasetError(
        "LOCKED",
        `${found}, expected it ${published ? "as it was" : "absent"}; build one of the two elsewhere`,
      );
    }
    await rm(staging, { recursive: true, force: true });
    return manifest;
  });
}

/** The manifest at the address, its shards found by their names. */
async function fetchManifest(address: string, name: string, staging: string): Promise<StoredManifest | undefined> {
  const folder = join(staging, "before");
  await mkdir(folder, { recursive: true });
  await writeFile(manifestPath(folder, name), await readBytes(fileAddress(address, manifestPath("", name))));
  return await openManifest(folder, name);
}

/** What the manifest there says of a shard. */
async function listedEntry(before: StoredManifest | undefined, file: string): Promise<ShardEntry | undefined> {
  const found = await before?.find(file);
  const sources = found && (await before!.sources(found.k));
  return found && { ...found.entry, ...(sources ? { sources } : {}) };
}

/** Uploads a shard and its index. @param condition on what is there in its place */
async function uploadShard(
  target: S3Target,
  staging: string,
  { file, sha256 }: ShardEntry,
  condition: Condition,
): Promise<void> {
  if (!(await target.put(file, join(staging, file), sha256, condition))) {
    const found = (await target.look(file))?.sha256;
    if (found !== sha256) {
      const message = `shard ${file}: there already, of sha256 ${found ?? "unknown"}, expected ${sha256} or none`;
      throw new DatasetError("RECORD", `${message}; choose another folder, or pass overwrite: true`);
    }
  }
  const index = indexFile(file);
  await target.put(index, join(staging, index), fileHash(join(staging, index)), "any");
}
