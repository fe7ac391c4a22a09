import { type DatasetError, lineError } from "../core/error.js";

/** One line of a csv: its 1-based number and its trimmed cells, or what is wrong with it. */
export interface CsvLine {
  line: number;
  cells: string[];
  /** Set when the quotes of the line don't match; `cells` is then empty. */
  broken?: string;
}

/**
 * The lines of a csv in which a row never spans two lines: blank lines are left out, the numbers are those of the file.
 *
 * Takes UTF-8 with or without byte order mark, LF, CRLF or CR, quoted cells and spaces around cells.
 * @example csvLines('a.wav, "b, c.wav"\r\n') // [{ line: 1, cells: ["a.wav", "b, c.wav"] }]
 */
export function csvLines(text: string): CsvLine[] {
  const out: CsvLine[] = [];
  const lines = text.replace(/^\uFEFF/, "").split(/\r\n|\n|\r/);
  for (let i = 0; i < lines.length; i++) {
    const source = lines[i] as string;
    if (source.trim() === "") continue;
    if (!source.includes('"')) {
      out.push({ line: i + 1, cells: source.split(",").map((cell) => cell.trim()) });
      continue;
    }
    // Line by line, so that one unclosed quote doesn't swallow the rest of the file.
    let broken: string | undefined;
    // Loaded with the first quote: most lists have none, and every worker would load it.
    const { parse } = require("csv-parse/sync") as typeof import("csv-parse/sync");
    const rows: string[][] = parse(source, {
      trim: true,
      relax_column_count: true,
      skip_records_with_error: true,
      on_skip: (error) => {
        broken ??= error?.message;
        return undefined;
      },
    });
    out.push(broken === undefined ? { line: i + 1, cells: rows[0] ?? [] } : { line: i + 1, cells: [], broken });
  }
  return out;
}

/**
 * The number a cell holds in plain decimal notation (`1`, `-0.5`, `2e-3`), if a float32 can hold it; undefined for anything else.
 * @param decimal what its decimals are written with. Default "."
 */
export function cellNumber(cell: string, decimal: "." | "," = "."): number | undefined {
  const text = decimal === "," && !cell.includes(".") ? cell.replace(",", ".") : cell;
  return /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(text) && Number.isFinite(Math.fround(Number(text)))
    ? Number(text)
    : undefined;
}

/** What is wrong with a cell that holds no number for `cellNumber`. */
export function notNumber(cell = "", decimal: "." | "," = "."): string {
  const large = /\d/.test(cell) && Math.abs(Math.fround(Number(cell))) === Infinity;
  const comma =
    decimal === "." && /^[+-]?\d+,\d+$/.test(cell) ? '; if its comma is a decimal one, pass decimal: ","' : "";
  return `${JSON.stringify(cell)}, expected a number${large ? "; float32 holds none beyond 3.4e38" : comma}`;
}

/** A hint where a line of one cell looks separated by something other than commas. */
export function separatorHint(cells: readonly string[], others: readonly string[] = [";", "\t", " "]): string {
  const other = cells.length === 1 ? others.find((c) => cells[0]?.includes(c)) : undefined;
  return other === undefined ? "" : `; the line is separated by ${JSON.stringify(other)}, expected commas`;
}

/** UTF-8 text of a file; any other encoding is an error rather than a set of broken names. */
export function decodeUtf8(bytes: Uint8Array, file: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw notUtf8("INDEX", bytes, file, cause);
  }
}

/** The error about bytes that aren't UTF-8, with the line of the first of them. */
export function notUtf8(code: "INDEX" | "LABEL", bytes: Uint8Array, file: string, cause: unknown): DatasetError {
  const lossy = new TextDecoder().decode(bytes);
  const line = lossy.slice(0, lossy.indexOf("\uFFFD")).split(/\r\n|\n|\r/).length;
  const message = `encoding of ${file}: not UTF-8, save the file as UTF-8`;
  return lineError(code, { kind: "encoding", file, line, message, cause });
}

/** A csv of these rows, in `\n` lines; cells with delimiters, quotes, line ends or spaces at either end are quoted. */
export function formatCsv(rows: readonly (readonly (string | number)[])[], delimiter = ","): string {
  const { stringify } = require("csv-stringify/sync") as typeof import("csv-stringify/sync");
  return stringify(rows as (string | number)[][], { delimiter, quoted_match: /^\s|\s$|\r/ });
}
