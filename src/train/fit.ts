import { join } from "node:path";
import type { LayersModel } from "@tensorflow/tfjs-node-gpu";
import { DatasetError } from "../core/error.js";
import { checkKnown } from "../core/known-options.js";
import { notebookHost } from "../notebook/display.js";
import { throwIfAborted, track } from "../notebook/progress.js";
import { drawWhileTraining } from "../show/history.js";
import { directionOf } from "../statistics/direction.js";
import { clipGradients, gatherGradients } from "../tensorflow/kernels/optimizers.js";
import { seedSteps } from "../tensorflow/kernels/step-inputs.js";
import { loadTensorFlow } from "../tensorflow/load.js";
import { stepCounts, withStepSettings } from "../tensorflow/step/compile-steps.js";
import { isResumable, type TrainingData, watched } from "./batch-source.js";
import { hasModel, restoreModel } from "./checkpoint.js";
import { withClassWeights } from "./class-weights.js";
import { bestWeights, fitCallbacks, type Outcome, saveCheckpoint, type Training } from "./fit-callbacks.js";
import { FIT_OPTIONS, type FitOptions, type FitResult } from "./fit-options.js";
import { describeSteps, notFinite, outOfMemory, summary } from "./fit-summary.js";
import { decides, type Judgement, judge } from "./judge.js";
import { checkSchedule, rateOf, setRate } from "./rate-schedule.js";
import { seedModel } from "./seed-model.js";
import type { TrainingState } from "./training-state.js";

/**
 * Trains `model` on `dataset.train`, validating on `dataset.validate` after each epoch.
 *
 * On top of what `model.fitDataset` does it has live curves, early stopping, the best weights at the end, checkpoints
 * from which a second call resumes (in the middle of an epoch too, if the data can), interrupts, and each label's
 * scores at the end.
 *
 * @throws DatasetError "ABORTED" after an interrupt or the signal; the model keeps its weights so far, and with
 * `checkpoint` the same call resumes. "OPTION" for options out of range, "TRAINING" for a loss that is no finite number
 * (see `onNaN`), "ENVIRONMENT" when memory runs out, "FILE" where a log can't be written
 * @example
 * const result = await fit(model, dataset, { epochs: 20, patience: 3, checkpoint: "./models/pitch" });
 */
export async function fit(model: LayersModel, dataset: TrainingData, options: FitOptions): Promise<FitResult> {
  checkOptions(model, dataset, options);
  const show = options.show ?? notebookHost() !== "none";
  const state = await startingState(model, dataset, options);
  const total = Math.max(0, options.epochs - state.epoch) * dataset.trainSteps;
  const monitor = options.monitor ?? (validationOf(dataset) ? "val_loss" : "loss");
  const mode = options.mode ?? directionOf(monitor);
  const again = options.checkpoint
    ? undefined
    : "the model keeps its weights so far; pass `checkpoint`, a folder, to be able to resume";
  const onProgress = options.onProgress ?? (show ? false : undefined);
  const result = await track("training", total, "batches", { ...options, onProgress, again }, async (running) => {
    const training: Training = { model, dataset, options, state, monitor, mode, ...running };
    const work = (): Promise<FitResult> =>
      withClassWeights(model, options.classWeights, () => withOptimizer(model, options, () => train(training, show)));
    const { eager, precision } = options;
    const settings = { ...(eager && { eager }), ...(precision && { precision }) };
    const all = withStepSettings(loadTensorFlow(), model, settings, work);
    return await all.catch((error) => Promise.reject(outOfMemory(error)));
  });
  if (options.onProgress !== false) console.log(result.summary);
  return result;
}

const validationOf = ({ validate, valSteps }: TrainingData): TrainingData["validate"] =>
  valSteps === 0 ? undefined : validate;

async function startingState(model: LayersModel, dataset: TrainingData, options: FitOptions): Promise<TrainingState> {
  const last = options.checkpoint && join(options.checkpoint, "last");
  if (last && options.resume !== false && hasModel(last)) {
    const state = (await restoreModel(model, last)) as unknown as TrainingState;
    if (state.order && isResumable(dataset.train)) dataset.train.resume(state.order);
    return state;
  }
  if (options.seed !== undefined) seedModel(model, options.seed);
  return { epoch: 0, history: {} };
}

