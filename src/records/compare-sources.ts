import { type Stats, statSync } from "node:fs";
import { fileError } from "../system/atomic-file.js";
import { join } from "node:path";
import { isAddress } from "../core/names.js";
import { crc32c } from "../format/crc32c.js";
import { crcOf, isSame, seeFile } from "../storage/fetch-file.js";
import { mapSome } from "../system/event-loop.js";
import type { Sources } from "./manifest.js";
import { eachPart } from "../system/read-bytes.js";

/** Sources to compare with what they were. */
export interface CompareTask {
  directory: string;
  sources: Sources;
  /** Whether servers are asked for what is at addresses; otherwise it counts as unchanged. Default true. */
  asks?: boolean;
}

/** How sources differ from what they were; with each one's times of change, or version, now. */
export interface Comparison extends Pick<Sources, "mtimeMs" | "ctimeMs" | "version"> {
  changed: string[];
  removed: string[];
}

/** What became of a source. */
interface State {
  change?: "changed" | "removed";
  mtimeMs?: number;
  ctimeMs?: number;
  version?: string;
}

/**
 * Compares files with their fingerprints. One whose size and times, or version, are as they were counts as unchanged; one whose times or
 * version alone differ is read. Runs in a worker.
 * @throws DatasetError "FILE" where a server is out of reach
 */
export async function compareSources({ directory, sources, asks = true }: CompareTask): Promise<Comparison> {
  // Rows that are parts of one file have it once each.
  const elsewhere = new Map<string, Promise<State>>();
  const stateOf = async (file: string, i: number): Promise<State> => {
    if (!isAddress(file)) return compareFile(join(directory, file), sources, i);
    if (!asks) return { version: sources.version?.[i] ?? "" };
    const state = elsewhere.get(file) ?? compareElsewhere(file, sources, i);
    elsewhere.set(file, state);
    return await state;
  };
  const states = await mapSome(sources.path, stateOf);
  const those = (change: State["change"]): string[] => sources.path.filter((_, i) => states[i]!.change === change);
  return {
    changed: those("changed"),
    removed: those("removed"),
    mtimeMs: states.map(({ mtimeMs = 0 }) => mtimeMs),
    ctimeMs: states.map(({ ctimeMs = 0 }) => ctimeMs),
    ...(sources.version ? { version: states.map(({ version = "" }) => version) } : {}),
  };
}

function compareFile(path: string, { bytes, mtimeMs, ctimeMs, crc32c }: Sources, i: number): State {
  const stats = statsOf(path);
  if (!stats) return { change: "removed" };
  const times = { mtimeMs: stats.mtimeMs, ctimeMs: stats.ctimeMs };
  const untouched = times.mtimeMs === mtimeMs[i] && times.ctimeMs === ctimeMs[i];
  const same = stats.size === bytes[i] && (untouched || fileCrc(path) === crc32c[i]);
  return same ? times : { ...times, change: "changed" };
}

async function compareElsewhere(address: string, { bytes, version, crc32c }: Sources, i: number): Promise<State> {
  const now = await seeFile(address);
  if (!now) return { change: "removed" };
  const untouched = isSame(now, { bytes: bytes[i]!, version: version?.[i] ?? "" });
  const same = untouched || (now.bytes === bytes[i] && (await crcOf(address)) === crc32c[i]);
  return same ? { version: now.version } : { version: now.version, change: "changed" };
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
