import assert from "node:assert/strict";
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { decodeWav, encodeWav } from "../../dist/format/wav.js";
import { planRecipe, writeWavs } from "../../dist/generate/write-wavs.js";
import { type RecordOptions, savePlan } from "../../dist/records/plan.js";
import { planRecords } from "../../dist/build/plan-records.js";
import { buildOneShard, buildRecords, finishPlan } from "../../dist/build/build-records.js";
import { openRecords } from "../../dist/records/open-records.js";
import { python } from "../support/python.js";
import { bytesAt, copyFixture, expected, folder, plan, quiet, sha256, shardHashes } from "../support/records.js";
import type { Kind } from "../../dist/core/rows.js";
import { readExample } from "../../dist/records/read-example.js";

const recipe = planRecipe(200, 800, 30, {
  waves: ["sin", "saw"],
  chords: ["pure", "maj"],
  duration: 0.1,
  sampleRate: 8000,
});

for (const [set, kind, options] of [
  ["pairs", "pairs", {}],
  ["exact16k", "pairs", {}],
  ["edge_int16", "pairs", {}],
  ["piano", "pairs", {}],
  ["simple", "classes", {}],
  ["frames", "frames", { timeUnit: "seconds", inputSize: 256 }],
] as [string, Kind, RecordOptions][]) {
  test(`float16 shards of the ${set} wavs hold the original's records, byte for byte`, async (t) => {
    const directory = copyFixture(t, set, false);
    if (set === "piano") {
      // The original overwrites `in` with what it puts in `out`, and the fixture keeps it once.
      writeFileSync(join(directory, "dataset"), expected(set).index.join("\n"));
      cpSync(join(directory, "in"), join(directory, "out"), { recursive: true });
    }
    const built = await plan(directory, kind, { encoding: "float16", examplesPerFile: 5, ...options });
    await buildRecords(directory, built, quiet);
    const records = await openRecords(directory, "dataset");
    const facts = expected(set).records;
    assert.equal(records.count, facts.length);
    for (const fact of facts) {
      const i = records.names.findIndex((name, n) => {
        const row = "rows" in built.source ? built.source.rows[n]! : undefined;
        const target = fact.source_a_out?.[0];
        return name === fact.source_a_in[0] && (target === undefined || row?.target === target);
      });
      assert.ok(i >= 0, fact.source_a_in[0]);
      const payload = bytesAt(records.paths[records.shard[i]!]!, records.offset[i]! + 12, records.length[i]!);
      assert.equal(sha256(payload), fact.sha256);
    }
  });
}

test("the shards are the same for 1, 2 and 8 workers, from wavs or straight from the recipe", async (t) => {
  const hashes: Record<string, string>[] = [];
  for (const workers of [1, 2, 8]) {
    const directory = folder(t);
    await buildRecords(directory, await planRecords(directory, "dataset", recipe, { examplesPerFile: 25 }), {
      workers,
      ...quiet,
    });
    hashes.push(shardHashes(directory));
  }
  const wavs = folder(t);
  await writeWavs(wavs, "dataset", recipe, quiet);
  const manifest = await buildRecords(wavs, await plan(wavs, "pairs", { examplesPerFile: 25 }), {
    workers: 2,
    ...quiet,
  });
  hashes.push(shardHashes(wavs));
  assert.equal(Object.keys(hashes[0]!).length, 5);
  for (const other of hashes.slice(1)) assert.deepEqual(other, hashes[0]);
  assert.deepEqual(Object.fromEntries(manifest.shards.map((s) => [s.file, s.sha256])), hashes[0]);
  assert.equal(manifest.examples, 120);
});

test("shards are cut by examples, by bytes, or by default so that workers can share", async (t) => {
  const directory = folder(t);
  const cut = async (options: RecordOptions): Promise<number[]> =>
    (await planRecords(directory, "dataset", recipe, options)).shards.map((s) => s.to - s.from);
  assert.deepEqual(await cut({ examplesPerFile: 50 }), [50, 50, 20]);
  assert.deepEqual(await cut({}), [120]);
  assert.deepEqual(await cut({ shardBytes: 40 * (2 * 1600 + 160) }), [40, 40, 40]);
  const long = planRecipe(100, 1000, 3000, { waves: ["sin"], duration: 1, sampleRate: 16000 });
  const shards = (await planRecords(directory, "dataset", long)).shards.map((s) => s.to - s.from);
  assert.equal(shards.length, 8);
  assert.ok(shards.every((n) => n * 64160 <= Math.ceil((3000 * 64160) / 8)));
});

