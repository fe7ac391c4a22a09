import { join } from "node:path";
import { parse } from "csv-parse/sync";
import { DatasetError, type Problem, problemsError, type ReportLine } from "../core/error.js";
import { checkKnown, type OptionNames } from "../core/known-options.js";
import { cellNumber, decodeUtf8, notNumber } from "../format/csv.js";
import { bytesOf, linksOut, statOf } from "../system/file-names.js";
import { type DatasetIndex, type Row, rowKey } from "../core/rows.js";
import { datasetFolders } from "./folders.js";
import { findSplits, someOf, splitReader, type SplitName, type SplitReader } from "../core/split-name.js";
import { nameProblem } from "../core/names.js";

/**
 * Options of `fromCsv`. A column is named by its header; `file`, `target` and `keys` may be a pattern with columns in
 * braces, such as `audio/{fname}.wav`. Exactly one of `label`, `labels`, `values`, `target` and `keys` says what the target is.
 */
export interface FromCsvOptions {
  /** The audio file: a column, or a pattern. Relative to `D/in`, or to D where there is no folder `in`. */
  file: string;
  /** Kind classes: the column with the one class name of a file. */
  label?: string;
  /** Kind classes: the column with all class names of a file. */
  labels?: string;
  /** Separator of the names in the column `labels`. Default ",". */
  separator?: string;
  /** Kind values: the columns with numbers. */
  values?: readonly string[];
  /** Kind pairs: the target's audio file, a column or a pattern, relative to `D/out`. */
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
  /** The split of every row, where the csv as a whole is one side. */
  side?: SplitName;
  /** Names of the columns, for a csv without a header. */
  columns?: readonly string[];
  /** Separator of cells. Default ",". */
  delimiter?: string;
  /** Whether a cell in double quotes may hold separators. Default true; false where quotes are text like any other. */
  quote?: boolean;
  /** Takes only rows for which it is true. */
  where?: (row: Readonly<Record<string, string>>) => boolean;
}

/**
 * Makes the index of a dataset from a csv that came with it.
 *
 * **ESC-50**, `meta/esc50.csv`: `filename,fold,target,category,esc10,src_file,take`; audio in `audio/`.
 * `fromCsv(D, "meta/esc50.csv", { file: "audio/{filename}", label: "category", group: "fold" })`: the five folds keep clips
 * of one recording together, `kfold({ groupBy })` gives them back.
 *
 * **GTZAN**, `features_30_sec.csv`: `filename,length,chroma_stft_mean,…,label`; audio in `genres_original/<label>/`.
 * `fromCsv(D, "features_30_sec.csv", { file: "genres_original/{label}/{filename}", label: "label" })`; or `fromFolder`.
 *
 * **FSD50K**, `FSD50K.ground_truth/dev.csv`: `fname,labels,mids,split` (`64760,"Electric_guitar,Guitar,Music","/m/02sgy,…",train`),
 * audio in `FSD50K.dev_audio/64760.wav`; `eval.csv` has no column `split`.
 * `fromCsv(D, "FSD50K.ground_truth/dev.csv", { file: "FSD50K.dev_audio/{fname}.wav", labels: "labels", split: "split" })`, and the same of
 * eval.csv with `side: "test"`, joined by `joinIndexes`.
 *
 * **MAESTRO**, `maestro-v3.0.0.csv`: `canonical_composer,canonical_title,split,year,midi_filename,audio_filename,duration`.
 * `fromCsv(D, "maestro-v3.0.0.csv", { file: "audio_filename", keys: "midi_filename", split: "split", group: "canonical_title" })`.
 *
 * **Speech Commands** has no csv: `fromFolder`.
 *
 * @param csv relative to `directory`
 * @throws DatasetError "INDEX" with every bad row at once, "OPTION" for columns that the csv doesn't have
 * @example const index = await fromCsv("./esc50", "meta/esc50.csv", { file: "audio/{filename}", label: "category", group: "fold" });
 */
