/**
 * The process beside a job's driver that knows what is to be done: `node coordinate.js FOLDER CPUS`. It splits the work into
 * tasks, hands them to the driver, and writes progress and outcome into the job's folder.
 */
import { findShared } from "../audit/audit.js";
import { finishPlan } from "../build/build-records.js";
import { findProblems } from "../check/check.js";
import { DatasetError } from "../core/error.js";
import { type LongOptions, type Progress, track } from "../notebook/progress.js";
import { openRecords } from "../records/open-records.js";
import { openPlan } from "../records/read-stored.js";
import { runElsewhere } from "../system/pool.js";
import { asTask, NOTE_BYTES, type Outcome, runTask } from "../system/task.js";
import { Relay } from "./relay.js";
import { JobFolder, type Request } from "./request.js";

async function main([path, cpus]: string[]): Promise<void> {
  const folder = new JobFolder(path!);
  const relay = new Relay(process.stdin, process.stdout, () => process.exit(1));
  runElsewhere(relay);
  let latest: Progress | undefined;
  let writing: Promise<void> | undefined;
  const onProgress = (progress: Progress): void => {
    latest = { ...progress, retries: relay.retries };
    writing ??= folder.writeProgress(latest).finally(() => {
      writing = undefined;
    });
  };
  const work = asTask(async (request: Request) =>
    perform(request, relay, { onProgress, workers: Math.max(1, Number(cpus)) }),
  );
  const outcome: Outcome<unknown> = await work({ input: await folder.request(), note: new Uint8Array(NOTE_BYTES) });
  await writing;
  if (latest) await folder.writeProgress(latest);
  await folder.writeOutcome(outcome);
  // The dashboard shows it too; whoever waits for a task that nobody needs any more is left.
  if ("failed" in outcome) console.error(outcome.failed.message);
  process.exit("failed" in outcome ? 1 : 0);
}

async function perform(request: Request, relay: Relay, long: LongOptions & { workers: number }): Promise<unknown> {
  if (request.method === "records") return await buildAll(request, relay, long);
  if (request.method === "check") {
    const { directory, index, options } = request;
    return await findProblems(directory, index, { ...options, ...long });
  }
  const { directory, name, fingerprint, open, split, options } = request;
  const records = await openRecords(directory, name, { ...open, allowStale: true });
  if (records.manifest.fingerprint !== fingerprint) {
    const message = `records of "${name}": rebuilt since they were loaded, expected the same (${directory}); load them again`;
    throw new DatasetError("RECORD", message);
  }
  return await findShared(records, split, { ...options, ...long });
}

/** Builds every shard of a plan, a task each, and publishes them. */
async function buildAll(
  { planFile, overwrite }: Extract<Request, { method: "records" }>,
  relay: Relay,
  options: LongOptions,
): Promise<void> {
  const plan = (await openPlan(planFile))!;
  const sizes: number[] = [];
  for await (const { from, to } of plan.shards()) sizes.push(to - from);
  await track("records", plan.examples, "examples", options, async ({ tick }) => {
    const build = async (examples: number, shard: number): Promise<void> => {
      await runTask(relay, "buildOneShard", { planFile, shard });
      tick(examples);
    };
    await Promise.all(sizes.map(build));
  });
  await finishPlan(planFile, { overwrite });
}

void main(process.argv.slice(2));
