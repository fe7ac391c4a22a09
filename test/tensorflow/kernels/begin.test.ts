import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { Tensor, Tensor4D } from "@tensorflow/tfjs-node-gpu";
import { type Attributes, type Native, nativeOps } from "../../../dist/tensorflow/kernels/native.js";
import { loadTensorFlow } from "../../../dist/tensorflow/load.js";
import { root } from "../../support/python.js";
import { numbers } from "./nets.js";

const tf = loadTensorFlow();
const native: Native = nativeOps(tf);
const convolution: Attributes = {
  ints: { strides: [1, 1, 1, 1], dilations: [1, 1, 1, 1] },
  strings: { padding: "SAME", data_format: "NHWC" },
};

/** A convolution's input and filter, in memory shared with JavaScript. */
function operands(channels: number): [Tensor4D, Tensor4D] {
  const x = tf.tensor4d(Float32Array.from(numbers(2 * 16 * 16 * 3, 1)), [2, 16, 16, 3]);
  return [x, tf.tensor4d(Float32Array.from(numbers(9 * channels * 4, 2)), [3, 3, channels, 4])];
}

test("ops that are begun give what they give when run, on either thread, their inputs disposed of meanwhile", () => {
  const before = tf.memory().numTensors;
  const [x, filter] = operands(3);
  const expected = tf.tidy(() => native.run("Relu", {}, [native.run("Conv2D", convolution, [x, filter])]).dataSync());
  tf.dispose([x, filter]);
  for (let i = 0; i < 200; i++) {
    const [image, kernel] = operands(3);
    const shape = [2, 16, 16, 4];
    const when = i % 2 === 0 ? "soon" : "late";
    const y = native.begin("Conv2D", convolution, [image, kernel], shape, when);
    const relu = native.begin("Relu", {}, [y], shape, i % 3 === 0 ? "soon" : "late");
    tf.dispose([image, kernel, y]);
    assert.deepEqual(relu.dataSync(), expected);
    relu.dispose();
  }
  assert.equal(tf.memory().numTensors, before);
});

test("an op that fails after it was begun says so where its output is used, and spoils nothing else", () => {
  const [x, filter] = operands(5);
  const begin = (): Tensor => native.begin("Conv2D", convolution, [x, filter], [2, 16, 16, 4]);
  const message = /input depth must be evenly divisible by filter depth: 3 vs 5/;
  if (native.gpu) assert.throws(begin, message);
  else {
    const bad = begin();
    assert.throws(() => bad.dataSync(), message);
    assert.throws(() => tf.add(bad, 1), message);
  }
  const good = native.begin("Relu", {}, [tf.tensor1d([-1, 2])], [2]);
  assert.deepEqual([...good.dataSync()], [0, 2]);
  assert.deepEqual([...tf.add(good, 1).dataSync()], [1, 3]);
});

test("an op more than a few waits for those before it, whose inputs take memory", () => {
  const filter = tf.ones([9, 9, 1, 8]);
  const before = process.memoryUsage.rss();
  let most = 0;
  for (let i = 0; i < 200; i++) {
    const x = tf.tensor4d(new Float32Array(1e6).fill(i), [1, 1000, 1000, 1]);
    native.begin("Conv2D", convolution, [x, filter], [1, 1000, 1000, 8]).dispose();
    x.dispose();
    most = Math.max(most, process.memoryUsage.rss() - before);
  }
  // All 200 have 800 MB.
  assert.ok(most < 500e6, `${most} bytes`);
});

for (const [how, ending, status] of [
  ["by itself", "", 0],
  ["by process.exit", "process.exit(3)", 3],
  ["by an error", "throw new Error()", 1],
] as const) {
  test(`a process that ends ${how} with ops begun ends cleanly`, () => {
    const code = `
      const tf = require("./dist/tensorflow/load.js").loadTensorFlow();
      const native = require("./dist/tensorflow/kernels/native.js").nativeOps(tf);
      const filter = tf.ones([9, 9, 1, 8]);
      for (let i = 0; i < 20; i++) {
        const x = tf.tensor4d(new Float32Array(1e6), [1, 1000, 1000, 1]);
        native.begin("Conv2D", ${JSON.stringify(convolution)}, [x, filter], [1, 1000, 1000, 8], i % 2 ? "soon" : "late");
        if (i % 3) x.dispose();
      }
      ${ending}`;
    const run = spawnSync(process.execPath, ["-e", code], { cwd: root, encoding: "utf8" });
    assert.deepEqual([run.signal, run.status], [null, status], run.stderr);
  });
}

test("products of matrices stand a profiler's signals", () => {
  const folder = mkdtempSync(join(tmpdir(), "profile-"));
  const code = `
    const tf = require("./dist/tensorflow/load.js").loadTensorFlow();
    const [a, b] = [tf.ones([32, 128]), tf.ones([128, 64])];
    for (let i = 0; i < 600; i++) tf.tidy(() => tf.matMul(a, b).dataSync());
    console.log(tf.matMul(a, b).sum().dataSync()[0]);`;
  const profile = ["--cpu-prof", "--cpu-prof-interval=100", `--cpu-prof-dir=${folder}`];
  const run = spawnSync(process.execPath, [...profile, "-e", code], { cwd: root, encoding: "utf8" });
  assert.deepEqual([run.signal, run.stdout.trim()], [null, String(128 * 32 * 64)], run.stderr);
});
