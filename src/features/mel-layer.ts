import { checkKnown, type OptionNames } from "../core/known-options.js";
import type * as tfjs from "@tensorflow/tfjs-node-gpu";
import { type MelOptions, melMatrix } from "../signal/mel.js";
import { type DecibelOptions, planStft, type StftOptions } from "../signal/stft.js";
import { leftFactor, rightFactor } from "../tensorflow/tf32.js";
import { loadTensorFlow } from "../tensorflow/load.js";
import type { TensorFlow } from "../tensorflow/kernels/types.js";

/** How the layer makes its spectrogram. */
export interface MelSpectrogramOptions extends StftOptions, MelOptions, DecibelOptions {
  /** In dB (librosa's power_to_db) instead of power. Default true. */
  log?: boolean;
  name?: string;
}

const OPTIONS: OptionNames<Parameters<typeof melSpectrogram>[0]> = {
  ...{ frameLength: true, frameStep: true, fftLength: true, window: true, center: true, padEnd: true },
  ...{ sampleRate: true, melBins: true, lowerEdge: true, upperEdge: true, scale: true },
  ...{ ref: true, amin: true, topDb: true, log: true, name: true, inputShape: true, batchInputShape: true },
};

/**
 * A layer that makes a mel spectrogram inside a model, on TensorFlow's device: `[batch, samples]` or
 * `[batch, frames, inputSize]` → `[batch, frames, melBins]`, equal to librosa's within float32 rounding. Gradients flow
 * through it, it has no weights, and a saved model keeps its options (call `melSpectrogram` or `load` once before
 * loading such a model, so that its class is known).
 *
 * The transform is one convolution with the windowed waves of the discrete Fourier transform.
 * @example
 * const model = tf.sequential();
 * model.add(melSpectrogram({ sampleRate: 16000, melBins: 64, inputShape: [16000] }));
 */
export function melSpectrogram(
  options: MelSpectrogramOptions & {
    inputShape?: readonly (number | null)[];
    batchInputShape?: readonly (number | null)[];
  },
): tfjs.layers.Layer {
  checkKnown("melSpectrogram", options, OPTIONS);
  return new (melLayer())(options);
}

/** The layer's class. From the first call on a saved model that has such a layer can be loaded. */
export function melLayer(): new (options: MelSpectrogramOptions) => tfjs.layers.Layer {
  layerClass ??= defineLayer(loadTensorFlow());
  return layerClass;
}

let layerClass: (new (options: MelSpectrogramOptions) => tfjs.layers.Layer) | undefined;

function defineLayer(tf: TensorFlow): new (options: MelSpectrogramOptions) => tfjs.layers.Layer {
  class MelSpectrogram extends tf.layers.Layer {
    static readonly className = "MelSpectrogram";
    private readonly options: MelSpectrogramOptions;
    private constants: { waves: tfjs.Tensor3D; mel: tfjs.Tensor2D } | undefined;

    constructor(options: MelSpectrogramOptions) {
      super(options as never);
      const { inputShape, batchInputShape, name, ...rest } = options as MelSpectrogramOptions & Record<string, unknown>;
      this.options = rest as unknown as MelSpectrogramOptions;
    }

    override computeOutputShape(shape: tfjs.Shape | tfjs.Shape[]): tfjs.Shape {
      const [batch, ...sizes] = shape as tfjs.Shape;
      const samples = sizes.includes(null) ? null : sizes.reduce((a, b) => a! * b!, 1);
      const frames = samples === null ? null : planStft(samples!, this.options).frames;
      return [batch!, frames, this.options.melBins ?? 80];
    }

    override call(inputs: tfjs.Tensor | tfjs.Tensor[]): tfjs.Tensor {
      return tf.tidy(() => {
        const input = Array.isArray(inputs) ? inputs[0]! : inputs;
        const batch = input.shape[0]!;
        const samples = input.size / batch;
        const plan = planStft(samples, this.options);
        const { waves, mel } = this.matrices();
        const left = -plan.offset;
        const needed = (plan.frames - 1) * plan.frameStep + plan.frameLength;
        const padded = tf
          .pad(tf.reshape(input, [batch, samples, 1]), [
            [0, 0],
            [left, Math.max(0, needed - samples - left)],
            [0, 0],
          ])
          .slice([0, 0, 0], [batch, needed, 1]) as tfjs.Tensor3D;
        const spectrum = tf.square(tf.conv1d(leftFactor(tf, padded, 2), waves, plan.frameStep, "valid"));
        const [re, im] = tf.split(spectrum, 2, 2);
        const power = tf.reshape(tf.add(re!, im!), [batch * plan.frames, plan.bins]) as tfjs.Tensor2D;
        const bands = tf.reshape(tf.matMul(leftFactor(tf, power, 1), mel), [batch, plan.frames, mel.shape[1]]);
        return this.options.log === false ? bands : decibels(tf, bands, this.options);
      });
    }

    /** The Fourier waves `[frameLength, 1, 2 × bins]` and the mel bands `[bins, melBins]` as right factors, made once. */
    private matrices(): { waves: tfjs.Tensor3D; mel: tfjs.Tensor2D } {
      if (this.constants) return this.constants;
      const { frameLength, fftLength, bins, window } = planStft(0, this.options);
      const waves = new Float32Array(frameLength * 2 * bins);
      for (let n = 0; n < frameLength; n++) {
        for (let k = 0; k < bins; k++) {
          const angle = (2 * Math.PI * ((k * n) % fftLength)) / fftLength;
          waves[n * 2 * bins + k] = window[n]! * Math.cos(angle);
          waves[n * 2 * bins + bins + k] = window[n]! * Math.sin(angle);
        }
      }
      const bands = melMatrix(fftLength, this.options);
      this.constants = tf.tidy(() => {
        const melBands = tf.transpose(tf.tensor2d(bands.data, [bands.frames, bands.bins]));
        return {
          waves: tf.keep(rightFactor(tf, tf.tensor3d(waves, [frameLength, 1, 2 * bins]), 1)),
          mel: tf.keep(rightFactor(tf, melBands, 0)),
        };
      });
      return this.constants;
    }

    override dispose(): ReturnType<tfjs.layers.Layer["dispose"]> {
      if (this.constants) tf.dispose([this.constants.waves, this.constants.mel]);
      this.constants = undefined;
      return super.dispose();
    }

    override getConfig(): tfjs.serialization.ConfigDict {
      return { ...super.getConfig(), ...(this.options as unknown as tfjs.serialization.ConfigDict) };
    }
  }
  tf.serialization.registerClass(MelSpectrogram as never);
  return MelSpectrogram;
}

/** As `powerToDb`, each example by itself. */
function decibels(
  tf: TensorFlow,
  power: tfjs.Tensor,
  { amin = 1e-10, ref = 1, topDb = 80 }: DecibelOptions,
): tfjs.Tensor {
  const scale = 10 / Math.LN10;
  const least = (x: tfjs.Tensor): tfjs.Tensor => tf.mul(tf.log(tf.maximum(x, amin)), scale);
  const largest = tf.max(power, [1, 2], true);
  const zero = ref === "max" ? least(largest) : tf.scalar(scale * Math.log(Math.max(amin, ref)));
  const db = tf.sub(least(power), zero);
  if (!Number.isFinite(topDb)) return db;
  // Spread to the full shape by hand: tfjs's gradient of maximum doesn't gather what was spread.
  const floor = tf.sub(tf.sub(least(largest), zero), topDb);
  return tf.maximum(db, tf.broadcastTo(floor, db.shape));
}
