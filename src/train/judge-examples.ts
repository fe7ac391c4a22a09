import type { LayersModel, Scalar, Tensor } from "@tensorflow/tfjs-node-gpu";
import { DatasetError } from "../core/error.js";
import { checkKnown, type OptionNames } from "../core/known-options.js";
import { decides } from "./judge.js";
import { type LongOptions, throwIfAborted, track } from "../notebook/progress.js";
import type { Judged } from "../show/index.js";
import { splitNames } from "../core/split-name.js";
import { spread } from "../core/numbers.js";
import { loadTensorFlow } from "../tensorflow/load.js";
import { type BatchSource, eachBatch } from "./batch-source.js";
import type { SplitName } from "../core/split-name.js";
import type { DatasetExample } from "../records/read-example.js";

/** What `judgeExamples` needs of a loaded dataset. */
export interface JudgedDataset {
  readonly split: Readonly<Record<SplitName, ArrayLike<number>>>;
  readonly labels: readonly string[] | undefined;
  example(i: number): Promise<DatasetExample>;
  batchesOf(examples: ArrayLike<number>): BatchSource;
}

/** Options of `judgeExamples`. */
export interface JudgeExamplesOptions extends LongOptions {
  /** Default "test". */
  split?: SplitName | "all";
  /** Most examples judged, spread evenly over the split. Default: all of it. */
  limit?: number;
  /** Multi-label models: each label's decision threshold, as `judge` returns them. Default 0.5. */
  thresholds?: readonly number[];
}

const OPTIONS: OptionNames<JudgeExamplesOptions> = {
  ...{ split: true, limit: true, thresholds: true, signal: true, onProgress: true },
};

/** An example with the model's prediction, for `worst` and `explore`. */
export interface JudgedExample extends Judged {
  example: DatasetExample;
  split: SplitName;
}

/**
 * Runs `model` on examples one by one, and gives for each its loss and, where it is a classifier of whole files, the
 * true and the predicted label and the confidence. An example cut into windows has the means over them.
 *
 * @throws DatasetError "OPTION" for a model that is not compiled, "ABORTED" after an interrupt
 * @example
 * const judged = await judgeExamples(model, dataset);
 * show.worst(judged, 3);
 * show.explore(judged);
 */
export async function judgeExamples(
  model: LayersModel,
  dataset: JudgedDataset,
  options: JudgeExamplesOptions = {},
): Promise<JudgedExample[]> {
  checkKnown("judgeExamples", options, OPTIONS);
  if (!model.loss) throw new DatasetError("OPTION", "model: without a loss, expected a compiled model");
  const { split = "test", limit = Infinity } = options;
  if (split !== "all" && !Object.hasOwn(dataset.split, split)) {
    const expected = [...Object.keys(dataset.split), "all"].join(", ");
    throw new DatasetError("OPTION", `split: ${JSON.stringify(split)}, expected one of ${expected}`);
  }
  const all = (split === "all" ? splitNames : [split]).flatMap((name) =>
    Array.from(dataset.split[name], (i) => ({ i, split: name })),
  );
  const chosen = spread(all.length, limit).map((k) => all[k]!);
  return await track("judging", chosen.length, "examples", options, async ({ signal, tick }) => {
    const judged: JudgedExample[] = [];
    for (const { i, split } of chosen) {
      throwIfAborted(signal, "judging");
      const example = await dataset.example(i);
      const { loss, scores } = await predictOne(model, dataset.batchesOf([i]));
      judged.push({ example, split, loss, ...inWords(model, example, scores, options.thresholds) });
      tick();
    }
    return judged;
  });
}

/** Loss and output of one example: the means over its windows, of which there is one where the dataset isn't cut. */
async function predictOne(model: LayersModel, windows: BatchSource): Promise<{ loss: number; scores: Float32Array }> {
  const tf = loadTensorFlow();
  let loss = 0;
  let scores = new Float32Array(0);
  let count = 0;
  for await (const { xs, ys } of eachBatch(windows)) {
    const [output, lost] = tf.tidy(() => {
      const evaluated = model.evaluate(xs, ys, { batchSize: 1 }) as Scalar | Scalar[];
      return [model.predict(xs) as Tensor, Array.isArray(evaluated) ? evaluated[0]! : evaluated];
    });
    const values = (await output.data()) as Float32Array;
    scores = count === 0 ? Float32Array.from(values) : scores.map((sum, k) => sum + values[k]!);
    loss += (await lost.data())[0]!;
    count++;
    tf.dispose([xs, ys, output, lost]);
  }
  return { loss: loss / count, scores: scores.map((sum) => sum / count) };
}

/** Label, prediction and confidence, where the output is one row of labels for the whole file. */
function inWords(
  model: LayersModel,
  { values, labels }: DatasetExample,
  scores: Float32Array,
  thresholds?: readonly number[],
): Pick<Judged, "label" | "predicted" | "confidence"> {
  const exclusive = decides(model);
  if (exclusive === undefined || values?.length !== scores.length) return {};
  const name = (k: number): string => labels?.[k] ?? String(k);
  const named = (list: Float32Array, least: (k: number) => number): string =>
    Array.from(list.keys())
      .filter((k) => list[k]! >= least(k))
      .map(name)
      .join(", ") || "none";
  if (!exclusive) {
    return { label: named(values, () => 0.5), predicted: named(scores, (k) => thresholds?.[k] ?? 0.5) };
  }
  const confidence = Math.max(...scores);
  const guess = scores.indexOf(confidence);
  return { label: name(values.indexOf(Math.max(...values))), predicted: name(guess), confidence };
}
