// The Jupyter kernel: a thin layer over tslab's compiler and executor, with channels of its own. Jupyter starts it by
// the entry that the set-up writes, with the connection file as last argument.
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { beginInterrupts } from "../system/interrupts.js";
import { endProcess, SHARED } from "./control.js";
import { createCells } from "./execute.js";
import { enclosingCalls, pointsBefore, unitsBefore } from "./positions.js";
import { quickInfoText } from "./quick-info.js";
import { type Handler, openServer } from "./server.js";
import { addonFile } from "../setup/paths.js";
import { prepareTensorFlow } from "../tensorflow/prepare.js";
import { quietImports } from "../tensorflow/quiet.js";

const SHUTDOWN_MS = 100;

// For cells that import tfjs themselves.
if (!prepareTensorFlow()) quietImports(join(dirname(addonFile()), "quiet.node"), "@tensorflow/tfjs-node-gpu");

async function start(connectionFile: string): Promise<void> {
  const shared = new Int32Array(new SharedArrayBuffer(16));
  const connection = { ...JSON.parse(readFileSync(connectionFile, "utf8")), session: randomUUID() };
  const server = await openServer(connection, shared, () => void process.emit("SIGINT"));
  const cells = createCells(server, shared);
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
    history: () => ({ status: "ok", history: [] }),
    comm_info: () => ({ status: "ok", comms: {} }),
    shutdown: ({ content }) => {
      setTimeout(() => {
        process.exitCode = 0;
        process.emit("exit", 0);
        endProcess();
      }, SHUTDOWN_MS);
      return { status: "ok", restart: content.restart };
    },
  };
  server.publish("status", { execution_state: "starting" });

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
      server.text.write(name, chunk);
      const callback = typeof encoding === "function" ? encoding : done;
      if (typeof callback === "function") setImmediate(callback as () => void);
      return true;
    };
  }
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
