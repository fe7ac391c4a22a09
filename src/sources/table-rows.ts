import { join } from "node:path";
import { parse } from "csv-parse/sync";
import { DatasetError, type ReportLine } from "../core/error.js";
import { nameProblem } from "../core/names.js";
import { decodeUtf8 } from "../format/csv.js";
import { bytesOf, statOf } from "../system/file-names.js";

/** A row of a table: its cells by the names of their columns. */
export interface TableRow {
  /** 1-based line of the file. */
  line: number;
  cells: Record<string, string>;
}

/** A table: the names of its columns, and its rows. */
export interface Table {
  header: readonly string[];
  /** Line of the header. Default 1. */
  line?: number;
  rows: TableRow[];
}

/** How a csv is written. */
export interface CsvForm {
  /** Names of the columns, for a csv without a header. */
  columns?: readonly string[];
  /** Separator of cells. Default "\t" for a name that ends in `.tsv`, else ",". */
  delimiter?: string;
  /** Whether a cell in double quotes may hold separators. Default true; false where quotes are text like any other. */
  quote?: boolean;
  /** Lines that begin so are left out. Default: none. */
  comment?: string;
}

/** @throws DatasetError "OPTION" for a name that leaves the folder, "FILE" where there is no such file */
export async function readTableFile(directory: string, file: string): Promise<Uint8Array> {
  const wrong = nameProblem(file);
  if (wrong) throw new DatasetError("OPTION", `csv ${JSON.stringify(file)} ${wrong}`);
  if (!(await statOf(join(directory, file)))?.isFile())
    throw new DatasetError("FILE", `csv ${file}: not found in ${directory}`);
  return await bytesOf(join(directory, file));
}

/**
 * Reads a csv.
 * @param report takes the rows that aren't as wide as the header
 * @throws DatasetError "INDEX" where it can't be read
 */
export async function readCsv(directory: string, csv: string, form: CsvForm, report: ReportLine): Promise<Table> {
  const text = decodeUtf8(await readTableFile(directory, csv), csv);
  const { delimiter = delimiterOf(csv), quote = true, comment } = form;
  let header = form.columns;
  let headerLine = 1;
  const rows: TableRow[] = [];
  const same = sameTexts();
  const take = (record: string[], { lines: line }: { lines: number }): null => {
    if (!header) [header, headerLine] = [record, line];
    else if (record.length === header.length)
      rows.push({ line, cells: Object.fromEntries(header.map((name, i) => [name, same(record[i]!)])) });
    else report(line, "columns", `columns: ${record.length}, expected ${header.length} as in the header`);
    return null;
  };
  try {
    const quoted = { bom: true, trim: true, skip_empty_lines: true, relax_column_count: true };
    const comments = comment === undefined ? {} : { comment, comment_no_infix: true };
    // Row by row: what the parser says of each would take more memory than the rows.
    parse(text, { ...quoted, ...comments, delimiter, quote: quote && '"', on_record: take });
  } catch (cause) {
    const { message, lines } = cause as Error & { lines?: number };
    const hint = /quote/i.test(message) ? "; if quotes are text in it, pass quote: false" : "";
    throw new DatasetError("INDEX", `csv ${csv}: ${message} (${csv}:${lines ?? 1})${hint}`, [], { cause });
  }
  if (!header) throw new DatasetError("INDEX", `csv ${csv}: empty, expected a header and rows (${csv}:1)`);
  return { header, line: headerLine, rows };
}

/** Different texts of which one copy is kept. */
const MOST_TEXTS = 10_000;

/** Gives one string for the same texts, of which a table has many: classes, groups, sides. */
function sameTexts(): (text: string) => string {
  const known = new Map<string, string>();
  return (text) => {
    const found = known.get(text);
    if (found === undefined && known.size < MOST_TEXTS) known.set(text, text);
    return found ?? text;
  };
}

function delimiterOf(csv: string): string {
  return /\.tsv$/i.test(csv) ? "\t" : ",";
}

/** @throws DatasetError "OPTION" for a column that the table doesn't have, "INDEX" for one that it has twice */
export function checkColumns(
  file: string,
  { header, line = 1 }: Table,
  names: readonly (string | undefined)[],
  form: CsvForm = {},
): void {
  for (const name of names) {
    if (name === undefined) continue;
    if (header.indexOf(name) !== header.lastIndexOf(name)) {
      throw new DatasetError("INDEX", `column "${name}": twice in ${file}, expected once (${file}:${line})`);
    }
    if (header.includes(name)) continue;
    const [other] = form.delimiter || header.length > 1 ? [] : (/[;\t]/.exec(header[0] ?? "") ?? []);
    const hint = header[0]?.startsWith("#")
      ? '; if lines that begin with # are comments, pass comment: "#"'
      : other === undefined
        ? ""
        : `; if cells are separated by ${JSON.stringify(other)}, pass it as delimiter`;
    throw new DatasetError("OPTION", `column "${name}": not in ${file}, expected one of ${header.join(", ")}${hint}`);
  }
}
