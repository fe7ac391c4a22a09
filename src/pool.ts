import { availableParallelism } from "node:os";
import { join } from "node:path";
import { Piscina } from "piscina";

/** The number of workers to use: what was asked for, else one per available core. */
export function workerCount(asked?: number): number {
  return Math.max(1, Math.floor(asked ?? availableParallelism()));
}

/**
 * Runs `work` with a pool of worker threads on `worker.js`, and ends the threads when it is done.
 *
 * Atomics are off because they stop asynchronous file access between two tasks of a worker.
 */
export async function withPool<T>(workers: number, work: (pool: Piscina) => Promise<T>): Promise<T> {
  const pool = createPool(workers);
  try {
    return await work(pool);
  } finally {
    await pool.destroy();
  }
}

/** A pool that the caller keeps and destroys. Idle threads don't keep the process alive longer than `idleTimeout`. */
export function createPool(workers: number, idleTimeout = 1000): Piscina {
  return new Piscina({
    filename: join(__dirname, "worker.js"),
    minThreads: 0,
    maxThreads: workers,
    idleTimeout,
    atomics: "disabled",
    concurrentTasksPerWorker: 1,
  });
}
