import { join } from "node:path";
import { DatasetError, lineReporter, type Problem, problemsError, type ReportLine } from "../core/error.js";
import { isAddress, shownName } from "../core/names.js";
import { addDecimals } from "../core/numbers.js";
import { type DatasetIndex, type Row, rowKey } from "../core/rows.js";
import { findSplits, someOf, splitReader, type SplitName, type SplitReader } from "../core/split-name.js";
import { cellNumber, notNumber } from "../format/csv.js";
import { linksOut } from "../system/file-names.js";
import { datasetFolders } from "./folders.js";
import { fieldProblem } from "./index-csv.js";
import type { Table } from "./table-rows.js";

/**
 * What a table's rows become. A column is named by its header; `file`, `target` and `keys` may be a pattern with columns in
 * braces, such as `audio/{fname}.wav`. Exactly one of `label`, `labels`, `values`, `target` and `keys` says what the target is.
 */
export interface TableOptions {
  /**
   * The audio file: a column, or a pattern. Relative to `D/in`, or to D where there is no folder `in`; or an address, such as
   * `https://host/clips/{fname}.wav` or `s3://bucket/{fname}.wav`.
   */
  file: string;
  /** Kind classes: the column with the one class name of a file. */
  label?: string;
  /** Kind classes: the column with all class names of a file. */
  labels?: string;
  /** Separator of the names in the column `labels`. Default ",". */
  separator?: string;
  /** Kind values: the columns with numbers. */
  values?: readonly string[];
  /** Kind pairs: the target's audio file, a column or a pattern, relative to `D/out`, or an address. */
  target?: string;
  /** Kind frames: the key csv or MIDI file, a column or a pattern, relative to D. */
  keys?: string;
  /** The classes in the order of the label columns. Default: all that occur, by name. */
  classes?: readonly string[];
  /** The column whose value is a row's group. */
  group?: string;
  /**
   * The column that says the side of a split: train, val, validation, test, eval …; `dev` is for validation where there is
   * `train` too. Default: a column `split`, `subset`, `set`, `partition` or `fold` whose cells all are such names.
   */
  split?: string;
  /** The split of every row, where the table as a whole is one side. */
  side?: SplitName;
  /**
   * The column of the second at which an example begins, where rows are parts of longer files: they are cut out while recording.
   * Parts of one file are one group, unless `group` names another.
   */
  start?: string;
  /** The column of the second at which a part ends. Default: with the file. */
  end?: string;
  /** In the place of `end`: the column of a part's seconds. */
  duration?: string;
  /** What decimals are written with. Default ".". */
  decimal?: "." | ",";
  /** Kind classes: rows without a class. With "skip" they are left out, and counted in a warning. Default "error". */
  unlabelled?: "error" | "skip";
  /** Takes only rows for which it is true. */
  where?: (row: Readonly<Record<string, string>>) => boolean;
}

/** The columns that the options name. */
export function columnsOf(options: TableOptions): (string | undefined)[] {
  const { file, target, keys, label, labels, group, split, start, end, duration, values = [] } = options;
  const patterns = [file, target, keys].flatMap((pattern) => (pattern === undefined ? [] : columnsIn(pattern)));
  return [...patterns, label, labels, group, split, start, end, duration, ...values];
}

/**
 * The index of a table's rows.
 * @param problems what is wrong with the table already
 * @throws DatasetError "INDEX" with every bad row at once, "OPTION" for options that don't fit together
 */
