import { dirname } from "node:path";
import { DatasetError } from "../core/error.js";
import type { ShardPlan } from "../records/plan.js";
import { openPlan } from "../records/read-stored.js";

/**
 * Opens a plan file, and gives the dataset's folder, in which it is.
 * @throws DatasetError "FILE" where there is none
 */
export async function requirePlan(planFile: string): Promise<{ plan: ShardPlan; directory: string }> {
  const plan = await openPlan(planFile);
  if (plan) return { plan, directory: dirname(planFile) };
  throw new DatasetError("FILE", `plan ${planFile}: not found, expected the json that savePlan writes`);
}
