import assert from "node:assert/strict";
import { test } from "node:test";
import type { LayersModel, Scalar, SGDOptimizer, Tensor, Variable } from "@tensorflow/tfjs-node-gpu";
import { loadTensorFlow } from "../../../dist/tensorflow/load.js";
import { stepCounts, withSingleOps } from "../../../dist/tensorflow/step/compile-steps.js";

const tf = loadTensorFlow();
const PLAIN = { skip: process.env.DEEP_AUDIO_PLAIN_TFJS ? "TensorFlow.js is as it is" : false };

/** A dense net of 4 inputs and 3 outputs that begins the same every time. */
function net(optimizer = tf.train.adam(0.01) as object, units = 5): LayersModel {
  const weight = (seed: number): object => ({ kernelInitializer: tf.initializers.glorotUniform({ seed }) });
  const model = tf.sequential({
    layers: [
      tf.layers.dense({ units, activation: "relu", inputShape: [4], ...weight(1) }),
      tf.layers.dense({ units: 3, ...weight(2) }),
    ],
  });
  model.compile({ optimizer: optimizer as SGDOptimizer, loss: "meanSquaredError" });
  return model;
}

const batch = (step: number, size = 6): [Tensor, Tensor] => [
  tf.randomNormal([size, 4], 0, 1, "float32", 2 * step + 1),
  tf.randomNormal([size, 3], 0, 1, "float32", 2 * step + 2),
];

/** Trains some steps; `between` does something before each. */
async function train(
  model: LayersModel,
  steps: number,
  between: (step: number) => unknown = () => {},
): Promise<number[]> {
  const losses: number[] = [];
  for (let i = 0; i < steps; i++) {
    await between(i);
    losses.push((await model.trainOnBatch(...batch(i))) as number);
  }
  return losses;
}

const weightsOf = (model: LayersModel): number[] => model.getWeights().flatMap((w) => Array.from(w.dataSync()));

function assertClose(actual: number[], expected: number[]): void {
  assert.equal(actual.length, expected.length);
  const wrong = actual.findIndex((x, i) => !(Math.abs(x - expected[i]!) < 1e-5));
  assert.ok(wrong < 0, `${wrong}: ${actual[wrong]}, expected ${expected[wrong]}`);
}

/** Trains as one function and op by op, and compares losses and weights. */
async function sameBothWays(
  make: () => LayersModel,
  steps: number,
  between: (model: LayersModel, step: number) => unknown,
): Promise<LayersModel> {
  const single = make();
  const expected = await withSingleOps(tf, single, () => train(single, steps, (step) => between(single, step)));
  const model = make();
  assertClose(await train(model, steps, (step) => between(model, step)), expected);
  assertClose(weightsOf(model), weightsOf(single));
  return model;
}

test("a learning rate that changes is the function's argument", PLAIN, async () => {
  const setRate = (model: LayersModel, step: number): void => {
    (model.optimizer as unknown as { learningRate: number }).learningRate = 0.01 / (step + 1);
  };
  const model = await sameBothWays(net, 9, setRate);
  const { whole, single: byOps } = stepCounts(tf, model)!;
  assert.deepEqual([whole, byOps], [6, 3]);
  await sameBothWays(
    () => net(tf.train.sgd(0.1)),
    9,
    (model, step) => (model.optimizer as SGDOptimizer).setLearningRate(0.1 / (step + 1)),
  );
});

test("weights set from outside are seen", PLAIN, async () => {
  const model = await sameBothWays(net, 9, (model, step) => {
    if (step % 3 === 2) model.setWeights(model.getWeights().map((weight) => weight.mul(0.5)));
  });
  assert.equal(stepCounts(tf, model)!.whole, 6);
});

test("what is trained, the loss and the optimizer may change", PLAIN, async () => {
  const counts: number[] = [];
  const change = (model: LayersModel, step: number): void => {
    if (step % 5 !== 4) return;
    counts.push(stepCounts(tf, model)!.whole);
    model.layers[0]!.trainable = step % 2 === 1;
    const loss = step % 2 === 1 ? "meanAbsoluteError" : "meanSquaredError";
    model.compile({ optimizer: tf.train.rmsprop(0.01), loss });
  };
  const make = (): LayersModel => {
    // A sequential model makes a new one inside of it each time it is compiled.
    const { inputs, outputs, optimizer } = net();
    const model = tf.model({ inputs, outputs });
    model.compile({ optimizer, loss: "meanSquaredError" });
    return model;
  };
  await sameBothWays(make, 20, change);
  assert.deepEqual(counts, [0, 0, 0, 0, 1, 3, 5, 7]);
});

