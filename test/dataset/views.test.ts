// What displays are told by a dataset itself: its card, its examples with the times of their labels, what a model makes of them.
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import type { LayersModel } from "@tensorflow/tfjs-node-gpu";
import { encodeWav } from "../../dist/format/wav.js";
import {
  AudioClassificationDataset,
  AudioDataset,
  classReport,
  confusion,
  displayFile,
  explore,
  judge,
  judgeExamples,
  loadTensorFlow,
  SimpleAudioClassificationDataset,
  summary,
  worst,
} from "../../dist/index.js";
import { exampleBundles } from "../../dist/show/example.js";
import { exploreBundle } from "../../dist/show/explore.js";
import { pairBundles } from "../../dist/show/pair.js";
import { toNotes } from "../../dist/show/piano-roll.js";
import { predictionsBundle } from "../../dist/show/predictions.js";
import { close } from "../support/close.js";
import { copyFixture, expected, folder, quiet } from "../support/records.js";

const RATE = 8000;

function write(directory: string, files: Record<string, string | Uint8Array>): void {
  for (const [file, content] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, file)), { recursive: true });
    writeFileSync(join(directory, file), content);
  }
}

/** A wav of a tone in each channel, the second an octave higher and half as loud. */
function tone(samples: number, hertz: number, channels = 1): Uint8Array {
  const values = Int16Array.from({ length: samples * channels }, (_, i) => {
    const c = i % channels;
    return (12000 / (1 + c)) * Math.sin((2 * Math.PI * hertz * (1 + c) * Math.floor(i / channels)) / RATE);
  });
  return encodeWav({ sampleRate: RATE, channels, samples: values });
}

test("labels in frames, seconds and samples show at the same times", async (t) => {
  const directory = folder(t);
  const stamps = { frames: [0, 2, 5], samples: [0, 200, 500], seconds: [0, 0.025, 0.0625] };
  for (const [timeUnit, times] of Object.entries(stamps)) {
    const rows = ["0,0", "1,0", "0,1"].map((values, k) => `${times[k]},${values}`);
    write(directory, {
      "in/s.wav": tone(800, 300),
      [timeUnit]: "s.wav,s_key.csv\n",
      "s_key.csv": `TIME STAMP,C4,E4\n${rows.join("\n")}\n`,
    });
    const dataset = new AudioClassificationDataset(directory, timeUnit);
    await dataset.generateRecords({ ...quiet, timeUnit: timeUnit as "frames", inputSize: 100 });
    await dataset.load({ inputSize: 100, trainSplit: 1, valSplit: 0, testSplit: 0 });
    const example = await dataset.example(0);
    assert.deepEqual(
      toNotes(example, 0.5).map(({ onset, offset, row }) => [onset, offset, row]),
      [
        [0.025, 0.0625, 0],
        [0.0625, 0.1, 1],
      ],
      timeUnit,
    );
    // The example names its own labels, and says how the plain output of a model is to be read.
    const output = new Float32Array(16);
    for (const frame of [2, 3, 4]) output[2 * frame] = 1;
    const words = predictionsBundle(example, { prediction: output })["text/plain"] as string;
    assert.match(words, /hits 0\.04 s, misses 0\.04 s, false alarms 0\.00 s/);
    assert.match(svgsOf(exampleBundles(example)), />C4<[\s\S]*>E4</);
  }
});

test("the dense labels of the original's shards show as labels over time", async (t) => {
  const directory = copyFixture(t, "frames", true);
  const { load, input_size: inputSize } = expected("frames");
  assert.ok(load);
  const dataset = new AudioClassificationDataset(directory, "dataset");
  await dataset.load({ inputSize, trainSplit: 1, valSplit: 0, testSplit: 0 });
  const example = await dataset.example(0);
  assert.equal(example.features, 3);
  assert.equal(example.values!.length % 3, 0);
  const wanted = new Set<string>();
  example.values!.forEach((value, i) => {
    if (value >= 0.5) wanted.add(`${Math.floor(i / 3)} ${i % 3}`);
  });
  const found = new Set<string>();
  for (const { onset, offset, row } of toNotes(example, 0.5)) {
    const frames = [onset, offset].map((s) => Math.round((s * example.sampleRate) / inputSize));
    for (let frame = frames[0]!; frame < frames[1]!; frame++) found.add(`${frame} ${row}`);
  }
  assert.ok(wanted.size > 0);
  assert.deepEqual([...found].sort(), [...wanted].sort());
});

test("an example of two channels is shown as two, in its own length", async (t) => {
  const directory = folder(t);
  write(directory, { "in/a.wav": tone(800, 300, 2), "out/a.wav": tone(800, 600, 2), dataset: "a.wav,a.wav\n" });
  const dataset = new AudioDataset(directory, "dataset");
  await dataset.generateRecords(quiet);
  await dataset.load({ trainSplit: 1, valSplit: 0, testSplit: 0 });
  const example = await dataset.example(0);
  assert.match(String(pairBundles(example)[0]!["text/plain"]), /input: 0\.100 s, 8,000 Hz, 2 channels/);
});

