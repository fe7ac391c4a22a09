import { displayBundle, type MimeBundle } from "../display.js";
import type { Note } from "../figure/roll.js";
import { type PairOptions, pairBundles } from "./pair.js";
import { type PredictionOptions, predictionsBundle } from "./predictions.js";
import type { ExampleLike } from "./sound.js";

/** An example with whatever labels it has. */
export interface LabelledExample extends ExampleLike {
  /** Its number in the dataset. */
  id?: number;
  /** Values of the whole file, one a class or feature. */
  values?: ArrayLike<number>;
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

/** How an example is shown. */
export interface ExampleOptions extends Omit<PredictionOptions, "names">, Omit<PairOptions, "names"> {
  /** Names of the labels, in the order of the values or features. */
  labels?: readonly string[];
}

/**
 * Shows one example: a pair with both sides, otherwise the sound with its labels.
 *
 * @example
 * example(await dataset.example(3), { labels: dataset.labels });
 */
export function example(shown: LabelledExample, options: ExampleOptions = {}): void {
  for (const bundle of exampleBundles(shown, options)) displayBundle(bundle);
}

/** What `example` shows. */
export function exampleBundles(shown: LabelledExample, options: ExampleOptions = {}): MimeBundle[] {
  const name = shown.name || "example";
  const title = options.title ?? (shown.id === undefined ? name : `${name} (example ${shown.id})`);
  const { labels, ...rest } = options;
  if (shown.target) return pairBundles(shown, { ...rest, title });
  const { values } = shown;
  const label = shown.events ? eventNotes(shown) : undefined;
  const names = labels ?? Array.from(values ?? [], (_, i) => String(i));
  const classes = values && !label ? { labels: names, truth: values } : undefined;
  return [predictionsBundle(shown, { label, classes, ...rest, names: labels, title })];
}

/** The stretches where a label over time is active, in seconds. */
export function eventNotes({ events, secondsPerUnit, sampleRate, input, channels }: LabelledExample): Note[] {
  const unit = secondsPerUnit ?? 1 / sampleRate;
  const end = input.length / (channels ?? 1) / sampleRate;
  return Array.from(events?.on ?? [], (on, i) => ({
    onset: on * unit,
    offset: Math.min(end, events!.off[i]! * unit), // a row that holds until the end has a large offset
    row: events!.feature[i]!,
    value: events!.value[i]!,
  })).filter((note) => note.value > 0);
}
