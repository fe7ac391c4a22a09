import assert from "node:assert/strict";
import { copyFileSync, existsSync, readFileSync, statSync, truncateSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { decodeExample } from "../../dist/format/example.js";
import {
  AudioClassificationDataset,
  AudioDataset,
  RegressionDataset,
  SimpleAudioClassificationDataset,
} from "../../dist/index.js";
import { openRecords, type Records } from "../../dist/records/open-records.js";
import { bytesAt, copyFixture, expected, sha256 } from "../support/records.js";
import type { Kind } from "../../dist/core/rows.js";
import { readExample } from "../../dist/records/read-example.js";

/** Compares every record with what the original's own reader saw. */
// biome-ignore lint/suspicious/noExplicitAny: facts from json
function checkRecords(records: Records, facts: any[]): void {
  assert.equal(records.count, facts.length);
  facts.forEach((fact, i) => {
    const path = records.paths[records.shard[i]!]!;
    assert.ok(path.endsWith(fact.file));
    assert.equal(records.offset[i], fact.offset);
    assert.equal(records.length[i], fact.length);
    const payload = bytesAt(path, fact.offset + 12, fact.length);
    assert.equal(sha256(payload), fact.sha256);
    const features = decodeExample(payload);
    assert.deepEqual([...features.keys()].sort(), Object.keys(fact.features).sort());
    // biome-ignore lint/suspicious/noExplicitAny: facts from json
    for (const [key, f] of Object.entries<any>(fact.features)) {
      const found = features.get(key)!;
      if (found.kind === "bytes") assert.equal(sha256(found.values[0]!), f.sha256);
      else if (found.kind === "float") assert.equal(sha256(found.values), f.sha256_f32le);
      else if (found.kind === "int64") assert.deepEqual(Array.from(found.values), f.all);
      else assert.fail(`${key} is empty`);
    }
    const input = bytesAt(path, records.inputAt[i]!, records.inputBytes[i]!);
    assert.equal(sha256(input), fact.features.a_in.sha256 ?? fact.features.a_in.sha256_f32le);
    if (records.manifest.kind !== "pairs") return;
    const target = bytesAt(path, records.targetAt[i]!, records.targetBytes[i]!);
    assert.equal(sha256(target), fact.features.a_out.sha256 ?? fact.features.a_out.sha256_f32le);
  });
}

/** Pads as the original's `load` does: to the next whole row, or by a whole one. */
function padded(samples: Float32Array, shape: number[]): Float32Array {
  const out = new Float32Array(shape.reduce((a, b) => a * b, 1));
  out.set(samples);
  return out;
}

for (const set of ["pairs", "exact16k", "edge_int16", "piano"]) {
  test(`the original's ${set} shards: every feature, and its tensors from the samples`, async (t) => {
    const facts = expected(set);
    const records = await openRecords(copyFixture(t, set, true), "dataset");
    assert.equal(records.manifest.kind, "pairs");
    assert.equal(records.manifest.encoding, "float16");
    checkRecords(records, facts.records);
    // edge_int16 was never loaded by the original; exact16k with two frame lengths.
    const loads = [facts.load?.per_record, facts.load_256, facts.load_160].filter((load) => load !== undefined);
    assert.equal(loads.length, { edge_int16: 0, exact16k: 2 }[set] ?? 1);
    for (const load of loads) {
      for (const [i, fact] of load.entries()) {
        const { input, target } = await readExample(records, i);
        assert.equal(sha256(padded(input, fact.x.shape)), fact.x.sha256_as_f32le);
        assert.equal(sha256(padded(target!, fact.y.shape)), fact.y.sha256_as_f32le);
      }
    }
  });
}

test("the original's whole-file labels, sparse and all zero", async (t) => {
  const facts = expected("simple");
  const records = await openRecords(copyFixture(t, "simple", true), "dataset");
  assert.equal(records.manifest.kind, "classes");
  assert.equal(records.manifest.width, 5);
  assert.equal(records.manifest.sampleRate, 8000);
  checkRecords(records, facts.records);
  for (const [i, fact] of facts.records.entries()) {
    const { values } = await readExample(records, i);
    assert.deepEqual(Array.from(values!), facts.labels[fact.source_a_in[0]].map(Math.fround));
  }
  const wide = await openRecords(copyFixture(t, "simple", true), "dataset", { width: 7 });
  assert.deepEqual(wide.values!.subarray(5, 7), new Float32Array(2));
});

test("the original's frame labels: dense rows", async (t) => {
  const facts = expected("frames");
  const records = await openRecords(copyFixture(t, "frames", true), "dataset");
  assert.equal(records.manifest.kind, "frames");
  assert.equal(records.manifest.inputSize, 256);
  checkRecords(records, facts.records);
  for (const [i, fact] of facts.records.entries()) {
    const { values } = await readExample(records, i);
    assert.equal(sha256(values!), fact.features.b_val.sha256_f32le);
  }
});

test("the original's later version: float lists, numbers or a file as target", async (t) => {
  const directory = copyFixture(t, "head", true);
  const facts = expected("head").datasets;
  const kinds: Record<string, Kind> = { "pairs.csv": "pairs", "reg.csv": "values", "ml.csv": "classes" };
  for (const [name, kind] of Object.entries(kinds)) {
    const records = await openRecords(directory, name, { kind });
    assert.equal(records.manifest.encoding, "float32");
    checkRecords(records, facts[name].records);
    for (const [i, fact] of facts[name].records.entries()) {
      const example = await readExample(records, i);
      assert.equal(example.id, i);
      assert.equal(sha256(example.input), fact.features.a_in.sha256_f32le);
      assert.equal(sha256((kind === "pairs" ? example.target : example.values)!), fact.features.a_out.sha256_f32le);
    }
  }
});

test("shards are taken in numeric order, and never those of another dataset", async (t) => {
  const directory = copyFixture(t, "pairs", true);
  for (const other of ["dataset2_0", "dataset01", "dataset-1", "datasetx", "mydataset0"]) {
    writeFileSync(join(directory, `${other}.tfrecord`), "not a record");
  }
  copyFileSync(join(directory, "dataset3.tfrecord"), join(directory, "dataset10.tfrecord"));
  const records = await openRecords(directory, "dataset");
  assert.deepEqual(
    records.paths.map((path) => path.slice(directory.length + 1)),
    ["dataset0.tfrecord", "dataset1.tfrecord", "dataset2.tfrecord", "dataset3.tfrecord", "dataset10.tfrecord"],
  );
  await assert.rejects(openRecords(directory, "data"), {
    code: "RECORD",
    message: /^records of "data": none, expected data.manifest.json or data0.tfrecord/,
  });
});

test("an index is kept beside each shard and rebuilt when the shard has changed", async (t) => {
  const directory = copyFixture(t, "pairs", true);
  const first = await openRecords(directory, "dataset");
  const index = join(directory, "dataset1.index");
  const { mtimeMs } = statSync(index);
  assert.deepEqual((await openRecords(directory, "dataset")).offset, first.offset);
  assert.equal(statSync(index).mtimeMs, mtimeMs);
  copyFileSync(join(directory, "dataset0.tfrecord"), join(directory, "dataset1.tfrecord"));
  utimesSync(join(directory, "dataset1.tfrecord"), 1, 1);
  const again = await openRecords(directory, "dataset");
  assert.equal(again.count, first.count + 6);
  assert.deepEqual(again.offset.subarray(9, 18), first.offset.subarray(0, 9));
});

test("an empty, cut or damaged shard is an error that says where", async (t) => {
  const directory = copyFixture(t, "pairs", true);
  const shard = join(directory, "dataset1.tfrecord");
  const bytes = readFileSync(shard);
  const fails = (message: RegExp): Promise<void> =>
    assert.rejects(openRecords(directory, "dataset"), { code: "RECORD", message });
  truncateSync(shard, 0);
  await fails(/^shard dataset1.tfrecord: 0 bytes, expected records .* rebuild it$/);
  writeFileSync(shard, bytes.subarray(0, 20000));
  await fails(
    /record: 3944 bytes, expected 16056 \(dataset1.tfrecord, example 1, byte 16056\); the shard is cut short/,
  );
  writeFileSync(shard, bytes.subarray(0, 16060));
  await fails(/record: 4 bytes, expected at least 16 \(dataset1.tfrecord, example 1, byte 16056\)/);
  const torn = Buffer.from(bytes);
  torn[5000]! ^= 4;
  writeFileSync(shard, torn);
  await fails(/data checksum: 0x[0-9a-f]{8}, expected 0x[0-9a-f]{8} \(dataset1.tfrecord, example 0, byte 0\)/);
  const lost = Buffer.from(bytes);
  lost[16056]! ^= 1;
  writeFileSync(shard, lost);
  await fails(/length checksum: .*\(dataset1.tfrecord, example 1, byte 16056\)/);
  assert.ok(!existsSync(join(directory, "dataset1.index")));
  writeFileSync(shard, bytes);
  const records = await openRecords(directory, "dataset");
  const { mtimeMs } = statSync(shard);
  writeFileSync(shard, torn);
  utimesSync(shard, mtimeMs / 1000, mtimeMs / 1000);
  records.mtimes![1] = statSync(shard).mtimeMs;
  await assert.rejects(readExample(records, 9), { code: "RECORD", message: /^data checksum: .*dataset1.tfrecord/ });
  await assert.rejects(readExample(records, 24), { code: "OPTION", message: "example: 24, expected 0 to 23" });
});

test("a class opens records of its own kind alone; the later version's numbers are what the class says", async (t) => {
  const whole = { trainSplit: 1, valSplit: 0, testSplit: 0, stratifyBy: false };
  const later = copyFixture(t, "head", true);
  const facts = expected("head").datasets;
  for (const [Class, name, kind] of [
    [RegressionDataset, "reg.csv", "values"],
    [SimpleAudioClassificationDataset, "ml.csv", "classes"],
    [AudioDataset, "pairs.csv", "pairs"],
  ] as const) {
    const dataset = new Class(later, name);
    await dataset.load({ ...whole, batchSize: 1 });
    assert.equal(dataset.records.manifest.kind, kind);
    const { xs, ys } = (await (await dataset.train.iterator()).next()).value;
    assert.deepEqual(ys.shape.slice(1), facts[name].all[0].y.shape);
    xs.dispose();
    ys.dispose();
  }
  const simple = copyFixture(t, "simple", true);
  for (const Class of [AudioDataset, AudioClassificationDataset, RegressionDataset]) {
    const dataset = new Class(simple, "dataset");
    await assert.rejects(dataset.load(whole), {
      code: "RECORD",
      message: new RegExp(`^records of "dataset": kind classes, expected ${dataset.kind}`),
    });
  }
  const frames = new SimpleAudioClassificationDataset(copyFixture(t, "frames", true), "dataset");
  await assert.rejects(frames.load(whole), { code: "RECORD", message: /kind frames, expected classes/ });
});
