import { createRequire } from "node:module";
import vm from "node:vm";
import type ts from "typescript";
import { awaits } from "./top-level-await.js";
import { addSourceMaps } from "./source-maps.js";

/** The version whose inner parts this kernel was written for. */
export const TSLAB_VERSION = "1.0.22";

/** Prints what tslab has to say: results of cells, and errors (one value) or type errors (a format and its values). */
export interface TslabConsole {
  log(value: unknown): void;
  error(...values: unknown[]): void;
}

/** tslab's executor: runs, completes and explains code. */
export interface Executor {
  execute(code: string): Promise<boolean>;
  inspect(code: string, position: number): ts.QuickInfo | undefined;
  complete(code: string, position: number): { start: number; end: number; candidates: string[] };
}

/** The part of a zeromq socket that is used here. */
export interface Socket extends AsyncIterable<Buffer[]> {
  bind(address: string): Promise<void>;
  send(frames: (string | Buffer)[]): Promise<void>;
}

/** What the kernel uses of tslab. */
export interface Tslab {
  executor: Executor;
  isCompleteCode(code: string): { completed: boolean; indent?: string };
  /** Where tslab's display functions, and this library's, send their content. */
  setDisplayWriter(write: (content: object, update: boolean) => void): void;
  typescriptVersion: string;
}

/** Makes `require` find what tslab itself would find. */
export function tslabRequire(): NodeJS.Require {
  return createRequire(createRequire(__filename).resolve("tslab/dist/main.js"));
}

/** zeromq's sockets, from tslab's own copy. */
export function loadZeromq(): Record<"Publisher" | "Router" | "Reply", new (options?: object) => Socket> {
  return tslabRequire()("zeromq");
}

/**
 * Loads tslab with changes from outside: cells get source maps and a name, so that errors point into them, and whatever
 * they await is waited for.
 *
 * `onConvert` is called before and after a cell is type-checked.
 */
export function loadTslab(console: TslabConsole, onConvert: (running: boolean) => void): Tslab {
  const load = tslabRequire();
  const { version } = load("../package.json") as { version: string };
  if (version !== TSLAB_VERSION) throw new Error(`tslab ${version}, expected ${TSLAB_VERSION}: run npm ci`);
  const typescript = addSourceMaps(load);
  const { createConverter, isCompleteCode } = load("./converter.js");
  const { createExecutor } = load("./executor.js");
  const jupyter = load("./jupyter.js");
  const converter = createConverter({ isJS: false, isBrowser: false });
  const convert = converter.convert;
  converter.convert = (declarations: string, code: string): unknown => {
    onConvert(true);
    try {
      const converted = convert(declarations, code);
      if (converted.diagnostics.length === 0) converted.hasToplevelAwait ||= awaits(typescript, code);
      return converted;
    } finally {
      onConvert(false);
    }
  };
  // Only the converter for Node is used: tslab's mode for browser code shows nothing in a notebook.
  const executor = createExecutor(process.cwd(), { node: converter, browser: converter, close: () => {} }, console);
  return {
    executor,
    isCompleteCode,
    setDisplayWriter: (write) => {
      jupyter.lastWriteDisplayData = write;
    },
    typescriptVersion: typescript.version,
  };
}

/**
 * Names the scripts that tslab runs, by the cell `cellName` gives, so that stack traces distinguish cells.
 *
 * It also takes off their `breakOnSigint`: while that is on, a SIGINT listener that library code adds is lost. The
 * control thread interrupts instead.
 */
export function nameCells(cellName: () => string, onLines: (cell: string, lines: number) => void): void {
  const run = vm.runInThisContext;
  const head = /^\((?:async )?function\(exports, require\) \{ /;
  vm.runInThisContext = ((code: string, options?: vm.RunningCodeOptions & { filename?: string }) => {
    const prefix = typeof options === "object" && options.breakOnSigint ? head.exec(code) : null;
    if (!prefix) return run(code, options);
    const filename = cellName();
    onLines(filename, code.split("\n").length);
    return run(code, { filename, columnOffset: -prefix[0].length });
  }) as typeof vm.runInThisContext;
}
