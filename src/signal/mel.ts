import { isMainThread } from "node:worker_threads";
import { DatasetError } from "../core/error.js";
import { bandSums } from "./fft.js";
import { type DecibelOptions, eachFrame, type Frames, planStft, powerToDb, type StftOptions } from "./stft.js";

/** How frequencies are gathered into mel bands. */
export interface MelOptions {
  /** Samples per second of the signal. */
  sampleRate: number;
  /** Number of bands. Default 80. */
  melBins?: number;
  /** Lower edge of the first band in Hz. Default 0. */
  lowerEdge?: number;
  /** Upper edge of the last band in Hz. Default sampleRate / 2. */
  upperEdge?: number;
  /** "slaney" (default, librosa's): linear below 1 kHz, each band divided by its width; "htk": 2595 · log₁₀(1 + f / 700), not divided. */
  scale?: "slaney" | "htk";
}

/** Triangular bands: band m adds `weights[start[m] … start[m + 1]]` times the bins from `first[m]` on. */
export interface MelBank {
  melBins: number;
  bins: number;
  first: Int32Array;
  start: Int32Array;
  weights: Float32Array;
}

/** No longer spectrum is tried to tell which would do. */
const LONGEST_ADVICE = 2 ** 16;

/** Hz to mel. Slaney's Auditory Toolbox (1998) or Young et al., The HTK Book. */
export function hzToMel(hz: number, scale: "slaney" | "htk" = "slaney"): number {
  if (scale === "htk") return 2595 * Math.log10(1 + hz / 700);
  return hz < 1000 ? (3 * hz) / 200 : 15 + (27 * Math.log(hz / 1000)) / Math.log(6.4);
}

/** Mel to Hz, the inverse of `hzToMel`. */
export function melToHz(mel: number, scale: "slaney" | "htk" = "slaney"): number {
  if (scale === "htk") return 700 * (10 ** (mel / 2595) - 1);
  return mel < 15 ? (200 * mel) / 3 : 1000 * Math.exp(((mel - 15) * Math.log(6.4)) / 27);
}

/**
 * The bands for spectra of `fftLength / 2 + 1` bins. A warning counts those without a bin, which are always 0.
 *
 * @throws DatasetError "OPTION" when the edges don't satisfy 0 ≤ lowerEdge < upperEdge ≤ sampleRate / 2.
 */
export function melBank(fftLength: number, options: MelOptions): MelBank {
  const bank = makeBank(fftLength, options);
  const empty = emptyBands(bank);
  if (empty > 0 && isMainThread) warnOfEmpty(empty, bank.melBins, fftLength, options);
  return bank;
}

const emptyBands = ({ start }: MelBank): number =>
  start.reduce((n, at, m) => n + (m > 0 && at === start[m - 1] ? 1 : 0), 0);

/** What was said already. */
const said = new Set<string>();

function warnOfEmpty(empty: number, melBins: number, fftLength: number, options: MelOptions): void {
  let enough = 2 ** Math.ceil(Math.log2(fftLength + 1));
  while (enough < LONGEST_ADVICE && emptyBands(makeBank(enough, options)) > 0) enough *= 2;
  const warning =
    `mel bands: ${empty} of ${melBins} without a bin of the spectrum at fftLength ${fftLength}, so they are always 0; ` +
    `pass fftLength: ${enough} or fewer melBins`;
  if (said.has(warning)) return;
  said.add(warning);
  process.emitWarning(warning, { code: "EMPTY_MEL_BANDS" });
}

function makeBank(fftLength: number, options: MelOptions): MelBank {
  const { sampleRate, melBins = 80, lowerEdge = 0, upperEdge = sampleRate / 2, scale = "slaney" } = options;
  if (!(lowerEdge >= 0 && lowerEdge < upperEdge && upperEdge <= sampleRate / 2)) {
    throw new DatasetError(
      "OPTION",
      `mel edges: ${lowerEdge} to ${upperEdge} Hz, expected 0 ≤ lowerEdge < upperEdge ≤ ${sampleRate / 2} Hz, half the sample rate`,
    );
  }
  const bins = Math.floor(fftLength / 2) + 1;
  const [low, high] = [hzToMel(lowerEdge, scale), hzToMel(upperEdge, scale)];
  const edge = Array.from({ length: melBins + 2 }, (_, i) => melToHz(low + ((high - low) * i) / (melBins + 1), scale));
  const first = new Int32Array(melBins);
  const start = new Int32Array(melBins + 1);
  const weights: number[] = [];
  for (let m = 0; m < melBins; m++) {
    const [left, middle, right] = [edge[m]!, edge[m + 1]!, edge[m + 2]!];
    const height = scale === "slaney" ? 2 / (right - left) : 1;
    first[m] = bins;
    for (let k = 0; k < bins; k++) {
      const hz = (k * sampleRate) / fftLength;
      const weight = Math.min((hz - left) / (middle - left), (right - hz) / (right - middle));
      if (weight <= 0) continue;
      if (first[m] === bins) first[m] = k;
      weights.push(weight * height);
    }
    start[m + 1] = weights.length;
  }
  return { melBins, bins, first, start, weights: Float32Array.from(weights) };
}

/** The bands as a matrix [melBins, fftLength / 2 + 1]; equals `librosa.filters.mel`. */
export function melMatrix(fftLength: number, options: MelOptions): Frames {
  const bank = melBank(fftLength, options);
  const data = new Float32Array(bank.melBins * bank.bins);
  for (let m = 0; m < bank.melBins; m++) {
    const from = bank.start[m]!;
    data.set(bank.weights.subarray(from, bank.start[m + 1]!), m * bank.bins + bank.first[m]!);
  }
  return { data, frames: bank.melBins, bins: bank.bins };
}

/** Mel spectrogram of power, shape [frames, melBins]; equals `librosa.feature.melspectrogram` transposed. */
export function melSpectrum(samples: Float32Array, options: StftOptions & MelOptions): Frames {
  const plan = planStft(samples.length, options);
  const bank = melBank(plan.fftLength, options);
  const data = new Float32Array(plan.frames * bank.melBins);
  const sums = bandSums(plan.fftLength, bank.first, bank.start, bank.weights);
  eachFrame(samples, plan, (fft, frame) => {
    fft.powers();
    sums.apply(data, frame * bank.melBins);
  });
  return { data, frames: plan.frames, bins: bank.melBins };
}

/**
 * Mel spectrogram in dB, shape [frames, melBins]; equals `librosa.power_to_db(librosa.feature.melspectrogram(…))`.
 *
 * @example
 * const { data, frames } = logMel(samples, { sampleRate: 16000, melBins: 80, frameLength: 400, frameStep: 160, fftLength: 512 });
 */
export function logMel(samples: Float32Array, options: StftOptions & MelOptions & DecibelOptions): Frames {
  const mel = melSpectrum(samples, options);
  powerToDb(mel.data, options);
  return mel;
}
