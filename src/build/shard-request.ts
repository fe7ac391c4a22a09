import type { Recipe } from "../generate/recipe.js";
import type { Row } from "../core/rows.js";
import { type BuildPlan, type PlanHead, shardKey } from "../records/plan.js";

/** One shard to build: all that a worker needs, and no more of a large plan than that. */
export interface ShardTask {
  head: PlanHead;
  key: string;
  /** File name of the shard. */
  file: string;
  /** The dataset's folder, and where the finished shard goes. */
  directory: string;
  staging: string;
  source:
    | { recipe: Recipe; from: number; to: number }
    | { rows: readonly Row[]; inputFolder: string; targetFolder: string };
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
