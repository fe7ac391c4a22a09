import type { LayersModel, layers, Optimizer, SymbolicTensor, Tensor } from "@tensorflow/tfjs-node-gpu";
import { multiHeadAttention } from "../../../dist/layers/multi-head-attention.js";
import { specAugment } from "../../../dist/layers/spec-augment.js";
import { loadTensorFlow } from "../../../dist/tensorflow/load.js";

const tf = loadTensorFlow();
const L = tf.layers;

/** A model, what it is trained on and by. */
export interface Net {
  make(): LayersModel;
  x: number[][];
  y: number[][];
  loss?: string | string[];
  optimizer?: () => Optimizer;
  metrics?: string[];
  /** Numbers of `x` are whole, from 0 to below this. */
  whole?: number;
  /** Numbers of `y` from 0 to 1, or classes below this. */
  classes?: number;
  /** Why its steps can't be one function. */
  eager?: RegExp;
}

const BATCH = 6;

/** Layers after each other, and a dense one of 3 outputs. */
function stack(shape: number[], ...all: (() => layers.Layer)[]): Pick<Net, "make" | "x" | "y"> {
  const make = (): LayersModel => {
    const model = tf.sequential({ layers: [L.inputLayer({ inputShape: shape }), ...all.map((layer) => layer())] });
    if (model.outputs[0]!.shape.length > 2) model.add(L.flatten());
    model.add(L.dense({ units: 3, activation: "softmax" }));
    return model;
  };
  return { make, x: [[BATCH, ...shape]], y: [[BATCH, 3]] };
}

function graph(
  inputs: number[][],
  build: (inputs: SymbolicTensor[]) => SymbolicTensor[],
): Pick<Net, "make" | "x" | "y"> {
  const make = (): LayersModel => {
    const given = inputs.map((shape) => tf.input({ shape }));
    return tf.model({ inputs: given, outputs: build(given) });
  };
  const outputs = make().outputs.map(({ shape }) => [BATCH, ...(shape.slice(1) as number[])]);
  return { make, x: inputs.map((shape) => [BATCH, ...shape]), y: outputs };
}

const apply = (layer: layers.Layer, ...x: SymbolicTensor[]): SymbolicTensor =>
  layer.apply(x.length === 1 ? x[0]! : x) as SymbolicTensor;

/** A layer of someone's own. */
class Custom extends L.Layer {
  constructor(private readonly work: (x: Tensor, layer: Custom) => Tensor) {
    super({});
  }
  steps = 0;
  override computeOutputShape(shape: number[]): number[] {
    return shape;
  }
  override call(inputs: Tensor | Tensor[]): Tensor {
    return tf.tidy(() => this.work(Array.isArray(inputs) ? inputs[0]! : inputs, this));
  }
  static get className(): string {
    return "Custom";
  }
}
const custom = (work: (x: Tensor, layer: Custom) => Tensor): Net["make"] => stack([4], () => new Custom(work)).make;

let turns = 0;
const rnn = { units: 4, returnSequences: true };
const dense = (): layers.Layer => L.dense({ units: 5, activation: "relu" });
const image = [6, 6, 2];
const sound = [12, 2];
const train = tf.train;

