import { checkKnown } from "../core/known-options.js";
import { displayBundle, type MimeBundle } from "../notebook/display.js";
import type { Problem } from "../core/error.js";
import { fit, MAX_BYTES, SHOW_OPTIONS, type ShowOptions, tableHtml, headingHtml } from "./bundle.js";

/** What `check` reports, as far as it is shown. */
export interface ProblemsView {
  errors: readonly Problem[];
  warnings: readonly Problem[];
  /** The same for a terminal, its first line a summary. */
  toString(): string;
}

/** Most problems of one kind that the table lists. */
const MOST = 20;

/**
 * Shows what `check` found as a table: errors first, the first twenty of each kind, and how many more there are.
 *
 * @example
 * show.problems(await dataset.check());
 */
export function problems(report: ProblemsView, options: ShowOptions = {}): void {
  checkKnown("show.problems", options, SHOW_OPTIONS);
  displayBundle(problemsBundle(report, options));
}

/** What `problems` shows. */
export function problemsBundle(report: ProblemsView, options: ShowOptions = {}): MimeBundle {
  const text = report.toString();
  const summary = text.split("\n", 1)[0] as string;
  const title = options.title === undefined ? summary : `${options.title}: ${summary}`;
  const head = headingHtml(title);
  return fit(options.maxBytes ?? MAX_BYTES, (detail) => {
    const most = Math.max(1, Math.round(MOST * detail));
    const rows = [...listed("error", report.errors, most), ...listed("warning", report.warnings, most)];
    const table = rows.length > 0 ? tableHtml(["", "kind", "problem"], rows) : "";
    return { "text/html": `<div>${head}${table}</div>`, "text/plain": text };
  });
}

/** A row per problem, kind by kind in the order of their first. */
function listed(level: string, all: readonly Problem[], most: number): string[][] {
  return [...new Set(all.map(({ kind }) => kind))].flatMap((kind) => {
    const some = all.filter((problem) => problem.kind === kind);
    const rows = some.slice(0, most).map(({ message }) => [level, kind, message]);
    const more = (some.length - rows.length).toLocaleString("en-US");
    return some.length > rows.length ? [...rows, [level, kind, `… and ${more} more (report.problems has all)`]] : rows;
  });
}
