import { DatasetError } from "../core/error.js";
import { fftLengthFor, type RealFft, realFft } from "./fft.js";

/** How a signal is cut into frames and transformed; the words are tf.signal's. */
export interface StftOptions {
  /** Samples per frame. Default 1024. */
  frameLength?: number;
  /** Samples from one frame to the next. Default frameLength / 4. */
  frameStep?: number;
  /** Length of the FFT, at least frameLength; the frame is padded with zeros. Default: the next length that has a fast FFT. */
  fftLength?: number;
  /** Weights of the frame's samples: periodic Hann (default) or Hamming, or none. */
  window?: "hann" | "hamming" | "none";
  /**
   * true (default, as in librosa): frame t is centred on sample t · frameStep, the signal continues with zeros on both
   * sides, 1 + ⌊samples / frameStep⌋ frames. false (as in tf.signal): frame t begins at sample t · frameStep.
   */
  center?: boolean;
  /** With `center: false`: pads the end with zeros so that every sample lies in a frame. Default false. */
  padEnd?: boolean;
}

/** Numbers in rows: `data[t * bins + k]` is frame t, bin k; shape [frames, bins]. */
export interface Frames {
  data: Float32Array;
  frames: number;
  bins: number;
}

/** Options of an STFT with every default filled in and checked. */
export interface StftPlan {
  frameLength: number;
  frameStep: number;
  fftLength: number;
  /** fftLength / 2 + 1 */
  bins: number;
  /** First sample of frame 0, negative when centred. */
  offset: number;
  frames: number;
  window: Float32Array;
}

/**
 * Fills in and checks the options for a signal of `samples` samples.
 *
 * @throws DatasetError "OPTION" when a length is not a positive integer or the frame is longer than the FFT.
 */
export function planStft(samples: number, options: StftOptions = {}): StftPlan {
  const frameLength = positive("frameLength", options.frameLength ?? Math.min(1024, options.fftLength ?? 1024));
  const frameStep = positive("frameStep", options.frameStep ?? Math.max(1, Math.floor(frameLength / 4)));
  const fftLength = positive("fftLength", options.fftLength ?? fftLengthFor(frameLength));
  if (frameLength > fftLength) {
    throw new DatasetError("OPTION", `frameLength: ${frameLength}, expected at most fftLength, which is ${fftLength}`);
  }
  const center = options.center ?? true;
  const whole = Math.max(0, 1 + Math.floor((samples - frameLength) / frameStep));
  return {
    frameLength,
    frameStep,
    fftLength,
    bins: Math.floor(fftLength / 2) + 1,
    offset: center ? Math.floor((fftLength - frameLength) / 2) - Math.floor(fftLength / 2) : 0,
    frames: center ? 1 + Math.floor(samples / frameStep) : options.padEnd ? Math.ceil(samples / frameStep) : whole,
    window: windowWeights(options.window ?? "hann", frameLength),
  };
}

/**
 * Calls `visit(fft, frame)` for frames `from` ≤ t < `to` (default all), with the frame's transform in `fft.output` and, on
 * request, its squared magnitudes by `fft.powers()`; the next frame overwrites both.
 */
export function eachFrame(
  samples: Float32Array,
  plan: StftPlan,
  visit: (fft: RealFft, frame: number) => void,
  from = 0,
  to: number = plan.frames,
): void {
  const { frameLength, frameStep } = plan;
  const fft = realFft(plan.fftLength);
  const { input } = fft;
  fft.window.fill(0).set(plan.window);
  input.fill(0);
  for (let frame = from; frame < to; frame++) {
    const begin = plan.offset + frame * frameStep;
    const end = begin + frameLength;
    if (begin >= 0 && end <= samples.length) input.set(samples.subarray(begin, end));
    else {
      input.fill(0);
      if (end > 0) input.set(samples.subarray(Math.max(0, begin), end), Math.max(0, -begin));
    }
    fft.runWindowed();
    visit(fft, frame);
  }
}

/**
 * Short-time Fourier transform: [frames, bins] complex numbers as pairs, `data[2 * (t * bins + k)]` real, the next
 * imaginary. The phase is that of a frame whose first sample is time 0, as in tf.signal.
 *
 * @example
 * const { data, frames, bins } = stft(samples, { frameLength: 512, frameStep: 128 });
 */
