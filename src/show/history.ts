import { checkKnown, type OptionNames } from "../core/known-options.js";
import { displayBundle, LiveDisplay, type MimeBundle } from "../notebook/display.js";
import { DatasetError } from "../core/error.js";
import { NEUTRAL, PALETTE } from "../figure/colour.js";
import { type Curve, curvesPanel } from "../figure/curves.js";
import { figure, type Figure } from "../figure/figure.js";
import type { Panel } from "../figure/panel.js";
import { figureBundle, numberText, pictureHtml, secondsText, SHOW_OPTIONS, type ShowOptions } from "./bundle.js";
import type { TensorLike } from "./sound.js";
import { type Direction, directionOf } from "../statistics/direction.js";

/** Numbers of each epoch: "loss", "val_loss", "acc" … as tfjs names them, one value per epoch. */
export type HistoryValues = Record<string, readonly number[]>;

/** The same as tfjs declares it for `fitDataset`; tensors are never in it by then. */
export type FitHistory = Record<string, readonly (number | TensorLike)[]>;

/** What is known while training. */
export interface HistoryOptions extends ShowOptions {
  /** Epochs planned. */
  epochs?: number;
  /** Examples an epoch trains on, for the rate. */
  examples?: number;
  /** Batches of an epoch, for the time left within it. */
  steps?: number;
  /** Metric whose best epoch is marked. Default: val_loss, else loss. */
  monitor?: string;
  /** Whether the smallest or the largest of it is best. Default: the largest of accuracies and scores, by their names. */
  mode?: Direction;
  /** A logarithmic y axis for the loss and the learning rate. Default false. */
  log?: boolean;
  /**
   * Weight of what came before in the smoothed curves, 0 (default: none) to below 1, as TensorBoard smooths; the values themselves
   * stay behind them.
   */
  smooth?: number;
  /** Histories of earlier runs, drawn behind this one: validation where it has such, else training. */
  before?: readonly (FitHistory | { history: FitHistory })[];
  /** While training: gives the learning rate, which gets a panel where it changes. Without it, a series "learningRate" of the values. */
  learningRate?: () => number;
}

const OPTIONS: OptionNames<HistoryOptions> = {
  ...{ ...SHOW_OPTIONS, epochs: true, examples: true, steps: true, monitor: true, mode: true },
  ...{ log: true, smooth: true, before: true, learningRate: true },
};

function checkOptions(call: string, options: HistoryOptions): void {
  checkKnown(call, options, OPTIONS);
  const { smooth = 0 } = options;
  if (!(smooth >= 0 && smooth < 1)) throw new DatasetError("OPTION", `smooth: ${smooth}, expected 0 to below 1`);
}

/** Callbacks for `model.fitDataset` or `model.fit` that draw the curves while training. */
export interface LiveHistory {
  onEpochBegin(epoch: number): Promise<void>;
  onBatchEnd(batch: number, logs?: Record<string, unknown>): Promise<void>;
  onEpochEnd(epoch: number, logs?: Record<string, unknown>): Promise<void>;
  onTrainEnd(): Promise<void>;
  /** What was gathered so far. */
  readonly values: HistoryValues;
}

/**
 * Shows the curves of a finished training: loss and each metric, training solid and validation dashed, best epoch marked.
 *
 * @throws DatasetError "OPTION" for an option that isn't there, or a `smooth` out of range
 * @example
 * show.history((await model.fitDataset(dataset.train, { epochs: 5 })).history);
 * show.history({ loss: [1, 0.1, 0.02] }, { log: true, smooth: 0.6, before: [{ loss: [1.2, 0.4, 0.1] }] });
 */
export function history(values: FitHistory | { history: FitHistory }, options: HistoryOptions = {}): void {
  checkOptions("show.history", options);
  const plain = unwrapped(values);
  displayBundle(figureBundle(historyFigure(plain, options, "")));
}

