import { findProblems } from "../check/check.js";
import { type CheckReport, makeReport } from "../check/report.js";
import type { Row } from "../core/rows.js";
import type { LongOptions } from "../notebook/progress.js";
import { checkRange } from "../records/read-stored.js";
import { requirePlan } from "./plan-file.js";

/** Options of `checkShards`. */
export interface CheckShardsOptions extends LongOptions {
  /** Worker threads. Default: one per core. */
  workers?: number;
}

/**
 * Checks the sources of the shards `from` to `to` (excluded) of a plan file, samples too, as `check` does: one job of a cluster's array.
 * What only all files together show (a rate unlike most, files that no row names) `plan` has found.
 * @throws DatasetError "OPTION" for shards that the plan doesn't have, "FILE" without a plan file
 */
export async function checkShards(
  planFile: string,
  from: number,
  to: number,
  options: CheckShardsOptions = {},
): Promise<CheckReport> {
  const { plan, directory } = await requirePlan(planFile);
  const { kind, source, indexFiles, labels, convert, onDamaged, labelOptions, inputSize } = plan.facts;
  checkRange(from, to, plan.count, planFile);
  const rows: Row[] = [];
  // A recipe has no sources.
  for (let k = from; k < ("recipe" in source ? from : to); k++) for (const row of await plan.rows(k)) rows.push(row);
  const folders = "recipe" in source ? { inputFolder: "in", targetFolder: "out" } : source;
  const index = { kind, file: indexFiles?.[0]?.file ?? planFile, rows, ...folders, ...(labels ? { labels } : {}) };
  const how = {
    ...options,
    ...labelOptions,
    ...(convert ? { convert } : {}),
    ...(onDamaged ? { onDamaged } : {}),
    ...(inputSize ? { inputSize } : {}),
  };
  const [whole, files, problems, wrong] = await findProblems(directory, index, how);
  const own = problems.filter(({ kind }) => kind !== "unlisted");
  return makeReport(whole, files, own, wrong);
}
