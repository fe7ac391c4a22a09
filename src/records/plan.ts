import { join } from "node:path";
import type { OptionNames } from "../core/known-options.js";
import { shardNumber } from "./files.js";
import { sha256Of } from "../system/sealed-json.js";
import { syncFolder } from "../system/atomic-file.js";
import { type TableEntry, writeTable } from "../system/sealed-table.js";
import type { LongOptions } from "../notebook/progress.js";
import type { LabelOptions } from "../format/labels.js";
import type { Encoding } from "./manifest.js";
import type { Convert } from "../audio/convert.js";
import type { OnDamaged } from "../format/verdict.js";
import { type Recipe, recipeRows } from "../generate/recipe.js";
import type { Kind, Row } from "../core/rows.js";
import type { Problem } from "../core/error.js";

/** Path of the plan file in the dataset's folder. */
export function planPath(directory: string, name: string): string {
  return join(directory, `${name}.plan.json`);
}

/** Options of `planRecords` and `buildRecords`. */
export interface RecordOptions extends LongOptions, Omit<LabelOptions, "sampleRate" | "samples" | "inputSize"> {
  /**
   * Default: `pcm16` where every source has 16 bits or is generated, else `float32`, so that nothing is lost. `flac` keeps the
   * samples of `pcm16` in about half the space for music; it needs libsndfile.
   */
  encoding?: Encoding;
  /** Resamples and mixes every file to one sample rate and number of channels. Default: files must agree. */
  convert?: Convert;
  /** What happens with sources that are cut short or damaged: nothing is built (default), or what is left of them is recorded. */
  onDamaged?: OnDamaged;
  /** Examples per shard. Default: at most 2,400 and 150 MB; small datasets are cut in eight, so that workers can share. */
  examplesPerFile?: number;
  /** Bytes per shard, about. */
  shardBytes?: number;
  /** Kind frames: samples per frame. Needed for float16, which stores a row of labels per frame. */
  inputSize?: number;
  /** Worker threads. Default: one per core. The shards are the same for any number. */
  workers?: number;
  /** Replaces shards that another program left under the same names. Default false: refused. */
  overwrite?: boolean;
}

/** The names of those that say how labels are read. */
export const LABEL_OPTIONS: OptionNames<Omit<LabelOptions, "sampleRate" | "samples" | "inputSize">> = {
  ...{ timeUnit: true, sustain: true, percussion: true, pitches: true, targets: true, velocity: true },
};

/** The names of the options of `planRecords`. */
export const RECORD_OPTIONS: OptionNames<RecordOptions> = {
  ...{
    ...LABEL_OPTIONS,
    signal: true,
    onProgress: true,
    encoding: true,
    convert: true,
    onDamaged: true,
    inputSize: true,
  },
  ...{ examplesPerFile: true, shardBytes: true, workers: true, overwrite: true },
};

/** Where a plan's examples come from. */
export type PlanSource = { recipe: Recipe } | { rows: readonly Row[]; inputFolder: string; targetFolder: string };

/** What to build, as plain JSON: each shard is a pure function of the plan and the source files. */
export interface BuildPlan {
  format: 1;
  name: string;
  kind: Kind;
  encoding: Encoding;
  /** In Hz. */
  sampleRate: number;
  channels: number;
  /** What the sources are turned into, where that was asked for. */
  convert?: Convert;
  /** Where damaged sources are read as far as they go. */
  onDamaged?: OnDamaged;
  /** Numbers per example (classes, values) or per frame (frames). */
  width?: number;
  labels?: readonly string[];
  /** Kind frames: what the stored events' times count. */
  timeUnit?: "frames" | "samples";
  /** Kind frames: how key csvs and MIDI files are read. */
  labelOptions?: Omit<LabelOptions, "sampleRate" | "samples" | "inputSize"> | undefined;
  inputSize?: number;
  source: PlanSource;
  /** What `onProblem: "skip"` left out, and why. */
  skipped?: Problem[];
  /** The ids of the rows that the dataset's publisher set aside for validation and test, where it says so. */
  sides?: { validate: number[]; test: number[] };
  /** The files that listed the rows; `sha256` is "" where there was no such file. */
  indexFiles?: { file: string; sha256: string }[];
  /** Where file names defined the rows: the folders, and the audio files in them that made none. */
  listing?: { folders: readonly string[]; unused: string[] };
  /** Shard `k` holds the rows `from` to `to` (excluded). */
  shards: { file: string; from: number; to: number }[];
}

/** Where a plan's rows come from: it doesn't affect the shards. */
type NotBuilt = "sides" | "indexFiles" | "listing" | "skipped";

/** A plan without its rows and shards: what every shard shares. */
export type PlanHead = Omit<BuildPlan, "source" | "shards" | NotBuilt>;

