// biome-ignore lint/style/noRestrictedImports: the WebAssembly of its own package, no audio
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { DatasetError } from "../core/error.js";
import { type Loops, loopsIn, type Memory, reserving, wasm } from "../core/wasm-loops.js";

/** A real FFT of one length with its buffers; they stay the same arrays. */
export interface RealFft {
  readonly length: number;
  /** `length` samples. */
  readonly input: Float32Array;
  /** `length` weights that `runWindowed` multiplies the input by. */
  readonly window: Float32Array;
  /**
   * `length` values: the real parts of bin 0 and of bin length/2, then real and imaginary part of bins 1 … length/2 − 1.
   */
  readonly output: Float32Array;
  /** `length / 2 + 1` values, written by `powers`. */
  readonly power: Float32Array;
  /** Transforms the input into output. */
  run(): void;
  /** Transforms input · window into output; the input is overwritten. */
  runWindowed(): void;
  /** Squared magnitudes of the output, as `power`. */
  powers(): Float32Array;
}

/** Weighted sums over neighbouring bins, ready to apply to a transform's powers. */
export interface BandSums {
  /** Writes one sum a band into `out` from index `at` on. */
  apply(out: Float32Array, at: number): void;
}

interface Pffft {
  d: Memory;
  e(): void;
  f(bytes: number): number;
  j(): number;
  k(length: number, real: 0): number;
  p(setup: number, input: number, output: number, work: number, forward: 0): void;
}

/** Of a transform. */
export const MOST_LENGTH: number = 1 << 20;

const plans = new Map<number, Plan>();
let loaded: Loaded | undefined;

interface Loaded extends Pick<Loops, "multiply" | "power" | "bands"> {
  pffft: Pffft;
}

interface Plan extends RealFft {
  powerAt: number;
  places: Places;
}

/** Where a plan's buffers lie in the memory. */
interface Places {
  length: number;
  /** How many times as long a transform is calculated. */
  times: number;
  setup: number;
  inputAt: number;
  windowAt: number;
  transformAt: number;
  workAt: number;
  outputAt: number;
  powerAt: number;
}

/**
 * The FFT for real signals of `length` samples: PFFFT with SIMD in WebAssembly, float32, one per thread and length.
 * PFFFT takes multiples of 32; another even length is padded with zeros to its smallest multiple of that kind, in which
 * the bins of the requested length lie at equal distances.
 *
 * @throws DatasetError "OPTION" when `length` is odd or not made of factors 2, 3 and 5.
 */
export function realFft(length: number): RealFft {
  return planOf(length);
}

function planOf(length: number): Plan {
  let plan = plans.get(length);
  if (!plan) plan = createPlan(length);
  // A later allocation can make the memory grow, which detaches the views; the places stay.
  else if (plan.input.length === 0) plan = planAt(plan.places);
  else return plan;
  plans.set(length, plan);
  return plan;
}

/**
 * Prepares bands for the powers of a transform: band m sums `weights[start[m] … start[m + 1]]` times the bins from
 * `first[m]` on. Valid until the next call.
 */
export function bandSums(fftLength: number, first: Int32Array, start: Int32Array, weights: Float32Array): BandSums {
  loaded ??= load();
  const bands = first.length;
  const blocks = Array.from(first, (_, m) => Math.max(1, Math.ceil((start[m + 1]! - start[m]!) / 4)));
  const numbers = 4 * blocks.reduce((a, b) => a + b, 0);
  const at = scratch(8 * bands + 4 * bands + 16 + 4 * numbers);
  const [outAt, weightsAt] = [at + 8 * bands, at + 16 * Math.ceil((12 * bands) / 16)];
  const { powerAt } = planOf(fftLength); // after the scratch memory, whose growth would detach the views
  const { pffft, bands: sum } = loaded;
  const table = new Int32Array(pffft.d.buffer, at, 2 * bands);
  const padded = new Float32Array(pffft.d.buffer, weightsAt, numbers).fill(0);
  let next = 0;
  for (let m = 0; m < bands; m++) {
    const count = start[m + 1]! - start[m]!;
    table[2 * m] = powerAt + 4 * Math.min(first[m]!, fftLength / 2);
    table[2 * m + 1] = table[2 * m]! + 16 * blocks[m]!;
    padded.set(weights.subarray(start[m]!, start[m]! + count), next);
    next += 4 * blocks[m]!;
  }
  const sums = new Float32Array(pffft.d.buffer, outAt, bands);
  return {
    apply: (out, to) => {
      sum(at, at + 8 * bands, weightsAt, outAt);
      out.set(sums, to);
    },
  };
}

let scratchAt = 0;
let scratchBytes = 0;

/** Memory for the bands of the moment. */
function scratch(bytes: number): number {
  if (bytes > scratchBytes) {
    scratchBytes = 2 * bytes;
    scratchAt = loaded!.pffft.f(scratchBytes);
  }
  return scratchAt;
}

