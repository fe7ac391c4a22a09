import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import type { LayersModel, Tensor } from "@tensorflow/tfjs-node-gpu";
import { WaveFile } from "wavefile";
import { writeMidi } from "midi-file";
import {
  AudioClassificationDataset,
  AudioDataset,
  type Dataset,
  fit,
  fromCsv,
  fromFolder,
  loadTensorFlow,
  PianoDataset,
  RegressionDataset,
  SimpleAudioClassificationDataset,
} from "../../dist/index.js";
import { folder } from "../support/records.js";

const tf = loadTensorFlow();
const quiet = { onProgress: false, workers: 2 } as const;
const RATE = 8000;

function write(directory: string, files: Record<string, string | Uint8Array>): void {
  for (const [file, content] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, file)), { recursive: true });
    writeFileSync(join(directory, file), content);
  }
}

/** A wav of one tone, which another library encodes. */
function tone(samples: number, frequency: number, rate = RATE): Uint8Array {
  const file = new WaveFile();
  const values = Array.from({ length: samples }, (_, i) =>
    Math.round(12000 * Math.sin((2 * Math.PI * frequency * i) / rate)),
  );
  file.fromScratch(1, rate, "16", values);
  return file.toBuffer();
}

/** The single batch of a split, as arrays. */
async function only(data: Dataset["train"]): Promise<{ x: number[]; shape: number[]; y: unknown }> {
  const batches: { x: number[]; shape: number[]; y: unknown }[] = [];
  await data.forEachAsync(({ xs, ys }) => {
    batches.push({ x: [...xs.dataSync()], shape: xs.shape, y: ys.arraySync() });
    tf.dispose([xs, ys]);
  });
  assert.equal(batches.length, 1);
  return batches[0]!;
}

/** Trains a step on TensorFlow and evaluates: both losses must be numbers. */
async function trains(model: LayersModel, dataset: Dataset, loss: string): Promise<void> {
  model.compile({ optimizer: tf.train.adam(0.01), loss });
  const { history } = await model.fitDataset(dataset.train, {
    epochs: 1,
    validationData: dataset.validate,
    verbose: 0,
  });
  assert.ok(Number.isFinite(history.loss![0]) && Number.isFinite(history.val_loss![0]), JSON.stringify(history));
  const tested = (await model.evaluateDataset(dataset.test, {})) as Tensor;
  assert.ok(Number.isFinite(tested.dataSync()[0]));
}

/** A model of samples `[length]` to `units` numbers. */
const dense = (length: number, units: number, activation: "linear" | "softmax" | "sigmoid" = "linear"): LayersModel =>
  tf.sequential({ layers: [tf.layers.dense({ units, activation, inputShape: [length] })] });

/** 12 files of 400 samples: low, middle and high tones, which classes and targets follow. */
function tones(t: TestContext): { directory: string; names: string[] } {
  const directory = folder(t);
  const names = Array.from({ length: 12 }, (_, i) => `t${i}.wav`);
  for (const [i, name] of names.entries())
    write(directory, { [`in/${name}`]: tone(400, [200, 900, 2500][i % 3]! + i) });
  return { directory, names };
}

