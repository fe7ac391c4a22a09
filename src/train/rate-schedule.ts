import type { Optimizer } from "@tensorflow/tfjs-core";
import { DatasetError } from "../core/error.js";
import { checkKnown } from "../core/known-options.js";

/** How the learning rate changes from step to step, in parts of the optimizer's own. */
export interface RateSchedule {
  /** Steps over which the rate rises evenly from 0. Default 0. */
  warmup?: number;
  /** How it falls afterwards: as half a cosine until the last step, or at once after `every` steps, again and again. Default: it stays. */
  decay?: "cosine" | "step";
  /** Of "cosine": what is left of the rate in the end, 0 to 1. Default 0. */
  end?: number;
  /** Of "step": steps until it falls, and then again. */
  every?: number;
  /** Of "step": what is left of the rate each time, 0 to 1. Default 0.1. */
  factor?: number;
}

/** The part of the rate that step `step` of `total`, counted from 0, is taken with. The formulas are Keras's. */
export function rateAt(schedule: RateSchedule, step: number, total: number): number {
  const { warmup = 0, decay, end = 0, every = total, factor = 0.1 } = schedule;
  if (step < warmup) return step / warmup;
  const after = step - warmup;
  if (decay === "step") return factor ** Math.floor(after / every);
  if (decay !== "cosine") return 1;
  const done = Math.min(1, after / Math.max(1, total - warmup));
  return end + ((1 - end) * (1 + Math.cos(Math.PI * done))) / 2;
}

/** @throws DatasetError "OPTION" for what is unknown or out of range; `total` is the number of steps of the training */
export function checkSchedule(schedule: RateSchedule, total: number): void {
  const wrong = (name: string, value: unknown, expected: string): never => {
    throw new DatasetError("OPTION", `schedule.${name}: ${String(value)}, expected ${expected}`);
  };
  checkKnown("schedule", schedule, { warmup: true, decay: true, end: true, every: true, factor: true });
  const { warmup = 0, decay, end, every, factor } = schedule;
  const part = (x: number | undefined): boolean => x === undefined || (x >= 0 && x <= 1);
  if (!(Number.isInteger(warmup) && warmup >= 0 && warmup < total)) {
    wrong("warmup", warmup, `a whole number of steps from 0 on, below all ${total}`);
  }
  if (![undefined, "cosine", "step"].includes(decay)) wrong("decay", decay, '"cosine" or "step"');
  if (end !== undefined && decay !== "cosine") wrong("end", end, 'none without decay "cosine"');
  if (decay !== "step" && (every ?? factor) !== undefined) {
    wrong(every === undefined ? "factor" : "every", every ?? factor, 'none without decay "step"');
  }
  if (!part(end)) wrong("end", end, "0 to 1");
  if (!part(factor)) wrong("factor", factor, "0 to 1");
  if (decay === "step" && !(Number.isInteger(every) && every! > 0)) {
    wrong("every", every, "a whole number of steps from 1 on");
  }
}

/** What this file uses of tfjs's optimizers. */
interface Rated {
  learningRate: number;
  setLearningRate?(rate: number): void;
}

/** The optimizer's learning rate. @throws DatasetError "OPTION" where it has none that is a number */
export function rateOf(optimizer: Optimizer): number {
  const { learningRate } = optimizer as unknown as Rated;
  if (typeof learningRate === "number") return learningRate;
  throw new DatasetError("OPTION", "schedule: the optimizer has no learningRate, expected one of tf.train");
}

export function setRate(optimizer: Optimizer, rate: number): void {
  const rated = optimizer as unknown as Rated;
  if (rated.setLearningRate) rated.setLearningRate(rate);
  else rated.learningRate = rate;
}
