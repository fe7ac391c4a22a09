import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import type { LayersModel, SymbolicTensor, Tensor } from "@tensorflow/tfjs-node-gpu";
import { multiHeadAttention, type MultiHeadAttentionOptions } from "../../dist/layers/multi-head-attention.js";
import { specAugment, type SpecAugmentOptions } from "../../dist/layers/spec-augment.js";
import { asStep, seedSteps } from "../../dist/tensorflow/kernels/step-inputs.js";
import { loadTensorFlow } from "../../dist/tensorflow/load.js";
import { close } from "../support/close.js";
import { python } from "../support/python.js";
import { numbers, values } from "../tensorflow/kernels/nets.js";

const tf = loadTensorFlow();
const folder = mkdtempSync(join(tmpdir(), "layers-"));
after(() => rmSync(folder, { recursive: true, force: true }));

/** Options here, what Keras is called with, and the shapes of query, value and key. */
const ATTENTION: Record<string, [MultiHeadAttentionOptions, string, string, number[][]]> = {
  "to itself": [{ numHeads: 2, keyDim: 3 }, "num_heads=2, key_dim=3", "", [[5, 4]]],
  causal: [{ numHeads: 2, keyDim: 3, causal: true }, "num_heads=2, key_dim=3", "use_causal_mask=True", [[5, 4]]],
  "to another": [
    { numHeads: 3, keyDim: 2, valueDim: 5, outputDim: 7, useBias: false },
    "num_heads=3, key_dim=2, value_dim=5, output_shape=7, use_bias=False",
    "",
    [
      [5, 4],
      [6, 3],
    ],
  ],
  "with keys of its own": [
    { numHeads: 2, keyDim: 3 },
    "num_heads=2, key_dim=3",
    "",
    [
      [5, 4],
      [6, 3],
      [6, 2],
    ],
  ],
  "to places that aren't masked": [{ numHeads: 2, keyDim: 3 }, "num_heads=2, key_dim=3", "masked", [[5, 4]]],
};

interface Attended {
  output: number[];
  gradients: number[][];
}

/** Inputs, of which some places are zeros. */
const inputsOf = (shapes: number[][]): Tensor[] =>
  shapes.map(([places, width], i) =>
    tf
      .tensor(numbers(2 * places! * width!, 30 + i), [2, places!, width!])
      .mul(tf.tensor([1, 1, 1, 0, 1, 0].slice(0, places), [places!, 1])),
  );

function attend(options: MultiHeadAttentionOptions, shapes: number[][], masked: boolean): LayersModel {
  const inputs = shapes.map((shape) => tf.input({ shape }));
  const given = inputs.map((x, i) => (masked && i === 0 ? (tf.layers.masking().apply(x) as SymbolicTensor) : x));
  const layer = multiHeadAttention(options);
  const model = tf.model({ inputs, outputs: layer.apply(given.length === 1 ? given[0]! : given) as SymbolicTensor });
  model.setWeights(model.getWeights().map((w, i) => tf.tensor(numbers(w.size, 40 + i), w.shape)));
  return model;
}

test("multi-head attention, its gradients and its weights are Keras's", async () => {
  const models = Object.values(ATTENTION).map(([options, , call, shapes]) =>
    attend(options, shapes, call === "masked"),
  );
  const expected: Attended[] = python(
    `import numpy as np, keras, tensorflow as tf
def run(options, call, inputs, weights):
    given = [tf.constant(np.array(v, "f").reshape(s)) for s, v in inputs]
    layer = eval("keras.layers.MultiHeadAttention(" + options + ")")
    value = given[1] if len(given) > 1 else given[0]
    key = given[2] if len(given) > 2 else value
    layer.build(given[0].shape, value.shape, key.shape)
    layer.set_weights([np.array(w, "f").reshape(v.shape) for w, v in zip(weights, layer.weights)])
    how = {} if call == "masked" else eval("dict(" + call + ")")
    if call == "masked": how["attention_mask"] = tf.reduce_any(value != 0, -1)[:, None, :]
    with tf.GradientTape() as tape:
        y = layer(given[0], value, key, **how)
        total = tf.reduce_sum(tf.sin(y))
    gradients = tape.gradient(total, layer.trainable_variables)
    return {"output": y.numpy().ravel().tolist(), "gradients": [g.numpy().ravel().tolist() for g in gradients]}
print(json.dumps([run(*task) for task in input]))`,
    Object.values(ATTENTION).map(([, options, call, shapes], i) => [
      options,
      call,
      inputsOf(shapes).map((x) => [x.shape, values([x])[0]]),
      values(models[i]!.getWeights()),
    ]),
  );
  for (const [i, [, , , shapes]] of Object.values(ATTENTION).entries()) {
    const model = models[i]!;
    const x = inputsOf(shapes);
    close((model.predict(x) as Tensor).dataSync(), expected[i]!.output, 1e-5, 1e-5);
    const weights = model.trainableWeights.map((weight) => (weight as unknown as { val: never }).val);
    const { grads } = tf.variableGrads(() => tf.sum(tf.sin(model.apply(x) as Tensor)), weights);
    weights.forEach((weight, k) => {
      close(grads[(weight as { name: string }).name]!.dataSync(), expected[i]!.gradients[k]!, 2e-5, 1e-4);
    });
    await model.save(`file://${folder}`);
    const loaded = await tf.loadLayersModel(`file://${folder}/model.json`);
    assert.deepEqual(values([loaded.predict(x) as Tensor]), values([model.predict(x) as Tensor]));
  }
});