describe("every kind of dataset, from its files to a trained step", () => {
  it("multi-class labels: names from the header through records and statistics to the judgement", async (t) => {
    const { directory, names } = tones(t);
    const one = (k: number): string => [0, 1, 2].map((c) => (c === k ? 1 : 0)).join();
    write(directory, { set: `file,low,mid,high\n${names.map((name, i) => `${name},${one(i % 3)}`).join("\n")}\n` });
    const dataset = new SimpleAudioClassificationDataset(directory, "set", { seed: 2 });
    await dataset.generateRecords(quiet);
    await dataset.load({ trainSplit: 0.5, valSplit: 0.25, testSplit: 0.25 });
    assert.deepEqual(dataset.labels, ["low", "mid", "high"]);
    const { splits, labels } = dataset.statistics();
    assert.deepEqual(labels, ["low", "mid", "high"]);
    // Stratified: each side has its share of every class.
    assert.deepEqual(
      splits.map(({ classes }) => classes),
      [
        [2, 2, 2],
        [1, 1, 1],
        [1, 1, 1],
      ],
    );
    const model = dense(400, 3, "softmax");
    await trains(model, dataset, "categoricalCrossentropy");
    const { judgement } = await fit(model, dataset, { epochs: 20, seed: 1, show: false, onProgress: false });
    assert.deepEqual(judgement!.labels, ["low", "mid", "high"]);
    assert.equal(
      judgement!.matrix!.flat().reduce((a, b) => a + b),
      3,
    );
  });

  it("classes side by side, with weights", async (t) => {
    const { directory, names } = tones(t);
    const weights = (i: number): number[] => [i % 2, i % 3 === 0 ? 0.5 : 0];
    write(directory, { set: `file,odd,third\n${names.map((name, i) => `${name},${weights(i)}`).join("\n")}\n` });
    const dataset = new SimpleAudioClassificationDataset(directory, "set");
    await dataset.generateRecords(quiet);
    await dataset.load({ trainSplit: 0.5, valSplit: 0.25, testSplit: 0.25 });
    for (const i of dataset.split.test) assert.deepEqual([...(await dataset.example(i)).values!], weights(i));
    const model = dense(400, 2, "sigmoid");
    await trains(model, dataset, "binaryCrossentropy");
    const { judgement } = await fit(model, dataset, { epochs: 1, seed: 1, show: false, onProgress: false });
    assert.equal(judgement!.thresholds!.length, 2);
  });

  it("labels with time stamps in frames, seconds and samples are the same labels", async (t) => {
    const directory = folder(t);
    const songs = Array.from({ length: 4 }, (_, i) => `s${i}`);
    for (const [i, song] of songs.entries()) write(directory, { [`in/${song}.wav`]: tone(800 - 100 * (i % 2), 300) });
    const stamps = { frames: [0, 2, 5], samples: [0, 200, 500], seconds: [0, 0.025, 0.0625] };
    const values = ["0,0", "1,0.5", "0,1"];
    for (const [timeUnit, times] of Object.entries(stamps)) {
      const key = `t,C4,E4\n${times.map((time, k) => `${time},${values[k]}`).join("\n")}\n`;
      write(directory, {
        [`${timeUnit}.csv`]: key,
        [timeUnit]: songs.map((song) => `${song}.wav,${timeUnit}.csv\n`).join(""),
      });
      const dataset = new AudioClassificationDataset(directory, timeUnit);
      await dataset.generateRecords({ ...quiet, timeUnit: timeUnit as keyof typeof stamps });
      const one = (i: number): Uint32Array => Uint32Array.of(i);
      const split = { train: Uint32Array.of(0, 1), validate: one(2), test: one(3) };
      await dataset.load({ split, inputSize: 100 });
      assert.deepEqual(dataset.labels, ["C4", "E4"]);
      const held = [
        [0, 0],
        [0, 0],
        [1, 0.5],
        [1, 0.5],
        [1, 0.5],
        [0, 1],
        [0, 1],
      ];
      assert.deepEqual((await only(dataset.validate)).y, [[...held, [0, 1]]]);
      // One frame shorter.
      assert.deepEqual((await only(dataset.test)).y, [held]);
      const layers = [tf.layers.dense({ units: 2, activation: "sigmoid", inputShape: [null, 100] })];
      await trains(tf.sequential({ layers }), dataset, "binaryCrossentropy");
    }
  });

  it("MIDI beside the audio, windows cut out of it", async (t) => {
    const directory = folder(t);
    // 480 ticks a quarter, 120 quarters a minute: note 60 from 0.25 s to 0.5 s.
    const midi = Uint8Array.from(
      writeMidi({
        header: { format: 0, numTracks: 1, ticksPerBeat: 480 },
        tracks: [
          [
            { deltaTime: 240, type: "noteOn", channel: 0, noteNumber: 60, velocity: 127 },
            { deltaTime: 240, type: "noteOff", channel: 0, noteNumber: 60, velocity: 0 },
            { deltaTime: 480, type: "endOfTrack", meta: true },
          ],
        ],
      } as Parameters<typeof writeMidi>[0]),
    );
    write(directory, { "in/a.wav": tone(8000, 262), "in/a.mid": midi, set: "a.wav\n" });
    const dataset = new AudioClassificationDataset(directory, "set");
    await dataset.generateRecords({ ...quiet, pitches: [59, 61] });
    await dataset.load({ trainSplit: 1, valSplit: 0, testSplit: 0, inputSize: 1000 });
    assert.deepEqual(dataset.labels, ["B3", "C4", "C#4"]);
    const silent = [0, 0, 0];
    const sounding = [0, 1, 0];
    const rows = [silent, silent, sounding, sounding, silent, silent, silent, silent];
    assert.deepEqual((await only(dataset.train)).y, [rows]);
    const window = { length: 2000, step: 2000 };
    await dataset.load({ split: { validate: Uint32Array.of(0) }, inputSize: 1000, window });
    const { shape, y } = await only(dataset.validate);
    assert.deepEqual(shape, [4, 2, 1000]);
    assert.deepEqual(y, [rows.slice(0, 2), rows.slice(2, 4), rows.slice(4, 6), rows.slice(6)]);
  });

  it("numbers as targets", async (t) => {
    const { directory, names } = tones(t);
    write(directory, { set: `file,pitch,-x\n${names.map((name, i) => `${name},${i / 4},${-i}`).join("\n")}\n` });
    const dataset = new RegressionDataset(directory, "set");
    await dataset.generateRecords(quiet);
    await dataset.load({ trainSplit: 0.5, valSplit: 0.25, testSplit: 0.25 });
    const { y } = await only(dataset.validate);
    const expected = [...dataset.split.validate].map((i) => [i / 4, i === 0 ? 0 : -i]);
    assert.deepEqual(y, expected);
    assert.deepEqual(dataset.labels, ["pitch", "-x"]);
    await trains(dense(400, 2), dataset, "meanSquaredError");
  });

  it("a piano: pairs an octave apart, from the names of the files, of mixed lengths", async (t) => {
    const directory = folder(t);
    for (let n = 48; n < 72; n++) write(directory, { [`in/piano_${n}.wav`]: tone(300 + n, 8 * n) });
    const dataset = new PianoDataset(directory, "set");
    await dataset.generateRecords(quiet);
    await dataset.load({ trainSplit: 0.5, valSplit: 0.25, testSplit: 0.25, inputSize: 100 });
    assert.equal(dataset.records.count, 12);
    const { input, target, name } = await dataset.example(0);
    assert.deepEqual([name, input.length, target!.length], ["piano_48.wav", 348, 360]);
    const layers = [tf.layers.dense({ units: 100, inputShape: [null, 100] })];
    await trains(tf.sequential({ layers }), dataset, "meanSquaredError");
  });

  it("own pairs of several sample rates, converted to one, padded to the longest of a batch", async (t) => {
    const directory = folder(t);
    const names = ["a", "b", "c", "d"].map((name) => `${name}.wav`);
    for (const [i, name] of names.entries()) {
      const rate = i % 2 ? 16000 : 8000;
      for (const side of ["in", "out"]) write(directory, { [`${side}/${name}`]: tone(rate / 20 + 8 * i, 300, rate) });
    }
    write(directory, { set: names.map((name) => `${name},${name}\n`).join("") });
    const dataset = new AudioDataset(directory, "set");
    await dataset.generateRecords({ ...quiet, convert: { sampleRate: 8000 } });
    await dataset.load({ trainSplit: 0.5, valSplit: 0.25, testSplit: 0.25, inputSize: 100 });
    assert.equal(dataset.records.manifest.sampleRate, 8000);
    assert.deepEqual([(await dataset.example(0)).input.length, (await dataset.example(3)).input.length], [400, 412]);
    const layers = [tf.layers.dense({ units: 100, inputShape: [null, 100] })];
    await trains(tf.sequential({ layers }), dataset, "meanSquaredError");
  });

  it("an index made from folders or from a table needs no csv of ours", async (t) => {
    const directory = folder(t);
    for (let i = 0; i < 8; i++)
      write(directory, { [`audio/${i % 2 ? "dog" : "cat"}/${i}.wav`]: tone(200, 100 * i + 100) });
    const byFolder = new SimpleAudioClassificationDataset(directory, "folders");
    await byFolder.generateRecords({ ...quiet, index: await fromFolder(directory, { folder: "audio" }) });
    await byFolder.load({ trainSplit: 0.5, valSplit: 0.25, testSplit: 0.25 });
    assert.deepEqual(byFolder.labels, ["cat", "dog"]);
    assert.deepEqual(byFolder.statistics().splits[0]!.classes, [2, 2]);
    await trains(dense(200, 2, "softmax"), byFolder, "categoricalCrossentropy");

    const line = (i: number): string => `${i},"${i % 2 ? "dog,loud" : "cat"}",${i % 4}`;
    const rows = Array.from({ length: 8 }, (_, i) => `${line(i)},audio/${i % 2 ? "dog" : "cat"}/${i}.wav`);
    write(directory, { "meta/all.csv": `number,tags,fold,path\n${rows.join("\n")}\n` });
    const index = await fromCsv(directory, "meta/all.csv", { file: "path", labels: "tags", group: "fold" });
    const byTable = new SimpleAudioClassificationDataset(directory, "table");
    await byTable.generateRecords({ ...quiet, index });
    await byTable.load({ trainSplit: 0.5, valSplit: 0.25, testSplit: 0.25, stratifyBy: false });
    assert.deepEqual(byTable.labels, ["cat", "dog", "loud"]);
    assert.deepEqual([...(await byTable.example(1)).values!], [0, 1, 1]);
    const { split, records } = byTable;
    const sides = [split.train, split.validate, split.test];
    const folds = sides.map((side) => new Set([...side].map((i) => records.groups![i])));
    assert.equal(
      folds.reduce((sum, fold) => sum + fold.size, 0),
      4,
    );
    await trains(dense(200, 3, "sigmoid"), byTable, "binaryCrossentropy");
  });

  it("what onProblem left out is said in the manifest, with the reason, and changes no other shard", async (t) => {
    const { directory, names } = tones(t);
    const rows = names.map((name, i) => `${name},${i % 2}\n`);
    write(directory, {
      "in/torn.wav": tone(400, 300).subarray(0, 30),
      set: `${rows.join("")}torn.wav,1\nlost.wav,0\n`,
    });
    const dataset = new SimpleAudioClassificationDataset(directory, "set");
    await dataset.generateRecords({ ...quiet, onProblem: "skip" });
    await dataset.load({ trainSplit: 0.5, valSplit: 0.25, testSplit: 0.25 });
    const { manifest, names: kept } = dataset.records;
    assert.deepEqual(kept, names);
    assert.deepEqual(
      manifest.skipped!.map(({ file }) => file),
      ["in/torn.wav", "in/lost.wav"],
    );
    assert.match(manifest.skipped![1]!.message, /file: not found.*in\/lost\.wav, set:14/);
    const told = JSON.parse(readFileSync(join(directory, "set.manifest.json"), "utf8"));
    assert.deepEqual(told.skipped, manifest.skipped);
    write(directory, { set: rows.join("") });
    await dataset.generateRecords(quiet);
    await dataset.load({ trainSplit: 0.5, valSplit: 0.25, testSplit: 0.25 });
    assert.equal(dataset.records.manifest.skipped, undefined);
    assert.equal(dataset.records.manifest.fingerprint, manifest.fingerprint);
  });
});
