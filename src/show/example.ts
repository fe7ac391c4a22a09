import { displayBundle, type MimeBundle } from "../display.js";
import { type PairOptions, pairBundles } from "./pair.js";
import { eventNotes, type LabelledExample } from "./piano-roll.js";
import { type PredictionOptions, predictionsBundle } from "./predictions.js";

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
