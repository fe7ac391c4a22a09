import { join } from "node:path";
import type { LayersModel } from "@tensorflow/tfjs-node-gpu";
import { DatasetError } from "../core/error.js";
import { duration } from "../notebook/progress.js";
import { numberText } from "../show/bundle.js";
import { loadTensorFlow } from "../tensorflow/load.js";
import { stepCounts } from "../tensorflow/step/compile-steps.js";
import type { FailedBatch, Training } from "./fit-callbacks.js";
import type { FitOptions, FitResult } from "./fit-options.js";

/** What training came to, in words. */
export function summary(
  result: Omit<FitResult, "summary">,
  epochs: number,
  options: FitOptions,
  steps: string | undefined,
): string {
  const { best, waiting, seconds, stoppedEarly, judgement } = result;
  const sentences = [
    `Trained ${epochs} of ${options.epochs} epochs in ${duration(seconds)}, ${(100 * waiting).toFixed(1)} % of it waiting for data.`,
    best.epoch === 0
      ? `No epoch is best: ${best.name} was never a finite number; lower the learning rate, or look for NaN in the data.`
      : `Best ${best.name} ${numberText(best.value)} at epoch ${best.epoch}${options.restoreBest === false ? "" : " (weights restored)"}.`,
  ];
  if (stoppedEarly) sentences.push(`Stopped early: no improvement for ${options.patience} epochs.`);
  if (steps) sentences.push(steps);
  if (judgement) sentences.push(`Mean F1 of the validation labels ${judgement.scores.at(-2)!.f1.toFixed(3)}.`);
  if (options.checkpoint) sentences.push(`Saved in ${join(options.checkpoint, best.epoch === 0 ? "last" : "best")}.`);
  return sentences.join(" ");
}

/**
 * Begins to count the model's steps; what it gives says in words how they ran, or undefined where that isn't a question.
 */
export function describeSteps(model: LayersModel): () => string | undefined {
  const counts = stepCounts(loadTensorFlow(), model);
  if (!counts) return () => undefined;
  const before = { ...counts };
  return () => {
    const whole = counts.whole - before.whole;
    const single = counts.single - before.single;
    const mixed = counts.mixed - before.mixed;
    const why = [...counts.reasons].join("; ");
    if (!why && whole === 0) return undefined;
    const rounded = mixed > 0 ? `, ${mixed} in mixed bfloat16` : "";
    const others = why ? `the others op by op: ${why}.` : "the first of each kind op by op.";
    const unmixed = counts.unmixed.size > 0 ? ` Float32 stayed, since ${[...counts.unmixed].join("; ")}.` : "";
    return `${whole} of ${whole + single} steps ran as one TensorFlow function${rounded}, ${others}${unmixed}`;
  };
}

/** Examples that are named in an error. */
const MOST_NAMED = 20;

/** The error of a training that ended since a batch's loss is no finite number. */
export function notFinite({ dataset, state }: Training, { loss, step, examples }: FailedBatch): DatasetError {
  const more = examples.length > MOST_NAMED ? `, … and ${examples.length - MOST_NAMED} more` : "";
  const of = examples.length > 0 ? ` (examples ${examples.slice(0, MOST_NAMED).join(", ")}${more})` : "";
  const batch = `batch ${(step % dataset.trainSteps) + 1} of epoch ${Math.floor(step / dataset.trainSteps) + 1}`;
  const { epoch = 0 } = state.best ?? {};
  const left = epoch > 0 ? `has the weights of epoch ${epoch}, the best` : "had no good epoch before; create it again";
  return new DatasetError(
    "TRAINING",
    `loss: ${loss} in ${batch}${of}, expected a finite number; lower the learning rate, bound the gradients with clip, or ` +
      `look for NaN in the data (onNaN: "continue" trains on); the model ${left}`,
  );
}

/** TensorFlow says what it could not get; this says what to do about it. */
export function outOfMemory(error: unknown): unknown {
  const message = String((error as Error | undefined)?.message);
  if (!/OOM when allocating|RESOURCE_EXHAUSTED|failed to allocate memory/i.test(message)) return error;
  const what = /shape\s?\[[\d,]+\]/.exec(message)?.[0];
  const layer = /\{\{node ([^}/]+)\//.exec(message)?.[1];
  const where = layer && layer !== "step" ? ` in layer "${layer}"` : "";
  return new DatasetError(
    "ENVIRONMENT",
    `training: out of memory${what ? ` for a tensor of ${what}` : ""}${where}; lower batchSize in dataset.load, cut examples with a shorter window, or take fewer filters or units`,
    [],
    { cause: error },
  );
}
