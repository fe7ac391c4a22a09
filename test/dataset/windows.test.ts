// What a dataset cut into windows, folds of it and its rests are, on real records.
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import type { LayersModel, Tensor } from "@tensorflow/tfjs-node-gpu";
import {
  AudioClassificationDataset,
  AudioDataset,
  encodeWav,
  type LoadOptions,
  loadTensorFlow,
  SimpleAudioClassificationDataset,
} from "../../dist/index.js";
import { close } from "../support/close.js";

const tf = loadTensorFlow();
const folder = mkdtempSync(join(tmpdir(), "windows-"));
after(() => rmSync(folder, { recursive: true, force: true }));
const quiet = { onProgress: false, workers: 1 } as const;

/** A folder of 20 sounds of 1700 samples, two channels where asked, and an index of the lines that `line` makes. */
function sounds(name: string, line: (i: number) => string, channels = 1): string {
  const directory = join(folder, name);
  for (const side of ["in", "out"]) mkdirSync(join(directory, side), { recursive: true });
  const samples = (i: number): Int16Array =>
    Int16Array.from({ length: 1700 * channels }, (_, n) => 9000 * Math.sin(n * 0.01 * (i + 1)));
  for (let i = 0; i < 20; i++) {
    writeFileSync(join(directory, "in", `s${i}.wav`), encodeWav({ sampleRate: 8000, channels, samples: samples(i) }));
    writeFileSync(
      join(directory, "out", `s${i}.wav`),
      encodeWav({ sampleRate: 8000, channels, samples: samples(i + 1) }),
    );
  }
  writeFileSync(join(directory, "set"), Array.from({ length: 20 }, (_, i) => `${line(i)}\n`).join(""));
  return directory;
}

/** Gives its input back; shaped as the samples of a batch are. */
function same(...inputShape: (number | null)[]): LayersModel {
  return tf.sequential({ layers: [tf.layers.activation({ inputShape, activation: "linear" })] });
}

test("a prediction covers the whole example, whatever the windows", async () => {
  for (const channels of [1, 2]) {
    const dataset = new AudioDataset(
      sounds(`pairs${channels}`, (i) => `s${i}.wav,s${i}.wav`, channels),
      "set",
    );
    await dataset.generateRecords(quiet);
    const end = channels === 2 ? [2] : [];
    for (const [window, inputSize] of [
      [{ length: 400 }, 100],
      [{ length: 400, step: 50 }, 100],
      [{ length: 400, step: Infinity }, undefined],
      [{ length: 250 }, 100],
      [{ length: 2000 }, 100],
    ] as const) {
      await dataset.load({ ...(inputSize && { inputSize }), window, batchSize: 2 });
      const { input } = await dataset.example(3);
      const model = inputSize ? same(null, inputSize, ...end) : same(400, ...end);
      const before = tf.memory().numTensors;
      assert.deepEqual(await dataset.predict(model, 3), input, JSON.stringify([window, inputSize, channels]));
      assert.equal(tf.memory().numTensors, before);
    }
  }
});

test("labels per frame are predicted for every frame, those of whole files as the mean of their windows", async () => {
  const directory = sounds("frames", (i) => `s${i}.wav,key.csv`);
  writeFileSync(join(directory, "key.csv"), "t,C4,E4\n0,1,0\n0.05,0,1\n");
  const frames = new AudioClassificationDataset(directory, "set");
  await frames.generateRecords({ ...quiet, timeUnit: "seconds" });
  const perFrame = tf.sequential({ layers: [tf.layers.dense({ inputShape: [null, 100], units: 2, useBias: false })] });
  await frames.load({ inputSize: 100, batchSize: 2 });
  const whole = await frames.predict(perFrame, 5);
  assert.equal(whole.length, 17 * 2);
  await frames.load({ inputSize: 100, batchSize: 2, window: { length: 400, step: 200 } });
  close(await frames.predict(perFrame, 5), whole, 1e-6, 1e-5);

  const classes = new SimpleAudioClassificationDataset(
    sounds("classes", (i) => `s${i}.wav,${i % 2},${1 - (i % 2)}`),
    "set",
  );
  await classes.generateRecords(quiet);
  await classes.load({ batchSize: 2, window: { length: 400, step: 300 } });
  const model = tf.sequential({ layers: [tf.layers.dense({ inputShape: [400], units: 2, activation: "softmax" })] });
  const { input } = await classes.example(4);
  const expected = tf.tidy(() => {
    const starts = [0, 300, 600, 900, 1200];
    const windows = tf.stack(starts.map((start) => tf.tensor1d(input).slice(start, 400)));
    return [...(model.predict(windows) as Tensor).mean(0).dataSync()];
  });
  close(await classes.predict(model, 4), expected, 1e-6, 1e-5);
});

