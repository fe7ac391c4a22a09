import { open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { DatasetError } from "./error.js";

/** Writes a file whole or not at all: under a temporary name, flushed to the disk, then renamed; its folder flushed too. */
export async function writeWhole(path: string, data: string | Uint8Array): Promise<void> {
  await writeRenamed(path, data);
  await syncFolder(dirname(path));
}

/** As `writeWhole`, for one of several files after which the folder is flushed once. */
export async function writeRenamed(path: string, data: string | Uint8Array): Promise<void> {
  const temporary = `${path}.${process.pid}.tmp`;
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

/** Flushes a file's content to the disk. */
export async function syncFile(path: string): Promise<void> {
  const handle = await open(path, "r+");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Flushes a folder's entries, so that renamed files are still there after a power cut. */
export async function syncFolder(folder: string): Promise<void> {
  // Windows cannot open a folder; it writes the entry with the file.
  if (process.platform === "win32") return;
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
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
