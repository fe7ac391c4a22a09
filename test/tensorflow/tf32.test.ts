import assert from "node:assert/strict";
import { test } from "node:test";
import type { Tensor } from "@tensorflow/tfjs-node-gpu";
import fc from "fast-check";
import { melSpectrogram } from "../../dist/features/mel-layer.js";
import { loadTensorFlow } from "../../dist/tensorflow/load.js";
import { leftFactor, rightFactor } from "../../dist/tensorflow/tf32.js";
import { numbers } from "./kernels/nets.js";

const tf = loadTensorFlow();

/** Runs `work` as on a GPU. */
function asOnGpu<T>(work: () => T): T {
  const backend = tf.backend() as unknown as { isUsingGpuDevice: boolean };
  const before = backend.isUsingGpuDevice;
  backend.isUsingGpuDevice = true;
  try {
    return work();
  } finally {
    backend.isUsingGpuDevice = before;
  }
}

/** A number as a GPU's TF32 product takes it: without the last 13 of a float32's 24 bits. */
function tf32(x: number): number {
  const bits = new Uint32Array(Float32Array.of(x).buffer);
  bits[0]! &= ~0x1fff;
  return new Float32Array(bits.buffer)[0]!;
}

test("the parts of a product give it to float32 rounding though each loses its last 13 bits", () => {
  const number = fc
    .tuple(fc.float({ min: 0.5, max: 1, noNaN: true }), fc.integer({ min: -20, max: 20 }), fc.boolean())
    .map(([x, power, negative]) => (negative ? -x : x) * 2 ** power);
  fc.assert(
    fc.property(number, number, (a, b) => {
      const [left, right] = asOnGpu(() =>
        tf.tidy(() => [
          leftFactor(tf, tf.tensor1d([a]), 0).dataSync(),
          rightFactor(tf, tf.tensor1d([b]), 0).dataSync(),
        ]),
      );
      assert.equal(left.length, 4);
      assert.equal(left[0]! + left[1]!, a, "the parts are the number");
      assert.equal(tf32(left[0]!), left[0], "the first has no more bits than TF32");
      const product = [0, 1, 2, 3].reduce((sum, i) => sum + tf32(left[i]!) * tf32(right[i]!), 0);
      assert.ok(Math.abs(product - a * b) <= 2 ** -21 * Math.abs(a * b), `${product} instead of ${a * b}`);
    }),
  );
});

test("the mel layer gives the same spectrogram and gradient in parts, and leaves nothing behind", () => {
  const x = tf.tensor2d(Float32Array.from(numbers(2 * 2000, 1)), [2, 2000]);
  const run = (): { spectrogram: Tensor; gradient: Tensor } => {
    const layer = melSpectrogram({
      sampleRate: 8000,
      melBins: 20,
      frameLength: 256,
      frameStep: 128,
      inputShape: [2000],
    });
    const spectrogram = layer.apply(x) as Tensor;
    const gradient = tf.grad((v) => tf.sum(layer.apply(v) as Tensor))(x);
    layer.dispose();
    return { spectrogram, gradient };
  };
  const before = tf.memory().numTensors;
  const [whole, parts] = [run(), asOnGpu(run)];
  const most = (t: Tensor): number => tf.tidy(() => tf.max(tf.abs(t)).dataSync()[0]!);
  const apart = (a: Tensor, b: Tensor): number => tf.tidy(() => most(tf.sub(a, b)));
  assert.ok(apart(whole.spectrogram, parts.spectrogram) < 1e-3, "dB");
  assert.ok(apart(whole.gradient, parts.gradient) < 1e-4 * most(whole.gradient));
  tf.dispose([whole, parts] as never);
  assert.equal(tf.memory().numTensors, before);
});
