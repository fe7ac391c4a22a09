import type { OptionNames } from "../core/known-options.js";
import type { LongOptions } from "../notebook/progress.js";
import type { Direction } from "../statistics/direction.js";
import type { GradientClip } from "../tensorflow/kernels/optimizers.js";
import type { Precision } from "../tensorflow/step/precision.js";
import type { Judgement } from "./judge.js";
import type { RateSchedule } from "./rate-schedule.js";
import type { BestEpoch } from "./training-state.js";

/** Options of `fit`. */
export interface FitOptions extends LongOptions {
  /** Total number of epochs, including those before a resumed checkpoint. */
  epochs: number;
  /**
   * Starts from new weights made from this seed, with dropout that follows from it. Default: the weights the model has.
   * A GPU sums in any order: there the same seed gives the same last bits only with `TF_DETERMINISTIC_OPS=1` in the
   * environment that Node or JupyterLab was started with, and ops that have no deterministic form then say so.
   */
  seed?: number;
  /** The number that says which epoch is best. Default: val_loss, or loss without validation data. */
  monitor?: string;
  /** Whether the smallest or the largest of it is best. Default: the largest of accuracies and scores, by their names. */
  mode?: Direction;
  /** Early stopping: stops when the monitored number has not improved for this many epochs. Default: never. */
  patience?: number;
  /** What counts as an improvement: a change of more than this. Default 0. */
  minDelta?: number;
  /** Ends with the weights of the best epoch. Default true. */
  restoreBest?: boolean;
  /** Folder for checkpoints: `best` and `last`, each a model that `tf.loadLayersModel` reads. */
  checkpoint?: string;
  /** Resumes from the checkpoint's `last`, if there is one. Default true. */
  resume?: boolean;
  /** Weight of each label in the loss, in the order of the model's output. See `balancedWeights`. */
  classWeights?: readonly number[];
  /** How the learning rate changes from step to step, of all steps of all epochs. Default: it doesn't. */
  schedule?: RateSchedule;
  /** Bounds the gradients before each step: by `norm`, `globalNorm` or `value`, one of them. Default: not at all. */
  clip?: GradientClip;
  /**
   * Takes one step per this many batches, by the mean of their gradients, as one batch of that many times the examples
   * would give it. What is left at the end of an epoch makes a step as well. Batch normalization still sees each batch by
   * itself. Default 1.
   */
  accumulate?: number;
  /**
   * What happens when a batch's loss is NaN or infinite. "stop" ends the training with an error that names the batch's
   * examples; the model then has the weights of the best epoch, where there was one. Default "stop".
   */
  onNaN?: "stop" | "continue";
  /** File for the numbers of each epoch: a header, then a line per epoch, those before a resumed checkpoint too. */
  csv?: string;
  /** Folder for TensorBoard: its `train` and `validation` get what Keras writes there, `epoch_loss` and the like. */
  tensorBoard?: string;
  /**
   * Runs each operation of a step by itself. By default a step is one TensorFlow function, which is faster and gives the
   * same numbers; the summary says where it can't be. Default false.
   */
  eager?: boolean;
  /**
   * "mixed_bfloat16" takes products of matrices and convolutions of training steps from inputs rounded to bfloat16, which
   * GPUs from NVIDIA's Ampere on do faster; weights, sums, losses and the optimizer stay float32, and no loss has to be
   * scaled. It needs steps that run as one function; the first three of each kind are in float32, and the summary says how
   * many weren't. Default "float32".
   */
  precision?: Precision;
  /** Shows live curves. Default: in notebooks. */
  show?: boolean;
  /** Called after each epoch. */
  onEpoch?: (epoch: number, logs: Record<string, number>) => void | Promise<void>;
}

/** The names of `fit`'s options. */
export const FIT_OPTIONS: OptionNames<FitOptions> = {
  ...{ epochs: true, seed: true, monitor: true, mode: true, patience: true, minDelta: true, restoreBest: true },
  ...{ checkpoint: true, resume: true, classWeights: true, schedule: true, clip: true, accumulate: true, onNaN: true },
  ...{ csv: true, tensorBoard: true, eager: true, precision: true, show: true, onEpoch: true },
  ...{ signal: true, onProgress: true },
};

/** The outcome of training. */
export interface FitResult {
  /** One number per epoch for each of "loss", "val_loss" and the model's metrics. */
  history: Record<string, number[]>;
  /** The best epoch, counted from 1, and its monitored number; epoch 0 and NaN where it never was a finite number. */
  best: BestEpoch;
  stoppedEarly: boolean;
  seconds: number;
  /** Fraction of the training time spent waiting for data, 0 to 1. */
  waiting: number;
  /** Scores of the validation data's labels, where the model is a classifier. */
  judgement?: Judgement;
  /** All of this in words. */
  summary: string;
}
