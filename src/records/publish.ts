import { existsSync } from "node:fs";
import { readdir, rename, rm } from "node:fs/promises";
import { basename, join } from "node:path";
import { DatasetError } from "../core/error.js";
import type { Misfit } from "../system/sealed-json.js";
import { eachEntry, type ListsWriter, readHead, writeLists } from "../system/sealed-lines.js";
import { type TableEntry, writeTable } from "../system/sealed-table.js";
import { type Manifest, MANIFEST_LISTS, type ShardEntry, sumOf } from "./manifest.js";
import { type Lock, withLock } from "../system/lock.js";
import { type BuildPlan, planPath, type ShardPlan, shardPlan, writePlan } from "./plan.js";
import { fileError, syncFolder, writeRenamed } from "../system/atomic-file.js";
import { indexFile, journalPath, makeStaging, manifestPath, stagingPath } from "./files.js";
import { manifestMisfit, movedMisfit, planMisfit, shardsMisfit } from "./stored-form.js";

/**
 * What is still to be done to publish a build whose every file lies finished in the staging folder, the new manifest too. Written
 * before the first file moves: from then on the new records are the true ones, and a publication that was cut short is
 * finished by whoever comes next.
 */
interface Journal {
  /** Format 1 had the manifest, the plan and both lists in one piece. */
  format: 1 | 2;
  manifest?: Manifest;
  plan?: BuildPlan;
  /** Text of the sidecar `D/N.txt`; absent where it stays as it is. */
  sidecar?: string | undefined;
  move?: string[];
  remove?: string[];
}

/** What a publication does beside replacing the manifest. */
export interface Publication {
  /** The plan that the shards were built by, where it isn't in its place already. */
  plan?: ShardPlan | undefined;
  sidecar?: string | undefined;
  /** Files of the staging folder to move into the dataset's. */
  move: Iterable<string> | AsyncIterable<string>;
  /** Files of the dataset's folder to delete. */
  remove: Iterable<string> | AsyncIterable<string>;
}

/** A manifest without what its shards say. */
export type ManifestFacts = Omit<Manifest, "shards" | "examples" | "samples" | "fingerprint">;

/**
 * Writes the manifest of some shards into the staging folder, and returns it, its shards without their sources.
 * @param ready is awaited before it gets its place
 */
export async function stageManifest(
  directory: string,
  facts: ManifestFacts,
  entries: AsyncIterable<ShardEntry> | Iterable<ShardEntry>,
  ready?: () => Promise<void>,
): Promise<Manifest> {
  const staging = await makeStaging(directory, facts.name);
  const rows = async function* (): AsyncGenerator<TableEntry<ShardEntry>> {
    for await (const { sources, ...row } of entries) yield { row, detail: sources };
  };
  let manifest: Manifest | undefined;
  const head = (shards: readonly ShardEntry[]): Omit<Manifest, "shards"> => {
    const whole = { ...facts, ...sumOf(shards) };
    manifest = { ...whole, shards: [...shards] };
    return whole;
  };
  await writeTable(manifestPath(staging, facts.name), MANIFEST_LISTS, rows(), head, ready);
  return manifest!;
}

/** Publishes finished shards and the manifest in the staging folder: the journal, the moves, the manifest last. */
export async function publish(directory: string, name: string, todo: Publication, lock: Lock): Promise<void> {
  const staging = await makeStaging(directory, name);
  if (todo.plan) await writePlan(planPath(staging, name), todo.plan, () => lock.check());
  // One that a killed builder left.
  else await rm(planPath(staging, name), { force: true });
  const write = async (lists: ListsWriter): Promise<object> => {
    for (const list of ["move", "remove"] as const) {
      lists.begin(list);
      for await (const file of todo[list]) lists.add(JSON.stringify(file));
    }
    return { format: 2, sidecar: todo.sidecar };
  };
  await writeLists(journalPath(directory, name), write, () => lock.check());
  await syncFolder(staging);
  await finishPublication(directory, name, lock);
}

