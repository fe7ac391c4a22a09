import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { WaveFile } from "wavefile";
import {
  AudioClassificationDataset,
  AudioDataset,
  type Batches,
  type Dataset,
  DatasetError,
  loadTensorFlow,
  openRecords,
  PianoDataset,
  readExample,
  SimpleAudioClassificationDataset,
  splitExamples,
} from "../../dist/index.js";
import { folder } from "../support/records.js";

// The numbers are those of the list of bugs found in the original Python program; h1 to h7 those of its later version.

const tf = loadTensorFlow();
const quiet = { onProgress: false, workers: 2 } as const;
const whole = { trainSplit: 1, valSplit: 0, testSplit: 0 };
const small = { ...quiet, waves: ["sin"], chords: ["pure"], duration: 0.05, sampleRate: 8000 } as const;

/** Writes a wav of whole numbers, which another library encodes. */
function wav(path: string, samples: ArrayLike<number> | number[][], rate = 8000, bits = "16"): void {
  const file = new WaveFile();
  file.fromScratch(Array.isArray((samples as number[][])[0]) ? 2 : 1, rate, bits, samples as number[]);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, file.toBuffer());
}

/** Whole numbers of 16 bits that look random and are others for each seed. */
const noise = (n: number, seed = 1): number[] =>
  Array.from({ length: n }, (_, i) => ((i * 7919 + seed * 104729) % 65536) - 32768);

async function refused(work: Promise<unknown>, code: string, message: RegExp): Promise<void> {
  await assert.rejects(work, (error) => {
    assert.ok(error instanceof DatasetError, String(error));
    assert.equal(error.code, code);
    assert.match(error.message, message);
    return true;
  });
}

const shards = (directory: string): string[] => readdirSync(directory).filter((file) => file.endsWith(".tfrecord"));

/** Shapes and values of every batch of one epoch. */
async function epoch(data: Batches): Promise<{ xs: number[]; ys: number[]; rows: string[] }[]> {
  const seen: { xs: number[]; ys: number[]; rows: string[] }[] = [];
  await data.forEachAsync(({ xs, ys }) => {
    const rows = (xs.reshape([xs.shape[0]!, -1]).arraySync() as number[][]).map((row) => row.join());
    seen.push({ xs: xs.shape, ys: ys.shape, rows });
    tf.dispose([xs, ys]);
  });
  return seen;
}

const rowsOf = async (data: Batches): Promise<string[]> => (await epoch(data)).flatMap(({ rows }) => rows);

/** `count` generated pairs, each input another tone. */
async function tones(t: TestContext, count: number, options = {}): Promise<AudioDataset> {
  const dataset = new AudioDataset(folder(t), "set");
  await dataset.generate(100, 1000, count, { ...small, ...options, removeWav: true });
  return dataset;
}

/** A dataset with an index csv and wavs of noise, of the given numbers of samples. */
function own<D extends Dataset>(
  t: TestContext,
  make: (directory: string) => D,
  index: string,
  files: Record<string, number>,
): D {
  const directory = folder(t);
  for (const [i, [file, samples]] of Object.entries(files).entries()) {
    wav(join(directory, file), noise(samples, i + 1));
  }
  writeFileSync(join(directory, "set"), index);
  return make(directory);
}

const pairs = (directory: string): AudioDataset => new AudioDataset(directory, "set");
const simple = (directory: string): SimpleAudioClassificationDataset =>
  new SimpleAudioClassificationDataset(directory, "set");
const frames = (directory: string): AudioClassificationDataset => new AudioClassificationDataset(directory, "set");

/** A frame-labelled song and its key csv. */
function song(t: TestContext, samples: number, key: string): AudioClassificationDataset {
  const dataset = own(t, frames, "a.wav,a.csv\n", { "in/a.wav": samples });
  writeFileSync(join(dataset.directory, "a.csv"), key);
  return dataset;
}

