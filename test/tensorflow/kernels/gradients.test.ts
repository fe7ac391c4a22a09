import assert from "node:assert/strict";
import { test } from "node:test";
import type { Tensor } from "@tensorflow/tfjs-node-gpu";
import { loadTensorFlow } from "../../../dist/tensorflow/load.js";
import { close } from "../../support/close.js";
import { type Batch, build, kerasSteps, type Net, numbers, type Task, values } from "./nets.js";

const tf = loadTensorFlow();

const conv1d = (options: object): [Net["layers"][0][0], Record<string, unknown>] => [
  "conv1d",
  { filters: 3, kernelSize: 4, ...options },
];
const conv2d = (options: object): [Net["layers"][0][0], Record<string, unknown>] => [
  "conv2d",
  { filters: 3, kernelSize: 3, ...options },
];

/** Each way through the kernels: folded stride or not, padding, dilation, without bias, odd sizes, activations. */
const nets: Record<string, Net> = {
  "strided 1-D convolutions on a waveform": {
    inputShape: [403, 1],
    layers: [
      conv1d({ kernelSize: 16, strides: 4, activation: "relu" }),
      conv1d({ filters: 5, kernelSize: 8, strides: 4, activation: "relu" }),
      ["maxPooling1d", { poolSize: 4 }],
      ["globalAveragePooling1d", {}],
      ["dense", { units: 4, activation: "softmax" }],
    ],
    loss: "categoricalCrossentropy",
  },
  "1-D: same padding, stride that does not divide the kernel, overlapping pools": {
    inputShape: [61, 2],
    layers: [
      conv1d({ padding: "same", activation: "tanh" }),
      conv1d({ kernelSize: 5, strides: 3, activation: "sigmoid" }),
      ["maxPooling1d", { poolSize: 3, strides: 1, padding: "same" }],
      ["flatten", {}],
      ["dense", { units: 4 }],
    ],
    loss: "meanSquaredError",
  },
  "1-D: dilation, no bias, no activation": {
    inputShape: [40, 2],
    layers: [
      conv1d({ dilationRate: 3, activation: "relu" }),
      conv1d({ useBias: false }),
      ["globalAveragePooling1d", {}],
      ["dense", { units: 4, activation: "sigmoid" }],
    ],
    loss: "binaryCrossentropy",
  },
  "1-D: causal, strided, dilated, without bias": {
    inputShape: [40, 2],
    layers: [
      conv1d({ padding: "causal", activation: "relu" }),
      conv1d({ padding: "causal", dilationRate: 3, useBias: false }),
      conv1d({ padding: "causal", strides: 2, activation: "tanh" }),
      ["flatten", {}],
      ["dense", { units: 4 }],
    ],
    loss: "meanSquaredError",
  },
  "dilated without bias": {
    inputShape: [20, 9, 2],
    layers: [
      conv2d({ dilationRate: 2, padding: "same", useBias: false }),
      conv2d({ dilationRate: 3, useBias: false }),
      ["flatten", {}],
      ["dense", { units: 4 }],
    ],
    loss: "meanSquaredError",
  },
  "2-D convolutions on a log-mel spectrogram": {
    inputShape: [19, 16, 1],
    layers: [
      conv2d({ padding: "same", activation: "relu" }),
      ["maxPooling2d", { poolSize: 2 }],
      conv2d({ filters: 5, strides: [2, 1], activation: "relu" }),
      ["maxPooling2d", { poolSize: [3, 2], strides: [2, 1], padding: "same" }],
      ["globalAveragePooling2d", {}],
      ["dense", { units: 4, activation: "softmax" }],
    ],
    loss: "categoricalCrossentropy",
  },
  "dense layers on frames": {
    inputShape: [7, 12],
    layers: [
      ["dense", { units: 9, activation: "relu" }],
      ["dense", { units: 4, activation: "sigmoid" }],
    ],
    loss: "binaryCrossentropy",
  },
};

/** Normalizations, a batch's last: Keras orders a model's weights by its layers. */
Object.assign(nets, {
  "batch normalization of a spectrogram": {
    inputShape: [9, 8, 2],
    layers: [conv2d({ useBias: false }), ["batchNormalization", {}], ["globalAveragePooling2d", {}]],
    loss: "meanSquaredError",
  },
  "batch normalization of frames": {
    inputShape: [7, 6],
    layers: [
      ["dense", { units: 4, useBias: false, activation: "tanh" }],
      ["batchNormalization", { epsilon: 0.01 }],
      ["globalAveragePooling1d", {}],
    ],
    loss: "meanSquaredError",
  },
  "batch normalization of rows": {
    inputShape: [6],
    layers: [
      ["dense", { units: 4, useBias: false, activation: "sigmoid" }],
      ["batchNormalization", {}],
    ],
    loss: "meanSquaredError",
  },
  "layer normalization": {
    inputShape: [7, 6],
    layers: [
      ["layerNormalization", {}],
      ["dense", { units: 5, activation: "tanh" }],
      ["layerNormalization", { epsilon: 0.01, scale: false }],
      ["globalAveragePooling1d", {}],
      ["dense", { units: 4 }],
    ],
    loss: "meanSquaredError",
  },
} satisfies Record<string, Net>);

