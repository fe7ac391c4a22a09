import { setMaxListeners } from "node:events";
import type { Piscina } from "piscina";
import { DatasetError, type ErrorCode, type Problem } from "../core/error.js";

/** What a task sends back: errors cross a thread as plain data, since cloning strips them of code and problems. */
export type Outcome<T> =
  | { value: T }
  | {
      failed: {
        code?: ErrorCode;
        name: string;
        message: string;
        stack: string | undefined;
        problems: readonly Problem[];
      };
    };

/** Makes a worker's task of a function: what it throws travels to `runTask` as data. */
export function asTask<A, T>(work: (input: A) => T | Promise<T>): (input: A) => Promise<Outcome<T>> {
  return async (input) => {
    try {
      return { value: await work(input) };
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      const { name, message, stack } = error;
      return error instanceof DatasetError
        ? { failed: { code: error.code, name, message, stack, problems: error.problems } }
        : { failed: { name, message, stack, problems: [] } };
    }
  };
}

/** As `asTask`, for a function whose module is loaded when the first task comes. */
export function lazyTask<A, T>(load: () => Promise<(input: A) => T | Promise<T>>): (input: A) => Promise<Outcome<T>> {
  return asTask(async (input) => (await load())(input));
}

/** Runs one of `worker.ts`'s tasks in the pool; a DatasetError thrown there is thrown here, code and problems included. */
export async function runTask<T>(pool: Piscina, name: string, input: unknown, signal?: AbortSignal): Promise<T> {
  // As many tasks as there are shards may wait for one signal; Node would take that for a leak and warn of it.
  if (signal) setMaxListeners(0, signal);
  const outcome: Outcome<T> = await pool.run(input, { name, signal: signal ?? null });
  if ("value" in outcome) return outcome.value;
  const { code, message, stack, problems } = outcome.failed;
  const error = code ? new DatasetError(code, message, problems) : new Error(message);
  if (stack) error.stack = stack;
  throw error;
}
