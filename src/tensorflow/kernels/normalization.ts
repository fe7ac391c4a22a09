import type { Tensor, Tensor4D } from "@tensorflow/tfjs-core";
import type { Native } from "./native.js";
import { replaceCall, replaceGradient } from "./replace.js";

const BATCH_NORM = "BatchNormTraining";
const LAYER_NORM = "LayerNorm";

/** What this file uses of tfjs-layers' normalizations. */
interface Normalization {
  axis: number | number[];
  epsilon: number;
  momentum: number;
  gamma: Weight | null;
  beta: Weight | null;
  movingMean: Weight;
  movingVariance: Weight;
}

interface Weight {
  read(): Tensor;
  write(value: Tensor): void;
}

/**
 * Batch and layer normalization as few ops, with gradients of their own.
 *
 * tfjs takes the first apart into thirty ops that read and write the whole activation. In the second it repeats the weights
 * over batch and frames, whose gradient it then adds up slice by slice: 25,000 ops for one layer.
 */
export function normalizations(native: Native): void {
  tileGradient(native);
  batchKernel(native);
  layerKernel(native);
  const { tf } = native;
  const weight = (weight: Weight | null, x: Tensor, otherwise: number): Tensor =>
    weight?.read() ?? tf.fill([x.shape.at(-1)!], otherwise);

  replaceCall<Normalization, Tensor | Tensor[], Tensor>(native, "BatchNormalization", (layer, inputs, { training }) => {
    const x = only(inputs);
    // There is none of a gradient of a gradient.
    const usual = training && isLast(layer.axis, x) && x.dtype === "float32" && x.rank <= 4;
    if (!usual || tf.engine().state.gradientDepth !== 1) return undefined;
    return tf.tidy(() => {
      const flat = (x.rank === 4 ? x : tf.reshape(x, [-1, 1, 1, x.shape.at(-1)!])) as Tensor4D;
      const given = { x: flat, gamma: weight(layer.gamma, x, 1), beta: weight(layer.beta, x, 0) };
      const [y, mean, variance] = tf.engine().runKernel(BATCH_NORM, given, { epsilon: layer.epsilon }) as Tensor[];
      move(layer.movingMean, mean!, layer.momentum);
      move(layer.movingVariance, variance!, layer.momentum);
      return tf.reshape(y!, x.shape);
    });
  });

  replaceCall<Normalization, Tensor | Tensor[], Tensor>(native, "LayerNormalization", (layer, inputs) => {
    const x = only(inputs);
    if (!isLast(layer.axis, x) || x.dtype !== "float32" || tf.engine().state.gradientDepth > 1) return undefined;
    return tf.tidy(() => {
      const given = { x, gamma: weight(layer.gamma, x, 1), beta: weight(layer.beta, x, 0) };
      return (tf.engine().runKernel(LAYER_NORM, given, { epsilon: layer.epsilon }) as Tensor[])[0]!;
    });
  });
}

const only = (inputs: Tensor | Tensor[]): Tensor => (Array.isArray(inputs) ? inputs[0]! : inputs);

function isLast(axis: number | number[], x: Tensor): boolean {
  const axes = Array.isArray(axis) ? axis : [axis];
  return axes.length === 1 && (axes[0] === -1 || axes[0] === x.rank - 1);
}

const move = (moving: Weight, value: Tensor, momentum: number): void =>
  moving.write(
    moving.read().sub(
      moving
        .read()
        .sub(value)
        .mul(1 - momentum),
    ),
  );

/** The sum over the copies, at once. */
function tileGradient(native: Native): void {
  const { tf } = native;
  replaceGradient(native, "Tile", (dy, [x], attributes) => {
    const reps = attributes.reps as number[];
    const apart = x!.shape.flatMap((n, i) => [reps[i]!, n]);
    const copies = reps.map((_, i) => 2 * i);
    return { x: () => tf.sum(tf.reshape(dy, apart), copies) };
  });
}

