import { DatasetError } from "../core/error.js";
import { openTable, type TableForm } from "../system/sealed-table.js";
import { manifestPath, shardName, shardNumber } from "./files.js";
import { type Manifest, MANIFEST_LISTS, type ShardEntry, type Sources } from "./manifest.js";
import { type BuildPlan, PLAN_LISTS, type PlannedShard, type ShardPlan, shardPlan } from "./plan.js";
import {
  entryMisfit,
  manifestMisfit,
  type PlanHead,
  planHeadMisfit,
  planMisfit,
  plannedMisfit,
  rowsMisfit,
  shardsMisfit,
  sourcesMisfit,
  sumMisfit,
} from "./stored-form.js";
import { recipeRows } from "../generate/recipe.js";
import type { Row } from "../core/rows.js";

/** A manifest whose head has been read. */
export interface StoredManifest {
  /** What it says beside its shards. */
  head: Omit<Manifest, "shards">;
  /** Number of shards. */
  count: number;
  /** Says the same for the same bytes; absent for one that an earlier version wrote. */
  identity?: string;
  /** The shards, without their sources. */
  shards(): AsyncIterable<ShardEntry>;
  /** The entry of shard `k`, without its sources. */
  shard(k: number): Promise<ShardEntry>;
  /** The entry of the shard `file`, and its place among the shards; undefined where there is none. */
  find(file: string): Promise<{ entry: ShardEntry; k: number } | undefined>;
  /** What shard `k` was made from. */
  sources(k: number): Promise<Sources | undefined>;
  /** Reads everything. @throws DatasetError "RECORD" where a byte has changed */
  check(): Promise<void>;
}

/**
 * Reads a dataset's manifest, its shards without their sources; undefined where there is none.
 * @throws DatasetError "RECORD" when it is damaged or of another format
 */
export async function readManifest(directory: string, name: string): Promise<Manifest | undefined> {
  const stored = await openManifest(directory, name);
  return stored && (await wholeManifest(stored));
}

/**
 * As `openManifest`, for work on the shards `from` to `to` (excluded).
 * @throws DatasetError "RECORD" where there is none, "OPTION" where it doesn't have these shards
 */
export async function requireManifest(
  directory: string,
  name: string,
  from: number,
  to: number,
): Promise<StoredManifest> {
  const manifest = await openManifest(directory, name);
  if (!manifest)
    throw new DatasetError("RECORD", `manifest ${name}.manifest.json: not found, expected it (${directory})`);
  checkRange(from, to, manifest.count, directory);
  return manifest;
}

/** @throws DatasetError "OPTION" where `from` to `to` (excluded) aren't among `count` shards */
export function checkRange(from: number, to: number, count: number, where: string): void {
  for (const k of from < to ? [from, to - 1] : []) {
    if (Number.isInteger(k) && k >= 0 && k < count) continue;
    throw new DatasetError("OPTION", `shard: ${k}, expected 0 to ${count - 1} (${where})`);
  }
}

/** What was opened, once all of it has been read and found right. */
export async function checked<T extends { check(): Promise<void> }>(
  opening: Promise<T | undefined>,
): Promise<T | undefined> {
  const opened = await opening;
  await opened?.check();
  return opened;
}

/** A manifest with its shards in memory, without their sources. */
export async function wholeManifest({ head, shards }: StoredManifest): Promise<Manifest> {
  const all: ShardEntry[] = [];
  for await (const entry of shards()) all.push(entry);
  return { ...head, shards: all };
}

