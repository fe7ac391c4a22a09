import { mapSome } from "../system/event-loop.js";
import { existsSync } from "node:fs";
import { readdir, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { DatasetError } from "../core/error.js";
import { checkKnown } from "../core/known-options.js";
import { type Lock, whileHeld, withLock } from "../system/lock.js";
import { statOf, textOf } from "../system/file-names.js";
import { unlessDamaged } from "../system/sealed-json.js";
import { type Manifest, recordsFingerprint, samplesOf, type ShardEntry } from "../records/manifest.js";
import { readManifest, readPlan } from "../records/read-stored.js";
import { type BuildPlan, planPath, type RecordOptions, shardKey } from "../records/plan.js";
import { withPool, workerCount } from "../system/pool.js";
import { track } from "../notebook/progress.js";
import { fileHash } from "../system/hashed-file.js";
import { finishPublication, publish, shardFiles } from "../records/publish.js";
import { buildShardFile, markFinished } from "./build-shard.js";
import { shardTask } from "./shard-request.js";
import { sidecarText } from "../original/sidecar.js";
import { type Comparison, compareSources } from "../records/compare-sources.js";
import { entryMisfit } from "../records/stored-form.js";
import { runTask } from "../system/task.js";
import { entryFile, makeStaging, manifestPath, stagingPath } from "../records/files.js";

/**
 * Builds the shards of a plan that are missing or no longer fit their sources, and publishes them with a manifest.
 *
 * New shards grow in `D/.N.build` while the previous ones stay usable; only when all are complete do they take their
 * places. After an interrupt at any moment the same call resumes with what is missing. The bytes are the same for any
 * number of workers.
 *
 * @throws DatasetError "LOCKED" where another process builds the same records, "FILE" where the disk is full or can't
 * be written, "RECORD" where shards without a manifest would be replaced, "ABORTED"
 * @example const manifest = await buildRecords("./data", await planRecords("./data", "dataset", index));
 */
export async function buildRecords(directory: string, plan: BuildPlan, options: RecordOptions = {}): Promise<Manifest> {
  return await withLock(directory, plan.name, async (lock) => {
    await finishPublication(directory, plan.name, lock);
    const before = await previous(directory, plan, options.overwrite === true);
    const staging = await makeStaging(directory, plan.name);
    const examples = plan.shards.reduce((sum, s) => sum + s.to - s.from, 0);
    const workers = workerCount(options.workers);
    const published = new Set<string>();
    const entries = await track("records", examples, "examples", whileHeld(options, lock), ({ signal, tick }) =>
      withPool(workers, async (pool) => {
        const compare = (entry: ShardEntry): Promise<Comparison> =>
          runTask(pool, "compareSources", { directory, sources: entry.sources }, signal);
        const current = byFile(before);
        const finished = await mapSome(plan.shards, (_, k) => finishedShard(directory, plan, k, current, compare));
        for (const shard of finished) if (shard && !shard.staged) published.add(shard.entry.file);
        const entries = finished.map((shard) => shard?.entry);
        await clearStaging(staging, entries);
        const todo = plan.shards.flatMap((_, k) => (entries[k] ? [] : [k]));
        tick(entries.reduce((sum, entry) => sum + (entry?.examples ?? 0), 0));
        const counter = new SharedArrayBuffer(4);
        const stop = countUp(counter, tick);
        const worker = async (): Promise<void> => {
          // One shard is flushed to the disk while the next one is built.
          let flush: Promise<unknown> = Promise.resolve();
          for (let k = todo.shift(); k !== undefined; k = todo.shift()) {
            const task = { ...shardTask(plan, k, directory, staging), counter };
            const [entry] = await Promise.all([runTask<ShardEntry>(pool, "buildShardFile", task, signal), flush]);
            entries[k] = entry;
            flush = lock.check().then(() => markFinished(staging, entry));
          }
          await flush;
        };
        try {
          await Promise.all(Array.from({ length: Math.min(workers, todo.length) }, worker));
        } finally {
          stop();
        }
        return entries as ShardEntry[];
      }),
    );
    return await publishEntries(directory, plan, entries, published, before, lock);
  });
}

/**
 * Builds shard `k` of a plan file alone, in this process: one job of a cluster's array. The plan is in the dataset's
 * folder (`savePlan`). Does nothing where the shard is there already.
 *
 * @throws DatasetError "OPTION" for a shard that the plan doesn't have, "FILE" without a plan file or for a source that changed meanwhile
 * @example const { sha256 } = await buildOneShard("data/dataset.plan.json", 0);
 */
export async function buildOneShard(planFile: string, k: number): Promise<ShardEntry> {
  const plan = await requirePlan(planFile);
  if (!(Number.isInteger(k) && k >= 0 && k < plan.shards.length)) {
    throw new DatasetError("OPTION", `shard: ${k}, expected 0 to ${plan.shards.length - 1} (${planFile})`);
  }
  const directory = dirname(planFile);
  const before = await unlessDamaged(readManifest(directory, plan.name));
  const done = await finishedShard(directory, plan, k, byFile(before), compareHere(directory));
  if (done) return done.entry;
  const staging = await makeStaging(directory, plan.name);
  return markFinished(staging, await buildShardFile(shardTask(plan, k, directory, staging)));
}

/** Options of `finishPlan`. */
export interface FinishOptions {
  /** Reads every shard back and compares it with the SHA-256 that its builder gave. Default false: its size alone is compared. */
  verify?: boolean;
}

/**
 * Checks that every shard of a plan file is built, and publishes them. It looks at no source, which may lie on other machines:
 * where some have changed since their shard was built, `load` says so.
 * @throws DatasetError "RECORD" that lists the shards still to build, or where shards without a manifest would be replaced
 * @example
 * const { file, shards } = await new AudioDataset("./data", "dataset").plan();
 * for (let k = 0; k < shards; k++) await buildOneShard(file, k); // usually each on a machine of its own
 * const manifest = await finishPlan(file);
 */
export async function finishPlan(planFile: string, options: FinishOptions = {}): Promise<Manifest> {
  checkKnown("finishPlan", options, { verify: true });
  const plan = await requirePlan(planFile);
  const directory = dirname(planFile);
  return await withLock(directory, plan.name, async (lock) => {
    await finishPublication(directory, plan.name, lock);
    const before = await previous(directory, plan, false);
    const current = byFile(before);
    const finished = await mapSome(plan.shards, async (_, k) => {
      const shard = await finishedShard(directory, plan, k, current);
      if (!shard || !options.verify) return shard;
      const folder = shard.staged ? stagingPath(directory, plan.name) : directory;
      return fileHash(join(folder, shard.entry.file)) === shard.entry.sha256 ? shard : undefined;
    });
    const entries = finished.map((shard) => shard?.entry);
    const published = new Set(finished.flatMap((shard) => (shard && !shard.staged ? [shard.entry.file] : [])));
    const missing = entries.flatMap((entry, k) => (entry ? [] : [k]));
    if (missing.length > 0) {
      throw new DatasetError(
        "RECORD",
        `shards: ${plan.shards.length - missing.length} built, expected ${plan.shards.length} (${planFile}); build these first: ${missing.join(" ")}`,
      );
    }
    return await publishEntries(directory, plan, entries as ShardEntry[], published, before, lock);
  });
}

/** The shards of a manifest by their files. */
function byFile(manifest: Manifest | undefined): ReadonlyMap<string, ShardEntry> {
  return new Map(manifest?.shards.map((entry) => [entry.file, entry]));
}

async function requirePlan(planFile: string): Promise<BuildPlan> {
  const plan = await readPlan(planFile);
  if (plan) return plan;
  throw new DatasetError("FILE", `plan ${planFile}: not found, expected the json that savePlan writes`);
}

const compareHere =
  (directory: string) =>
  async (entry: ShardEntry): Promise<Comparison> =>
    compareSources({ directory, sources: entry.sources! });

/** Deletes what other plans and killed builders left: it may be what fills the disk. */
async function clearStaging(staging: string, finished: readonly (ShardEntry | undefined)[]): Promise<void> {
  const keep = new Set(finished.flatMap((entry) => (entry ? [...shardFiles([entry]), entryFile(entry.file)] : [])));
  for (const file of await readdir(staging)) if (!keep.has(file)) await rm(join(staging, file), { force: true });
}

/** The existing manifest, if it is valid; refuses to replace shards that never had one of ours. */
async function previous(directory: string, plan: BuildPlan, overwrite: boolean): Promise<Manifest | undefined> {
  const manifest = await unlessDamaged(readManifest(directory, plan.name));
  if (manifest || overwrite || existsSync(manifestPath(directory, plan.name))) return manifest;
  const foreign = plan.shards.find((s) => existsSync(join(directory, s.file)));
  if (!foreign) return undefined;
  throw new DatasetError(
    "RECORD",
    `shard ${foreign.file}: exists without a manifest, expected none (${directory}); it was made by another program: choose another name, move it away, or pass overwrite: true`,
  );
}

/** The entry of a shard that is complete and fits the plan, and with `compare` its sources too, and whether it is in the staging folder or published. */
async function finishedShard(
  directory: string,
  plan: BuildPlan,
  k: number,
  before: ReadonlyMap<string, ShardEntry>,
  compare?: (entry: ShardEntry) => Promise<Comparison>,
): Promise<{ entry: ShardEntry; staged: boolean } | undefined> {
  const { file } = plan.shards[k]!;
  const key = shardKey(plan, k);
  const staging = stagingPath(directory, plan.name);
  const finished = await stagedEntry(staging, plan.name, file);
  for (const [entry, folder] of [
    [finished, staging],
    [before.get(file), directory],
  ] as const) {
    if (entry?.key !== key || (await statOf(join(folder, file)))?.size !== entry.bytes) continue;
    const staged = folder === staging;
    if (!entry.sources || !compare) return { entry, staged };
    const { changed, removed, ...times } = await compare(entry);
    if (changed.length + removed.length === 0)
      return { entry: { ...entry, sources: { ...entry.sources, ...times } }, staged };
  }
  return undefined;
}

/** The entry of a finished shard in the staging folder. One torn by a power cut, which nothing flushed, counts as none. */
async function stagedEntry(staging: string, name: string, file: string): Promise<ShardEntry | undefined> {
  const path = join(staging, entryFile(file));
  const text = await textOf(path);
  if (text === undefined) return undefined;
  try {
    const entry = JSON.parse(text) as ShardEntry;
    return entry?.file === file && !entryMisfit(entry, name) ? entry : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** The manifest of a plan whose shards are built. */
export function planManifest(plan: BuildPlan, shards: ShardEntry[]): Manifest {
  const { shards: _, source, ...head } = plan;
  return {
    ...head,
    examples: shards.reduce((sum, e) => sum + e.examples, 0),
    samples: samplesOf(shards),
    ...("recipe" in source ? source : { inputFolder: source.inputFolder, targetFolder: source.targetFolder }),
    shards,
    fingerprint: recordsFingerprint(shards),
  };
}

async function publishEntries(
  directory: string,
  plan: BuildPlan,
  entries: ShardEntry[],
  published: ReadonlySet<string>,
  before: Manifest | undefined,
  lock: Lock,
): Promise<Manifest> {
  const manifest = planManifest(plan, entries);
  const staging = stagingPath(directory, plan.name);
  const move = shardFiles(entries.filter(({ file }) => !published.has(file)));
  const same = move.length === 0 && JSON.stringify(before) === JSON.stringify(manifest);
  const written = await textOf(join(directory, `${plan.name}.txt`));
  const sidecar = sidecarText(written, manifest);
  const kept = sidecar === undefined || written === sidecar;
  if (same && kept && (await unlessDamaged(readPlan(planPath(directory, plan.name), plan.name)))) {
    await lock.check();
    await rm(staging, { recursive: true, force: true });
    return manifest;
  }
  const current = new Set(shardFiles(entries));
  const remove = shardFiles(before?.shards ?? []).filter((file) => !current.has(file));
  await publish(directory, plan.name, { manifest, plan, sidecar, move, remove }, lock);
  return manifest;
}

/** Passes what workers add to the counter on to `tick`, ten times a second. */
function countUp(counter: SharedArrayBuffer, tick: (n: number) => void): () => void {
  const count = new Int32Array(counter);
  let seen = 0;
  const read = (): void => {
    const now = Atomics.load(count, 0);
    if (now > seen) tick(now - seen);
    seen = now;
  };
  const timer = setInterval(read, 100);
  return () => {
    clearInterval(timer);
    read();
  };
}