/** The smallest length that `realFft` takes as it is and that holds `samples` samples. */
export function fftLengthFor(samples: number): number {
  let length = Math.max(32, Math.ceil(samples / 32) * 32);
  while (length <= MOST_LENGTH && timesPadded(length) !== 1) length += 32;
  if (length <= MOST_LENGTH) return length;
  throw new DatasetError("OPTION", `samples in a transform: ${samples}, expected at most ${MOST_LENGTH}`);
}

/** How many times as long a transform of `length` is calculated; undefined where it can't be. */
function timesPadded(length: number): number | undefined {
  if (!Number.isInteger(length) || length < 2 || length % 2 !== 0) return undefined;
  let times = 1;
  while ((length * times) % 32 !== 0) times *= 2;
  let rest = length;
  for (const factor of [2, 3, 5]) while (rest % factor === 0) rest /= factor;
  return rest === 1 && length * times <= MOST_LENGTH ? times : undefined;
}

function createPlan(length: number): Plan {
  const times = timesPadded(length);
  if (times === undefined) {
    throw new DatasetError(
      "OPTION",
      `fftLength: ${length}, expected an even number up to ${MOST_LENGTH} made of factors 2, 3 and 5, for example ${fftLengthFor(Math.min(MOST_LENGTH, Math.max(1, Math.floor(length) || 1)))}; frameLength may be any length up to it`,
    );
  }
  loaded ??= load();
  const { pffft } = loaded;
  const padded = length * times;
  const half = length / 2;
  const setup = pffft.k(padded, 0);
  const buffer = (numbers: number): number => {
    const at = setup === 0 ? 0 : pffft.f(4 * numbers);
    if (at !== 0) return at;
    throw new DatasetError(
      "OPTION",
      `fftLength: ${length}, expected room for it in memory; use shorter or fewer lengths`,
    );
  };
  const [inputAt, windowAt, transformAt, workAt, outputAt] = [0, 0, 0, 0, 0].map(() => buffer(padded + 8)) as [
    number,
    number,
    number,
    number,
    number,
  ];
  const powerAt = buffer(half + 16); // bands read up to three numbers past the last bin
  for (const [at, count] of [
    [inputAt, padded],
    [windowAt, padded],
    [powerAt, half + 16],
  ] as const)
    new Float32Array(pffft.d.buffer, at, count).fill(0);
  return planAt({ length, times, setup, inputAt, windowAt, transformAt, workAt, outputAt, powerAt });
}

function planAt(places: Places): Plan {
  const { length, times, setup, inputAt, windowAt, transformAt, workAt, outputAt, powerAt } = places;
  const { pffft, multiply, power: squares } = loaded!;
  const padded = length * times;
  const half = length / 2;
  const view = (at: number, count: number): Float32Array => new Float32Array(pffft.d.buffer, at, count);
  const transform = view(transformAt, padded);
  const output = times === 1 ? transform : view(outputAt, length);
  const power = view(powerAt, half + 1);
  const run = (): void => {
    pffft.p(setup, inputAt, transformAt, workAt, 0);
    if (times === 1) return;
    output[0] = transform[0]!;
    output[1] = transform[1]!;
    for (let to = 2, from = 2 * times; to < length; to += 2, from += 2 * times) {
      output[to] = transform[from]!;
      output[to + 1] = transform[from + 1]!;
    }
  };
  return {
    length,
    input: view(inputAt, length),
    window: view(windowAt, length),
    output,
    power,
    powerAt,
    places,
    run,
    runWindowed: () => {
      multiply(inputAt, windowAt, inputAt, inputAt + 4 * length);
      run();
    },
    powers: () => {
      squares(output.byteOffset, powerAt, output.byteOffset + 4 * length);
      power[0] = output[0]! * output[0]!;
      power[half] = output[1]! * output[1]!;
      return power;
    },
  };
}

/**
 * Instantiates the package's WebAssembly file without its loader, which only works asynchronously: displays and
 * feature code need a plain function. Compiling takes about 3 ms. The letters are the pinned build's export names.
 */
function load(): Loaded {
  const file = join(dirname(require.resolve("@echogarden/pffft-wasm/simd")), "pffft.wasm");
  const fail = (): never => {
    throw new DatasetError(
      "ENVIRONMENT",
      `fft: ${file} does not work, expected @echogarden/pffft-wasm 0.4.2; run npm ci`,
    );
  };
  const grow = (bytes: number): number => {
    const missing = bytes - pffft.d.buffer.byteLength;
    return missing <= 0 || pffft.d.grow(Math.ceil(missing / 65536)) >= 0 ? 1 : 0;
  };
  const copy = (to: number, from: number, bytes: number): void => {
    new Uint8Array(pffft.d.buffer).copyWithin(to, from, from + bytes);
  };
  const imports = { a: { a: fail, b: grow, c: copy } };
  const instance = reserving(() => new wasm.Instance(new wasm.Module(readFileSync(file)), imports));
  const pffft = instance.exports as Pffft;
  if (typeof pffft.j !== "function" || typeof pffft.p !== "function") fail();
  pffft.e();
  if (pffft.j() !== 4) fail();
  const { multiply, power, bands } = loopsIn(pffft.d);
  return { pffft, multiply, power, bands };
}
