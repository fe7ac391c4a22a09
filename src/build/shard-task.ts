import { sha256Of } from "../system/sealed-json.js";
import type { Row } from "../sources/index-csv.js";
import type { BuildPlan } from "./plan-records.js";
import { type Recipe, recipeRows } from "../generate/recipe.js";

/** What a plan tells of where its rows come from: it decides nothing about the shards. */
type NotBuilt = "sides" | "indexFiles" | "listing" | "skipped";

/** A plan without its rows and shards: what every shard shares. */
export type PlanHead = Omit<BuildPlan, "source" | "shards" | NotBuilt>;

/** One shard to build: all that a worker needs, and no more of a large plan than that. */
export interface ShardTask {
  head: PlanHead;
  key: string;
  /** File name of the shard. */
  file: string;
  /** The dataset's folder, and where the finished shard goes. */
  directory: string;
  staging: string;
  source: { recipe: Recipe; from: number; to: number } | { rows: Row[]; inputFolder: string; targetFolder: string };
  /** One counter that every worker adds its finished examples to. */
  counter?: SharedArrayBuffer;
}

/** Cuts the task of shard `k` out of a plan. */
export function shardTask(plan: BuildPlan, k: number, directory: string, staging: string): ShardTask {
  const { source, shards, sides: _sides, indexFiles: _index, listing: _listing, skipped: _skipped, ...head } = plan;
  const { file, from, to } = shards[k]!;
  return {
    head,
    key: shardKey(plan, k),
    file,
    directory,
    staging,
    source: "recipe" in source ? { ...source, from, to } : { ...source, rows: source.rows.slice(from, to) },
  };
}

/** Name of the index beside a shard. */
export function indexFile(shard: string): string {
  return shard.replace(/\.tfrecord$/, ".index");
}

/** Name of the entry that marks a shard in the staging folder as finished. */
export function entryFile(shard: string): string {
  return `${shard}.json`;
}

/** What a shard is made from, hashed: plan and rows, without the files' content. */
export function shardKey(plan: BuildPlan, k: number): string {
  const {
    name: _name,
    shards,
    source,
    sides: _sides,
    indexFiles: _index,
    listing: _listing,
    skipped: _skipped,
    ...rest
  } = plan;
  const { from, to } = shards[k]!;
  const made =
    "recipe" in source
      ? { ...source, from, to }
      : { ...source, rows: source.rows.slice(from, to).map(({ line: _line, split: _split, ...row }) => row) };
  return sha256Of(JSON.stringify({ ...rest, source: made }));
}

/** The rows of shard `k`. */
export function planShardRows({ source, shards }: BuildPlan, k: number): readonly Row[] {
  const { from, to } = shards[k]!;
  return "recipe" in source ? recipeRows(source.recipe, from, to) : source.rows.slice(from, to);
}
