import type * as tfjs from "@tensorflow/tfjs-node-gpu";
import { DatasetError } from "../core/error.js";
import { checkKnown, type OptionNames } from "../core/known-options.js";
import { planStft } from "../signal/stft.js";
import type { TensorFlow } from "../tensorflow/kernels/types.js";
import { loadTensorFlow } from "../tensorflow/load.js";
import { asSamples, checkNumber, type Loss } from "./loss.js";

/** One of the transforms that sounds are compared by; lengths in samples. */
export interface StftResolution {
  /** Of the transform. A power of two is fastest. */
  fftLength: number;
  /** From one frame's start to the next. */
  frameStep: number;
  /** Of the window, at most `fftLength`. */
  frameLength: number;
}

/** How `multiResolutionStftLoss` compares. */
export interface MultiResolutionStftOptions {
  /** Default: transforms of 512, 1024 and 2048 samples with steps of 50, 120 and 240 and windows of 240, 600 and 1200. */
  resolutions?: readonly StftResolution[];
  /** Weight of the spectral convergence: the length of the difference of magnitudes, in parts of the truth's. Default 1. */
  convergence?: number;
  /** Weight of the mean difference of the magnitudes' natural logarithms. Default 1. */
  logMagnitude?: number;
  /** Weight of the mean difference of the magnitudes. Default 0. */
  magnitude?: number;
}

const OPTIONS: OptionNames<MultiResolutionStftOptions> = {
  ...{ resolutions: true, convergence: true, logMagnitude: true, magnitude: true },
};

const RESOLUTIONS: readonly StftResolution[] = [
  { fftLength: 1024, frameStep: 120, frameLength: 600 },
  { fftLength: 2048, frameStep: 240, frameLength: 1200 },
  { fftLength: 512, frameStep: 50, frameLength: 240 },
];

/** The least power that counts, so that logarithms and roots stay finite. */
const LEAST = 1e-8;

/**
 * The multi-resolution STFT loss (Yamamoto et al. 2020) for models that give sound: how far the magnitudes of truth and
 * output are apart, as the mean over several transforms, each with a Hann window and centered frames.
 *
 * Truth and output are `[batch, samples]` or `[batch, frames, inputSize]`; the loss is `[batch]`. Its values are those of
 * auraloss's MultiResolutionSTFTLoss for each example by itself. Training by it needs native TensorFlow with this library's
 * kernels.
 * @throws DatasetError "OPTION" for options out of range, and later where sounds aren't longer than half a transform
 * @example model.compile({ optimizer: "adam", loss: multiResolutionStftLoss() })
 */
export function multiResolutionStftLoss(options: MultiResolutionStftOptions = {}): Loss {
  checkKnown("multiResolutionStftLoss", options, OPTIONS);
  const { resolutions = RESOLUTIONS, convergence = 1, logMagnitude = 1, magnitude = 0 } = options;
  for (const [name, weight] of Object.entries({ convergence, logMagnitude, magnitude })) checkNumber(name, weight, 0);
  for (const { fftLength, frameStep, frameLength } of resolutions) {
    const whole = [fftLength, frameStep, frameLength].every((n) => Number.isInteger(n) && n > 0);
    if (whole && frameLength <= fftLength && fftLength % 2 === 0) continue;
    const found = `fftLength ${fftLength}, frameStep ${frameStep}, frameLength ${frameLength}`;
    throw new DatasetError(
      "OPTION",
      `resolutions: ${found}, expected whole numbers from 1 on, fftLength even and not below frameLength`,
    );
  }
  const tf = loadTensorFlow();
  const distance = (a: tfjs.Tensor, b: tfjs.Tensor): tfjs.Tensor => tf.mean(tf.abs(tf.sub(a, b)), [1, 2]);
  return (truth, output) =>
    tf.tidy(() => {
      const losses = resolutions.map((resolution) => {
        const [y, x] = [truth, output].map((side) => magnitudes(tf, asSamples(side), resolution)) as [
          tfjs.Tensor,
          tfjs.Tensor,
        ];
        const length = (m: tfjs.Tensor): tfjs.Tensor => tf.sqrt(tf.sum(tf.square(m), [1, 2]));
        const parts = [];
        if (convergence > 0) parts.push(tf.div(length(tf.sub(y, x)), length(y)).mul(convergence));
        if (logMagnitude > 0) parts.push(distance(tf.log(x), tf.log(y)).mul(logMagnitude));
        if (magnitude > 0) parts.push(distance(x, y).mul(magnitude));
        return parts.length > 0 ? tf.addN(parts) : tf.zeros([y.shape[0]!]);
      });
      return tf.div(tf.addN(losses), losses.length);
    });
}

/** Magnitudes `[batch, frames, bins]` of frames centered at multiples of the step; the ends are mirrored. */
function magnitudes(tf: TensorFlow, x: tfjs.Tensor2D, resolution: StftResolution): tfjs.Tensor {
  const { fftLength, frameStep, frameLength } = resolution;
  const [batch, samples] = x.shape;
  const half = fftLength / 2;
  if (samples <= half) {
    throw new DatasetError(
      "OPTION",
      `multiResolutionStftLoss: sounds of ${samples} samples, expected more than ${half}, half of fftLength; pass shorter resolutions`,
    );
  }
  const mirrored = (from: number): tfjs.Tensor => tf.reverse(tf.slice(x, [0, from], [batch, half]), 1);
  const padded = tf.concat([mirrored(1), x, mirrored(samples - half - 1)], 1);
  // The window lies in the middle of the transform; where exactly says nothing about magnitudes.
  const frames = Math.floor(samples / frameStep) + 1;
  const windowed = tf.mul(
    framesOf(tf, padded, Math.floor((fftLength - frameLength) / 2), frames, frameLength, frameStep),
    tf.tensor1d(planStft(0, { fftLength, frameLength }).window),
  );
  const spectrum = tf.spectral.rfft(windowed, fftLength);
  const power = tf.add(tf.square(tf.real(spectrum)), tf.square(tf.imag(spectrum)));
  return tf.sqrt(tf.maximum(power, LEAST));
}

/** `[batch, frames, length]`, from pieces as long as the step, so that no sample is looked up by itself. */
function framesOf(
  tf: TensorFlow,
  x: tfjs.Tensor,
  start: number,
  frames: number,
  length: number,
  step: number,
): tfjs.Tensor {
  const [batch, samples] = x.shape as [number, number];
  const pieces = Math.ceil(length / step);
  const needed = start + (pieces - 1 + frames) * step;
  const whole = tf.pad(x as tfjs.Tensor2D, [
    [0, 0],
    [0, Math.max(0, needed - samples)],
  ]);
  const rows = Array.from({ length: pieces }, (_, k) =>
    tf.reshape(tf.slice(whole, [0, start + k * step], [batch, frames * step]), [batch, frames, step]),
  );
  return tf.slice(tf.concat(rows, 2), [0, 0, 0], [batch, frames, length]);
}