/** What a shard is made from, hashed: facts and rows, without the files' content. Of a recipe's rows `from` and `to` say which. */
export function shardKey(facts: PlanFacts, from: number, to: number, rows: readonly Row[]): string {
  const {
    name: _name,
    source,
    sides: _sides,
    indexFiles: _index,
    listing: _listing,
    skipped: _skipped,
    ...rest
  } = facts;
  const made =
    "recipe" in source
      ? { ...source, from, to }
      : { rows: rows.map(({ line: _line, split: _split, seen: _seen, ...row }) => row), ...source };
  return sha256Of(JSON.stringify({ format: 1, ...rest, source: made }));
}

/** A plan without its shards and rows: `D/N.plan.json` says it in its last line. */
export type PlanFacts = Omit<BuildPlan, "format" | "source" | "shards"> & {
  source: { recipe: Recipe } | { inputFolder: string; targetFolder: string };
};

/** One shard of a plan: the rows `from` to `to` (excluded), and what it is made from, hashed. */
export interface PlannedShard {
  file: string;
  from: number;
  to: number;
  key: string;
}

/** A plan shard by shard, in memory or in its file. */
export interface ShardPlan {
  facts: PlanFacts;
  /** Number of shards. */
  count: number;
  /** Of all shards. */
  examples: number;
  shard(k: number): Promise<PlannedShard>;
  /** All shards, in order. */
  shards(): AsyncIterable<PlannedShard>;
  /** The rows of shard `k`; nothing else of the plan is read for them. */
  rows(k: number): Promise<readonly Row[]>;
  /** Reads everything. @throws DatasetError "RECORD" where a byte has changed */
  check(): Promise<void>;
}

/** The number of a shard by its file; undefined where the plan has none of that name. */
export function plannedShard({ facts: { name }, count }: ShardPlan, file: string): number | undefined {
  const k = shardNumber(name, file);
  return k < count ? k : undefined;
}

/** A plan in memory, shard by shard. */
export function shardPlan(plan: BuildPlan): ShardPlan {
  const { format: _, source, shards, ...rest } = plan;
  const facts = { ...rest, source: "recipe" in source ? source : withoutRows(source) };
  const keys: string[] = [];
  const shard = async (k: number): Promise<PlannedShard> => {
    const { from, to } = shards[k]!;
    keys[k] ??= shardKey(facts, from, to, "recipe" in source ? [] : source.rows.slice(from, to));
    return { ...shards[k]!, key: keys[k] };
  };
  return {
    facts,
    count: shards.length,
    examples: shards.reduce((sum, { from, to }) => sum + to - from, 0),
    shard,
    async *shards() {
      for (const k of shards.keys()) yield await shard(k);
    },
    rows: async (k) => {
      const { from, to } = shards[k]!;
      return "recipe" in source ? recipeRows(source.recipe, from, to) : source.rows.slice(from, to);
    },
    check: async () => undefined,
  };
}

function withoutRows({ inputFolder, targetFolder }: Exclude<PlanSource, { recipe: Recipe }>): PlanFacts["source"] {
  return { inputFolder, targetFolder };
}

/**
 * Writes a plan as `D/N.plan.json`, for `buildOneShard` and `finishPlan`, and returns its path.
 *
 * @throws DatasetError "FILE" when it can't be written
 * @example await savePlan("./data", await planRecords("./data", "dataset", index))
 */
export async function savePlan(directory: string, plan: BuildPlan): Promise<string> {
  const path = planPath(directory, plan.name);
  await writePlan(path, shardPlan(plan));
  await syncFolder(directory);
  return path;
}

/** The names of the lists in a plan's file. */
export const PLAN_LISTS = { rows: "shards", details: "rows" } as const;

/**
 * Writes a plan's file, forced to the disk: a table of its shards, and the rows of each.
 * @param ready is awaited before the file gets its name
 */
export async function writePlan(path: string, plan: ShardPlan, ready?: () => Promise<void>): Promise<void> {
  await writePlanEntries(path, plan, planEntries(plan), ready);
}

/** As `writePlan`, of shards with their rows, one after the other. */
export async function writePlanEntries(
  path: string,
  { facts, examples }: Pick<ShardPlan, "facts" | "examples">,
  entries: AsyncIterable<TableEntry<PlannedShard>>,
  ready?: () => Promise<void>,
): Promise<void> {
  await writeTable(path, PLAN_LISTS, entries, () => ({ format: 2, ...facts, examples }), ready);
}

async function* planEntries(plan: ShardPlan): AsyncGenerator<TableEntry<PlannedShard>> {
  let k = 0;
  for await (const row of plan.shards())
    yield "recipe" in plan.facts.source ? { row } : { row, detail: await plan.rows(k++) };
}
