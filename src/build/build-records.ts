import { inOrder } from "../system/event-loop.js";
import { existsSync } from "node:fs";
import { readdir, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { DatasetError } from "../core/error.js";
import { checkKnown } from "../core/known-options.js";
import { type Lock, whileHeld, withLock } from "../system/lock.js";
import { statOf, textOf } from "../system/file-names.js";
import { unlessDamaged } from "../system/sealed-json.js";
import type { Manifest, ShardEntry, Sources } from "../records/manifest.js";
import { checked, checkRange, openManifest, openPlan, type StoredManifest } from "../records/read-stored.js";
import {
  type BuildPlan,
  type PlannedShard,
  planPath,
  type RecordOptions,
  type ShardPlan,
  shardPlan,
} from "../records/plan.js";
import { withFetchPool } from "../storage/fetch-file.js";
import { workerCount } from "../system/pool.js";
import { track } from "../notebook/progress.js";
import { fileHash } from "../system/hashed-file.js";
import { finishPublication, type ManifestFacts, publish, shardFiles, stageManifest } from "../records/publish.js";
import { buildShardFile, markFinished, writeEntry } from "./build-shard.js";
import { requirePlan } from "./plan-file.js";
import { shardTask } from "./shard-request.js";
import { sidecarText } from "../original/sidecar.js";
import { type Comparison, compareSources } from "../records/compare-sources.js";
import { entryMisfit } from "../records/stored-form.js";
import { runTask } from "../system/task.js";
import {
  entryFile,
  indexFile,
  makeStaging,
  manifestPath,
  shardName,
  shardNumber,
  stagingPath,
} from "../records/files.js";

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
    const shards = shardPlan(plan);
    const build = new Build(directory, shards, await previous(directory, shards, options.overwrite === true));
    const staging = await makeStaging(directory, plan.name);
    const workers = workerCount(options.workers);
    await track("records", shards.examples, "examples", whileHeld(options, lock), ({ signal, tick }) =>
      withFetchPool(workers, async (pool, fetches) => {
        const compare: Compare = (sources) => runTask(pool, "compareSources", { directory, sources }, signal);
        let built = 0;
        const looking = inOrder(shards.shards(), async (shard, k) => {
          const found = await build.find(shard, compare);
          if (!found) return;
          build.state[k] = found.state;
          await build.keepTimes(found);
          built += found.entry.examples;
        });
        for await (const _ of looking);
        await build.clearStaging();
        tick(built);
        const todo = build.missing();
        const counter = new SharedArrayBuffer(4);
        const stop = countUp(counter, tick);
        const worker = async (): Promise<void> => {
          // One shard is flushed to the disk while the next one is built.
          let flush: Promise<unknown> = Promise.resolve();
          for (let next = todo.next(); !next.done; next = todo.next()) {
            const k = next.value;
            const task = { ...(await shardTask(shards, k, { directory, staging })), fetches, counter };
            const [entry] = await Promise.all([runTask<ShardEntry>(pool, "buildShardFile", task, signal), flush]);
            flush = lock.check().then(async () => {
              await markFinished(staging, entry);
              build.state[k] = STAGED;
            });
          }
          await flush;
        };
        try {
          await Promise.all(Array.from({ length: Math.min(workers, shards.count) }, worker));
        } finally {
          stop();
        }
      }),
    );
    return await build.publish(lock, shards);
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
  return (await buildSomeShards(planFile, k, k + 1))[0]!;
}

/**
 * As `buildOneShard`, the shards `from` to `to` (excluded), one after the other. The plan's head is read once, of its rows those of these shards.
 * @throws DatasetError "OPTION" for shards that the plan doesn't have
 */
export async function buildSomeShards(planFile: string, from: number, to: number): Promise<ShardEntry[]> {
  const { plan, directory } = await requirePlan(planFile);
  checkRange(from, to, plan.count, planFile);
  const build = new Build(directory, plan, await unlessDamaged(openManifest(directory, plan.facts.name)));
  const compare: Compare = (sources) => compareSources({ directory, sources });
  const entries: ShardEntry[] = [];
  for (let k = from; k < to; k++) {
    const done = await unlessDamaged(build.find(await plan.shard(k), compare));
    if (!done) {
      const staging = await makeStaging(directory, plan.facts.name);
      await markFinished(staging, await buildShardFile(await shardTask(plan, k, { directory, staging })));
    }
    const { entry } = done ?? (await build.find(await plan.shard(k)))!;
    entries.push(entry);
  }
  return entries;
}

