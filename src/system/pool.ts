import { availableParallelism } from "node:os";
import { join } from "node:path";
import type { Piscina } from "piscina";
import { DatasetError } from "../core/error.js";
import type { Runner } from "./task.js";

/**
 * The number of workers to use: what was asked for, else one per available core.
 * @throws DatasetError "OPTION" where that is no whole number of at least 1
 */
export function workerCount(asked: number = availableParallelism()): number {
  if (Number.isSafeInteger(asked) && asked > 0) return asked;
  throw new DatasetError("OPTION", `workers: ${JSON.stringify(asked)}, expected a whole number of at least 1`);
}

/** Where this process's tasks run instead of in threads. */
let elsewhere: Runner | undefined;

/** From now on `withPool` hands out `runner`, which passes the tasks of this process on to other machines. */
export function runElsewhere(runner: Runner): void {
  elsewhere = runner;
}

/** Pools between two uses, by their number of workers. */
const resting = new Map<number, Piscina[]>();

/**
 * How long threads outlive their last task. The next stage of a call, and the next call, find them started, their code
 * loaded and compiled: a small build takes a third of the time then. They keep no process alive.
 */
const REST_MS = 60_000;

/**
 * Runs `work` with a pool of up to `workers` threads on `worker.js`, which start as tasks come. Stages of one call ask for
 * the same number, so that the next one finds the threads of the one before. Nobody else uses the pool meanwhile; a moment
 * after it the threads end by themselves, at once where `work` fails, since tasks may still be running.
 */
export async function withPool<T>(workers: number, work: (pool: Runner) => Promise<T>): Promise<T> {
  if (elsewhere) return await work(elsewhere);
  const pool = resting.get(workers)?.pop() ?? createPool(workers, REST_MS);
  let result: T;
  try {
    result = await work(pool);
  } catch (error) {
    await pool.destroy();
    throw error;
  }
  resting.set(workers, [...(resting.get(workers) ?? []), pool]);
  return result;
}

/**
 * A pool that the caller keeps and destroys. Idle threads don't keep the process alive longer than `idleTimeout`.
 *
 * Atomics are off because they stop asynchronous file access between two tasks of a worker. The process's own
 * `--import` and the like don't apply to the workers, which run built code.
 */
export function createPool(workers: number, idleTimeout = 1000): Piscina {
  // Loaded where threads are made: the threads themselves, which come here too, start sooner without it.
  const { Piscina } = require("piscina") as typeof import("piscina");
  const pool = new Piscina({
    filename: join(__dirname, "..", "worker.js"),
    minThreads: 0,
    maxThreads: workers,
    idleTimeout,
    execArgv: [],
    atomics: "disabled",
    concurrentTasksPerWorker: 1,
  });
  // Each task listens for workers that fail while it waits; between two tasks nobody minds.
  pool.on("error", () => undefined);
  pool.setMaxListeners(0);
  return pool;
}
