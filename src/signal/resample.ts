import { DatasetError } from "../core/error.js";
import { createMemory, type Loops, loopsIn } from "../core/wasm-loops.js";

/** Share of the lower rate's band that passes; above it the response falls, and is gone at half that rate. */
const PASS = 0.9;
/** Attenuation of what would alias, in dB. */
const ATTENUATION = 91;
/** Outputs computed at a time, about. */
const BLOCK = 8192;

/**
 * One change of rate by `up / down`, in lowest terms, with a filter of its own. Outputs are made in pairs, which share their
 * input: what is before the second one's first sample counts nothing for it.
 */
interface Stage {
  up: number;
  down: number;
  /** Half the length of each of the filter's `up` phases. */
  half: number;
  /** Inputs of a pair; a multiple of 4. */
  taps: number;
  /** Pairs after which the phases come again. */
  pairs: number;
  /** Outputs per block: where possible of four times as many pairs, which the loop is fastest with. */
  block: number;
  loops: Loops;
  /** The loops' memory: the coefficients of `pairs` pairs, then a block of input, then a block of output. */
  memory: Float32Array;
  inputAt: number;
  outputAt: number;
  /** What the stage before makes for one block; empty for the first stage. */
  between: Float32Array;
}

const plans = new Map<string, Stage[]>();

/**
 * Changes the sample rate of one channel with polyphase Kaiser-windowed sincs: flat to 0.9 of the lower rate's half,
 * aliases below -90 dB, no delay.
 *
 * Where the rate goes down by more than two, it is halved first, with a short filter that leaves the steep one half the
 * work. Kaiser's formulas for the window's shape and length: J. F. Kaiser, "Nonrecursive digital filter design using the
 * I0-sinh window function", 1974.
 * @param samples one channel
 * @param from its sample rate in whole Hz
 * @param to the wanted sample rate in whole Hz
 * @returns `samples.length × to / from` samples, rounded, and at least one of one or more
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
  const stages = stagesFor(from, to);
  const out = new Float32Array(resampledLength(samples.length, from, to));
  make(stages, stages.length - 1, samples, 0, out);
  return out;
}

/** Samples that `length` samples become. */
export function resampledLength(length: number, from: number, to: number): number {
  return Math.max(Math.min(1, length), Math.round((length * to) / from));
}

/**
 * What changing the rate of a part of a sound takes, for the same samples to the last bit as of the whole: `reach`, how many
 * inputs on either side an output is made of, at most; and `cycle`, a multiple of which the part has to begin with.
 */
export function resampleSpan(from: number, to: number): { reach: number; cycle: number } {
  if (from === to) return { reach: 0, cycle: 1 };
  const stages = stagesFor(from, to);
  let reach = 0;
  let rate = from;
  // Each stage reaches as far as its filter, counted in its own input.
  for (const { taps, up, down } of stages) {
    reach += Math.ceil((taps * from) / rate) + 1;
    rate = (rate * up) / down;
  }
  // Input and output fall together after each `from / gcd` inputs, and every stage makes its outputs in pairs.
  return { reach, cycle: (from / gcd(from, to)) * 2 ** stages.length };
}

/**
 * Writes stage `k`'s outputs from number `first`, which is even, on into `out`; they are made of those of the stage before,
 * or of `source`, around which is silence.
 */
function make(stages: readonly Stage[], k: number, source: Float32Array, first: number, out: Float32Array): void {
  const stage = stages[k]!;
  for (let done = 0; done < out.length; done += stage.block) {
    const from = first + done;
    const part = out.subarray(done, done + stage.block);
    if (k === 0) {
      run(stage, source, 0, from, part);
      continue;
    }
    // Pairs begin at even numbers.
    const begin = 2 * Math.floor(firstInput(stage, from) / 2);
    const between = stage.between.subarray(0, endOfInput(stage, from, part.length) - begin);
    make(stages, k - 1, source, begin, between);
    run(stage, between, begin, from, part);
  }
}

/** The number of the first input that goes into output number `n`. */
function firstInput({ up, down, half }: Pick<Stage, "up" | "down" | "half">, n: number): number {
  return Math.floor((n * down) / up) + 1 - half;
}

/** One more than the number of the last input that goes into `count` outputs from number `first` on. */
function endOfInput(stage: Stage, first: number, count: number): number {
  return firstInput(stage, first + 2 * Math.ceil(count / 2 - 1)) + stage.taps;
}

/** A block's outputs, from number `first` on, into `out`, of inputs of which `samples[0]` is number `begin`. */
function run(stage: Stage, samples: Float32Array, begin: number, first: number, out: Float32Array): void {
  const { up, down, taps, pairs, loops, memory, inputAt, outputAt } = stage;
  const at = firstInput(stage, first) - begin;
  const input = memory.subarray(inputAt, inputAt + endOfInput(stage, first, out.length) - begin - at);
  const from = Math.min(input.length, Math.max(0, -at));
  const to = Math.max(from, Math.min(input.length, samples.length - at));
  input.fill(0, 0, from);
  input.fill(0, to);
  if (to > from) input.set(samples.subarray(at + from, at + to), from);
  const step = 2 * down;
  loops.polyphase(
    4 * inputAt,
    4 * outputAt,
    Math.ceil(out.length / 2),
    up,
    Math.floor(step / up),
    step % up,
    pairs,
    (pairs * step) / up,
    taps,
    modulo(first / 2, pairs),
    modulo(first * down, up),
  );
  out.set(memory.subarray(outputAt, outputAt + out.length));
}

/** The remainder from 0 on, also of what lies before 0. */
const modulo = (a: number, b: number): number => a - b * Math.floor(a / b);

