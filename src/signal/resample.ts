import { DatasetError } from "../error.js";
import { createPolyphase, type Polyphase } from "./polyphase.js";

/** Share of the lower rate's band that passes; above it the response falls, and is gone at half that rate. */
const PASS = 0.9;
/** Attenuation of what would alias, in dB. */
const ATTENUATION = 97;

interface Filter {
  /** Interpolation and decimation: to/from in lowest terms. */
  up: number;
  down: number;
  /** Length of each phase; a multiple of 16. */
  taps: number;
  /** Its memory holds `up` phases of `taps` coefficients, then a block of input, then a block of output. */
  kernel: Polyphase;
  /** Where the blocks begin in that memory, in floats. */
  inputAt: number;
  outputAt: number;
}

/** Outputs computed at a time. */
const BLOCK = 8192;

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
  const { up, down, taps, kernel, inputAt, outputAt } = filterFor(from, to);
  const { memory } = kernel;
  const out = new Float32Array(Math.round((samples.length * to) / from));
  const step = { whole: Math.floor(down / up), rest: down % up, up };
  let at = 1 - taps / 2;
  let phase = 0;
  for (let done = 0; done < out.length; done += BLOCK) {
    const count = Math.min(BLOCK, out.length - done);
    const steps = Math.floor((phase + count * down) / up);
    // What lies before the first sample and after the last is silence.
    const block = memory.subarray(inputAt, inputAt + steps + taps);
    const first = Math.max(0, -at);
    block.fill(0);
    if (at + first < samples.length) block.set(samples.subarray(at + first, at + block.length), first);
    phase = kernel.run(4 * inputAt, 4 * outputAt, count, step, 4 * taps, phase);
    out.set(memory.subarray(outputAt, outputAt + count), done);
    at += steps;
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
  const half = Math.ceil((ATTENUATION - 7.95) / (2.285 * transition) / 16) * 8;
  const beta = 0.1102 * (ATTENUATION - 8.7);
  const cutoff = ((PASS + 1) / 2) * edge;
  const taps = 2 * half;
  const inputAt = up * taps;
  const outputAt = inputAt + Math.ceil((BLOCK * down) / up) + taps + 1;
  const kernel = createPolyphase(outputAt + BLOCK);
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
    for (let k = 0; k < taps; k++) kernel.memory[p * taps + k] = row[k]! / sum;
  }
  return { up, down, taps, kernel, inputAt, outputAt };
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
