import { displayBundle, LiveDisplay, type MimeBundle } from "../notebook/display.js";
import { curvesPanel } from "../figure/curves.js";
import { figure, type Figure } from "../figure/figure.js";
import type { Panel } from "../figure/panel.js";
import { figureBundle, numberText, pictureHtml, secondsText, type ShowOptions } from "./bundle.js";
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
 * @example
 * show.history((await model.fitDataset(dataset.train, { epochs: 5 })).history);
 */
export function history(values: FitHistory | { history: FitHistory }, options: HistoryOptions = {}): void {
  const plain = (isWrapped(values) ? values.history : values) as HistoryValues;
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
      for (const [name, value] of Object.entries({ ...logs, seconds: (performance.now() - epochBegan) / 1000 })) {
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
      live.update(figureBundle(historyFigure(values, options, summary)));
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
  const names = Object.keys(values).filter((name) => !name.startsWith("val_") && name !== "seconds");
  if (names.length === 0) names.push("loss");
  const epochs = Math.max(0, ...Object.values(values).map((v) => v.length));
  const x = Array.from({ length: epochs }, (_, i) => i + 1);
  const best = bestEpoch(values, options.monitor, options.mode);
  const panels: Panel[] = names.map((name, i) => {
    const curves = [{ name: "training", values: values[name] ?? [] }];
    const validation = values[`val_${name}`];
    const marked = best && (best.name === name || best.name === `val_${name}`);
    return curvesPanel({
      x,
      curves: validation
        ? [...curves, { name: "validation", values: validation, dash: true } as (typeof curves)[0]]
        : curves,
      xLabel: "epoch",
      yLabel: name,
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

function isWrapped(values: FitHistory | { history: FitHistory }): values is { history: FitHistory } {
  return "history" in values && !Array.isArray(values.history);
}
