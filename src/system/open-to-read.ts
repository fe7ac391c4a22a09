import { closeSync, constants, fstatSync, openSync, type Stats } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";

// Without O_NONBLOCK opening a pipe waits for somebody who writes into it, perhaps forever.
const READ = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);

/**
 * Opens a file to read it.
 * @throws the system's error, by which a folder is EISDIR, and what is no file otherwise (a pipe, a device) ENXIO
 */
export function openToRead(path: string): number {
  const file = openSync(path, READ);
  try {
    refuseOthers(fstatSync(file), path);
    return file;
  } catch (error) {
    closeSync(file);
    throw error;
  }
}

/** As `openToRead`, as a handle. */
export async function handleToRead(path: string): Promise<FileHandle> {
  const handle = await open(path, READ);
  try {
    refuseOthers(await handle.stat(), path);
    return handle;
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** @throws the system's error where `path` is no file */
export function refuseOthers(stats: Stats, path: string): void {
  if (stats.isFile()) return;
  const code = stats.isDirectory() ? "EISDIR" : "ENXIO";
  throw Object.assign(new Error(`${code}: not a file, open '${path}'`), { code, syscall: "open", path });
}
