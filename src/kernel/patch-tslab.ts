import vm from "node:vm";
import type ts from "typescript";
import { mayPatch, type Patches } from "../system/patches.js";
import { type Converter, keepDeclarations } from "./declarations.js";
import { addOutside, withoutExport } from "./imports.js";
import { addSourceMaps } from "./source-maps.js";
import { awaits } from "./top-level-await.js";
import { plainUsing, useInCell } from "./using.js";

/** The version whose inner parts this kernel was written for. */
export const TSLAB_VERSION = "1.0.22";

/** The cell that runs. */
export interface CellNames {
  /** Its name in stack traces. */
  name(): string;
  /** How many lines the code that runs for it has. */
  onLines(cell: string, lines: number): void;
}

/** Whether this tslab is patched; as it is, it runs cells all the same. */
export function tslabPatches(load: NodeJS.Require): Patches {
  const { version } = load("../package.json") as { version: string };
  const other = version === TSLAB_VERSION ? undefined : `tslab ${version}, expected ${TSLAB_VERSION}`;
  const then = `Cells run as plain tslab runs them: errors point into the compiled code; install tslab@${TSLAB_VERSION}`;
  return mayPatch("DEEP_AUDIO_PLAIN_TSLAB", other, then);
}

/** tslab's TypeScript, and what becomes of tslab's converter. */
export interface LoadedTypeScript {
  typescript: typeof ts;
  /** Changes a converter; the result runs cells by tslab's executor. */
  adapt(converter: Converter): (execute: () => Promise<boolean>) => Promise<boolean>;
}

/**
 * Everything that the kernel changes in tslab: cells get source maps and a name, so that errors point into them,
 * `{ name }` finds a variable of an earlier cell, whatever they await is waited for, what a cell declared before it
 * failed stays, files from other folders and by their full names are imported, `export` may stand in a cell, and
 * `using` and `await using` declare what ends with its block or its cell.
 */
export function patchTslab(load: NodeJS.Require, cells: CellNames): LoadedTypeScript {
  runByControl(cells);
  const typescript = addSourceMaps(load);
  return {
    typescript,
    adapt: (converter) => {
      const { convert, inspect, complete } = converter;
      const readable = (code: string): string => plainUsing(typescript, code).code;
      converter.inspect = (declarations, code, position) => inspect(declarations, readable(code), position);
      converter.complete = (declarations, code, position) => complete(declarations, readable(code), position);
      converter.convert = (declarations, code) => {
        const used = useInCell(typescript, code);
        const plain = withoutExport(typescript, used.code);
        const converted = convert(declarations, plain);
        addOutside(converted);
        if (converted.diagnostics.length === 0) converted.hasToplevelAwait ||= used.awaits || awaits(typescript, plain);
        return converted;
      };
      return keepDeclarations(typescript, converter);
    },
  };
}

/** tslab as it is, but for its handling of SIGINT. */
export function plainTslab(load: NodeJS.Require): LoadedTypeScript {
  runByControl();
  return { typescript: load("@tslab/typescript-for-tslab") as typeof ts, adapt: () => (execute) => execute() };
}

/**
 * Lets the control thread alone interrupt what tslab runs, and names it by `cells`, so that stack traces distinguish
 * cells.
 *
 * Without it, and with a tslab that isn't patched too, a cell ended by force would take the kernel's SIGINT listeners
 * with it: Node takes them off while a script runs with `breakOnSigint`.
 */
function runByControl(cells?: CellNames): void {
  const run = vm.runInThisContext;
  const head = /^\((?:async )?function\(exports, require\) \{ /;
  vm.runInThisContext = ((code: string, options?: vm.RunningCodeOptions & { filename?: string }) => {
    if (typeof options !== "object" || !options.breakOnSigint) return run(code, options);
    const prefix = cells && head.exec(code);
    if (!prefix) return run(code, { ...options, breakOnSigint: false });
    const filename = cells.name();
    cells.onLines(filename, code.split("\n").length);
    return run(code, { filename, columnOffset: -prefix[0].length });
  }) as typeof vm.runInThisContext;
}
