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
  const temporary = temporaryPath(folder === undefined ? path : join(folder, basename(path)));
  try {
    const handle = await open(temporary, "w");
    try {
      await handle.writeFile(data);
      await handle.sync();
    } finally {
      await handle.close();
    }
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
  ENOTDIR: "a file stands where a folder is expected",
  EISDIR: "a folder stands where a file is expected",
  EMFILE: "too many files are open; raise the limit (ulimit -n) or use fewer workers",
  EIO: "the disk reports a read or write error; check the disk",
};

/** The library's own error for what the file system reported; errors of other kinds come back as they are. */
export function fileError(error: unknown, path: string): unknown {
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  if (error instanceof DatasetError || code === undefined) return error;
  const reason = CAUSES[code];
  return reason === undefined ? error : new DatasetError("FILE", `${path}: ${reason}`, [], { cause: error });
}
