import { DatasetError } from "./error.js";
import { type Random, random } from "./signal/random.js";

/**
 * Random changes of training examples, drawn anew for every example and epoch from the seed. Ranges are [least, most].
 * Pairs change on both sides alike, but for noise and masks, which are the input's alone.
 */
export interface Augment {
  /** Share of the examples mixed with another of their batch (targets too), the other's weight drawn from `weight`, default [0, 0.5]. */
  mix?: { probability: number; weight?: [number, number] };
  /** Loudness, in dB. */
  gain?: [number, number];
  /** Share of the examples whose sign is turned. */
  polarity?: number;
  /** Moved in time by up to this many samples either way, zeros coming in; labels per frame move along in whole frames. */
  shift?: number;
  /** White noise at a signal-to-noise ratio in dB. */
  noise?: [number, number];
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
  kind: "pairs" | "classes" | "values" | "frames";
  channels: number;
  /** Kind frames: samples per row of labels, and labels per row. */
  inputSize?: number;
  width?: number;
}

/** The random numbers of an example in an epoch. */
export function exampleRandom(seed: number, epoch: number, item: number): Random {
  return random(`augment ${seed} ${epoch} ${item}`);
}

/** Applies everything that works on samples. `randoms` has one stream per row, see `exampleRandom`. */
export function augmentSamples(arrays: AugmentArrays, options: Augment, randoms: readonly Random[]): void {
  const { x, y, rows, lengths, kind } = arrays;
  if (options.mix) mixRows(arrays, options.mix, randoms);
  const pairs = kind === "pairs";
  for (let row = 0; row < rows; row++) {
    const draw = randoms[row]!;
    const from = (array: Float32Array): Float32Array => {
      const size = array.length / rows;
      return array.subarray(row * size, row * size + (array === x || pairs ? Math.min(size, lengths[row]!) : size));
    };
    const mine = from(x);
    const target = from(y);
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

/** Masks rows of `frames × bins` (samples: bins 1, filled with 0; features: filled with the row's mean). */
export function maskRows(
  x: Float32Array,
  shape: { rows: number; frames: number; bins: number },
  options: Augment,
  features: boolean,
  randoms: readonly Random[],
): void {
  const { rows, frames, bins } = shape;
  const { timeMask, frequencyMask } = options;
  for (let row = 0; row < rows; row++) {
    const draw = randoms[row]!;
    const mine = x.subarray(row * frames * bins, (row + 1) * frames * bins);
    const fill = features ? mine.reduce((a, b) => a + b, 0) / mine.length : 0;
    for (let i = 0; timeMask && i < (timeMask.count ?? 1); i++) {
      const [from, to] = span(draw, timeMask.length, frames);
      mine.fill(fill, from * bins, to * bins);
    }
    for (let i = 0; features && frequencyMask && i < (frequencyMask.count ?? 1); i++) {
      const [from, to] = span(draw, frequencyMask.bins, bins);
      for (let t = 0; t < frames; t++) mine.fill(fill, t * bins + from, t * bins + to);
    }
  }
}

/** @throws DatasetError "OPTION" for shares outside 0 … 1, ranges upside down and lengths below 0 */
export function checkAugment(options: Augment, features: boolean): void {
  const fail = (name: string, value: unknown, expected: string): never => {
    throw new DatasetError("OPTION", `augment.${name}: ${JSON.stringify(value)}, expected ${expected}`);
  };
  for (const name of ["gain", "noise"] as const) {
    const range = options[name];
    if (range && !(range.length === 2 && range[0] <= range[1])) fail(name, range, "[least, most] in dB");
  }
  for (const [name, share] of [
    ["mix.probability", options.mix?.probability],
    ["polarity", options.polarity],
  ] as const) {
    if (share !== undefined && !(share >= 0 && share <= 1)) fail(name, share, "a share from 0 to 1");
  }
  for (const [name, length] of [
    ["shift", options.shift],
    ["timeMask.length", options.timeMask?.length],
    ["frequencyMask.bins", options.frequencyMask?.bins],
  ] as const) {
    if (length !== undefined && !(Number.isInteger(length) && length >= 0))
      fail(name, length, "a whole number from 0 on");
  }
  if (options.frequencyMask && !features)
    fail("frequencyMask", options.frequencyMask, "features, which have frequencies");
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

function mixRows(arrays: AugmentArrays, mix: NonNullable<Augment["mix"]>, randoms: readonly Random[]): void {
  const { x, y, rows } = arrays;
  if (rows < 2) return;
  const plain = { x: x.slice(), y: y.slice() };
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
