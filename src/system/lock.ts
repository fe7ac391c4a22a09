import { randomUUID } from "node:crypto";
import { open, readFile, rm, stat } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { DatasetError } from "../core/error.js";
import { processExists } from "./process-exists.js";
import { fileError } from "./atomic-file.js";

interface Holder {
  pid: number;
  host: string;
  since: string;
  token: string;
}

/** Locks of this process: a lock file with our number that isn't here was left by an earlier process of that number. */
const held = new Set<string>();

/** For how long a lock file without content counts as one that is just being written. */
const WRITING_MS = 500;
/** For how long the right to remove a dead lock is left to the process that took it. */
const REMOVING_MS = 10_000;
/** A reader that finishes a publication, or finds it finished, holds the lock for less: no build is refused for that. */
const MOMENT_MS = 200;
/** How often, and how long apart at most, a lock that is about to change hands is looked at: longer than it may be empty. */
const ATTEMPTS = 100;
const PAUSE_MS = 30;

/**
 * Runs `work` while this process alone may change the records of dataset `name`.
 *
 * The lock is the file `D/.N.lock`; one left by a process that has died is taken over.
 * @throws DatasetError "LOCKED" that says who holds it
 */
export async function withLock<T>(directory: string, name: string, work: () => Promise<T>): Promise<T> {
  const path = join(directory, `.${name}.lock`);
  const token = randomUUID();
  held.add(token);
  try {
    await acquire(path, name, token);
    try {
      return await work();
    } finally {
      // One that somebody deleted, believing us dead, may be another's by now.
      if ((await readHolder(path))?.token === token) await rm(path, { force: true });
    }
  } finally {
    held.delete(token);
  }
}

async function acquire(path: string, name: string, token: string): Promise<void> {
  const start = performance.now();
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    if (await create(path, token)) return;
    const holder = await readHolder(path);
    if (holder === undefined) continue; // released in between
    if (isAlive(holder)) {
      if (performance.now() - start > MOMENT_MS) throw locked(holder, path, name);
      await pause();
      continue;
    }
    if (await isDead(holder, path)) await removeDead(path);
    else await pause();
  }
  throw new DatasetError(
    "LOCKED",
    `records of "${name}": could not take the lock, other processes keep taking it, expected it free (${path}); try again`,
  );
}

/** Makes the lock file; false where there is one. Read again, since whoever saw it empty for too long may have removed it. */
async function create(path: string, token: string): Promise<boolean> {
  const holder: Holder = { pid: process.pid, host: hostname(), since: new Date().toISOString(), token };
  try {
    const file = await open(path, "wx");
    try {
      await file.writeFile(JSON.stringify(holder));
    } finally {
      await file.close();
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw fileError(error, path);
  }
  return (await readHolder(path))?.token === token;
}

async function readHolder(path: string): Promise<Holder | undefined> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw fileError(error, path);
  }
  const match = /"pid":(\d+),"host":"(.*)","since":"([^"]*)"(?:,"token":"([^"]*)")?/.exec(text);
  // Empty or cut: its writer died between creating and filling it, or is doing so right now.
  if (!match) return { pid: 0, host: hostname(), since: "", token: "" };
  return { pid: Number(match[1]), host: match[2]!, since: match[3]!, token: match[4] ?? "" };
}

function isAlive(holder: Holder): boolean {
  if (holder.host !== hostname()) return true;
  if (holder.pid === process.pid) return held.has(holder.token);
  if (holder.pid === 0) return false;
  return processExists(holder.pid);
}

/** Whether nobody holds the lock; not so where it is only just being written. */
async function isDead(holder: Holder, path: string): Promise<boolean> {
  return !isAlive(holder) && (holder.pid > 0 || (await age(path)) > WRITING_MS);
}

/** Removes a dead lock. Only one process at a time may: else a slow one would remove the lock of who came after. */
async function removeDead(path: string): Promise<void> {
  const right = `${path}.dead`;
  try {
    await (await open(right, "wx")).close();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw fileError(error, right);
    if ((await age(right)) > REMOVING_MS) await rm(right, { force: true });
    else await pause();
    return;
  }
  try {
    const holder = await readHolder(path);
    if (holder && (await isDead(holder, path))) await rm(path, { force: true });
  } finally {
    await rm(right, { force: true });
  }
}

/** Milliseconds since a file was written; 0 where it is gone. */
async function age(path: string): Promise<number> {
  try {
    return Date.now() - (await stat(path)).mtimeMs;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return 0;
    throw fileError(error, path);
  }
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, PAUSE_MS * Math.random()));
}

function locked(holder: Holder, path: string, name: string): DatasetError {
  const where = holder.host === hostname() ? "" : ` on ${holder.host}`;
  return new DatasetError(
    "LOCKED",
    `records of "${name}": held by process ${holder.pid}${where} since ${holder.since}, expected nobody (${path}); wait for it, or delete that file if no such build is running`,
  );
}
