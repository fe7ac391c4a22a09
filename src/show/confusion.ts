import { displayBundle, type MimeBundle } from "../notebook/display.js";
import { DatasetError } from "../core/error.js";
import { figure } from "../figure/figure.js";
import { matrixPanel } from "../figure/matrix.js";
import { figureBundle, numberText, type ShowOptions, tableHtml, tableText } from "./bundle.js";

/** Examples by true label (row) and predicted label (column). */
export interface ConfusionView {
  matrix: readonly (readonly number[])[];
  labels: readonly string[];
}

/** What `judge` gives, as far as it is shown. */
export interface JudgedLabels {
  labels: readonly string[];
  counts: readonly LabelCounts[];
  /** Only of labels that exclude each other. */
  matrix?: readonly (readonly number[])[];
}

/** Counts of one label, for labels that don't exclude each other. */
export interface LabelCounts {
  label: string;
  truePositives: number;
  falsePositives: number;
  falseNegatives: number;
}

/** One line of a class report. */
export interface ClassScore {
  label: string;
  precision: number;
  recall: number;
  f1: number;
  /** Examples that carry the label. */
  support: number;
}

/**
 * Shows the confusion matrix: rows are true labels, columns predicted ones, colours the share of the row.
 *
 * @throws DatasetError "OPTION" for a judgement of labels that don't exclude each other: `classReport` shows those
 * @example
 * confusion(await judge(model, dataset.test, { labels: dataset.labels }));
 * confusion({ matrix: [[48, 2], [5, 45]], labels: ["sin", "square"] });
 */
export function confusion(view: ConfusionView | JudgedLabels, options: ShowOptions = {}): void {
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
 * classReport(await judge(model, dataset.test, { labels: dataset.labels }));
 * classReport({ matrix: [[48, 2], [5, 45]], labels: ["sin", "square"] });
 */
export function classReport(
  view: ConfusionView | JudgedLabels | readonly LabelCounts[],
  options: ShowOptions = {},
): void {
  const scores = classScores(view);
  const head = ["label", "precision", "recall", "F1", "support"];
  const rows = scores.map((s) => [s.label, s.precision.toFixed(3), s.recall.toFixed(3), s.f1.toFixed(3), s.support]);
  const caption = options.title ?? "Scores by label";
  displayBundle({
    "text/html": `<div>${tableHtml([caption, ...head.slice(1)], rows)}</div>`,
    "text/plain": tableText([caption, ...head.slice(1)], rows),
  });
}

/** Precision, recall and F1 of each label, then their macro and weighted means; 0 where nothing was predicted or true. */
export function classScores(view: ConfusionView | JudgedLabels | readonly LabelCounts[]): ClassScore[] {
  const counts = "counts" in view ? view.counts : "labels" in view ? countsOf(square(view)) : view;
  const ratio = (part: number, whole: number): number => (whole > 0 ? part / whole : 0);
  const scores: ClassScore[] = counts.map(({ label, truePositives: t, falsePositives: p, falseNegatives: n }) => ({
    label,
    precision: ratio(t, t + p),
    recall: ratio(t, t + n),
    f1: ratio(2 * t, 2 * t + p + n),
    support: t + n,
  }));
  const support = scores.reduce((sum, s) => sum + s.support, 0);
  const mean = (label: string, weight: (s: ClassScore) => number): ClassScore => {
    const sum = scores.reduce((total, s) => total + weight(s), 0);
    const of = (key: "precision" | "recall" | "f1"): number =>
      ratio(
        scores.reduce((total, s) => total + weight(s) * s[key], 0),
        sum,
      );
    return { label, precision: of("precision"), recall: of("recall"), f1: of("f1"), support };
  };
  return [...scores, mean("macro mean", () => 1), mean("weighted mean", (s) => s.support)];
}

/** The counts of each label in a confusion matrix. */
export function countsOf({ matrix, labels }: ConfusionView): LabelCounts[] {
  return labels.map((label, i) => {
    const truePositives = matrix[i]![i]!;
    const row = matrix[i]!.reduce((a, b) => a + b, 0);
    const column = matrix.reduce((sum, r) => sum + r[i]!, 0);
    return { label, truePositives, falsePositives: column - truePositives, falseNegatives: row - truePositives };
  });
}

function square({ matrix, labels }: ConfusionView | JudgedLabels): ConfusionView {
  const n = labels.length;
  if (!matrix) {
    throw new DatasetError(
      "OPTION",
      "confusion matrix: none, expected labels that exclude each other; classReport shows others",
    );
  }
  if (matrix.length === n && matrix.every((row) => row.length === n)) return { matrix, labels };
  throw new DatasetError(
    "OPTION",
    `confusion matrix: ${matrix.length} × ${matrix[0]?.length ?? 0}, expected ${n} × ${n}, one row and column a label`,
  );
}
