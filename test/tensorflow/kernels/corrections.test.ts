// What tfjs gets wrong, as Keras has it.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import type { LayersModel, layers, Tensor } from "@tensorflow/tfjs-node-gpu";
import { loadTensorFlow } from "../../../dist/tensorflow/load.js";
import { stepCounts } from "../../../dist/tensorflow/step/compile-steps.js";
import { close } from "../../support/close.js";
import { python } from "../../support/python.js";
import { numbers, values } from "./nets.js";

const tf = loadTensorFlow();
const folder = mkdtempSync(join(tmpdir(), "corrections-"));
after(() => rmSync(folder, { recursive: true, force: true }));

const weights = (model: LayersModel): void =>
  model.setWeights(model.getWeights().map((w, i) => tf.tensor(numbers(w.size, i + 1), w.shape)));

async function reloaded(model: LayersModel): Promise<LayersModel> {
  await model.save(`file://${folder}`);
  return await tf.loadLayersModel(`file://${folder}/model.json`);
}

/** A layer here and in Keras, with the shape of its input. */
const LAYERS: Record<string, [() => layers.Layer, string, number[]]> = {
  "softmax over the last axis": [() => tf.layers.softmax(), "Softmax()", [3, 4]],
  "separable convolution with a depth multiplier": [
    () => tf.layers.separableConv2d({ filters: 3, kernelSize: 3, depthMultiplier: 2 }),
    "SeparableConv2D(3, 3, depth_multiplier=2)",
    [5, 5, 2],
  ],
  ...Object.fromEntries(
    ["gelu_new", "gelu", "mish", "swish", "softplus", "selu"].map((activation) => [
      `activation ${activation}`,
      [
        () => tf.layers.dense({ units: 4, activation: activation as "relu" }),
        activation === "gelu_new"
          ? "Dense(4, activation=lambda x: keras.activations.gelu(x, approximate=True))"
          : `Dense(4, activation="${activation}")`,
        [3],
      ] as [() => layers.Layer, string, number[]],
    ]),
  ),
};

test("layers are what Keras's are, and the same when they were saved and loaded", async () => {
  const made = Object.values(LAYERS).map(([make, code, shape]) => {
    const model = tf.sequential({ layers: [tf.layers.inputLayer({ inputShape: shape }), make()] });
    weights(model);
    const x = tf.tensor(numbers(2 * shape.reduce((a, b) => a * b), 9), [2, ...shape]);
    return { model, x, code };
  });
  const expected: number[][] = python(
    `import numpy as np, keras
def run(code, shape, x, weights):
    layer = eval("keras.layers." + code)
    x = np.array(x, "f").reshape(shape)
    layer.build(x.shape)
    layer.set_weights([np.array(w, "f").reshape(v.shape) for w, v in zip(weights, layer.weights)])
    return np.asarray(layer(x)).ravel().tolist()
print(json.dumps([run(*task) for task in input]))`,
    made.map(({ model, x, code }) => [code, x.shape, values([x])[0], values(model.getWeights())]),
  );
  for (const [i, { model, x }] of made.entries()) {
    close((model.predict(x) as Tensor).dataSync(), expected[i]!, 1e-6, 1e-5);
    close(((await reloaded(model)).predict(x) as Tensor).dataSync(), expected[i]!, 1e-6, 1e-5);
  }
});

test("dilated convolutions have TensorFlow's gradients", () => {
  const cases = [
    { x: [2, 9, 8, 2], w: [3, 2, 2, 3], dilation: [2, 3], pad: "same" },
    { x: [2, 9, 8, 1], w: [2, 2, 1, 4], dilation: [2, 2], pad: "valid" },
    { x: [2, 30, 3], w: [3, 3, 2], dilation: [4], pad: "same" },
  ] as const;
  const size = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);
  const expected: { dx: number[]; dw: number[] }[] = python(
    `import numpy as np, tensorflow as tf
def run(c):
    x, w = (tf.constant(np.array(c[k + "s"], "f").reshape(c[k])) for k in "xw")
    with tf.GradientTape() as tape:
        tape.watch([x, w])
        y = tf.reduce_sum(tf.sin(tf.nn.convolution(x, w, padding=c["pad"].upper(), dilations=c["dilation"])))
    return {k: g.numpy().ravel().tolist() for k, g in zip(["dx", "dw"], tape.gradient(y, [x, w]))}
print(json.dumps([run(c) for c in input]))`,
    cases.map((c) => ({ ...c, xs: numbers(size(c.x), 1), ws: numbers(size(c.w), 2) })),
  );
  cases.forEach(({ x, w, dilation, pad }, i) => {
    tf.tidy(() => {
      const y = (x: Tensor, w: Tensor): Tensor =>
        tf.sum(
          tf.sin(
            dilation.length === 1
              ? tf.conv1d(x as never, w as never, 1, pad, "NWC", dilation[0])
              : tf.conv2d(x as never, w as never, 1, pad, "NHWC", [...dilation]),
          ),
        );
      const given = [tf.tensor(numbers(size(x), 1), [...x]), tf.tensor(numbers(size(w), 2), [...w])];
      const [dx, dw] = tf.grads(y)(given) as [Tensor, Tensor];
      close(dx.dataSync(), expected[i]!.dx, 2e-6, 1e-5);
      close(dw.dataSync(), expected[i]!.dw, 1e-5, 1e-5);
    });
  });
});

/** A classifier of frames with two outputs, or one. */
function net(outputs: 1 | 2): LayersModel {
  const x = tf.input({ shape: [5, 3] });
  const frames = tf.layers.dense({ units: 4, activation: "softmax", name: "frames" }).apply(x);
  const whole = tf.layers.dense({ units: 2, name: "whole" }).apply(tf.layers.flatten().apply(x));
  const model = tf.model({ inputs: x, outputs: (outputs === 2 ? [frames, whole] : frames) as never });
  weights(model);
  const losses = ["categoricalCrossentropy", "meanSquaredError"].slice(0, outputs);
  model.compile({ optimizer: tf.train.sgd(0.5), loss: losses, metrics: [] });
  return model;
}

