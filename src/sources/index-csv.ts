import { join, posix } from "node:path";
import { DatasetError, lineReporter, type Problem, problemsError, type ReportLine } from "../core/error.js";
import { type CsvLine, csvLines, decodeUtf8, separatorHint } from "../format/csv.js";
import { addLabelRows, hasHeader, kindHint } from "./label-rows.js";
import { bytesOf, linksOut, statOf } from "../system/file-names.js";
import { AUDIO_FILE } from "./list-audio.js";
import { applyMetadata } from "./apply-metadata.js";
import { readMetadata } from "./metadata.js";
import { inTurns } from "../system/event-loop.js";
import { type DatasetIndex, EXAMPLE, type GrowingIndex, type Kind, type Row, rowKey } from "../core/rows.js";
import { datasetFolders, isFolder } from "./folders.js";
import { isAddress, nameProblem, shownName, soundProblem } from "../core/names.js";

/** Options of `readIndex` and `scanIndex`. */
export interface IndexOptions {
  /** Metadata, json or csv, relative to D. Default: `N.metadata.json` where it exists. */
  metadata?: string;
  /** The metadata field that becomes each row's `group`. Default `group`. */
  groupBy?: string;
  /** Kind classes: the one label cell is a string of 0 and 1, a character per class (`001001`). Default false. */
  digits?: boolean;
}

/** The valid rows of an index, and every problem of the others. */
export interface IndexScan {
  index: DatasetIndex;
  problems: Problem[];
}

/**
 * Reads the index csv of dataset `name` in `directory`: the file `D/N`, or `D/N.csv`.
 *
 * | kind | a line | names are relative to |
 * |---|---|---|
 * | pairs | `input.wav,target.wav` | `D/in`, `D/out` |
 * | classes, values | `input.wav,0,1,0.5` | `D/in` |
 * | frames | `input.wav,keys.csv` or `input.wav,notes.mid`, or `input.wav` with a `.mid` or `.csv` of the same name beside it | `D/in`, D |
 *
 * Sounds may also be at addresses, `s3://bucket/file.wav` or `https://host/file.flac`: see docs/scale.md.
 * Where D has no folder `in`, inputs are relative to D itself; where it has no `out`, targets lie with the inputs.
 * A header is optional; that of classes and values names them. Blank lines, quotes, spaces, CRLF and a byte order
 * mark are fine.
 * @throws DatasetError "FILE" without an index csv, "INDEX" with every bad line at once
 * @example const index = await readIndex("./data", "dataset", "pairs"); // index.rows[0].target
 */
export async function readIndex(
  directory: string,
  name: string,
  kind: Kind,
  options: IndexOptions = {},
): Promise<DatasetIndex> {
  const { index, problems } = await scanIndex(directory, name, kind, options);
  if (problems.length > 0) throw problemsError("INDEX", `index ${index.file}`, problems);
  return index;
}

/** As `readIndex`, but returns the problems with the valid rows, for a report that continues with the files. */
export async function scanIndex(
  directory: string,
  name: string,
  kind: Kind,
  options: IndexOptions = {},
): Promise<IndexScan> {
  const file = await findIndex(directory, name);
  const text = decodeUtf8(await bytesOf(join(directory, file)), file);
  const problems: Problem[] = [];
  const report = lineReporter(file, problems);

  const lines = csvLines(text);
  for (const { line, broken } of lines) if (broken) report(line, "quotes", `quotes don't match: ${broken}`);
  const sound = lines.filter((l) => l.broken === undefined);
  const folders = await datasetFolders(directory);
  const digits = options.digits === true;
  const header = await takeHeader(join(directory, folders.inputFolder), sound, kind, digits);
  const about = options.metadata ?? `${name}.metadata.json`;
  const index: GrowingIndex = { kind, file, besides: [about], rows: [], ...folders };
  if (kind === "classes" || kind === "values") {
    addLabelRows(index, sound, header, report, digits);
  } else {
    await inTurns(sound, async ({ line, cells }) => {
      const row = await fileRow(directory, index, line, cells, report);
      if (row) index.rows.push(row);
    });
  }
  index.rows = await soundRows(directory, index, report);
  index.rows.forEach((row, id) => {
    row.id = id;
  });
  if (index.rows.length === 0 && problems.length === 0) {
    const below = header ? ` below the header \`${header.cells.join(",")}\`` : "";
    report(1, "empty", `no rows${below}, expected one line per example such as ${EXAMPLE[kind]}`);
  }
  const metadata = await readMetadata(directory, options.metadata, `${name}.metadata.json`);
  if (metadata) applyMetadata(index, metadata, { name: about, groupBy: options.groupBy }, problems);
  return { index, problems };
}

/** The name of a dataset's index csv in its folder. */
export async function findIndex(directory: string, name: string): Promise<string> {
  const wrong = nameProblem(name);
  if (wrong) throw new DatasetError("OPTION", `dataset name ${JSON.stringify(name)} ${wrong}`);
  if (!(await isFolder(directory))) {
    throw new DatasetError("FILE", `dataset folder ${directory}: not found, expected a folder with the audio in "in"`);
  }
  for (const file of [name, `${name}.csv`]) {
    const path = join(directory, file);
    if ((await statOf(path))?.isFile()) return file;
  }
  throw new DatasetError(
    "FILE",
    `index of dataset "${name}": not found, expected a csv ${join(directory, name)} (no extension) or ${name}.csv`,
  );
}

