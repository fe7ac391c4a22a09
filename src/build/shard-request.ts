import type { Recipe } from "../generate/recipe.js";
import type { Row } from "../core/rows.js";
import type { PlanHead, ShardPlan } from "../records/plan.js";

/** One shard to build: all that a worker needs, and no more of a large plan than that. */
export interface ShardTask {
  head: PlanHead;
  key: string;
  /** File name of the shard. */
  file: string;
  /** The dataset's folder, and where the finished shard goes. */
  directory: string;
  staging: string;
  /** Where fetched sources go, as `withFetches` gives it. */
  fetches?: string | undefined;
  source:
    | { recipe: Recipe; from: number; to: number }
    | { rows: readonly Row[]; inputFolder: string; targetFolder: string };
  /** One counter that every worker adds its finished examples to. */
  counter?: SharedArrayBuffer;
}

/** Cuts the task of shard `k` out of a plan. */
export async function shardTask(
  plan: ShardPlan,
  k: number,
  folders: Pick<ShardTask, "directory" | "staging">,
): Promise<ShardTask> {
  const { source, sides: _sides, indexFiles: _index, listing: _listing, skipped: _skipped, ...head } = plan.facts;
  const { file, key, from, to } = await plan.shard(k);
  return {
    head: { format: 1, ...head },
    key,
    file,
    ...folders,
    source: "recipe" in source ? { ...source, from, to } : { ...source, rows: await plan.rows(k) },
  };
}