/** Which of ones are hidden by zeros: the mean of an example is left out by taking what isn't a whole number. */
function hidden(options: SpecAugmentOptions, batch: number, frames: number, bins: number, seed: number): number[][][] {
  return tf.tidy(() => {
    const x = tf
      .range(1, frames * bins + 1)
      .reshape([1, frames, bins])
      .tile([batch, 1, 1]);
    seedSteps(tf, seed);
    const y = asStep(tf, () => specAugment(options).apply(x, { training: true }) as Tensor);
    seedSteps(tf, undefined);
    return tf.notEqual(x, y).toInt().arraySync() as number[][][];
  });
}

test("SpecAugment hides as many places as it says, anywhere, and nothing in prediction", () => {
  const [batch, frames, bins, length] = [4000, 12, 5, 4];
  const masks = hidden({ timeMask: { length } }, batch, frames, bins, 1);
  const lengths = new Array<number>(length + 1).fill(0);
  const starts = new Array<number>(frames).fill(0);
  for (const mask of masks) {
    const rows = mask.map((row) => {
      assert.ok(
        row.every((n) => n === row[0]),
        "a frame is hidden as a whole",
      );
      return row[0]!;
    });
    assert.match(rows.join(""), /^0*1*0*$/);
    const count = rows.reduce((a, b) => a + b);
    lengths[count]!++;
    if (count === length) starts[rows.indexOf(1)]!++;
  }
  // All lengths from none on, and all places of the longest, are equally likely: chi-square at 0.1 %.
  const chiSquare = (counts: number[]): number => {
    const mean = counts.reduce((a, b) => a + b) / counts.length;
    return counts.reduce((sum, n) => sum + (n - mean) ** 2 / mean, 0);
  };
  assert.ok(chiSquare(lengths) < 18.5, lengths.join());
  assert.ok(chiSquare(starts.slice(0, frames - length + 1)) < 26.1, starts.join());
  assert.equal(
    starts.slice(frames - length + 1).reduce((a, b) => a + b),
    0,
  );

  for (const mask of hidden({ frequencyMask: { bins: 2, count: 2 } }, 50, 6, 9, 2)) {
    for (const row of mask) assert.deepEqual(row, mask[0]);
    assert.ok(mask[0]!.reduce((a, b) => a + b) <= 4);
  }
  tf.tidy(() => {
    const x = tf.tensor(numbers(60, 1), [2, 6, 5]);
    const layer = specAugment({ timeMask: { length: 100 }, frequencyMask: { bins: 100 } });
    assert.deepEqual(values([layer.apply(x) as Tensor]), values([x]));
    // What is hidden is the example's mean.
    const y = layer.apply(x, { training: true }) as Tensor;
    const means = tf.mean(x, [1, 2], true);
    const off = tf.minimum(tf.abs(tf.sub(y, x)), tf.abs(tf.sub(y, means)));
    assert.ok(tf.max(off).dataSync()[0]! < 1e-6);
  });
});

test("SpecAugment follows the seed of a step, is saved with a model, and refuses what it doesn't know", async () => {
  const model = tf.sequential({
    layers: [
      specAugment({ timeMask: { length: 3 }, frequencyMask: { bins: 2 }, inputShape: [8, 6] }),
      tf.layers.flatten(),
      tf.layers.dense({ units: 1 }),
    ],
  });
  model.compile({ optimizer: tf.train.sgd(0), loss: "meanSquaredError" });
  const x = tf.tensor(numbers(4 * 48, 3), [4, 8, 6]);
  const loss = async (seed: number): Promise<number> => {
    seedSteps(tf, seed);
    return (await model.trainOnBatch(x, tf.zeros([4, 1]))) as number;
  };
  const first = [await loss(1), await loss(2)];
  for (let i = 0; i < 3; i++) await loss(9);
  // By now as one function.
  close([await loss(1), await loss(2)], first, 1e-6, 1e-6);
  assert.notEqual(first[0], first[1]);
  seedSteps(tf, undefined);
  await model.save(`file://${folder}`);
  const loaded = await tf.loadLayersModel(`file://${folder}/model.json`);
  assert.deepEqual(loaded.layers[0]!.getConfig().timeMask, { length: 3 });
  assert.throws(
    () => specAugment({ timeMasks: {} } as never),
    /specAugment: option "timeMasks", .*did you mean timeMask\?/,
  );
  assert.throws(
    () => specAugment({ timeMask: { length: 0 } }),
    /timeMask\.length: 0, expected a whole number from 1 on/,
  );
  assert.throws(() => multiHeadAttention({ numHeads: 0, keyDim: 1 }), /numHeads: 0, expected a whole number/);
  assert.throws(() => multiHeadAttention({ numHeads: 1, keyDim: 1, dropout: 1 }), /dropout: 1, expected 0 to below 1/);
});