/** Takes the heading off the lines of a csv, where it has one. */
export async function takeHeader(
  inputs: string,
  lines: CsvLine[],
  kind: Kind,
  digits: boolean,
): Promise<CsvLine | undefined> {
  // A first cell that is the name of a file is no heading, whatever it looks like.
  const isFile = async (): Promise<boolean> =>
    (await statOf(join(inputs, lines[0]?.cells[0] ?? "")))?.isFile() ?? false;
  return hasHeader(lines, kind, digits) && !(await isFile()) ? lines.shift() : undefined;
}

/** The row of a line of kind pairs or frames; reports what is wrong with it. */
export async function fileRow(
  directory: string,
  index: DatasetIndex,
  line: number,
  cells: string[],
  report: ReportLine,
): Promise<Row | undefined> {
  const [input = "", second] = cells.map((cell) => cell.replaceAll("\\", "/"));
  if (index.kind === "frames" && cells.length === 1 && isAddress(input)) {
    const found = `key file of ${JSON.stringify(shownName(input))}: none in the line`;
    report(line, "missing", `${found}, expected that of a sound at an address there, relative to the dataset's folder`);
    return undefined;
  }
  if (index.kind === "frames" && cells.length === 1 && !nameProblem(input)) {
    const keys = await keysBeside(directory, index, input);
    if (keys) return { id: 0, line, input, keys };
    if (AUDIO_FILE.test(input) && !/[;\t]/.test(input)) {
      const stem = posix.basename(input, posix.extname(input));
      const names = `${stem}.mid, ${stem}.csv or ${stem}_key.csv`;
      report(line, "missing", `key file of "${input}": none beside it, expected ${names}, or one named in the line`);
      return undefined;
    }
  }
  if (cells.length !== 2 || second === undefined) {
    report(
      line,
      "columns",
      `columns: ${cells.length}, expected ${EXAMPLE[index.kind]}${separatorHint(cells) || kindHint(index.kind, cells)}`,
    );
    return undefined;
  }
  return index.kind === "pairs" ? { id: 0, line, input, target: second } : { id: 0, line, input, keys: second };
}

async function keysBeside(directory: string, index: DatasetIndex, input: string): Promise<string | undefined> {
  const stem = input.slice(0, input.length - posix.extname(input).length);
  for (const folder of new Set([index.inputFolder ?? "in", ""])) {
    for (const end of [".mid", ".midi", ".MID", ".csv", "_key.csv"]) {
      const keys = posix.join(folder, stem + end);
      if ((await statOf(join(directory, keys)))?.isFile()) return keys;
    }
  }
  return undefined;
}

/** What is wrong with the name of a row's file by its text alone. */
export function fieldProblem(
  field: "input" | "target" | "keys",
  name: string,
): Pick<Problem, "kind" | "message"> | undefined {
  const labels =
    field === "keys" && isAddress(name) ? "is an address, expected a key file in the dataset's folder" : "";
  const wrong = labels || soundProblem(name);
  const kind = isAddress(name) ? "address" : "outside";
  return wrong ? { kind, message: `${field} ${JSON.stringify(shownName(name))} ${wrong}` } : undefined;
}

/** The rows whose names stay in their folder and that don't repeat an earlier row; reports the others. */
async function soundRows(directory: string, index: DatasetIndex, report: ReportLine): Promise<Row[]> {
  const named: [keyof Row & ("input" | "target" | "keys"), string][] = [
    ["input", join(directory, index.inputFolder ?? "in")],
    ["target", join(directory, index.targetFolder ?? "out")],
    ["keys", directory],
  ];
  const bad = new Set<Row>();
  for (const [field, base] of named) {
    const safe: Row[] = [];
    await inTurns(index.rows, (row) => {
      if (row[field] === undefined) return;
      const wrong = fieldProblem(field, row[field]);
      if (wrong) bad.add(row);
      if (wrong) report(row.line, wrong.kind, wrong.message);
      else if (!isAddress(row[field])) safe.push(row);
    });
    const out = await linksOut(
      base,
      safe.map((row) => row[field] as string),
    );
    for (const row of safe) {
      if (!out.has(row[field] as string)) continue;
      report(row.line, "outside", `${field} "${row[field]}" is a link out of ${base}, expected a file inside it`);
      bad.add(row);
    }
  }
  const seen = new Map<string, number>();
  await inTurns(index.rows, (row) => {
    if (bad.has(row)) return;
    // One input may have several targets; for labels a second row contradicts or repeats the first.
    const key = rowKey(row);
    const before = seen.get(key);
    if (before === undefined) seen.set(key, row.line);
    else {
      const what = row.target === undefined ? `"${row.input}"` : `pair "${row.input}", "${row.target}"`;
      report(row.line, "duplicate", `${what} is already in line ${before}, expected once`);
      bad.add(row);
    }
  });
  return index.rows.filter((row) => !bad.has(row));
}
