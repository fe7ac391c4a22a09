/** Which way a number is better: the smallest is best, or the largest. */
export type Direction = "min" | "max";

/** Which way a metric of this name is better: up for accuracies and scores, else down, as losses, errors and entropies are. */
export function directionOf(name: string): Direction {
  if (/loss|error/i.test(name)) return "min";
  return /acc|precision|recall|auc|f1|fscore|iou|r2|correlation|snr|sdr/i.test(name) ? "max" : "min";
}
