import { DatasetError } from "../core/error.js";
import { precisionRecall, ratio } from "./precision-recall.js";

/** Examples by true label (row) and predicted label (column). */
export interface ConfusionView {
  matrix: readonly (readonly number[])[];
  labels: readonly string[];
}

/** What `judge` gives, as far as it is shown. */
export interface JudgedLabels {
  labels: readonly string[];
  counts: readonly LabelCounts[];
  /** Only for mutually exclusive labels (multi-class). */
  matrix?: readonly (readonly number[])[];
}

/** Counts of one label, for multi-label results. */
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
 * Precision, recall and F1 of each label, then their macro and weighted means; 0 where nothing was predicted or true.
 *
 * @throws DatasetError "OPTION" for a matrix that isn't square
 * @example show.classScores({ matrix: [[48, 2], [5, 45]], labels: ["sin", "square"] })[0].recall; // 0.96
 */
export function classScores(view: ConfusionView | JudgedLabels | readonly LabelCounts[]): ClassScore[] {
  const counts = "counts" in view ? view.counts : "labels" in view ? countsOf(square(view)) : view;
  const scores: ClassScore[] = counts.map(({ label, truePositives: t, falsePositives: p, falseNegatives: n }) => ({
    label,
    ...precisionRecall(t, t + p, t + n),
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

export function square({ matrix, labels }: ConfusionView | JudgedLabels): ConfusionView {
  const n = labels.length;
  if (!matrix) {
    throw new DatasetError(
      "OPTION",
      "confusion matrix: none, expected mutually exclusive labels (multi-class); classReport shows multi-label results",
    );
  }
  if (matrix.length === n && matrix.every((row) => row.length === n)) return { matrix, labels };
  throw new DatasetError(
    "OPTION",
    `confusion matrix: ${matrix.length} × ${matrix[0]?.length ?? 0}, expected ${n} × ${n}, one row and column per label`,
  );
}