function batchKernel(native: Native): void {
  const { tf } = native;
  const attributes = (attrs: unknown) => ({
    types: { T: "float32", U: "float32" } as const,
    numbers: { epsilon: (attrs as { epsilon: number }).epsilon },
    strings: { data_format: "NHWC" },
    bools: { is_training: true },
  });
  tf.registerKernel({
    kernelName: BATCH_NORM,
    backendName: "tensorflow",
    kernelFunc: ({ inputs, attrs }) => {
      const { x, gamma, beta } = inputs as Record<string, Tensor>;
      const empty = tf.zeros([0]);
      const made = native.runMany("FusedBatchNormV3", attributes(attrs), [x!, gamma!, beta!, empty, empty], 6);
      const [y, mean, unbiased, ...kept] = made as [Tensor, Tensor, Tensor, ...Tensor[]];
      const count = x!.size / gamma!.size;
      // As empty tensors, what only TensorFlow looks at costs tfjs no gradients of zeros.
      const variance = tf.mul(unbiased, (count - 1) / count);
      return [y, mean, variance, ...kept.map((tensor) => native.share(tensor, [0]))];
    },
  });
  tf.registerGradient({
    kernelName: BATCH_NORM,
    inputsToSave: ["x", "gamma"],
    outputsToSave: [false, false, false, true, true, true],
    gradFunc: (gradients, saved, attrs) => {
      const [dy] = gradients as Tensor[];
      const [x, gamma, ...kept] = saved as [Tensor, Tensor, ...Tensor[]];
      const inputs = [dy!, x, gamma, ...kept];
      const [dx, dgamma, dbeta] = native.runMany("FusedBatchNormGradV3", attributes(attrs), inputs, 5) as Tensor[];
      return { x: () => dx!, gamma: () => dgamma!, beta: () => dbeta! };
    },
  });
}

function layerKernel(native: Native): void {
  const { tf, run } = native;
  const mean = (x: Tensor): Tensor =>
    run("Mean", { types: { T: "float32", Tidx: "int32" }, bools: { keep_dims: true } }, [
      x,
      tf.tensor1d([x.rank - 1], "int32"),
    ]);
  const mul = (a: Tensor, b: Tensor): Tensor => run("Mul", {}, [a, b]);
  const sub = (a: Tensor, b: Tensor): Tensor => run("Sub", {}, [a, b]);
  const perChannel = (x: Tensor): Tensor => run("BiasAddGrad", { strings: { data_format: "NHWC" } }, [x]);
  tf.registerKernel({
    kernelName: LAYER_NORM,
    backendName: "tensorflow",
    kernelFunc: ({ inputs, attrs }) => {
      const { x, gamma, beta } = inputs as Record<string, Tensor>;
      const { epsilon } = attrs as unknown as { epsilon: number };
      const [y, normal, scale] = tf.tidy(() => {
        const centered = sub(x!, mean(x!));
        const scale = run("Rsqrt", {}, [run("AddV2", {}, [mean(run("Square", {}, [centered])), tf.scalar(epsilon)])]);
        const normal = mul(centered, scale);
        return [run("AddV2", {}, [mul(normal, gamma!), beta!]), normal, scale] as Tensor[];
      });
      return [y!, native.share(normal!, [0]), native.share(scale!, [0])];
    },
  });
  tf.registerGradient({
    kernelName: LAYER_NORM,
    inputsToSave: ["gamma"],
    outputsToSave: [false, true, true],
    gradFunc: (gradients, saved) => {
      const [dy] = gradients as [Tensor];
      const [gamma, normal, scale] = saved as [Tensor, Tensor, Tensor];
      return {
        x: () => {
          const d = mul(dy, gamma);
          return mul(scale, sub(sub(d, mean(d)), mul(normal, mean(mul(d, normal)))));
        },
        gamma: () => perChannel(mul(dy, normal)),
        beta: () => perChannel(dy),
      };
    },
  });
}
