import assert from "node:assert/strict";
import { test } from "node:test";
import type { layers, Tensor } from "@tensorflow/tfjs-node-gpu";
import { loadTensorFlow } from "../../../dist/tensorflow/load.js";
import { stepCounts, withStepSettings } from "../../../dist/tensorflow/step/compile-steps.js";
import type { Precision } from "../../../dist/tensorflow/step/precision.js";
import { python } from "../../support/python.js";

const tf = loadTensorFlow();
const L = tf.layers;
const PLAIN = { skip: process.env.DEEP_AUDIO_PLAIN_TFJS ? "TensorFlow.js is as it is" : false };
const STEPS = 8;
const RATE = 0.5;

/** Steps of gradient descent whose products are rounded from the third update on, in TensorFlow's own bfloat16. */
const TENSORFLOW = `
import tensorflow as tf
def train(task):
    read = lambda t: tf.constant(t["values"], tf.float32, shape=t["shape"])
    x, y = read(task["x"]), read(task["y"])
    weights = [tf.Variable(read(w)) for w in task["weights"]]
    losses = []
    for step in range(task["steps"]):
        low = lambda t: tf.cast(t, tf.bfloat16) if step >= 2 else t
        with tf.GradientTape() as tape:
            h = x
            for kernel, bias, relu in zip(weights[::2], weights[1::2], [True] * (len(weights) // 2 - 1) + [False]):
                if len(kernel.shape) == 4:
                    h = tf.cast(tf.nn.conv2d(low(h), low(kernel), 1, "VALID"), tf.float32) + bias
                else:
                    h = tf.reshape(h, [len(h), -1])
                    h = tf.cast(low(h) @ low(kernel), tf.float32) + bias
                if relu: h = tf.nn.relu(h)
            loss = tf.reduce_mean(tf.square(h - y))
        for w, g in zip(weights, tape.gradient(loss, weights)): w.assign_sub(${RATE} * g)
        losses.append(float(loss))
    return losses
print(json.dumps([train(task) for task in input]))
`;

const NETS: Record<string, { shape: number[]; layers: () => layers.Layer[] }> = {
  dense: {
    shape: [16, 24],
    layers: () => [L.dense({ units: 32, activation: "relu", inputShape: [24] }), L.dense({ units: 3 })],
  },
  convolutions: {
    shape: [8, 9, 7, 2],
    layers: () => [
      L.conv2d({ filters: 6, kernelSize: 3, activation: "relu", inputShape: [9, 7, 2] }),
      L.conv2d({ filters: 4, kernelSize: 3, activation: "relu" }),
      L.flatten(),
      L.dense({ units: 3 }),
    ],
  },
};

const plain = (tensor: Tensor): object => ({ shape: tensor.shape, values: Array.from(tensor.dataSync()) });

test("mixed precision gives the losses of TensorFlow's bfloat16 products", PLAIN, async () => {
  const tasks: object[] = [];
  const ours: Record<Precision, number[]>[] = [];
  for (const { shape, layers } of Object.values(NETS)) {
    const x = tf.randomNormal(shape, 0, 1, "float32", 1);
    const y = tf.randomNormal([shape[0]!, 3], 0, 1, "float32", 2);
    const first = tf.sequential({ layers: layers() });
    const weights = first.getWeights().map((w, i) => tf.randomNormal(w.shape, 0, 0.2, "float32", i + 3));
    tasks.push({ x: plain(x), y: plain(y), weights: weights.map(plain), steps: STEPS });
    const losses = {} as Record<Precision, number[]>;
    for (const precision of ["float32", "mixed_bfloat16"] as const) {
      const model = tf.sequential({ layers: layers() });
      model.setWeights(weights);
      model.compile({ optimizer: tf.train.sgd(RATE), loss: "meanSquaredError" });
      losses[precision] = [];
      await withStepSettings(tf, model, { precision }, async () => {
        for (let i = 0; i < STEPS; i++) losses[precision].push((await model.trainOnBatch(x, y)) as number);
      });
      const { whole, mixed, reasons } = stepCounts(tf, model)!;
      const every = STEPS - 3;
      assert.deepEqual([whole, mixed, [...reasons]], [every, precision === "float32" ? 0 : every, []]);
    }
    ours.push(losses);
  }
  const expected: number[][] = python(TENSORFLOW, tasks);
  ours.forEach(({ float32, mixed_bfloat16 }, i) => {
    const distance = (losses: number[]): number =>
      // The loss of the step that is made a function is still float32's, its update is not.
      Math.max(...losses.map((loss, step) => (step === 2 ? 0 : Math.abs(loss - expected[i]![step]!))));
    // The order of sums turns some of the roundings around.
    assert.ok(distance(mixed_bfloat16) < distance(float32) / 4, `${mixed_bfloat16}, expected ${expected[i]}`);
    assert.ok(distance(mixed_bfloat16) < 1e-3, `${mixed_bfloat16}, expected ${expected[i]}`);
  });
});

test("a step without products stays in float32 and says so", PLAIN, async () => {
  const model = tf.sequential({ layers: [L.batchNormalization({ inputShape: [4] })] });
  model.compile({ optimizer: "sgd", loss: "meanSquaredError" });
  await withStepSettings(tf, model, { precision: "mixed_bfloat16" }, async () => {
    for (let i = 0; i < 5; i++) await model.trainOnBatch(tf.ones([2, 4]), tf.zeros([2, 4]));
  });
  const { whole, mixed, unmixed } = stepCounts(tf, model)!;
  assert.deepEqual([whole, mixed, [...unmixed]], [2, 0, ["there is no product of matrices"]]);
});
