import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join, posix } from "node:path";
import { csvLines } from "./format/csv.js";
import { hashIndexFiles, type Manifest } from "./manifest.js";
import { withPool } from "./pool.js";
import type { Comparison } from "./stale-task.js";
import { runTask } from "./task.js";

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
  const parts = [
    files(
      "changed",
      found.flatMap((f) => f.changed),
    ),
    files("removed", removed),
  ];
  parts.push(...(await indexChanges(directory, manifest, known)));
  const text = parts.filter((part) => part !== "").join("; ");
  return text === "" ? undefined : text;
}

async function indexChanges(directory: string, manifest: Manifest, known: ReadonlySet<string>): Promise<string[]> {
  const then = manifest.indexFiles ?? [];
  const now = await hashIndexFiles(
    directory,
    then.map((f) => f.file),
  );
  const gone = then.filter((f) => !now.some((n) => n.file === f.file)).map((f) => f.file);
  const changed = now.filter((n) => then.some((f) => f.file === n.file && f.sha256 !== n.sha256)).map((n) => n.file);
  const listed = changed.includes(then[0]?.file ?? "")
    ? await listedFiles(directory, manifest, then[0]!.file)
    : undefined;
  if (!listed) return [files("changed", changed), files("removed", gone)];
  // A header looks like a row, but names no file.
  const added = [...listed].filter((file) => !known.has(file) && existsSync(join(directory, file)));
  const dropped = [...known].filter((file) => !listed.has(file));
  return [
    files("changed", changed),
    files("removed", gone),
    files("added to the index", added),
    files("dropped from the index", dropped),
  ];
}

/** Every file that an index csv names now. */
async function listedFiles(directory: string, manifest: Manifest, index: string): Promise<Set<string>> {
  const { kind, inputFolder = "in", targetFolder = "out" } = manifest;
  const listed = new Set<string>();
  for (const { cells } of csvLines(await readFile(join(directory, index), "utf8"))) {
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
