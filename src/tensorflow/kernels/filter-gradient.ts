import type { Tensor, Tensor1D, Tensor4D } from "@tensorflow/tfjs-core";
import type { Attributes, Native } from "./native.js";
import type { TensorFlow } from "./types.js";

/** Filters that oneDNN's kernel works at full speed with. */
const FILTERS = 32;

/** A shape as TensorFlow's gradient ops take it. */
export function sizes(tf: TensorFlow, shape: readonly number[]): Tensor1D {
  return tf.tensor1d([...shape], "int32");
}

/** The gradient of a convolution's filter. */
export function filterGradient(
  native: Native,
  x: Tensor4D,
  filter: Tensor4D,
  dy: Tensor4D,
  convolution: Attributes,
): Tensor {
  const together = native.gpu ? 1 : neighbours(filter.shape, convolution);
  return together > 1
    ? byNeighbours(native, x, filter.shape, dy, convolution, together)
    : native.begin("Conv2DBackpropFilter", convolution, [x, sizes(native.tf, filter.shape), dy], filter.shape, "late");
}

/** How many outputs next to each other to take as the filters of one: few filters over many samples are slow on the CPU. */
function neighbours([height, width, , filters]: Tensor4D["shape"], { ints, strings }: Attributes): number {
  const plain = [ints?.strides, ints?.dilations].every((numbers) => (numbers as number[]).every((n) => n === 1));
  if (height !== 1 || !plain || strings?.padding !== "VALID") return 1;
  const together = Math.min(4, Math.ceil(FILTERS / filters));
  return width >= 4 * together ? together : 1;
}

/**
 * The same in a layout of `n` outputs as the filters of one: the filter is then n - 1 samples longer, and the n copies of
 * the gradient in it lie a sample further each.
 */
function byNeighbours(
  native: Native,
  x: Tensor4D,
  [, width, channels, filters]: Tensor4D["shape"],
  dy: Tensor4D,
  convolution: Attributes,
  n: number,
): Tensor {
  const { tf } = native;
  return tf.tidy(() => {
    const outputs = Math.ceil(dy.shape[2] / n);
    const long = Math.ceil((width + n - 1) / n);
    const fold = (t: Tensor4D, columns: number): Tensor4D => {
      const [batch, , have, depth] = t.shape;
      const whole =
        have === columns * n
          ? t
          : tf.pad(t, [
              [0, 0],
              [0, 0],
              [0, columns * n - have],
              [0, 0],
            ]);
      return tf.reshape(whole, [batch, 1, columns, n * depth]);
    };
    const folded = [fold(x, outputs + long - 1), sizes(tf, [1, long, n * channels, n * filters]), fold(dy, outputs)];
    const all = native.run("Conv2DBackpropFilter", convolution, folded);
    const copies = tf.reshape(all, [long * n, channels, n, filters]);
    const parts = Array.from({ length: n }, (_, k) => tf.slice(copies, [k, 0, k, 0], [width, channels, 1, filters]));
    return tf.reshape(tf.addN(parts), [1, width, channels, filters]);
  });
}
