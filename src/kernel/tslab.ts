import { createRequire } from "node:module";
import type ts from "typescript";
import type { Converted } from "./converted.js";
import { type CellNames, patchTslab, plainTslab, tslabPatches } from "./patch-tslab.js";

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
  /** The texts of the errors of syntax in a cell. */
  syntaxErrors(code: string): ReadonlySet<string>;
  /** Where tslab's display functions, and this library's, send their content. */
  setDisplayWriter(write: (content: object, update: boolean) => void): void;
  typescriptVersion: string;
  /** What to tell whoever runs the first cell. */
  warning: string | undefined;
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
 * Loads tslab, patched where it can be.
 *
 * `onConvert` is called before and after a cell is type-checked.
 */
export function loadTslab(console: TslabConsole, cells: CellNames, onConvert: (running: boolean) => void): Tslab {
  const load = tslabRequire();
  const { patched, warning } = tslabPatches(load);
  const { typescript, adapt } = patched ? patchTslab(load, cells) : plainTslab(load);
  const { createConverter, isCompleteCode } = load("./converter.js");
  const { createExecutor } = load("./executor.js");
  const jupyter = load("./jupyter.js");
  const converter = createConverter({ isJS: false, isBrowser: false });
  const runCell = adapt(converter);
  const convert = converter.convert;
  converter.convert = (declarations: string, code: string): Converted => {
    onConvert(true);
    try {
      return convert(declarations, code);
    } finally {
      onConvert(false);
    }
  };
  // Only the converter for Node is used: tslab's mode for browser code shows nothing in a notebook.
  const executor: Executor = createExecutor(
    process.cwd(),
    { node: converter, browser: converter, close: () => {} },
    console,
  );
  return {
    executor: { ...executor, execute: (code) => runCell(() => executor.execute(code)) },
    isCompleteCode,
    syntaxErrors: (code) => {
      const file = typescript.createSourceFile("cell.ts", code, typescript.ScriptTarget.ES2022);
      const { parseDiagnostics } = file as ts.SourceFile & { parseDiagnostics: ts.Diagnostic[] };
      return new Set(
        parseDiagnostics.map(({ messageText }) => typescript.flattenDiagnosticMessageText(messageText, "\n")),
      );
    },
    setDisplayWriter: (write) => {
      jupyter.lastWriteDisplayData = write;
    },
    typescriptVersion: typescript.version,
    warning,
  };
}
