import { existsSync } from "node:fs";
import { readdir, rename, rm } from "node:fs/promises";
import { basename, join } from "node:path";
import { DatasetError } from "../core/error.js";
import { type Misfit, readJson, sealedText } from "../system/sealed-json.js";
import type { Manifest } from "./manifest.js";
import { type Lock, withLock } from "../system/lock.js";
import { type BuildPlan, planPath } from "./plan.js";
import { fileError, syncFolder, writeRenamed, writeWhole } from "../system/atomic-file.js";
import { indexFile, journalPath, makeStaging, manifestPath, stagingPath } from "./files.js";
import { manifestMisfit, movedMisfit, planMisfit } from "./stored-form.js";

/**
 * What is still to be done to publish a build whose every file lies finished in the staging folder. Written before
 * the first file moves: from then on the new records are the true ones, and a publication that was cut short is
 * finished by whoever comes next.
 */
interface Journal {
  format: 1;
  manifest: Manifest;
  plan?: BuildPlan;
  /** Text of the sidecar `D/N.txt`; absent where it stays as it is. */
  sidecar?: string | undefined;
  /** Files of the staging folder to move into the dataset's. */
  move: string[];
  /** Files of the dataset's folder to delete. */
  remove: string[];
}

/** Publishes finished shards: the journal, the moves, the manifest last. */
export async function publish(
  directory: string,
  name: string,
  journal: Omit<Journal, "format">,
  lock: Lock,
): Promise<void> {
  await makeStaging(directory, name);
  await lock.check();
  await writeWhole(journalPath(directory, name), sealedText({ format: 1, ...journal }));
  await carryOut(directory, name, journal, lock);
}

/** Finishes a publication that was cut short, if there is one. */
export async function finishPublication(directory: string, name: string, lock: Lock): Promise<void> {
  if (!existsSync(journalPath(directory, name))) return;
  await makeStaging(directory, name);
  const journal = await readJson<Journal>(journalPath(directory, name), {
    what: "journal",
    misfit: (j) => journalMisfit(j, name),
    fix: "delete its folder and rebuild the records",
  });
  if (journal) await carryOut(directory, name, journal, lock);
}

function journalMisfit(journal: Journal, name: string): Misfit | undefined {
  const { format, manifest, plan, sidecar, move, remove } = journal;
  if (format !== 1) return { found: `format ${JSON.stringify(format) ?? "missing"}`, expected: "1" };
  if (typeof manifest !== "object" || manifest === null) return { found: "no manifest", expected: "one" };
  if (sidecar !== undefined && typeof sidecar !== "string") return { found: "sidecar", expected: "text" };
  return (
    manifestMisfit(manifest, name) ??
    (plan === undefined ? undefined : planMisfit(plan ?? {}, name)) ??
    movedMisfit(move, name) ??
    movedMisfit(remove, name)
  );
}

/** Asks before each step that others see whether the lock is still ours: after a suspended machine woke, it may not be. */
async function carryOut(directory: string, name: string, journal: Omit<Journal, "format">, lock: Lock): Promise<void> {
  const staging = stagingPath(directory, name);
  const change = async (file: string, work: (path: string) => Promise<void>): Promise<void> => {
    await lock.check();
    const path = join(directory, file);
    await work(path).catch((error) => {
      throw fileError(error, path);
    });
  };
  for (const file of journal.move) {
    const made = join(staging, file);
    await change(file, async (path) => (existsSync(made) ? await rename(made, path) : undefined));
  }
  for (const file of journal.remove) await change(file, (path) => rm(path, { force: true }));
  await lock.check();
  if (journal.plan) await writeRenamed(planPath(directory, name), sealedText(journal.plan), staging);
  if (journal.sidecar !== undefined) await writeRenamed(join(directory, `${name}.txt`), journal.sidecar, staging);
  await syncFolder(directory);
  await lock.check();
  await writeRenamed(manifestPath(directory, name), sealedText(journal.manifest), staging);
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
export function shardFiles(shards: readonly { file: string }[]): string[] {
  return shards.flatMap(({ file }) => [file, indexFile(file)]);
}