export async function indexOfTable(
  directory: string,
  name: string,
  table: Table,
  options: TableOptions,
  problems: Problem[],
): Promise<DatasetIndex> {
  const report = lineReporter(name, problems);
  const kind = kindOf(options);
  const folders = await datasetFolders(directory);
  const { splits, warnings = [] } = splitsOf(name, table, options);
  const rows: Row[] = [];
  const names: string[][] = [];
  const seen = new Map<string, number>();
  let unlabelled = 0;
  const inParts = options.start !== undefined || options.end !== undefined || options.duration !== undefined;
  for (const { line, cells } of table.rows) {
    if (options.where && !options.where(cells)) continue;
    const before = problems.length;
    const row: Row = {
      id: rows.length,
      line,
      input: filled(options.file, cells),
      ...partOf(cells, options, line, report),
    };
    if (options.target !== undefined) row.target = filled(options.target, cells);
    if (options.keys !== undefined) row.keys = filled(options.keys, cells);
    if (options.group !== undefined) row.group = cells[options.group]!;
    else if (inParts) row.group = row.input;
    for (const field of ["input", "target", "keys"] as const) {
      const wrong = row[field] === undefined ? undefined : fieldProblem(field, row[field]);
      if (wrong) report(line, wrong.kind, wrong.message);
    }
    const key = rowKey(row);
    const earlier = seen.get(key);
    if (earlier !== undefined) {
      const hint = inParts ? "" : partsHint(table);
      report(line, "duplicate", `"${shownName(row.input)}" is already in line ${earlier}, expected once${hint}`);
    }
    seen.set(key, line);
    if (splits) setSplit(row, cells[splits.column] ?? "", splits.read, report);
    else if (options.side) row.split = options.side;
    const classes = labelsOf(cells, options);
    if (classes?.length === 0 && options.unlabelled === "skip") {
      unlabelled++;
      continue;
    }
    if (classes?.length === 0)
      report(line, "labels", `label: empty, expected a class name; pass unlabelled: "skip" to leave such rows out`);
    if (options.label !== undefined && LIST.test(classes?.[0] ?? "")) {
      const hint = `pass labels: ${JSON.stringify(options.label)} in the place of label`;
      report(line, "labels", `label ${JSON.stringify(classes![0])}: a list, expected one class name; ${hint}`);
    }
    if (options.values) row.values = numbersOf(cells, options, line, report);
    if (problems.length > before) continue;
    rows.push(row);
    if (classes) names.push(classes);
  }
  if (unlabelled > 0) {
    const message = `rows without a class: ${unlabelled}, not taken (${name})`;
    warnings.push({ kind: "skipped", file: name, line: 1, message });
  }
  await reportLinks(directory, folders, rows, report);
  if (rows.length === 0 && problems.length === 0) report(1, "empty", "no rows, expected at least one");
  if (problems.length === 0 && options.label !== undefined) refuseTexts(name, options.label, names);
  const labels = kind === "classes" ? giveValues(rows, names, options, report) : options.values && [...options.values];
  if (problems.length > 0) throw problemsError("INDEX", `table ${name}`, problems);
  return {
    kind,
    file: name,
    rows,
    ...(labels ? { labels } : {}),
    ...folders,
    ...(warnings.length > 0 ? { warnings } : {}),
  };
}

type Cells = Record<string, string>;

/** The kind of dataset that the options make. @throws DatasetError "OPTION" where they name no target, or several */
function kindOf(options: TableOptions): DatasetIndex["kind"] {
  const { label, labels, values, target, keys, unlabelled = "error" } = options;
  if (unlabelled !== "error" && unlabelled !== "skip")
    throw new DatasetError("OPTION", `unlabelled: ${JSON.stringify(unlabelled)}, expected "error" or "skip"`);
  const given = Object.entries({ label, labels, values, target, keys }).filter(([, value]) => value !== undefined);
  if (given.length !== 1) {
    const names = given.length === 0 ? "none" : given.map(([name]) => name).join(" and ");
    throw new DatasetError("OPTION", `target: ${names}, expected one of label, labels, values, target, keys`);
  }
  const { start, end, duration, decimal = "." } = options;
  if (end !== undefined && duration !== undefined)
    throw new DatasetError("OPTION", "end and duration: both, expected one of them");
  if (keys !== undefined && (start ?? end ?? duration) !== undefined)
    throw new DatasetError(
      "OPTION",
      "keys: of parts of files, expected whole files; their labels' times begin with the file",
    );
  if (decimal !== "." && decimal !== ",")
    throw new DatasetError("OPTION", `decimal: ${JSON.stringify(decimal)}, expected "." or ","`);
  return values ? "values" : target !== undefined ? "pairs" : keys !== undefined ? "frames" : "classes";
}

