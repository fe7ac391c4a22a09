// TensorFlow in the real kernel: loading, training, interrupts, and what many epochs leave behind.
import assert from "node:assert/strict";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { drive, textOf } from "./drive.js";

const MODEL = `import * as tf from "@tensorflow/tfjs-node-gpu";
import { loadTensorFlow } from "deep-audio-dataset";
loadTensorFlow();
const model = tf.sequential({ layers: [tf.layers.dense({ units: 1, inputShape: [4] })] });
model.compile({ optimizer: "sgd", loss: "meanSquaredError" });
let batches = 0;
const callbacks = { onBatchEnd: async () => { if (batches++ === 0) console.log("running"); } };`;

test("a cell that imports tfjs itself does so without TensorFlow's start lines; what it must know shows there", async () => {
  const { cells } = await drive([
    ["send", 'import * as tf from "@tensorflow/tfjs-node-gpu";\nconsole.log(tf.getBackend());'],
    ["wait"],
    ["send", "tf.tensor1d([1, 2]).sum().dataSync()[0]"],
    ["wait"],
  ]);
  assert.equal(textOf(cells[0]), "tensorflow\n");
  assert.equal(textOf(cells[0], "stderr"), "");
  assert.equal(cells[1]!.outputs.find((output) => output.type === "execute_result")?.data["text/plain"], "3");
});

test("interrupt stops tfjs's own fitDataset, and training can go on afterwards", async () => {
  const setUp = `import { AudioDataset } from "deep-audio-dataset";
import * as tf from "@tensorflow/tfjs-node-gpu";
import { mkdtempSync } from "node:fs";
const dataset = new AudioDataset(mkdtempSync(${JSON.stringify(join(tmpdir(), "deep-audio-kernel-"))}), "tones", { seed: 1 });
await dataset.generate(100, 400, 16, { waves: ["sin"], duration: 0.1, sampleRate: 8000 });
await dataset.load({ inputSize: 100, batchSize: 4, trainSplit: 0.5, valSplit: 0.25, testSplit: 0.25 });
const model = tf.sequential({ layers: [tf.layers.dense({ units: 100, inputShape: [8, 100] })] });
model.compile({ optimizer: "sgd", loss: "meanSquaredError" });
let batches = 0;
const callbacks = { onBatchEnd: async () => { if (batches++ === 0) console.log("running"); } };`;
  const { cells } = await drive([
    ["send", setUp],
    ["wait"],
    ["send", "await model.fitDataset(dataset.train!, { epochs: 1e6, verbose: 0, callbacks })"],
    ["text"],
    ["interrupt"],
    ["wait"],
    ["send", "const before = batches;"],
    ["wait"],
    ["sleep", 1],
    ["send", "console.log(before > 0, batches - before)"],
    ["wait"],
    [
      "send",
      "await model.fitDataset(dataset.train!, { epochs: 2, verbose: 0, callbacks }); console.log(batches - before)",
    ],
    ["wait"],
  ]);
  assert.equal(cells[0]!.reply.status, "ok", cells[0]!.reply.evalue);
  assert.equal(cells[1]!.reply.ename, "DatasetError", cells[1]!.reply.evalue);
  assert.equal(textOf(cells[3]), "true 0\n");
  assert.equal(textOf(cells[4]), "4\n");
});

test("interrupt ends tfjs's own fit too, after a slow step as well, and the model can be trained again", async () => {
  // A batch that takes longer than a loop of the user's may, before it is ended by force.
  const slow = `const slowly = tf.data.generator(function* () {
  for (;;) {
    console.log("running");
    const end = performance.now() + 800;
    while (performance.now() < end) {}
    yield { xs: tf.ones([2, 4]), ys: tf.ones([2, 1]) };
  }
});`;
  const { cells } = await drive([
    ["send", MODEL],
    ["wait"],
    ["send", "await model.fit(tf.ones([8, 4]), tf.ones([8, 1]), { epochs: 1e6, verbose: 0, callbacks });"],
    ["text"],
    ["interrupt"],
    ["wait"],
    ["send", "const before = batches;"],
    ["wait"],
    ["sleep", 0.5],
    ["send", "console.log(before > 0, batches - before);"],
    ["wait"],
    ["send", `${slow}\nawait model.fitDataset(slowly, { epochs: 1, verbose: 0, callbacks });`],
    ["text"],
    ["interrupt"],
    ["wait"],
    ["send", 'await model.fit(tf.ones([8, 4]), tf.ones([8, 1]), { epochs: 1, verbose: 0 }); console.log("trained");'],
    ["wait"],
  ]);
  assert.equal(cells[0]!.reply.status, "ok", cells[0]!.reply.evalue);
  for (const cell of [cells[1], cells[4]]) {
    assert.equal(cell!.reply.ename, "DatasetError", cell!.reply.evalue);
    assert.equal(cell!.reply.evalue, "training: interrupted; the model has the weights of its last batch");
  }
  assert.equal(textOf(cells[3]), "true 0\n");
  assert.equal(textOf(cells[5]), "trained\n");
});

