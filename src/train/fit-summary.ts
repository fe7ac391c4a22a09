import { join } from "node:path";
import { DatasetError } from "../core/error.js";
import { duration } from "../notebook/progress.js";
import type { FitOptions, FitResult } from "./fit-options.js";

/** What training came to, in words. */
export function summary(result: Omit<FitResult, "summary">, epochs: number, options: FitOptions): string {
  const { best, waiting, seconds, stoppedEarly, judgement } = result;
  const sentences = [
    `Trained ${epochs} of ${options.epochs} epochs in ${duration(seconds)}, ${(100 * waiting).toFixed(1)} % of it waiting for data.`,
    best.epoch === 0
      ? `No epoch is best: ${best.name} was never a finite number; lower the learning rate, or look for NaN in the data.`
      : `Best ${best.name} ${best.value.toPrecision(4)} at epoch ${best.epoch}${options.restoreBest === false ? "" : " (weights restored)"}.`,
  ];
  if (stoppedEarly) sentences.push(`Stopped early: no improvement for ${options.patience} epochs.`);
  if (judgement) sentences.push(`Mean F1 of the validation labels ${judgement.scores.at(-2)!.f1.toFixed(3)}.`);
  if (options.checkpoint) sentences.push(`Saved in ${join(options.checkpoint, best.epoch === 0 ? "last" : "best")}.`);
  return sentences.join(" ");
}

/** TensorFlow says what it could not get; this says what to do about it. */
export function outOfMemory(error: unknown): unknown {
  const message = String((error as Error | undefined)?.message);
  if (!/OOM when allocating|RESOURCE_EXHAUSTED|failed to allocate memory/i.test(message)) return error;
  const what = /shape\s?\[[\d,]+\]/.exec(message)?.[0];
  return new DatasetError(
    "ENVIRONMENT",
    `training: out of memory${what ? ` for a tensor of ${what}` : ""}; lower batchSize in dataset.load, cut examples with a shorter window, or take fewer filters or units`,
    [],
    { cause: error },
  );
}
