import { type Stats, statSync } from "node:fs";
import { fileError } from "../system/atomic-file.js";
import { join } from "node:path";
import { crc32c } from "../format/crc32c.js";
import type { Sources } from "./manifest.js";
import { eachPart } from "../system/read-bytes.js";

/** Sources to compare with what they were. */
export interface CompareTask {
  directory: string;
  sources: Sources;
}

/** How sources differ from what they were; with each one's times of change now. */
export interface Comparison {
  changed: string[];
  removed: string[];
  mtimeMs: number[];
  ctimeMs: number[];
}

/**
 * Compares files with their fingerprints. One whose size and times are as they were counts as unchanged; one whose times
 * alone differ is read. Runs in a worker.
 */
export function compareSources(task: CompareTask): Comparison {
  const { directory, sources } = task;
  const result: Comparison = { changed: [], removed: [], mtimeMs: [], ctimeMs: [] };
  sources.path.forEach((file, i) => {
    const path = join(directory, file);
    const stats = statsOf(path);
    result.mtimeMs.push(stats?.mtimeMs ?? 0);
    result.ctimeMs.push(stats?.ctimeMs ?? 0);
    if (!stats) result.removed.push(file);
    else if (stats.size !== sources.bytes[i]) result.changed.push(file);
    else if (stats.mtimeMs !== sources.mtimeMs[i] || stats.ctimeMs !== sources.ctimeMs[i]) {
      if (fileCrc(path) !== sources.crc32c[i]) result.changed.push(file);
    }
  });
  return result;
}

/** Of a file; undefined where there is none, or a link that leads to itself. */
function statsOf(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ELOOP") return undefined;
    throw fileError(error, path);
  }
}

function fileCrc(path: string): number {
  let crc = 0;
  eachPart(path, (part) => {
    crc = crc32c(part, 0, part.length, crc);
  });
  return crc;
}
