import { inspect } from "node:util";
import { beginAs, beginner } from "./beginner.js";
import { createCellQueue } from "./cell-queue.js";
import {
  describeError,
  describeTypeErrors,
  type JupyterError,
  keepLineCount,
  keepSource,
  mapStacks,
} from "./errors.js";
import { History } from "./history.js";
import type { Message } from "./message.js";
import { richForm } from "./rich-form.js";
import { createRunner } from "./runner.js";
import { endCellScope, provideScopes } from "./scopes.js";
import type { Server } from "./server.js";
import { keepMaps } from "./source-maps.js";
import { loadTslab, type Tslab } from "./tslab.js";

/** Runs cells one after the other. */
export interface Cells {
  tslab: Tslab;
  history: History;
  execute(message: Message): Promise<object>;
  interrupt(): void;
  /** Shows text in the cell that began what writes it. */
  write(name: "stdout" | "stderr", chunk: string | Uint8Array): void;
  /** The cell that runs, if its front end takes input. */
  asked(): Message | undefined;
  /** Ends the cell that runs with an error. */
  fail(error: Error): void;
  /** Shows an error that nobody awaited. */
  lateError(thrown: unknown, what: string): void;
}

/**
 * Prepares tslab to run cells whose output goes to `server`.
 * @param onRunning called when a cell begins and when it has ended
 */
export function createCells(server: Server, shared: Int32Array, onRunning: (running: boolean) => void): Cells {
  let count = 0;
  /** The cell that runs or, between two, ran last. */
  let current: Message | undefined;
  let running = false;
  const parent = (): Message | undefined => beginner() ?? current;
  let results: Promise<void> = Promise.resolve();
  const history = new History();
  let failure: JupyterError | undefined;
  let late: JupyterError | undefined;
  let warned = false;
  const typeErrors: unknown[][] = [];
  const name = (): string => `cell [${count}]`;
  mapStacks();
  provideScopes();

  const runner = createRunner((code) => beginAs(current!, () => tslab.executor.execute(code)), shared);
  const tslab = loadTslab(
    {
      log: (value) => {
        const [cell, execution_count] = [parent(), count];
        results = richForm(value).then((rich) => {
          const data = { "text/plain": inspect(value), ...rich };
          server.publish("execute_result", { execution_count, data, metadata: {} }, cell);
        });
        results.catch(() => {});
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
    const { code, silent, allow_stdin: interactive, store_history: store = true } = message.content;
    if (!silent) {
      count++;
      if (store) history.add(count, code);
      server.publish("execute_input", { code, execution_count: count }, message);
    }
    showUnder(message);
    keepSource(name(), code);
    failure = undefined;
    results = Promise.resolve();
    // Nobody looks at a run without a front end, so what failed between two cells fails the second.
    const missed = interactive ? undefined : late;
    late = undefined;
    if (missed) failure = missed;
    else await runCode(code);
    running = false;
    onRunning(false);
    server.text.flush();
    const failed: JupyterError | undefined = failure ?? late;
    late = undefined;
    if (!failed) return { status: "ok", execution_count: count, user_expressions: {}, payload: [] };
    if (failure) server.publish("error", failed, message);
    return { status: "error", execution_count: count, ...failed };
  }

  /** Output of nobody in particular belongs to this cell from now on. */
  function showUnder(message: Message): void {
    server.text.flush();
    current = message;
    running = true;
    onRunning(true);
    if (tslab.warning && !warned) server.text.write("stderr", `${tslab.warning}\n`, message);
    warned = true;
  }

  async function runCode(code: string): Promise<void> {
    try {
      await runner.run(code);
      await results;
      if (typeErrors.length > 0) failure = describeTypeErrors(name(), typeErrors.splice(0), tslab.syntaxErrors(code));
    } catch (error) {
      failure = describeError(error);
    }
    try {
      await endCellScope();
    } catch (error) {
      failure ??= describeError(error, { cell: name() });
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
    const cell = parent();
    if (cell) server.publish("error", error, cell);
    else process.stderr.write(`${error.traceback.join("\n")}\n`);
  }

  tslab.setDisplayWriter((content, update) => {
    server.publish(update ? "update_display_data" : "display_data", content, parent());
  });

  return {
    tslab,
    history,
    execute: queue.add,
    interrupt: runner.interrupt,
    write: (name, chunk) => server.text.write(name, chunk, parent()),
    asked: () => (running && current?.content.allow_stdin ? current : undefined),
    fail: runner.stop,
    lateError,
  };
}