/** Reads the head of a dataset's manifest; undefined where there is none. */
export async function openManifest(directory: string, name: string): Promise<StoredManifest | undefined> {
  const path = manifestPath(directory, name);
  const form: TableForm<Manifest, ShardEntry> = {
    what: "manifest",
    misfit: (m) => manifestMisfit(m, name) ?? shardsMisfit(m, name),
    headMisfit: (m) => manifestMisfit(m, name),
    fix: "call repair, or rebuild the records",
    names: MANIFEST_LISTS,
    rowMisfit: (entry) => entryMisfit(entry, name),
    detailMisfit: (sources, { file }) => sourcesMisfit(sources as Sources, file),
  };
  const opened = await openTable(path, form);
  if (!opened) return undefined;
  if ("whole" in opened) return oldManifest(opened.whole);
  const { head, count, identity, rows, row, detail, check, damaged } = opened.table;
  return {
    head,
    count,
    identity,
    async *shards() {
      let examples = 0;
      for await (const entry of rows()) {
        examples += entry.examples;
        yield entry;
      }
      const wrong = sumMisfit(head.examples, examples);
      if (wrong) throw damaged(wrong.found, wrong.expected);
    },
    shard: row,
    find: async (file) => {
      // In the order of their numbers; only those that a repair lost are left out.
      const wanted = shardNumber(name, file);
      for (let from = 0, to = count - 1, k = Math.min(wanted, to); from <= to; k = (from + to) >> 1) {
        const entry = await row(k);
        const found = shardNumber(name, entry.file);
        if (found === wanted) return { entry, k };
        if (found < wanted) from = k + 1;
        else to = k - 1;
      }
      return undefined;
    },
    sources: (k) => detail(k) as Promise<Sources | undefined>,
    check,
  };
}

/** One in one piece, as earlier versions wrote it. */
function oldManifest({ shards, ...head }: Manifest): StoredManifest {
  const places = new Map(shards.map(({ file }, k) => [file, k]));
  const bare = ({ sources: _, ...entry }: ShardEntry): ShardEntry => entry;
  return {
    head,
    count: shards.length,
    async *shards() {
      for (const entry of shards) yield bare(entry);
    },
    shard: async (k) => bare(shards[k]!),
    find: async (file) => {
      const k = places.get(file);
      return k === undefined ? undefined : { entry: bare(shards[k]!), k };
    },
    sources: async (k) => shards[k]!.sources,
    check: async () => undefined,
  };
}

/**
 * Opens a plan file, of dataset `name` where that is known; undefined where there is none. Its head alone is read.
 * @throws DatasetError "RECORD" when it is damaged, of another format or leads out of its folder
 */
export async function openPlan(path: string, name?: string): Promise<ShardPlan | undefined> {
  // Known before the first row is read.
  let facts: PlanHead | undefined;
  const form: TableForm<BuildPlan | PlanHead, PlannedShard> = {
    what: "plan",
    // Earlier versions wrote plans without a checksum.
    unsealed: true,
    misfit: (p) => planMisfit(p as BuildPlan, name),
    headMisfit: (p) => {
      facts = p as PlanHead;
      return planHeadMisfit(facts, name);
    },
    fix: "save it again",
    names: PLAN_LISTS,
    rowMisfit: (shard, k) => {
      const { name: own, examples } = facts!;
      const wrong = plannedMisfit(shard, own, examples);
      const expected = shardName(own, k);
      return wrong ?? (shard.file === expected ? undefined : { found: `shard ${shard.file}`, expected });
    },
    detailMisfit: (rows, { from, to }) => {
      const { source } = facts!;
      const whole = Array.isArray(rows) && rows.length === to - from && "inputFolder" in source;
      return whole ? rowsMisfit(rows, source) : { found: "rows", expected: `${to - from}` };
    },
  };
  const opened = await openTable(path, form);
  if (!opened) return undefined;
  if ("whole" in opened) return shardPlan(opened.whole as BuildPlan);
  const { head, count, row, rows, detail, check } = opened.table;
  const { format: _, examples, ...rest } = head as PlanHead;
  const { source } = rest;
  return {
    facts: rest,
    count,
    examples,
    shard: row,
    shards: rows,
    rows: async (k) => {
      if (!("recipe" in source)) return (await detail(k)) as readonly Row[];
      const { from, to } = await row(k);
      return recipeRows(source.recipe, from, to);
    },
    check,
  };
}