export const NETS: Record<string, Net> = {
  dense: stack([4], dense),
  "dense on frames": stack(sound, dense),
  "dense without bias, l1 and l2": stack([4], () =>
    L.dense({ units: 5, useBias: false, kernelRegularizer: tf.regularizers.l1l2({ l1: 0.01, l2: 0.02 }) }),
  ),
  "kernel constraint": stack([4], () =>
    L.dense({ units: 5, kernelConstraint: tf.constraints.minMaxNorm({ minValue: 0.1, maxValue: 0.4 }) }),
  ),
  conv1d: stack(sound, () => L.conv1d({ filters: 3, kernelSize: 3, activation: "relu" })),
  "conv1d, dilated, same": stack(sound, () =>
    L.conv1d({ filters: 3, kernelSize: 3, dilationRate: 2, padding: "same" }),
  ),
  "conv1d strided": stack(sound, () => L.conv1d({ filters: 3, kernelSize: 4, strides: 2, activation: "relu" })),
  conv2d: stack(image, () => L.conv2d({ filters: 3, kernelSize: 3, activation: "relu" })),
  "conv2d without bias": stack(image, () => L.conv2d({ filters: 3, kernelSize: 3, useBias: false })),
  conv3d: stack([4, 4, 4, 1], () => L.conv3d({ filters: 2, kernelSize: 2 })),
  conv2dTranspose: stack([3, 3, 2], () =>
    L.conv2dTranspose({ filters: 2, kernelSize: 3, strides: 2, padding: "same" }),
  ),
  separableConv2d: stack(image, () => L.separableConv2d({ filters: 3, kernelSize: 3 })),
  depthwiseConv2d: stack(image, () => L.depthwiseConv2d({ kernelSize: 3 })),
  "U-Net": graph([[8, 8, 1]], ([x]) => {
    const down = apply(L.conv2d({ filters: 2, kernelSize: 3, padding: "same", activation: "relu" }), x!);
    const low = apply(L.maxPooling2d({ poolSize: 2 }), down);
    const deep = apply(L.conv2d({ filters: 3, kernelSize: 3, padding: "same", activation: "relu" }), low);
    const up = apply(L.upSampling2d({ size: [2, 2] }), deep);
    const both = apply(L.concatenate(), up, down);
    return [apply(L.conv2d({ filters: 1, kernelSize: 1, activation: "sigmoid" }), both)];
  }),
  "max pooling 1d": stack(sound, () => L.maxPooling1d({ poolSize: 2 }), dense),
  "max pooling 2d after relu": stack(
    image,
    () => L.conv2d({ filters: 3, kernelSize: 3, activation: "relu" }),
    () => L.maxPooling2d({ poolSize: 2 }),
  ),
  "max pooling 3d": stack(
    [4, 4, 4, 1],
    () => L.maxPooling3d({ poolSize: 2 }),
    () => L.flatten(),
    dense,
  ),
  "average pooling 1d": stack(sound, () => L.averagePooling1d({ poolSize: 2 }), dense),
  "average pooling 2d": stack(image, () => L.averagePooling2d({ poolSize: 2 }), dense),
  "average pooling 3d": stack(
    [4, 4, 4, 1],
    () => L.averagePooling3d({ poolSize: 2 }),
    () => L.flatten(),
    dense,
  ),
  "global pooling": graph([image], ([x]) => {
    const y = apply(L.conv2d({ filters: 3, kernelSize: 3 }), x!);
    const both = [L.globalMaxPooling2d({}), L.globalAveragePooling2d({})].map((pool) => apply(pool, y));
    return [apply(L.dense({ units: 2 }), apply(L.concatenate(), ...both))];
  }),
  "global pooling 1d": graph([sound], ([x]) => {
    const both = [L.globalMaxPooling1d(), L.globalAveragePooling1d()].map((pool) => apply(pool, x!));
    return [apply(L.dense({ units: 2 }), apply(L.concatenate(), ...both))];
  }),
  "batch normalization": stack(
    image,
    () => L.batchNormalization(),
    () => L.conv2d({ filters: 2, kernelSize: 3 }),
  ),
  "batch normalization after dense": stack(
    [4],
    () => L.dense({ units: 5, useBias: false, activation: "tanh" }),
    () => L.batchNormalization(),
  ),
  "batch normalization and separable convolution": stack(
    image,
    // A bias before it has no gradient but rounding.
    () => L.separableConv2d({ filters: 3, kernelSize: 3, useBias: false }),
    () => L.batchNormalization(),
    () => L.activation({ activation: "relu" }),
  ),
  "layer normalization": stack(sound, () => L.layerNormalization(), dense),
  prelu: stack([4], () => L.prelu({ alphaInitializer: tf.initializers.constant({ value: 0.2 }) }), dense),
  "leaky, elu and plain relu": stack(
    [4],
    () => L.leakyReLU(),
    () => L.dense({ units: 4 }),
    () => L.elu(),
    () => L.dense({ units: 4 }),
    () => L.reLU({ maxValue: 6 }),
    () => L.softmax(),
  ),
  "all activations": stack(
    [4],
    ...(
      ["elu", "hardSigmoid", "linear", "relu6", "selu", "sigmoid", "softplus", "softsign", "swish", "mish"] as const
    ).map((activation) => () => L.dense({ units: 4, activation })),
  ),
  "gelu and tanh": stack(
    [4],
    () => L.dense({ units: 4, activation: "gelu" as "relu" }),
    () => L.dense({ units: 4, activation: "tanh" }),
  ),
  embedding: { ...stack([7], () => L.embedding({ inputDim: 9, outputDim: 3 })), whole: 9 },
  "embedding with a mask": {
    ...stack(
      [7],
      () => L.embedding({ inputDim: 9, outputDim: 3, maskZero: true }),
      () => L.lstm({ units: 3 }),
    ),
    whole: 9,
  },
  simpleRNN: stack(sound, () => L.simpleRNN(rnn)),
  lstm: stack(sound, () => L.lstm(rnn)),
  "lstm, last output": stack(sound, () => L.lstm({ units: 4 })),
  "lstm with sigmoid gates": stack(sound, () => L.lstm({ units: 4, recurrentActivation: "sigmoid" })),
  "lstm over one step": stack([1, 2], () => L.lstm({ units: 4 })),
  gru: stack(sound, () => L.gru(rnn)),
  "gru without bias, backwards": stack(sound, () => L.gru({ ...rnn, useBias: false, goBackwards: true })),
  "bidirectional lstm": stack(sound, () =>
    L.bidirectional({ layer: L.lstm({ units: 3 }) as layers.RNN, mergeMode: "concat" }),
  ),
  "bidirectional gru, summed": stack(sound, () =>
    L.bidirectional({ layer: L.gru(rnn) as layers.RNN, mergeMode: "sum" }),
  ),
  "stacked cells": stack(sound, () =>
    L.rnn({ cell: [L.gruCell({ units: 3 }), L.lstmCell({ units: 2 })], returnSequences: true }),
  ),
  "lstm behind a mask": stack(
    sound,
    () => L.masking({ maskValue: 0 }),
    () => L.lstm({ units: 3 }),
  ),
  convLstm2d: stack([3, 4, 4, 1], () => L.convLstm2d({ filters: 2, kernelSize: 2 })),
  timeDistributed: stack([3, 4, 4, 1], () => L.timeDistributed({ layer: L.conv2d({ filters: 2, kernelSize: 2 }) })),
  CRNN: stack(
    [8, 6, 1],
    () => L.conv2d({ filters: 2, kernelSize: 3, activation: "relu" }),
    () => L.maxPooling2d({ poolSize: [1, 2] }),
    () => L.reshape({ targetShape: [6, 4] }),
    () => L.bidirectional({ layer: L.gru({ units: 3, returnSequences: true }) as layers.RNN, mergeMode: "concat" }),
    () => L.timeDistributed({ layer: L.dense({ units: 2 }) }),
  ),
  attention: graph([[5, 4]], ([x]) => {
    const of = (units: number): SymbolicTensor => apply(L.dense({ units, useBias: false }), x!);
    const scores = apply(L.activation({ activation: "softmax" }), apply(L.dot({ axes: [2, 2] }), of(4), of(4)));
    const mixed = apply(L.dot({ axes: [2, 1] }), scores, of(4));
    const normal = apply(L.layerNormalization(), apply(L.add(), x!, mixed));
    return [apply(L.dense({ units: 2 }), apply(L.globalAveragePooling1d(), normal))];
  }),
  "multi-head attention": graph([[5, 4]], ([x]) => [
    apply(L.dense({ units: 2 }), apply(multiHeadAttention({ numHeads: 2, keyDim: 3, dropout: 0.1 }), x!)),
  ]),
  SpecAugment: stack(sound, () => specAugment({ timeMask: { length: 5 }, frequencyMask: { bins: 1, count: 2 } })),
  "merges of all kinds": graph([[4], [4]], ([a, b]) => {
    const x = apply(L.dense({ units: 3 }), a!);
    const y = apply(L.dense({ units: 3 }), b!);
    const merged = [L.add(), L.multiply(), L.average(), L.maximum(), L.minimum()].map((layer) => apply(layer, x, y));
    return [apply(L.dense({ units: 2 }), apply(L.concatenate(), ...merged))];
  }),
  "two outputs": {
    ...graph([[4]], ([x]) => {
      const y = apply(dense(), x!);
      return [apply(L.dense({ units: 2 }), y), apply(L.dense({ units: 3, activation: "softmax" }), y)];
    }),
    loss: ["meanSquaredError", "categoricalCrossentropy"],
  },
  "a layer used twice": graph([[4], [4]], (both) => {
    const shared = L.dense({ units: 3, activation: "tanh" });
    return [apply(L.dense({ units: 2 }), apply(L.add(), ...both.map((x) => apply(shared, x))))];
  }),
  "a model in a model": graph([[4]], ([x]) => {
    const inner = tf.sequential({
      layers: [L.dense({ units: 5, activation: "relu", inputShape: [4] }), L.dense({ units: 3 })],
    });
    return [apply(L.dense({ units: 2 }), apply(inner as unknown as layers.Layer, x!))];
  }),
  "shapes changed": stack(
    [4, 6],
    () => L.permute({ dims: [2, 1] }),
    () => L.reshape({ targetShape: [4, 6, 1] }),
    () => L.zeroPadding2d({ padding: 1 }),
    () =>
      L.cropping2D({
        cropping: [
          [1, 0],
          [0, 1],
        ],
      }),
    () => L.conv2d({ filters: 2, kernelSize: 2 }),
  ),
  "repeated vector": stack(
    [3],
    () => L.repeatVector({ n: 4 }),
    () => L.gru({ units: 2 }),
  ),
  dropout: stack([4], dense, () => L.dropout({ rate: 0.4 })),
  "spatial dropout": stack(sound, () => L.spatialDropout1d({ rate: 0.3 }), dense),
  "dropout in lstm": stack(sound, () => L.lstm({ units: 3, dropout: 0.2, recurrentDropout: 0.3 })),
  "dropout in gru": stack(sound, () => L.gru({ units: 3, dropout: 0.2, recurrentDropout: 0.3 })),
  noise: stack(
    [4],
    () => L.gaussianNoise({ stddev: 0.3 }),
    dense,
    () => L.gaussianDropout({ rate: 0.3 }),
    dense,
    () => L.alphaDropout({ rate: 0.2 }),
  ),
  "layers of someone's own": { ...stack([4]), make: custom((x) => x.mul(2).sin().add(tf.randomUniform(x.shape))) },
  "sparse labels": { ...stack([4], dense), y: [[BATCH, 1]], classes: 3, loss: "sparseCategoricalCrossentropy" },
  "binary labels": {
    ...graph([[4]], ([x]) => [apply(L.dense({ units: 3, activation: "sigmoid" }), x!)]),
    loss: "binaryCrossentropy",
    metrics: ["binaryAccuracy", "precision"],
  },
  ...Object.fromEntries(
    [
      ...["meanAbsoluteError", "meanAbsolutePercentageError", "meanSquaredLogarithmicError", "squaredHinge", "hinge"],
      ...["categoricalHinge", "logcosh", "kullbackLeiblerDivergence", "poisson", "cosineProximity"],
    ].map((loss) => [
      loss,
      { ...graph([[4]], ([x]) => [apply(L.dense({ units: 3, activation: "sigmoid" }), x!)]), loss, metrics: ["mse"] },
    ]),
  ),
  sgd: { ...stack([4], dense), optimizer: () => train.sgd(0.1) },
  momentum: { ...stack([4], dense), optimizer: () => train.momentum(0.1, 0.9) },
  nesterov: { ...stack([4], dense), optimizer: () => train.momentum(0.1, 0.9, true) },
  adagrad: { ...stack([4], dense), optimizer: () => train.adagrad(0.1) },
  adadelta: { ...stack([4], dense), optimizer: () => train.adadelta(1, 0.95) },
  rmsprop: { ...stack([4], dense), optimizer: () => train.rmsprop(0.01) },
  "rmsprop, centered, with momentum": {
    ...stack([4], dense),
    optimizer: () => train.rmsprop(0.01, 0.9, 0.5, undefined, true),
  },
  adamax: { ...stack([4], dense), optimizer: () => train.adamax(0.01, 0.9, 0.999, undefined, 0.01) },
  "lstm with state": {
    make: () =>
      tf.sequential({
        layers: [
          L.lstm({ units: 3, stateful: true, batchInputShape: [BATCH, ...sound] }),
          L.dense({ units: 3, activation: "softmax" }),
        ],
      }),
    x: [[BATCH, ...sound]],
    y: [[BATCH, 3]],
    eager: /"lstm_LSTM\d+" \(LSTM\) keeps a state from step to step/,
  },
  "a layer that reads data": {
    ...stack([4]),
    make: custom((x) => x.mul(1 + x.mean().dataSync()[0]! ** 2)),
    eager: /\(Custom\) reads data in the middle of a step/,
  },
  "a layer that counts": {
    ...stack([4]),
    make: custom((x, layer) => x.mul(Math.sqrt(layer.steps++))),
    eager: /layer "custom_Custom\d+": its "steps" is another one in each step/,
  },
  "a layer with a time of its own": {
    ...stack([4]),
    make: custom((x) => x.mul(1 + (process.hrtime()[1] % 1000) / 1000)),
    eager: /\(Custom\) makes numbers in JavaScript that are others in each step/,
  },
  "a layer that does one thing, then another": {
    ...stack([4]),
    make: custom((x) => (turns++ % 2 ? x.sin() : x.cos())),
    eager: /does something else in each step/,
  },
};
