import { checkKnown, type OptionNames } from "../core/known-options.js";
import { displayBundle, type MimeBundle } from "../notebook/display.js";
import { DatasetError } from "../core/error.js";
import { figure } from "../figure/figure.js";
import type { Panel } from "../figure/panel.js";
import { pitchName } from "../core/pitch.js";
import { joinNotes, type RollNote, rollPanel, rollWords, verdicts } from "../figure/roll.js";
import { figureBundle, fit, MAX_BYTES, SHOW_OPTIONS, type ShowOptions } from "./bundle.js";
import type { ExampleLike } from "./sound.js";

/** Labels in frames: `values[frame * features + feature]`, active from the threshold on. */
export interface FrameLabels {
  values: ArrayLike<number>;
  features: number;
  /** Seconds from one frame to the next: frameStep or inputSize divided by the sample rate. */
  secondsPerFrame: number;
}

/** An example with whatever labels it has. */
export interface LabelledExample extends ExampleLike {
  /** Its number in the dataset. */
  id?: number;
  /** Values of the whole file, one per class or feature; with `secondsPerFrame` those of all frames, one frame after the other. */
  values?: ArrayLike<number>;
  /** Names of the classes or features. */
  labels?: readonly string[];
  /** Numbers per frame, and seconds from one frame to the next. */
  features?: number;
  secondsPerFrame?: number;
  /** Labels over time: row i holds `value[i]` of `feature[i]` from `on[i]` to `off[i]`, in `timeUnit`. */
  events?: {
    on: ArrayLike<number>;
    off: ArrayLike<number>;
    feature: ArrayLike<number>;
    value: ArrayLike<number>;
  };
  /** Seconds of one unit of the events' times. Default 1 / sampleRate: the times count samples. */
  secondsPerUnit?: number;
}

/** Labels over time: notes with seconds, dense frames, or an example of a dataset (its labels). */
export type RollSource = readonly RollNote[] | FrameLabels | LabelledExample;

/** How a roll looks. */
export interface RollOptions extends ShowOptions {
  /**
   * Shown against the labels: hits, misses and false alarms. Plain numbers, as `dataset.predict` gives them, are frames
   * like those of the example's labels.
   */
  prediction?: RollSource | Float32Array | undefined;
  /** Value from which a frame is active, one for all rows or one per row. Default 0.5. */
  threshold?: number | readonly number[] | undefined;
  /** Names of the rows; "pitch" names MIDI pitches. Default: the labels' numbers. */
  names?: readonly string[] | "pitch" | undefined;
  /** First and last second shown. Default: all. */
  start?: number;
  end?: number;
}

const OPTIONS: OptionNames<RollOptions> = {
  ...{ ...SHOW_OPTIONS, prediction: true, threshold: true, names: true, start: true, end: true },
};

/**
 * Shows labels over time, one row per label; with `prediction` each stretch as hit, miss or false alarm.
 *
 * @example
 * show.pianoRoll(await dataset.example(0), { prediction: await dataset.predict(model, 0) });
 * show.pianoRoll([{ onset: 0, offset: 0.5, row: 60 }], { names: "pitch" });
 * const frames = { features: 88, secondsPerFrame: 256 / 16000 };
 * show.pianoRoll({ ...frames, values: label }, { prediction: { ...frames, values: prediction } });
 */
export function pianoRoll(labels: RollSource, options: RollOptions = {}): void {
  checkKnown("show.pianoRoll", options, OPTIONS);
  displayBundle(pianoRollBundle(labels, options));
}

/** What `pianoRoll` shows. */
export function pianoRollBundle(labels: RollSource, options: RollOptions = {}): MimeBundle {
  return fit(options.maxBytes ?? MAX_BYTES, (detail) => {
    const { panel, words, note } = rollOf(labels, options, detail);
    const alt = `${options.title ?? "Labels over time"}: ${words}`;
    return figureBundle(figure([panel], { width: options.width, alt, note }));
  });
}

