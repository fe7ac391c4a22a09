import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { cpSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import type * as tfjs from "@tensorflow/tfjs-node-gpu";
import { WaveFile } from "wavefile";
import { AudioClassificationDataset, type DatasetError } from "../../dist/index.js";
import { decodeWav } from "../../dist/format/wav.js";
import { batches } from "../../dist/load/batches.js";
import type { BatchOptions } from "../../dist/load/options.js";
import { sealedText } from "../../dist/system/sealed-json.js";
import { openRecords, type Records, type OpenOptions } from "../../dist/records/open-records.js";
import { python, root } from "../support/python.js";
import { folder, quiet } from "../support/records.js";

const all = (records: Records): Uint32Array => Uint32Array.from({ length: records.count }, (_, i) => i);

// biome-ignore lint/suspicious/noExplicitAny: the fixtures' json has another shape for every kind
type Expected = any;

/** A copy of the original's dataset, opened, and what its own loader gave. */
async function original(
  set: string,
  name = "dataset",
  options: OpenOptions = {},
): Promise<{ records: Records; expected: Expected }> {
  const folder = mkdtempSync(join(tmpdir(), "load-"));
  cpSync(join(root, "test/fixtures/original", set), folder, { recursive: true });
  const expected = JSON.parse(readFileSync(join(folder, "expected.json"), "utf8"));
  return { records: await openRecords(folder, name, options), expected };
}

const sha256 = (tensor: tfjs.Tensor): string => {
  const values = tensor.dataSync() as Float32Array;
  return createHash("sha256")
    .update(new Uint8Array(values.buffer, values.byteOffset, values.byteLength))
    .digest("hex");
};

interface Array_ {
  shape: number[];
  sha256_as_f32le: string;
}

/** Loads example by example and compares shape and every value (by hash) with what the original's loader gave. */
async function sameAsOriginal(
  records: Records,
  expected: { x: Array_; y: Array_ }[],
  options: BatchOptions,
): Promise<void> {
  assert.equal(records.count, expected.length);
  const iterator = await batches(records, all(records), { shuffle: false, batchSize: 1, ...options }).iterator();
  for (const [i, { x, y }] of expected.entries()) {
    const { xs, ys } = (await iterator.next()).value;
    assert.deepEqual(xs.shape, [1, ...x.shape], `example ${i}`);
    assert.deepEqual(ys.shape, [1, ...y.shape], `example ${i}`);
    assert.equal(sha256(xs), x.sha256_as_f32le, `x of example ${i}`);
    assert.equal(sha256(ys), y.sha256_as_f32le, `y of example ${i}`);
    xs.dispose();
    ys.dispose();
  }
  assert.equal((await iterator.next()).done, true);
}

const legacy = { inputSize: 256, legacyPadding: true };

test("the original's pairs give its own tensors, value for value", async () => {
  const { records, expected } = await original("pairs");
  await sameAsOriginal(records, expected.load.per_record, legacy);
});

test("5: one second at 16 kHz in frames of 256 and 160, with the original's extra frame and without", async () => {
  const { records, expected } = await original("exact16k");
  await sameAsOriginal(records, expected.load_256, legacy);
  await sameAsOriginal(records, expected.load_160, { inputSize: 160, legacyPadding: true });
  const iterator = await batches(records, all(records), { inputSize: 160 }).iterator();
  const { xs, ys } = (await iterator.next()).value;
  assert.deepEqual(
    [xs.shape, ys.shape],
    [
      [2, 100, 160],
      [2, 100, 160],
    ],
  );
});

test("every int16 comes back as the half float the original stored", async () => {
  const { records, expected } = await original("edge_int16");
  const iterator = await batches(records, all(records)).iterator();
  const { xs } = (await iterator.next()).value;
  assert.deepEqual(xs.shape, [1, expected.n_samples]);
  const values = Array.from(await xs.data());
  const { samples } = decodeWav(readFileSync(join(root, "test/fixtures/original/edge_int16/in/edge.wav")), "edge.wav");
  const halves = python(
    "import numpy as np; print(json.dumps((np.array(input) / 32768).astype(np.float16).tolist()))",
    Array.from(samples),
  );
  assert.deepEqual(values, halves);
});

test("the original's labels of whole files give its own tensors", async () => {
  const { records, expected } = await original("simple", "dataset", { width: 5 });
  await sameAsOriginal(records, expected.load.per_record, legacy);
});

test("6, 26: the original's labels per frame, examples of different length padded in every split", async () => {
  const { records, expected } = await original("frames");
  await sameAsOriginal(records, expected.load.per_record, legacy);
  const longest = Math.max(...expected.load.per_record.map((r: { x: Array_ }) => r.x.shape[0]!));
  const { xs, ys } = (
    await (await batches(records, all(records), { inputSize: 256, shuffle: false }).iterator()).next()
  ).value;
  assert.deepEqual(
    [xs.shape, ys.shape],
    [
      [8, longest, 256],
      [8, longest, 3],
    ],
  );
  const rows = expected.load.per_record[0].y.shape[0];
  assert.equal(sha256(ys.slice([0, 0, 0], [1, rows, 3])), expected.load.per_record[0].y.sha256_as_f32le);
  assert.equal(
    (
      await ys
        .slice([0, rows, 0], [1, longest - rows, 3])
        .abs()
        .max()
        .data()
    )[0],
    0,
  );
  assert.throws(() => batches(records, all(records), { inputSize: 128 }), {
    code: "OPTION",
    message: /inputSize: 128, expected 256/,
  });
});

test("20: the original's piano pairs, each of its own length", async () => {
  const { records, expected } = await original("piano");
  await sameAsOriginal(records, expected.load.per_record, legacy);
});

test("the later version's pairs, regression and labels", async () => {
  for (const [name, options] of [
    ["pairs.csv", {}],
    ["reg.csv", { kind: "values" }],
    ["ml.csv", { kind: "classes" }],
  ] as const) {
    const { records, expected } = await original("head", name, options);
    await sameAsOriginal(records, expected.datasets[name].all, {});
  }
});

/** A sound of three seconds at 16 kHz with this key csv. */
function threeSeconds(t: TestContext, keys: string): AudioClassificationDataset {
  const directory = folder(t);
  const wav = new WaveFile();
  wav.fromScratch(1, 16000, "16", new Int16Array(48000).fill(900));
  writeFileSync(join(directory, "a.wav"), wav.toBuffer());
  writeFileSync(join(directory, "a_key.csv"), keys);
  writeFileSync(join(directory, "dataset"), "a.wav,a_key.csv\n");
  return new AudioClassificationDataset(directory, "dataset");
}

test("a row per frame is wanted of a key csv whose time stamps count frames, also where only load knows the frame", async (t) => {
  // Whole seconds, meant as such: C sounds in the second of three.
  const dataset = threeSeconds(t, "TIME STAMP,C\n0,0\n1,1\n2,0\n");
  const one = { inputSize: 256, batchSize: 1, trainSplit: 1, valSplit: 0, testSplit: 0 };
  await dataset.generateRecords(quiet);
  await assert.rejects(dataset.load(one), (error: DatasetError) => {
    assert.equal(error.code, "LABEL");
    assert.match(error.message, /^rows: 3, expected 188, one per frame of 256 samples; .*"seconds".*\(a_key\.csv\)/);
    return true;
  });
  await dataset.load({ ...one, inputSize: 16000 });
  await dataset.generateRecords({ ...quiet, timeUnit: "seconds", overwrite: true });
  await dataset.load(one);
  const { ys } = (await (await dataset.batchesOf([0]).iterator()).next()).value;
  assert.deepEqual(ys.shape, [1, 188, 1]);
  // From 16000 to 32000 samples: frames 62.5 to 125, each border to its nearest.
  assert.equal(ys.sum().dataSync()[0], 125 - 63);
});

test("a key csv in whole milliseconds isn't taken for frames, also where only load knows the frame", async (t) => {
  // C sounds in the second of three seconds.
  const dataset = threeSeconds(t, "TIME STAMP,C\n0,0\n1000,1\n2000,0\n2900,0\n");
  const one = { inputSize: 256, batchSize: 1, trainSplit: 1, valSplit: 0, testSplit: 0 };
  await dataset.generateRecords(quiet);
  await assert.rejects(dataset.load(one), (error: DatasetError) => {
    assert.equal(error.code, "LABEL");
    assert.match(
      error.message,
      /^time stamp 2900: after the end of the audio at 187 frames; pass timeUnit: "milliseconds".*\(a_key\.csv\)/,
    );
    return true;
  });
  await dataset.load({ ...one, inputSize: 16 });
  // Records of an earlier version don't say when their last rows are.
  const path = join(dataset.directory, "dataset.manifest.json");
  const { checksum: _, ...manifest } = JSON.parse(readFileSync(path, "utf8"));
  delete manifest.shards[0].latestKeys;
  writeFileSync(path, sealedText(manifest));
  await dataset.load(one);
  await dataset.generateRecords({ ...quiet, timeUnit: "milliseconds", overwrite: true });
  await dataset.load(one);
  const { ys } = (await (await dataset.batchesOf([0]).iterator()).next()).value;
  assert.deepEqual(ys.shape, [1, 188, 1]);
  // From 16000 to 32000 samples: frames 62.5 to 125, each border to its nearest.
  assert.equal(ys.sum().dataSync()[0], 125 - 63);
});
