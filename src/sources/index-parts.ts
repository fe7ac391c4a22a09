import { join } from "node:path";
import type { ReportLine } from "../core/error.js";
import { isAddress, nameProblem } from "../core/names.js";
import { type GrowingIndex, type Kind, type Row, rowKey } from "../core/rows.js";
import { NameSet } from "../core/name-set.js";
import { csvLines } from "../format/csv.js";
import { fileParts } from "../system/read-bytes.js";
import { LinkGuard, statOf } from "../system/file-names.js";
import { datasetFolders } from "./folders.js";
import { fileRow, findIndex, type IndexOptions, takeHeader } from "./index-csv.js";
import { addLabelRows } from "./label-rows.js";

/** A plain index csv, whose rows are read part by part. */
export interface IndexParts {
  kind: Kind;
  /** As `DatasetIndex` has them. */
  file: string;
  besides: readonly string[];
  inputFolder: string;
  targetFolder: string;
  /**
   * The rows as `readIndex` gives them, some thousands at a time; undefined for a part that `readIndex` has to look at. Rows that
   * are there twice, and names that lead out of the folder, are looked for where `checked` says so.
   */
  parts(checked: boolean): AsyncGenerator<IndexPart | undefined>;
}

/** Some rows of an index. */
export interface IndexPart {
  rows: readonly Row[];
  /** Names of the label columns, where the csv has a header. */
  labels?: readonly string[];
}

/** Opens the index csv of a dataset to read it in parts; undefined where it has metadata or needs other files to be read. */
export async function openIndexParts(
  directory: string,
  name: string,
  kind: Kind,
  options: IndexOptions,
): Promise<IndexParts | undefined> {
  const about = options.metadata ?? `${name}.metadata.json`;
  if (kind === "frames" || options.digits || nameProblem(name)) return undefined;
  if (options.metadata !== undefined || (await statOf(join(directory, about)))) return undefined;
  const file = await findIndex(directory, name);
  const folders = await datasetFolders(directory);
  const head = { kind, file, besides: [about], ...folders };
  return { ...head, parts: (checked) => readParts(directory, head, checked) };
}

async function* readParts(
  directory: string,
  head: Omit<IndexParts, "parts">,
  checked: boolean,
): AsyncGenerator<IndexPart | undefined> {
  const { kind, file, inputFolder, targetFolder } = head;
  const text = new TextDecoder("utf-8", { fatal: true });
  const inputs = await LinkGuard.of(join(directory, inputFolder));
  const targets = await LinkGuard.of(join(directory, targetFolder));
  const seen = new NameSet();
  let unusual = false;
  const report: ReportLine = () => {
    unusual = true;
  };
  const isSound = async (row: Row): Promise<boolean> => {
    // What is at addresses is planned with what was seen of it.
    if ([row.input, row.target].some((name) => name !== undefined && (isAddress(name) || nameProblem(name))))
      return false;
    if (!checked) return true;
    const out =
      (await inputs.leadsOut(row.input)) || (row.target !== undefined && (await targets.leadsOut(row.target)));
    return !out && seen.add(rowKey(row));
  };
  let labels: readonly string[] | undefined;
  let width: number | undefined;
  let line = 0;
  let id = 0;
  for (const bytes of fileParts(join(directory, file))) {
    let part: string;
    try {
      // What would be a mark at the begin of a file is a character elsewhere.
      if (line > 0 && bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) return yield undefined;
      part = text.decode(bytes);
    } catch {
      return yield undefined;
    }
    const lines = csvLines(part);
    const header = line === 0 ? await takeHeader(join(directory, inputFolder), lines, kind, false) : undefined;
    const index: GrowingIndex = { ...head, rows: [] };
    if (kind === "pairs") {
      for (const { line: number, cells } of lines) {
        const row = await fileRow(directory, index, number, cells, report);
        if (row) index.rows.push(row);
      }
    } else addLabelRows(index, lines, header, report, false);
    labels ??= index.labels;
    for (const row of index.rows) {
      row.line += line;
      row.id = id++;
      width ??= row.values?.length;
      if (row.values?.length !== width || (labels && labels.length !== width) || !(await isSound(row))) unusual = true;
    }
    if (unusual || lines.some(({ broken }) => broken !== undefined)) return yield undefined;
    line += part.split(/\r\n|\n|\r/).length - 1;
    yield labels ? { rows: index.rows, labels } : { rows: index.rows };
  }
}