const FIELD = /\{([^{}]+)\}/g;

/** The columns that an option names: itself, or what its braces hold. */
function columnsIn(pattern: string): string[] {
  const fields = [...pattern.matchAll(FIELD)].map(([, name]) => name as string);
  return fields.length > 0 ? fields : [pattern];
}

/** What an option says of a row: a cell, or its pattern with cells in the braces. */
export function filled(pattern: string, cells: Cells): string {
  if (!pattern.includes("{")) return cells[pattern] ?? "";
  return pattern.replace(FIELD, (_whole, name: string) => cells[name] ?? "");
}

/** The part of a file that a row is. */
function partOf(
  cells: Cells,
  { start, end, duration, decimal }: TableOptions,
  line: number,
  report: ReportLine,
): Pick<Row, "start" | "end"> {
  const time = (column: string | undefined): number | undefined => {
    const text = column === undefined ? "" : (cells[column] ?? "");
    if (text === "") return undefined;
    const value = cellNumber(text, decimal);
    if (value === undefined) report(line, "number", `${column}: ${notNumber(text, decimal)}`);
    else if (value < 0) report(line, "number", `${column}: ${value}, expected seconds of at least 0`);
    return value;
  };
  const [from, to, length] = [time(start), time(end), time(duration)];
  const stop = length === undefined ? to : addDecimals(from ?? 0, length);
  if (stop !== undefined && stop <= (from ?? 0))
    report(line, "number", `part: ${from ?? 0} to ${stop} s, expected its end behind its beginning`);
  return { ...(from === undefined ? {} : { start: from }), ...(stop === undefined ? {} : { end: stop }) };
}

/** What to pass where rows that name one file seem to be parts of it. */
function partsHint({ header }: Table): string {
  const named = (pattern: RegExp): string | undefined => header.find((column) => pattern.test(column));
  const from = named(/^(start|begin|onset|offset)/i);
  const to = named(/^(end|stop)/i);
  return from === undefined || to === undefined
    ? ""
    : `; if rows are parts of files, pass start: ${JSON.stringify(from)}, end: ${JSON.stringify(to)}`;
}

type Splits = { column: string; read: SplitReader };

/** The column of splits: the one that was named, or one that reads as such and that nothing else uses. */
function splitsOf(
  file: string,
  { header, rows }: Table,
  options: TableOptions,
): { splits?: Splits; warnings?: Problem[] } {
  const { split, side, label, labels, group, values = [] } = options;
  const cellsOf = (column: string): string[] => rows.map(({ cells }) => cells[column] ?? "");
  if (split !== undefined) return { splits: { column: split, read: splitReader(cellsOf(split), split) } };
  if (side !== undefined) return {};
  const taken = [label, labels, group, ...values];
  const free = [...new Set(header)].filter((column) => !taken.includes(column));
  const found = findSplits(free, cellsOf);
  if (!found || "column" in found) return found ? { splits: found } : {};
  const hint = `; if they are folds, pass group: ${JSON.stringify(found.unread)}`;
  const message = `column "${found.unread}": ${someOf(found.values)}, expected train, validate or test (${file}:1)${hint}`;
  return { warnings: [{ kind: "split", file, line: 1, message }] };
}

function setSplit(row: Row, text: string, read: SplitReader, report: ReportLine): void {
  const split = read(text);
  if (split) row.split = split;
  else {
    const expected = "expected train, validate or test, or a usual name of these";
    report(row.line, "split", `split ${JSON.stringify(text)}: ${expected}`);
  }
}