export async function fromCsv(directory: string, csv: string, options: FromCsvOptions): Promise<DatasetIndex> {
  checkKnown("fromCsv", options, OPTIONS);
  const problems: Problem[] = [];
  const report: ReportLine = (line, kind, message) =>
    void problems.push({ kind, file: csv, line, message: `${message} (${csv}:${line})` });
  const kind = kindOf(options);
  const lines = await readRows(directory, csv, options, report);
  const folders = await datasetFolders(directory);
  const { splits, warnings } = splitsOf(csv, lines, options);
  const rows: Row[] = [];
  const names: string[][] = [];
  const seen = new Map<string, number>();
  for (const { line, cells } of lines) {
    if (options.where && !options.where(cells)) continue;
    const row: Row = { id: rows.length, line, input: filled(options.file, cells) };
    if (options.target !== undefined) row.target = filled(options.target, cells);
    if (options.keys !== undefined) row.keys = filled(options.keys, cells);
    if (options.group !== undefined) row.group = cells[options.group]!;
    const before = problems.length;
    for (const field of ["input", "target", "keys"] as const) {
      const wrong = row[field] === undefined ? undefined : nameProblem(row[field]);
      if (wrong) report(line, "outside", `${field} ${JSON.stringify(row[field])} ${wrong}`);
    }
    const key = rowKey(row);
    const earlier = seen.get(key);
    if (earlier !== undefined) report(line, "duplicate", `"${row.input}" is already in line ${earlier}, expected once`);
    seen.set(key, line);
    if (splits) setSplit(row, cells[splits.column] ?? "", splits.read, report);
    else if (options.side) row.split = options.side;
    const classes = labelsOf(cells, options);
    if (classes?.length === 0) report(line, "labels", `label: empty, expected a class name`);
    if (options.label !== undefined && LIST.test(classes?.[0] ?? "")) {
      const hint = `pass labels: ${JSON.stringify(options.label)} in the place of label`;
      report(line, "labels", `label ${JSON.stringify(classes![0])}: a list, expected one class name; ${hint}`);
    }
    if (options.values) row.values = numbersOf(cells, options.values, line, report);
    if (problems.length > before) continue;
    rows.push(row);
    if (classes) names.push(classes);
  }
  await reportLinks(directory, folders, rows, report);
  if (rows.length === 0 && problems.length === 0) report(1, "empty", "no rows, expected at least one");
  const labels = kind === "classes" ? giveValues(rows, names, options, report) : options.values && [...options.values];
  if (problems.length > 0) throw problemsError("INDEX", `csv ${csv}`, problems);
  return { kind, file: csv, rows, ...(labels ? { labels } : {}), ...folders, ...(warnings ? { warnings } : {}) };
}

type Cells = Record<string, string>;

function kindOf(options: FromCsvOptions): DatasetIndex["kind"] {
  const { label, labels, values, target, keys } = options;
  const given = Object.entries({ label, labels, values, target, keys }).filter(([, value]) => value !== undefined);
  if (given.length !== 1) {
    const names = given.length === 0 ? "none" : given.map(([name]) => name).join(" and ");
    throw new DatasetError(
      "OPTION",
      `target of fromCsv: ${names}, expected one of label, labels, values, target, keys`,
    );
  }
  return values ? "values" : target !== undefined ? "pairs" : keys !== undefined ? "frames" : "classes";
}

const OPTIONS: OptionNames<FromCsvOptions> = {
  ...{ file: true, label: true, labels: true, separator: true, values: true, target: true, keys: true, classes: true },
  ...{ group: true, split: true, side: true, columns: true, delimiter: true, quote: true, where: true },
};

const FIELD = /\{([^{}]+)\}/g;

/** The columns that an option names: itself, or what its braces hold. */
function columnsIn(pattern: string): string[] {
  const fields = [...pattern.matchAll(FIELD)].map(([, name]) => name as string);
  return fields.length > 0 ? fields : [pattern];
}

function filled(pattern: string, cells: Cells): string {
  if (!pattern.includes("{")) return cells[pattern] ?? "";
  return pattern.replace(FIELD, (_whole, name: string) => cells[name] ?? "");
}

async function readRows(
  directory: string,
  csv: string,
  options: FromCsvOptions,
  report: ReportLine,
): Promise<{ line: number; cells: Cells }[]> {
  const wrong = nameProblem(csv);
  if (wrong) throw new DatasetError("OPTION", `csv ${JSON.stringify(csv)} ${wrong}`);
  if (!(await statOf(join(directory, csv)))?.isFile())
    throw new DatasetError("FILE", `csv ${csv}: not found in ${directory}`);
  const text = decodeUtf8(await bytesOf(join(directory, csv)), csv);
  let parsed: { record: string[]; info: { lines: number } }[];
  try {
    const quoted = { bom: true, trim: true, skip_empty_lines: true, relax_column_count: true, info: true };
    const { delimiter = ",", quote = true } = options;
    parsed = parse(text, { ...quoted, delimiter, quote: quote && '"' }) as unknown as typeof parsed;
  } catch (cause) {
    const { message, lines } = cause as Error & { lines?: number };
    const hint = /quote/i.test(message) ? "; if quotes are text in it, pass quote: false" : "";
    throw new DatasetError("INDEX", `csv ${csv}: ${message} (${csv}:${lines ?? 1})${hint}`, [], { cause });
  }
  const header = options.columns ? [...options.columns] : parsed.shift()?.record;
  if (!header) throw new DatasetError("INDEX", `csv ${csv}: empty, expected a header and rows`);
  const { file, target, keys, label, labels, group, split, values = [] } = options;
  const wanted = [file, target, keys].flatMap((pattern) => (pattern === undefined ? [] : columnsIn(pattern)));
  for (const name of [...wanted, label, labels, group, split, ...values]) {
    if (name === undefined) continue;
    if (header.indexOf(name) !== header.lastIndexOf(name)) {
      throw new DatasetError("INDEX", `column "${name}": twice in ${csv}, expected once`);
    }
    if (header.includes(name)) continue;
    const [other] = options.delimiter || header.length > 1 ? [] : (/[;\t]/.exec(header[0] ?? "") ?? []);
    const hint =
      other === undefined ? "" : `; if cells are separated by ${JSON.stringify(other)}, pass it as delimiter`;
    throw new DatasetError("OPTION", `column "${name}": not in ${csv}, expected one of ${header.join(", ")}${hint}`);
  }
  const rows: { line: number; cells: Cells }[] = [];
  for (const { record, info } of parsed) {
    if (record.length !== header.length) {
      report(info.lines, "columns", `columns: ${record.length}, expected ${header.length} as in the header`);
    } else rows.push({ line: info.lines, cells: Object.fromEntries(header.map((name, i) => [name, record[i] ?? ""])) });
  }
  return rows;
}

