import { handleToRead } from "./open-to-read.js";
import { randomUUID } from "node:crypto";
import { access, lstat, mkdir, readdir, rename, rm, rmdir, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { DatasetError } from "../core/error.js";
import { fileError, namedError } from "./atomic-file.js";
import { type Holder, holderOf, holderText, isGone, thisProcess } from "./lock-holder.js";
import { isMissing } from "./missing.js";
import { clearLeftovers } from "./leftovers.js";

/** What work may ask of the lock that it runs under. */
export interface Lock {
  /** Aborted once another process has taken the lock. */
  signal: AbortSignal;
  /** @throws DatasetError "LOCKED" where another process has taken the lock. To be asked before each change that others see. */
  check(): Promise<void>;
}

/** Where a lock gets its time and its identity from; tests have their own. */
export interface LockClock {
  /** Resolves when it is time for the next look at a lock that another has. */
  pause(): Promise<void>;
  /** Milliseconds between two signs of life. */
  beatMs: number;
  holder: Holder;
}

/** After how many seconds without a sign of life a lock counts as left behind by a process that died. */
export const DEAD_AFTER_SECONDS = 20;

const LOOKS_PER_SECOND = 10;
const DEAD_LOOKS = DEAD_AFTER_SECONDS * LOOKS_PER_SECOND;
/** Where others keep taking the lock, a process gives up after this many looks. */
const MOST_LOOKS = 10 * DEAD_LOOKS;

const realClock = (): LockClock => ({
  pause: () => new Promise((resolve) => setTimeout(resolve, ((0.5 + Math.random()) * 1000) / LOOKS_PER_SECOND)),
  beatMs: 500,
  holder: thisProcess(),
});

/**
 * Runs `work` while this process alone may change the records of dataset `name`.
 *
 * The lock is the folder `D/.N.lock` with one file, which is called by the holder's random token and whose time of change
 * is the holder's heartbeat, set by a thread that a busy event loop doesn't delay. Each step is one that a file system,
 * NFS included, does whole or not at all, and that does nothing where it comes too late:
 *
 * - it is taken by renaming a folder that has the file in it already, which fails where the lock has a file;
 * - it is released, or taken from a process that died, by deleting the file of that token and no other.
 *
 * A holder is dead when its heart hasn't beaten for `DEAD_AFTER_SECONDS` of the one who looks, in as many looks: clocks
 * aren't compared, and a suspended machine doesn't count its sleep. One of this machine whose process is gone is dead at
 * once. Who was taken for dead and wasn't finds its file gone, and stops.
 *
 * @throws DatasetError "LOCKED" that says who holds it, or that another process has taken it meanwhile
 */
export async function withLock<T>(
  directory: string,
  name: string,
  work: (lock: Lock) => Promise<T>,
  clock: LockClock = realClock(),
): Promise<T> {
  const path = join(directory, `.${name}.lock`);
  const token = randomUUID();
  const file = join(path, token);
  await acquire(path, name, token, clock);
  const lost = new AbortController();
  const heart = startHeart(file, clock.beatMs, lost);
  const check = async (): Promise<void> => {
    if (!(await exists(file))) lost.abort();
    if (lost.signal.aborted) throw lostError(path, name);
  };
  try {
    await clearLeftovers(directory, name, file);
    return await work({ signal: lost.signal, check });
  } catch (error) {
    if (lost.signal.aborted) throw lostError(path, name, error);
    throw namedError(error);
  } finally {
    await heart.terminate();
    await release(path, file);
  }
}

/** Options of long work with a signal that is aborted once the lock is lost, too. */
export function whileHeld<T extends { signal?: AbortSignal }>(options: T, lock: Lock): T {
  return { ...options, signal: options.signal ? AbortSignal.any([options.signal, lock.signal]) : lock.signal };
}

async function acquire(path: string, name: string, token: string, clock: LockClock): Promise<void> {
  let watched: Seen | undefined;
  let looks = 0;
  for (let look = 0; look < MOST_LOOKS; look++) {
    const seen = await lookAt(path);
    if (!seen) {
      if (await take(path, token, clock.holder)) return;
      continue;
    }
    const same = watched?.file === seen.file;
    if (same && watched?.beat !== seen.beat) throw lockedError(seen.holder, path, name);
    looks = same ? looks + 1 : 0;
    watched = seen;
    if (looks >= DEAD_LOOKS || isGone(seen.holder, clock.holder)) await removeDead(seen.file);
    else await clock.pause();
  }
  throw new DatasetError(
    "LOCKED",
    `records of "${name}": could not take the lock, other processes keep taking it, expected it free (${path}); try again`,
  );
}

/** A lock that somebody has. */
interface Seen {
  /** The file to delete should its holder be dead. */
  file: string;
  /** Changes with each sign of life. */
  beat: string;
  holder: Holder | undefined;
}

/** Who has the lock; undefined where it is free. */
async function lookAt(path: string): Promise<Seen | undefined> {
  try {
    const found = await lstat(path, { bigint: true });
    // Versions before 0.2 had a file, without heartbeat.
    if (found.isFile()) return await readBeat(path);
    if (!found.isDirectory()) return { file: path, beat: `${found.mtimeNs}`, holder: undefined };
    const [token] = (await readdir(path)).sort();
    return token === undefined ? undefined : await readBeat(join(path, token));
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw fileError(error, path);
  }
}

/** Opens the file, since only then NFS asks the server for its time. */
async function readBeat(file: string): Promise<Seen> {
  const handle = await handleToRead(file);
  try {
    const { mtimeNs, ino } = await handle.stat({ bigint: true });
    return { file, beat: `${ino} ${mtimeNs}`, holder: holderOf(await handle.readFile("utf8")) };
  } finally {
    await handle.close();
  }
}

/** Takes the lock where nobody has it. */
async function take(path: string, token: string, holder: Holder): Promise<boolean> {
  const prepared = `${path}.${token}`;
  try {
    await mkdir(prepared);
  } catch (error) {
    throw fileError(error, path);
  }
  try {
    await writeFile(join(prepared, token), holderText(holder), { flag: "wx" });
    await removeEmpty(path);
    await rename(prepared, path);
  } catch (error) {
    const { code = "" } = error as NodeJS.ErrnoException;
    if (!isMissing(error) && !TAKEN.includes(code)) throw fileError(error, path);
  }
  // The file itself says it: NFS may report that a rename failed which it has done.
  if (await exists(join(path, token))) return true;
  await rm(prepared, { recursive: true, force: true });
  return false;
}

/** What renaming a folder to one that isn't empty, or to a file, fails with; on Windows EPERM or EACCES. */
const TAKEN = ["ENOTEMPTY", "EEXIST", "ENOTDIR", ...(process.platform === "win32" ? ["EPERM", "EACCES"] : [])];

async function removeDead(file: string): Promise<void> {
  try {
    await unlink(file);
  } catch (error) {
    if (isMissing(error)) return;
    // An old lock's file may have given way to a folder, which `unlink` leaves alone.
    const now = await lstat(file).catch(() => undefined);
    if (now && !now.isDirectory()) throw fileError(error, file);
  }
}

async function release(path: string, file: string): Promise<void> {
  try {
    await unlink(file);
  } catch (error) {
    if (!isMissing(error)) throw fileError(error, path);
  }
  await removeEmpty(path);
}

/** Deletes the lock's folder where nobody has the lock. One that stays behind empty is a free lock all the same. */
async function removeEmpty(path: string): Promise<void> {
  try {
    await rmdir(path);
  } catch (error) {
    const { code = "" } = error as NodeJS.ErrnoException;
    if (!isMissing(error) && !TAKEN.includes(code)) throw fileError(error, path);
  }
}

function startHeart(file: string, beatMs: number, lost: AbortController): Worker {
  const heart = new Worker(join(__dirname, "heartbeat.js"), { workerData: { file, beatMs }, execArgv: [] });
  heart.once("message", () => lost.abort());
  // Without a heartbeat others may take the lock; `check` notices it then.
  heart.once("error", () => undefined);
  heart.unref();
  return heart;
}

async function exists(file: string): Promise<boolean> {
  try {
    await access(file);
    return true;
  } catch (error) {
    if (isMissing(error)) return false;
    throw fileError(error, file);
  }
}

function lockedError(holder: Holder | undefined, path: string, name: string): DatasetError {
  const who = holder ? `process ${holder.pid} on ${holder.host} since ${holder.since}` : "another process";
  return new DatasetError(
    "LOCKED",
    `records of "${name}": held by ${who}, expected nobody (${path}); wait until it is done: if it dies, the lock is free after ${DEAD_AFTER_SECONDS} s`,
  );
}

function lostError(path: string, name: string, cause?: unknown): DatasetError {
  return new DatasetError(
    "LOCKED",
    `records of "${name}": another process has taken the lock, since this one gave no sign of life for ${DEAD_AFTER_SECONDS} s (suspended, or its disk out of reach), expected to hold it to the end (${path}); run the same call again`,
    [],
    { cause },
  );
}
