import type * as tfjs from "@tensorflow/tfjs-node-gpu";
import { DatasetError } from "../core/error.js";
import { checkKnown, type OptionNames } from "../core/known-options.js";
import { loadTensorFlow } from "../tensorflow/load.js";
import type { TensorFlow } from "../tensorflow/kernels/types.js";

/** What `specAugment` hides; the names are those of `load({ augment })`. */
export interface SpecAugmentOptions {
  /** Up to `length` frames next to each other, `count` times (default 1). */
  timeMask?: { length: number; count?: number };
  /** Up to `bins` bins next to each other, `count` times (default 1). */
  frequencyMask?: { bins: number; count?: number };
  /** Shape of one example, where the layer is a model's first. */
  inputShape?: readonly (number | null)[];
  name?: string;
}

const OPTIONS: OptionNames<SpecAugmentOptions> = { timeMask: true, frequencyMask: true, name: true, inputShape: true };

/**
 * A layer that hides times and frequencies of spectrograms while training (SpecAugment, Park et al. 2019), on
 * TensorFlow's device: `[batch, frames, bins]` or `[batch, frames, bins, channels]` → the same. Each example has masks of
 * its own; what is hidden is the example's mean. It follows `fit`'s seed. In prediction it changes nothing.
 *
 * A saved model keeps its options (call `specAugment` once before loading such a model, so that its class is known).
 * @throws DatasetError "OPTION" for options out of range
 * @example
 * const spectrograms = tf.sequential();
 * spectrograms.add(specAugment({ timeMask: { length: 20 }, frequencyMask: { bins: 8, count: 2 }, inputShape: [63, 80] }));
 */
export function specAugment(options: SpecAugmentOptions): tfjs.layers.Layer {
  checkKnown("specAugment", options, OPTIONS);
  const { timeMask, frequencyMask } = options;
  if (timeMask) checkKnown("timeMask", timeMask, { length: true, count: true });
  if (frequencyMask) checkKnown("frequencyMask", frequencyMask, { bins: true, count: true });
  for (const [name, value] of [
    ["timeMask.length", options.timeMask?.length ?? 1],
    ["timeMask.count", options.timeMask?.count ?? 1],
    ["frequencyMask.bins", options.frequencyMask?.bins ?? 1],
    ["frequencyMask.count", options.frequencyMask?.count ?? 1],
  ] as const) {
    if (Number.isInteger(value) && value > 0) continue;
    throw new DatasetError("OPTION", `${name}: ${value}, expected a whole number from 1 on`);
  }
  layerClass ??= defineLayer(loadTensorFlow());
  return new layerClass(options);
}

let layerClass: (new (options: SpecAugmentOptions) => tfjs.layers.Layer) | undefined;

function defineLayer(tf: TensorFlow): new (options: SpecAugmentOptions) => tfjs.layers.Layer {
  class SpecAugment extends tf.layers.Layer {
    static readonly className = "SpecAugment";
    private readonly timeMask: SpecAugmentOptions["timeMask"];
    private readonly frequencyMask: SpecAugmentOptions["frequencyMask"];

    constructor(options: SpecAugmentOptions) {
      super(options as never);
      this.timeMask = options.timeMask;
      this.frequencyMask = options.frequencyMask;
      this.supportsMasking = true;
    }

    override computeOutputShape(shape: tfjs.Shape | tfjs.Shape[]): tfjs.Shape {
      return shape as tfjs.Shape;
    }

    override call(inputs: tfjs.Tensor | tfjs.Tensor[], kwargs: { training?: boolean }): tfjs.Tensor {
      const x = Array.isArray(inputs) ? inputs[0]! : inputs;
      if (!kwargs.training) return x.clone();
      return tf.tidy(() => {
        const { timeMask, frequencyMask } = this;
        const masks = [
          ...Array.from({ length: timeMask ? (timeMask.count ?? 1) : 0 }, () => mask(tf, x, 1, timeMask!.length)),
          ...Array.from({ length: frequencyMask ? (frequencyMask.count ?? 1) : 0 }, () =>
            mask(tf, x, 2, frequencyMask!.bins),
          ),
        ];
        const seen = masks.map((hidden) => tf.sub(1, hidden)).reduce((a, b) => tf.mul(a, b), tf.scalar(1));
        const mean = tf.mean(x, [1, 2], true);
        return tf.add(tf.mul(x, seen), tf.mul(mean, tf.sub(1, seen)));
      });
    }

    override getConfig(): tfjs.serialization.ConfigDict {
      const { timeMask, frequencyMask } = this;
      return { ...super.getConfig(), ...(timeMask && { timeMask }), ...(frequencyMask && { frequencyMask }) };
    }
  }
  tf.serialization.registerClass(SpecAugment as never);
  return SpecAugment;
}

/** 1 where an example is hidden, along an axis: 0 to `longest` places anywhere, all equally likely. */
function mask(tf: TensorFlow, x: tfjs.Tensor, axis: 1 | 2, longest: number): tfjs.Tensor {
  const size = x.shape[axis]!;
  const drawn = x.shape.map((n, i) => (i === 0 ? n : 1));
  const below = (n: tfjs.Tensor): tfjs.Tensor => tf.floor(tf.mul(tf.randomUniform(drawn), n));
  const length = below(tf.scalar(Math.min(longest, size) + 1));
  const from = below(tf.sub(size + 1, length));
  const place = tf.reshape(
    tf.range(0, size),
    x.shape.map((_, i) => (i === axis ? size : 1)),
  );
  return tf.logicalAnd(tf.greaterEqual(place, from), tf.less(place, tf.add(from, length))).toFloat();
}