test("TensorFlow reads our shards of every encoding to equal arrays", async (t) => {
  const sets: { folder: string; encoding: string; kind: string }[] = [];
  for (const encoding of ["pcm16", "float32", "float16"] as const) {
    const pairs = copyFixture(t, "pairs", false);
    await buildRecords(pairs, await plan(pairs, "pairs", { encoding, examplesPerFile: 7 }), quiet);
    sets.push({ folder: pairs, encoding, kind: "pairs" });
    const simple = copyFixture(t, "simple", false);
    await buildRecords(simple, await plan(simple, "classes", { encoding }), quiet);
    sets.push({ folder: simple, encoding, kind: "classes" });
  }
  const read = python(
    `
import glob, hashlib, numpy as np, tensorflow as tf
def raw(x, encoding):
    if encoding == "pcm16": return tf.cast(tf.io.decode_raw(x, tf.int16), tf.float32) / 32768
    return tf.cast(tf.io.decode_raw(x, tf.float16 if encoding == "float16" else tf.float32), tf.float32)
def sha(x): return hashlib.sha256(np.ascontiguousarray(x, "<f4").tobytes()).hexdigest()
out = []
for s in input:
    spec = {"a_in": tf.io.FixedLenFeature([], tf.string)}
    if s["encoding"] != "float16":
        spec |= {"id": tf.io.FixedLenFeature([], tf.int64), "name": tf.io.FixedLenFeature([], tf.string), "sample_rate": tf.io.FixedLenFeature([], tf.int64)}
    if s["kind"] == "pairs": spec["a_out"] = tf.io.FixedLenFeature([], tf.string)
    else: spec["y"] = tf.io.SparseFeature("b_ind", "b_val", tf.float32, 5)
    files = sorted(glob.glob(s["folder"] + "/*.tfrecord"))
    rows = []
    for e in tf.data.TFRecordDataset(files).map(lambda x: tf.io.parse_single_example(x, spec)):
        row = {"input": sha(raw(e["a_in"], s["encoding"]).numpy())}
        if "id" in e: row |= {"id": int(e["id"]), "name": e["name"].numpy().decode(), "sampleRate": int(e["sample_rate"])}
        if "a_out" in e: row["target"] = sha(raw(e["a_out"], s["encoding"]).numpy())
        if "y" in e: row["values"] = tf.sparse.to_dense(e["y"]).numpy().tolist()
        rows.append(row)
    out.append(rows)
print(json.dumps(out))`,
    sets,
  );
  for (const [n, set] of sets.entries()) {
    const records = await openRecords(set.folder, "dataset");
    assert.equal(records.count, read[n].length);
    for (let i = 0; i < records.count; i++) {
      const example = await readExample(records, i);
      const row = read[n][i];
      assert.equal(row.input, sha256(example.input));
      if (set.kind === "pairs") assert.equal(row.target, sha256(example.target!));
      else assert.deepEqual(row.values, Array.from(example.values!));
      if (set.encoding !== "float16") {
        assert.deepEqual([row.id, row.name, row.sampleRate], [i, example.name, example.sampleRate]);
      }
      const wav = decodeWav(readFileSync(join(set.folder, "in", example.name)), example.name).samples;
      if (set.encoding !== "float16") assert.equal(row.input, sha256(Float32Array.from(wav, (v) => v / 32768)));
    }
  }
});