/** Recurrent layers: sequences and last outputs, backwards, without bias. */
for (const [name, layer, options] of [
  ["LSTM", "lstm", {}],
  ["GRU", "gru", { resetAfter: false }],
] as const) {
  const gates = { recurrentActivation: "sigmoid", ...options };
  nets[name] = {
    inputShape: [9, 5],
    layers: [
      [layer, { units: 6, returnSequences: true, ...gates }],
      [layer, { units: 4, returnSequences: true, goBackwards: true, useBias: false, ...gates }],
      [layer, { units: 7, ...gates }],
      ["dense", { units: 4, activation: "softmax" }],
    ],
    loss: "categoricalCrossentropy",
  };
}

nets["LSTM over one step"] = {
  inputShape: [1, 5],
  layers: [
    ["lstm", { units: 6, recurrentActivation: "sigmoid" }],
    ["dense", { units: 4 }],
  ],
  loss: "meanSquaredError",
};

const BATCH = 6;
const STEPS = 5;

function example(net: Net, outputShape: number[]): Batch {
  const xShape = [BATCH, ...net.inputShape];
  const yShape = [BATCH, ...outputShape];
  const count = yShape.reduce((a, b) => a * b);
  const oneHot = Array.from({ length: count }, (_, i) => (i % 4 === Math.floor(i / 4) % 4 ? 1 : 0));
  return {
    x: numbers(
      xShape.reduce((a, b) => a * b),
      1,
    ),
    xShape,
    y: oneHot,
    yShape,
  };
}

/** Outputs so sure that most are 0 or 1 to the last bit; every other one is wrong. */
const sure = (
  [
    ["categoricalCrossentropy", "softmax", [12]],
    ["sparseCategoricalCrossentropy", "softmax", [12]],
    ["binaryCrossentropy", "sigmoid", [7, 12]],
  ] as const
).map(([loss, activation, inputShape]): Net => {
  return { inputShape: [...inputShape], layers: [["dense", { units: 4, activation }]], loss };
});

const models = Object.values(nets).map((net) => {
  const model = build(net);
  model.setWeights(model.getWeights().map((w, i) => tf.tensor(numbers(w.size, i + 2), w.shape).mul(0.3)));
  return model;
});
const tasks: Task[] = Object.values(nets).map((net, i) => ({
  net,
  weights: values(models[i]!.getWeights()),
  batch: example(net, models[i]!.outputs[0]!.shape.slice(1) as number[]),
  steps: STEPS,
}));
const sureTasks: Task[] = sure.map((net) => {
  const batch = example(net, [...net.inputShape.slice(0, -1), 4]);
  const indices = { y: [0, 1, 2, 3, 0, 1], yShape: [BATCH, 1] };
  const weights = [numbers(48, 2).map((w) => 20 * w), numbers(4, 3)];
  return { net, weights, batch: net.loss.startsWith("sparse") ? { ...batch, ...indices } : batch, steps: 0 };
});
const expected = kerasSteps([...tasks, ...sureTasks]);

for (const [n, name] of Object.keys(nets).entries()) {
  test(`gradients and Adam steps equal Keras's: ${name}`, async () => {
    const model = models[n]!;
    const { net, batch, weights: start } = tasks[n]!;
    const keras = expected[n]!;
    const x = tf.tensor(batch.x, batch.xShape);
    const y = tf.tensor(batch.y, batch.yShape);

    // With a rate of 1, plain gradient descent leaves the gradient as the difference.
    model.compile({ optimizer: tf.train.sgd(1), loss: net.loss });
    const loss = (await model.trainOnBatch(x, y)) as number;
    close([loss], [keras.loss], 1e-6, 1e-5);
    // What isn't trained comes last.
    values(model.getWeights().slice(0, keras.gradients.length)).forEach((after, i) => {
      const gradient = after.map((w, k) => start[i]![k]! - w);
      close(gradient, keras.gradients[i]!, 2e-6, 1e-4);
    });

    // Keras's moving averages have seen the batch once by now, as these have.
    const trained = keras.gradients.length;
    model.setWeights(model.getWeights().map((w, i) => (i < trained ? tf.tensor(start[i]!, w.shape) : w)));
    model.compile({ optimizer: tf.train.adam(0.01), loss: net.loss });
    const losses: number[] = [];
    for (let i = 0; i < STEPS; i++) losses.push((await model.trainOnBatch(x, y)) as number);
    close(losses, keras.losses, 1e-6, 1e-4);
    values(model.getWeights()).forEach((w, i) => {
      close(w, keras.weights[i]!, 1e-4, 1e-5);
    });
  });
}

