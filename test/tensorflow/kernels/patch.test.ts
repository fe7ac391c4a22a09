import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { TFJS_VERSION } from "../../../dist/tensorflow/kernels/patch.js";
import { close } from "../../support/close.js";
import { python, root } from "../../support/python.js";

const TFJS = '(require("util").isNullOrUndefined = (v) => v == null, require("@tensorflow/tfjs-node-gpu"))';

/** Runs code in a process of its own; gives what it printed last, as JSON, and its warnings. */
function child<T>(code: string, env: NodeJS.ProcessEnv = {}): { value: T; stderr: string } {
  const library = JSON.stringify(join(root, "dist", "index.js"));
  const body = `const LIBRARY = ${library};\n(async () => {${code}})();`;
  const run = spawnSync(process.execPath, ["-e", body], {
    cwd: root,
    encoding: "utf8",
    env: { ...process.env, DEEP_AUDIO_PLAIN_TFJS: "", ...env },
  });
  assert.equal(run.status, 0, run.stderr);
  return { value: JSON.parse(run.stdout.trimEnd().split("\n").pop()!) as T, stderr: run.stderr };
}

test("a model compiled before the library is loaded trains as Keras does, and keeps its optimizer's state", () => {
  const { value } = child<{ sure: number[]; weighted: number[]; adam: number[] }>(`
    const tf = ${TFJS};
    const dense = (units, activation, optimizer, loss) => {
      const model = tf.sequential({ layers: [tf.layers.dense({ inputShape: [2], units, activation, useBias: false })] });
      model.compile({ optimizer, loss, metrics: ["accuracy"] });
      model.setWeights([tf.tensor([3, -1, 0.5, 2].slice(0, 2 * units), [2, units])]);
      return model;
    };
    const x = () => tf.tensor2d([[1, 1], [0.5, -2]]);
    const y = () => tf.tensor2d([[0, 1], [1, 0]]);
    const sure = dense(2, "softmax", tf.train.sgd(1), "categoricalCrossentropy");
    sure.setWeights([tf.tensor2d([[100, 0], [100, 0]])]);
    const weighted = dense(2, "softmax", tf.train.sgd(1), "categoricalCrossentropy");
    weighted.setWeights([tf.tensor2d([[100, 0], [100, 0]])]);
    const adam = dense(1, "sigmoid", tf.train.adam(0.1), "binaryCrossentropy");
    const { optimizer } = adam;
    const z = () => tf.tensor2d([[1], [0]]);
    for (let i = 0; i < 3; i++) await adam.trainOnBatch(x(), z());
    const { fit } = require(LIBRARY);
    const once = { train: tf.data.array([0]).map(() => ({ xs: x(), ys: y() })), trainSteps: 1 };
    const quiet = { epochs: 1, show: false, onProgress: false };
    await fit(sure, once, quiet);
    await fit(weighted, once, { ...quiet, classWeights: [1, 0.25] });
    for (let i = 0; i < 3; i++) await adam.trainOnBatch(x(), z());
    if (adam.optimizer !== optimizer) throw new Error("another optimizer");
    const weights = (model) => Array.from(model.getWeights()[0].dataSync());
    console.log(JSON.stringify({ sure: weights(sure), weighted: weights(weighted), adam: weights(adam) }));`);
  const expected = python(`
import numpy as np, keras
x = np.array([[1, 1], [0.5, -2]], "f"); y = np.array([[0, 1], [1, 0]], "f"); z = np.array([[1], [0]], "f")
def dense(units, activation, optimizer, loss, weights):
    m = keras.Sequential([keras.Input((2,)), keras.layers.Dense(units, activation=activation, use_bias=False)])
    m.set_weights([np.array(weights, "f").reshape(2, units)])
    m.compile(optimizer=optimizer, loss=loss)
    return m
sgd = keras.optimizers.SGD
sure = dense(2, "softmax", sgd(1.0), "categorical_crossentropy", [100, 0, 100, 0])
sure.train_on_batch(x, y)
weighted = dense(2, "softmax", sgd(1.0), "categorical_crossentropy", [100, 0, 100, 0])
weighted.train_on_batch(x, y, class_weight={0: 1.0, 1: 0.25})
adam = dense(1, "sigmoid", keras.optimizers.Adam(0.1), "binary_crossentropy", [3, -1])
for i in range(6): adam.train_on_batch(x, z)
flat = lambda m: m.get_weights()[0].ravel().tolist()
print(json.dumps({"sure": flat(sure), "weighted": flat(weighted), "adam": flat(adam)}))`);
  for (const name of ["sure", "weighted", "adam"] as const) close(value[name], expected[name], 1e-5, 1e-5);
});

/** What is patched of tfjs, as a list of functions. */
const PATCHED = `const functions = (tf) => [
  ...["Round", "BatchMatMul"].map((name) => tf.getKernel(name, "tensorflow").kernelFunc),
  ...["Relu", "Conv2D"].map((name) => tf.getGradient(name).gradFunc),
  ...["compile", "makeTrainFunction"].map((name) => tf.LayersModel.prototype[name]),
  tf.AdamOptimizer.prototype.applyGradients,
  tf.serialization.SerializationMap.getMap().classNameMap.Dense[0].prototype.call,
  tf.LayersModel.prototype.predictLoop,
];`;

