import { bytesOf } from "../system/file-names.js";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { csvLines } from "../format/csv.js";
import { listFolders } from "../sources/list-audio.js";
import { isAddress, soundIn } from "../core/names.js";
import { NameSet } from "../core/name-set.js";
import { numbersTo } from "../core/numbers.js";
import { inOrder } from "../system/event-loop.js";
import { hashIndexFiles } from "./manifest.js";
import { requireManifest, type StoredManifest } from "./read-stored.js";
import { withPool } from "../system/pool.js";
import { compareSources, type CompareTask, type Comparison } from "./compare-sources.js";
import { runTask } from "../system/task.js";

/**
 * How a dataset's sources differ from what its records were made of: `3 files changed: in/a.wav, …; 1 file added: …`.
 * Undefined where they don't, or where all sources are gone and the records alone were kept. The sources are compared shard by shard,
 * those at addresses not at all: that takes a request each, and the records are read without them.
 */
export async function staleness(directory: string, manifest: StoredManifest): Promise<string | undefined> {
  const { head, count } = manifest;
  const index = await indexChanges(directory, head);
  const known = index.own !== undefined || head.listing ? new NameSet() : undefined;
  const [changed, removed] = [new Tally(), new Tally()];
  let seen = 0;
  let gone = 0;
  await withPool(2, async (pool) => {
    const comparing = inOrder(numbersTo(count), async (k) => {
      const sources = await manifest.sources(k);
      if (!sources) return;
      const task: CompareTask = { directory, sources, asks: false };
      const found = await runTask<Comparison>(pool, "compareSources", task);
      for (const file of known ? sources.path : []) known!.add(file);
      seen += sources.path.length;
      gone += found.removed.length;
      return found;
    });
    for await (const found of comparing) {
      for (const file of found?.changed ?? []) changed.add(file);
      for (const file of found?.removed ?? []) removed.add(file);
    }
  });
  if (gone === seen) return undefined;
  const [listed, dropped] = [new Tally(), new Tally()];
  if (index.own !== undefined) await compareListed(directory, manifest, index.own, known!, listed, dropped);
  const added = new Tally();
  for (const file of known ? await addedFiles(directory, head, known) : []) added.add(file);
  for (const file of index.changed) changed.add(file);
  for (const file of index.added) added.add(file);
  for (const file of index.removed) removed.add(file);
  const text = [
    changed.text("changed"),
    added.text("added"),
    removed.text("removed"),
    listed.text("added to the index"),
    dropped.text("dropped from the index"),
  ]
    .filter((part) => part !== "")
    .join("; ");
  return text === "" ? undefined : text;
}

/**
 * Which sources of the shards `from` to `to` (excluded) aren't what their records were made of, those at addresses too, for a job of a
 * cluster's array.
 * @throws DatasetError "RECORD" without a manifest, "OPTION" for shards that it doesn't have, "FILE" where a server is out of reach
 */
export async function staleShards(
  directory: string,
  name: string,
  from: number,
  to: number,
): Promise<Pick<Comparison, "changed" | "removed">> {
  const manifest = await requireManifest(directory, name, from, to);
  const found: Pick<Comparison, "changed" | "removed"> = { changed: [], removed: [] };
  for (let k = from; k < to; k++) {
    const sources = await manifest.sources(k);
    if (!sources) continue;
    const { changed, removed } = await compareSources({ directory, sources });
    for (const file of changed) found.changed.push(file);
    for (const file of removed) found.removed.push(file);
  }
  return found;
}

/** How the files that listed the rows differ, and which of those that changed is the dataset's own csv. */
async function indexChanges(
  directory: string,
  { name, indexFiles: then = [] }: StoredManifest["head"],
): Promise<Record<"changed" | "added" | "removed", string[]> & { own: string | undefined }> {
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
  // A csv of another form is read by options that aren't known here.
  const own = changed.find((file) => file === name || file === `${name}.csv`);
  return { changed, added: named(false, true), removed: named(true, false), own };
}

/** What the dataset's own csv lists now and didn't, and the other way round. */
async function compareListed(
  directory: string,
  manifest: StoredManifest,
  own: string,
  known: NameSet,
  listed: Tally,
  dropped: Tally,
): Promise<void> {
  const now = new NameSet();
  for await (const file of listedFiles(directory, manifest.head, own)) {
    now.add(file);
    // A header looks like a row, but names no file.
    if (!known.has(file) && (isAddress(file) || existsSync(join(directory, file)))) listed.add(file);
  }
  for (let k = 0; k < manifest.count; k++) {
    for (const file of (await manifest.sources(k))?.path ?? []) if (!now.has(file)) dropped.add(file);
  }
}

/** Where file names defined the rows: audio files that came since. */
async function addedFiles(directory: string, head: StoredManifest["head"], known: NameSet): Promise<string[]> {
  const { folders, unused } = head.listing ?? { folders: [], unused: [] };
  const there = new Set(unused);
  return (await listFolders(directory, folders)).filter((file) => !there.has(file) && !known.has(file));
}

/** Every file that an index csv names now. */
async function* listedFiles(directory: string, head: StoredManifest["head"], index: string): AsyncGenerator<string> {
  const { kind, inputFolder = "in", targetFolder = "out" } = head;
  for (const { cells } of csvLines((await bytesOf(join(directory, index))).toString())) {
    const [first, second] = cells.map((cell) => cell.replaceAll("\\", "/"));
    if (first) yield soundIn(inputFolder, first);
    if (second && kind === "pairs") yield soundIn(targetFolder, second);
    if (second && kind === "frames") yield second;
  }
}

/** Files of one kind, each counted once. */
class Tally {
  private readonly names = new NameSet();
  private readonly some: string[] = [];

  add(name: string): void {
    if (this.names.add(name) && this.some.length < 5) this.some.push(name);
  }

  /** `3 files changed: a, b, c`, at most five by name; "" for none. */
  text(what: string): string {
    const { size } = this.names;
    if (size === 0) return "";
    const more = size > 5 ? `, … and ${size - 5} more` : "";
    return `${size} file${size === 1 ? "" : "s"} ${what}: ${this.some.join(", ")}${more}`;
  }
}
