import { readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { fileError } from "./atomic-file.js";
import { isMissing } from "./missing.js";

const HOUR_MS = 3_600_000;

/** What ends in a random token, or in host and process as before version 0.2. */
const TEMPORARY = /\.([0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[^/]+\.\d+)\.tmp$/;
const PREPARED = /^\.lock\.([0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|dead)$/;

/**
 * Deletes what killed processes left of dataset `name` in its folder. Files that grew under a temporary name have to be
 * older than an hour by the disk's own clock, which `now`, a file just made, tells: others may be writing. Folders of
 * locks that were being taken go at once: a process that is still about to take it makes another.
 */
export async function clearLeftovers(directory: string, name: string, now: string): Promise<void> {
  try {
    const leftovers = (await readdir(directory)).filter((file) => isLeftover(file, name));
    if (leftovers.length === 0) return;
    const { ctimeMs } = await stat(now);
    for (const file of leftovers) {
      const path = join(directory, file);
      const found = await stat(path).catch(undefinedIfMissing);
      const old = found !== undefined && found.mtimeMs < ctimeMs - HOUR_MS;
      if (old || !TEMPORARY.test(file)) await rm(path, { recursive: true, force: true });
    }
  } catch (error) {
    if (!isMissing(error)) throw fileError(error, directory);
  }
}

function isLeftover(file: string, name: string): boolean {
  const dot = file.startsWith(`.${name}.`);
  if (dot && PREPARED.test(file.slice(1 + name.length))) return true;
  return (dot || file.startsWith(`${name}.`)) && TEMPORARY.test(file);
}

function undefinedIfMissing(error: unknown): undefined {
  if (!isMissing(error)) throw error;
}
