// The Jupyter kernel: a thin layer over tslab's compiler and executor, with channels of its own. Jupyter starts it by
// the entry that the set-up writes, with the connection file as last argument.
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { beginInterrupts } from "../system/interrupts.js";
import { endProcess, SHARED } from "./control.js";
import { createCells } from "./execute.js";
import type { History } from "./history.js";
import { enclosingCalls, pointsBefore, unitsBefore } from "./positions.js";
import { quickInfoText } from "./quick-info.js";
import { followTimers } from "./beginner.js";
import { showChildOutput } from "./child-output.js";
import { quietError } from "./runner.js";
import { type Handler, openServer } from "./server.js";
import { StandardInput } from "./stdin.js";
import { addonFile } from "../setup/paths.js";
import { prepareTensorFlow } from "../tensorflow/prepare.js";
import { quietImports } from "../tensorflow/quiet.js";

const SHUTDOWN_MS = 100;

// For cells that import tfjs themselves.
if (!prepareTensorFlow()) quietImports(join(dirname(addonFile()), "quiet.node"), "@tensorflow/tfjs-node-gpu");

async function start(connectionFile: string): Promise<void> {
  const shared = new Int32Array(new SharedArrayBuffer(16));
  const connection = { ...JSON.parse(readFileSync(connectionFile, "utf8")), session: randomUUID() };
  const interrupt = (): void => void process.emit("SIGINT");
  const server = await openServer(connection, shared, interrupt, (line) => stdin.answer(line));
  const cells = createCells(server, shared, (running) => (running ? stdin.beginCell() : stdin.endCell()));
  const stdin = new StandardInput({
    ask: (prompt) => {
      const cell = cells.asked();
      if (cell) server.askInput(prompt, cell);
      return cell !== undefined;
    },
    refuse: cells.fail,
  });
  const { tslab } = cells;

  const handlers: Record<string, Handler> = {
    kernel_info: () => kernelInfo(tslab.typescriptVersion),
    execute: (message) => cells.execute(message),
    is_complete: ({ content }) => {
      const { completed, indent } = tslab.isCompleteCode(content.code);
      return completed ? { status: "complete" } : { status: "incomplete", indent };
    },
    complete: ({ content: { code, cursor_pos } }) => {
      const { start, end, candidates } = tslab.executor.complete(code, unitsBefore(code, cursor_pos));
      const [cursor_start, cursor_end] = [pointsBefore(code, start), pointsBefore(code, end)];
      return { status: "ok", matches: candidates, cursor_start, cursor_end, metadata: {} };
    },
    inspect: ({ content: { code, cursor_pos } }) => {
      const cursor = unitsBefore(code, cursor_pos);
      // Between a call's parentheses the function is what one wants to know about.
      for (const at of [cursor, ...enclosingCalls(code, cursor)]) {
        const info = tslab.executor.inspect(code, at);
        if (info) return { status: "ok", found: true, data: { "text/plain": quickInfoText(info) }, metadata: {} };
      }
      return { status: "ok", found: false, data: {}, metadata: {} };
    },
    history: ({ content }) => cells.history.answer(content as Parameters<History["answer"]>[0]),
    comm_info: () => ({ status: "ok", comms: {} }),
    shutdown: ({ content }) => {
      endSoon(0);
      return { status: "ok", restart: content.restart };
    },
  };
  server.publish("status", { execution_state: "starting" });

  /** Ends the kernel when what it has to say is sent. */
  function endSoon(code: number): void {
    setTimeout(() => {
      process.exitCode = code;
      process.emit("exit", code);
      endProcess();
    }, SHUTDOWN_MS);
  }
  // Node's own would end native threads in the middle of their work, which then abort with a core dump.
  process.exit = (code): never => {
    server.text.flush();
    endSoon(Number(code ?? process.exitCode ?? 0));
    const error = quietError("Exit", "the cell called process.exit: the kernel has ended");
    cells.fail(error);
    throw error;
  };

  beginInterrupts();
  process.on("SIGINT", cells.interrupt);
  // Each further listener is library work that ends by itself when interrupted, once the main thread gets to it.
  const count = (name: string | symbol, more: number): void => {
    if (name === "SIGINT") Atomics.store(shared, SHARED.patient, process.listenerCount("SIGINT") + more > 1 ? 1 : 0);
  };
  process.on("newListener", (name) => count(name, 1));
  process.on("removeListener", (name) => count(name, 0));
  process.on("uncaughtException", (error) => cells.lateError(error, "thrown outside of what the cell awaits"));
  process.on("unhandledRejection", (reason) => cells.lateError(reason, "rejected promise that nothing awaits"));
  for (const name of ["stdout", "stderr"] as const) {
    process[name].write = (chunk: string | Uint8Array, encoding?: unknown, done?: unknown): boolean => {
      if (name === "stdout" && typeof chunk === "string") stdin.note(chunk);
      cells.write(name, chunk);
      const callback = typeof encoding === "function" ? encoding : done;
      if (typeof callback === "function") setImmediate(callback as () => void);
      return true;
    };
  }
  Object.defineProperty(process, "stdin", { value: stdin, configurable: true, enumerable: true });
  showChildOutput(cells.write);
  followTimers();
  server.listen(handlers);
}

function kernelInfo(version: string): object {
  return {
    status: "ok",
    protocol_version: "5.3",
    implementation: "deep-audio-dataset",
    implementation_version: "1.0",
    banner: `TypeScript ${version} on Node ${process.versions.node}, through tslab`,
    help_links: [],
    language_info: {
      name: "typescript",
      version,
      mimetype: "text/typescript",
      file_extension: ".ts",
      pygments_lexer: "typescript",
      // "mode" is what JupyterLab reads, the rest is for the classic notebook.
      codemirror_mode: { mode: "typescript", name: "javascript", typescript: true },
    },
  };
}

void start(process.argv[process.argv.length - 1]!);
