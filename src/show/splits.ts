import { checkKnown } from "../core/known-options.js";
import { displayBundle, type MimeBundle } from "../notebook/display.js";
import { barsPanel } from "../figure/bars.js";
import { figure } from "../figure/figure.js";
import {
  pictureHtml,
  secondsText,
  SHOW_OPTIONS,
  type ShowOptions,
  tableHtml,
  tableText,
  captionHtml,
} from "./bundle.js";
import { chiSquare } from "../statistics/chi-square.js";
import { type LeakView, leakMatrix } from "./leak-matrix.js";

/** One split of a dataset, as far as it is shown. */
export interface SplitView {
  /** For example "train". */
  name: string;
  examples: number;
  /** Seconds of input. */
  seconds?: number | undefined;
  /** Examples of each label, in the order of `labels`. */
  classes?: readonly number[];
}

/** The splits of a dataset, as far as they are shown. */
export interface SplitsView {
  splits: readonly SplitView[];
  labels?: readonly string[];
  seed?: number;
  /** What examples were kept together by, for example "speaker". */
  groupBy?: string;
}

/** How splits are shown. */
export interface SplitsOptions extends ShowOptions {
  /** The report of `dataset.audit()`, shown as the leak matrix. */
  audit?: LeakView;
}

/**
 * Shows how a dataset is split: examples and seconds of each split, the balance of the labels with a chi-square test,
 * and the leak matrix of an audit.
 *
 * @example
 * show.splits(dataset);
 * show.splits(dataset, { audit: await dataset.audit() });
 * show.splits({ splits: [{ name: "train", examples: 70, seconds: 70 }, { name: "test", examples: 30, seconds: 30 }] });
 */
export function splits(view: SplitsView | { statistics(): SplitsView }, options: SplitsOptions = {}): void {
  checkKnown("show.splits", options, { ...SHOW_OPTIONS, audit: true });
  displayBundle(splitsBundle("statistics" in view ? view.statistics() : view, options));
}

/** What `splits` shows. */
export function splitsBundle(view: SplitsView, options: SplitsOptions = {}): MimeBundle {
  const total = view.splits.reduce((sum, s) => sum + s.examples, 0);
  const head = ["split", "examples", "share", "length"];
  const rows = view.splits.map((s) => [
    s.name,
    s.examples,
    `${total ? ((100 * s.examples) / total).toFixed(1) : "0.0"} %`,
    s.seconds === undefined ? "unknown" : secondsText(s.seconds),
  ]);
  const made = [
    view.seed === undefined ? "" : `seed ${view.seed}`,
    view.groupBy ? `grouped by ${view.groupBy}` : "",
  ].filter(Boolean);
  const lines = [options.title ?? "", made.join(", ")].filter(Boolean);
  const html = [...lines.map((line) => captionHtml(line)), tableHtml(head, rows)];
  const text = [...lines, tableText(head, rows)];
  if (view.labels?.length && view.splits.some((s) => s.classes)) addBalance(view, view.labels, options, html, text);
  if (options.audit) {
    const leaks = leakMatrix(options.audit);
    html.push(leaks.html);
    text.push(leaks.text);
  }
  return { "text/html": `<div>${html.join("")}</div>`, "text/plain": text.join("\n") };
}

function addBalance(
  view: SplitsView,
  labels: readonly string[],
  options: ShowOptions,
  html: string[],
  text: string[],
): void {
  const counts = view.splits.map((s) => labels.map((_, i) => s.classes?.[i] ?? 0));
  const { statistic, degrees, p } = chiSquare(counts);
  const verdict = p < 0.05 ? "label balance differs significantly (p < 0.05)" : "no significant difference";
  const line = `Balance of ${labels.length} labels: χ² = ${statistic.toFixed(2)}, ${degrees} ${degrees === 1 ? "degree" : "degrees"} of freedom, p = ${p < 0.001 ? p.toExponential(1) : p.toFixed(3)}: ${verdict}`;
  const shares = counts.map((row) => {
    const sum = row.reduce((a, b) => a + b, 0);
    return row.map((n) => (sum ? (100 * n) / sum : 0));
  });
  const panel = barsPanel({
    names: labels,
    series: view.splits.map((s, i) => ({ name: s.name, values: shares[i]! })),
    label: "share of split (%)",
    title: "Labels",
  });
  const alt = `Share of each label in ${view.splits.map((s) => s.name).join(", ")}. ${line}`;
  html.push(captionHtml(line), pictureHtml(figure([panel], { width: options.width, alt })));
  text.push(
    line,
    tableText(
      ["label", ...view.splits.map((s) => s.name)],
      labels.map((l, i) => [l, ...counts.map((row) => row[i]!)]),
    ),
  );
}
