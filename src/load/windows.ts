import { DatasetError } from "../core/error.js";
import { checkKnown } from "../core/known-options.js";
import type { Records } from "../records/open-records.js";
import { random } from "../signal/random.js";
import { numbersTo } from "../core/numbers.js";
import { exampleSamples } from "../records/records.js";

/** Cuts every example into pieces at load time; lengths in samples (per channel). */
export interface Window {
  length: number;
  /** From one piece's start to the next. Default `length`; `Infinity` crops every example to its first piece. */
  step?: number;
  /** One more piece, padded with zeros, where samples are left at the end. Default false. */
  padEnd?: boolean;
}

/** What an epoch is made of: examples, or pieces of them. */
export interface Items {
  /** The example of each item. */
  example: Uint32Array;
  /** Its first sample; absent without windows. */
  start?: Float64Array;
}

/**
 * The items of the given examples, in their order. Pieces lie wholly inside their example (what is left at the end is
 * shorter than a step) but for the last with `padEnd`; an example shorter than the window is one piece, padded with zeros.
 *
 * @throws DatasetError "OPTION" when length or step isn't a positive whole number, or an option is unknown
 */
export function cutItems(records: Records, examples: Uint32Array, window: Window | undefined): Items {
  if (!window) return { example: examples };
  checkKnown<Window>("window", window, { length: true, step: true, padEnd: true });
  const { length, step = length } = window;
  if (!(length > 0 && step > 0 && Number.isInteger(length) && (Number.isInteger(step) || step === Infinity))) {
    throw new DatasetError(
      "OPTION",
      `window: length ${length} and step ${step}, expected whole numbers of samples above 0`,
    );
  }
  const whole = window.padEnd ? Math.ceil : Math.floor;
  const pieces = Array.from(examples, (i) => Math.max(1, whole((exampleSamples(records, i) - length) / step) + 1));
  const total = pieces.reduce((a, b) => a + b, 0);
  const items = { example: new Uint32Array(total), start: new Float64Array(total) };
  let at = 0;
  for (const [n, i] of examples.entries()) {
    for (let k = 0; k < pieces[n]!; k++) {
      items.example[at] = i;
      items.start[at++] = k === 0 ? 0 : k * step;
    }
  }
  return items;
}

/** The order of an epoch: a function of seed and epoch alone. */
export function epochOrder(count: number, seed: number, epoch: number, shuffle: boolean): Uint32Array {
  return shuffle ? random(`${seed} ${epoch}`).shuffle(numbersTo(count)) : numbersTo(count);
}
