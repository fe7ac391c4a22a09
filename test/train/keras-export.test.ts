import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import type { LayersModel, Tensor } from "@tensorflow/tfjs-node-gpu";
import { melSpectrogram } from "../../dist/features/mel-layer.js";
import { multiHeadAttention } from "../../dist/layers/multi-head-attention.js";
import { specAugment } from "../../dist/layers/spec-augment.js";
import { saveModel } from "../../dist/train/checkpoint.js";
import { loadTensorFlow } from "../../dist/tensorflow/load.js";
import { close } from "../support/close.js";
import { python, root } from "../support/python.js";

const tf = loadTensorFlow();
const { layers } = tf;
const folder = mkdtempSync(join(tmpdir(), "export-"));
after(() => rmSync(folder, { recursive: true, force: true }));

function branches(): LayersModel {
  const input = tf.input({ shape: [24, 4] });
  const left = layers.conv1d({ filters: 5, kernelSize: 3, padding: "same", dilationRate: 2 }).apply(input);
  const right = layers.dense({ units: 5, activation: "elu" }).apply(input);
  const shared = layers.layerNormalization({});
  const sum = layers.add().apply([shared.apply(left), shared.apply(right)] as never);
  const both = layers.concatenate().apply([sum, input] as never);
  const pooled = layers.globalMaxPooling1d({}).apply(both);
  return tf.model({ inputs: input, outputs: layers.dense({ units: 3, activation: "softmax" }).apply(pooled) as never });
}

const models: Record<string, () => LayersModel> = {
  waveform: () =>
    tf.sequential({
      layers: [
        layers.conv1d({ inputShape: [400, 1], filters: 6, kernelSize: 16, strides: 4, activation: "relu" }),
        layers.maxPooling1d({ poolSize: 3, strides: 2, padding: "same" }),
        layers.batchNormalization(),
        layers.leakyReLU({ alpha: 0.1 }),
        layers.dropout({ rate: 0.3 }),
        layers.globalAveragePooling1d({}),
        layers.dense({ units: 4, activation: "softmax" }),
      ],
    }),
  spectrogram: () =>
    tf.sequential({
      layers: [
        layers.conv2d({ inputShape: [20, 16, 1], filters: 4, kernelSize: 3, padding: "same", activation: "relu" }),
        layers.averagePooling2d({ poolSize: 2 }),
        layers.separableConv2d({ filters: 5, kernelSize: [3, 2], useBias: false }),
        layers.flatten(),
        layers.dense({ units: 3, activation: "sigmoid" }),
      ],
    }),
  recurrent: () =>
    tf.sequential({
      layers: [
        layers.bidirectional({
          inputShape: [12, 5],
          layer: layers.lstm({ units: 4, returnSequences: true }) as never,
          mergeMode: "concat",
        }),
        layers.gru({ units: 6, returnSequences: true }),
        layers.timeDistributed({ layer: layers.dense({ units: 3, activation: "sigmoid" }) }),
      ],
    }),
  branches,
};