/** Finishes a publication that was cut short, if there is one. */
export async function finishPublication(directory: string, name: string, lock: Lock): Promise<void> {
  const path = journalPath(directory, name);
  if (!existsSync(path)) return;
  const staging = await makeStaging(directory, name);
  const journal = await readHead<Journal>(path, {
    what: "journal",
    misfit: (j) => journalMisfit(j, name),
    headMisfit: ({ format, sidecar }) =>
      format === 2 && ["undefined", "string"].includes(typeof sidecar)
        ? undefined
        : { found: `format ${format}`, expected: "2, and a sidecar's text" },
    fix: "delete its folder and rebuild the records",
  });
  if (!journal) return;
  const { manifest, plan, sidecar, move = [], remove = [] } = journal.head;
  const files = async function* (list: "move" | "remove"): AsyncGenerator<string> {
    if (!journal.places) return yield* { move, remove }[list];
    for await (const line of eachEntry(journal, list)) {
      const file: unknown = JSON.parse(line);
      const wrong = movedMisfit(file, name);
      if (wrong) throw journal.damaged(wrong.found, wrong.expected);
      yield file as string;
    }
  };
  if (manifest) {
    // What an earlier version wrote into its journal.
    if (plan) await writePlan(planPath(staging, name), shardPlan(plan));
    const { shards, examples: _e, samples: _s, fingerprint: _f, ...facts } = manifest;
    await stageManifest(directory, facts, shards);
  }
  // Read to their ends, so that nothing is done where one of them is damaged.
  for (const list of ["move", "remove"] as const) for await (const _ of files(list));
  await carryOut(directory, name, { sidecar, files }, lock);
}

function journalMisfit(journal: Journal, name: string): Misfit | undefined {
  const { format, manifest, plan, sidecar, move, remove } = journal;
  if (sidecar !== undefined && typeof sidecar !== "string") return { found: "sidecar", expected: "text" };
  if (format !== 1) return { found: `format ${JSON.stringify(format) ?? "missing"}`, expected: "1" };
  if (typeof manifest !== "object" || manifest === null) return { found: "no manifest", expected: "one" };
  const wrong =
    manifestMisfit(manifest, name) ??
    shardsMisfit(manifest, name) ??
    (plan === undefined ? undefined : planMisfit(plan ?? {}, name));
  if (wrong) return wrong;
  for (const list of [move, remove]) {
    if (!Array.isArray(list)) return { found: `files ${JSON.stringify(list)}`, expected: "a list" };
    for (const file of list) {
      const misfit = movedMisfit(file, name);
      if (misfit) return misfit;
    }
  }
  return undefined;
}

/** Asks before each step that others see whether the lock is still ours: after a suspended machine woke, it may not be. */
async function carryOut(
  directory: string,
  name: string,
  { sidecar, files }: { sidecar?: string | undefined; files: (list: "move" | "remove") => AsyncIterable<string> },
  lock: Lock,
): Promise<void> {
  const staging = stagingPath(directory, name);
  const change = async (file: string, work: (path: string) => Promise<void>): Promise<void> => {
    await lock.check();
    const path = join(directory, file);
    await work(path).catch((error) => {
      throw fileError(error, path);
    });
  };
  const move = async (file: string): Promise<void> => {
    const made = join(staging, file);
    await change(file, async (path) => (existsSync(made) ? await rename(made, path) : undefined));
  };
  for await (const file of files("move")) await move(file);
  for await (const file of files("remove")) await change(file, (path) => rm(path, { force: true }));
  await move(basename(planPath(directory, name)));
  await lock.check();
  if (sidecar !== undefined) await writeRenamed(join(directory, `${name}.txt`), sidecar, staging);
  await syncFolder(directory);
  await move(basename(manifestPath(directory, name)));
  await syncFolder(directory);
  await lock.check();
  // The journal last: killed before, the next one clears up the rest.
  const journalFile = basename(journalPath(directory, name));
  for (const file of await readdir(staging)) {
    if (file !== journalFile) await rm(join(staging, file), { recursive: true, force: true });
  }
  await rm(staging, { recursive: true, force: true });
}

/** As `finishPublication`, for a reader: takes the lock, and waits for another process that is publishing. */
export async function recoverPublication(directory: string, name: string): Promise<void> {
  const start = performance.now();
  const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 50));
  while (existsSync(journalPath(directory, name))) {
    // Who publishes is done in moments, and shouldn't find the lock taken by a reader then.
    await pause();
    if (!existsSync(journalPath(directory, name))) return;
    try {
      await withLock(directory, name, (lock) => finishPublication(directory, name, lock));
    } catch (error) {
      // Publishing takes moments; a lock held for longer is somebody's build, whose message the caller should see.
      const wait = error instanceof DatasetError && error.code === "LOCKED" && performance.now() - start < 10_000;
      if (!wait) throw error;
    }
  }
}

/** Files of a dataset's folder that belong to its shards. */
export async function* shardFiles(
  shards: Iterable<{ file: string }> | AsyncIterable<{ file: string }>,
): AsyncGenerator<string> {
  for await (const { file } of shards) {
    yield file;
    yield indexFile(file);
  }
}