test("a dataset's card tells its size and whether it is fresh, stale or damaged", async (t) => {
  const directory = folder(t);
  write(directory, { "in/a.wav": tone(800, 300), "out/a.wav": tone(800, 600), dataset: "a.wav,a.wav\n" });
  const dataset = new AudioDataset(directory, "dataset");
  await assert.rejects(dataset.describe(), /records of "dataset": none/);
  await dataset.generateRecords(quiet);
  const card = await dataset.describe();
  assert.deepEqual(
    [card.kind, card.examples, card.seconds, card.sampleRate, card.channels, card.shards, card.state],
    ["pairs", 1, 0.1, RATE, 1, 1, "fresh"],
  );
  assert.deepEqual(card.lengths, [0.1]);
  assert.equal(card.levels!.length, 1);
  assert.ok(card.bytes! > 2 * 2 * 800 && card.bytes! < 2 * 2 * 800 + 400, `${card.bytes} bytes`);
  assert.equal(card.first![0]!.name, "a.wav");
  write(directory, { "in/a.wav": tone(800, 310) });
  assert.match((await dataset.describe()).state!, /^stale: 1 file changed: in\/a\.wav; call generateRecords$/);
  const shard = join(directory, "dataset0.tfrecord");
  truncateSync(shard, 100);
  assert.match((await dataset.describe()).state!, /^damaged: dataset0\.tfrecord 100 of \d+ bytes; call repair$/);
  rmSync(shard);
  assert.match((await dataset.describe()).state!, /^damaged: dataset0\.tfrecord missing; call repair$/);
});

test("one call each shows a dataset's card, its examples, and what a model makes of them", async (t) => {
  const directory = folder(t);
  const names = Array.from({ length: 12 }, (_, i) => `t${i}.wav`);
  for (const [i, name] of names.entries()) write(directory, { [`in/${name}`]: tone(400, [200, 2500][i % 2]! + i) });
  write(directory, { set: `file,low,high\n${names.map((name, i) => `${name},${1 - (i % 2)},${i % 2}`).join("\n")}\n` });
  const dataset = new SimpleAudioClassificationDataset(directory, "set", { seed: 2 });
  await dataset.generateRecords(quiet);
  await dataset.load({ trainSplit: 0.5, valSplit: 0.25, testSplit: 0.25 });

  const { items, total } = await dataset.examples(6);
  assert.equal(total, 12);
  assert.deepEqual(
    items.map(({ example, label }) => [example.name, label]),
    [0, 2, 4, 6, 8, 10].map((i) => [names[i], "low"]),
  );
  for (const { example, split } of items) {
    const side = dataset.split[split as "train"];
    assert.ok(side.includes(names.indexOf(example.name!)), `${example.name} in ${split}`);
  }
  assert.match(String(exploreBundle(items, {}, total)["text/plain"]), /^Examples: 6 of 12, spread evenly/);

  const tf = loadTensorFlow();
  const model: LayersModel = tf.sequential({
    layers: [tf.layers.dense({ units: 2, activation: "softmax", inputShape: [400] })],
  });
  await assert.rejects(judgeExamples(model, dataset), /model: without a loss, expected a compiled model/);
  model.compile({ optimizer: "sgd", loss: "categoricalCrossentropy", metrics: ["accuracy"] });
  const before = tf.memory().numTensors;
  const judged = await judgeExamples(model, dataset, { split: "all", onProgress: false });
  assert.equal(judged.length, 12);
  assert.equal((await judgeExamples(model, dataset, { onProgress: false })).length, 3);
  assert.equal((await judgeExamples(model, dataset, { split: "all", limit: 5, onProgress: false })).length, 5);
  for (const { example, loss, label, predicted, confidence, split } of judged) {
    const i = names.indexOf(example.name);
    const scores = await dataset.predict(model, i);
    // Categorical crossentropy by its definition.
    close([loss], [-Math.log(scores[i % 2]!)], 1e-5, 1e-5);
    assert.equal(label, ["low", "high"][i % 2]);
    assert.equal(predicted, scores[1]! > scores[0]! ? "high" : "low");
    close([confidence!], [Math.max(...scores)], 1e-6, 0);
    assert.ok(dataset.split[split].includes(i));
  }
  assert.equal(tf.memory().numTensors, before);

  displayFile(join(directory, "page.html"));
  await summary(dataset);
  await explore(dataset);
  explore(judged);
  worst(judged, 2);
  const judgement = await judge(model, dataset.test, { labels: dataset.labels });
  classReport(judgement);
  confusion(judgement);
  const { matrix: _, ...several } = judgement;
  assert.throws(() => confusion(several), /confusion matrix: none, expected mutually exclusive labels/);
  const page = readFileSync(join(directory, "page.html"), "utf8");
  for (const seen of ["Dataset “set”", "Examples: 12 examples", "The 2 worst of 12", "macro mean", ">t11.wav<"]) {
    assert.ok(page.includes(seen), seen);
  }
});

function svgsOf(bundles: Record<string, unknown>[]): string {
  return bundles
    .flatMap((bundle) => [...String(bundle["text/html"]).matchAll(/data:image\/svg\+xml;base64,([^"]*)/g)])
    .map((match) => Buffer.from(match[1]!, "base64").toString())
    .join("\n");
}
