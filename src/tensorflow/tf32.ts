import type { Tensor } from "@tensorflow/tfjs-core";
import type { TensorFlow } from "./kernels/types.js";

// NVIDIA's GPUs since Ampere round what convolutions and matrix products take to TF32, 11 of float32's 24 bits. That
// is enough for training, but the quiet bands of a spectrogram drown in it. A number is the sum of one that has only its
// first 11 bits and one that has the others, so a product is the sum of four that TF32 does not hurt.

/** 2^13 + 1, which separates the first 11 bits from the other 13 (Veltkamp's splitting). */
const SPLITTER = 8193;

/** A product's left factor; on a GPU in parts, four instead of one along the axis that the product sums over. */
export function leftFactor<T extends Tensor>(tf: TensorFlow, x: T, axis: number): T {
  return inParts(tf, x, axis, ([high, low]) => [high, low, high, low]);
}

/** The right factor that belongs to `leftFactor`. */
export function rightFactor<T extends Tensor>(tf: TensorFlow, x: T, axis: number): T {
  return inParts(tf, x, axis, ([high, low]) => [high, high, low, low]);
}

function inParts<T extends Tensor>(
  tf: TensorFlow,
  x: T,
  axis: number,
  order: (parts: [high: Tensor, low: Tensor]) => Tensor[],
): T {
  if (!(tf.backend() as { isUsingGpuDevice?: boolean }).isUsingGpuDevice) return x;
  return tf.tidy(() => {
    const large = tf.mul(x, SPLITTER);
    const high = tf.sub(large, tf.sub(large, x));
    return tf.concat(order([high, tf.sub(x, high)]), axis) as T;
  });
}
