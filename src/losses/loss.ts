import type * as tfjs from "@tensorflow/tfjs-node-gpu";
import { DatasetError } from "../core/error.js";

/** What `model.compile({ loss })` takes: a loss of each example, or of each of its frames, from truth and output. */
export type Loss = (truth: tfjs.Tensor, output: tfjs.Tensor) => tfjs.Tensor;

/** Samples of each example, `[batch, samples]`, whether they come like this or as `[batch, frames, inputSize]`. */
export function asSamples(x: tfjs.Tensor): tfjs.Tensor2D {
  const [batch = 1] = x.shape;
  return x.reshape([batch, x.size / batch]) as tfjs.Tensor2D;
}

/** @throws DatasetError "OPTION" where a number isn't one from `least` on */
export function checkNumber(name: string, value: number, least: number): void {
  if (Number.isFinite(value) && value >= least) return;
  throw new DatasetError("OPTION", `${name}: ${value}, expected a number from ${least} on`);
}
