import { join } from "node:path";
import type { LayersModel, Tensor } from "@tensorflow/tfjs-node-gpu";
import { DatasetError } from "../core/error.js";
import { countGathered, gatherGradients, isGathering } from "../tensorflow/kernels/optimizers.js";
import { loadTensorFlow } from "../tensorflow/load.js";
import { isResumable, type TrainingData } from "./batch-source.js";
import { restoreModel, saveModel } from "./checkpoint.js";
import type { FitOptions } from "./fit-options.js";
import { epochLogs } from "./logs.js";
import { rateAt, rateOf, setRate } from "./rate-schedule.js";
import { seedStep } from "./seed-model.js";
import { addBatch, endEpoch, isBetter, placeIn, type TrainingState } from "./training-state.js";
import type { Direction } from "../statistics/direction.js";

/** One call of `fit`: what its callbacks share. */
export interface Training {
  model: LayersModel;
  dataset: TrainingData;
  options: FitOptions;
  state: TrainingState;
  /** The number that decides which epoch is best, and which way it is better. */
  monitor: string;
  mode: Direction;
  signal: AbortSignal;
  /** Batches whose gradients wait for a step, and what `state.part` was before them. */
  waiting?: { batches: number; part: TrainingState["part"] };
  /** Counts a batch. */
  tick(): void;
}

/** Saves the model with the state of training as checkpoint `name`, where a checkpoint is asked for. */
export async function saveCheckpoint(training: Training, name: string): Promise<void> {
  const { model, dataset, options, state } = training;
  if (!options.checkpoint) return;
  if (isResumable(dataset.train)) state.order = placeIn(dataset.train.state(), state.epoch, dataset.trainSteps);
  const { order, ...rest } = state;
  const { batches = 0, part } = training.waiting ?? {};
  // Batches whose gradients made no step yet are trained on again.
  const saved = batches > 0 && order ? { ...rest, part, order: { ...order, batch: order.batch - batches } } : state;
  await saveModel(model, join(options.checkpoint, name), saved);
}

/** The weights of the best epoch of this call. */
export interface BestWeights {
  keep(): void;
  /** Gives the model the best epoch's weights, also those of an earlier call's checkpoint. */
  restore(): Promise<void>;
  dispose(): void;
}

export function bestWeights({ model, options }: Training): BestWeights {
  const tf = loadTensorFlow();
  let kept: Tensor[] | undefined;
  return {
    keep: () => {
      tf.dispose(kept);
      kept = model.getWeights().map((weight) => weight.clone());
    },
    restore: async () => {
      if (kept) model.setWeights(kept);
      else if (options.checkpoint) await restoreModel(model, join(options.checkpoint, "best"));
    },
    dispose: () => tf.dispose(kept),
  };
}

/** A batch whose loss is NaN or infinite. */
export interface FailedBatch {
  loss: number;
  /** Counted from 0 over all epochs. */
  step: number;
  /** Names of its examples, where the data knows them. */
  examples: readonly string[];
}

/** What the callbacks found besides the training's state. */
export interface Outcome {
  stoppedEarly: boolean;
  /** Milliseconds of training, validation left out. */
  trained: number;
  /** The batch that ended the training, since its loss is no finite number. */
  failed?: FailedBatch;
}

/** The callbacks of tfjs that count batches, keep the best weights, save checkpoints and stop. */
export function fitCallbacks(training: Training, best: BestWeights, outcome: Outcome): object {
  const { model, dataset, options, state, signal } = training;
  const { seed, schedule, epochs, accumulate = 1 } = options;
  const logs = epochLogs(options.csv, options.tensorBoard);
  const rate = schedule && rateOf(model.optimizer);
  let epochBegan = 0;
  let step = state.epoch * dataset.trainSteps + (state.order?.batch ?? 0);
  return {
    onEpochBegin: async (): Promise<void> => {
      epochBegan = performance.now();
    },
    onBatchBegin: async (): Promise<void> => {
      if (seed !== undefined) seedStep(model, seed, step);
      if (schedule) setRate(model.optimizer, rate! * rateAt(schedule, step, epochs * dataset.trainSteps));
      if (accumulate === 1) return;
      const { batches = 0 } = training.waiting ?? {};
      if (batches === 0) training.waiting = { batches, part: structuredClone(state.part) };
      const last = batches + 1 === accumulate || (step + 1) % dataset.trainSteps === 0;
      gatherGradients(model.optimizer, last ? "step" : "gather");
    },
    onBatchEnd: async (batch: number, logs?: unknown): Promise<void> => {
      step++;
      training.tick();
      const numbers = logs as Record<string, number>;
      addBatch(state, numbers);
      countGathered(model.optimizer);
      if (training.waiting) training.waiting.batches = isGathering(model.optimizer) ? training.waiting.batches + 1 : 0;
      if (options.onNaN !== "continue" && !Number.isFinite(numbers.loss)) {
        outcome.failed = { loss: numbers.loss!, step: step - 1, examples: dataset.train.names?.() ?? [] };
        model.stopTraining = true;
      }
      // The last batch is followed by validation, which is not training.
      if (batch + 1 === dataset.trainSteps) outcome.trained += performance.now() - epochBegan;
      if (signal.aborted) model.stopTraining = true;
    },
    onEpochEnd: async (epoch: number, ended?: unknown): Promise<void> => {
      // An aborted epoch is no epoch: its place in the order is saved when training has ended.
      if (signal.aborted || outcome.failed) return;
      const numbers = endEpoch(state, epoch, ended as Record<string, number>);
      await logs.write(state, (model.optimizer as { learningRate?: number }).learningRate);
      if (noteBest(training, epoch, numbers)) {
        best.keep();
        await saveCheckpoint(training, "best");
      }
      await saveCheckpoint(training, "last");
      await options.onEpoch?.(epoch + 1, numbers);
      if (options.patience !== undefined && epoch + 1 - (state.best?.epoch ?? 0) >= options.patience) {
        outcome.stoppedEarly = epoch + 1 < options.epochs;
        model.stopTraining = true;
      }
    },
  };
}

/** Compares the monitored number with the best so far; true where this epoch is the best now. */
function noteBest({ state, monitor, mode, options }: Training, epoch: number, logs: Record<string, number>): boolean {
  const value = logs[monitor];
  if (value === undefined) {
    throw new DatasetError("OPTION", `monitor: "${monitor}", expected one of ${Object.keys(logs).join(", ")}`);
  }
  if (!isBetter(value, state.best?.value, mode, options.minDelta ?? 0)) return false;
  state.best = { epoch: epoch + 1, name: monitor, value };
  return true;
}
