import { inspect } from "node:util";
import { type CellPlace, cellPlace } from "./source-maps.js";

/** An error as Jupyter's messages carry it. */
export interface JupyterError {
  ename: string;
  evalue: string;
  traceback: string[];
}

const RED = "\x1b[31m";
const BOLD = "\x1b[1m";
const PLAIN = "\x1b[0m";
const CONTEXT_LINES = 2;

/** The text of each cell that ran, by its name in stack traces. */
const sources = new Map<string, string>();
/** The line of the code that runs which is not the cell's but calls it. */
const wrapperLines = new Map<string, number>();

/** Remembers a cell's text for the tracebacks of its errors. */
export function keepSource(cell: string, code: string): void {
  sources.set(cell, code);
}

/** Remembers how many lines the code that runs for a cell has; its last line is no part of the cell. */
export function keepLineCount(cell: string, lines: number): void {
  wrapperLines.set(cell, lines);
}

/**
 * What was thrown, as a Jupyter error whose traceback points into the cells.
 *
 * Where the stack leads into none, as behind a promise that was handed on, it names the one that ran, if that is known.
 */
export function describeError(
  thrown: unknown,
  { note = "", cell }: { note?: string; cell?: string } = {},
): JupyterError {
  const error = describe(thrown, note);
  if (cell && !error.traceback.some((line) => line.includes("cell ["))) error.traceback.push(`    at ${cell}`);
  return error;
}

function describe(thrown: unknown, note: string): JupyterError {
  if (!(thrown instanceof Error)) {
    const evalue = inspect(thrown);
    return { ename: "Thrown", evalue, traceback: [`${RED}${BOLD}Thrown${PLAIN}: ${evalue}${note}`] };
  }
  const ename = thrown.name || thrown.constructor.name;
  const traceback = [`${RED}${BOLD}${ename}${PLAIN}: ${thrown.message}${note}`, ...frames(thrown)];
  for (let cause = thrown.cause, depth = 0; cause !== undefined && depth < 5; depth++) {
    const text = cause instanceof Error ? `${cause.name}: ${cause.message}` : inspect(cause);
    traceback.push(`caused by ${text}`, ...(cause instanceof Error ? frames(cause) : []));
    cause = cause instanceof Error ? cause.cause : undefined;
  }
  return { ename, evalue: thrown.message, traceback };
}

/**
 * The errors that were found in a cell before it ran. tslab reports each as a format with file, line, column and text.
 * @param syntax the texts of those that are errors of syntax: where there are some, they alone are shown
 */
export function describeTypeErrors(cell: string, reports: unknown[][], syntax: ReadonlySet<string>): JupyterError {
  const all = reports.map(([, file, line, column, text]) => ({
    file: String(file).trim(),
    place: { line: Number(line), column: Number(column) },
    text: String(text),
  }));
  const syntactic = all.filter(({ text }) => syntax.has(text));
  const found = syntactic.length > 0 ? syntactic : all;
  const [ename, title] =
    found === syntactic ? ["SyntaxError", "SyntaxError"] : ["TypeScriptError", "TypeError in TypeScript"];
  const traceback = found.flatMap(({ file, place, text }) => [
    `${RED}${BOLD}${title}${PLAIN}: ${text} (${file || cell}:${place.line}:${place.column})`,
    ...(file ? [] : excerpt(cell, place)),
  ]);
  const first = found[0]!;
  return { ename, evalue: `${first.text} (line ${first.place.line})`, traceback };
}

/** Makes every stack point into the cells' own text, wherever it is read: `e.stack`, `console.error(e)`, an error as a cell's value. */
export function mapStacks(): void {
  Error.prepareStackTrace = (error, calls) => {
    const frames = calls.flatMap((call) => ownFrame(`    at ${call}`) ?? []);
    return [Error.prototype.toString.call(error), ...frames].join("\n");
  };
}

/** A line of a stack, places in cells being those of the cell's text; undefined for the kernel's own. */
function ownFrame(line: string): string | undefined {
  if (/[\\/](tslab[\\/]dist|dist[\\/]kernel)[\\/]|node:vm:/.test(line)) return undefined;
  const [, before, cell, row, column] = /^(.*?)(cell \[\d+\]):(\d+):(\d+)/.exec(line) ?? [];
  if (cell === undefined) return line;
  if (Number(row) === wrapperLines.get(cell)) return undefined;
  const place = cellPlace(cell, Number(row), Number(column));
  if (!place) return undefined;
  const where = `${cell}:${place.line}:${place.column}`;
  const call = /^\s+at (?:async )?(?:Proxy\.)?(.*) \($/.exec(before!)?.[1];
  return call ? `    at ${call} (${where})` : `    at ${where}`;
}

/** The stack without Node's frames, with the lines around the first place in a cell. */
function frames(error: Error): string[] {
  const lines = (error.stack ?? "").split("\n").filter((line) => /^\s+at /.test(line));
  const shown = lines.filter((line) => !/\(node:|at node:/.test(line));
  const first = shown.findIndex((line) => IN_CELL.test(line));
  const [, cell, line, column] = IN_CELL.exec(shown[first] ?? "") ?? [];
  if (cell) shown.splice(first + 1, 0, ...excerpt(cell, { line: Number(line), column: Number(column) }));
  return shown;
}

const IN_CELL = /(cell \[\d+\]):(\d+):(\d+)/;

/** The lines of a cell around a place, with an arrow at it. */
function excerpt(cell: string, place: CellPlace): string[] {
  const lines = sources.get(cell)?.split("\n") ?? [];
  const from = Math.max(1, place.line - CONTEXT_LINES);
  const to = Math.min(lines.length, place.line + CONTEXT_LINES);
  const width = String(to).length;
  const shown: string[] = [];
  for (let line = from; line <= to; line++) {
    const mark = line === place.line ? "----> " : "      ";
    shown.push(`${mark}${String(line).padStart(width)} ${lines[line - 1]}`);
  }
  return shown;
}
