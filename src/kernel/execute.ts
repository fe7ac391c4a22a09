import { inspect } from "node:util";
import { createCellQueue } from "./cell-queue.js";
import { describeError, describeTypeErrors, type JupyterError, keepLineCount, keepSource } from "./errors.js";
import type { Message } from "./message.js";
import { createRunner } from "./runner.js";
import type { Server } from "./server.js";
import { keepMaps } from "./source-maps.js";
import { loadTslab, type Tslab } from "./tslab.js";

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
  let failure: JupyterError | undefined;
  let late: JupyterError | undefined;
  let warned = false;
  const typeErrors: unknown[][] = [];
  const name = (): string => `cell [${count}]`;

  const runner = createRunner((code) => tslab.executor.execute(code), shared);
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
      runner.setRunning(!converting);
      if (!converting) keepMaps(name());
    },
  );

  async function executeNow(message: Message): Promise<object> {
    const { code, silent, allow_stdin: interactive } = message.content;
    if (!silent) {
      count++;
      server.publish("execute_input", { code, execution_count: count }, message);
    }
    showUnder(message);
    keepSource(name(), code);
    failure = undefined;
    // Nobody looks at a run without a front end, so what failed between two cells fails the second.
    const missed = interactive ? undefined : late;
    late = undefined;
    if (missed) failure = missed;
    else await runCode(code);
    server.text.flush();
    const failed: JupyterError | undefined = failure ?? late;
    late = undefined;
    if (!failed) return { status: "ok", execution_count: count, user_expressions: {}, payload: [] };
    if (failure) server.publish("error", failed, message);
    return { status: "error", execution_count: count, ...failed };
  }

  /** Output from now on belongs to this cell. */
  function showUnder(message: Message): void {
    current = message;
    server.setTextParent(message);
    tslab.setDisplayWriter((content, update) => {
      server.publish(update ? "update_display_data" : "display_data", content, message);
    });
    if (tslab.warning && !warned) server.text.write("stderr", `${tslab.warning}\n`);
    warned = true;
  }

  async function runCode(code: string): Promise<void> {
    try {
      await runner.run(code);
      if (typeErrors.length > 0) failure = describeTypeErrors(name(), typeErrors.splice(0));
    } catch (error) {
      failure = describeError(error);
    }
  }

  const queue = createCellQueue<Message, object>(
    executeNow,
    (message, reply) => "ename" in reply && message.content.stop_on_error !== false,
    (message) => {
      server.publish("stream", { name: "stderr", text: `not run: ${name()} failed before it\n` }, message);
      return { status: "aborted", execution_count: count };
    },
  );

  function lateError(thrown: unknown, what: string): void {
    const error = describeError(thrown, { note: ` (${what})` });
    late = error;
    if (current) server.publish("error", error, current);
    else process.stderr.write(`${error.traceback.join("\n")}\n`);
  }

  return { tslab, execute: queue.add, interrupt: runner.interrupt, lateError };
}