/** What the left and the right channel take of L R C LFE Ls Rs (ITU-R BS.775-3, table 2). */
const FRONT = Math.SQRT1_2;
const LEFT = [1, 0, FRONT, 0, FRONT, 0];
const RIGHT = [0, 1, FRONT, 0, 0, FRONT];

/**
 * Interleaved samples with another number of channels: to one, their mean; from one, copies; from six, 5.1 in the order of
 * wav (L R C LFE Ls Rs), to two by ITU-R BS.775, in which loud files may go beyond full scale.
 * @throws DatasetError "OPTION" for other changes, which need to know which loudspeaker each channel is for
 * @example mixChannels(new Float32Array([0.5, 0.25]), 2, 1) // [0.375]
 */
export function mixChannels(samples: Float32Array, channels: number, to: number): Float32Array {
  if (channels === to) return samples;
  const frames = samples.length / channels;
  const out = new Float32Array(frames * to);
  if (channels === 6 && to === 2) {
    for (let i = 0; i < frames; i++) {
      let left = 0;
      let right = 0;
      for (let c = 0; c < 6; c++) {
        const value = samples[6 * i + c]!;
        left += LEFT[c]! * value;
        right += RIGHT[c]! * value;
      }
      out[2 * i] = left;
      out[2 * i + 1] = right;
    }
    return out;
  }
  if (to !== 1 && channels !== 1) {
    const message = `channels: ${channels} to ${to}, expected a change to 1, from 1, or from 6 (5.1) to 2`;
    throw new DatasetError("OPTION", message);
  }
  for (let i = 0; i < frames; i++) {
    let sum = 0;
    for (let c = 0; c < channels; c++) sum += samples[i * channels + c]!;
    out.fill(sum / channels, i * to, (i + 1) * to);
  }
  return out;
}

function stagesFor(from: number, to: number): Stage[] {
  const key = `${from}:${to}`;
  let stages = plans.get(key);
  if (!stages) {
    if (plans.size >= 8) plans.clear();
    stages = planStages(from, to).map(designStage);
    plans.set(key, stages);
  }
  return stages;
}

/** A change of rate, what it must pass and what it must stop, in Hz. */
interface Band {
  from: number;
  to: number;
  pass: number;
  stop: number;
}

/** The steep filter comes last, at the lowest rate that still holds all that it must stop. */
function planStages(from: number, to: number): Band[] {
  const lower = Math.min(from, to);
  const steep: Band = { from, to, pass: (PASS * lower) / 2, stop: lower / 2 };
  const half = from / 2;
  if (half <= to || !Number.isInteger(half)) return [steep];
  // What halving folds back may fall where the steep filter takes it away.
  const halving: Band = { from, to: half, pass: steep.pass, stop: half - to / 2 };
  const halved = [halving, ...planStages(half, to)];
  return cost(halved) < cost([steep]) ? halved : [steep];
}

/** Products per second of sound. */
function cost(bands: readonly Band[]): number {
  return bands.reduce((sum, band) => sum + band.to * tapsFor(band), 0);
}

function tapsFor({ from, pass, stop }: Band): number {
  const transition = (2 * Math.PI * (stop - pass)) / from;
  return 2 * Math.ceil((ATTENUATION - 7.95) / (2.285 * transition) / 2);
}

function designStage(band: Band, k: number): Stage {
  const divisor = gcd(band.from, band.to);
  const [up, down] = [band.to / divisor, band.from / divisor];
  const half = tapsFor(band) / 2;
  const pairs = up % 2 === 0 ? up / 2 : up;
  // The second of a pair begins as much later.
  const taps = 4 * Math.ceil((2 * half + Math.ceil(down / up)) / 4);
  const tile = 8 * pairs;
  const block = tile > 4 * BLOCK ? BLOCK : tile * Math.max(1, Math.round(BLOCK / tile));
  const inputAt = 2 * pairs * taps;
  const outputAt = 4 * Math.ceil((inputAt + Math.ceil((block * down) / up) + taps + 1) / 4);
  const wasm = createMemory(4 * (outputAt + block));
  const memory = new Float32Array(wasm.buffer);
  const phases = designPhases(band, up, half);
  for (let n = 0; n < 2 * pairs; n++) {
    const later = n % 2 === 0 ? 0 : firstInput({ up, down, half }, n) - firstInput({ up, down, half }, n - 1);
    const phase = phases[(n * down) % up]!;
    const pair = 2 * taps * Math.floor(n / 2);
    for (let k = 0; k < phase.length; k++) {
      const tap = later + k;
      memory[pair + 8 * Math.floor(tap / 4) + 4 * (n % 2) + (tap % 4)] = phase[k]!;
    }
  }
  const between = new Float32Array(k === 0 ? 0 : Math.ceil((block * down) / up) + taps + 2);
  return { up, down, half, taps, pairs, block, loops: loopsIn(wasm), memory, inputAt, outputAt, between };
}

/** The coefficients of each of the `up` phases. */
function designPhases(band: Band, up: number, half: number): Float64Array[] {
  const beta = 0.1102 * (ATTENUATION - 8.7);
  // In units of the input's half rate.
  const cutoff = (band.pass + band.stop) / band.from;
  return Array.from({ length: up }, (_, p) => {
    const phase = Float64Array.from({ length: 2 * half }, (_, k) => {
      const t = k - (half - 1) - p / up;
      const w = 1 - (t / half) ** 2;
      return w <= 0 ? 0 : sinc(cutoff * t) * bessel0(beta * Math.sqrt(w));
    });
    const sum = phase.reduce((a, b) => a + b);
    // Each passes a constant unchanged.
    return phase.map((value) => value / sum);
  });
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
