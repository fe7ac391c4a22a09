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

/** The type errors of a cell. tslab reports each as a format with file, line, column and text. */
export function describeTypeErrors(cell: string, reports: unknown[][]): JupyterError {
  const found = reports.map(([, file, line, column, text]) => ({
    file: String(file).trim(),
    place: { line: Number(line), column: Number(column) },
    text: String(text),
  }));
  const traceback = found.flatMap(({ file, place, text }) => [
    `${RED}${BOLD}TypeError in TypeScript${PLAIN}: ${text} (${file || cell}:${place.line}:${place.column})`,
    ...(file ? [] : excerpt(cell, place)),
  ]);
  const first = found[0]!;
  return { ename: "TypeScriptError", evalue: `${first.text} (line ${first.place.line})`, traceback };
}

/** The stack without the kernel's own and Node's frames, places in cells being those of the cell's text. */
function frames(error: Error): string[] {
  const lines = (error.stack ?? "").split("\n").filter((line) => /^\s+at /.test(line));
  const shown: string[] = [];
  let excerpted = false;
  for (const line of lines) {
    if (/[\\/](tslab[\\/]dist|dist[\\/]kernel)[\\/]|\(node:|at node:/.test(line)) continue;
    const match = /(cell \[\d+\]):(\d+):(\d+)/.exec(line);
    if (!match) {
      shown.push(line);
      continue;
    }
    const cell = match[1]!;
    if (Number(match[2]) === wrapperLines.get(cell)) continue;
    const place = cellPlace(cell, Number(match[2]), Number(match[3]));
    if (!place) continue;
    const where = `${cell}:${place.line}:${place.column}`;
    const call = /^\s+at (?:async )?(?:Proxy\.)?(.*) \(cell/.exec(line)?.[1];
    shown.push(call ? `    at ${call} (${where})` : `    at ${where}`);
    if (!excerpted) shown.push(...excerpt(cell, place));
    excerpted = true;
  }
  return shown;
}

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