test("a second copy of the library patches nothing again", () => {
  const folder = mkdtempSync(join(tmpdir(), "copy-"));
  try {
    cpSync(join(root, "dist"), join(folder, "dist"), { recursive: true });
    cpSync(join(root, "package.json"), join(folder, "package.json"));
    symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
    const { value } = child<boolean[]>(`${PATCHED}
      const tf = ${TFJS};
      const plain = functions(tf);
      require(LIBRARY).loadTensorFlow();
      const fit = tf.LayersModel.prototype.fit;
      const first = functions(tf);
      const again = require(${JSON.stringify(join(folder, "dist", "index.js"))}).loadTensorFlow();
      const second = functions(again);
      console.log(JSON.stringify([again === tf, fit === tf.LayersModel.prototype.fit,
        ...first.map((f, i) => f === second[i] && f !== plain[i])]));`);
    assert.deepEqual(value, new Array(value.length).fill(true));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test("another version of TensorFlow.js is named in one warning and left as it is", () => {
  const code = (before: string): string => `${PATCHED}
    const tf = ${TFJS};
    ${before}
    const plain = functions(tf);
    const { loadTensorFlow } = require(LIBRARY);
    loadTensorFlow();
    const same = functions(loadTensorFlow()).every((f, i) => f === plain[i]);
    const model = tf.sequential({ layers: [tf.layers.dense({ inputShape: [1], units: 1, kernelInitializer: "zeros" })] });
    model.compile({ optimizer: tf.train.sgd(0.5), loss: "meanSquaredError" });
    await model.fit(tf.tensor2d([[1]]), tf.tensor2d([[1]]), { verbose: 0 });
    console.log(JSON.stringify([same, model.getWeights()[0].dataSync()[0]]));`;
  const { value, stderr } = child<[boolean, number]>(code('tf.version["tfjs-layers"] = "4.21.0";'));
  // The slope of (w − 1)² at 0 is −2.
  assert.deepEqual(value, [true, 1]);
  const warnings = stderr.split("\n").filter((line) => line.includes("TFJS_VERSION"));
  assert.equal(warnings.length, 1, stderr);
  assert.match(
    warnings[0]!,
    /TensorFlow\.js: tfjs-layers 4\.21\.0, expected 4\.22\.0\..*install @tensorflow\/tfjs-node-gpu@4\.22\.0, or set DEEP_AUDIO_PLAIN_TFJS=1/,
  );
  const usual = child<[boolean, number]>(code(""));
  assert.deepEqual(usual.value, [false, 1]);
  assert.doesNotMatch(usual.stderr, /TFJS_VERSION/);
  const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  assert.equal(manifest.dependencies["@tensorflow/tfjs-node-gpu"], TFJS_VERSION);
});

test("with DEEP_AUDIO_PLAIN_TFJS everything works, to the same losses", () => {
  const code = `
    const L = require(LIBRARY);
    const folder = require("fs").mkdtempSync(require("path").join(require("os").tmpdir(), "plain-"));
    try {
      const tf = L.loadTensorFlow();
      const dataset = new L.AudioDataset(folder, "set", { seed: 1 });
      await dataset.generate(100, 400, 20, { waves: ["sin"], chords: ["pure"], duration: 0.1, sampleRate: 8000, removeWav: true, onProgress: false });
      await dataset.load({ inputSize: 100, batchSize: 5 });
      const quiet = { epochs: 3, seed: 1, show: false, onProgress: false };
      const pairs = tf.sequential({ layers: [
        tf.layers.conv1d({ inputShape: [8, 100], filters: 8, kernelSize: 3, padding: "same", activation: "relu" }),
        tf.layers.lstm({ units: 6, returnSequences: true }),
        tf.layers.dense({ units: 100 }),
      ] });
      pairs.compile({ optimizer: tf.train.adam(0.01), loss: "meanSquaredError" });
      const first = await L.fit(pairs, dataset, quiet);
      const classes = tf.sequential({ layers: [
        tf.layers.conv2d({ inputShape: [8, 8, 1], filters: 4, kernelSize: 3, activation: "relu" }),
        tf.layers.maxPooling2d({ poolSize: 2 }),
        tf.layers.flatten(),
        tf.layers.dense({ units: 3, activation: "softmax" }),
      ] });
      classes.compile({ optimizer: tf.train.adam(0.01), loss: "categoricalCrossentropy", metrics: ["accuracy"] });
      const batch = () => ({ xs: tf.randomNormal([12, 8, 8, 1], 0, 1, "float32", 1),
        ys: tf.oneHot(tf.range(0, 12).mod(3).toInt(), 3).toFloat() });
      const source = { iterator: async () => { let n = 0; return { next: async () => n++ < 2 ? { done: false, value: batch() } : { done: true } }; } };
      const second = await L.fit(classes, { train: source, trainSteps: 2, validate: source, valSteps: 2 }, quiet);
      const judgement = await L.judge(classes, source);
      process.chdir(folder);
      L.show.confusion(judgement);
      L.show.history(second.history);
      L.show.pair([(await dataset.example(0)).target, await dataset.predict(pairs, 0)], { sampleRate: 8000 });
      console.log(JSON.stringify({ losses: [first, second].flatMap(({ history }) => [...history.loss, ...history.val_loss]),
        matrix: judgement.matrix, kernel: tf.getKernel("Round", "tensorflow").kernelFunc.toString().length }));
    } finally {
      require("fs").rmSync(folder, { recursive: true, force: true });
    }`;
  interface Came {
    losses: number[];
    matrix: number[][];
    kernel: number;
  }
  const plain = child<Came>(code, { DEEP_AUDIO_PLAIN_TFJS: "1" }).value;
  const patched = child<Came>(code).value;
  assert.notEqual(plain.kernel, patched.kernel);
  assert.equal(plain.losses.length, 12);
  close(plain.losses, patched.losses, 1e-4, 1e-4);
  assert.deepEqual(plain.matrix, patched.matrix);
});
