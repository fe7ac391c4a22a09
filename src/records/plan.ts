import { join } from "node:path";
import { readJson } from "../system/sealed-json.js";
import type { BuildPlan } from "../build/plan-records.js";
import { writeWhole } from "../system/atomic-file.js";

/** Path of the plan file in the dataset's folder. */
export function planPath(directory: string, name: string): string {
  return join(directory, `${name}.plan.json`);
}

/** Reads a plan file. */
export async function readPlan(path: string): Promise<BuildPlan | undefined> {
  return await readJson<BuildPlan>(path, {
    what: "plan",
    sealed: false,
    fits: (p) => p.format === 1 && Array.isArray(p.shards),
    mend: "save it again",
  });
}

/** Writes a plan as `D/N.plan.json`, for `buildOneShard` and `finishPlan`, and returns its path. */
export async function savePlan(directory: string, plan: BuildPlan): Promise<string> {
  const path = planPath(directory, plan.name);
  await writeWhole(path, JSON.stringify(plan));
  return path;
}
