import { createHash, randomUUID } from "node:crypto";
import { join, resolve } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { serialize } from "node:v8";
import { DatasetError } from "../core/error.js";
import { follow, type LongOptions, type Progress } from "../notebook/progress.js";
import { type Outcome, outcomeValue } from "../system/task.js";
import { isOver, type Job, JobsApi, type RayOptions } from "./jobs-api.js";
import { JobFolder, type Request } from "./request.js";

/** A job to run for a dataset. */
export interface JobOrder extends Pick<Progress, "total" | "unit"> {
  directory: string;
  name: string;
  /** Made for the dataset's folder as the cluster's machines see it. */
  request: (directory: string) => Request;
  /** Called before a new job is submitted. */
  prepare?: () => Promise<unknown>;
}

/** How often a job is looked at. */
const LOOK_MS = 500;
/** As many looks in a row may fail: a head that restarts takes its time. */
const FAILED_LOOKS = 60;

/**
 * Runs a job on a Ray cluster and returns what comes of it. There is one job for each dataset and method at a time: where the
 * same one runs already, since its notebook was closed, this looks on; the outcome of a check or an audit that ended
 * meanwhile is taken as it is.
 *
 * @throws DatasetError "ENVIRONMENT" for a cluster out of reach, a wrong token, or a job that didn't come to an outcome; "LOCKED" where
 * another job of the kind runs; "ABORTED", the job being stopped; and what the job itself ends with
 */
export async function runJob<T>(
  ray: RayOptions,
  order: JobOrder,
  options: LongOptions & { workers?: number },
): Promise<T> {
  const jobs = new JobsApi(ray);
  const directory = resolve(order.directory);
  const there = ray.directory ?? directory;
  const request = order.request(there);
  const { method } = request;
  const folder = JobFolder.of(directory, order.name, method);
  const { total, unit } = order;
  const progress: Progress = { stage: method, done: 0, total, unit, rate: 0, secondsLeft: Infinity };
  return await follow(progress, options, async ({ signal, show }) => {
    const bytes = serialize(request);
    const metadata = { request: createHash("sha256").update(bytes).digest("hex") };
    let id = await folder.id();
    const before = id === undefined ? undefined : await jobs.find(id);
    const same = before?.metadata?.request === metadata.request;
    if (before && !isOver(before) && !same) {
      throw new DatasetError(
        "LOCKED",
        `Ray's job ${id}: ${before.status} with other options or files, expected none; wait for it, or stop it (ray job stop ${id})`,
      );
    }
    if (same && isOver(before) && method !== "records") {
      const outcome = await folder.outcome<T>();
      if (outcome && "value" in outcome) {
        await folder.remove();
        return outcome.value;
      }
    }
    if (id === undefined || !before || isOver(before)) {
      id = `${order.name.replace(/[^\w-]/g, "_")}-${method}-${randomUUID()}`;
      await order.prepare?.();
      await folder.begin(bytes, id);
      await jobs.submit(id, entrypoint(ray, JobFolder.of(there, order.name, method).path, options.workers), metadata);
    }
    try {
      const look = async (): Promise<Outcome<T> | undefined> => {
        Object.assign(progress, await folder.progress());
        show();
        return await folder.outcome<T>();
      };
      const outcome = await watch(jobs, id, signal, look);
      await folder.remove();
      return outcomeValue(outcome);
    } catch (error) {
      if (signal.aborted) {
        await end(jobs, id);
        await folder.remove();
      }
      throw error;
    }
  });
}

function entrypoint(ray: RayOptions, folder: string, workers = 0): string {
  const library = ray.package ?? join(__dirname, "../..");
  const words = [
    ray.python ?? "python3",
    `${library}/python/deep_audio_ray.py`,
    `${library}/dist`,
    folder,
    String(workers),
  ];
  return words.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(" ");
}

/** Looks at a job until it has come to an outcome. */
async function watch<T>(
  jobs: JobsApi,
  id: string,
  signal: AbortSignal,
  look: () => Promise<Outcome<T> | undefined>,
): Promise<Outcome<T>> {
  for (let failed = 0; ; ) {
    let job: Job | undefined;
    try {
      job = await jobs.find(id);
      failed = 0;
    } catch (error) {
      if (++failed > FAILED_LOOKS) throw error;
    }
    const outcome = await look();
    if (outcome) return outcome;
    if (failed === 0 && (!job || isOver(job))) throw await lost(jobs, id, job);
    await pause(LOOK_MS, undefined, { signal });
  }
}

/** The error of a job that is over without an outcome: its driver can't be started, or somebody stopped it. */
async function lost(jobs: JobsApi, id: string, job: Job | undefined): Promise<DatasetError> {
  const how = job ? `${job.status}, ${job.message}` : "gone";
  const printed = job ? `; it printed last:\n${await jobs.lastLines(id, 20)}` : "";
  return new DatasetError("ENVIRONMENT", `Ray's job ${id}: ${how}, expected an outcome${printed}`);
}

/** Stops a job, and waits until it is over. */
async function end(jobs: JobsApi, id: string): Promise<void> {
  await jobs.stop(id);
  for (let job = await jobs.find(id); job && !isOver(job); job = await jobs.find(id)) await pause(LOOK_MS);
}
