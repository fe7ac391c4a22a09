import { randomUUID } from "node:crypto";
import { open, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { DatasetError } from "../core/error.js";

/** Writes a file whole or not at all: under a temporary name, flushed to the disk, then renamed; its folder flushed too. */
export async function writeWhole(path: string, data: string | Uint8Array): Promise<void> {
  await writeRenamed(path, data);
  await syncFolder(dirname(path));
}

/**
 * As `writeWhole`, for one of several files after which the folder is flushed once.
 * @param folder where the file grows: one on the same disk that is cleared away, should this process be killed
 */
export async function writeRenamed(path: string, data: string | Uint8Array, folder?: string): Promise<void> {
  const grow = async (temporary: string): Promise<void> => {
    const handle = await open(temporary, "w");
    try {
      await handle.writeFile(data);
      await handle.sync();
    } finally {
      await handle.close();
    }
  };
  await growRenamed(path, grow, folder);
}

/**
 * Lets a file grow under a temporary name and gives it its own, or deletes it where something fails.
 * @param grow writes it, to the disk
 * @param folder as for `writeRenamed`
 */
export async function growRenamed(
  path: string,
  grow: (temporary: string) => Promise<void>,
  folder?: string,
): Promise<void> {
  const temporary = temporaryPath(folder === undefined ? path : join(folder, basename(path)));
  try {
    await grow(temporary);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw fileError(error, path);
  }
}

/** The name under which a file grows: nobody else uses the same. A new one with each call. */
export function temporaryPath(path: string): string {
  return `${path}.${randomUUID()}.tmp`;
}

/** Flushes a file's content to the disk. */
export async function syncFile(path: string): Promise<void> {
  await flush(path, "r+");
}

/** Flushes a folder's entries, so that renamed files are still there after a power cut. */
export async function syncFolder(folder: string): Promise<void> {
  // Windows cannot open a folder; it writes the entry with the file.
  if (process.platform !== "win32") await flush(folder, "r");
}

async function flush(path: string, flags: string): Promise<void> {
  try {
    const handle = await open(path, flags);
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw fileError(error, path);
  }
}

const CAUSES: Record<string, string> = {
  ENOSPC: "no space left on the disk, expected room for it; free some and run the same call again",
  EDQUOT: "the disk quota is used up, expected room for it; free some and run the same call again",
  EFBIG: "larger than the system allows, expected room for it; raise the file size limit or make smaller shards",
  EROFS: "the disk is read-only, expected a folder that can be written",
  EACCES: "permission denied, expected a file or folder that this user may use",
  EPERM: "not permitted, expected a file or folder that this user may change",
  ENOENT: "not found, expected a file or folder",
  EEXIST: "a file of that name is there, expected none; move it away or correct the path",
  ENOTDIR: "a file stands where a folder is expected; move it away or correct the path",
  EISDIR: "a folder stands where a file is expected; move it away or correct the path",
  ENXIO: "a pipe, a socket or a device stands where a file is expected; move it away or correct the path",
  ENOTEMPTY: "a folder with files stands where a file is expected; move it away or correct the path",
  ENAMETOOLONG: "name too long, expected at most 255 bytes per name and 4,096 in all; rename it",
  ELOOP: "symbolic links that lead to each other, expected a file or folder; delete the link",
  ERR_INVALID_ARG_VALUE: "a name with a NUL character, expected a plain one; correct it",
  EMFILE: "too many files are open, expected room for one more; raise the limit (ulimit -n 4096) or use fewer workers",
  ENFILE: "too many files are open on this machine, expected room for one more; close other programs",
  ENOMEM: "not enough memory, expected some for it; use fewer workers or close other programs",
  EIO: "the disk reports a read or write error, expected none; check the disk",
  ETIMEDOUT: "the disk or its server doesn't answer, expected it to; check the connection",
};

/** The library's own error for what the file system reported; errors of other kinds come back as they are. */
export function fileError(error: unknown, path: string): unknown {
  const { code, syscall } = (error ?? {}) as NodeJS.ErrnoException;
  if (error instanceof DatasetError || code === undefined) return error;
  const known = Object.hasOwn(CAUSES, code) ? CAUSES[code] : undefined;
  const reason =
    known ?? (syscall && `the system reports ${code} (${syscall}), expected none; check the file and its disk`);
  if (!reason) return error;
  const name = path.length > MOST_SHOWN ? `${path.slice(0, MOST_SHOWN)}…` : path;
  return new DatasetError("FILE", `${name.replaceAll("\0", "\\0")}: ${reason}`, [], { cause: error });
}

/** As `fileError`, of the file that the system names, where it names one. */
export function namedError(error: unknown): unknown {
  const { path } = (error ?? {}) as NodeJS.ErrnoException;
  return path === undefined ? error : fileError(error, path);
}

/** Characters of a path that a message shows. */
const MOST_SHOWN = 400;
