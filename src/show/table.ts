import { inspect } from "node:util";
import { DatasetError } from "../core/error.js";
import { checkKnown, type OptionNames } from "../core/known-options.js";
import { escapeText } from "../figure/panel.js";
import { displayBundle, type MimeBundle } from "../notebook/display.js";
import { fit, MAX_BYTES, type ShowOptions, tableHtml, tableText, headingHtml } from "./bundle.js";

/** Options of `table`. */
export interface TableShowOptions extends Omit<ShowOptions, "width"> {
  /** Most rows that are shown; a last line says how many more there are. Default 50. */
  rows?: number;
  /** The columns, in their order. Default: all keys of all rows, in the order in which they first occur. */
  columns?: readonly string[];
}

const OPTIONS: OptionNames<TableShowOptions> = { rows: true, columns: true, title: true, maxBytes: true };

/** Rows that are shown by default, and letters of a cell that are. */
const [ROWS, LETTERS] = [50, 200];

/**
 * Shows objects as a table: a row for each, a column for each key, numbers right aligned, everything escaped.
 * A notebook's cell that ends in an array of plain objects shows the same.
 *
 * @throws DatasetError "OPTION" for something else than objects, or for options that aren't known
 * @example
 * show.table([{ file: "a.wav", seconds: 1.5 }, { file: "b.wav", seconds: 12, label: "dog" }]);
 */
export function table(rows: readonly object[], options: TableShowOptions = {}): void {
  displayBundle(tableBundle(rows, options));
}

/** What `table` shows. */
export function tableBundle(rows: readonly object[], options: TableShowOptions = {}): MimeBundle {
  checkKnown("show.table", options, OPTIONS);
  const { rows: most = ROWS, title, maxBytes = MAX_BYTES } = options;
  if (!(Number.isInteger(most) && most > 0))
    throw new DatasetError("OPTION", `rows: ${most}, expected a whole number of 1 or more`);
  const strange = Array.isArray(rows) ? rows.findIndex((row) => typeof row !== "object" || row === null) : 0;
  if (strange >= 0) {
    const found = Array.isArray(rows) ? `row ${strange + 1} is no object` : typeof rows;
    throw new DatasetError("OPTION", `show.table: ${found}, expected an array of objects`);
  }
  const columns = options.columns ?? [...new Set(rows.flatMap((row) => Object.keys(row)))];
  return fit(maxBytes, (detail) => {
    const shown = rows.slice(0, Math.max(1, Math.floor(most * detail)));
    const letters = Math.max(20, Math.floor(LETTERS * detail));
    const head = columns.slice(0, Math.max(1, Math.ceil(columns.length * Math.min(1, 2 * detail))));
    const cells = shown.map((row) => head.map((name) => cellOf((row as Record<string, unknown>)[name], letters)));
    const more = [
      [rows.length - shown.length, "row"],
      [columns.length - head.length, "column"],
    ].flatMap(([count, what]) =>
      Number(count) > 0 ? [`${count!.toLocaleString("en-US")} more ${what}${count === 1 ? "" : "s"}`] : [],
    );
    const end = more.length > 0 ? `… ${more.join(", ")}` : "";
    const lines = [title ?? "", tableText(head, cells), end].filter((text) => text !== "");
    const heading = title === undefined ? "" : headingHtml(title);
    const html = `<div>${heading}${tableHtml(head, cells)}${end === "" ? "" : `<div>${escapeText(end)}</div>`}</div>`;
    return { "text/html": html, "text/plain": lines.join("\n") };
  });
}

/** A value as a cell of one line; of what is inside objects the beginning. */
function cellOf(value: unknown, letters: number): string {
  const text = textOf(value).replace(/\s+/g, " ");
  return text.length > letters ? `${text.slice(0, letters)}…` : text;
}

function textOf(value: unknown): string {
  if (value === undefined || value === null) return "";
  if (typeof value === "number") return String(Number.isInteger(value) ? value : Number(value.toPrecision(6)));
  if (typeof value !== "object") return String(value);
  return inspect(value, { depth: 1, breakLength: Infinity, maxArrayLength: 8, maxStringLength: LETTERS });
}
