import assert from "node:assert/strict";
import { test } from "node:test";
import type { Tensor } from "@tensorflow/tfjs-node-gpu";
import { loadTensorFlow } from "../../../dist/tensorflow/load.js";
import { stepCounts } from "../../../dist/tensorflow/step/compile-steps.js";
import { close } from "../../support/close.js";
import { python } from "../../support/python.js";
import { numbers } from "./nets.js";

const tf = loadTensorFlow();
const SHAPE = [2, 4, 12];
const x = numbers(96, 1);

/** Real numbers of a real tensor through complex ones, here and in TensorFlow. */
const CASES: Record<string, [(x: Tensor) => Tensor, string]> = {
  "magnitudes of an STFT": [
    (x) => tf.sum(tf.abs(tf.signal.stft(x.flatten().slice(0, 90) as never, 16, 8))),
    "tf.reduce_sum(tf.abs(tf.signal.stft(tf.reshape(x, [-1])[:90], 16, 8)))",
  ],
  "logarithms of real and imaginary parts": [
    (x) => {
      const z = tf.spectral.rfft(x, 10);
      return tf.log(tf.real(z).square().add(tf.imag(z).square()).add(1e-3)).sum();
    },
    "tf.reduce_sum(tf.math.log(tf.square(tf.math.real(z := tf.signal.rfft(x[:, :, :10]))) + tf.square(tf.math.imag(z)) + 1e-3))",
  ],
  "inverse transforms": [
    (x) => {
      const z = tf.spectral.ifft(tf.complex(x, tf.sin(x)));
      return tf
        .add(tf.square(tf.real(z)), tf.imag(z))
        .mul(x)
        .sum();
    },
    "tf.reduce_sum((tf.square(tf.math.real(z := tf.signal.ifft(tf.complex(x, tf.sin(x))))) + tf.math.imag(z)) * x)",
  ],
  "inverse real transforms": [
    (x) => tf.sum(tf.square(tf.spectral.irfft(tf.complex(x, x)))),
    "tf.reduce_sum(tf.square(tf.signal.irfft(tf.complex(x, x))))",
  ],
  "products and sums, of some a part": [
    (x) => {
      const z = tf.complex(x, tf.cos(x));
      const w = tf.mul(tf.mul(z, z), tf.complex(tf.slice(x, [0, 0, 0], [1, 1, 12]), tf.ones([1, 1, 12])));
      return tf.sum(tf.abs(tf.sub(tf.add(w, z), tf.mul(z, x))));
    },
    `tf.reduce_sum(tf.abs((z := tf.complex(x, tf.cos(x))) * z * tf.complex(x[:1, :1], tf.ones([1, 1, 12])) + z - z * tf.complex(x, tf.zeros_like(x))))`,
  ],
  "moved about": [
    (x) => {
      const z = tf.spectral.fft(tf.complex(x, tf.square(x)));
      const parts = [
        tf.transpose(z, [0, 2, 1]).slice([0, 1, 0], [2, 5, 4]),
        z.slice([0, 0, 2], [2, 4, 5]).transpose([0, 2, 1]),
      ];
      return tf.sum(tf.real(tf.concat(parts, 1).reshape([4, 20])).mul(tf.range(0, 80).reshape([4, 20])));
    },
    `tf.reduce_sum(tf.math.real(tf.reshape(tf.concat([tf.transpose((z := tf.signal.fft(tf.complex(x, tf.square(x)))), [0, 2, 1])[:, 1:6],
      tf.transpose(z[:, :, 2:7], [0, 2, 1])], 1), [4, 20])) * tf.reshape(tf.range(80.0), [4, 20]))`,
  ],
};

const expected: number[][] = python(
  `
import tensorflow as tf
def gradient(code):
    x = tf.reshape(tf.constant(input["x"]), input["shape"])
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = eval(code, {"tf": tf, "x": x})
    return [float(y), *tf.reshape(tape.gradient(y, x), [-1]).numpy().tolist()]
print(json.dumps([gradient(code) for code in input["codes"]]))
`,
  { x, shape: SHAPE, codes: Object.values(CASES).map(([, code]) => code) },
);

for (const [i, [name, [f]]] of Object.entries(CASES).entries()) {
  test(`gradients through complex numbers equal TensorFlow's: ${name}`, () => {
    const before = tf.memory();
    const found = tf.tidy(() => {
      const { value, grad } = tf.valueAndGrad(f)(tf.tensor(x, SHAPE));
      return [value.dataSync()[0]!, ...grad.dataSync()];
    });
    close(found, expected[i]!, 2e-4, 1e-4);
    assert.deepEqual(tf.memory().numTensors, before.numTensors);
    assert.deepEqual(tf.memory().numBytes, before.numBytes);
  });
}

test("at magnitude 0 the gradient is 0, and what has none for complex numbers is named", () => {
  tf.tidy(() => {
    const zero = tf.grad((x: Tensor) => tf.abs(tf.complex(x, tf.zerosLike(x))).sum())(tf.tensor1d([0, -2]));
    assert.deepEqual(Array.from(zero.dataSync()), [0, -1]);
    const quotient = (x: Tensor): Tensor => tf.real(tf.div(tf.complex(x, x), tf.complex(x, tf.ones([2])))).sum();
    assert.throws(
      () => tf.grad(quotient)(tf.tensor1d([1, 2])),
      /^DatasetError: gradient: RealDiv of complex numbers, expected one of Add, /,
    );
  });
});

test("a spectral loss trains as one function, to the same losses as op by op", async () => {
  const make = () => {
    const model = tf.sequential({ layers: [tf.layers.dense({ units: 64, inputShape: [64] })] });
    model.setWeights([tf.tensor(numbers(64 * 64, 3), [64, 64]).mul(0.1), tf.zeros([64])]);
    const magnitudes = (x: Tensor): Tensor => tf.abs(tf.spectral.rfft(x));
    const loss = (truth: Tensor, output: Tensor): Tensor =>
      tf.mean(tf.abs(tf.sub(magnitudes(truth), magnitudes(output))), -1);
    model.compile({ optimizer: tf.train.sgd(0.01), loss });
    return model;
  };
  const batch = (seed: number): Tensor => tf.tensor(numbers(256, seed), [4, 64]);
  const losses = async (eager: boolean): Promise<number[]> => {
    const model = make();
    const found: number[] = [];
    for (let i = 0; i < 6; i++) {
      found.push((await model.trainOnBatch(batch(i + 10), batch(i + 50))) as number);
    }
    if (!eager) assert.equal(stepCounts(tf, model)!.whole, 3, [...stepCounts(tf, model)!.reasons].join());
    return found;
  };
  const whole = await losses(false);
  const { withSingleOps } = await import("../../../dist/tensorflow/step/compile-steps.js");
  const model = make();
  const single = await withSingleOps(tf, model, async () => {
    const found: number[] = [];
    for (let i = 0; i < 6; i++) found.push((await model.trainOnBatch(batch(i + 10), batch(i + 50))) as number);
    return found;
  });
  close(whole, single, 1e-6, 1e-5);
});