test("float16 frames of several channels: as many rows of labels as frames, whole frames of samples", async (t) => {
  const directory = folder(t);
  mkdirSync(join(directory, "in"));
  const samples = Int16Array.from({ length: 3 * 250 }, (_, i) => 40 * i - 15000);
  writeFileSync(join(directory, "in/a.wav"), encodeWav({ sampleRate: 8000, channels: 3, samples }));
  writeFileSync(join(directory, "a_key.csv"), "TIME STAMP,x\n0,1\n2,0\n");
  writeFileSync(join(directory, "dataset"), "a.wav,a_key.csv\n");
  await buildRecords(directory, await plan(directory, "frames", { encoding: "float16", inputSize: 32 }), quiet);
  const [audio, labels] = python(
    `
import tensorflow as tf, numpy as np
record = next(iter(tf.data.TFRecordDataset(input + "/dataset0.tfrecord"))).numpy()
f = tf.train.Example.FromString(record).features.feature
print(json.dumps([np.frombuffer(f["a_in"].bytes_list.value[0], np.float16).astype(float).tolist(), list(f["b_val"].float_list.value)]))`,
    directory,
  );
  // As the original does with one channel: at least one zero more, then to whole frames, here of 32 samples of 3 channels.
  assert.equal(audio.length, 8 * 32 * 3);
  assert.ok(audio.slice(0, 750).every((v: number, i: number) => Math.abs(v - samples[i]! / 32768) < 1e-3));
  assert.ok(audio.slice(750).every((v: number) => v === 0));
  assert.deepEqual(labels, [1, 1, 0, 0, 0, 0, 0, 0]);
});

test("frame labels are stored as events, regression targets as they are; TensorFlow reads both", async (t) => {
  const frames = copyFixture(t, "frames", false);
  await buildRecords(frames, await plan(frames, "frames", { timeUnit: "seconds" }), quiet);
  const values = copyFixture(t, "simple", false);
  await buildRecords(values, await plan(values, "values"), quiet);
  const [events, numbers] = python(
    `
import tensorflow as tf
def lists(path):
    return [{k: list((f.float_list if k == "b_val" else f.int64_list).value) for k, f in tf.train.Example.FromString(r.numpy()).features.feature.items() if k[0] == "b"}
        for r in tf.data.TFRecordDataset(path + "/dataset0.tfrecord")]
print(json.dumps([lists(p) for p in input]))`,
    [frames, values],
  );
  const records = await openRecords(frames, "dataset");
  assert.equal(records.manifest.timeUnit, "samples");
  assert.deepEqual(records.manifest.labels, ["FEATURE 1", "FEATURE 2", "FEATURE 3"]);
  for (let i = 0; i < records.count; i++) {
    const example = await readExample(records, i);
    const { on, off, feature, value } = example.events!;
    const plainly = {
      b_on: Array.from(on),
      b_off: Array.from(off),
      b_ind: Array.from(feature),
      b_val: Array.from(value),
    };
    assert.deepEqual(plainly, { ...events[i] });
  }
  const regression = await openRecords(values, "dataset");
  const labels = expected("simple").labels;
  for (let i = 0; i < regression.count; i++) {
    const row = labels[regression.names[i]!].map(Math.fround);
    assert.deepEqual(numbers[i].b_val, row);
    assert.deepEqual(Array.from((await readExample(regression, i)).values!), row);
  }
});

