import { randomUUID } from "node:crypto";
import { closeSync, openSync, writeSync } from "node:fs";
import { mkdir, rm, rmdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatasetError } from "../core/error.js";
import type { SeenFile } from "../core/rows.js";
import { crc32c } from "../format/crc32c.js";
import { fileError } from "../system/atomic-file.js";
import { mapSome } from "../system/event-loop.js";
import { withPool } from "../system/pool.js";
import type { Runner } from "../system/task.js";
import { type Answer, Refusal } from "./byte-source.js";
import { answered, bodyBytes, readSource } from "./read-source.js";

/** Files that a task fetches at the same time. */
const TOGETHER = 8;

/** A file that is here for a while, and what it was elsewhere. */
export interface Fetched extends SeenFile {
  path: string;
}

/**
 * Does work whose tasks fetch files, in folders that are gone after it, also where the threads were stopped.
 * @param work gets the name by which the tasks find their place in the temporary folder of their machine
 */
export async function withFetches<T>(work: (fetches: string) => Promise<T>): Promise<T> {
  const fetches = newFetches();
  try {
    return await work(fetches);
  } finally {
    await rm(join(tmpdir(), fetches), { recursive: true, force: true });
  }
}

const newFetches = (): string => `deep-audio-${randomUUID()}`;

/** As `withPool`, with a `withFetches` of its tasks. */
export async function withFetchPool<T>(
  workers: number,
  work: (pool: Runner, fetches: string) => Promise<T>,
): Promise<T> {
  return await withFetches((fetches) => withPool(workers, (pool) => work(pool, fetches)));
}

/** Does work that fetches files, in a folder of its own. */
export async function inFetchFolder<T>(
  fetches: string | undefined = newFetches(),
  work: (folder: string) => Promise<T>,
): Promise<T> {
  const all = join(tmpdir(), fetches);
  const folder = join(all, randomUUID());
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 }).catch((error) => {
      throw fileError(error, folder);
    });
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
    // Others may use it still; of a task of another machine's nobody else deletes it.
    await rmdir(all).catch(() => undefined);
  }
}

/**
 * Fetches files, each once, for as long as `work` takes.
 * @param files their addresses, and what they have to be where that is known
 * @throws DatasetError "FILE" that names the address, where one can't be fetched or was replaced
 */
export async function withFetched<T>(
  files: ReadonlyMap<string, SeenFile | undefined>,
  fetches: string | undefined,
  work: (fetched: ReadonlyMap<string, Fetched>) => Promise<T>,
): Promise<T> {
  if (files.size === 0) return await work(new Map());
  return await inFetchFolder(fetches, async (folder) => {
    const fetch = async ([address, seen]: [string, SeenFile | undefined], i: number): Promise<[string, Fetched]> => {
      const path = join(folder, String(i));
      return [address, { path, ...(await fetchFile(address, path, seen)) }];
    };
    return await work(new Map(await mapSome([...files], fetch, TOGETHER)));
  });
}

/**
 * Fetches a file.
 * @param before what it has to be, where that is known
 * @throws DatasetError "FILE" as `withFetched`, or where the disk is full
 */
export async function fetchFile(address: string, path: string, before?: SeenFile): Promise<SeenFile> {
  return await readSource(address, undefined, (answer) => save(answer, address, path, before));
}

/** The first bytes of a file, or all of it in `path` where its server has no ranges. */
export async function fetchBegin(
  address: string,
  bytes: number,
  path: string,
): Promise<{ begin?: Uint8Array; seen: SeenFile }> {
  const found = await askBegin(address, bytes, async (answer) => {
    const { ranged, size = 0 } = answer;
    if (!ranged) return { seen: await save(answer, address, path) };
    return { begin: await bodyBytes(answer, { from: 0, to: Math.min(bytes, size) }), seen: seenOf(answer, size) };
  });
  return found ?? { seen: await fetchFile(address, path) };
}

/** Asks for the first bytes of a file; undefined where there are none, or where the answer to a range doesn't say the file's length. */
async function askBegin<T>(
  address: string,
  bytes: number,
  take: (answer: Answer) => Promise<T>,
): Promise<T | undefined> {
  try {
    return await readSource(address, { from: 0, to: bytes }, async (answer) => {
      if (!answer.ranged || answer.size !== undefined) return await take(answer);
      await leave(answer);
      return undefined;
    });
  } catch (error) {
    if (answered(error, 416)) return undefined;
    throw error;
  }
}

/** A range of a file that was seen before. @throws DatasetError "FILE" where it was replaced since */
export async function fetchRange(address: string, from: number, to: number, seen: SeenFile): Promise<Uint8Array> {
  return await readSource(address, { from, to }, async (answer) => {
    refuseOther(address, seenOf(answer, answer.size ?? seen.bytes), seen);
    return await bodyBytes(answer, { from, to });
  });
}

/** What a file is now, of which no more than a byte is fetched where its server allows; undefined where there is none. */
export async function seeFile(address: string): Promise<SeenFile | undefined> {
  const look = async (answer: Answer): Promise<SeenFile> => {
    let bytes = answer.size ?? 0;
    if (answer.size !== undefined) await leave(answer);
    else for await (const part of answer.body) bytes += part.length;
    return seenOf(answer, bytes);
  };
  try {
    return (await askBegin(address, 1, look)) ?? (await readSource(address, undefined, look));
  } catch (error) {
    if (answered(error, 404)) return undefined;
    throw error;
  }
}

/** Leaves an answer before its end: it is sent no further. */
async function leave({ body }: Answer): Promise<void> {
  for await (const _ of body) break;
}

/** The checksum of a file's bytes, which are fetched and not kept. */
export async function crcOf(address: string): Promise<number> {
  return await readSource(address, undefined, async ({ size, body }) => {
    let crc = 0;
    let bytes = 0;
    for await (const part of body) {
      crc = crc32c(part, 0, part.length, crc);
      bytes += part.length;
    }
    refuseCut(bytes, size);
    return crc;
  });
}

/** Whether both are the same file, as far as its server says. */
export function isSame(a: SeenFile, b: SeenFile): boolean {
  return a.bytes === b.bytes && (a.version === b.version || a.version === "" || b.version === "");
}

const seenOf = ({ version = "" }: Answer, bytes: number): SeenFile => ({ bytes, version });

async function save(answer: Answer, address: string, path: string, before?: SeenFile): Promise<SeenFile> {
  if (before) refuseOther(address, seenOf(answer, answer.size ?? before.bytes), before);
  const file = onDisk(path, () => openSync(path, "w"));
  let bytes = 0;
  try {
    for await (const part of answer.body) {
      onDisk(path, () => {
        for (let at = 0; at < part.length; ) at += writeSync(file, part, at);
      });
      bytes += part.length;
    }
  } finally {
    closeSync(file);
  }
  refuseCut(bytes, answer.size ?? before?.bytes);
  return seenOf(answer, bytes);
}

/** What the disk refuses isn't the network's fault. */
function onDisk<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw fileError(error, path);
  }
}

function refuseCut(bytes: number, announced: number | undefined): void {
  if (announced === undefined || bytes === announced) return;
  throw new Refusal(0, `${bytes} bytes, then the connection ended; ${announced} were announced`);
}

function refuseOther(address: string, now: SeenFile, before: SeenFile): void {
  if (isSame(now, before)) return;
  const shown = ({ bytes, version }: SeenFile): string =>
    `${bytes} bytes${version === "" ? "" : ` of version ${version}`}`;
  throw new DatasetError(
    "FILE",
    `${address}: ${shown(now)}, expected ${shown(before)}; the file was replaced since it was looked at, plan again`,
  );
}
