import { bytesOf } from "../system/file-names.js";
import { existsSync } from "node:fs";
import { join, posix } from "node:path";
import { csvLines } from "../format/csv.js";
import { listFolders } from "../sources/list-audio.js";
import { hashIndexFiles, type Manifest } from "./manifest.js";
import { withPool } from "../system/pool.js";
import type { Comparison } from "./compare-sources.js";
import { runTask } from "../system/task.js";

/**
 * How a dataset's sources differ from what its records were made of: `3 files changed: in/a.wav, …; 1 file added: …`.
 * Undefined where they don't, or where all sources are gone and the records alone were kept.
 */
export async function staleness(directory: string, manifest: Manifest): Promise<string | undefined> {
  const tasks = manifest.shards.flatMap(({ sources }) => (sources ? [{ directory, sources }] : []));
  if (tasks.length === 0) return undefined;
  const found = await withPool(2, (pool) =>
    Promise.all(tasks.map((task) => runTask<Comparison>(pool, "compareSources", task))),
  );
  const known = new Set(tasks.flatMap((t) => t.sources.path));
  const unique = (list: string[]): string[] => [...new Set(list)];
  const removed = unique(found.flatMap((f) => f.removed));
  if (removed.length === known.size) return undefined;
  const index = await indexChanges(directory, manifest, known);
  const text = [
    files("changed", [...unique(found.flatMap((f) => f.changed)), ...index.changed]),
    files("added", [...(await addedFiles(directory, manifest, known)), ...index.added]),
    files("removed", [...removed, ...index.removed]),
    files("added to the index", index.listed),
    files("dropped from the index", index.dropped),
  ]
    .filter((part) => part !== "")
    .join("; ");
  return text === "" ? undefined : text;
}

/** How the files that listed the rows differ, and what the index csv lists now. */
async function indexChanges(
  directory: string,
  manifest: Manifest,
  known: ReadonlySet<string>,
): Promise<Record<"changed" | "added" | "removed" | "listed" | "dropped", string[]>> {
  const then = manifest.indexFiles ?? [];
  const now = await hashIndexFiles(
    directory,
    then.map((f) => f.file),
  );
  const differing = now.flatMap(({ file, sha256 }, i) =>
    sha256 === then[i]!.sha256 ? [] : [{ file, was: then[i]!.sha256 !== "", is: sha256 !== "" }],
  );
  const named = (was: boolean, is: boolean): string[] =>
    differing.filter((f) => f.was === was && f.is === is).map((f) => f.file);
  const changed = named(true, true);
  const changes = { changed, added: named(false, true), removed: named(true, false), listed: [], dropped: [] };
  // A csv of another form is read by options that aren't known here.
  const own = changed.find((file) => file === manifest.name || file === `${manifest.name}.csv`);
  if (own === undefined) return changes;
  const listed = await listedFiles(directory, manifest, own);
  // A header looks like a row, but names no file.
  const fresh = [...listed].filter((file) => !known.has(file) && existsSync(join(directory, file)));
  return { ...changes, listed: fresh, dropped: [...known].filter((file) => !listed.has(file)) };
}

/** Where file names defined the rows: audio files that came since. */
async function addedFiles(directory: string, manifest: Manifest, known: ReadonlySet<string>): Promise<string[]> {
  const { folders, unused } = manifest.listing ?? { folders: [], unused: [] };
  const there = new Set([...known, ...unused]);
  return (await listFolders(directory, folders)).filter((file) => !there.has(file));
}

/** Every file that an index csv names now. */
async function listedFiles(directory: string, manifest: Manifest, index: string): Promise<Set<string>> {
  const { kind, inputFolder = "in", targetFolder = "out" } = manifest;
  const listed = new Set<string>();
  for (const { cells } of csvLines((await bytesOf(join(directory, index))).toString())) {
    const [first, second] = cells.map((cell) => cell.replaceAll("\\", "/"));
    if (first) listed.add(posix.join(inputFolder, first));
    if (second && kind === "pairs") listed.add(posix.join(targetFolder, second));
    if (second && kind === "frames") listed.add(second);
  }
  return listed;
}

/** `3 files changed: a, b, c`, at most five by name; "" for none. */
function files(what: string, names: readonly string[]): string {
  if (names.length === 0) return "";
  const more = names.length > 5 ? `, … and ${names.length - 5} more` : "";
  return `${names.length} file${names.length === 1 ? "" : "s"} ${what}: ${names.slice(0, 5).join(", ")}${more}`;
}
