import { fftLengthFor, MOST_LENGTH, realFft } from "./fft.js";
import { logMel } from "./mel.js";

const BANDS = 32;
const CYCLES = 4;
/** Quieter parts differ between copies: encoders leave them out, and a shift brings in silence. */
const FLOOR_DB = 30;

/** Numbers in a fingerprint. */
export const FINGERPRINT_SIZE: number = BANDS * (1 + CYCLES);

/**
 * What a signal sounds like in 160 numbers, alike for copies that are louder, a little shifted or encoded again: of a
 * mel spectrogram in dB below its maximum (32 bands, 30 dB) each band's mean and how strongly it goes up and down 1, 2,
 * 3 and 4 times in the length of the signal (magnitudes of a Fourier transform over time, which a shift doesn't change).
 *
 * First comes the whole signal's, then for each of `cuts`, in seconds, that without its beginning and that without its
 * end: a copy moved by a cut's length begins as the original goes on, and what a shift brings in or leaves out is in neither.
 */
export function soundFingerprints(
  samples: Float32Array,
  sampleRate: number,
  cuts: readonly number[] = [],
): Float32Array {
  const frameLength = fftLengthFor(Math.max(32, Math.round(sampleRate * 0.064)));
  const frameStep = Math.floor(frameLength / 2);
  const { data, frames } = logMel(samples, {
    sampleRate,
    melBins: BANDS,
    frameLength,
    frameStep,
    lowerEdge: Math.min(40, sampleRate / 8),
    ref: 1,
    topDb: Infinity,
  });
  const views: [number, number][] = [[0, frames]];
  for (const seconds of cuts) {
    const cut = Math.min(Math.floor(frames / 2), Math.round((seconds * sampleRate) / frameStep));
    views.push([cut, frames], [0, frames - cut]);
  }
  const out = new Float32Array(views.length * FINGERPRINT_SIZE);
  for (const [i, [from, to]] of views.entries())
    out.set(fingerprint(data.subarray(from * BANDS, to * BANDS)), i * FINGERPRINT_SIZE);
  return out;
}

/** The fingerprint of some frames of a mel spectrogram in dB. */
function fingerprint(data: Float32Array): Float32Array {
  const frames = data.length / BANDS;
  const loudest = data.reduce((a, b) => Math.max(a, b), -Infinity);
  const levels = data.map((db) => Math.max(0, 1 + (db - loudest) / FLOOR_DB));
  const out = new Float32Array(FINGERPRINT_SIZE);
  for (let k = 0; k <= CYCLES; k++) {
    const re = new Float64Array(BANDS);
    const im = new Float64Array(BANDS);
    for (let t = 0; t < frames; t++) {
      const angle = (-2 * Math.PI * k * t) / frames;
      const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
      for (let band = 0; band < BANDS; band++) {
        const level = levels[t * BANDS + band]!;
        re[band] = re[band]! + level * cos;
        im[band] = im[band]! + level * sin;
      }
    }
    for (let band = 0; band < BANDS; band++) out[k * BANDS + band] = Math.hypot(re[band]!, im[band]!) / frames;
  }
  return out;
}

/**
 * The largest normalised cross-correlation of two signals, of either sign, over shifts of up to `maxShift` samples:
 * 1 for a copy at another level (or upside down), near 0 for signals that have nothing in common. Only what overlaps
 * counts, as long as it holds half of either signal's energy. `shift` is how many samples later b has it.
 */
export function correlate(a: Float32Array, b: Float32Array, maxShift: number): { score: number; shift: number } {
  const shifts = Math.min(maxShift, Math.max(a.length, b.length) - 1);
  const [energyA, energyB] = [energies(a, 0), energies(b, 1)];
  const [totalA, totalB] = [energyA[a.length]!, energyB[b.length]!];
  if (totalA === 0 || totalB === 0) return { score: 0, shift: 0 };
  const length = commonLength(Math.max(a.length, b.length) + shifts + 1);
  const fft = realFft(length);
  const transform = (x: Float32Array): Float32Array => {
    fft.input.fill(0);
    fft.input.set(x);
    fft.run();
    return fft.output.slice();
  };
  const [x, y] = [transform(a), transform(b)];
  // The spectrum of the correlation, conj(X) · Y, as the real sequence Re − Im over all bins: its forward transform
  // holds the inverse one of the spectrum (Re − Im again), so that no other transform is needed.
  const { input, output } = fft;
  const half = length / 2;
  input[0] = x[0]! * y[0]!;
  input[half] = x[1]! * y[1]!;
  for (let k = 1; k < half; k++) {
    const re = x[2 * k]! * y[2 * k]! + x[2 * k + 1]! * y[2 * k + 1]!;
    const im = x[2 * k]! * y[2 * k + 1]! - x[2 * k + 1]! * y[2 * k]!;
    input[k] = re - im;
    input[length - k] = re + im;
  }
  fft.run();
  // The length is more than twice the largest shift.
  const at = (shift: number): number => {
    if (shift === 0) return output[0]!;
    return shift > 0 ? output[2 * shift]! - output[2 * shift + 1]! : output[-2 * shift]! + output[1 - 2 * shift]!;
  };
  let best = { score: 0, shift: 0 };
  for (let shift = -shifts; shift <= shifts; shift++) {
    const product = Math.abs(at(shift)) / length;
    // Most can't be the best, whatever overlaps: at least half of either energy counts.
    if (4 * product * product <= best.score * best.score * totalA * totalB) continue;
    // b[i + shift] lies over a[i] for i from `from` up to `to`.
    const from = Math.max(0, -shift);
    const to = Math.max(from, Math.min(a.length, b.length - shift));
    const overA = Math.max(totalA / 2, energyA[to]! - energyA[from]!);
    const overB = Math.max(totalB / 2, energyB[to + shift]! - energyB[from + shift]!);
    const score = product / Math.sqrt(overA * overB);
    if (score > best.score) best = { score, shift };
  }
  return { score: Math.min(1, best.score), shift: best.shift };
}

/** A length that signals of about the same length share: each transform of another one needs memory of its own. */
function commonLength(samples: number): number {
  const step = 2 ** Math.max(5, Math.floor(Math.log2(samples)) - 1);
  const common = Math.ceil(samples / step) * step;
  return fftLengthFor(common <= MOST_LENGTH ? common : samples);
}

const sums: [Float64Array, Float64Array] = [new Float64Array(1), new Float64Array(1)];

/** Sums of squares up to each sample; the next call with this `place` overwrites them. */
function energies(x: Float32Array, place: 0 | 1): Float64Array {
  if (sums[place].length <= x.length) sums[place] = new Float64Array(x.length + 1);
  const out = sums[place];
  let sum = 0;
  for (let i = 0; i < x.length; i++) {
    sum += x[i]! * x[i]!;
    out[i + 1] = sum;
  }
  return out;
}
