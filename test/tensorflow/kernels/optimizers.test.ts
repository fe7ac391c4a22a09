import assert from "node:assert/strict";
import { test } from "node:test";
import type { LayersModel, Optimizer } from "@tensorflow/tfjs-node-gpu";
import { clipGradients, type GradientClip } from "../../../dist/tensorflow/kernels/optimizers.js";
import { loadTensorFlow } from "../../../dist/tensorflow/load.js";
import { stepCounts } from "../../../dist/tensorflow/step/compile-steps.js";
import { close } from "../../support/close.js";
import { python } from "../../support/python.js";
import { numbers, values } from "./nets.js";

const tf = loadTensorFlow();
const { train } = tf;
const STEPS = 8;
const EPSILON = 1e-7;

function clip(how: GradientClip): Optimizer {
  const adam = train.adam(0.01);
  assert.ok(clipGradients(adam, how));
  return adam;
}

/** An optimizer here, and how Keras makes it. */
const OPTIMIZERS: Record<string, [() => Optimizer, string]> = {
  sgd: [() => train.sgd(0.1), "SGD(0.1)"],
  momentum: [() => train.momentum(0.1, 0.9), "SGD(0.1, momentum=0.9)"],
  nesterov: [() => train.momentum(0.1, 0.9, true), "SGD(0.1, momentum=0.9, nesterov=True)"],
  adagrad: [() => train.adagrad(0.1), "Adagrad(0.1)"],
  adadelta: [() => train.adadelta(1, 0.95, EPSILON), "Adadelta(1.0, rho=0.95)"],
  rmsprop: [() => train.rmsprop(0.01, 0.9, 0, EPSILON), "RMSprop(0.01)"],
  "rmsprop with momentum": [() => train.rmsprop(0.01, 0.9, 0.5, EPSILON), "RMSprop(0.01, momentum=0.5)"],
  "rmsprop, centered": [() => train.rmsprop(0.01, 0.9, 0, EPSILON, true), "RMSprop(0.01, centered=True)"],
  adam: [() => train.adam(0.01), "Adam(0.01)"],
  "adam, each gradient's length bounded": [() => clip({ norm: 0.3 }), "Adam(0.01, clipnorm=0.3)"],
  "adam, the gradients' length bounded": [() => clip({ globalNorm: 0.5 }), "Adam(0.01, global_clipnorm=0.5)"],
  "adam, the gradients' numbers bounded": [() => clip({ value: 0.1 }), "Adam(0.01, clipvalue=0.1)"],
  adamax: [() => train.adamax(0.01, 0.9, 0.999, EPSILON), "Adamax(0.01)"],
};

const SHAPES = [[4, 5], [5], [5, 3], [3]];
const start = SHAPES.map((shape, i) =>
  numbers(
    shape.reduce((a, b) => a * b),
    10 + i,
  ),
);
const batch = { x: numbers(6 * 4, 1), y: numbers(6 * 3, 2) };

interface Trained {
  losses: number[];
  weights: number[][];
}

const keras: Record<string, Trained> = python(
  `
import numpy as np, keras
def train(make):
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(5, activation="tanh"), keras.layers.Dense(3)])
    model.set_weights([np.array(w, "f").reshape(v.shape) for w, v in zip(input["start"], model.weights)])
    model.compile(optimizer=eval("keras.optimizers." + make), loss="mse")
    x, y = np.array(input["x"], "f").reshape(6, 4), np.array(input["y"], "f").reshape(6, 3)
    losses = [float(model.train_on_batch(x, y)) for _ in range(${STEPS})]
    return {"losses": losses, "weights": [np.asarray(w).ravel().tolist() for w in model.get_weights()]}
print(json.dumps({name: train(make) for name, make in input["optimizers"].items()}))
`,
  {
    start,
    ...batch,
    optimizers: Object.fromEntries(Object.entries(OPTIMIZERS).map(([name, [, make]]) => [name, make])),
  },
);

function net(optimizer: Optimizer): LayersModel {
  const model = tf.sequential({
    layers: [tf.layers.dense({ units: 5, inputShape: [4], activation: "tanh" }), tf.layers.dense({ units: 3 })],
  });
  model.setWeights(start.map((weight, i) => tf.tensor(weight, SHAPES[i]!)));
  model.compile({ optimizer, loss: "meanSquaredError" });
  return model;
}

async function steps(model: LayersModel, count: number): Promise<number[]> {
  const losses: number[] = [];
  for (let i = 0; i < count; i++) {
    losses.push((await model.trainOnBatch(tf.tensor2d(batch.x, [6, 4]), tf.tensor2d(batch.y, [6, 3]))) as number);
  }
  return losses;
}

for (const [name, [make]] of Object.entries(OPTIMIZERS)) {
  test(`steps equal Keras's: ${name}`, async () => {
    const model = net(make());
    close(await steps(model, STEPS), keras[name]!.losses, 1e-6, 1e-5);
    values(model.getWeights()).forEach((w, i) => {
      close(w, keras[name]!.weights[i]!, 1e-5, 1e-5);
    });
    // The first ones by each op, the others as a function.
    assert.equal(stepCounts(tf, model)!.whole, STEPS - 3);
  });

  test(`an optimizer goes on from what was saved of another: ${name}`, async () => {
    const model = net(make());
    const other = net(make());
    const losses = await steps(model, 3);
    other.setWeights(model.getWeights());
    await other.optimizer.setWeights(await model.optimizer.getWeights());
    losses.push(...(await steps(other, STEPS - 3)));
    close(losses, keras[name]!.losses, 1e-6, 1e-5);
    assert.equal(other.optimizer.iterations, STEPS);
  });
}
