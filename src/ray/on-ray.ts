import { createHash } from "node:crypto";
import { type AuditFindings, type AuditOptions, type AuditReport, auditReport } from "../audit/audit.js";
import type { CheckFindings, CheckOptions } from "../check/check.js";
import { type CheckReport, makeReport } from "../check/report.js";
import type { OpenOptions } from "../records/open-original.js";
import type { Records } from "../records/open-records.js";
import { type BuildPlan, planPath, type RecordOptions, savePlan } from "../records/plan.js";
import type { IndexScan } from "../sources/index-csv.js";
import type { Split } from "../split/split.js";
import type { RayOptions } from "./jobs-api.js";
import { runJob } from "./run-job.js";

/** Builds and publishes the records of a plan on a cluster, a task per shard. */
export async function buildOnRay(
  ray: RayOptions,
  directory: string,
  plan: BuildPlan,
  options: RecordOptions,
): Promise<void> {
  const { name } = plan;
  const { overwrite = false } = options;
  const sha256 = createHash("sha256").update(JSON.stringify(plan)).digest("hex");
  const prepare = (): Promise<string> => savePlan(directory, plan);
  const request = (there: string) =>
    ({ method: "records", planFile: planPath(there, name), plan: sha256, overwrite }) as const;
  const total = plan.shards.at(-1)!.to;
  await runJob(ray, { directory, name, request, prepare, total, unit: "examples" }, options);
}

/** Checks the files of an index on a cluster. */
export async function checkOnRay(
  ray: RayOptions,
  directory: string,
  name: string,
  index: IndexScan,
  options: CheckOptions,
): Promise<CheckReport> {
  const { signal: _, onProgress: __, workers: ___, ...plain } = options;
  const request = (there: string) => ({ method: "check", directory: there, index, options: plain }) as const;
  const order = { directory, name, request, total: index.index.rows.length, unit: "files" };
  return makeReport(...(await runJob<CheckFindings>(ray, order, options)));
}

/** Looks on a cluster for what the splits of opened records share. */
export async function auditOnRay(
  ray: RayOptions,
  directory: string,
  { manifest }: Records,
  open: OpenOptions,
  split: Split,
  options: AuditOptions,
): Promise<AuditReport> {
  const { name, fingerprint } = manifest;
  const { signal: _, onProgress: __, workers: ___, failOn: ____, ...plain } = options;
  const request = (there: string) =>
    ({ method: "audit", directory: there, name, fingerprint, open, split, options: plain }) as const;
  const order = { directory, name, request, total: manifest.examples, unit: "signals" };
  return auditReport(await runJob<AuditFindings>(ray, order, options), options);
}