test("only the shards whose sources or rows changed are built again", async (t) => {
  const directory = copyFixture(t, "pairs", false);
  const options = { examplesPerFile: 8 };
  await buildRecords(directory, await plan(directory, "pairs", options), quiet);
  const before = shardHashes(directory);
  const inode = (k: number): number => statSync(join(directory, `dataset${k}.tfrecord`)).ino;
  const inodes = [0, 1, 2].map(inode);

  const rows = readFileSync(join(directory, "dataset"), "utf8").trim().split("\n");
  const [input, target] = rows[9]!.split(",") as [string, string];
  const path = join(directory, "in", input);
  copyFileSync(join(directory, "out", target), path);
  const touched = join(directory, "in", rows[20]!.split(",")[0]!);
  utimesSync(touched, 1000, 1000);
  await assert.rejects(openRecords(directory, "dataset"), {
    code: "STALE",
    message: new RegExp(`^records of "dataset": stale: 1 file changed: in/${input} \\(.*call generateRecords`),
  });
  assert.equal((await openRecords(directory, "dataset", { allowStale: true })).count, 24);

  await buildRecords(directory, await plan(directory, "pairs", options), quiet);
  assert.deepEqual(
    [0, 1, 2].map((k) => inode(k) === inodes[k]),
    [true, false, true],
  );
  const after = shardHashes(directory);
  assert.notEqual(after["dataset1.tfrecord"], before["dataset1.tfrecord"]);
  assert.equal(after["dataset2.tfrecord"], before["dataset2.tfrecord"]);
  assert.equal((await openRecords(directory, "dataset")).count, 24);

  writeFileSync(
    join(directory, "dataset"),
    `${rows.slice(0, 10).join("\n")}\n${rows[3]!.split(",")[0]},${rows[4]!.split(",")[1]}\n`,
  );
  await assert.rejects(openRecords(directory, "dataset"), {
    code: "STALE",
    message: /1 file changed: dataset; 28 files dropped from the index: /,
  });
  const fewer = await buildRecords(directory, await plan(directory, "pairs", options), quiet);
  assert.deepEqual(
    fewer.shards.map((s) => s.examples),
    [8, 3],
  );
  assert.ok(!existsSync(join(directory, "dataset2.tfrecord")) && !existsSync(join(directory, "dataset2.index")));

  rmSync(path);
  await assert.rejects(openRecords(directory, "dataset"), {
    code: "STALE",
    message: new RegExp(`1 file removed: in/${input}`),
  });
  await assert.rejects(plan(directory, "pairs", options), {
    code: "CHECK",
    message: new RegExp(`in/${input}: not found`),
  });
  renameSync(join(directory, "in"), join(directory, "elsewhere"));
  renameSync(join(directory, "out"), join(directory, "elsewhere2"));
  assert.equal((await openRecords(directory, "dataset")).count, 11);
});