export function stft(samples: Float32Array, options: StftOptions = {}): Frames {
  const plan = planStft(samples.length, options);
  const { bins } = plan;
  const data = new Float32Array(plan.frames * bins * 2);
  eachFrame(samples, plan, ({ output }, frame) => {
    writePairs(output, data, frame * bins * 2);
  });
  return { data, frames: plan.frames, bins };
}

/**
 * Spectrogram of magnitudes (`power` 1) or squared magnitudes (`power` 2, default), shape [frames, fftLength / 2 + 1].
 *
 * @example
 * const { data } = spectrum(samples, { frameLength: 1024, frameStep: 256, power: 1 });
 */
export function spectrum(samples: Float32Array, options: StftOptions & { power?: 1 | 2 } = {}): Frames {
  const plan = planStft(samples.length, options);
  const { bins } = plan;
  const data = new Float32Array(plan.frames * bins);
  eachFrame(samples, plan, (fft, frame) => {
    data.set(fft.powers(), frame * bins);
  });
  if (options.power === 1) for (let i = 0; i < data.length; i++) data[i] = Math.sqrt(data[i]!);
  return { data, frames: plan.frames, bins };
}

/** Writes a transform as pairs, bin 0 to the last, into `out` from index `at` on. */
export function writePairs(output: Float32Array, out: Float32Array, at: number): void {
  out.set(output, at);
  out[at + output.length] = output[1]!;
  out[at + 1] = 0;
}

/** How power becomes decibels. */
export interface DecibelOptions {
  /** The power that is 0 dB: a number (default 1) or "max", the largest in the data. */
  ref?: number | "max";
  /** Powers below this count as this. Default 1e-10. */
  amin?: number;
  /** Values more than this below the largest are raised to that floor; Infinity: no floor. Default 80 dB. */
  topDb?: number;
}

/** 10 · log₁₀(power / ref) in place, floored at the largest value − topDb; librosa's `power_to_db`. */
export function powerToDb(power: Float32Array, options: DecibelOptions = {}): Float32Array {
  const amin = options.amin ?? 1e-10;
  const topDb = options.topDb ?? 80;
  let largest = 0;
  for (let i = 0; i < power.length; i++) if (power[i]! > largest) largest = power[i]!;
  const ref = options.ref === "max" ? largest : (options.ref ?? 1);
  const scale = 10 / Math.LN10;
  const zero = scale * Math.log(Math.max(amin, ref));
  const floor = scale * Math.log(Math.max(amin, largest)) - zero - topDb;
  for (let i = 0; i < power.length; i++) {
    const db = scale * Math.log(Math.max(amin, power[i]!)) - zero;
    power[i] = Math.max(db, floor);
  }
  return power;
}

const windows = new Map<string, Float32Array>();

/** The weights of a window, made once: short sounds would spend more time on the cosines than on their transforms. */
function windowWeights(kind: "hann" | "hamming" | "none", length: number): Float32Array {
  const key = `${kind} ${length}`;
  let weights = windows.get(key);
  if (!weights) {
    weights = makeWindow(kind, length);
    if (windows.size > 32) windows.clear();
    windows.set(key, weights);
  }
  return weights;
}

function makeWindow(kind: "hann" | "hamming" | "none", length: number): Float32Array {
  if (kind === "none") return new Float32Array(length).fill(1);
  const a = { hann: 0.5, hamming: 0.54 }[kind];
  if (a === undefined)
    throw new DatasetError("OPTION", `window: "${String(kind)}", expected "hann", "hamming" or "none"`);
  if (length === 1) return Float32Array.of(1);
  // Periodic, not symmetric: what scipy.signal.get_window gives, and tf.signal.hann_window for even lengths.
  return Float32Array.from({ length }, (_, i) => a - (1 - a) * Math.cos((2 * Math.PI * i) / length));
}

function positive(name: string, value: number): number {
  if (Number.isInteger(value) && value > 0) return value;
  throw new DatasetError("OPTION", `${name}: ${value}, expected a positive integer`);
}
