import { DatasetError } from "../error.js";

/** Share of the lower rate's band that passes; above it the response falls, and is gone at half that rate. */
const PASS = 0.9;
/** Attenuation of what would alias, in dB. */
const ATTENUATION = 102;

interface Filter {
  /** Interpolation and decimation: to/from in lowest terms. */
  up: number;
  down: number;
  /** Length of each phase; a multiple of 8. */
  taps: number;
  /** `up` phases of `taps` coefficients. */
  phases: Float32Array;
}

const filters = new Map<string, Filter>();

/**
 * Changes the sample rate of one channel with a polyphase Kaiser-windowed sinc: flat to 0.9 of the lower rate's half,
 * aliases below -90 dB, no delay.
 *
 * Kaiser's formulas for the window's shape and length: J. F. Kaiser, "Nonrecursive digital filter design using the
 * I0-sinh window function", 1974.
 * @param samples one channel
 * @param from its sample rate in whole Hz
 * @param to the wanted sample rate in whole Hz
 * @returns `samples.length × to / from` samples, rounded
 * @throws DatasetError "OPTION" where a rate is no whole number above 0
 * @example resample(new Float32Array(44100), 44100, 16000).length // 16000
 */
export function resample(samples: Float32Array, from: number, to: number): Float32Array {
  for (const rate of [from, to]) {
    if (!Number.isInteger(rate) || rate < 1) {
      throw new DatasetError("OPTION", `sampleRate: ${rate}, expected a whole number of Hz above 0`);
    }
  }
  if (from === to) return samples;
  const { up, down, taps, phases } = filterFor(from, to);
  const before = taps / 2 - 1;
  const padded = new Float32Array(samples.length + 2 * taps);
  padded.set(samples, before);
  const out = new Float32Array(Math.round((samples.length * to) / from));
  let at = 0;
  let phase = 0;
  for (let i = 0; i < out.length; i++) {
    // Four sums that don't wait for each other.
    let a = 0;
    let b = 0;
    let c = 0;
    let d = 0;
    let h = phase * taps;
    const end = at + taps;
    for (let x = at; x < end; x += 8, h += 8) {
      a += padded[x]! * phases[h]! + padded[x + 4]! * phases[h + 4]!;
      b += padded[x + 1]! * phases[h + 1]! + padded[x + 5]! * phases[h + 5]!;
      c += padded[x + 2]! * phases[h + 2]! + padded[x + 6]! * phases[h + 6]!;
      d += padded[x + 3]! * phases[h + 3]! + padded[x + 7]! * phases[h + 7]!;
    }
    out[i] = a + b + (c + d);
    phase += down;
    if (phase >= up) {
      const step = Math.floor(phase / up);
      at += step;
      phase -= step * up;
    }
  }
  return out;
}

/**
 * Interleaved samples with another number of channels: to one, their mean; from one, copies.
 * @throws DatasetError "OPTION" for other changes, which need to know which loudspeaker each channel is for
 * @example mixChannels(new Float32Array([0.5, 0.25]), 2, 1) // [0.375]
 */
export function mixChannels(samples: Float32Array, channels: number, to: number): Float32Array {
  if (channels === to) return samples;
  if (to !== 1 && channels !== 1) {
    throw new DatasetError("OPTION", `channels: ${channels} to ${to}, expected a change to 1 or from 1`);
  }
  const frames = samples.length / channels;
  const out = new Float32Array(frames * to);
  for (let i = 0; i < frames; i++) {
    let sum = 0;
    for (let c = 0; c < channels; c++) sum += samples[i * channels + c]!;
    out.fill(sum / channels, i * to, (i + 1) * to);
  }
  return out;
}

function filterFor(from: number, to: number): Filter {
  const key = `${from}:${to}`;
  let filter = filters.get(key);
  if (!filter) {
    if (filters.size >= 8) filters.clear();
    filter = designFilter(from, to);
    filters.set(key, filter);
  }
  return filter;
}

function designFilter(from: number, to: number): Filter {
  const divisor = gcd(from, to);
  const [up, down] = [to / divisor, from / divisor];
  // Everything in units of the input's samples: band edge of the lower rate, relative to the input's half.
  const edge = Math.min(1, to / from);
  const transition = Math.PI * (1 - PASS) * edge;
  const half = Math.ceil((ATTENUATION - 7.95) / (2.285 * transition) / 8) * 4;
  const beta = 0.1102 * (ATTENUATION - 8.7);
  const cutoff = ((PASS + 1) / 2) * edge;
  const taps = 2 * half;
  const phases = new Float32Array(up * taps);
  const row = new Float64Array(taps);
  for (let p = 0; p < up; p++) {
    let sum = 0;
    for (let k = 0; k < taps; k++) {
      const t = k - (half - 1) - p / up;
      const w = 1 - (t / half) ** 2;
      row[k] = w <= 0 ? 0 : sinc(cutoff * t) * bessel0(beta * Math.sqrt(w));
      sum += row[k]!;
    }
    // Each phase passes a constant unchanged.
    for (let k = 0; k < taps; k++) phases[p * taps + k] = row[k]! / sum;
  }
  return { up, down, taps, phases };
}

const sinc = (x: number): number => (x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x));

/** Modified Bessel function of the first kind, order 0, by its power series. */
function bessel0(x: number): number {
  let term = 1;
  let sum = 1;
  for (let k = 1; term > sum * 1e-17; k++) {
    term *= (x / (2 * k)) ** 2;
    sum += term;
  }
  return sum;
}

function gcd(a: number, b: number): number {
  return b === 0 ? a : gcd(b, a % b);
}