test("a layer's own settings may change", PLAIN, async () => {
  const make = (): LayersModel => {
    const model = tf.sequential({
      layers: [
        tf.layers.dense({ units: 4, inputShape: [4], kernelInitializer: "ones" }),
        tf.layers.leakyReLU({ alpha: 0.1 }),
        tf.layers.dense({ units: 3, kernelInitializer: "ones" }),
      ],
    });
    model.compile({ optimizer: tf.train.sgd(0.01), loss: "meanSquaredError" });
    return model;
  };
  await sameBothWays(make, 14, (model, step) => {
    if (step === 6) (model.layers[1] as unknown as { alpha: number }).alpha = 0.9;
    const { activation } = tf.layers.dense({ units: 1, activation: "tanh" }) as unknown as { activation: object };
    if (step === 10) Object.assign(model.layers[0]!, { activation });
  });
});

test("a number that changes where nobody sees it is found when the step is recorded again", PLAIN, async () => {
  let scale = 1;
  const scaled = tf.sequential({ layers: [tf.layers.dense({ units: 3, inputShape: [4] })] });
  const loss = (target: Tensor, output: Tensor): Tensor => target.sub(output).mul(scale).square().mean(-1);
  scaled.compile({ optimizer: tf.train.sgd(0.01), loss });
  await train(scaled, 60);
  assert.equal(stepCounts(tf, scaled)!.whole, 57);
  scale = 2;
  await train(scaled, 10);
  const { whole, reasons } = stepCounts(tf, scaled)!;
  assert.equal(whole, 61);
  assert.match([...reasons].join(), /^the loss, a metric or the optimizer makes numbers in JavaScript that are others/);
});

test("a training goes on from a saved optimizer", PLAIN, async () => {
  const model = net();
  const saved: { weights?: Tensor[]; optimizer?: { name: string; tensor: Tensor }[] } = {};
  const expected = await train(model, 12, async (step) => {
    if (step !== 6) return;
    saved.weights = model.getWeights().map((weight) => weight.clone());
    saved.optimizer = (await model.optimizer.getWeights()).map(({ name, tensor }) => ({
      name,
      tensor: tensor.clone(),
    }));
  });
  const other = net();
  // Its function worked on resources that restoring replaces.
  await train(other, 5);
  other.setWeights(saved.weights!);
  await other.optimizer.setWeights(saved.optimizer!);
  const losses: number[] = [];
  for (let i = 6; i < 12; i++) losses.push((await other.trainOnBatch(...batch(i))) as number);
  assertClose(losses, expected.slice(6));
  assertClose(weightsOf(other), weightsOf(model));
  assert.equal(other.optimizer.iterations, 12);
});

test("input and target may be the same tensor once, and two the next time", PLAIN, async () => {
  const make = (): LayersModel => {
    const model = tf.sequential({
      layers: [tf.layers.dense({ units: 4, inputShape: [4], kernelInitializer: "ones" })],
    });
    model.compile({ optimizer: tf.train.sgd(0.01), loss: "meanSquaredError" });
    return model;
  };
  const losses = async (model: LayersModel): Promise<number[]> => {
    const all: number[] = [];
    for (let i = 0; i < 8; i++) {
      const [x] = batch(i);
      all.push((await model.trainOnBatch(x, i < 4 ? x : x.mul(2))) as number);
    }
    return all;
  };
  const single = make();
  const expected = await withSingleOps(tf, single, () => losses(single));
  assertClose(await losses(make()), expected);
});

test("batches of several sizes have a function each, and more of them than are kept are right", PLAIN, async () => {
  const single = net();
  const model = net();
  const sizes = Array.from({ length: 5 * 40 }, (_, i) => 1 + (i % 40));
  const run = async (model: LayersModel): Promise<number[]> => {
    const losses: number[] = [];
    for (const [i, size] of sizes.entries()) losses.push((await model.trainOnBatch(...batch(i, size))) as number);
    return losses;
  };
  assertClose(await run(model), await withSingleOps(tf, single, () => run(single)));
});

