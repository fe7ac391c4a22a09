import assert from "node:assert/strict";
import { test } from "node:test";
import type { LayersModel, Tensor } from "@tensorflow/tfjs-node-gpu";
import { seedSteps } from "../../../dist/tensorflow/kernels/step-inputs.js";
import { loadTensorFlow } from "../../../dist/tensorflow/load.js";
import { stepCounts, withSingleOps } from "../../../dist/tensorflow/step/compile-steps.js";
import { NETS, type Net } from "./nets.js";

const tf = loadTensorFlow();
const PLAIN = { skip: process.env.DEEP_AUDIO_PLAIN_TFJS ? "TensorFlow.js is as it is" : false };
const STEPS = 8;

/** A batch that looks random and is the same every time. */
function batch(shapes: number[][], seed: number, below?: number): Tensor[] {
  return shapes.map((shape, i) => {
    const numbers = tf.randomUniform(shape, 0, below ?? 1, "float32", seed + i);
    return below ? numbers.floor() : numbers;
  });
}

function compiled(net: Net, weights?: Tensor[]): LayersModel {
  const model = net.make();
  if (weights) model.setWeights(weights);
  const loss = net.loss ?? "meanSquaredError";
  model.compile({ optimizer: net.optimizer?.() ?? tf.train.adam(0.01), loss, metrics: net.metrics ?? [] });
  return model;
}

/** Trains some steps, other batches and another seed in each, and gives the losses. */
async function train(model: LayersModel, net: Net, steps = STEPS, from = 0): Promise<number[]> {
  const losses: number[] = [];
  for (let i = from; i < from + steps; i++) {
    seedSteps(tf, i);
    losses.push(
      ...[await model.trainOnBatch(batch(net.x, 100 * i, net.whole), batch(net.y, 100 * i + 50, net.classes))].flat(),
    );
  }
  seedSteps(tf, undefined);
  return losses;
}

const valuesOf = (tensors: Tensor[]): number[] => tensors.flatMap((tensor) => Array.from(tensor.dataSync()));

/** Differences in parts of the largest number; NaN where one side has one. */
function apart(a: number[], b: number[]): number {
  assert.equal(a.length, b.length);
  const largest = Math.max(...a.map(Math.abs));
  return Math.max(...a.map((x, i) => Math.abs(x - b[i]!))) / Math.max(largest, Number.MIN_VALUE);
}

for (const [name, net] of Object.entries(NETS)) {
  test(`as one function a step comes to what its ops come to: ${name}`, PLAIN, async () => {
    const x = batch(net.x, 1, net.whole);
    const y = batch(net.y, 2, net.classes);
    const after = async (model: LayersModel): Promise<Record<string, number[]>> => {
      const losses = await train(model, net);
      const weights = valuesOf(model.getWeights());
      const again = (what: () => Tensor | Tensor[]): number[] =>
        Array.from({ length: 6 }, (_, i) => {
          seedSteps(tf, i);
          return valuesOf([what()].flat());
        }).flat();
      const predicted = again(() => model.predict(x));
      const evaluated = again(() => model.evaluate(x, y, { batchSize: x[0]!.shape[0]! }));
      return { losses, weights, predicted, evaluated };
    };
    const single = compiled(net);
    const weights = single.getWeights().map((weight) => weight.clone());
    single.setWeights(weights);
    const byOps = await withSingleOps(tf, single, () => after(single));
    const model = compiled(net, weights);
    const whole = await after(model);
    const { whole: count, reasons } = stepCounts(tf, model)!;
    if (net.eager) {
      assert.equal(count, 0);
      assert.match([...reasons].join("; "), net.eager);
      return;
    }
    assert.deepEqual([...reasons], []);
    assert.equal(count, STEPS - 3 + 2 * (6 - 4));
    for (const part in byOps) {
      assert.ok(byOps[part]!.every(Number.isFinite), part);
      assert.ok(apart(byOps[part]!, whole[part]!) < 1e-4, `${part}: ${apart(byOps[part]!, whole[part]!)}`);
    }
  });
}