Object.assign(models, {
  "mel spectrogram of samples": () =>
    tf.sequential({
      layers: [
        melSpectrogram({ inputShape: [1600], sampleRate: 8000, melBins: 12, frameLength: 200, frameStep: 80 }),
        layers.spatialDropout1d({ rate: 0.2 }),
        layers.gru({ units: 4 }),
        layers.dense({ units: 3, activation: "gelu_new" as "relu" }),
      ],
    }),
  "other mel spectrogram, of frames": () =>
    tf.sequential({
      layers: [
        melSpectrogram({
          ...{ inputShape: [8, 100], sampleRate: 8000, melBins: 10, fftLength: 256, frameStep: 50, center: false },
          ...{ ref: "max", topDb: 60, scale: "htk", lowerEdge: 50, upperEdge: 3500, window: "hamming" },
        }),
        layers.flatten(),
        layers.dense({ units: 2 }),
      ],
    }),
  "models in a model": () => {
    const inner = tf.sequential({ layers: [layers.dense({ inputShape: [6], units: 5, activation: "tanh" })] });
    const input = tf.input({ shape: [5] });
    const split = layers.dense({ units: 4 }).apply(input);
    const graph = tf.model({ inputs: input, outputs: layers.add().apply([split, split] as never) as never });
    return tf.sequential({ layers: [inner as never, graph as never, layers.dense({ units: 2 })] });
  },
  "a model used twice": () => {
    const inner = tf.sequential({ layers: [layers.dense({ inputShape: [6], units: 5, activation: "tanh" })] });
    const input = tf.input({ shape: [6] });
    const once = inner.apply(layers.dense({ units: 6 }).apply(input));
    return tf.model({ inputs: input, outputs: layers.add().apply([inner.apply(input), once] as never) as never });
  },
  attention: () => {
    const input = tf.input({ shape: [7, 6] });
    const hidden = specAugment({ timeMask: { length: 2 } }).apply(input);
    const self = multiHeadAttention({ numHeads: 2, keyDim: 3, causal: true, dropout: 0.1 }).apply(hidden);
    const other = layers.conv1d({ filters: 5, kernelSize: 2 }).apply(input);
    const both = multiHeadAttention({ numHeads: 2, keyDim: 4, valueDim: 3, outputDim: 5 }).apply([
      self,
      other,
    ] as never);
    return tf.model({ inputs: input, outputs: both as never });
  },
} satisfies Record<string, () => LayersModel>);

test("Keras gives the predictions of the saved model, and what it can't have is named", async () => {
  const tasks = [];
  for (const [name, make] of Object.entries(models)) {
    const model = make();
    model.compile({ optimizer: "adam", loss: "meanSquaredError" });
    const shape = model.inputs[0]!.shape.slice(1) as number[];
    const x = tf.randomNormal([4, ...shape], 0, 1, "float32", 5);
    const y = tf.zeros([4, ...(model.outputs[0]!.shape.slice(1) as number[])]);
    // Trained a little, so that no weight is what a new layer has.
    for (let i = 0; i < 3; i++) await model.trainOnBatch(x, y);
    await saveModel(model, join(folder, name));
    const prediction = model.predict(x) as Tensor;
    tasks.push({ name, x: [...x.dataSync()], shape: x.shape, y: [...prediction.dataSync()] });
  }
  // A model that Keras can't have.
  const odd = JSON.parse(readFileSync(join(folder, "waveform", "model.json"), "utf8"));
  odd.modelTopology.config.layers[3].class_name = "MyOwn";
  mkdirSync(join(folder, "odd"));
  writeFileSync(join(folder, "odd", "model.json"), JSON.stringify(odd));

  const { predictions, error } = python(
    `sys.path.insert(0, input["root"] + "/python")
import numpy as np
from tfjs_to_keras import load_model
import keras
def of(t):
    model = load_model(input["folder"] + "/" + t["name"])
    x = np.array(t["x"], "f").reshape(t["shape"])
    y = model.predict(x, verbose=0)
    # Saved and loaded by Keras it is the same.
    model.save(input["folder"] + "/model.keras")
    again = keras.models.load_model(input["folder"] + "/model.keras").predict(x, verbose=0)
    assert np.abs(y - again).max() <= 1e-6 * np.abs(y).max(), t["name"]
    return y
predictions = [of(t).ravel().tolist() for t in input["tasks"]]
try:
    load_model(input["folder"] + "/odd")
except ValueError as e:
    error = str(e)
print(json.dumps({"predictions": predictions, "error": error}))`,
    { root, folder, tasks },
  );
  assert.equal(predictions.length, tasks.length);
  tasks.forEach(({ name, y }, i) => {
    // In dB, near the floor, rounding shows.
    close(predictions[i], y, name.includes("mel") ? 1e-4 : 1e-6, 1e-5);
  });
  assert.match(error, /^layer leaky_re_lu_\w+: MyOwn, expected a layer that Keras has$/);
});
