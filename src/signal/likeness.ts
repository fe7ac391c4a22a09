import { fftLengthFor } from "./fft.js";
import { correlate } from "./similarity.js";
import { eachFrame, planStft } from "./stft.js";

/** How much a sound is like another. */
export interface Likeness {
  /** 0 to 1; 1 where one is the other at another level, filtered or with an echo. */
  score: number;
  /** Samples by which the second has it later. */
  shift: number;
  /** Whether one holds all of the other and at most `maxShift` more at either end: so it is with a copy. */
  whole: boolean;
}

/** A frame holds echoes of up to about a quarter of it. */
const FRAME_SECONDS = 0.37;
/** Frames that a sound needs at least, or the filter would follow each of them. */
const LEAST_FRAMES = 16;
/** Less alike than that two sounds are no copies, whatever filter lies between them. */
const LEAST_CORRELATION = 0.5;
/** From here a copy's correlation says it all. */
const SAME = 0.99;
/** What a filter explains as well at a wrong time is a held tone, of which it makes any other. */
const TONE = 0.8;
/** Share of the loudness in frames that may be less alike than the score: clicks of an encoder, a cut. */
const UNLIKE_SHARE = 0.02;
/** Quiet bands count more than by their energy: by a power of it. They are where music that repeats differs. */
const WHITENING = 0.35;
/** A band that much quieter than the loudest counts no more than by its energy. */
const QUIET = 1e-4;
/** Energy that may lie outside of what two sounds share. */
const OUTSIDE = 0.01;

/**
 * Whether two sounds are copies. Their cross-correlation gives the shift. There the score is the correlation, over short
 * frames, of one sound with what the best linear filter (an equalizer, a low-pass, an echo, a resampler) makes of the other;
 * in all but 2 % of the sound it is at least that high. Music that comes again with another voice over it is alike in some
 * frames and bands and not in others; a copy is in all.
 *
 * @param cut whether `a` and `b` are beginnings of longer sounds
 */
export function likeness(
  a: Float32Array,
  b: Float32Array,
  sampleRate: number,
  maxShift: number,
  cut: readonly [boolean, boolean],
): Likeness {
  const { score, shift } = correlate(a, b, maxShift);
  if (score < LEAST_CORRELATION) return { score, shift, whole: false };
  const whole = isWhole(a, b, shift, maxShift, cut);
  const samples = Math.min(a.length - Math.max(0, -shift), b.length - Math.max(0, shift));
  const frameLength = Math.min(
    fftLengthFor(Math.round(FRAME_SECONDS * sampleRate)),
    32 * 2 ** Math.floor(Math.log2((2 * samples) / (32 * (LEAST_FRAMES + 1)))),
  );
  if ((whole && score >= SAME) || frameLength < 32) return { score, shift, whole };
  const x = spectra(a.subarray(Math.max(0, -shift)).subarray(0, samples), frameLength);
  const y = spectra(b.subarray(Math.max(0, shift)).subarray(0, samples), frameLength);
  const filtered = filteredCorrelation(x, y, 0);
  // Believed only where it isn't as high at a wrong time.
  const tone = filtered > score && filteredCorrelation(x, y, x.frames >> 1) > TONE;
  return { score: tone ? score : filtered, shift, whole };
}

/** Frames of a transform, one after the other: `bins` complex numbers each, without those of 0 Hz and half the rate. */
interface Spectra {
  frames: number;
  bins: number;
  data: Float32Array;
}

function spectra(samples: Float32Array, frameLength: number): Spectra {
  const plan = planStft(samples.length, {
    frameLength,
    frameStep: frameLength / 2,
    fftLength: frameLength,
    center: false,
  });
  const bins = frameLength / 2 - 1;
  const data = new Float32Array(plan.frames * 2 * bins);
  eachFrame(samples, plan, (fft, frame) => data.set(fft.output.subarray(2, 2 + 2 * bins), frame * 2 * bins));
  return { frames: plan.frames, bins, data };
}

/**
 * The correlation of one sound with the filtered other that all but the least alike frames reach: the higher of both
 * directions, since a low-pass can't be undone. Frame t of `x` is compared with that of `y` `later` frames on.
 */
