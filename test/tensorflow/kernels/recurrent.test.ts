import { test } from "node:test";
import type { LayersModel, layers, Tensor } from "@tensorflow/tfjs-node-gpu";
import { loadTensorFlow } from "../../../dist/tensorflow/load.js";
import { close } from "../../support/close.js";
import { numbers, values } from "./nets.js";

const tf = loadTensorFlow();
const L = tf.layers;
const inputShape = [9, 5];

/** Recurrent layers with tfjs's own gates, in every place where tfjs takes their steps. */
const nets: Record<string, () => layers.Layer[]> = {
  LSTM: () => [L.lstm({ units: 6, returnSequences: true, inputShape }), L.lstm({ units: 4 })],
  GRU: () => [L.gru({ units: 6, returnSequences: true, inputShape }), L.gru({ units: 4 })],
  "both ways": () => [L.bidirectional({ layer: L.gru({ units: 6 }) as never, mergeMode: "concat", inputShape })],
  "stacked cells": () => [
    L.rnn({ cell: L.stackedRNNCells({ cells: [L.lstmCell({ units: 4 }), L.gruCell({ units: 3 })] }), inputShape }),
  ],
  "behind a mask": () => [L.masking({ maskValue: 0, inputShape }), L.lstm({ units: 6 })],
  "going on from batch to batch": () => [L.lstm({ units: 6, stateful: true, batchInputShape: [4, ...inputShape] })],
  "another activation": () => [L.lstm({ units: 6, activation: "relu", inputShape })],
};

/** What a model predicts, before and after a step of training, and its weights. */
async function run(make: () => layers.Layer[]): Promise<number[][]> {
  const model: LayersModel = tf.sequential({ layers: make() });
  // Some gates are at their ends.
  model.setWeights(model.getWeights().map((w, i) => tf.tensor(numbers(w.size, i + 2), w.shape).mul(1.5)));
  const x = tf.tensor(numbers(4 * 9 * 5, 1), [4, 9, 5]).mul(tf.tensor([1, 1, 0, 1, 1, 1, 1, 0, 0], [9, 1]));
  const before = model.predict(x, { batchSize: 4 }) as Tensor;
  model.compile({ optimizer: tf.train.sgd(0.1), loss: "meanSquaredError" });
  await model.trainOnBatch(x, tf.zeros(before.shape));
  const after = model.predict(x, { batchSize: 4 }) as Tensor;
  return values([before, ...model.getWeights(), after]);
}

for (const [name, make] of Object.entries(nets)) {
  test(`recurrent layers give what they give on tfjs's CPU backend: ${name}`, async () => {
    const ours = await run(make);
    await tf.setBackend("cpu");
    const expected = await run(make);
    await tf.setBackend("tensorflow");
    ours.forEach((numbers, i) => {
      close(numbers, expected[i]!, 2e-5, 1e-4);
    });
  });
}
