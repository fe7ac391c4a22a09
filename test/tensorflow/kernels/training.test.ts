import assert from "node:assert/strict";
import { test } from "node:test";
import type { LayersModel, Scalar, Tensor } from "@tensorflow/tfjs-node-gpu";
import { loadTensorFlow } from "../../../dist/tensorflow/load.js";
import { close } from "../../support/close.js";
import { python } from "../../support/python.js";
import { numbers, values } from "./nets.js";

const tf = loadTensorFlow();
const STEPS = 7;
const start = [numbers(20, 1), numbers(5, 2), numbers(10, 3), numbers(2, 4), numbers(15, 5), numbers(3, 6)];
const batch = { x: numbers(24, 7), a: numbers(12, 8), b: numbers(18, 9) };

interface Trained {
  losses: number[][];
  evaluated: number[];
  weights: number[][];
}

const KERAS = `
import numpy as np, keras
L = keras.layers
x = keras.Input((4,))
h = L.Dense(5, activation="tanh", kernel_constraint=keras.constraints.MinMaxNorm(0.5, 1.0), bias_constraint="non_neg")(x)
model = keras.Model(x, [L.Dense(2, name="a")(h), L.Dense(3, name="b", kernel_constraint=keras.constraints.UnitNorm())(h)])
model.set_weights([np.array(w, "f").reshape(v.shape) for w, v in zip(input["start"], model.weights)])
model.compile(optimizer=keras.optimizers.SGD(0.2), loss=["mse", "mae"], loss_weights=[0.25, 2.0])
x, a, b = (np.array(input[k], "f").reshape(6, -1) for k in "xab")
losses = [[float(n) for n in model.train_on_batch(x, [a, b])] for _ in range(${STEPS})]
evaluated = [float(n) for n in model.evaluate(x, [a, b], verbose=0)]
print(json.dumps({"losses": losses, "evaluated": evaluated, "weights": [np.asarray(w).ravel().tolist() for w in model.get_weights()]}))
`;

function net(lossWeights: number[] | Record<string, number>): LayersModel {
  const x = tf.input({ shape: [4] });
  const { minMaxNorm, nonNeg, unitNorm } = tf.constraints;
  const kernelConstraint = minMaxNorm({ minValue: 0.5, maxValue: 1 });
  const h = tf.layers
    .dense({ units: 5, activation: "tanh", kernelConstraint, biasConstraint: nonNeg() })
    .apply(x) as typeof x;
  const a = tf.layers.dense({ units: 2, name: "a" }).apply(h) as typeof x;
  const b = tf.layers.dense({ units: 3, name: "b", kernelConstraint: unitNorm({}) }).apply(h) as typeof x;
  const model = tf.model({ inputs: x, outputs: [a, b] });
  // As in Keras, without the constraint that setWeights applies.
  for (const [i, weight] of model.getWeights(true).entries()) {
    const variable = tf.engine().registeredVariables[model.trainableWeights[i]!.name]!;
    variable.assign(tf.tensor(start[i]!, weight.shape));
  }
  const options = { optimizer: tf.train.sgd(0.2), loss: ["meanSquaredError", "meanAbsoluteError"], lossWeights };
  model.compile(options as Parameters<LayersModel["compile"]>[0]);
  return model;
}

test("constraints, weighted losses and evaluation of two outputs are Keras's", async () => {
  const keras = python(KERAS, { start, ...batch }) as Trained;
  const [x, a, b] = [tf.tensor2d(batch.x, [6, 4]), tf.tensor2d(batch.a, [6, 2]), tf.tensor2d(batch.b, [6, 3])];
  for (const weights of [[0.25, 2], { b: 2, a: 0.25 }]) {
    const model = net(weights);
    for (const expected of keras.losses) {
      close((await model.trainOnBatch(x, [a, b])) as number[], expected, 1e-6, 2e-5);
    }
    for (let i = 0; i < 5; i++) {
      const evaluated = (model.evaluate(x, [a, b]) as Scalar[]).map((n: Tensor) => n.dataSync()[0]!);
      close(evaluated, keras.evaluated, 1e-6, 2e-5);
    }
    values(model.getWeights()).forEach((weight, i) => {
      close(weight, keras.weights[i]!, 1e-5, 1e-5);
    });
  }
});

test("weights of losses that fit no output are refused", () => {
  for (const weights of [[1], [1, 2, 3], { a: 1, c: 2 }, [Number.NaN, 1]]) {
    assert.throws(() => net(weights), {
      code: "OPTION",
      message: /^lossWeights: .*, expected a number for each output: a, b$/,
    });
  }
});