/** The panel of a roll, for figures of several panels. */
export function rollOf(
  labels: RollSource,
  options: RollOptions,
  detail = 1,
): { panel: Panel; words: string; note?: string | undefined } {
  const threshold = options.threshold ?? 0.5;
  const truth = toNotes(labels, threshold);
  const { prediction } = options;
  const judged = prediction ? verdicts(truth, toNotes(asRoll(prediction, labels), threshold)) : truth;
  const start = options.start ?? 0;
  const end = options.end ?? judged.reduce((max, n) => Math.max(max, n.offset), start + 1e-3);
  const shown = detail === 1 ? judged : joinNotes(judged, (end - start) / (1500 * detail));
  const { names } = options;
  const own = "input" in labels ? labels.labels : undefined;
  const rowName = (row: number): string =>
    names === "pitch" ? pitchName(row) : ((names ?? own)?.[row] ?? String(row));
  const panel = rollPanel({
    notes: shown,
    rowName,
    start,
    end,
    title: options.title,
    label: names === "pitch" ? "pitch" : "label",
  });
  const note =
    shown.length < judged.length
      ? `${judged.length} stretches drawn as ${shown.length}; start and end show a part in full.`
      : undefined;
  return { panel, words: rollWords(judged), note };
}

/**
 * Notes of labels in either form; in frames, each run at or above the threshold.
 *
 * @throws DatasetError "OPTION" when the values are no whole number of frames.
 */
export function toNotes(source: RollSource, threshold: number | readonly number[]): RollNote[] {
  if ("input" in source && !framesOf(source)) return eventNotes(source);
  const frames = "input" in source ? framesOf(source)! : source;
  if (!("features" in frames)) return [...frames];
  const { values, features, secondsPerFrame } = frames;
  const count = values.length / features;
  if (!Number.isInteger(count)) {
    throw new DatasetError("OPTION", `labels: ${values.length} values, expected a multiple of ${features} features`);
  }
  const notes: RollNote[] = [];
  for (let row = 0; row < features; row++) {
    let begin = -1;
    const least = typeof threshold === "number" ? threshold : (threshold[row] ?? 0.5);
    for (let frame = 0; frame <= count; frame++) {
      const active = frame < count && values[frame * features + row]! >= least;
      if (active && begin < 0) begin = frame;
      else if (!active && begin >= 0) {
        notes.push({ onset: begin * secondsPerFrame, offset: frame * secondsPerFrame, row });
        begin = -1;
      }
    }
  }
  return notes;
}

/**
 * Plain numbers as frames like those of the example.
 *
 * @throws DatasetError "OPTION" where that isn't known
 */
export function asRoll(prediction: RollSource | Float32Array, example: unknown): RollSource {
  if (!(prediction instanceof Float32Array)) return prediction;
  const { features, secondsPerFrame } = (example ?? {}) as Partial<FrameLabels>;
  if (features && secondsPerFrame) return { values: prediction, features, secondsPerFrame };
  throw new DatasetError(
    "OPTION",
    "prediction: plain numbers, expected { values, features, secondsPerFrame } where the labels are no example of frame labels",
  );
}

/** The dense labels of an example, where it has such. */
export function framesOf({ events, values, features, secondsPerFrame }: LabelledExample): FrameLabels | undefined {
  return !events && values && features && secondsPerFrame ? { values, features, secondsPerFrame } : undefined;
}

/** The stretches where a label over time is active, in seconds. */
export function eventNotes({ events, secondsPerUnit, sampleRate, input, channels }: LabelledExample): RollNote[] {
  const unit = secondsPerUnit ?? 1 / sampleRate;
  const end = input.length / (channels ?? 1) / sampleRate;
  return Array.from(events?.on ?? [], (on, i) => ({
    onset: on * unit,
    offset: Math.min(end, events!.off[i]! * unit), // a row that holds until the end has a large offset
    row: events!.feature[i]!,
    value: events!.value[i]!,
  })).filter((note) => note.value > 0);
}
