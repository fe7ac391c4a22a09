import { SourceMap } from "node:module";
import type ts from "typescript";
import { importedSources, keepOutside, NOT_UNDER_ROOT } from "./imports.js";
import { usingOfCell } from "./using.js";
import { shorthandProperties } from "./shorthand.js";

/** A place in a cell, both counted from 1. */
export interface CellPlace {
  line: number;
  column: number;
}

/** Node's own type leaves out that entries have an original place. */
interface Lines {
  findEntry(line: number, column: number): { originalLine?: number; originalColumn?: number };
}

/** What tslab's first pass made of a cell, and what its second made of that. */
interface TwoPasses {
  first?: Lines | undefined;
  second?: Lines;
}

// biome-ignore lint/suspicious/noExplicitAny: TypeScript's own functions, called as tslab calls them
type AnyFunction = (...args: any[]) => any;

const INLINE = /\n?\/\/# sourceMappingURL=data:application\/json;base64,([A-Za-z0-9+/=]+)\s*$/;
const REFERENCE = /\n?\/\/# sourceMappingURL=\S*\s*$/;

/** "The inferred type of … cannot be named without a reference to …. This is likely not portable." */
const NOT_PORTABLE = 2742;

let latest: TwoPasses = {};
const cells = new Map<string, TwoPasses>();

/**
 * Makes the TypeScript that tslab loads write source maps, and gives that TypeScript.
 *
 * tslab compiles a cell twice, from TypeScript to ES modules and from those to CommonJS, without maps. Its calls to
 * these two functions are given the options that make them; the maps are kept and taken off the code.
 */
export function addSourceMaps(load: NodeJS.Require): typeof ts {
  const path = load.resolve("@tslab/typescript-for-tslab");
  const typescript = load(path) as { version: string } & Record<string, AnyFunction>;
  const replaced: Record<string, AnyFunction> = {
    // Names of types inside the library's own copy of TensorFlow.js are found by the cells that follow, files outside the
    // notebook's folder are compiled all the same; TypeScript doubts it.
    getPreEmitDiagnosticsOfFiles: (...given) =>
      typescript.getPreEmitDiagnosticsOfFiles!(...given).filter(
        ({ code }: ts.Diagnostic) => code !== NOT_PORTABLE && code !== NOT_UNDER_ROOT,
      ),
    createWatchCompilerHost: (files, options, ...rest) =>
      keepOutside(
        typescript.createWatchCompilerHost!(
          files,
          { ...options, inlineSourceMap: true, allowImportingTsExtensions: true },
          ...rest,
        ),
        (code) => load("./converter.js").esModuleToCommonJSModule(code, options.target),
        usingOfCell(typescript as never),
      ),
    transpileModule: (code: string, options) => {
      const inline = INLINE.exec(code)?.[1];
      const compilerOptions = { ...options.compilerOptions, sourceMap: true };
      const transformers = {
        before: [shorthandProperties(typescript as never), importedSources(typescript as never)],
      };
      const result = typescript.transpileModule!(code.replace(INLINE, ""), {
        ...options,
        compilerOptions,
        transformers,
      });
      latest = {
        first: inline ? lines(Buffer.from(inline, "base64").toString()) : undefined,
        second: lines(result.sourceMapText),
      };
      return { ...result, outputText: result.outputText.replace(REFERENCE, "") };
    },
  };
  // TypeScript's exports can't be set, so tslab is given a copy of them in the module cache.
  const properties: PropertyDescriptorMap = Object.getOwnPropertyDescriptors(typescript);
  for (const [name, value] of Object.entries(replaced)) {
    if (!properties[name]) throw new Error(`tslab: its TypeScript has no ${name}, expected one as in TypeScript 5.0.4`);
    properties[name] = { value, enumerable: true };
  }
  load.cache[path]!.exports = Object.defineProperties({}, properties);
  return typescript as unknown as typeof ts;
}

function lines(map: string): Lines {
  return new SourceMap(JSON.parse(map)) as unknown as Lines;
}

/** Keeps the maps of the cell that was compiled last under its name. */
export function keepMaps(cell: string): void {
  cells.set(cell, latest);
}

/** The place in the cell's own text, of a place in the code that runs. */
export function cellPlace(cell: string, line: number, column: number): CellPlace | undefined {
  const passes = cells.get(cell);
  const between = passes?.second?.findEntry(line - 1, column - 1);
  if (!passes?.first || between?.originalLine === undefined) return undefined;
  const entry = passes.first.findEntry(between.originalLine, between.originalColumn ?? 0);
  // tslab puts one line before the cell, so the 0-based line is the cell's 1-based one.
  if (!entry.originalLine) return undefined;
  return { line: entry.originalLine, column: (entry.originalColumn ?? 0) + 1 };
}
