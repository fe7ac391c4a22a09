// Losses against auraloss (recorded by record.py), Keras and TensorFlow, and as part of a step that runs as one function.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { LayersModel, Tensor } from "@tensorflow/tfjs-node-gpu";
import { ctcLoss } from "../../dist/losses/ctc.js";
import { binaryFocalLoss, categoricalFocalLoss } from "../../dist/losses/focal.js";
import type { Loss } from "../../dist/losses/loss.js";
import { multiResolutionStftLoss } from "../../dist/losses/multi-resolution-stft.js";
import { siSdrLoss } from "../../dist/losses/si-sdr.js";
import { loadTensorFlow } from "../../dist/tensorflow/load.js";
import { stepCounts, withSingleOps } from "../../dist/tensorflow/step/compile-steps.js";
import { close } from "../support/close.js";
import { python, root } from "../support/python.js";
import { numbers } from "../tensorflow/kernels/nets.js";

const tf = loadTensorFlow();
const SAMPLES = 2500;

interface Recorded {
  value: number;
  gradient: number[];
}

/** As in record.py. */
const signal = (seed: number): Float32Array =>
  Float32Array.from({ length: SAMPLES }, (_, n) => ((n * n * (seed + 3) + n * 7919) % 10007) / 10007 - 0.5);

const recorded = JSON.parse(readFileSync(join(root, "test/fixtures/losses/auraloss.json"), "utf8")) as Record<
  string,
  Recorded[]
>;

for (const [name, loss] of Object.entries({
  siSdr: siSdrLoss(),
  multiResolution: multiResolutionStftLoss(),
  other: multiResolutionStftLoss({
    resolutions: [
      { fftLength: 64, frameStep: 16, frameLength: 64 },
      { fftLength: 128, frameStep: 50, frameLength: 100 },
    ],
    convergence: 0.5,
    logMagnitude: 0,
    magnitude: 2,
  }),
})) {
  test(`values and gradients are auraloss's for each example: ${name}`, () => {
    tf.tidy(() => {
      const [first, second] = [tf.tensor1d(signal(1)), tf.tensor1d(signal(2))];
      const x = tf.stack([first.mul(0.3).add(second.mul(0.7)).add(0.1), second]);
      const y = tf.stack([second, first]);
      for (const shape of [
        [2, SAMPLES],
        [2, 25, 100],
      ]) {
        const of = (x: Tensor): Tensor => loss(y.reshape(shape), x.reshape(shape));
        const losses = of(x);
        assert.deepEqual(losses.shape, [2]);
        close(
          losses.dataSync(),
          recorded[name]!.map(({ value }) => value),
          1e-5,
          1e-5,
        );
        const gradients = tf
          .grad((x: Tensor) => of(x).sum())(x)
          .arraySync() as number[][];
        gradients.forEach((gradient, i) => {
          const expected = recorded[name]![i]!.gradient;
          const size = Math.max(...expected.map(Math.abs));
          close(
            gradient.filter((_, n) => n % 25 === 0),
            expected,
            // auraloss in float32 is as far from itself in float64.
            5e-4 * size,
            1e-3,
          );
        });
      }
    });
  });
}

test("focal losses are Keras's", () => {
  const count = 5 * 4 * 3;
  const logits = numbers(count, 3);
  const binary = Array.from({ length: count }, (_, i) => ((i * 7) % 5 < 2 ? 1 : 0));
  const oneHot = Array.from({ length: count }, (_, i) => (i % 3 === ((i * 5) % 7) % 3 ? 1 : 0));
  const cases: [Loss, string, number[]][] = [
    [binaryFocalLoss(), "BinaryFocalCrossentropy()", binary],
    [
      binaryFocalLoss({ gamma: 1.5, alpha: 0.3 }),
      "BinaryFocalCrossentropy(apply_class_balancing=True, gamma=1.5, alpha=0.3)",
      binary,
    ],
    [categoricalFocalLoss(), "CategoricalFocalCrossentropy()", oneHot],
    [categoricalFocalLoss({ gamma: 3, alpha: 0.6 }), "CategoricalFocalCrossentropy(gamma=3.0, alpha=0.6)", oneHot],
  ];
  const expected: { losses: number[]; gradient: number[] }[] = python(
    `import numpy as np, keras, tensorflow as tf
x = tf.constant(np.array(input["x"], "f").reshape(5, 4, 3))
def run(code, y):
    loss = eval("keras.losses." + code[:-1] + ", reduction=None)" if code[-2] != "(" else "keras.losses." + code[:-1] + "reduction=None)")
    y = np.array(y, "f").reshape(5, 4, 3)
    with tf.GradientTape() as tape:
        tape.watch(x)
        losses = loss(y, tf.sigmoid(x) if code.startswith("Binary") else tf.nn.softmax(x))
        total = tf.reduce_sum(losses)
    return {"losses": losses.numpy().ravel().tolist(), "gradient": tape.gradient(total, x).numpy().ravel().tolist()}
print(json.dumps([run(*case) for case in input["cases"]]))`,
    { x: logits, cases: cases.map(([, code, y]) => [code, y]) },
  );
  cases.forEach(([loss, code, y], i) => {
    tf.tidy(() => {
      const x = tf.tensor(logits, [5, 4, 3]);
      const of = (x: Tensor): Tensor =>
        loss(tf.tensor(y, [5, 4, 3]), code.startsWith("Binary") ? tf.sigmoid(x) : tf.softmax(x));
      close(of(x).dataSync(), expected[i]!.losses, 1e-6, 1e-5);
      close(
        tf
          .grad((x: Tensor) => of(x).sum())(x)
          .dataSync(),
        expected[i]!.gradient,
        1e-6,
        1e-4,
      );
    });
  });
});