test("TensorFlow is in order after code was ended by force in the midst of a gradient", async () => {
  const { cells } = await drive([
    ["send", MODEL],
    ["wait"],
    [
      "send",
      "const endless = tf.customGrad(() => { tf.ones([3]); console.log('running'); while (true) {} });\ntf.grad((x) => endless(x))(tf.scalar(1));",
    ],
    ["text"],
    ["interrupt"],
    ["wait"],
    ["send", "await model.fit(tf.ones([8, 4]), tf.ones([8, 1]), { epochs: 1, verbose: 0 });"],
    ["wait"],
    ["send", "const x = tf.scalar(3);\nconsole.log(tf.grad((x) => x.square())(x).dataSync()[0]);"],
    ["wait"],
    ["send", "console.log(tf.tidy(() => { tf.ones([2]); return tf.memory().numTensors; }) - tf.memory().numTensors);"],
    ["wait"],
  ]);
  assert.equal(cells[1]!.reply.ename, "Interrupted");
  assert.equal(cells[2]!.reply.status, "ok", cells[2]!.reply.evalue);
  assert.equal(textOf(cells[3]), "6\n");
  assert.equal(textOf(cells[4]), "1\n");
});

test("fifty epochs in one notebook: tensors, memory, threads, listeners and displays stay as they are", async () => {
  const setUp = `import { AudioDataset, fit } from "deep-audio-dataset";
import * as tf from "@tensorflow/tfjs-node-gpu";
import { mkdtempSync, readFileSync } from "node:fs";
const folder = mkdtempSync(${JSON.stringify(join(tmpdir(), "deep-audio-kernel-"))});
const dataset = new AudioDataset(folder, "tones", { seed: 1 });
await dataset.generate(100, 400, 60, { waves: ["sin"], duration: 0.1, sampleRate: 8000, removeWav: true });
await dataset.load({ inputSize: 100, batchSize: 5, trainSplit: 0.7, valSplit: 0.15, testSplit: 0.15 });
const model = tf.sequential({ layers: [tf.layers.dense({ units: 100, inputShape: [8, 100] })] });
model.compile({ optimizer: "adam", loss: "meanSquaredError" });
const seen: number[][] = [];
const onEpoch = () => {
  const threads = Number(/Threads:\\s+(\\d+)/.exec(readFileSync("/proc/self/status", "utf8"))![1]);
  const megabytes = Math.round(process.memoryUsage.rss() / 2 ** 20);
  seen.push([tf.memory().numTensors, threads, process.listenerCount("SIGINT"), megabytes]);
};`;
  const { cells } = await drive([
    ["send", setUp],
    ["wait"],
    ["send", "await fit(model, dataset, { epochs: 50, checkpoint: `${folder}/model`, onEpoch });"],
    ["wait"],
    ["send", "console.log(JSON.stringify(seen))"],
    ["wait"],
  ]);
  assert.equal(cells[1]!.reply.status, "ok", cells[1]!.reply.evalue);
  const seen: number[][] = JSON.parse(textOf(cells[2]));
  assert.equal(seen.length, 50);
  const [, , third] = seen;
  for (const [tensors, threads, listeners] of seen.slice(3)) {
    assert.deepEqual([tensors, threads, listeners], third!.slice(0, 3), JSON.stringify(seen));
  }
  assert.ok(seen.at(-1)![3]! - seen[9]![3]! < 60, JSON.stringify(seen));
  // One display, of which each update takes the place of the one before.
  const shown = cells[1]!.outputs.filter(({ type }) => type === "display_data");
  const updated = cells[1]!.outputs.filter(({ type }) => type === "update_display_data");
  assert.equal(shown.length, 1);
  assert.ok(updated.length > 0);
  const ids = new Set([...shown, ...updated].map((output) => output.transient.display_id));
  assert.equal(ids.size, 1);
});
