import { checkKnown } from "../core/known-options.js";
import { displayBundle, type MimeBundle } from "../notebook/display.js";
import { type PairOptions, pairBundles } from "./pair.js";
import type { LabelledExample } from "./piano-roll.js";
import { PREDICTION_OPTIONS, type PredictionOptions, predictionsBundle } from "./predictions.js";

/** How an example is shown. */
export interface ExampleOptions extends Omit<PredictionOptions, "names">, Omit<PairOptions, "names"> {
  /** Names of the labels, in the order of the values or features. Default: the example's own. */
  labels?: readonly string[];
}

/**
 * Shows one example: a pair with both sides, otherwise the sound with its labels.
 *
 * @example
 * show.example(await dataset.example(3));
 */
export function example(shown: LabelledExample, options: ExampleOptions = {}): void {
  checkKnown("show.example", options, { ...PREDICTION_OPTIONS, labels: true, difference: true });
  for (const bundle of exampleBundles(shown, options)) displayBundle(bundle);
}

/** What `example` shows. */
export function exampleBundles(shown: LabelledExample, options: ExampleOptions = {}): MimeBundle[] {
  const name = shown.name || "example";
  const title = options.title ?? (shown.id === undefined ? name : `${name} (example ${shown.id})`);
  const { labels = shown.labels, ...rest } = options;
  if (shown.target) return pairBundles(shown, { ...rest, title });
  return [predictionsBundle({ ...shown, labels }, { ...rest, title })];
}