/** Options of `finishPlan`. */
export interface FinishOptions {
  /** Reads every shard back and compares it with the SHA-256 that its builder gave. Default false: its size alone is compared. */
  verify?: boolean;
  /** Replaces shards that another program left under the same names. Default false: refused. */
  overwrite?: boolean;
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
  checkKnown("finishPlan", options, { verify: true, overwrite: true });
  const { plan, directory } = await requirePlan(planFile);
  const { name } = plan.facts;
  return await withLock(directory, name, async (lock) => {
    await finishPublication(directory, name, lock);
    const build = new Build(directory, plan, await previous(directory, plan, options.overwrite === true));
    const looking = inOrder(plan.shards(), async (shard, k) => {
      const found = await build.find(shard);
      if (!found) return;
      const folder = found.state === STAGED ? stagingPath(directory, name) : directory;
      const sound = !options.verify || fileHash(join(folder, shard.file)) === found.entry.sha256;
      build.state[k] = sound ? found.state : MISSING;
    });
    for await (const _ of looking);
    const missing = [...build.missing()];
    if (missing.length > 0) {
      const some = missing.slice(0, MOST_SHOWN).join(" ");
      const more = missing.length > MOST_SHOWN ? ` … and ${missing.length - MOST_SHOWN} more` : "";
      throw new DatasetError(
        "RECORD",
        `shards: ${plan.count - missing.length} built, expected ${plan.count} (${planFile}); build these first: ${some}${more}`,
      );
    }
    return await build.publish(lock, resolve(planFile) === resolve(planPath(directory, name)) ? undefined : plan);
  });
}

/** Numbers of missing shards that a message shows. */
const MOST_SHOWN = 1000;

/** The existing manifest, if it is valid; refuses to replace shards that never had one of ours. */
async function previous(
  directory: string,
  { facts: { name }, count }: ShardPlan,
  overwrite: boolean,
): Promise<StoredManifest | undefined> {
  const manifest = await unlessDamaged(checked(openManifest(directory, name)));
  if (manifest || overwrite || existsSync(manifestPath(directory, name))) return manifest;
  for (let k = 0; k < count; k++) {
    const file = shardName(name, k);
    if (!existsSync(join(directory, file))) continue;
    throw new DatasetError(
      "RECORD",
      `shard ${file}: exists without a manifest, expected none (${directory}); it was made by another program: choose another name, move it away, or pass overwrite: true`,
    );
  }
  return undefined;
}

const MISSING = 0;
/** In the staging folder. */
const STAGED = 1;
const PUBLISHED = 2;

/** A shard that is complete: its entry without its sources, where it is, and its sources. */
interface FinishedShard {
  entry: ShardEntry;
  state: typeof STAGED | typeof PUBLISHED;
  sources: () => Promise<Sources | undefined>;
  /** Whether the entry doesn't say yet when these were changed last. */
  touched?: boolean;
}

type Compare = (sources: Sources) => Promise<Comparison>;

/** Which shards of a plan are built. Their entries stay on the disk. */
class Build {
  /** Of each shard: MISSING, STAGED or PUBLISHED. */
  readonly state: Uint8Array;
  private readonly staging: string;
  private readonly name: string;

  constructor(
    private readonly directory: string,
    private readonly plan: ShardPlan,
    private readonly before: StoredManifest | undefined,
  ) {
    this.name = plan.facts.name;
    this.state = new Uint8Array(plan.count);
    this.staging = stagingPath(directory, this.name);
  }

  /** A shard that is complete and fits the plan, and with `compare` its sources too. */
  async find(shard: PlannedShard, compare?: Compare): Promise<FinishedShard | undefined> {
    for await (const found of this.candidates(shard)) {
      const sources = compare && (await found.sources());
      if (!sources) return found;
      const { changed, removed, ...times } = await compare(sources);
      if (changed.length + removed.length > 0) continue;
      const now = { ...sources, ...times };
      const touched = JSON.stringify(now) !== JSON.stringify(sources);
      return { ...found, sources: async () => now, touched };
    }
    return undefined;
  }