const COUNT = 6;
const x = tf.tensor(numbers(COUNT * 15, 20), [COUNT, 5, 3]);
const frames = tf
  .oneHot(
    tf
      .range(0, COUNT * 5)
      .mod(4)
      .toInt(),
    4,
  )
  .toFloat()
  .reshape([COUNT, 5, 4]);
const whole = tf.tensor(numbers(COUNT * 2, 21), [COUNT, 2]);
const perExample = tf.tensor1d([0, 1, 2, 0.5, 3, 1]);
const perFrame = tf.tensor(numbers(COUNT * 5, 22).map(Math.abs), [COUNT, 5]);

const WEIGHTED = `import numpy as np, keras
a = {k: np.array(v["values"], "f").reshape(v["shape"]) for k, v in input["arrays"].items()}
def run(outputs, weights):
    x = keras.Input((5, 3))
    frames = keras.layers.Dense(4, activation="softmax", name="frames")(x)
    whole = keras.layers.Dense(2, name="whole")(keras.layers.Flatten()(x))
    both = [frames, whole][:outputs]
    model = keras.Model(x, both if outputs > 1 else frames)
    model.set_weights([np.array(w, "f").reshape(v.shape) for w, v in zip(input["weights"], model.weights)])
    model.compile(optimizer=keras.optimizers.SGD(0.5), loss=["categorical_crossentropy", "mse"][:outputs])
    y = [a["frames"], a["whole"]] if outputs > 1 else a["frames"]
    w = a[weights[0]] if weights[0] == "perFrame" else a[weights[0]][:, None] # Keras 3 asks for the frames' axis
    losses = [float(np.ravel(model.train_on_batch(a["x"], y, sample_weight=w))[0]) for _ in range(6)]
    return {"losses": losses, "weights": [np.asarray(v).ravel().tolist() for v in model.get_weights()],
        "evaluated": float(np.ravel(model.evaluate(a["x"], y, sample_weight=w, batch_size=6, verbose=0))[0])}
print(json.dumps([run(*task) for task in input["tasks"]]))`;

test("weights of single examples count as in Keras, in arrays and in batches of a dataset", async () => {
  const arrays = { x, frames, whole, perExample, perFrame };
  const tasks: [1 | 2, (keyof typeof arrays)[]][] = [
    [1, ["perExample"]],
    [1, ["perFrame"]],
  ];
  const expected: { losses: number[]; weights: number[][]; evaluated: number }[] = python(WEIGHTED, {
    arrays: Object.fromEntries(Object.entries(arrays).map(([k, t]) => [k, { shape: t.shape, values: values([t])[0] }])),
    weights: values(net(2).getWeights()),
    tasks,
  });
  for (const [i, [, [name]]] of tasks.entries()) {
    const { losses, evaluated, weights } = expected[i]!;
    const check = (model: LayersModel, found: number[]): void => {
      close(found, losses, 1e-6, 1e-5);
      values(model.getWeights()).forEach((w, k) => {
        close(w, weights[k]!, 1e-5, 1e-5);
      });
      assert.equal(stepCounts(tf, model)!.whole, 3);
    };
    const sampleWeight = arrays[name!];
    const once = { batchSize: COUNT, shuffle: false, verbose: 0, epochs: 6 } as const;
    const model = net(1);
    const before = tf.memory().numTensors;
    const { history } = await model.fit(x, frames, { ...once, sampleWeight: sampleWeight as never });
    assert.equal(tf.memory().numTensors, before);
    check(model, history.loss as number[]);
    const found = model.evaluate(x, frames, { batchSize: COUNT, sampleWeight } as never) as Tensor;
    close(found.dataSync(), [evaluated], 1e-6, 1e-5);

    const other = net(1);
    const batch = () => ({ xs: x.clone(), ys: frames.clone(), sampleWeight: sampleWeight.clone() });
    const dataset = tf.data.generator(function* () {
      yield batch();
    });
    const kept = tf.memory().numTensors;
    const trained = await other.fitDataset(dataset, { epochs: 6, verbose: 0 });
    assert.equal(tf.memory().numTensors, kept);
    check(other, trained.history.loss as number[]);
    const again = (await other.evaluateDataset(dataset as never, {} as never)) as Tensor;
    close(again.dataSync(), [evaluated], 1e-6, 1e-5);
  }
});

test("weights of several outputs, of frames and of whole examples, belong to them by name; one too few is an error", async () => {
  const model = net(2);
  const all = { batchSize: COUNT, shuffle: false, verbose: 0 } as const;
  const sampleWeight = { whole: perExample, frames: perFrame } as never;
  const { history } = await model.fit(x, [frames, whole], { ...all, sampleWeight });
  const separate = async (output: "frames" | "whole"): Promise<number> => {
    const one = net(2);
    const zero = tf.zerosLike(output === "frames" ? perExample : perFrame);
    const given = output === "frames" ? { frames: perFrame, whole: zero } : { frames: zero, whole: perExample };
    return (await one.fit(x, [frames, whole], { ...all, sampleWeight: given as never })).history.loss![0] as number;
  };
  close(history.loss as number[], [(await separate("frames")) + (await separate("whole"))], 1e-5, 1e-5);
  await assert.rejects(
    model.fit(x, [frames, whole], { ...all, sampleWeight: { whole: perExample } as never }),
    /^DatasetError: sampleWeight: .*expected a tensor for each output: frames,whole$/,
  );
});