const labels = [
  [1, 2, 2, 3],
  [3, 1, 0, 0],
  [2, 0, 0, 0],
];

test("the CTC loss and its gradient are TensorFlow's", () => {
  const logits = numbers(3 * 9 * 4, 5);
  const expected: { losses: number[]; gradient: number[]; keras: number } = python(
    `import numpy as np, keras, tensorflow as tf
x = tf.constant(np.array(input["x"], "f").reshape(3, 9, 4))
y = np.array(input["y"], "int32")
with tf.GradientTape() as tape:
    tape.watch(x)
    losses = tf.nn.ctc_loss(y, x, (y > 0).sum(-1), [9] * 3, logits_time_major=False, blank_index=0)
    total = tf.reduce_sum(losses * [1.0, 2.0, 0.5])
print(json.dumps({"losses": losses.numpy().tolist(), "gradient": tape.gradient(total, x).numpy().ravel().tolist(),
    "keras": float(keras.losses.CTC()(y, x))}))`,
    { x: logits, y: labels },
  );
  tf.tidy(() => {
    const loss = ctcLoss();
    const x = tf.tensor(logits, [3, 9, 4]);
    const of = (x: Tensor): Tensor => loss(tf.tensor(labels), x);
    close(of(x).dataSync(), expected.losses, 1e-5, 1e-5);
    close(tf.mean(of(x)).dataSync(), [expected.keras], 1e-5, 1e-5);
    const weighted = (x: Tensor): Tensor => tf.sum(tf.mul(of(x), [1, 2, 0.5]));
    close(tf.grad(weighted)(x).dataSync(), expected.gradient, 1e-5, 1e-4);
  });
});

/** Models that each loss trains. */
const STEPS: Record<string, { loss: Loss; out: number[]; y: (seed: number) => Tensor }> = {
  "SI-SDR": { loss: siSdrLoss(), out: [12, 25], y: (seed) => tf.tensor(numbers(1200, seed), [4, 12, 25]) },
  "multi-resolution STFT": {
    loss: multiResolutionStftLoss({ resolutions: [{ fftLength: 64, frameStep: 20, frameLength: 50 }] }),
    out: [12, 25],
    y: (seed) => tf.tensor(numbers(1200, seed), [4, 12, 25]),
  },
  // Of other lengths in each step.
  CTC: {
    loss: ctcLoss(),
    out: [12, 5],
    y: (seed) =>
      tf.tensor(
        Array.from({ length: 4 }, (_, i) => [0, 1, 2, 3].map((k) => (k <= (i + seed) % 4 ? 1 + ((i + k) % 4) : 0))),
      ),
  },
  "binary focal": {
    loss: binaryFocalLoss(),
    out: [12, 5],
    y: (seed) => tf.tensor(numbers(240, seed), [4, 12, 5]).greater(0).toFloat(),
  },
};

for (const [name, { loss, out, y }] of Object.entries(STEPS)) {
  test(`as one function a step comes to what its ops come to: ${name}`, async () => {
    const make = (): LayersModel => {
      const model = tf.sequential({
        layers: [
          tf.layers.dense({
            inputShape: [out[0]!, 6],
            units: out[1]!,
            activation: name === "binary focal" ? "sigmoid" : "linear",
          }),
        ],
      });
      model.setWeights([tf.tensor(numbers(6 * out[1]!, 4), [6, out[1]!]), tf.zeros([out[1]!])]);
      model.compile({ optimizer: tf.train.adam(0.01), loss });
      return model;
    };
    const train = async (model: LayersModel): Promise<number[]> => {
      const losses: number[] = [];
      for (let i = 0; i < 8; i++) {
        losses.push(
          (await model.trainOnBatch(tf.tensor(numbers(4 * out[0]! * 6, i + 60), [4, out[0]!, 6]), y(i + 1))) as number,
        );
      }
      return losses;
    };
    const model = make();
    const whole = await train(model);
    const single = make();
    close(whole, await withSingleOps(tf, single, () => train(single)), 1e-5, 1e-5);
    assert.deepEqual([...stepCounts(tf, model)!.reasons], []);
    assert.equal(stepCounts(tf, model)!.whole, 5);
  });
}

test("what losses can't be made of is an error", () => {
  assert.throws(() => binaryFocalLoss({ gama: 2 } as never), /binaryFocalLoss: option "gama", .*did you mean gamma\?/);
  assert.throws(() => binaryFocalLoss({ alpha: 1.2 }), /1 - alpha: -0\.\d+, expected a number from 0 on/);
  assert.throws(() => categoricalFocalLoss({ gamma: -1 }), /gamma: -1, expected a number from 0 on/);
  const resolution = { fftLength: 64, frameStep: 16, frameLength: 65 };
  assert.throws(() => multiResolutionStftLoss({ resolutions: [resolution] }), /resolutions: fftLength 64.*expected/);
  const short = tf.zeros([2, 1024]);
  assert.throws(() => multiResolutionStftLoss()(short, short), /sounds of 1024 samples, expected more than 1024/);
  assert.throws(
    () => ctcLoss()(tf.zeros([2, 3]), tf.zeros([2, 9])),
    /truth \[2,3\] and output \[2,9\], expected \[batch, length\]/,
  );
  assert.throws(() => ctcLoss()(tf.tensor([[1, 2, 1, 2, 1]]), tf.zeros([1, 4, 3])).dataSync(), /[Nn]ot enough time/);
});
