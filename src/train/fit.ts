import { join } from "node:path";
import type { LayersModel, Tensor } from "@tensorflow/tfjs-node-gpu";
import { hasModel, restoreModel, saveModel } from "./checkpoint.js";
import { withClassWeights } from "./class-weights.js";
import { notebookHost } from "../notebook/display.js";
import { DatasetError } from "../core/error.js";
import { decides, type Judgement, judge } from "./judge.js";
import { duration, type LongOptions, throwIfAborted, track } from "../notebook/progress.js";
import { seedDropout, seedModel } from "./seed-model.js";
import { liveHistory } from "../show/history.js";
import { loadTensorFlow } from "../tensorflow/load.js";
import { isResumable, type Place, type TrainingData, watched } from "./batch-source.js";
import { type Direction, directionOf } from "../statistics/direction.js";

/** How `fit` trains. */
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
  /** Shows live curves. Default: in notebooks. */
  show?: boolean;
  /** Called after each epoch. */
  onEpoch?: (epoch: number, logs: Record<string, number>) => void | Promise<void>;
}

/** The outcome of training. */
export interface FitResult {
  /** One number per epoch for each of "loss", "val_loss" and the model's metrics. */
  history: Record<string, number[]>;
  /** The best epoch, counted from 1, and its monitored number. */
  best: { epoch: number; name: string; value: number };
  stoppedEarly: boolean;
  seconds: number;
  /** Fraction of the training time spent waiting for data, 0 to 1. */
  waiting: number;
  /** Scores of the validation data's labels, where the model is a classifier. */
  judgement?: Judgement;
  /** All of this in words. */
  summary: string;
}

/** What a checkpoint keeps besides the model. */
interface Progress {
  epoch: number;
  history: Record<string, number[]>;
  best?: FitResult["best"];
  order?: Place;
  /** Of the epoch that was begun: examples, and for each number its sum over them. */
  part?: { examples: number; sums: Record<string, number> };
}

/**
 * Trains `model` on `dataset.train`, validating on `dataset.validate` after each epoch.
 *
 * On top of what `model.fitDataset` does it has live curves, early stopping, the best weights at the end, checkpoints
 * from which a second call resumes (in the middle of an epoch too, if the data can), interrupts, and each label's
 * scores at the end.
 *
 * @throws DatasetError "ABORTED" after an interrupt or the signal; the model keeps its weights so far, and with
 * `checkpoint` the same call resumes. "OPTION" for options out of range, "ENVIRONMENT" when memory runs out
 * @example
 * const result = await fit(model, dataset, { epochs: 20, patience: 3, checkpoint: "./models/pitch" });
 */
export async function fit(model: LayersModel, dataset: TrainingData, options: FitOptions): Promise<FitResult> {
  checkOptions(model, dataset, options);
  const show = options.show ?? notebookHost() !== "none";
  const onProgress = options.onProgress ?? (show ? false : undefined);
  const state = await start(model, dataset, options);
  const total = Math.max(0, options.epochs - state.epoch) * dataset.trainSteps;
  const again = options.checkpoint
    ? undefined
    : "the model keeps its weights so far; pass `checkpoint`, a folder, to be able to resume";
  const result = await track(
    "training",
    total,
    "batches",
    { ...options, onProgress, again },
    async ({ signal, tick }) => {
      const run = (): Promise<FitResult> => train(model, dataset, options, state, { signal, tick, show });
      return await withClassWeights(model, options.classWeights, run).catch((error) =>
        Promise.reject(outOfMemory(error)),
      );
    },
  );
  if (options.onProgress !== false) console.log(result.summary);
  return result;
}

async function start(model: LayersModel, dataset: TrainingData, options: FitOptions): Promise<Progress> {
  const last = options.checkpoint && join(options.checkpoint, "last");
  if (last && options.resume !== false && hasModel(last)) {
    const state = (await restoreModel(model, last)) as unknown as Progress;
    if (state.order && isResumable(dataset.train)) dataset.train.resume(state.order);
    return state;
  }
  if (options.seed !== undefined) seedModel(model, options.seed);
  return { epoch: 0, history: {} };
}

interface Running {
  signal: AbortSignal;
  tick(): void;
  show: boolean;
}

