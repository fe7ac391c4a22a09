import { setMaxListeners } from "node:events";
import { DatasetError, type ErrorCode, type Problem } from "../core/error.js";
import { namedError } from "./atomic-file.js";
import { noteIn, notedFile } from "./noted-file.js";

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

/** What a worker gets: a task's input, and where it notes the file that it works on. */
export interface Order<A> {
  input: A;
  note: Uint8Array;
}

/** Where tasks run: a pool of threads, or processes on other machines. */
export interface Runner {
  run(order: Order<unknown>, options: { name: string; signal: AbortSignal | null }): Promise<unknown>;
  on(event: "error", listener: (error: Error) => void): unknown;
  off(event: "error", listener: (error: Error) => void): unknown;
}

/** Makes a worker's task of a function: what it throws travels to `runTask` as data. */
export function asTask<A, T>(work: (input: A) => T | Promise<T>): (order: Order<A>) => Promise<Outcome<T>> {
  return async ({ input, note }) => {
    noteIn(note);
    try {
      return { value: await work(input) };
    } catch (thrown) {
      const error = isOutOfMemory(thrown) ? memoryError(note, thrown) : namedError(thrown);
      if (!(error instanceof Error)) throw error;
      const { name, message, stack } = error;
      return error instanceof DatasetError
        ? { failed: { code: error.code, name, message, stack, problems: error.problems } }
        : { failed: { name, message, stack, problems: [] } };
    }
  };
}

/** As `asTask`, for a function whose module is loaded when the first task comes. */
export function lazyTask<A, T>(
  load: () => Promise<(input: A) => T | Promise<T>>,
): (order: Order<A>) => Promise<Outcome<T>> {
  return asTask(async (input) => (await load())(input));
}

/** Bytes of a note: a name of the longest kind, and its length. */
export const NOTE_BYTES = 4098;

/**
 * Runs one of `worker.ts`'s tasks in the pool; a DatasetError thrown there is thrown here, code and problems included.
 * @throws DatasetError "FILE" that names the file at which the worker ran out of memory
 */
export async function runTask<T>(pool: Runner, name: string, input: unknown, signal?: AbortSignal): Promise<T> {
  // As many tasks as there are shards may wait for one signal; Node would take that for a leak and warn of it.
  if (signal) setMaxListeners(0, signal);
  const order: Order<unknown> = { input, note: new Uint8Array(new SharedArrayBuffer(NOTE_BYTES)) };
  let outcome: unknown;
  let refuse: (error: Error) => void = () => undefined;
  try {
    outcome = await new Promise((resolve, reject) => {
      // A worker that can't start has no task that could fail of it.
      refuse = reject;
      pool.on("error", refuse);
      pool.run(order, { name, signal: signal ?? null }).then(resolve, reject);
    });
  } catch (error) {
    throw isOutOfMemory(error) ? memoryError(order.note, error) : startError(error);
  } finally {
    pool.off("error", refuse);
  }
  return outcomeValue(outcome as Outcome<T>);
}

/** What a task gave; an error that it threw is thrown again. */
export function outcomeValue<T>(outcome: Outcome<T>): T {
  if ("value" in outcome) return outcome.value;
  const { code, message, stack, problems } = outcome.failed;
  const error = code ? new DatasetError(code, message, problems) : new Error(message);
  if (stack) error.stack = stack;
  throw error;
}

/** The library's own error for a worker that can't start; others come back as they are. */
function startError(error: unknown): unknown {
  const { code, message } = (error ?? {}) as NodeJS.ErrnoException;
  if (code !== "ERR_WORKER_INIT_FAILED") return error;
  const files = message?.includes("EMFILE") ? "too many files are open: raise the limit (ulimit -n 4096)" : message;
  return new DatasetError(
    "ENVIRONMENT",
    `worker thread: none can be started, expected room for one (${files}); use fewer workers`,
    [],
    { cause: error },
  );
}

/** Whether a worker died of memory, or was refused a large piece of it. */
function isOutOfMemory(error: unknown): boolean {
  const { code, message } = (error ?? {}) as NodeJS.ErrnoException;
  if (code === "ERR_WORKER_OUT_OF_MEMORY") return true;
  return (
    error instanceof RangeError && /allocation failed|Invalid (typed )?array length|could not allocate/i.test(message!)
  );
}

function memoryError(note: Uint8Array, cause: unknown): DatasetError {
  const file = notedFile(note) || "a worker";
  return new DatasetError(
    "FILE",
    `${file}: not enough memory, expected some for reading it; leave it out if it is damaged or very long, use fewer workers, or give Node more (NODE_OPTIONS=--max-old-space-size=8192)`,
    [],
    { cause },
  );
}
