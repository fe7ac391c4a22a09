import type { Tensor } from "@tensorflow/tfjs-core";
import type { TensorFlow } from "../tensorflow.js";

// NVIDIA's GPUs since Ampere round what convolutions and matrix products take to TF32, 11 of float32's 24 bits. That
// is enough for training, but the quiet bands of a spectrogram drown in it. A number is the sum of one that has only its
// first 11 bits and one that has the others, so a product is the sum of four that TF32 does not hurt.

/** 2^13 + 1, which separates the first 11 bits from the other 13 (Veltkamp's splitting). */
const SPLITTER = 8193;

/** Whether products may be made in TF32. */
export function roundsProducts(tf: TensorFlow): boolean {
  return (tf.backend() as { isUsingGpuDevice?: boolean }).isUsingGpuDevice === true;
}

/** A product's left factor in parts, four in the place of one along the axis that the product sums over. */
export function leftParts<T extends Tensor>(tf: TensorFlow, x: T, axis: number): T {
  return tf.tidy(() => {
    const [high, low] = parts(tf, x);
    return tf.concat([high, low, high, low], axis) as T;
  });
}

/** The right factor that belongs to `leftParts`. */
export function rightParts<T extends Tensor>(tf: TensorFlow, x: T, axis: number): T {
  return tf.tidy(() => {
    const [high, low] = parts(tf, x);
    return tf.concat([high, high, low, low], axis) as T;
  });
}

function parts(tf: TensorFlow, x: Tensor): [Tensor, Tensor] {
  const large = tf.mul(x, SPLITTER);
  const high = tf.sub(large, tf.sub(large, x));
  return [high, tf.sub(x, high)];
}