async function train(
  model: LayersModel,
  dataset: TrainingData,
  options: FitOptions,
  state: Progress,
  { signal, tick, show }: Running,
): Promise<FitResult> {
  const { epochs, checkpoint, seed } = options;
  const tf = loadTensorFlow();
  const validate = dataset.validate && dataset.valSteps !== 0 ? dataset.validate : undefined;
  const monitor = options.monitor ?? (validate ? "val_loss" : "loss");
  const mode = options.mode ?? directionOf(monitor);
  const data = watched(dataset.train, () => signal.aborted);
  const began = performance.now();
  let trained = 0;
  let epochBegan = 0;
  let bestWeights: Tensor[] | undefined;
  let stoppedEarly = false;
  let step = state.epoch * dataset.trainSteps + (state.order?.batch ?? 0);

  const save = async (name: string): Promise<void> => {
    if (!checkpoint) return;
    if (isResumable(dataset.train)) state.order = placeIn(dataset.train.state(), state.epoch, dataset.trainSteps);
    await saveModel(model, join(checkpoint, name), state);
  };
  const epochEnd = async (epoch: number, ended: Record<string, number>): Promise<void> => {
    // An aborted epoch is no epoch: its place in the order is saved below instead.
    if (signal.aborted) return;
    const { examples, sums } = state.part ?? { examples: 1, sums: {} };
    const logs = { ...ended };
    for (const name in sums) logs[name] = sums[name]! / examples;
    delete state.part;
    state.epoch = epoch + 1;
    for (const [name, value] of Object.entries(logs)) {
      state.history[name] ??= [];
      state.history[name].push(value);
    }
    const value = logs[monitor];
    if (value === undefined) {
      throw new DatasetError("OPTION", `monitor: "${monitor}", expected one of ${Object.keys(logs).join(", ")}`);
    }
    if (!state.best || isBetter(value, state.best.value, mode, options.minDelta ?? 0)) {
      state.best = { epoch: epoch + 1, name: monitor, value };
      tf.dispose(bestWeights);
      bestWeights = model.getWeights().map((w) => w.clone());
      await save("best");
    }
    await save("last");
    await options.onEpoch?.(epoch + 1, logs);
    if (options.patience !== undefined && epoch + 1 - state.best.epoch >= options.patience) {
      stoppedEarly = epoch + 1 < epochs;
      model.stopTraining = true;
    }
  };
  const live = show ? [liveHistory({ epochs, steps: dataset.trainSteps, monitor, mode })] : [];
  const own = {
    onEpochBegin: async (): Promise<void> => {
      epochBegan = performance.now();
    },
    onBatchBegin: async (): Promise<void> => {
      if (seed !== undefined) seedDropout(model, seed, step);
    },
    onBatchEnd: async (batch: number, logs?: unknown): Promise<void> => {
      step++;
      tick();
      addTo(state, logs as Record<string, number>);
      // The last batch is followed by validation, which is not training.
      if (batch + 1 === dataset.trainSteps) trained += performance.now() - epochBegan;
      if (signal.aborted) model.stopTraining = true;
    },
    onEpochEnd: (epoch: number, logs?: unknown): Promise<void> => epochEnd(epoch, logs as Record<string, number>),
  };

  try {
    if (state.epoch < epochs) {
      await model
        .fitDataset(data.source as never, {
          epochs,
          initialEpoch: state.epoch,
          verbose: 0,
          callbacks: [...live, own] as never,
          ...(validate && { validationData: watched(validate, () => signal.aborted).source as never }),
        })
        .catch((error) => {
          if (!signal.aborted) throw error;
        });
    }
    if (signal.aborted) await save("last");
    throwIfAborted(signal, "training");
    const best = state.best ?? { epoch: 0, name: monitor, value: Number.NaN };
    if (options.restoreBest !== false && best.epoch !== state.epoch) {
      if (bestWeights) model.setWeights(bestWeights);
      else if (checkpoint) await restoreModel(model, join(checkpoint, "best"));
    }
    const labels = dataset.labels && { labels: dataset.labels };
    const told = validate && decides(model) !== undefined ? await judge(model, validate, labels) : undefined;
    const seconds = (performance.now() - began) / 1000;
    const waiting = trained > 0 ? Math.min(1, data.waited() / trained) : 0;
    const result = { history: state.history, best, stoppedEarly, seconds, waiting, ...(told && { judgement: told }) };
    return { ...result, summary: summary(result, state.epoch, options) };
  } finally {
    tf.dispose(bestWeights);
  }
}

/** Counts a batch in; an epoch that is resumed after an interrupt has the mean of all its batches. */
function addTo(state: Progress, logs: Record<string, number>): void {
  const { batch: _, size = 1, ...values } = logs;
  state.part ??= { examples: 0, sums: {} };
  state.part.examples += size;
  for (const name in values) state.part.sums[name] = (state.part.sums[name] ?? 0) + size * values[name]!;
}

/** An epoch whose batches have all been trained on is over only when it was validated as well. */
function placeIn(place: Place, epochsDone: number, steps: number): Place {
  const unvalidated = place.batch === 0 && place.epoch > epochsDone;
  return unvalidated ? { ...place, epoch: place.epoch - 1, batch: steps } : place;
}

function isBetter(value: number, best: number, mode: Direction, delta: number): boolean {
  return mode === "min" ? value < best - delta : value > best + delta;
}

function summary(result: Omit<FitResult, "summary">, epochs: number, options: FitOptions): string {
  const { best, waiting, seconds, stoppedEarly, judgement } = result;
  const sentences = [
    `Trained ${epochs} of ${options.epochs} epochs in ${duration(seconds)}, ${(100 * waiting).toFixed(1)} % of it waiting for data.`,
    `Best ${best.name} ${best.value.toPrecision(4)} at epoch ${best.epoch}${options.restoreBest === false ? "" : " (weights restored)"}.`,
  ];
  if (stoppedEarly) sentences.push(`Stopped early: no improvement for ${options.patience} epochs.`);
  if (judgement) sentences.push(`Mean F1 of the validation labels ${judgement.scores.at(-2)!.f1.toFixed(3)}.`);
  if (options.checkpoint) sentences.push(`Saved in ${join(options.checkpoint, "best")}.`);
  return sentences.join(" ");
}

function checkOptions(model: LayersModel, dataset: TrainingData, options: FitOptions): void {
  if (!model.optimizer)
    throw new DatasetError("OPTION", "model: not compiled; call model.compile({ optimizer, loss }) first");
  for (const [name, value, least] of [
    ["epochs", options.epochs, 1],
    ["patience", options.patience ?? 1, 1],
    ["trainSteps", dataset.trainSteps, 1],
  ] as const) {
    if (!(Number.isInteger(value) && value >= least)) {
      throw new DatasetError("OPTION", `${name}: ${value}, expected a whole number from ${least} on`);
    }
  }
}

/** TensorFlow says what it could not get; this says what to do about it. */
function outOfMemory(error: unknown): unknown {
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
