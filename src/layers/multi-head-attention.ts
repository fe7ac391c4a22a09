import type * as tfjs from "@tensorflow/tfjs-node-gpu";
import { DatasetError } from "../core/error.js";
import { checkKnown, type OptionNames } from "../core/known-options.js";
import { loadTensorFlow } from "../tensorflow/load.js";
import type { TensorFlow } from "../tensorflow/kernels/types.js";

/** Options of `multiHeadAttention`. */
export interface MultiHeadAttentionOptions {
  numHeads: number;
  /** Numbers per head in query and key. */
  keyDim: number;
  /** Numbers per head in the value. Default `keyDim`. */
  valueDim?: number;
  /** Numbers per place of the output. Default: as many as the query has. */
  outputDim?: number;
  /** Part of the attention that is dropped while training, 0 to 1. Default 0. */
  dropout?: number;
  /** Default true. */
  useBias?: boolean;
  /** Whether each place sees itself and those before it alone. Default false. */
  causal?: boolean;
  name?: string;
}

const OPTIONS: OptionNames<MultiHeadAttentionOptions> = {
  ...{ numHeads: true, keyDim: true, valueDim: true, outputDim: true, dropout: true, useBias: true, causal: true },
  ...{ name: true },
};

/**
 * Multi-head attention (Vaswani et al. 2017), the layer that transformers and conformers are made of, as Keras's
 * MultiHeadAttention, with the same weights.
 *
 * Applied to `x` it is self-attention; applied to `[query, value]` or `[query, value, key]` each place of the query takes
 * of the value what its key matches. All are `[batch, places, numbers]`; so is the output, as long as the query. In
 * self-attention, places that a layer before has masked aren't looked at. A saved model keeps its options (call
 * `multiHeadAttention` once before loading such a model, so that its class is known).
 * @throws DatasetError "OPTION" for options out of range
 * @example
 * const sequence = tf.input({ shape: [63, 64] });
 * const attended = multiHeadAttention({ numHeads: 4, keyDim: 16 }).apply(sequence) as tf.SymbolicTensor;
 * const block = tf.layers.layerNormalization().apply(tf.layers.add().apply([sequence, attended]));
 */
export function multiHeadAttention(options: MultiHeadAttentionOptions): tfjs.layers.Layer {
  checkKnown("multiHeadAttention", options, OPTIONS);
  const { numHeads, keyDim, valueDim = 1, outputDim = 1, dropout = 0 } = options;
  for (const [name, value] of Object.entries({ numHeads, keyDim, valueDim, outputDim })) {
    if (Number.isInteger(value) && value > 0) continue;
    throw new DatasetError("OPTION", `${name}: ${value}, expected a whole number from 1 on`);
  }
  if (!(dropout >= 0 && dropout < 1)) throw new DatasetError("OPTION", `dropout: ${dropout}, expected 0 to below 1`);
  layerClass ??= defineLayer(loadTensorFlow());
  return new layerClass(options);
}

let layerClass: (new (options: MultiHeadAttentionOptions) => tfjs.layers.Layer) | undefined;

type Weight = ReturnType<tfjs.layers.Layer["addWeight"]>;