test("a build of one shard at a time, in any order and place, publishes the same records", async (t) => {
  const together = copyFixture(t, "pairs", false);
  const alone = copyFixture(t, "pairs", false);
  await buildRecords(together, await plan(together, "pairs", { examplesPerFile: 10 }), quiet);
  const file = await savePlan(alone, await plan(alone, "pairs", { examplesPerFile: 10 }));
  await buildOneShard(file, 2);
  await buildOneShard(file, 0);
  await assert.rejects(finishPlan(file), {
    code: "RECORD",
    message: /^shards: 2 built, expected 3 \(.*; build these first: 1$/,
  });
  await assert.rejects(openRecords(alone, "dataset"), { code: "RECORD" });
  await buildOneShard(file, 1);
  const manifest = await finishPlan(file);
  assert.deepEqual(shardHashes(alone), shardHashes(together));
  assert.equal(manifest.fingerprint, (await openRecords(together, "dataset")).manifest.fingerprint);
  await buildOneShard(file, 1);
  assert.ok(!existsSync(join(alone, ".dataset.build")));
  await assert.rejects(buildOneShard(file, 3), { code: "OPTION", message: /^shard: 3, expected 0 to 2/ });
});

test("the sidecar is the original's, and what else it says stays", async (t) => {
  const directory = copyFixture(t, "frames", false);
  const sidecar = join(directory, "dataset.txt");
  const before = readFileSync(sidecar, "utf8");
  writeFileSync(sidecar, JSON.stringify({ size: 1, author: "me" }));
  await buildRecords(
    directory,
    await plan(directory, "frames", { encoding: "float16", inputSize: 256, timeUnit: "seconds" }),
    quiet,
  );
  assert.deepEqual(JSON.parse(readFileSync(sidecar, "utf8")), {
    ...JSON.parse(before),
    length: 2816 / 8000,
    author: "me",
  });
  const generated = folder(t);
  await buildRecords(generated, await planRecords(generated, "dataset", recipe), quiet);
  assert.deepEqual(JSON.parse(readFileSync(join(generated, "dataset.txt"), "utf8")), {
    size: 120,
    length: 0.1,
    sample_rate: 8000,
    input_lower: 200,
    input_upper: 800,
    waves: ["sin", "saw"],
    mods: ["pure", "maj"],
  });
});

test("shards that would be another's are refused", async (t) => {
  const directory = copyFixture(t, "pairs", true);
  const built = await plan(directory, "pairs");
  await assert.rejects(buildRecords(directory, built, quiet), {
    code: "RECORD",
    message: /^shard dataset0.tfrecord: exists without a manifest/,
  });
  const file = await savePlan(directory, built);
  for (const k of built.shards.keys()) await buildOneShard(file, k);
  await assert.rejects(finishPlan(file), { code: "RECORD", message: /^shard dataset0.tfrecord: exists without/ });
  assert.equal((await buildRecords(directory, built, { ...quiet, overwrite: true })).examples, 24);
  const index = {
    kind: "pairs" as const,
    file: "dataset",
    rows: [{ id: 0, line: 1, input: "sin_pure_400_00.wav", target: "sin_pure_800_00.wav" }],
  };
  await buildRecords(directory, await planRecords(directory, "set1", index), quiet);
  const many = planRecipe(100, 1000, 11, { waves: ["sin"], duration: 0.01 });
  await assert.rejects(planRecords(directory, "set", many, { examplesPerFile: 1 }), {
    code: "OPTION",
    message: 'shard set10.tfrecord: belongs to dataset "set1", expected a free name; choose another name than "set"',
  });
});

test("sources that don't fit are all named before anything is written", async (t) => {
  const directory = copyFixture(t, "pairs", false);
  const rows = readFileSync(join(directory, "dataset"), "utf8")
    .trim()
    .split("\n")
    .map((line) => line.split(","));
  const [missing, faster, stereo, cut, text] = [0, 2, 4, 6, 8].map((i) => rows[i]![0]!) as [
    string,
    string,
    string,
    string,
    string,
  ];
  const at = (file: string): string => join(directory, "in", file);
  rmSync(at(missing));
  writeFileSync(at(faster), encodeWav({ sampleRate: 8000, channels: 1, samples: new Int16Array(10) }));
  writeFileSync(at(stereo), encodeWav({ sampleRate: 4000, channels: 2, samples: new Int16Array(10) }));
  writeFileSync(at(cut), readFileSync(at(cut)).subarray(0, 1000));
  writeFileSync(at(text), "hello");
  const before = readdirSync(directory);
  await assert.rejects(
    plan(directory, "pairs"),
    (error: { code: string; problems: { kind: string; message: string }[] }) => {
      assert.equal(error.code, "CHECK");
      assert.deepEqual(error.problems.map((p) => p.kind).sort(), [
        "channels",
        "format",
        "missing",
        "sampleRate",
        "truncated",
      ]);
      for (const p of error.problems) assert.match(p.message, /in\/.*wav/);
      return true;
    },
  );
  assert.deepEqual(readdirSync(directory), before);
  const options = [{ encoding: "mp3" }, { examplesPerFile: 0 }, { shardBytes: 1.5 }] as unknown as RecordOptions[];
  for (const bad of options)
    await assert.rejects(plan(directory, "pairs", bad), { code: "OPTION", message: /expected/ });
  const frames = copyFixture(t, "frames", false);
  await assert.rejects(plan(frames, "frames", { encoding: "float16" }), {
    code: "OPTION",
    message: /^inputSize: missing/,
  });
});

test("24-bit sources become float32 unless told otherwise; float sources keep every bit", async (t) => {
  const directory = copyFixture(t, "edge_int16", false);
  const samples = Float32Array.from({ length: 500 }, (_, i) => Math.fround(Math.sin(i) * 0.9));
  for (const side of ["in", "out"])
    writeFileSync(join(directory, side, "edge.wav"), encodeWav({ sampleRate: 8000, channels: 1, samples }));
  const kept = await buildRecords(directory, await plan(directory, "pairs"), quiet);
  assert.equal(kept.encoding, "float32");
  assert.deepEqual((await readExample(await openRecords(directory, "dataset"), 0)).input, samples);
  const rounded = await buildRecords(directory, await plan(directory, "pairs", { encoding: "pcm16" }), quiet);
  assert.equal(rounded.encoding, "pcm16");
  const { input } = await readExample(await openRecords(directory, "dataset"), 0);
  for (const [i, v] of input.entries()) assert.ok(Math.abs(v - samples[i]!) <= 0.5 / 32768);
});
