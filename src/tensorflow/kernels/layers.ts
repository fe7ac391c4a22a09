import type { Tensor, Tensor2D, Tensor3D, Tensor4D } from "@tensorflow/tfjs-core";
import { CONV_BIAS } from "./convolution.js";
import type { Native } from "./native.js";
import { MAX_POOL_WINNERS } from "./pooling.js";
import { replaceCall } from "./replace.js";

/** What this file uses of tfjs-layers' convolution and pooling layers. */
interface Layer {
  strides: number[];
  padding: "same" | "valid" | "causal";
  dataFormat?: "channelsFirst" | "channelsLast";
}

interface DenseLayer extends Layer {
  kernel: { read(): Tensor };
  bias: { read(): Tensor } | null;
  activation: { apply(x: Tensor): Tensor; getClassName(): string } | null;
}

interface ConvLayer extends DenseLayer {
  rank: number;
  dilationRate: number[];
}

interface PoolLayer extends Layer {
  poolSize: number[];
}

/** Makes the layers of tfjs use this library's kernels; what those can't do stays with tfjs. */
export function fasterLayers(native: Native): void {
  causalShapes(native);
  replaceLayers<ConvLayer>(native, ["Conv1D", "Conv2D"], (layer, x) => {
    // Of what tfjs can't do without a bias, dilated ones have no gradient, and causal ones no op.
    const special = layer.padding === "causal" || layer.dilationRate.some((n) => n > 1);
    if (layer.bias === null && !special) return undefined;
    const relu = layer.activation?.getClassName() === "relu";
    const y =
      layer.rank === 1
        ? convolve1d(native, layer, x as Tensor3D, relu)
        : convolve2d(native, layer, x as Tensor4D, relu);
    return layer.activation && !relu ? layer.activation.apply(y) : y;
  });
  replaceLayers<DenseLayer>(native, ["Dense"], (layer, x) => {
    const y = dense(native, layer, x);
    return layer.activation ? layer.activation.apply(y) : y;
  });
  if (!native.onednn) return;
  replaceLayers<PoolLayer>(native, ["MaxPooling1D", "MaxPooling2D"], (layer, x) => {
    // Winners serve the gradient alone, and there is none of a gradient of a gradient.
    if (native.tf.engine().state.gradientDepth !== 1) return undefined;
    return poolAny(native, layer, x);
  });
}

function replaceLayers<L extends Layer>(
  native: Native,
  names: readonly string[],
  faster: (layer: L, x: Tensor) => Tensor | undefined,
): void {
  const { tf } = native;
  for (const name of names) {
    replaceCall<L, Tensor | Tensor[], Tensor>(native, name, (layer, inputs) => {
      const [x] = Array.isArray(inputs) ? inputs : [inputs];
      const usual = layer.dataFormat !== "channelsFirst" && x?.dtype === "float32";
      if (!usual) return undefined;
      // While training, what is made on the way is needed for the gradient anyhow, and by the next layer.
      return tf.engine().state.gradientDepth > 0 ? faster(layer, x) : tf.tidy(() => faster(layer, x) as Tensor);
    });
  }
}

const paddingOf = (layer: Layer): string => layer.padding.toUpperCase();

/** The product with one matrix, whatever comes before the last axis; tfjs makes a batch of one matrix of it. */
function dense({ tf }: Native, { kernel, bias }: DenseLayer, x: Tensor): Tensor {
  const weights = kernel.read() as Tensor2D;
  const rows = tf.reshape(x, [x.size / weights.shape[0], weights.shape[0]]) as Tensor2D;
  const product = tf.matMul(rows, weights);
  const y = bias ? tf.add(product, bias.read()) : product;
  return tf.reshape(y, [...x.shape.slice(0, -1), weights.shape[1]]);
}

/** The bias, or zeros. */
const biasOf = ({ tf }: Native, { bias, kernel }: ConvLayer): Tensor =>
  bias ? bias.read() : tf.zeros([kernel.read().shape.at(-1)!]);

function convolve2d(native: Native, layer: ConvLayer, x: Tensor4D, relu: boolean): Tensor {
  const inputs = { x, filter: layer.kernel.read(), bias: biasOf(native, layer) };
  const attributes = { padding: paddingOf(layer), strides: layer.strides, dilations: layer.dilationRate, relu };
  return native.tf.engine().runKernel(CONV_BIAS, inputs, attributes) as Tensor;
}

/** Lets tfjs know the length of what a causal convolution gives, which is that of its input over the stride. */
function causalShapes({ tf }: Native): void {
  const [{ prototype }] = tf.serialization.SerializationMap.getMap().classNameMap.Conv1D! as unknown as [
    { prototype: { computeOutputShape(this: ConvLayer, shape: (number | null)[]): (number | null)[] } },
  ];
  const { computeOutputShape } = prototype;
  prototype.computeOutputShape = function (shape) {
    const computed = computeOutputShape.call(this, shape);
    const length = (Array.isArray(shape[0]) ? (shape[0] as (number | null)[]) : shape)[1];
    if (this.padding === "causal" && typeof length === "number") computed[1] = Math.ceil(length / this.strides[0]!);
    return computed;
  };
}

/**
 * A 1-D convolution as a 2-D one of height 1.
 *
 * One with stride s over C channels is one without stride over s × C channels, if s divides the kernel: the numbers
 * lie in memory the same way. The CPU takes half the time for its gradient.
 */
function convolve1d(native: Native, layer: ConvLayer, input: Tensor3D, relu: boolean): Tensor {
  const { tf, gpu } = native;
  const causal = layer.padding === "causal";
  const before = causal ? (layer.kernel.read().shape[0]! - 1) * layer.dilationRate[0]! : 0;
  const x =
    before > 0
      ? tf.pad(input, [
          [0, 0],
          [before, 0],
          [0, 0],
        ])
      : input;
  const padding = causal ? "VALID" : paddingOf(layer);
  const [batch, width, channels] = x.shape;
  const filter = layer.kernel.read();
  const [length, , filters] = filter.shape as [number, number, number];
  const dilation = layer.dilationRate[0]!;
  const stride = layer.strides[0]!;
  const fold = !gpu && padding === "VALID" && dilation === 1 && length % stride === 0 ? stride : 1;
  const frames = Math.floor(width / fold);
  const whole = frames * fold === width ? x : tf.slice(x, [0, 0, 0], [batch, frames * fold, channels]);
  const inputs = {
    x: tf.reshape(whole, [batch, 1, frames, fold * channels]),
    filter: tf.reshape(filter, [1, length / fold, fold * channels, filters]),
    bias: biasOf(native, layer),
  };
  const attributes = { padding, strides: [1, stride / fold], dilations: [1, dilation], relu };
  return tf.squeeze(tf.engine().runKernel(CONV_BIAS, inputs, attributes) as Tensor, [1]);
}

function poolAny(native: Native, layer: PoolLayer, x: Tensor): Tensor {
  if (layer.poolSize.length === 2) return pool(native, layer, x as Tensor4D);
  return pool(native, layer, x.expandDims(2) as Tensor4D).squeeze([2]);
}

function pool({ tf }: Native, layer: PoolLayer, x: Tensor4D): Tensor {
  const two = (sizes: number[]): number[] => (sizes.length === 1 ? [sizes[0]!, 1] : sizes);
  const attributes = { poolSize: two(layer.poolSize), strides: two(layer.strides), padding: paddingOf(layer) };
  const [y] = tf.engine().runKernel(MAX_POOL_WINNERS, { x }, attributes) as Tensor[];
  return y!;
}