describe("bugs that cannot happen here", () => {
  it("1: over two epochs no example of one split is seen in another", async (t) => {
    const dataset = await tones(t, 20);
    await dataset.load({ batchSize: 4, seed: 3 });
    const train = new Set([...(await rowsOf(dataset.train)), ...(await rowsOf(dataset.train))]);
    const validate = await rowsOf(dataset.validate);
    const test = await rowsOf(dataset.test);
    assert.equal(train.size, 14);
    assert.equal(new Set([...train, ...validate, ...test]).size, 20);
    assert.equal(validate.length + test.length, 6);
  });

  it("2: validate has the share that was asked for", async (t) => {
    const dataset = await tones(t, 20);
    await dataset.load({ trainSplit: 0.5, valSplit: 0.1, testSplit: 0.4, batchSize: 1 });
    assert.deepEqual([dataset.trainSteps, dataset.valSteps, dataset.testSteps], [10, 2, 8]);
    assert.equal((await rowsOf(dataset.validate)).length, 2);
  });

  it("3: the default set holds no pair twice, and the interval and the chord of maj7 are two things", async (t) => {
    const dataset = new AudioDataset(folder(t), "set");
    await dataset.generate(200, 400, 2, { ...quiet, duration: 0.05, sampleRate: 16000, waves: ["sin"] });
    const records = await openRecords(dataset.directory, "set");
    const { chords } = records.manifest.recipe!;
    assert.equal(new Set(chords).size, chords.length);
    const seen = new Set<string>();
    for (let i = 0; i < records.count; i++) seen.add((await readExample(records, i)).input.join());
    assert.equal(seen.size, 2 * chords.length);
    const both = await tones(t, 1, { chords: ["maj7", "maj7th"] });
    const [chord, interval] = await Promise.all(
      [0, 1].map(async (i) => readExample(await openRecords(both.directory, "set"), i)),
    );
    assert.notDeepEqual(chord!.input, interval!.input);
  });

  it("4: all 65,536 codes of 16 bits come back exactly", async (t) => {
    const codes = Int16Array.from({ length: 65536 }, (_, i) => i - 32768);
    const dataset = own(t, simple, "a.wav,1\n", {});
    wav(join(dataset.directory, "in/a.wav"), codes);
    await dataset.generateRecords(quiet);
    const { input } = await readExample(await openRecords(dataset.directory, "set"), 0);
    assert.deepEqual(
      input,
      Float32Array.from(codes, (code) => code / 32768),
    );
  });

  it("5: no row of zeros where inputSize divides the length", async (t) => {
    const dataset = own(t, pairs, "a.wav,a.wav\n", { "in/a.wav": 16000, "out/a.wav": 16000 });
    await dataset.generateRecords(quiet);
    await dataset.load({ ...whole, inputSize: 160 });
    assert.deepEqual((await epoch(dataset.train))[0]!.xs, [1, 100, 160]);
  });

  it("6: rows, columns and header of a key csv are compared with the audio, time stamps are read", async (t) => {
    const build = (key: string): Promise<void> =>
      song(t, 800, key).generateRecords({ ...quiet, inputSize: 100, encoding: "float16" });
    const row = (k: number): string => `${k},1,0`;
    await refused(build(`t,a,b\n${[0, 1, 2, 3, 4].map(row).join("\n")}\n`), "CHECK", /rows: 5, expected 8/);
    await refused(build(`${[0, 1, 2].map(row).join("\n")}\n`), "CHECK", /header: numbers, expected names/);
    await refused(build("t,a,b\n0,1,0\n1,1\n"), "CHECK", /columns: 2, expected 3 .*a\.csv:3/);
    const dataset = song(t, 800, "t,a\n0,0\n300,1\n500,0\n");
    await dataset.generateRecords({ ...quiet, timeUnit: "samples" });
    await dataset.load({ ...whole, inputSize: 100 });
    const { value } = await (await dataset.train.iterator()).next();
    assert.deepEqual([...(await value.ys.data())], [0, 0, 0, 1, 1, 0, 0, 0]);
    tf.dispose([value.xs, value.ys]);
  });

  it("7: datasets of like names share a folder, and shards are read in the order of their numbers", async (t) => {
    const first = await tones(t, 12, { examplesPerFile: 1 });
    const second = new AudioDataset(first.directory, "set2");
    await second.generate(1000, 1500, 3, { ...small, removeWav: true });
    const records = await openRecords(first.directory, "set");
    assert.deepEqual([...records.ids], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    assert.equal((await openRecords(first.directory, "set2")).count, 3);
    // Descending frequencies: the tenth shard comes after the second.
    const lowest = await readExample(records, 11);
    assert.equal(lowest.id, 11);
    await first.load({ ...whole, batchSize: 64 });
    assert.equal((await rowsOf(first.train)).length, 12);
  });

  it("8: frequencies that lie close do not share a file", async (t) => {
    const dataset = new AudioDataset(folder(t), "set");
    await dataset.generate(20, 20.01, 10, small);
    assert.equal(readdirSync(join(dataset.directory, "in")).length, 10);
    assert.equal((await openRecords(dataset.directory, "set")).count, 10);
  });

  it("9: the same call gives the same bytes, split and order", async (t) => {
    const [a, b] = [await tones(t, 10), await tones(t, 10)];
    await a.load({ batchSize: 3, seed: 5 });
    await b.load({ batchSize: 3, seed: 5 });
    assert.equal(a.records.manifest.fingerprint, b.records.manifest.fingerprint);
    assert.deepEqual(a.split, b.split);
    assert.deepEqual(await rowsOf(a.train), await rowsOf(b.train));
    await b.load({ batchSize: 3, seed: 6 });
    assert.notDeepEqual(a.split, b.split);
  });

  it("10: stereo stays two channels of the same length", async (t) => {
    const dataset = own(t, simple, "a.wav,1\n", {});
    const sides = [noise(300, 1), noise(300, 2)];
    wav(join(dataset.directory, "in/a.wav"), sides);
    await dataset.generateRecords(quiet);
    await dataset.load(whole);
    const { value } = await (await dataset.train.iterator()).next();
    assert.deepEqual(value.xs.shape, [1, 300, 2]);
    const expected = sides[0]!.map((left, i) => [left / 32768, sides[1]![i]! / 32768]);
    assert.deepEqual((value.xs.arraySync() as number[][][])[0], expected);
    tf.dispose([value.xs, value.ys]);
  });

  it("11: the sample rate is the header's, and two rates are refused", async (t) => {
    const dataset = own(t, simple, "a.wav,1\nb.wav,0\n", {});
    wav(join(dataset.directory, "in/a.wav"), noise(100), 22050);
    wav(join(dataset.directory, "in/b.wav"), noise(100, 2), 11025);
    await refused(dataset.generateRecords(quiet), "CHECK", /sample rate: 11025, expected 22050/);
    writeFileSync(join(dataset.directory, "set"), "a.wav,1\n");
    await dataset.generateRecords(quiet);
    assert.equal((await openRecords(dataset.directory, "set")).manifest.sampleRate, 22050);
  });

  it("12: a missing wav stops the build before it begins, a 24-bit wav is read", async (t) => {
    const dataset = own(t, simple, "a.wav,1\ngone.wav,0\nb.wav,1\n", { "in/a.wav": 100 });
    const exact = noise(100).map((code) => code * 256 + 77);
    wav(join(dataset.directory, "in/b.wav"), exact, 8000, "24");
    await refused(dataset.generateRecords(quiet), "CHECK", /not found.*in\/gone\.wav/);
    assert.deepEqual(shards(dataset.directory), []);
    assert.deepEqual(readdirSync(join(dataset.directory, "in")), ["a.wav", "b.wav"]);
    writeFileSync(join(dataset.directory, "set"), "a.wav,1\nb.wav,1\n");
    await dataset.generateRecords(quiet);
    const { input } = await readExample(await openRecords(dataset.directory, "set"), 1);
    assert.deepEqual(
      input,
      Float32Array.from(exact, (code) => code / 2 ** 23),
    );
  });

  it("13: tones need no program that may be missing", async (t) => {
    const path = process.env.PATH;
    t.after(() => {
      process.env.PATH = path;
    });
    process.env.PATH = "";
    const dataset = await tones(t, 3, { volume: 0.5 });
    const { input, target } = await readExample(await openRecords(dataset.directory, "set"), 0);
    for (const side of [input, target!]) assert.ok(side.length === 400 && Math.max(...side) > 0.4);
  });

  it("14: changed parameters make new records", async (t) => {
    const dataset = await tones(t, 3, { volume: 0.1 });
    const before = (await openRecords(dataset.directory, "set")).manifest;
    await dataset.generate(100, 1000, 3, { ...small, volume: 0.5, removeWav: true });
    const records = await openRecords(dataset.directory, "set");
    assert.notEqual(records.manifest.fingerprint, before.fingerprint);
    assert.ok(Math.max(...(await readExample(records, 0)).input) > 0.4);
  });

  it("15: the folder of the dataset is made", async (t) => {
    for (const removeWav of [false, true]) {
      const dataset = new AudioDataset(join(folder(t), "not/there/yet"), "set");
      await dataset.generate(100, 1000, 2, { ...small, removeWav });
      assert.ok(existsSync(join(dataset.directory, "set.txt")));
    }
  });

  it("16: sizes have names, and a batch larger than the set is one step, not none", async (t) => {
    const dataset = await tones(t, 4);
    await dataset.load({ ...whole, inputSize: 256, batchSize: 16000 });
    assert.equal(dataset.trainSteps, 1);
    assert.deepEqual((await epoch(dataset.train))[0]!.xs, [4, 2, 256]);
    await refused(dataset.load({ ...whole, inputSize: 0 }), "OPTION", /inputSize: 0, expected a whole number above 0/);
  });

  it("17: each of the 4,851 splits in whole percents is taken, exactly", () => {
    let count = 0;
    for (let a = 1; a < 99; a++) {
      for (let b = 1; a + b < 100; b++) {
        const c = 100 - a - b;
        const shares = { trainSplit: a / 100, valSplit: b / 100, testSplit: c / 100, seed: 0 };
        const { train, validate, test } = splitExamples(100, shares);
        if (train.length !== a || validate.length !== b || test.length !== c) assert.fail(`${a} ${b} ${c}`);
        count++;
      }
    }
    assert.equal(count, 4851);
  });

  it("18: with few examples evaluation ends, and an empty split is refused", async (t) => {
    const dataset = await tones(t, 4);
    await dataset.load({ trainSplit: 0.5, valSplit: 0.25, testSplit: 0.25, inputSize: 100, batchSize: 64 });
    assert.deepEqual([dataset.trainSteps, dataset.valSteps, dataset.testSteps], [1, 1, 1]);
    const model = tf.sequential({ layers: [tf.layers.dense({ units: 100, inputShape: [null, 100] })] });
    model.compile({ optimizer: "sgd", loss: "meanSquaredError" });
    const { history } = await model.fitDataset(dataset.train, {
      epochs: 1,
      validationData: dataset.validate,
      verbose: 0,
    });
    assert.ok(Number.isFinite(history.val_loss![0]));
    const loss = (await model.evaluateDataset(dataset.test, {})) as ReturnType<typeof tf.scalar>;
    assert.ok(Number.isFinite(loss.dataSync()[0]));
    await refused(dataset.load({ trainSplit: 0.98, valSplit: 0.01, testSplit: 0.01 }), "SPLIT", /empty/);
  });

  it("19: a length of 1.5 seconds", async (t) => {
    const dataset = await tones(t, 2, { duration: 1.5 });
    await dataset.load({ ...whole, inputSize: 256 });
    assert.deepEqual((await epoch(dataset.train))[0]!.xs, [2, Math.ceil(12000 / 256), 256]);
  });

  it("20: files of different length share a batch", async (t) => {
    const files = { "in/a.wav": 1000, "out/a.wav": 1000, "in/b.wav": 300, "out/b.wav": 300 };
    const dataset = own(t, pairs, "a.wav,a.wav\nb.wav,b.wav\n", files);
    await dataset.generateRecords(quiet);
    await dataset.load({ ...whole, inputSize: 256 });
    const [batch] = await epoch(dataset.train);
    assert.deepEqual(
      [batch!.xs, batch!.ys],
      [
        [2, 4, 256],
        [2, 4, 256],
      ],
    );
  });

  it("21: records of own files load without a sidecar written by hand, every kind", async (t) => {
    const files = { "in/a.wav": 400, "out/a.wav": 400 };
    const labelled = own(t, frames, "a.wav,a.csv\n", files);
    writeFileSync(join(labelled.directory, "a.csv"), "t,a,b\n0,1,0\n1,0,1\n2,0,0\n3,1,1\n");
    for (const dataset of [own(t, pairs, "a.wav,a.wav\n", files), own(t, simple, "a.wav,1,0\n", files), labelled]) {
      await dataset.generateRecords(quiet);
      await dataset.load({ ...whole, inputSize: 100 });
      assert.deepEqual((await epoch(dataset.train))[0]!.xs, [1, 4, 100]);
    }
  });

  it("22: whole-file labels are recorded", async (t) => {
    const dataset = own(t, simple, "a.wav,0,2.5\nb.wav,1,0\n", { "in/a.wav": 100, "in/b.wav": 100 });
    await dataset.generateRecords(quiet);
    assert.deepEqual([...(await openRecords(dataset.directory, "set")).values!], [0, 2.5, 1, 0]);
  });

  it("23: rows of different length are named", async (t) => {
    const dataset = own(t, simple, "a.wav,0,1\nb.wav,1\n", { "in/a.wav": 100, "in/b.wav": 100 });
    await refused(dataset.generateRecords(quiet), "CHECK", /labels: 1, expected 2 .*\(set:2\)/);
  });

  it("24: no label, one label and all labels of a file", async (t) => {
    const files = { "in/a.wav": 100, "in/b.wav": 100, "in/c.wav": 100 };
    const dataset = own(t, simple, "a.wav,0,0,0\nb.wav,0,1,0\nc.wav,1,1,1\n", files);
    await dataset.generateRecords(quiet);
    assert.deepEqual([...(await openRecords(dataset.directory, "set")).values!], [0, 0, 0, 0, 1, 0, 1, 1, 1]);
  });

  it("25: a piano can be made; notes without their octave, short numbers, hidden files and spaces do no harm", async (t) => {
    const directory = folder(t);
    for (const n of [5, 17, 60, 61, 72]) wav(join(directory, `in/my piano ${n}.wav`), noise(100, n));
    writeFileSync(join(directory, "in/.hidden 48.wav"), "");
    const dataset = new PianoDataset(directory, "set");
    await dataset.generateRecords(quiet);
    await dataset.load({ ...whole });
    assert.deepEqual([...dataset.records.names].sort(), ["my piano 5.wav", "my piano 60.wav"]);
    const i = dataset.records.names.indexOf("my piano 60.wav");
    assert.deepEqual(
      [...(await dataset.example(i)).target!],
      noise(100, 72).map((code) => code / 32768),
    );
  });

  it("26: songs of different length share a batch in every split", async (t) => {
    const names = Array.from({ length: 6 }, (_, i) => `s${i}`);
    const files = Object.fromEntries(names.map((name, i) => [`in/${name}.wav`, 200 + 100 * (i % 2)]));
    const dataset = own(t, frames, names.map((name, i) => `${name}.wav,k${i % 2}.csv\n`).join(""), files);
    writeFileSync(join(dataset.directory, "k0.csv"), "t,a\n0,1\n1,0\n");
    writeFileSync(join(dataset.directory, "k1.csv"), "t,a\n0,1\n1,0\n2,0\n");
    await dataset.generateRecords(quiet);
    const split = { train: Uint32Array.of(0, 1), validate: Uint32Array.of(2, 3), test: Uint32Array.of(4, 5) };
    await dataset.load({ split, inputSize: 100 });
    for (const side of [dataset.train, dataset.validate, dataset.test]) {
      assert.deepEqual(
        (await epoch(side)).map(({ xs, ys }) => [xs, ys]),
        [
          [
            [2, 3, 100],
            [2, 3, 1],
          ],
        ],
      );
    }
  });

  it("27: one step, an empty index, blank lines in index and key csv", async (t) => {
    const dataset = await tones(t, 1);
    assert.equal((await openRecords(dataset.directory, "set")).count, 1);
    await refused(own(t, pairs, "\n", {}).generateRecords(quiet), "CHECK", /no rows, expected one line per example/);
    const gaps = own(t, simple, "\na.wav,1\n\n\nb.wav,0\n\n", { "in/a.wav": 100, "in/b.wav": 100 });
    await gaps.generateRecords(quiet);
    assert.equal((await openRecords(gaps.directory, "set")).count, 2);
    await refused(song(t, 400, "t,a\n0,1\n\n2,0\n").generateRecords(quiet), "CHECK", /line: blank.*\(a\.csv:3\)/);
    await song(t, 400, "t,a\n0,1\n2,0\n\n").generateRecords(quiet);
  });

  it("28: frame labels are recorded after a model has been trained in the same process", async (t) => {
    const model = tf.sequential({ layers: [tf.layers.dense({ units: 1, inputShape: [4] })] });
    model.compile({ optimizer: "sgd", loss: "meanSquaredError" });
    await model.fit(tf.zeros([8, 4]), tf.ones([8, 1]), { epochs: 1, verbose: 0 });
    const dataset = song(t, 400, "t,a\n0,1\n2,0\n");
    await dataset.generateRecords({ ...quiet, encoding: "float16", inputSize: 200 });
    assert.equal((await openRecords(dataset.directory, "set")).count, 1);
  });

  it("29: with one of the folders there, the other is made", async (t) => {
    for (const there of ["in", "out"]) {
      const dataset = new AudioDataset(folder(t), "set");
      mkdirSync(join(dataset.directory, there));
      await dataset.generate(100, 1000, 2, small);
      for (const side of ["in", "out"]) assert.equal(readdirSync(join(dataset.directory, side)).length, 2);
    }
  });

  it("30: the process's environment, and so its GPU, stays as it was", async (t) => {
    const before = { ...process.env };
    const dataset = await tones(t, 2);
    await dataset.load(whole);
    await epoch(dataset.train);
    assert.deepEqual({ ...process.env }, before);
  });

  it("h1: 1001 samples at 8 kHz are 1001 samples", async (t) => {
    const dataset = own(t, simple, "a.wav,1\n", { "in/a.wav": 1001 });
    await dataset.generateRecords(quiet);
    await dataset.load(whole);
    assert.deepEqual((await epoch(dataset.train))[0]!.xs, [1, 1001]);
  });

  it("h2: splits neither overlap nor lose an example, whatever the rounding", () => {
    for (let n = 4; n < 200; n++) {
      for (const [a, b] of [
        [0.7, 0.3],
        [0.5, 0.5],
      ] as const) {
        const { train, test } = splitExamples(n, { trainSplit: a, valSplit: 0, testSplit: b, seed: n });
        assert.equal(new Set([...train, ...test]).size, n);
        assert.equal(train.length + test.length, n);
      }
    }
  });

  it("h3: a set of mono and stereo is refused and leaves no shard behind", async (t) => {
    const dataset = own(t, simple, "a.wav,1\nb.wav,0\n", { "in/a.wav": 100 });
    wav(join(dataset.directory, "in/b.wav"), [noise(100), noise(100)]);
    await refused(dataset.generateRecords(quiet), "CHECK", /channels: 2, expected 1/);
    assert.deepEqual(shards(dataset.directory), []);
  });

  it("h4, h5: blank lines are no files; what another object recorded is loaded", async (t) => {
    const files = { "in/a.wav": 100, "in/b.wav": 100, "out/a.wav": 100, "out/b.wav": 100 };
    const dataset = own(t, pairs, "a.wav,a.wav\n\nb.wav,b.wav\n", files);
    await dataset.generateRecords(quiet);
    const again = new AudioDataset(dataset.directory, "set");
    await again.load(whole);
    assert.equal((await rowsOf(again.train)).length, 2);
  });

  it("h7: records older than their sources are refused and rebuilt, and targets are checked too", async (t) => {
    const files = { "in/a.wav": 100, "out/a.wav": 100 };
    const dataset = own(t, pairs, "a.wav,a.wav\n", files);
    await dataset.generateRecords(quiet);
    wav(join(dataset.directory, "out/a.wav"), noise(100, 9));
    await refused(dataset.load(whole), "STALE", /1 file changed: out\/a\.wav/);
    await dataset.generateRecords(quiet);
    await dataset.load(whole);
    assert.deepEqual(
      [...(await dataset.example(0)).target!],
      noise(100, 9).map((code) => code / 32768),
    );
    writeFileSync(join(dataset.directory, "out/a.wav"), "RIFF");
    await refused(dataset.generateRecords(quiet), "CHECK", /out\/a\.wav/);
  });
});
