import { DatasetError } from "../core/error.js";
import { checkKnown, type OptionNames } from "../core/known-options.js";
import { type Random, random } from "../signal/random.js";

/**
 * Random changes of training examples, drawn for every example and epoch from the seed. Ranges are [least, most].
 * Pairs change on both sides alike, but for noise and masks, which are the input's alone.
 */
export interface Augment {
  /** Fraction of examples mixed with another of their batch, targets too (mixup), the other's weight drawn from `weight`, default [0, 0.5]. */
  mix?: { probability: number; weight?: readonly [number, number] };
  /** Random gain in dB. */
  gain?: readonly [number, number];
  /** Fraction of examples whose polarity is inverted. */
  polarity?: number;
  /** Random time shift of up to this many samples either way (zero-padded); labels per frame shift along in whole frames. */
  shift?: number;
  /** White noise at a signal-to-noise ratio in dB. */
  noise?: readonly [number, number];
  /** Up to `length` samples (frames, where there are features) set to silence (their mean), `count` times, default 1. */
  timeMask?: { length: number; count?: number };
  /** With features: up to `bins` neighbouring bins set to the mean, `count` times, default 1 (SpecAugment, Park et al. 2019). */
  frequencyMask?: { bins: number; count?: number };
}

/** Arrays of one batch, row after row; changed in place. */
export interface AugmentArrays {
  x: Float32Array;
  /** Targets: the other audio of pairs, labels per frame, or one vector per example. */
  y: Float32Array;
  rows: number;
  /** Values of each row of x that are its own, not padding. */
  lengths: ArrayLike<number>;
  /** The same of y; not needed for kinds classes and values. */
  targetLengths?: ArrayLike<number> | undefined;
  kind: "pairs" | "classes" | "values" | "frames";
  channels: number;
  /** Kind frames: samples per row of labels, and labels per row. */
  inputSize?: number | undefined;
  width?: number | undefined;
}

/** The random numbers of an example in an epoch. */
export function exampleRandom(seed: number, epoch: number, item: number): Random {
  return random(`augment ${seed} ${epoch} ${item}`);
}

/** Applies everything that works on samples. `randoms` has one stream per row, see `exampleRandom`. */
export function augmentSamples(arrays: AugmentArrays, options: Augment, randoms: readonly Random[]): void {
  const { x, y, rows, kind } = arrays;
  const lengths = Float64Array.from(arrays.lengths);
  const targetLengths = Float64Array.from(arrays.targetLengths ?? []);
  if (options.mix) mixRows(arrays, lengths, targetLengths, options.mix, randoms);
  const pairs = kind === "pairs";
  for (let row = 0; row < rows; row++) {
    const draw = randoms[row]!;
    const own = (array: Float32Array, length: number): Float32Array => {
      const size = array.length / rows;
      return array.subarray(row * size, row * size + Math.min(size, length));
    };
    const mine = own(x, lengths[row]!);
    const target = own(y, targetLengths[row] ?? Infinity);
    let factor = options.gain ? 10 ** (between(draw, options.gain) / 20) : 1;
    if (options.polarity !== undefined && draw.uniform() < options.polarity) factor = -factor;
    if (factor !== 1) {
      scale(mine, factor);
      if (pairs) scale(target, factor);
    }
    if (options.shift) shiftRow(arrays, mine, target, options.shift, draw);
    if (options.noise) addNoise(mine, between(draw, options.noise), draw);
  }
}

/**
 * Masks rows of `frames × bins × values`, where each bin has a value for every channel, or real and imaginary ones (samples:
 * bins 1, filled with 0; features: filled with the row's mean of each value).
 */
export function maskRows(
  x: Float32Array,
  shape: { rows: number; frames: number; bins: number; values: number },
  options: Augment,
  features: boolean,
  randoms: readonly Random[],
): void {
  const { rows, frames, bins, values } = shape;
  const width = bins * values;
  const { timeMask, frequencyMask } = options;
  for (let row = 0; row < rows; row++) {
    const draw = randoms[row]!;
    const mine = x.subarray(row * frames * width, (row + 1) * frames * width);
    const means = features ? meansOf(mine, values) : new Float64Array(values);
    const fill = (from: number, to: number): void => {
      for (let i = from; i < to; i++) mine[i] = means[i % values]!;
    };
    for (let i = 0; timeMask && i < (timeMask.count ?? 1); i++) {
      const [from, to] = span(draw, timeMask.length, frames);
      fill(from * width, to * width);
    }
    for (let i = 0; features && frequencyMask && i < (frequencyMask.count ?? 1); i++) {
      const [from, to] = span(draw, frequencyMask.bins, bins);
      for (let t = 0; t < frames; t++) fill(t * width + from * values, t * width + to * values);
    }
  }
}

/** The mean of every `values`-th number, from each of the first `values`. */
function meansOf(numbers: Float32Array, values: number): Float64Array {
  const sums = new Float64Array(values);
  for (let i = 0; i < numbers.length; i++) sums[i % values]! += numbers[i]!;
  return sums.map((sum) => (sum * values) / numbers.length);
}

const OPTIONS: OptionNames<Augment> = {
  ...{ mix: true, gain: true, polarity: true, shift: true, noise: true, timeMask: true, frequencyMask: true },
};

