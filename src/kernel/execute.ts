import { inspect } from "node:util";
import { countInterrupt } from "../system/interrupts.js";
import { SHARED, STATE } from "./control.js";
import { describeError, describeTypeErrors, type JupyterError, keepLineCount, keepSource } from "./errors.js";
import { resetTensorFlow } from "./reset-tensorflow.js";
import type { Message } from "./message.js";
import type { Server } from "./server.js";
import { keepMaps } from "./source-maps.js";
import { loadTslab, type Tslab } from "./tslab.js";

/** How long requests that wait behind a failed cell are gathered before they are answered as not run. */
const GATHER_MS = 50;
/** How long interrupted library work may take to end by itself, with an error that says how far it came. */
const ABORT_MS = 700;

/** Runs cells one after the other. */
export interface Cells {
  tslab: Tslab;
  execute(message: Message): Promise<object>;
  interrupt(): void;
  /** Shows an error that nobody awaited. */
  lateError(thrown: unknown, what: string): void;
}

/** Prepares tslab to run cells whose output goes to `server`. */
export function createCells(server: Server, shared: Int32Array): Cells {
  let count = 0;
  let current: Message | undefined;
  let running = false;
  let failure: JupyterError | undefined;
  let late: JupyterError | undefined;
  let queue: Promise<unknown> = Promise.resolve();
  let failedCell = 0;
  let warned = false;
  let stopRunning: ((error: Error) => void) | undefined;
  const name = (): string => `cell [${count}]`;

  const setState = (state: number): void => void Atomics.store(shared, SHARED.state, state);
  const typeErrors: unknown[][] = [];
  const tslab = loadTslab(
    {
      log: (value) => {
        const data = { "text/plain": inspect(value) };
        server.publish("execute_result", { execution_count: count, data, metadata: {} }, current);
      },
      error: (...values) => {
        if (values.length > 1) typeErrors.push(values);
        else failure = describeError(values[0], { cell: name() });
      },
    },
    { name, onLines: keepLineCount },
    (converting) => {
      setState(converting ? STATE.idle : STATE.running);
      if (!converting) keepMaps(name());
    },
  );

  /** Runs code in a turn of its own: code that is ended by force takes its callers with it. */
  async function run(code: string): Promise<void> {
    const stopped = new Promise<never>((_, reject) => (stopRunning = reject));
    const done = new Promise((resolve) => setTimeout(() => resolve(tslab.executor.execute(code)), 0));
    running = true;
    try {
      await Promise.race([done, stopped]);
      if (typeErrors.length > 0) failure = describeTypeErrors(name(), typeErrors.splice(0));
      // Rejections that nobody handles are known one turn later.
      await new Promise((resolve) => setImmediate(resolve));
    } catch (error) {
      failure = describeError(error);
    } finally {
      running = false;
      stopRunning = undefined;
      setState(STATE.idle);
    }
  }

  async function executeNow(message: Message): Promise<object> {
    const { code, silent, allow_stdin: interactive } = message.content;
    if (!silent) {
      count++;
      server.publish("execute_input", { code, execution_count: count }, message);
    }
    current = message;
    server.setTextParent(message);
    tslab.setDisplayWriter((content, update) => {
      server.publish(update ? "update_display_data" : "display_data", content, message);
    });
    if (tslab.warning && !warned) server.text.write("stderr", `${tslab.warning}\n`);
    warned = true;
    keepSource(name(), code);
    failure = undefined;
    // Nobody looks at a run without a front end, so what failed between two cells fails the second.
    const missed = interactive ? undefined : late;
    late = undefined;
    if (missed) failure = missed;
    else await run(code);
    server.text.flush();
    const failed: JupyterError | undefined = failure ?? late;
    late = undefined;
    if (!failed) return { status: "ok", execution_count: count, user_expressions: {}, payload: [] };
    if (failure) server.publish("error", failed, message);
    return { status: "error", execution_count: count, ...failed };
  }

  async function execute(message: Message): Promise<object> {
    const before = failedCell;
    const turn = queue.then(async () => {
      if (failedCell !== before) return notRun(message);
      const reply = await executeNow(message);
      if ("ename" in reply && message.content.stop_on_error !== false) {
        // What was sent before the front end could know of the failure is read now and not run.
        await new Promise((resolve) => setTimeout(resolve, GATHER_MS));
        failedCell = count;
      }
      return reply;
    });
    queue = turn.catch(() => {});
    return turn;
  }

  function notRun(message: Message): object {
    const text = `not run: ${name()} failed before it\n`;
    server.publish("stream", { name: "stderr", text }, message);
    return { status: "aborted", execution_count: count };
  }

  function interrupt(): void {
    countInterrupt();
    if (Atomics.exchange(shared, SHARED.forced, 0) === 1) cleanUp();
    if (!running) return;
    const stop = stopRunning;
    // Only this listener: no library work that ends by itself.
    const wait = process.listenerCount("SIGINT") > 1 ? ABORT_MS : 0;
    setTimeout(() => stop?.(interrupted()), wait);
  }

  /** What was ended by force had no chance to end its scopes and to take back its listeners. */
  function cleanUp(): void {
    resetTensorFlow();
    for (const listener of process.listeners("SIGINT")) if (listener !== interrupt) process.off("SIGINT", listener);
  }

  function lateError(thrown: unknown, what: string): void {
    const error = describeError(thrown, { note: ` (${what})` });
    late = error;
    if (current) server.publish("error", error, current);
    else process.stderr.write(`${error.traceback.join("\n")}\n`);
  }

  return { tslab, execute, interrupt, lateError };
}

function interrupted(): Error {
  const error = new Error("the cell was interrupted");
  error.name = "Interrupted";
  delete error.stack;
  return error;
}