function filteredCorrelation(x: Spectra, y: Spectra, later: number): number {
  const { bins } = x;
  const frames = x.frames - later;
  const size = 2 * bins;
  const startOf = (t: number): number => (t + later) * size;
  const cross = new Float64Array(size);
  const powerX = new Float64Array(bins);
  const powerY = new Float64Array(bins);
  for (let t = 0; t < frames; t++) {
    for (let k = 0, i = t * size, j = startOf(t); k < bins; k++, i += 2, j += 2) {
      const xr = x.data[i]!;
      const xi = x.data[i + 1]!;
      const yr = y.data[j]!;
      const yi = y.data[j + 1]!;
      cross[2 * k] = cross[2 * k]! + xr * yr + xi * yi;
      cross[2 * k + 1] = cross[2 * k + 1]! + xr * yi - xi * yr;
      powerX[k] = powerX[k]! + xr * xr + xi * xi;
      powerY[k] = powerY[k]! + yr * yr + yi * yi;
    }
  }
  // By least squares the filter from x to y is cross / powerX, that from y to x conj(cross) / powerY.
  const toY = filterWeights(cross, powerX, bandWeights(powerY));
  const toX = filterWeights(cross, powerY, bandWeights(powerX));
  const alikeY: Alike[] = [];
  const alikeX: Alike[] = [];
  for (let t = 0; t < frames; t++) {
    const sumY = [0, 0, 0] as [number, number, number];
    const sumX = [0, 0, 0] as [number, number, number];
    for (let k = 0, i = t * size, j = startOf(t); k < bins; k++, i += 2, j += 2) {
      const xr = x.data[i]!;
      const xi = x.data[i + 1]!;
      const yr = y.data[j]!;
      const yi = y.data[j + 1]!;
      const squareX = xr * xr + xi * xi;
      const squareY = yr * yr + yi * yi;
      const along = cross[2 * k]! * (xr * yr + xi * yi) + cross[2 * k + 1]! * (xr * yi - xi * yr);
      sumY[0] += toY.product[k]! * along;
      sumY[1] += toY.filtered[k]! * squareX;
      sumY[2] += toY.other[k]! * squareY;
      sumX[0] += toX.product[k]! * along;
      sumX[1] += toX.filtered[k]! * squareY;
      sumX[2] += toX.other[k]! * squareX;
    }
    alikeY.push(alikeOf(sumY));
    alikeX.push(alikeOf(sumX));
  }
  return Math.max(reachedBy(alikeY), reachedBy(alikeX));
}

/** By what to multiply the product of two frames along the filter, the square of the one that is filtered and of the other. */
function filterWeights(
  cross: Float64Array,
  power: Float64Array,
  weights: Float64Array,
): { product: Float64Array; filtered: Float64Array; other: Float64Array } {
  const product = weights.map((weight, k) => weight / (power[k]! || 1));
  const gain = (k: number): number => cross[2 * k]! ** 2 + cross[2 * k + 1]! ** 2;
  return { product, filtered: product.map((p, k) => (p * gain(k)) / (power[k]! || 1)), other: weights };
}

interface Alike {
  correlation: number;
  loudness: number;
}

function alikeOf([product, filtered, other]: readonly [number, number, number]): Alike {
  return { correlation: product / Math.sqrt(filtered * other || 1), loudness: Math.sqrt(other) };
}

/** The correlation that all frames reach but those with the lowest, which make up a small share of the loudness. */
function reachedBy(frames: Alike[]): number {
  frames.sort((p, q) => p.correlation - q.correlation);
  let left = UNLIKE_SHARE * frames.reduce((sum, { loudness }) => sum + loudness, 0);
  const reached = frames.find(({ loudness }) => {
    left -= loudness;
    return left < 0;
  });
  return Math.max(0, Math.min(1, reached?.correlation ?? 0));
}

/** Weights that make bands more equally loud: of each bin by the mean power of a third of an octave around it. */
function bandWeights(power: Float64Array): Float64Array {
  const sums = new Float64Array(power.length + 1);
  for (const [k, p] of power.entries()) sums[k + 1] = sums[k]! + p;
  const half = 2 ** (1 / 6);
  const means = power.map((_, k) => {
    const from = Math.max(0, Math.floor(k / half) - 20);
    const to = Math.min(power.length, Math.ceil(k * half) + 21);
    return (sums[to]! - sums[from]!) / (to - from);
  });
  const floor = QUIET * means.reduce((a, b) => Math.max(a, b), 0) || 1;
  return means.map((mean) => (mean + floor) ** -WHITENING);
}

function isWhole(
  a: Float32Array,
  b: Float32Array,
  shift: number,
  maxShift: number,
  [cutA, cutB]: readonly [boolean, boolean],
): boolean {
  const [totalA, totalB] = [energy(a), energy(b)];
  const ofA = (within: number): number => outside(a, -shift, b.length, cutB, within) / totalA;
  const ofB = (within: number): number => outside(b, shift, a.length, cutA, within) / totalB;
  return (ofA(0) <= OUTSIDE && ofB(maxShift) <= OUTSIDE) || (ofB(0) <= OUTSIDE && ofA(maxShift) <= OUTSIDE);
}

/** Energy that lies more than `within` samples outside of the `length` ones from `at` on, past them only where they aren't cut. */
function outside(x: Float32Array, at: number, length: number, cut: boolean, within: number): number {
  const before = energy(x.subarray(0, Math.max(0, at - within)));
  return cut ? before : before + energy(x.subarray(Math.max(0, at + length + within)));
}

function energy(x: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < x.length; i++) sum += x[i]! * x[i]!;
  return sum;
}