async function train(training: Training, show: boolean): Promise<FitResult> {
  const { model, dataset, options, state, monitor, mode, signal } = training;
  const began = performance.now();
  const data = watched(dataset.train, () => signal.aborted);
  const weights = bestWeights(training);
  const outcome: Outcome = { stoppedEarly: false, trained: 0 };
  const steps = describeSteps(model);
  try {
    const learningRate = options.schedule && ((): number => rateOf(model.optimizer));
    const shown = { epochs: options.epochs, steps: dataset.trainSteps, monitor, mode };
    // The summary tells the time.
    const live = show ? [drawWhileTraining({ ...shown, ...(learningRate ? { learningRate } : {}) }, false)] : [];
    if (state.epoch < options.epochs)
      await runEpochs(training, data.source, [...live, fitCallbacks(training, weights, outcome)]);
    if (signal.aborted) await saveCheckpoint(training, "last");
    throwIfAborted(signal, "training");
    if (outcome.failed) {
      if (state.best?.epoch) await weights.restore();
      throw notFinite(training, outcome.failed);
    }
    const best = state.best ?? { epoch: 0, name: monitor, value: Number.NaN };
    if (options.restoreBest !== false && best.epoch > 0 && best.epoch !== state.epoch) await weights.restore();
    const judgement = await judgeValidation(training);
    const seconds = (performance.now() - began) / 1000;
    const waiting = outcome.trained > 0 ? Math.min(1, data.waited() / outcome.trained) : 0;
    const { stoppedEarly } = outcome;
    const result = { history: state.history, best, stoppedEarly, seconds, waiting, ...(judgement && { judgement }) };
    return { ...result, summary: summary(result, state.epoch, options, steps()) };
  } finally {
    weights.dispose();
    seedSteps(loadTensorFlow(), undefined);
  }
}

/** tfjs's own training of the epochs that are left. What an abort makes it throw is the abort's, not an error. */
async function runEpochs(
  { model, dataset, options, state, signal }: Training,
  source: TrainingData["train"],
  callbacks: object[],
): Promise<void> {
  const validate = validationOf(dataset);
  await model
    .fitDataset(source as never, {
      epochs: options.epochs,
      initialEpoch: state.epoch,
      verbose: 0,
      callbacks: callbacks as never,
      ...(validate && { validationData: watched(validate, () => signal.aborted).source as never }),
    })
    .catch((error) => {
      if (!signal.aborted) throw error;
    });
}

async function judgeValidation({ model, dataset }: Training): Promise<Judgement | undefined> {
  const validate = validationOf(dataset);
  if (!validate || decides(model) === undefined) return undefined;
  return await judge(model, validate, dataset.labels && { labels: dataset.labels });
}

/** Runs `work` with the options that change the optimizer, which is afterwards as it was. */
async function withOptimizer<T>({ optimizer }: LayersModel, options: FitOptions, work: () => Promise<T>): Promise<T> {
  const rate = options.schedule && rateOf(optimizer);
  const gathers = (options.accumulate ?? 1) > 1;
  const need = (option: string, done: boolean): void => {
    if (done) return;
    const expected = "an optimizer of tf.train, on native TensorFlow with this library's kernels";
    throw new DatasetError("OPTION", `${option}: expected ${expected}`);
  };
  try {
    if (options.clip) need("clip", clipGradients(optimizer, options.clip));
    if (gathers) need("accumulate", gatherGradients(optimizer, undefined));
    return await work();
  } finally {
    if (rate !== undefined) setRate(optimizer, rate);
    if (options.clip) clipGradients(optimizer, undefined);
    if (gathers) gatherGradients(optimizer, undefined);
  }
}

function checkOptions(model: LayersModel, dataset: TrainingData, options: FitOptions): void {
  if (!model.optimizer)
    throw new DatasetError("OPTION", "model: not compiled; call model.compile({ optimizer, loss }) first");
  checkKnown("fit", options, FIT_OPTIONS);
  for (const [name, value, least] of [
    ["epochs", options.epochs, 1],
    ["accumulate", options.accumulate ?? 1, 1],
    ["patience", options.patience ?? 1, 1],
    ["trainSteps", dataset.trainSteps, 1],
  ] as const) {
    if (!(Number.isInteger(value) && value >= least)) {
      throw new DatasetError("OPTION", `${name}: ${value}, expected a whole number from ${least} on`);
    }
  }
  const oneOf = (name: "onNaN" | "mode" | "precision", first: string, second: string): void => {
    const value = options[name];
    if (value === undefined || value === first || value === second) return;
    throw new DatasetError("OPTION", `${name}: ${JSON.stringify(value)}, expected "${first}" or "${second}"`);
  };
  oneOf("onNaN", "stop", "continue");
  oneOf("mode", "min", "max");
  oneOf("precision", "float32", "mixed_bfloat16");
  if (options.precision === "mixed_bfloat16" && (options.eager || !stepCounts(loadTensorFlow(), model))) {
    const expected = "steps that run as one function: native TensorFlow with this library's kernels, and no `eager`";
    throw new DatasetError("OPTION", `precision: ${JSON.stringify(options.precision)}, expected ${expected}`);
  }
  if (!((options.minDelta ?? 0) >= 0))
    throw new DatasetError("OPTION", `minDelta: ${options.minDelta}, expected a number from 0 on`);
  if (options.schedule) checkSchedule(options.schedule, options.epochs * dataset.trainSteps);
  const clip = Object.entries(options.clip ?? { norm: 1 });
  if (clip.length !== 1 || !["norm", "globalNorm", "value"].includes(clip[0]![0]) || !(clip[0]![1] > 0)) {
    throw new DatasetError(
      "OPTION",
      `clip: ${JSON.stringify(options.clip)}, expected norm, globalNorm or value, above 0`,
    );
  }
}