test("predicting in parts gives what predicting at once gives", PLAIN, () => {
  const model = net();
  const [x] = batch(1, 10);
  const whole = model.predict(x) as Tensor;
  for (let i = 0; i < 5; i++)
    assertClose(Array.from((model.predict(x, { batchSize: 4 }) as Tensor).dataSync()), Array.from(whole.dataSync()));
  assert.ok(stepCounts(tf, model)!.whole > 0);
});

test("a gradient by hand goes through a prediction, and through a model's layers", PLAIN, () => {
  const model = net();
  const [x] = batch(1);
  for (let i = 0; i < 6; i++) tf.dispose(model.predict(x));
  const of = (output: (x: Tensor) => Tensor): number[] =>
    Array.from((tf.grad((x) => output(x).square().sum() as Scalar)(x) as Tensor).dataSync());
  assertClose(
    of((x) => model.predict(x) as Tensor),
    of((x) => model.apply(x) as Tensor),
  );
});

test("steps leave no tensor behind, and a model that is gone none of its variables", PLAIN, async () => {
  const before = tf.memory().numTensors;
  const model = net();
  const [x, y] = batch(1);
  let after = 0;
  for (let i = 0; i < 20; i++) {
    await model.trainOnBatch(x, y);
    tf.dispose([model.predict(x), model.evaluate(x, y)]);
    if (i === 2) after = tf.memory().numTensors;
  }
  assert.equal(tf.memory().numTensors, after);
  model.optimizer.dispose();
  model.dispose();
  tf.dispose([x, y]);
  // tfjs's Adam keeps the two scalars that its variables were made of.
  assert.ok(tf.memory().numTensors - before <= 2, `${tf.memory().numTensors - before} tensors`);
});

test("an error names the layer, and the step after it is right", PLAIN, async () => {
  const model = tf.sequential({
    layers: [tf.layers.embedding({ inputDim: 5, outputDim: 2, inputLength: 3, name: "words" }), tf.layers.flatten()],
  });
  model.compile({ optimizer: tf.train.sgd(0.1), loss: "meanSquaredError" });
  const x = tf.tensor2d([[0, 1, 4]]);
  const y = tf.zeros([1, 6]);
  const losses: number[] = [];
  for (let i = 0; i < 6; i++) losses.push((await model.trainOnBatch(x, y)) as number);
  assert.equal(stepCounts(tf, model)!.whole, 3);
  await assert.rejects(
    model.trainOnBatch(tf.tensor2d([[0, 1, 5]]), y),
    /words\/GatherV2.*|indices\[0,2\] = 5 is not in \[0, 5\)/,
  );
  assert.ok(((await model.trainOnBatch(x, y)) as number) < losses.at(-1)!);
});

test("variables that began as one tensor stay two", PLAIN, async () => {
  const zero = tf.zeros([3]);
  const variables: Variable[] = [tf.variable(zero), tf.variable(zero)];
  await sameBothWays(net, 6, () => variables[0]!.assign(variables[0]!.add(1)));
  assert.deepEqual(Array.from(variables[1]!.dataSync()), [0, 0, 0]);
});

test("a layer's call hook sees every step, also of a model within a model", PLAIN, async () => {
  const inner = net();
  const model = tf.sequential({ layers: [inner, tf.layers.dense({ units: 3 })] });
  model.compile({ optimizer: "sgd", loss: "meanSquaredError" });
  const seen: unknown[] = [];
  inner.layers[0]!.setCallHook((_inputs, options) => seen.push((options as { training?: boolean }).training));
  await train(model, 6);
  assert.deepEqual(seen, [true, true, true, true, true, true]);
  const { whole, reasons } = stepCounts(tf, model)!;
  assert.equal(whole, 0);
  assert.match([...reasons].join(), /^layer "\w+" \(Dense\) has a call hook$/);
  inner.layers[0]!.clearCallHook();
  await train(model, 6);
  assert.ok(stepCounts(tf, model)!.whole > 0);
  assert.equal(seen.length, 6);
});