type Splits = { column: string; read: SplitReader };

/** The column of splits: the one that was named, or one that reads as such and that nothing else uses. */
function splitsOf(
  csv: string,
  lines: readonly { cells: Cells }[],
  options: FromCsvOptions,
): { splits?: Splits; warnings?: Problem[] } {
  const { split, side, label, labels, group, values = [] } = options;
  const cellsOf = (column: string): string[] => lines.map(({ cells }) => cells[column] ?? "");
  if (split !== undefined) return { splits: { column: split, read: splitReader(cellsOf(split)) } };
  if (side !== undefined) return {};
  const taken = [label, labels, group, ...values];
  const free = Object.keys(lines[0]?.cells ?? {}).filter((column) => !taken.includes(column));
  const found = findSplits(free, cellsOf);
  if (!found || "column" in found) return found ? { splits: found } : {};
  const hint = `; if they are folds, pass group: ${JSON.stringify(found.unread)}`;
  const message = `column "${found.unread}": ${someOf(found.values)}, expected train, validate or test (${csv}:1)${hint}`;
  return { warnings: [{ kind: "split", file: csv, line: 1, message }] };
}

function setSplit(row: Row, text: string, read: SplitReader, report: ReportLine): void {
  const split = read(text);
  if (split) row.split = split;
  else {
    const expected = "expected train, validate or test, or a usual name of these";
    report(row.line, "split", `split ${JSON.stringify(text)}: ${expected}`);
  }
}

/** A list of texts as pandas writes it: `['abc', 'def']`. */
const LIST = /^\[\s*(['"]).*\1\s*\]$/s;

function labelsOf(cells: Cells, { label, labels, separator = "," }: FromCsvOptions): string[] | undefined {
  if (label !== undefined) return [cells[label] ?? ""].filter((name) => name !== "");
  if (labels === undefined) return undefined;
  const cell = cells[labels] ?? "";
  // As pandas writes a list: ['abc', 'def'].
  if (/^\[.*\]$/s.test(cell)) {
    const items = cell.slice(1, -1).matchAll(/'([^']*)'|"([^"]*)"|([^,'"]+)/g);
    return [...items].map(([, a, b, c]) => (a ?? b ?? c ?? "").trim()).filter((name) => name !== "");
  }
  return cell.split(separator).flatMap((name) => (name.trim() === "" ? [] : [name.trim()]));
}

function numbersOf(cells: Cells, columns: readonly string[], line: number, report: ReportLine): number[] {
  return columns.map((column) => {
    const value = cellNumber(cells[column] ?? "");
    if (value === undefined) report(line, "number", `${column}: ${notNumber(cells[column])}`);
    return value ?? 0;
  });
}

/** Gives each row a 1 for each of its classes and returns the classes. */
function giveValues(rows: Row[], names: readonly string[][], options: FromCsvOptions, report: ReportLine): string[] {
  const classes = options.classes ? [...options.classes] : [...new Set(names.flat())].sort((a, b) => (a < b ? -1 : 1));
  const column = new Map(classes.map((name, i) => [name, i]));
  rows.forEach((row, i) => {
    const values = new Array<number>(classes.length).fill(0);
    for (const name of names[i] ?? []) {
      const k = column.get(name);
      if (k === undefined)
        report(row.line, "labels", `class "${name}": unknown, expected one of the ${classes.length} given`);
      else values[k] = 1;
    }
    row.values = values;
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
    const files = rows.flatMap((row) => row[field] ?? []);
    const out = files.length > 0 ? await linksOut(join(directory, folder), files) : new Set<string>();
    for (const row of out.size > 0 ? rows : []) {
      if (!out.has(row[field] ?? "")) continue;
      report(row.line, "outside", `${field} "${row[field]}" is a link out of the folder, expected a file inside it`);
    }
  }
}
