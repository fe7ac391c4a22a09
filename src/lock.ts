import { open, readFile, rename, rm } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { DatasetError } from "./error.js";
import { fileError } from "./whole-file.js";

interface Holder {
  pid: number;
  host: string;
  since: string;
}

/** Locks held by this process: a lock file with our number that isn't here was left by an earlier process of that number. */
const held = new Set<string>();

/**
 * Runs `work` while this process alone may change the records of dataset `name`.
 *
 * The lock is the file `D/.N.lock`; one left by a process that has died is taken over.
 * @throws DatasetError "LOCKED" that says who holds it
 */
export async function withLock<T>(directory: string, name: string, work: () => Promise<T>): Promise<T> {
  const path = join(directory, `.${name}.lock`);
  await acquire(path, name);
  held.add(path);
  try {
    return await work();
  } finally {
    held.delete(path);
    await rm(path, { force: true });
  }
}

async function acquire(path: string, name: string): Promise<void> {
  for (let attempt = 0; attempt < 5; attempt++) {
    if (await create(path)) return;
    const holder = await readHolder(path);
    if (holder === undefined) continue; // released in between
    if (isAlive(holder, path)) throw locked(holder, path, name);
    await removeDead(path, holder, name);
  }
  throw new DatasetError(
    "LOCKED",
    `records of "${name}": the lock changes hands all the time, expected it free (${path})`,
  );
}

async function create(path: string): Promise<boolean> {
  const holder: Holder = { pid: process.pid, host: hostname(), since: new Date().toISOString() };
  try {
    const file = await open(path, "wx");
    try {
      await file.writeFile(JSON.stringify(holder));
    } finally {
      await file.close();
    }
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw fileError(error, path);
  }
}

async function readHolder(path: string): Promise<Holder | undefined> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw fileError(error, path);
  }
  // Empty or cut: its writer died between creating and filling it, or is doing so right now.
  const match = /"pid":(\d+),"host":"(.*)","since":"(.*)"/.exec(text);
  return match ? { pid: Number(match[1]), host: match[2]!, since: match[3]! } : { pid: 0, host: hostname(), since: "" };
}

function isAlive(holder: Holder, path: string): boolean {
  if (holder.host !== hostname()) return true;
  if (holder.pid === process.pid) return held.has(path);
  if (holder.pid === 0) return false;
  try {
    process.kill(holder.pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** Moves the dead lock aside; if another process was quicker and what was moved is its live lock, gives it back. */
async function removeDead(path: string, dead: Holder, name: string): Promise<void> {
  const aside = `${path}.${process.pid}`;
  try {
    await rename(path, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
    throw fileError(error, path);
  }
  const moved = await readHolder(aside);
  if (moved && (moved.pid !== dead.pid || moved.since !== dead.since) && isAlive(moved, path)) {
    await rename(aside, path);
    throw locked(moved, path, name);
  }
  await rm(aside, { force: true });
}

function locked(holder: Holder, path: string, name: string): DatasetError {
  const where = holder.host === hostname() ? "" : ` on ${holder.host}`;
  return new DatasetError(
    "LOCKED",
    `records of "${name}": held by process ${holder.pid}${where} since ${holder.since}, expected nobody (${path}); wait for it, or delete that file if no such build is running`,
  );
}