  private async *candidates({ file, key }: PlannedShard): AsyncGenerator<FinishedShard> {
    const fits = async (entry: ShardEntry, folder: string): Promise<boolean> =>
      entry.key === key && (await statOf(join(folder, file)))?.size === entry.bytes;
    const { sources, ...entry } = (await stagedEntry(this.staging, this.name, file)) ?? {};
    const staged = entry as ShardEntry;
    if (await fits(staged, this.staging)) yield { entry: staged, state: STAGED, sources: async () => sources };
    const known = await this.before?.find(file);
    if (!known || !(await fits(known.entry, this.directory))) return;
    const fresh = staged.key === key && staged.sha256 === known.entry.sha256;
    const of = async (): Promise<Sources | undefined> => (fresh ? sources : this.before!.sources(known.k));
    yield { entry: known.entry, state: PUBLISHED, sources: of };
  }

  /** Keeps the times at which the sources of a complete shard were last changed, so that they needn't be read again. */
  async keepTimes({ entry, sources, touched }: FinishedShard): Promise<void> {
    if (!touched) return;
    const now = await sources();
    await writeEntry(this.staging, now ? { ...entry, sources: now } : entry);
  }

  /** The numbers of the shards that aren't built. */
  *missing(): Generator<number> {
    for (let k = 0; k < this.state.length; k++) if (this.state[k] === MISSING) yield k;
  }

  /** Deletes what other plans and killed builders left: it may be what fills the disk. */
  async clearStaging(): Promise<void> {
    const keep = new Set<string>();
    for (let k = 0; k < this.state.length; k++) {
      const file = shardName(this.name, k);
      if (this.state[k] !== MISSING) keep.add(file).add(indexFile(file)).add(entryFile(file));
    }
    for (const file of await readdir(this.staging))
      if (!keep.has(file)) await rm(join(this.staging, file), { force: true });
  }

  /** Publishes the shards, all of which are built. @param plan where it isn't in its place */
  async publish(lock: Lock, plan: ShardPlan | undefined): Promise<Manifest> {
    const { directory, name, state, before } = this;
    const entries = inOrder(this.plan.shards(), async (shard) => {
      const found = await this.find(shard);
      const sources = await found?.sources();
      if (found) return sources ? { ...found.entry, sources } : found.entry;
      throw new DatasetError("RECORD", `shard ${shard.file}: gone, expected it as it was built (${directory})`);
    });
    const manifest = await stageManifest(directory, manifestFacts(this.plan), entries, () => lock.check());
    const written = await textOf(join(directory, `${name}.txt`));
    const sidecar = sidecarText(written, manifest);
    const same = !state.includes(STAGED) && (await openManifest(this.staging, name))!.identity === before?.identity;
    const kept = sidecar === undefined || written === sidecar;
    if (same && kept && (await unlessDamaged(checked(openPlan(planPath(directory, name), name))))) {
      await lock.check();
      await rm(this.staging, { recursive: true, force: true });
      return manifest;
    }
    const staged = function* (): Generator<ShardEntry> {
      for (const [k, entry] of manifest.shards.entries()) if (state[k] === STAGED) yield entry;
    };
    const gone = async function* (): AsyncGenerator<ShardEntry> {
      for await (const entry of before?.shards() ?? []) if (shardNumber(name, entry.file) >= state.length) yield entry;
    };
    await publish(directory, name, { plan, sidecar, move: shardFiles(staged()), remove: shardFiles(gone()) }, lock);
    return manifest;
  }
}

/** The entry of a finished shard in the staging folder. One torn by a power cut, which nothing flushed, counts as none. */
export async function stagedEntry(staging: string, name: string, file: string): Promise<ShardEntry | undefined> {
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

/** What the manifest of a plan says beside its shards. */
export function manifestFacts({ facts: { source, ...facts } }: ShardPlan): ManifestFacts {
  return { format: 1, ...facts, ...source };
}

/** Passes what workers add to the counter on to `tick`, ten times a second. */
export function countUp(counter: SharedArrayBuffer, tick: (n: number) => void): () => void {
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
