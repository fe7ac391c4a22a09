// The whole line for pairs, on real parts: wavs, TFRecords, native TensorFlow.
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it, test } from "node:test";
import type * as tfjs from "@tensorflow/tfjs-node-gpu";
import { AudioDataset, DatasetError } from "../../dist/index.js";
import { loadTensorFlow } from "../../dist/tensorflow/load.js";
import { python } from "../support/python.js";
import { folder } from "../support/records.js";

const quiet = { onProgress: false } as const;
const shards = (folder: string): Buffer[] =>
  readdirSync(folder)
    .filter((file) => file.endsWith(".tfrecord"))
    .sort()
    .map((file) => readFileSync(join(folder, file)));

describe("AudioDataset", () => {
  const folder = mkdtempSync(join(tmpdir(), "deep-audio-dataset-"));
  const made = join(folder, "made");
  const recipe = {
    waves: ["sin", "saw"] as ("sin" | "saw")[],
    duration: 0.25,
    sampleRate: 8000,
    volume: 0.5,
    ...quiet,
  };
  const dataset = new AudioDataset(made, "dataset", { seed: 3 });
  let tf: typeof tfjs;

  before(async () => {
    tf = loadTensorFlow();
    await dataset.generate(100, 400, 20, recipe);
    await dataset.load({ inputSize: 100, batchSize: 8 });
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  it("makes wavs, index, records, sidecar and manifest", () => {
    assert.equal(readdirSync(join(made, "in")).length, 40);
    assert.equal(readdirSync(join(made, "out")).length, 40);
    assert.equal(readFileSync(join(made, "dataset"), "utf8").trim().split("\n").length, 40);
    assert.equal(JSON.parse(readFileSync(join(made, "dataset.txt"), "utf8")).size, 40);
    assert.ok(existsSync(join(made, "dataset.manifest.json")));
  });

  it("records without wavs hold the same bytes, and so do records of the wavs", async () => {
    const straight = new AudioDataset(join(folder, "straight"), "dataset", { seed: 3 });
    await straight.generate(100, 400, 20, { ...recipe, removeWav: true });
    assert.deepEqual(
      readdirSync(join(folder, "straight")).filter((file) => /^(in|out|dataset)$/.test(file)),
      [],
    );
    assert.deepEqual(shards(join(folder, "straight")), shards(made));
    const own = new AudioDataset(made, "dataset");
    await own.generateRecords(quiet);
    assert.deepEqual(shards(made), shards(join(folder, "straight")));
  });

  it("removeWav leaves other files of the folder alone", async () => {
    const kept = new AudioDataset(join(folder, "kept"), "dataset");
    await kept.generate(100, 200, 2, { ...recipe });
    await kept.generate(100, 200, 3, { ...recipe, removeWav: true, overwrite: true });
    assert.equal(readdirSync(join(folder, "kept", "in")).length, 4);
    await kept.generate(100, 200, 2, { ...recipe, removeWav: true });
    assert.ok(!existsSync(join(folder, "kept", "in")));
  });

  it("divides exactly and disjointly, and counts batches", () => {
    const { train, validate, test } = dataset.split;
    assert.deepEqual([train.length, validate.length, test.length], [28, 6, 6]);
    assert.equal(new Set([...train, ...validate, ...test]).size, 40);
    assert.deepEqual([dataset.trainSteps, dataset.valSteps, dataset.testSteps], [4, 1, 1]);
  });

  it("says how the splits are made up", () => {
    const { splits, labels } = dataset.statistics();
    assert.deepEqual(labels, ["sin", "saw"]);
    for (const { examples, seconds, classes } of splits) {
      assert.equal(seconds, examples / 4);
      assert.equal(classes![0]! + classes![1]!, examples);
    }
  });

  it("gives batches of the shape that its documentation promises, each with its own target", async () => {
    const seen: number[] = [];
    await dataset.test.forEachAsync(({ xs, ys }) => {
      assert.deepEqual(xs.shape, [6, 20, 100]);
      assert.deepEqual(ys.shape, [6, 20, 100]);
      for (let row = 0; row < 6; row++) {
        const i = dataset.split.test[row]!;
        seen.push(i);
      }
    });
    assert.deepEqual(seen, [...dataset.split.test]);
    const batch = (await (await dataset.test.iterator()).next()).value;
    const { input, target } = await dataset.example(dataset.split.test[2]!);
    const row = (t: tfjs.Tensor): number[] => Array.from(t.slice([2, 0, 0], [1, -1, -1]).dataSync());
    assert.deepEqual(row(batch.xs), Array.from(input));
    assert.deepEqual(row(batch.ys), Array.from(target!));
    // Python's wave module reads the same numbers from the wav.
    const { name } = await dataset.example(dataset.split.test[2]!);
    const expected = python(
      `import scipy.io.wavfile as w\nrate, x = w.read(input)\nprint(json.dumps([int(rate), (x / 32768).tolist()]))`,
      join(made, "in", name),
    );
    assert.deepEqual([8000, Array.from(input)], expected);
  });

  it("trains and evaluates with fitDataset and evaluateDataset, also repeated with batchesPerEpoch", async () => {
    const model = tf.sequential({ layers: [tf.layers.dense({ inputShape: [null, 100], units: 100 })] });
    model.compile({ optimizer: tf.train.adam(0.01), loss: "meanSquaredError" });
    const { history } = await model.fitDataset(dataset.train, {
      epochs: 12,
      validationData: dataset.validate,
      verbose: 0,
    });
    const loss = history.loss as number[];
    assert.ok(loss.at(-1)! < 0.9 * loss[0]!, `loss fell from ${loss[0]} to ${loss.at(-1)}`);
    assert.equal(history.val_loss!.length, 12);
    const repeated = dataset.train.repeat() as typeof dataset.train;
    await model.fitDataset(repeated, { epochs: 2, batchesPerEpoch: dataset.trainSteps, verbose: 0 });
    const tested = (await model.evaluateDataset(dataset.test, {})) as tfjs.Scalar;
    assert.ok(Number.isFinite(tested.dataSync()[0]));
    const prediction = await dataset.predict(model, 0);
    assert.equal(prediction.length, 2000);
    model.dispose();
  });

  it("a split smaller than a batch works; an empty one is refused", async () => {
    const small = new AudioDataset(join(folder, "small"), "dataset");
    await small.generate(100, 400, 3, { ...recipe, waves: ["sin"], removeWav: true });
    await assert.rejects(small.load({ batchSize: 64 }), (e) => e instanceof DatasetError && e.code === "SPLIT");
    await small.load({ batchSize: 64, trainSplit: 0.34, valSplit: 0.33, testSplit: 0.33 });
    assert.deepEqual([small.trainSteps, small.valSteps, small.testSteps], [1, 1, 1]);
  });

  it("says what to do before load and without records", async () => {
    const empty = new AudioDataset(join(folder, "nothing"), "dataset");
    assert.throws(() => empty.train, /not loaded; call await dataset\.load\(\) first/);
    await assert.rejects(empty.load(), (e) => e instanceof DatasetError && e.code === "RECORD");
  });

  it("folds cover every example once, and a saved split comes back", async () => {
    const folds = await dataset.kfold(4, { batchSize: 8 });
    const tested = folds.flatMap(({ split }) => [...split.test]);
    assert.deepEqual(
      tested.sort((a, b) => a - b),
      Array.from({ length: 40 }, (_, i) => i),
    );
    const file = join(folder, "split.json");
    await dataset.saveSplit(file);
    const again = new AudioDataset(made, "dataset", { seed: 99 });
    await again.load({ split: file });
    assert.deepEqual(again.split, dataset.split);
  });

  it("aborts on request and goes on afterwards to the same bytes", async () => {
    const cut = new AudioDataset(join(folder, "cut"), "dataset", { seed: 3 });
    const controller = new AbortController();
    const onProgress = (): void => controller.abort();
    await assert.rejects(
      cut.generate(100, 400, 20, { ...recipe, signal: controller.signal, onProgress }),
      (e) => e instanceof DatasetError && e.code === "ABORTED" && /run the same call again/.test(e.message),
    );
    await cut.generate(100, 400, 20, recipe);
    assert.deepEqual(shards(join(folder, "cut")), shards(made));
  });
});

test("an option that a call doesn't have is an error, with the name that may be meant", async (t) => {
  const directory = folder(t);
  const dataset = new AudioDataset(directory, "set");
  await dataset.generate(200, 400, 4, { ...quiet, waves: ["sin"], duration: 0.1, removeWav: true });
  const refused = (work: Promise<unknown>, message: RegExp): Promise<void> =>
    assert.rejects(work, { name: "DatasetError", code: "OPTION", message });
  // biome-ignore lint/suspicious/noExplicitAny: options that the types refuse
  const wrong = (options: object): any => options;
  const split = { trainSplit: 1, valSplit: 0, testSplit: 0 };
  await refused(
    dataset.load(wrong({ ...split, batchSise: 3 })),
    /^load: option "batchSise", expected one of inputSize, .*; did you mean batchSize\?$/,
  );
  await refused(
    dataset.load(wrong({ groupBy: () => undefined })),
    /^groupBy: undefined of .*, expected text for each example$/,
  );
  await refused(
    dataset.load(wrong({ stratifyBy: () => ["a"] })),
    /^stratifyBy: \["a"\] of .*, expected text for each example$/,
  );
  await refused(
    dataset.load(wrong({ ...split, shard: { index: 0, count: 2 } })),
    /^load: option "shard", expected one of/,
  );
  await refused(
    dataset.load(wrong({ ...split, features: { kind: "mel", melBin: 80 } })),
    /^features: option "melBin".*did you mean melBins\?$/,
  );
  await refused(dataset.check(wrong({ deap: true })), /^check: option "deap".*did you mean deep\?$/);
  await refused(
    dataset.generateRecords(wrong({ onproblem: "skip" })),
    /^generateRecords: option "onproblem".*did you mean onProblem\?$/,
  );
  await refused(
    dataset.generate(200, 400, 4, wrong({ wave: ["sin"] })),
    /^generate: option "wave".*did you mean waves\?$/,
  );
  await dataset.load(split);
  await refused(dataset.kfold(2, wrong({ folds: 2 })), /^kfold: option "folds"/);
  assert.throws(() => dataset.audit(wrong({ treshold: 1 })), { code: "OPTION", message: /did you mean threshold\?$/ });
});
