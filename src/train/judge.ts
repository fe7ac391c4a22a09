import { concat } from "../core/numbers.js";
import type { LayersModel, Tensor } from "@tensorflow/tfjs-node-gpu";
import { DatasetError } from "../core/error.js";
import { checkKnown } from "../core/known-options.js";
import { type BatchSource, eachBatch } from "./batch-source.js";
import { loadTensorFlow } from "../tensorflow/load.js";
import { type ClassScore, classScores, countsOf, type LabelCounts } from "../statistics/class-scores.js";

/** How well a model classifies, as measured by `judge`. `classReport(judgement)` shows it as a table. */
export interface Judgement {
  labels: string[];
  /** Right and wrong decisions for each label. */
  counts: LabelCounts[];
  /** Precision, recall and F1 of each label, then their macro and weighted means. */
  scores: ClassScore[];
  /** Mutually exclusive labels (multi-class): rows are true labels, columns predicted ones; `confusion(judgement)` shows it. */
  matrix?: number[][];
  /** Multi-label: each label's decision threshold, the score from which it counts as present. */
  thresholds?: number[];
}

/** Options of `judge`. */
export interface JudgeOptions {
  /** Names of the labels, in the order of the output. Default: their numbers. */
  labels?: readonly string[] | undefined;
  /** Multi-label: each label's decision threshold. Default: those with the best F1 on this very data. */
  thresholds?: readonly number[] | undefined;
}

/**
 * Runs `model` over all of `data` and counts right and wrong decisions per label.
 *
 * With `categoricalCrossentropy` (multi-class) the label with the highest score is the prediction. With
 * `binaryCrossentropy` (multi-label) each label is decided by itself, whether there is one row of labels per file
 * `[batch, labels]` or one per frame `[batch, frames, labels]`. Thresholds belong to the validation data; pass them on
 * to judge the test data.
 *
 * @throws DatasetError "OPTION" for a model with another loss, or where labels or thresholds don't fit its output
 * @example
 * const { thresholds } = await judge(model, dataset.validate, { labels: dataset.labels });
 * const judgement = await judge(model, dataset.test, { labels: dataset.labels, thresholds });
 * show.classReport(judgement);
 */
export async function judge(model: LayersModel, data: BatchSource, options: JudgeOptions = {}): Promise<Judgement> {
  checkKnown("judge", options, { labels: true, thresholds: true });
  const exclusive = decides(model);
  if (exclusive === undefined) {
    throw new DatasetError(
      "OPTION",
      `loss: ${String(model.loss)}, expected "categoricalCrossentropy" or "binaryCrossentropy"; other losses are not of a classifier`,
    );
  }
  const { truth, scores, width } = await predictAll(model, data);
  const labels = options.labels ? [...options.labels] : Array.from({ length: width }, (_, i) => String(i));
  for (const [name, list] of Object.entries({ labels, thresholds: options.thresholds })) {
    if (list && list.length !== width) {
      throw new DatasetError("OPTION", `${name}: ${list.length}, expected ${width}, one for each output`);
    }
  }
  if (exclusive) {
    const matrix = confusionMatrix(truth, scores, width);
    const view = { matrix, labels };
    return { labels, matrix, counts: countsOf(view), scores: classScores(view) };
  }
  const thresholds = options.thresholds
    ? [...options.thresholds]
    : labels.map((_, k) => bestThreshold(truth, scores, k, width));
  const counts = labelCounts(truth, scores, labels, thresholds);
  return { labels, thresholds, counts, scores: classScores(counts) };
}

/** Whether the model's labels are mutually exclusive (multi-class); undefined for a model that is not a classifier. */
export function decides(model: LayersModel): boolean | undefined {
  if (model.loss === "categoricalCrossentropy") return true;
  return model.loss === "binaryCrossentropy" ? false : undefined;
}

/** Rows: true label; columns: the label with the highest score. `truth` and `scores` hold rows of `width` numbers. */
export function confusionMatrix(truth: Float32Array, scores: Float32Array, width: number): number[][] {
  const matrix = Array.from({ length: width }, () => new Array<number>(width).fill(0));
  for (let at = 0; at < truth.length; at += width) {
    matrix[largest(truth, at, width)]![largest(scores, at, width)]!++;
  }
  return matrix;
}

/** Decisions per label; a score counts from its decision threshold, a true value from one half. */
export function labelCounts(
  truth: Float32Array,
  scores: Float32Array,
  labels: readonly string[],
  thresholds: readonly number[],
): LabelCounts[] {
  const width = labels.length;
  return labels.map((label, k) => {
    const counts = { label, truePositives: 0, falsePositives: 0, falseNegatives: 0 };
    for (let at = k; at < truth.length; at += width) {
      const said = scores[at]! >= thresholds[k]!;
      if (truth[at]! >= 0.5) counts[said ? "truePositives" : "falseNegatives"]++;
      else if (said) counts.falsePositives++;
    }
    return counts;
  });
}

/**
 * The decision threshold with the best F1 for label `k`; of several the highest. 0.5 where the label never occurs.
 */
export function bestThreshold(truth: Float32Array, scores: Float32Array, k = 0, width = 1): number {
  const count = truth.length / width;
  const order = Uint32Array.from({ length: count }, (_, i) => i * width + k).sort((a, b) => scores[b]! - scores[a]!);
  const positives = order.reduce((n, at) => n + (truth[at]! >= 0.5 ? 1 : 0), 0);
  let best = { f1: 0, threshold: 0.5 };
  let hits = 0;
  order.forEach((at, i) => {
    if (truth[at]! >= 0.5) hits++;
    // A threshold takes all examples of the same score or none.
    if (i + 1 < count && scores[order[i + 1]!] === scores[at]) return;
    const f1 = (2 * hits) / (i + 1 + positives);
    if (f1 > best.f1) best = { f1, threshold: scores[at]! };
  });
  return best.threshold;
}

function largest(values: Float32Array, from: number, width: number): number {
  let best = 0;
  for (let k = 1; k < width; k++) if (values[from + k]! > values[from + best]!) best = k;
  return best;
}

async function predictAll(
  model: LayersModel,
  data: BatchSource,
): Promise<{ truth: Float32Array; scores: Float32Array; width: number }> {
  const tf = loadTensorFlow();
  const truth: Float32Array[] = [];
  const scores: Float32Array[] = [];
  let width = 0;
  for await (const { xs, ys } of eachBatch(data)) {
    const output = tf.tidy(() => model.predict(xs) as Tensor);
    width = output.shape.at(-1)!;
    truth.push((await ys.data()) as Float32Array);
    scores.push((await output.data()) as Float32Array);
    tf.dispose([xs, ys, output]);
  }
  return { truth: concat(truth, Float32Array), scores: concat(scores, Float32Array), width };
}