test("folds keep the options of load unless they are given again; only training drops its rest", async () => {
  const dataset = new SimpleAudioClassificationDataset(
    sounds("folds", (i) => `s${i}.wav,${i % 2},${1 - (i % 2)}`),
    "set",
  );
  await dataset.generateRecords(quiet);
  await dataset.load({ inputSize: 50, batchSize: 8, dropRemainder: true, seed: 4, groupBy: (name) => name });
  assert.deepEqual([dataset.split.train.length, dataset.split.validate.length, dataset.split.test.length], [14, 3, 3]);
  assert.deepEqual([dataset.trainSteps, dataset.valSteps, dataset.testSteps], [1, 1, 1]);
  const shape = async (data: typeof dataset.train): Promise<number[]> => {
    const { value } = await (await data.iterator()).next();
    tf.dispose([value.xs, value.ys]);
    return value.xs.shape;
  };
  const folds = await dataset.kfold(2);
  for (const { train, validate, test: tested } of folds) {
    assert.deepEqual(await shape(train), [8, 34, 50]);
    assert.deepEqual(await shape(tested), [8, 34, 50]);
    assert.deepEqual([train.size, validate.size, tested.size], [1, 0, 2]);
    assert.equal(train.state().seed, 4);
  }
  const [fold] = await dataset.kfold(2, { inputSize: 100, batchSize: 5, dropRemainder: false, valSplit: 0.3 });
  assert.deepEqual(await shape(fold!.train), [5, 17, 100]);
  assert.deepEqual([fold!.train.size, fold!.validate.size, fold!.test.size], [2, 1, 2]);
});

test("a batch that is larger than all of training is an error where the remainder is dropped", async () => {
  const dataset = new SimpleAudioClassificationDataset(
    sounds("dropped", (i) => `s${i}.wav,${i % 2},${1 - (i % 2)}`),
    "set",
  );
  await dataset.generateRecords(quiet);
  const load = (options: LoadOptions): Promise<void> => dataset.load({ dropRemainder: true, ...options });
  const refused = (options: LoadOptions, found: string): Promise<void> =>
    assert.rejects(load(options), {
      code: "OPTION",
      message: `train split: no full batch of ${found}, expected at least one with dropRemainder; lower batchSize, add examples, or leave out dropRemainder`,
    });
  await refused({}, "64 (14 examples)");
  await refused({ batchSize: 15 }, "15 (14 examples)");
  const half = { index: 0, count: 2 };
  await refused({ batchSize: 8, replica: half }, "8 (14 examples, 7 for each of 2 processes)");
  await refused({ batchSize: 1, replica: { index: 0, count: 15 } }, "1 (14 examples, 0 for each of 15 processes)");
  await refused({ batchSize: 15, window: { length: 4000 } }, "15 (14 pieces)");
  // What isn't divided, or isn't dropped, has its batches; so has a set that only tests.
  await load({ batchSize: 14 });
  assert.deepEqual([dataset.trainSteps, dataset.valSteps, dataset.testSteps], [1, 1, 1]);
  await load({ batchSize: 7, replica: half });
  await load({ batchSize: 64, trainSplit: 0, valSplit: 0, testSplit: 1 });
  assert.deepEqual([dataset.trainSteps, dataset.testSteps], [0, 1]);
  await load({ dropRemainder: false, replica: { index: 14, count: 15 } });
  assert.equal(dataset.trainSteps, 1);
});