/**
 * Callbacks that show the curves live: a picture replaced after each epoch with rate, time left and best epoch, and the
 * interactive chart when training ends.
 *
 * @example
 * await model.fitDataset(dataset.train, { epochs: 5, callbacks: show.liveHistory({ epochs: 5 }) });
 */
export function liveHistory(options: HistoryOptions = {}): LiveHistory {
  checkOptions("show.liveHistory", options);
  return drawWhileTraining(options, true);
}

/** As `liveHistory`; `closing` says whether words under the last picture tell how long it took. */
export function drawWhileTraining(options: HistoryOptions, closing: boolean): LiveHistory {
  const live = new LiveDisplay();
  const values: Record<string, number[]> = {};
  const began = performance.now();
  let epochBegan = began;
  let epochs = 0;
  let batch = 0;
  let loss = Number.NaN;
  const status = (): string => {
    const now = performance.now();
    const share = options.steps ? Math.min(1, batch / options.steps) : 0;
    const done = epochs + share;
    const parts = [
      `epoch ${Math.min(epochs + 1, options.epochs ?? epochs + 1)}${options.epochs ? ` of ${options.epochs}` : ""}`,
    ];
    if (options.steps && batch > 0) parts.push(`batch ${batch} of ${options.steps}`);
    if (Number.isFinite(loss)) parts.push(`loss ${numberText(loss)}`);
    if (options.examples && done > 0) {
      parts.push(`${numberText(Math.round((options.examples * done) / ((now - began) / 1000)))} examples/s`);
    }
    if (options.epochs && done > 0 && done < options.epochs) {
      parts.push(`${secondsText((((now - began) / 1000) * (options.epochs - done)) / done)} left`);
    }
    return parts.join(", ");
  };
  return {
    values,
    async onEpochBegin() {
      epochBegan = performance.now();
      batch = 0;
    },
    async onBatchEnd(_, logs) {
      batch++;
      if (typeof logs?.loss === "number") loss = logs.loss;
      live.update(staticBundle(historyFigure(values, options, status()), status()));
    },
    async onEpochEnd(epoch, logs) {
      epochs = epoch + 1;
      batch = 0;
      const rate = options.learningRate?.();
      const seconds = (performance.now() - epochBegan) / 1000;
      for (const [name, value] of Object.entries({
        ...logs,
        seconds,
        ...(rate === undefined ? {} : { learningRate: rate }),
      })) {
        if (typeof value !== "number") continue;
        values[name] ??= [];
        values[name][epoch] = value;
      }
      live.update(staticBundle(historyFigure(values, options, status()), status()));
    },
    async onTrainEnd() {
      const seconds = (performance.now() - began) / 1000;
      const rate = options.examples
        ? `, ${numberText(Math.round((options.examples * epochs) / seconds))} examples/s`
        : "";
      const summary = `${epochs} ${epochs === 1 ? "epoch" : "epochs"} in ${secondsText(seconds)}${rate}`;
      live.update(figureBundle(historyFigure(values, options, closing ? summary : "")));
      live.flush();
    },
  };
}

/** A drawn plotly chart ignores updates, so while training only the picture and the words are sent. */
function staticBundle(shown: Figure, status: string): MimeBundle {
  return { "text/html": `<div>${pictureHtml(shown)}</div>`, "text/plain": `Training: ${status}. ${shown.alt}` };
}

