import { checkKnown } from "../core/known-options.js";
import { displayBundle, type MimeBundle } from "../notebook/display.js";
import { figure } from "../figure/figure.js";
import { matrixPanel } from "../figure/matrix.js";
import { figureBundle, numberText, SHOW_OPTIONS, type ShowOptions, tableHtml, tableText } from "./bundle.js";
import {
  classScores,
  type ConfusionView,
  type JudgedLabels,
  type LabelCounts,
  square,
} from "../statistics/class-scores.js";

/**
 * Shows the confusion matrix: rows are true labels, columns predicted ones, colours the share of the row.
 *
 * @throws DatasetError "OPTION" for multi-label results: `classReport` shows those
 * @example
 * show.confusion(await judge(model, dataset.test, { labels: dataset.labels }));
 * show.confusion({ matrix: [[48, 2], [5, 45]], labels: ["sin", "square"] });
 */
export function confusion(view: ConfusionView | JudgedLabels, options: ShowOptions = {}): void {
  checkKnown("show.confusion", options, SHOW_OPTIONS);
  displayBundle(confusionBundle(view, options));
}

/** What `confusion` shows. */
export function confusionBundle(view: ConfusionView | JudgedLabels, options: ShowOptions = {}): MimeBundle {
  const { matrix, labels } = square(view);
  const sums = matrix.map((row) => row.reduce((a, b) => a + b, 0));
  const shares = matrix.map((row, r) => row.map((n) => (sums[r] ? (100 * n) / sums[r]! : 0)));
  const right = matrix.reduce((sum, row, r) => sum + row[r]!, 0);
  const total = sums.reduce((a, b) => a + b, 0);
  const panel = matrixPanel({
    values: shares,
    rows: labels,
    columns: labels,
    rowLabel: "true label",
    columnLabel: "predicted label",
    text: (_, r, c) => matrix[r]![c]!.toLocaleString("en-US"),
    top: 100,
    barLabel: "% of row",
    title: options.title ?? "Confusion",
  });
  const pairs = matrix.flatMap((row, r) => row.map((n, c) => ({ n, r, c }))).filter((p) => p.r !== p.c && p.n > 0);
  const worst = pairs.sort((a, b) => b.n - a.n)[0];
  const alt =
    `Confusion matrix of ${labels.length} labels: ${right} of ${total} right (${numberText(total ? (100 * right) / total : 0)} %)` +
    (worst ? `; most often ${labels[worst.r]} was taken for ${labels[worst.c]} (${worst.n})` : "");
  return figureBundle(figure([panel], { width: options.width ?? 560, alt }));
}

/**
 * Shows precision, recall and F1 of each label with their macro and weighted means.
 *
 * @example
 * show.classReport(await judge(model, dataset.test, { labels: dataset.labels }));
 * show.classReport({ matrix: [[48, 2], [5, 45]], labels: ["sin", "square"] });
 */
export function classReport(
  view: ConfusionView | JudgedLabels | readonly LabelCounts[],
  options: ShowOptions = {},
): void {
  checkKnown("show.classReport", options, SHOW_OPTIONS);
  const scores = classScores(view);
  const head = ["label", "precision", "recall", "F1", "support"];
  const rows = scores.map((s) => [s.label, s.precision.toFixed(3), s.recall.toFixed(3), s.f1.toFixed(3), s.support]);
  const caption = options.title ?? "Scores by label";
  displayBundle({
    "text/html": `<div>${tableHtml([caption, ...head.slice(1)], rows)}</div>`,
    "text/plain": tableText([caption, ...head.slice(1)], rows),
  });
}
