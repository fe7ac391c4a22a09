import type { ReportLine } from "../core/error.js";
import { isAddress } from "../core/names.js";
import { cellNumber, type CsvLine, notNumber, separatorHint } from "../format/csv.js";
import { isMidi } from "../format/labels.js";
import { AUDIO_FILE } from "./list-audio.js";
import { CLASS, type GrowingIndex, EXAMPLE, type Kind, type Row } from "../core/rows.js";

/** A hint where a line has the form of another kind. */
export function kindHint(kind: Kind, cells: readonly string[]): string {
  const [second = "", ...more] = cells.slice(1);
  const numbers = second !== "" && [second, ...more].every((cell) => cellNumber(cell) !== undefined);
  const one = more.length === 0;
  const keys = one && (isMidi(second) || /\.csv$/i.test(second));
  const found: Kind | undefined = numbers
    ? kind === "values"
      ? kind
      : "classes"
    : keys
      ? "frames"
      : one && AUDIO_FILE.test(second)
        ? "pairs"
        : undefined;
  return found === undefined || found === kind ? "" : `; a line of that form is for ${CLASS[found]}`;
}

const hasExtension = (name: string): boolean => isAddress(name) || /\.[A-Za-z0-9]{1,5}$/.test(name);

/** Usual names of the column of file names. */
const FILE_COLUMN = /^(([a-z]+[ _-])*(file|filename|fname|name|path|filepath|audio|clip|song|sound|wav|id|input))?$/i;

/**
 * Whether line 1 is a header: its first cell is no file name (no extension), while the next line's is, or while its
 * label cells aren't numbers; where they all are numbers, only below a usual name of such a column. A data row with a
 * mistyped label or file name is therefore not taken for one.
 */
export function hasHeader(lines: readonly CsvLine[], kind: Kind, digits: boolean): boolean {
  const [first, second] = lines;
  if (!first || hasExtension(first.cells[0] ?? "")) return false;
  const labels = first.cells.slice(1);
  const numbers = labels.length > 0 && labels.every((cell) => cellNumber(cell) !== undefined);
  if (numbers && !digits && !FILE_COLUMN.test(first.cells[0] ?? "")) return false;
  if (second && hasExtension(second.cells[0] ?? "")) return true;
  if (kind === "pairs" || kind === "frames") return labels.length > 0 && !labels.some(hasExtension) && !second;
  return !digits && labels.length > 0 && labels.every((cell) => cellNumber(cell) === undefined);
}

/** Puts a row into `index` for each line of file name and numbers, and the header's names into its labels. */
export function addLabelRows(
  index: GrowingIndex,
  lines: readonly CsvLine[],
  header: CsvLine | undefined,
  report: ReportLine,
  digits: boolean,
): void {
  const labels = header?.cells.slice(1);
  if (header && labels) {
    labels.forEach((label, i) => {
      if (label === "") report(header.line, "labels", `name of label column ${i + 1} is empty, expected a class name`);
      else if (labels.indexOf(label) !== i) report(header.line, "labels", `label name "${label}" appears twice`);
    });
    index.labels = labels;
  }
  let width = labels?.length;
  for (const { line, cells } of lines) {
    const [input = "", ...texts] = cells;
    const split = digits ? [...(texts[0] ?? "")] : texts;
    width ??= split.length;
    if (split.length === 0 || split.length !== width) {
      const expected = split.length === 0 ? `a line such as ${EXAMPLE[index.kind]}` : `${width} as in the first line`;
      report(line, "columns", `labels: ${split.length}, expected ${expected}${separatorHint(cells)}`);
      continue;
    }
    const values = split.map((cell) => cellNumber(cell));
    const bad = values.indexOf(undefined);
    if (bad >= 0) {
      const named = index.kind === "classes" ? "; for class names in a column use fromCsv" : "";
      const hint = kindHint(index.kind, cells) || named;
      report(line, "number", `label ${bad + 1} is ${notNumber(split[bad])}${hint}`);
      continue;
    }
    index.rows.push({ id: 0, line, input: input.replaceAll("\\", "/"), values: values as number[] });
  }
  const most =
    width === 1 && !digits && index.kind === "classes"
      ? index.rows.reduce((n, row) => Math.max(n, classNumber(row)), 0)
      : 0;
  if (most > 1 && Number.isFinite(most)) {
    const hint =
      "; if they are numbers of classes, pass index: await fromCsv(D, csv, { file, label }), if amounts, use RegressionDataset";
    const message = `label: whole numbers to ${most} in one column, expected a column per class (${index.file})${hint}`;
    index.warnings = [{ kind: "class numbers", file: index.file, message }];
  }
}

/** A label that may be the number of a class; infinity for any other. */
function classNumber({ values }: Row): number {
  const value = values?.[0] ?? -1;
  return Number.isInteger(value) && value >= 0 ? value : Number.POSITIVE_INFINITY;
}
