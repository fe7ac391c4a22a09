import assert from "node:assert/strict";
import { test } from "node:test";
import type { Tensor } from "@tensorflow/tfjs-node-gpu";
import { loadTensorFlow } from "../../../dist/tensorflow/load.js";

const tf = loadTensorFlow();
const { tensorMap } = tf.backend() as unknown as { tensorMap: { get(dataId: object): { id: number } } };

/** The number of TensorFlow's tensor behind one of tfjs's, once an op has taken it. */
function idOf(x: Tensor): number {
  tf.tidy(() => void tf.add(x.toFloat(), 1));
  return tensorMap.get(x.dataId).id;
}

test("small tensors are one where bits, type and shape are the same, and only there", () => {
  const [a, b] = [tf.tensor1d([1, 2]), tf.tensor1d([1, 2])];
  assert.equal(idOf(a), idOf(b));
  const others = [tf.tensor1d([1, 2], "int32"), tf.tensor2d([[1, 2]]), tf.tensor1d([2, 1]), tf.tensor1d([1])];
  assert.equal(new Set([a, ...others].map(idOf)).size, 5);
  assert.deepEqual([...tf.div(1, tf.tensor1d([0, -0])).dataSync()], [Infinity, -Infinity]);
  assert.deepEqual([...tf.div(1, tf.tensor1d([-0, 0])).dataSync()], [-Infinity, Infinity]);
  const [long, longer] = [tf.range(0, 9), tf.range(0, 9)];
  assert.notEqual(idOf(long), idOf(longer));
});

test("one goes on when the other was disposed of, and nobody sees what its owner writes later", () => {
  const numbers = new Float32Array([3, 4]);
  const first = tf.tensor1d(numbers);
  const second = tf.tensor1d(new Float32Array([3, 4]));
  idOf(first);
  numbers[0] = 7;
  first.dispose();
  assert.deepEqual([...tf.add(second, 1).dataSync()], [4, 5]);
  const reshaped = second.reshape([2, 1]);
  second.dispose();
  assert.deepEqual([...tf.add(reshaped, 1).dataSync()], [4, 5]);
});

test("thousands of them, kept or disposed of, stay right", () => {
  const before = tf.memory().numTensors;
  const kept = Array.from({ length: 2000 }, (_, i) => tf.scalar(i));
  tf.tidy(() => {
    for (const [i, x] of kept.entries()) assert.equal(tf.add(x, 0.5).dataSync()[0], i + 0.5);
  });
  tf.dispose(kept);
  for (let i = 0; i < 5000; i++) tf.tidy(() => assert.equal(tf.mul(tf.scalar(i), 2).dataSync()[0], 2 * i));
  assert.equal(tf.memory().numTensors, before);
});