/** @throws DatasetError "OPTION" for what is unknown, fractions outside 0 … 1, ranges that are none and lengths below 0 */
export function checkAugment(options: Augment, features: boolean): void {
  const { mix, timeMask, frequencyMask } = options;
  checkKnown("augment", options, OPTIONS);
  if (mix) checkKnown("augment.mix", mix, { probability: true, weight: true });
  if (timeMask) checkKnown("augment.timeMask", timeMask, { length: true, count: true });
  if (frequencyMask) checkKnown("augment.frequencyMask", frequencyMask, { bins: true, count: true });
  const fail = (name: string, value: unknown, expected: string): never => {
    throw new DatasetError("OPTION", `augment.${name}: ${JSON.stringify(value) ?? "missing"}, expected ${expected}`);
  };
  for (const [name, range, expected, least, most] of [
    ["gain", options.gain, "[least, most] in dB", -Number.MAX_VALUE, Number.MAX_VALUE],
    ["noise", options.noise, "[least, most] in dB", -Number.MAX_VALUE, Number.MAX_VALUE],
    ["mix.weight", mix?.weight, "[least, most] from 0 to 1", 0, 1],
  ] as const) {
    if (range === undefined) continue;
    const ordered = range.length === 2 && least <= range[0] && range[0] <= range[1] && range[1] <= most;
    if (!ordered) fail(name, range, expected);
  }
  for (const [name, share] of [
    ["mix.probability", mix ? mix.probability : 0],
    ["polarity", options.polarity ?? 0],
  ] as const) {
    if (!(share >= 0 && share <= 1)) fail(name, share, "a fraction from 0 to 1");
  }
  for (const [name, length] of [
    ["shift", options.shift ?? 0],
    ["timeMask.length", timeMask ? timeMask.length : 0],
    ["timeMask.count", timeMask?.count ?? 1],
    ["frequencyMask.bins", frequencyMask ? frequencyMask.bins : 0],
    ["frequencyMask.count", frequencyMask?.count ?? 1],
  ] as const) {
    if (!(Number.isInteger(length) && length >= 0)) fail(name, length, "a whole number from 0 on");
  }
  if (frequencyMask && !features) fail("frequencyMask", frequencyMask, "features, which have frequencies");
}

function between(draw: Random, [least, most]: readonly [number, number]): number {
  return least + (most - least) * draw.uniform();
}

function span(draw: Random, longest: number, size: number): [number, number] {
  const length = Math.min(size, draw.below(longest + 1));
  const from = draw.below(size - length + 1);
  return [from, from + length];
}

function scale(array: Float32Array, factor: number): void {
  for (let i = 0; i < array.length; i++) array[i] = array[i]! * factor;
}

/** Mixes rows; one mixed with a longer one is as long from then on. */
function mixRows(
  arrays: AugmentArrays,
  lengths: Float64Array,
  targetLengths: Float64Array,
  mix: NonNullable<Augment["mix"]>,
  randoms: readonly Random[],
): void {
  const { x, y, rows } = arrays;
  if (rows < 2) return;
  const plain = { x: x.slice(), y: y.slice(), lengths: lengths.slice(), targetLengths: targetLengths.slice() };
  for (let row = 0; row < rows; row++) {
    const draw = randoms[row]!;
    if (draw.uniform() >= mix.probability) continue;
    const other = (row + 1 + draw.below(rows - 1)) % rows;
    const weight = between(draw, mix.weight ?? [0, 0.5]);
    for (const [mixed, before] of [
      [x, plain.x],
      [y, plain.y],
    ] as const) {
      const size = mixed.length / rows;
      const shift = (other - row) * size;
      for (let i = row * size; i < (row + 1) * size; i++) {
        mixed[i] = (1 - weight) * before[i]! + weight * before[i + shift]!;
      }
    }
    for (const [own, before] of [
      [lengths, plain.lengths],
      [targetLengths, plain.targetLengths],
    ] as const) {
      if (own.length > 0) own[row] = Math.max(before[row]!, before[other]!);
    }
  }
}

function shiftRow(arrays: AugmentArrays, x: Float32Array, y: Float32Array, most: number, draw: Random): void {
  const { kind, channels, inputSize = 1, width = 1 } = arrays;
  let by = draw.below(2 * most + 1) - most;
  if (kind === "frames") {
    const frames = Math.trunc(by / inputSize);
    move(y, frames * width);
    by = frames * inputSize;
  }
  move(x, by * channels);
  if (kind === "pairs") move(y, by * channels);
}

function move(array: Float32Array, by: number): void {
  const n = array.length;
  const distance = Math.min(n, Math.abs(by));
  if (by > 0) {
    array.copyWithin(distance, 0, n - distance);
    array.fill(0, 0, distance);
  } else {
    array.copyWithin(0, distance, n);
    array.fill(0, n - distance, n);
  }
}

// Drawing a million Gaussian numbers a batch would take longer than all the rest; a table begun anywhere will do.
const TABLE = 1 << 17;
let table: Float32Array | undefined;

function addNoise(x: Float32Array, snr: number, draw: Random): void {
  if (!table) {
    const gaussian = random("noise");
    table = Float32Array.from({ length: TABLE }, () => gaussian.gaussian());
  }
  let power = 0;
  for (let i = 0; i < x.length; i++) power += x[i]! * x[i]!;
  const level = Math.sqrt(power / Math.max(1, x.length)) * 10 ** (-snr / 20);
  const at = draw.below(TABLE);
  for (let i = 0; i < x.length; i++) x[i] = x[i]! + level * table[(at + i) & (TABLE - 1)]!;
}