/** A list of texts as pandas, Python or json writes it: `['abc', 'def']`, `('abc',)`. */
export const LIST = /^(\[\s*(['"]).*\2\s*\]|\(\s*(['"]).*\3\s*,?\s*\))$/s;

function labelsOf(cells: Cells, { label, labels, separator = "," }: TableOptions): string[] | undefined {
  if (label !== undefined) return [cells[label] ?? ""].filter((name) => name !== "");
  if (labels === undefined) return undefined;
  const cell = cells[labels] ?? "";
  if (/^\[.*\]$/s.test(cell) || LIST.test(cell)) {
    const items =
      listOf(cell) ??
      [...cell.slice(1, -1).matchAll(/'([^']*)'|"([^"]*)"|([^,'"]+)/g)].map((m) => m[1] ?? m[2] ?? m[3]);
    return items.map((item) => String(item).trim()).filter((name) => name !== "");
  }
  return cell.split(separator).flatMap((name) => (name.trim() === "" ? [] : [name.trim()]));
}

/** A list that is json. */
function listOf(cell: string): unknown[] | undefined {
  try {
    return JSON.parse(cell) as unknown[];
  } catch {
    return undefined;
  }
}

function numbersOf(cells: Cells, { values = [], decimal }: TableOptions, line: number, report: ReportLine): number[] {
  return values.map((column) => {
    const value = cellNumber(cells[column] ?? "", decimal);
    if (value === undefined) {
      const text = cells[column] ?? "";
      const hint = /[^\W\d_]{2}/.test(text) ? "; for class names pass label or labels; texts can't be targets" : "";
      report(line, "number", `${column}: ${notNumber(text, decimal)}${hint}`);
    }
    return value ?? 0;
  });
}

/** Rows from which on a class for each of them is no class any more. */
const MANY = 10;

/** @throws DatasetError "OPTION" for a column of sentences or of names, of which each row has its own */
export function refuseTexts(file: string, column: string, names: readonly (readonly string[])[]): void {
  const different = new Set(names.flat());
  const spaced = [...different].filter((name) => /\s/.test(name)).length;
  if (names.length < MANY || different.size * 2 < names.length || spaced * 2 < different.size) return;
  const found = `column "${column}": ${different.size} texts in ${names.length} rows, such as ${someOf([...different], 1)}`;
  throw new DatasetError(
    "OPTION",
    `${found}, expected classes (${file}); texts can't be targets, name a column of classes`,
  );
}

/** Gives each row a 1 for each of its classes and returns the classes. Rows of the same classes share their numbers. */
function giveValues(rows: Row[], names: readonly string[][], options: TableOptions, report: ReportLine): string[] {
  const classes = options.classes ? [...options.classes] : [...new Set(names.flat())].sort((a, b) => (a < b ? -1 : 1));
  const column = new Map(classes.map((name, i) => [name, i]));
  const shared = new Map<string, number[]>();
  rows.forEach((row, i) => {
    const key = JSON.stringify(names[i]);
    const same = shared.get(key);
    if (same) {
      row.values = same;
      return;
    }
    const values = new Array<number>(classes.length).fill(0);
    let known = true;
    for (const name of names[i] ?? []) {
      const k = column.get(name);
      if (k !== undefined) values[k] = 1;
      else {
        report(row.line, "labels", `class "${name}": unknown, expected one of the ${classes.length} given`);
        known = false;
      }
    }
    row.values = values;
    if (known) shared.set(key, values);
  });
  return classes;
}

async function reportLinks(
  directory: string,
  folders: { inputFolder: string; targetFolder: string },
  rows: readonly Row[],
  report: ReportLine,
): Promise<void> {
  const named = [
    ["input", folders.inputFolder],
    ["target", folders.targetFolder],
    ["keys", ""],
  ] as const;
  for (const [field, folder] of named) {
    const files = rows.flatMap(({ [field]: name }) => (name === undefined || isAddress(name) ? [] : [name]));
    const out = files.length > 0 ? await linksOut(join(directory, folder), files) : new Set<string>();
    for (const row of out.size > 0 ? rows : []) {
      if (!out.has(row[field] ?? "")) continue;
      report(row.line, "outside", `${field} "${row[field]}" is a link out of the folder, expected a file inside it`);
    }
  }
}