for (const [n, { net, batch, weights }] of sureTasks.entries()) {
  test(`outputs that are surely wrong learn as Keras's: ${net.loss}`, async () => {
    const model = build(net);
    model.setWeights(model.getWeights().map((w, i) => tf.tensor(weights[i]!, w.shape)));
    model.compile({ optimizer: tf.train.sgd(1), loss: net.loss });
    await model.trainOnBatch(tf.tensor(batch.x, batch.xShape), tf.tensor(batch.y, batch.yShape));
    const { gradients } = expected[tasks.length + n]!;
    assert.ok(Math.max(...gradients.flat().map(Math.abs)) > 0.1, "gradients");
    values(model.getWeights()).forEach((after, i) => {
      const gradient = after.map((w, k) => weights[i]![k]! - w);
      close(gradient, gradients[i]!, 1e-5, 1e-4);
    });
  });
}

test("gradients of gradients go through tfjs's own", () => {
  tf.tidy(() => {
    // Relu, a bias and a mean, whose faster gradients leave no trace for a second derivative.
    const bias = tf.tensor1d([0.5, -0.5]);
    const f = (x: Tensor): Tensor => tf.mean(tf.mul(tf.square(tf.relu(tf.add(x, bias))), x));
    const second = tf.grad((x: Tensor) => tf.sum(tf.square(tf.grad(f)(x))));
    const x = [0.3, -0.7, 1.1, 0.9];
    // f' = (2 r x + r²) / 4 with r = relu(x + b), so d(f'²)/dx = 2 f' (4 r + 2 x) / 4 where r > 0.
    const expected = x.map((v, i) => {
      const r = Math.max(0, v + (i % 2 ? -0.5 : 0.5));
      return r > 0 ? (2 * ((2 * r * v + r * r) / 4) * (4 * r + 2 * v)) / 4 : 0;
    });
    close(second(tf.tensor2d(x, [2, 2])).dataSync(), expected, 1e-6, 1e-4);
  });
});

test("Adam goes on where weights were set, and from its saved state", async () => {
  const net = nets["dense layers on frames"]!;
  const batch = example(net, [7, 4]);
  const x = tf.tensor(batch.x, batch.xShape);
  const y = tf.tensor(batch.y, batch.yShape);
  const make = () => {
    const model = build(net);
    model.compile({ optimizer: tf.train.adam(0.01), loss: net.loss });
    return model;
  };
  const a = make();
  for (let i = 0; i < 3; i++) await a.trainOnBatch(x, y);
  const b = make();
  b.setWeights(a.getWeights());
  await b.optimizer.setWeights(await a.optimizer.getWeights());
  for (let i = 0; i < 3; i++) {
    assert.equal(await a.trainOnBatch(x, y), await b.trainOnBatch(x, y));
  }
  // Weights set in between count: with the first weights again, the loss is the first again.
  const c = make();
  const start = c.getWeights().map((w) => w.clone());
  const first = await c.trainOnBatch(x, y);
  assert.notEqual(await c.trainOnBatch(x, y), first);
  c.setWeights(start);
  assert.equal(await c.trainOnBatch(x, y), first);
});

for (const name of ["strided 1-D convolutions on a waveform", "LSTM", "GRU"]) {
  test(`nothing is left behind: tensors are the same after ten steps, and none after disposal: ${name}`, async () => {
    const net = nets[name]!;
    const before = tf.memory().numTensors;
    const model = build(net);
    model.compile({ optimizer: tf.train.adam(0.01), loss: net.loss });
    const batch = example(net, [4]);
    const x = tf.tensor(batch.x, batch.xShape);
    const y = tf.tensor(batch.y, batch.yShape);
    await model.trainOnBatch(x, y);
    const once = tf.memory().numTensors;
    for (let i = 0; i < 10; i++) await model.trainOnBatch(x, y);
    (model.predict(x) as Tensor).dispose();
    assert.equal(tf.memory().numTensors, once);
    tf.dispose([x, y]);
    model.optimizer.dispose();
    model.dispose();
    assert.equal(tf.memory().numTensors, before);
  });
}

test("a convolution predicts the same inside and outside of training", () => {
  const net = nets["2-D convolutions on a log-mel spectrogram"]!;
  const model = build(net);
  const batch = example(net, [4]);
  tf.tidy(() => {
    const x = tf.tensor(batch.x, batch.xShape);
    const plain = model.predict(x) as Tensor;
    const training = model.apply(x, { training: true }) as Tensor;
    close(plain.dataSync(), training.dataSync(), 1e-6, 1e-5);
  });
});