/** Loss in one panel, every other metric in its own; rows of `seconds` (time of an epoch) are not drawn. */
export function historyFigure(values: HistoryValues, options: HistoryOptions, note: string): Figure {
  const same = (series: readonly number[] = []): boolean => series.every((value) => value === series[0]);
  const names = Object.keys(values).filter(
    (name) => !name.startsWith("val_") && name !== "seconds" && !(name === "learningRate" && same(values[name])),
  );
  if (names.length === 0) names.push("loss");
  const runs = (options.before ?? []).map(unwrapped);
  const epochs = Math.max(0, ...Object.values(values).map((v) => v.length));
  const longest = Math.max(epochs, ...runs.flatMap((run) => Object.values(run).map((v) => v.length)));
  const x = Array.from({ length: longest }, (_, i) => i + 1);
  const best = bestEpoch(values, options.monitor, options.mode);
  const panels: Panel[] = names.map((name, i) => {
    const rate = name === "learningRate";
    const curves = [
      ...earlier(runs, name),
      ...smoothed(
        { name: rate ? "learning rate" : "training", values: values[name] ?? [], colour: PALETTE[0]! },
        rate ? 0 : options.smooth,
      ),
    ];
    const validation = values[`val_${name}`];
    if (validation) {
      curves.push(
        ...smoothed({ name: "validation", values: validation, dash: true, colour: PALETTE[1]! }, options.smooth),
      );
    }
    const marked = best && (best.name === name || best.name === `val_${name}`);
    return curvesPanel({
      x,
      curves,
      log: options.log && (name === "loss" || rate),
      xLabel: "epoch",
      yLabel: rate ? "learning rate" : name,
      xMax: options.epochs,
      wholeX: true,
      title: i === 0 ? (options.title ?? "Training") : undefined,
      height: names.length > 1 ? 140 : 190,
      mark: marked ? { x: best.epoch, y: best.value, text: `best: ${numberText(best.value)}` } : undefined,
    });
  });
  const last = names.map((name) => {
    const value = values[name]?.at(-1);
    const validation = values[`val_${name}`]?.at(-1);
    return `${name} ${value === undefined ? "not yet known" : numberText(value)}${validation === undefined ? "" : ` (validation ${numberText(validation)})`}`;
  });
  const bestText = best ? `; best epoch ${best.epoch} with ${best.name} ${numberText(best.value)}` : "";
  return figure(panels, {
    width: options.width,
    alt: `Training curves over ${epochs} ${epochs === 1 ? "epoch" : "epochs"}: ${last.join(", ")}${bestText}`,
    note: note || undefined,
  });
}

/** The epoch (from 1) with the best value; of those that are no number none. */
export function bestEpoch(
  values: HistoryValues,
  monitor?: string,
  mode?: Direction,
): { name: string; epoch: number; value: number } | undefined {
  const name = monitor ?? (values.val_loss ? "val_loss" : "loss");
  const series = values[name] ?? [];
  const sign = (mode ?? directionOf(name)) === "min" ? 1 : -1;
  let epoch = -1;
  series.forEach((value, i) => {
    if (Number.isFinite(value) && (epoch < 0 || sign * value < sign * series[epoch]!)) epoch = i;
  });
  return epoch < 0 ? undefined : { name, epoch: epoch + 1, value: series[epoch]! };
}

/** The curve and, where it is smoothed, its values behind it. */
function smoothed(curve: Curve, weight = 0): Curve[] {
  if (weight === 0) return [curve];
  return [
    { ...curve, faint: true, unnamed: true },
    { ...curve, values: smooth(curve.values, weight) },
  ];
}

/**
 * The mean of all values so far, each weighing `weight` times the next: an exponential moving average without the pull of
 * its beginning. What is no number stays none.
 */
export function smooth(values: ArrayLike<number>, weight: number): number[] {
  let [sum, weights] = [0, 0];
  return Array.from(values, (value) => {
    if (!Number.isFinite(value)) return value;
    sum = weight * sum + value;
    weights = weight * weights + 1;
    return sum / weights;
  });
}

/** The curves of earlier runs that have this metric. */
function earlier(runs: readonly HistoryValues[], name: string): Curve[] {
  return runs
    .map((run) => run[`val_${name}`] ?? run[name] ?? [])
    .filter((values) => values.length > 0)
    .map((values, i) => ({ name: "earlier", values, faint: true, unnamed: i > 0, colour: NEUTRAL }));
}

function unwrapped(values: FitHistory | { history: FitHistory }): HistoryValues {
  return (isWrapped(values) ? values.history : values) as HistoryValues;
}

function isWrapped(values: FitHistory | { history: FitHistory }): values is { history: FitHistory } {
  return "history" in values && !Array.isArray(values.history);
}