function defineLayer(tf: TensorFlow): new (options: MultiHeadAttentionOptions) => tfjs.layers.Layer {
  class MultiHeadAttention extends tf.layers.Layer {
    // In the place of the one inside of tfjs, which it doesn't export.
    static readonly className = "MultiHeadAttention";
    private readonly numHeads: number;
    private readonly keyDim: number;
    private readonly valueDim: number;
    private readonly outputDim: number | undefined;
    private readonly dropout: number;
    private readonly useBias: boolean;
    private readonly causal: boolean;
    private readonly parts: Record<string, [Weight, Weight | undefined]> = {};

    constructor(options: MultiHeadAttentionOptions) {
      super(options as never);
      this.numHeads = options.numHeads;
      this.keyDim = options.keyDim;
      this.valueDim = options.valueDim ?? options.keyDim;
      this.outputDim = options.outputDim;
      this.dropout = options.dropout ?? 0;
      this.useBias = options.useBias ?? true;
      this.causal = options.causal ?? false;
      this.supportsMasking = true;
    }

    override build(shapes: tfjs.Shape | tfjs.Shape[]): void {
      const [query, value, key] = shapesOf(shapes);
      const { numHeads, keyDim, valueDim } = this;
      const last = (shape: tfjs.Shape): number => shape.at(-1)!;
      const add = (name: string, kernel: number[], bias: number[]): void => {
        const weight = (what: string, shape: number[], initializer: "glorotUniform" | "zeros"): Weight =>
          this.addWeight(`${name}_${what}`, shape, "float32", tf.initializers[initializer]({}));
        const first = weight("kernel", kernel, "glorotUniform");
        this.parts[name] = [first, this.useBias ? weight("bias", bias, "zeros") : undefined];
      };
      add("query", [last(query), numHeads, keyDim], [numHeads, keyDim]);
      add("key", [last(key), numHeads, keyDim], [numHeads, keyDim]);
      add("value", [last(value), numHeads, valueDim], [numHeads, valueDim]);
      const output = this.outputDim ?? last(query);
      add("output", [numHeads, valueDim, output], [output]);
      super.build(shapes);
    }

    override computeOutputShape(shapes: tfjs.Shape | tfjs.Shape[]): tfjs.Shape {
      const [query] = shapesOf(shapes);
      return [...query.slice(0, -1), this.outputDim ?? query.at(-1)!];
    }

    override computeMask(_: unknown, mask?: tfjs.Tensor | tfjs.Tensor[]): tfjs.Tensor {
      return (Array.isArray(mask) ? mask[0] : mask) as tfjs.Tensor;
    }

    override call(
      inputs: tfjs.Tensor | tfjs.Tensor[],
      kwargs: { training?: boolean; mask?: tfjs.Tensor | tfjs.Tensor[] },
    ): tfjs.Tensor {
      return tf.tidy(() => {
        const [query, value, key] = three(Array.isArray(inputs) ? inputs : [inputs]);
        // tfjs passes on the mask of the first input alone.
        const mask = Array.isArray(inputs) && inputs.length > 1 ? undefined : [kwargs.mask].flat()[0];
        const heads = (x: tfjs.Tensor, name: string, size: number): tfjs.Tensor => {
          const projected = this.project(x, name, this.numHeads * size);
          return tf.transpose(tf.reshape(projected, [...x.shape.slice(0, 2), this.numHeads, size]), [0, 2, 1, 3]);
        };
        const q = tf.mul(heads(query, "query", this.keyDim), 1 / Math.sqrt(this.keyDim));
        const [k, v] = [heads(key, "key", this.keyDim), heads(value, "value", this.valueDim)];
        const scores = this.masked(tf.matMul(q, k, false, true), mask);
        const attention = tf.softmax(scores);
        const kept = kwargs.training && this.dropout > 0 ? tf.dropout(attention, this.dropout) : attention;
        const mixed = tf.transpose(tf.matMul(kept, v), [0, 2, 1, 3]);
        const whole = tf.reshape(mixed, [...query.shape.slice(0, 2), this.numHeads * this.valueDim]);
        return this.project(whole, "output", this.parts.output![0].shape.at(-1)!);
      });
    }

    private project(x: tfjs.Tensor, name: string, size: number): tfjs.Tensor {
      const [kernel, bias] = this.parts[name]!;
      const width = x.shape.at(-1)!;
      const rows = tf.reshape(x, [-1, width]) as tfjs.Tensor2D;
      const y = tf.matMul(rows, tf.reshape(kernel.read(), [width, size]) as tfjs.Tensor2D);
      return tf.reshape(bias ? tf.add(y, tf.reshape(bias.read(), [size])) : y, [...x.shape.slice(0, -1), size]);
    }

    /** `scores [batch, heads, query, key]`, so low that they don't count where nothing is to be looked at. */
    private masked(scores: tfjs.Tensor, seen: tfjs.Tensor | undefined): tfjs.Tensor {
      const [, , queries, keys] = scores.shape as [number, number, number, number];
      const hide = (x: tfjs.Tensor, seen: tfjs.Tensor): tfjs.Tensor =>
        tf.add(x, tf.mul(tf.sub(1, seen.toFloat()), -1e9));
      const known = seen ? hide(scores, tf.reshape(seen, [seen.shape[0]!, 1, 1, keys])) : scores;
      if (!this.causal) return known;
      const place = (n: number): tfjs.Tensor => tf.range(0, n);
      return hide(known, tf.greaterEqual(tf.reshape(place(queries), [-1, 1]), place(keys)));
    }

    override getConfig(): tfjs.serialization.ConfigDict {
      const { numHeads, keyDim, valueDim, outputDim, dropout, useBias, causal } = this;
      const given = { numHeads, keyDim, valueDim, ...(outputDim && { outputDim }), dropout, useBias, causal };
      return { ...super.getConfig(), ...given };
    }
  }
  tf.serialization.registerClass(MultiHeadAttention as never);
  return MultiHeadAttention;
}

const shapesOf = (shapes: tfjs.Shape | tfjs.Shape[]): [tfjs.Shape, tfjs.Shape, tfjs.Shape] =>
  three(Array.isArray(shapes[0]) ? (shapes as tfjs.Shape[]) : [shapes as tfjs.Shape]);

/** Query, value and key, of one input, two or three. */
function three<T>([query, value, key]: readonly T[]): [T, T, T] {
  return [query!, value ?? query!, key ?? value ?? query!];
}
