import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { loadTensorFlow } from "../../dist/tensorflow.js";
import { leftParts, rightParts } from "../../dist/tensorflow/tf32.js";

const tf = loadTensorFlow();

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
      const [left, right] = tf.tidy(() => [
        leftParts(tf, tf.tensor1d([a]), 0).dataSync(),
        rightParts(tf, tf.tensor1d([b]), 0).dataSync(),
      ]);
      assert.equal(left[0]! + left[1]!, a, "the parts are the number");
      assert.equal(tf32(left[0]!), left[0], "the first has no more bits than TF32");
      const product = [0, 1, 2, 3].reduce((sum, i) => sum + tf32(left[i]!) * tf32(right[i]!), 0);
      assert.ok(Math.abs(product - a * b) <= 2 ** -21 * Math.abs(a * b), `${product} instead of ${a * b}`);
    }),
  );
});
