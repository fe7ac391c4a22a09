import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { layoutBatch } from "../../dist/load/batch-layout.js";
import { encodeWav } from "../../dist/format/wav.js";
import { type Batches, batches } from "../../dist/load/batches.js";
import type { LoadState } from "../../dist/load/load-state.js";
import type { BatchOptions } from "../../dist/load/options.js";
import { readIndex } from "../../dist/sources/index-csv.js";
import { planRecords } from "../../dist/build/plan-records.js";
import { planRecipe } from "../../dist/generate/recipe.js";
import { readAhead } from "../../dist/load/read-ahead.js";
import { buildRecords } from "../../dist/build/build-records.js";
import { openRecords, type Records } from "../../dist/records/open-records.js";
import { openShard } from "../../dist/records/records.js";
import { loadTensorFlow } from "../../dist/tensorflow/load.js";
import { ended, start } from "../support/processes.js";
import { python, root } from "../support/python.js";
import { readExample } from "../../dist/records/read-example.js";

const tf = loadTensorFlow();
const folder = mkdtempSync(join(tmpdir(), "order-"));
const made = new Map<string, Promise<Records>>();

/** 120 pairs of 400 samples in 5 shards. */
function tones(encoding: "pcm16" | "float32" | "float16" = "pcm16"): Promise<Records> {
  const known = made.get(encoding);
  if (known) return known;
  const build = async (): Promise<Records> => {
    const recipe = planRecipe(100, 1000, 60, {
      waves: ["sin", "saw"],
      chords: ["pure"],
      duration: 0.05,
      sampleRate: 8000,
    });
    const plan = await planRecords(folder, encoding, recipe, { encoding, examplesPerFile: 25 });
    await buildRecords(folder, plan, { onProgress: false });
    return openRecords(folder, encoding);
  };
  made.set(encoding, build());
  return made.get(encoding)!;
}

const all = (records: Records): Uint32Array => Uint32Array.from({ length: records.count }, (_, i) => i);

/** A hash of each batch of an epoch, or of its first `limit` batches. */
async function epoch(dataset: Batches, limit = Infinity): Promise<string[]> {
  const iterator = await dataset.iterator();
  const hashes: string[] = [];
  while (hashes.length < limit) {
    const { value, done } = await iterator.next();
    if (done) break;
    const [x, y] = [await value.xs.data(), await value.ys.data()];
    hashes.push(`${value.xs.shape} ${value.ys.shape} ${sum(x as Float32Array)} ${sum(y as Float32Array)}`);
    value.xs.dispose();
    value.ys.dispose();
  }
  return hashes;
}

/** A sum that knows places: equal for equal arrays, different for arrays in another order. */
function sum(values: Float32Array): number {
  let total = 0;
  for (let i = 0; i < values.length; i++) total += values[i]! * ((i % 9973) + 1);
  return total;
}

test("each encoding gives the values that Python's tf.data reads from the same shards", async () => {
  for (const encoding of ["pcm16", "float32", "float16"] as const) {
    const records = await tones(encoding);
    const theirs = python(
      `
import tensorflow as tf
kind, scale = {"pcm16": (tf.int16, 32768), "float32": (tf.float32, 1), "float16": (tf.float16, 1)}[input["encoding"]]
spec = {"a_in": tf.io.FixedLenFeature([], tf.string), "a_out": tf.io.FixedLenFeature([], tf.string)}
rows = []
for record in tf.data.TFRecordDataset(input["paths"]):
    f = tf.io.parse_single_example(record, spec)
    rows.append([(tf.cast(tf.io.decode_raw(f[k], kind), tf.float32) / scale).numpy().tolist() for k in ("a_in", "a_out")])
print(json.dumps(rows))`,
      { encoding, paths: records.paths },
    ) as [number[], number[]][];
    const { value } = await (
      await batches(records, all(records), { batchSize: 120, shuffle: false }).iterator()
    ).next();
    assert.deepEqual(value.xs.shape, [120, 400]);
    assert.deepEqual(
      value.xs.arraySync(),
      theirs.map(([x]) => x),
      encoding,
    );
    assert.deepEqual(
      value.ys.arraySync(),
      theirs.map(([, y]) => y),
      encoding,
    );
    tf.dispose([value.xs, value.ys]);
  }
});

test("a batch holds each chosen example once, inputs beside their own targets", async () => {
  const records = await tones();
  const chosen = Uint32Array.from({ length: 50 }, (_, i) => i * 2 + 1);
  const stored = await Promise.all(Array.from(chosen, (i) => readExample(records, i)));
  const pairs = new Map(stored.map((e) => [e.input.join(), e.target!.join()]));
  assert.equal(pairs.size, 50);
  const iterator = await batches(records, chosen, { batchSize: 16, seed: 3 }).iterator();
  const sizes: number[] = [];
  for (;;) {
    const { value, done } = await iterator.next();
    if (done) break;
    sizes.push(value.xs.shape[0]!);
    const xs = value.xs.arraySync() as number[][];
    for (const [row, y] of (value.ys.arraySync() as number[][]).entries()) {
      assert.equal(pairs.get(xs[row]!.join()), y.join());
      pairs.delete(xs[row]!.join());
    }
    tf.dispose([value.xs, value.ys]);
  }
  assert.equal(pairs.size, 0);
  assert.deepEqual(sizes, [16, 16, 16, 2]);
});

test("the order is a function of seed and epoch alone, for any number of workers", async () => {
  const records = await tones();
  const run = async (workers: number, seed: number): Promise<string[][]> => {
    const dataset = batches(records, all(records), { batchSize: 8, seed, workers });
    return [await epoch(dataset), await epoch(dataset), await epoch(dataset)];
  };
  const one = await run(1, 5);
  assert.deepEqual(await run(3, 5), one);
  assert.notDeepEqual(one[0], one[1]);
  assert.notDeepEqual(await run(1, 6), one);
});

test("resuming in the middle of an epoch gives exactly the batches that would have come", async () => {
  const records = await tones();
  const make = (options: BatchOptions = {}): Batches =>
    batches(records, all(records), { batchSize: 7, seed: 2, ...options });
  const straight = make();
  const epochs = [await epoch(straight), await epoch(straight), await epoch(straight)];
  const stopped = make();
  await epoch(stopped);
  await epoch(stopped, 11);
  const state = JSON.parse(JSON.stringify(stopped.state()));
  assert.deepEqual(state, { seed: 2, epoch: 1, batch: 11, items: 120, batchSize: 7 });
  const again = make();
  again.resume(state);
  assert.deepEqual(await epoch(again), epochs[1]!.slice(11));
  assert.deepEqual(await epoch(again), epochs[2]);
  assert.deepEqual(again.state(), { seed: 2, epoch: 3, batch: 0, items: 120, batchSize: 7 });
  assert.throws(() => make({ seed: 3 }).resume(state), { code: "OPTION", message: /seed 2, expected 3/ });
  for (const [wrong, message] of [
    [{ batch: -2 }, /batch -2, expected a whole number from 0 to 18/],
    [{ batch: 1.5 }, /batch 1\.5/],
    [{ batch: 100 }, /batch 100/],
    [{ batch: undefined }, /batch undefined/],
    [{ epoch: -1 }, /epoch -1, expected a whole number from 0 on/],
  ] as const) {
    assert.throws(() => make().resume({ ...state, ...wrong } as LoadState), { code: "OPTION", message });
  }
});

test("the state is the place of the iterator read last, also when another one ends meanwhile", async () => {
  const records = await tones();
  const dataset = batches(records, all(records), { batchSize: 30 });
  const [one, two] = [await dataset.iterator(), await dataset.iterator()];
  const read = async (iterator: typeof one): Promise<boolean> => {
    const { done, value } = await iterator.next();
    if (!done) for (const tensor of [value.xs, value.ys]) tensor.dispose();
    return done === true;
  };
  await read(one);
  await read(two);
  while (!(await read(one))) {}
  const { epoch: at, batch } = dataset.state();
  assert.deepEqual([at, batch], [1, 0], "epoch 1 was begun by the other one, and nothing of it may be left out");
  const empty = batches(records, new Uint32Array(0), {});
  assert.deepEqual(await epoch(empty), []);
  assert.equal(empty.state().epoch, 1);
});

test("examples that aren't there are refused by number", async () => {
  const records = await tones();
  assert.throws(() => batches(records, Uint32Array.of(3, records.count)), {
    code: "OPTION",
    message: `example: ${records.count}, expected 0 to ${records.count - 1}`,
  });
});

test("an iterator that is never read takes no epoch, as fitDataset's first", async () => {
  const records = await tones();
  const make = (): Batches => batches(records, all(records), { batchSize: 40 });
  const read = make();
  await read.iterator();
  assert.deepEqual(await epoch(read), await epoch(make()));
});

test("fitDataset, evaluateDataset, repeat and take work, with a split smaller than a batch", async () => {
  const records = await tones();
  const options = { batchSize: 32, inputSize: 100 };
  const [train, validate] = [
    batches(records, all(records).slice(0, 100), options),
    batches(records, all(records).slice(100, 103), options),
  ];
  assert.deepEqual([train.size, validate.size], [4, 1]);
  const model = tf.sequential({ layers: [tf.layers.dense({ units: 100, inputShape: [4, 100] })] });
  model.compile({ optimizer: "sgd", loss: "meanSquaredError" });
  const before = tf.memory().numTensors;
  const seen: number[] = [];
  const { history } = await model.fitDataset(train, {
    epochs: 3,
    validationData: validate,
    verbose: 0,
    callbacks: { onBatchEnd: async (_, logs) => void seen.push(logs!.size!) },
  });
  assert.deepEqual(seen, [32, 32, 32, 4, 32, 32, 32, 4, 32, 32, 32, 4]);
  assert.equal(history.val_loss!.length, 3);
  await model.fitDataset(train.repeat(), { epochs: 2, batchesPerEpoch: train.size, verbose: 0 });
  const loss = (await model.evaluateDataset(validate as never, {})) as import("@tensorflow/tfjs-node-gpu").Scalar;
  assert.ok(Number.isFinite(loss.dataSync()[0]));
  loss.dispose();
  assert.equal(tf.memory().numTensors, before);
  let taken = 0;
  await train.take(2).forEachAsync(({ xs, ys }) => {
    taken += xs.shape[0]!;
    tf.dispose([xs, ys]);
  });
  assert.equal(taken, 64);
});

test("windows cut every example into pieces from its place in the shard", async () => {
  const records = await tones();
  const window = { length: 150, step: 100 };
  const { value } = await (await batches(records, Uint32Array.of(7, 9), { window, shuffle: false }).iterator()).next();
  assert.deepEqual(value.xs.shape, [6, 150]);
  const [a, b] = [await readExample(records, 7), await readExample(records, 9)];
  const pieces = [a, b].flatMap((e) =>
    [0, 100, 200].map((at) => [e.input, e.target!].map((s) => Array.from(s.subarray(at, at + 150)))),
  );
  assert.deepEqual(
    value.xs.arraySync(),
    pieces.map(([x]) => x),
  );
  assert.deepEqual(
    value.ys.arraySync(),
    pieces.map(([, y]) => y),
  );
  tf.dispose([value.xs, value.ys]);
  const long = await (
    await batches(records, Uint32Array.of(7), { window: { length: 1000 }, inputSize: 300 }).iterator()
  ).next();
  assert.deepEqual(long.value.xs.shape, [1, 4, 300]);
  assert.deepEqual(Array.from(long.value.xs.dataSync() as Float32Array), [
    ...a.input,
    ...new Array<number>(800).fill(0),
  ]);
  tf.dispose([long.value.xs, long.value.ys]);
});

test("dropRemainder leaves out the last batch where it is not full", async () => {
  const records = await tones();
  const dataset = batches(records, all(records), { batchSize: 50, dropRemainder: true });
  assert.equal(dataset.size, 2);
  assert.equal((await epoch(dataset)).length, 2);
});

test("labels per frame: events become rows, windows take theirs, padding stays 0", async () => {
  const at = mkdtempSync(join(tmpdir(), "frames-"));
  mkdirSync(join(at, "in"));
  for (const [name, samples] of [
    ["a", 800],
    ["b", 350],
  ] as const) {
    const audio = { sampleRate: 8000, channels: 1, samples: Int16Array.from({ length: samples }, (_, i) => i) };
    writeFileSync(join(at, "in", `${name}.wav`), encodeWav(audio));
  }
  writeFileSync(join(at, "notes"), "a.wav,a.csv\nb.wav,b.csv\n");
  writeFileSync(join(at, "a.csv"), "TIME STAMP,C,D\n0,1,0\n0.025,0,0.5\n0.075,0,0\n");
  writeFileSync(join(at, "b.csv"), "TIME STAMP,C,D\n0,0,2\n");
  const index = await readIndex(at, "notes", "frames");
  await buildRecords(at, await planRecords(at, "notes", index, { timeUnit: "seconds" }), { onProgress: false });
  const records = await openRecords(at, "notes");
  const { value } = await (await batches(records, all(records), { inputSize: 100, shuffle: false }).iterator()).next();
  assert.deepEqual(value.xs.shape, [2, 8, 100]);
  const [c, d, none] = [
    [1, 0],
    [0, 0.5],
    [0, 0],
  ];
  assert.deepEqual(value.ys.arraySync(), [
    [c, c, d, d, d, d, none, none],
    [[0, 2], [0, 2], [0, 2], [0, 2], none, none, none, none],
  ]);
  const cut = await (
    await batches(records, Uint32Array.of(0), {
      inputSize: 100,
      shuffle: false,
      window: { length: 300, step: 200 },
    }).iterator()
  ).next();
  assert.deepEqual(cut.value.ys.arraySync(), [
    [c, c, d],
    [d, d, d],
    [d, d, none],
  ]);
  assert.throws(() => batches(records, all(records)), { code: "OPTION", message: /inputSize: missing/ });
});

test("tensors and memory stay flat over 50 epochs of 15 MB", async () => {
  const records = await tones();
  const long = { batchSize: 32, inputSize: 100, window: { length: 16000 } };
  const [raw, changed] = [{}, { augment: { gain: [-6, 6] as [number, number] } }].map((extra) =>
    batches(records, all(records), { ...long, ...extra }),
  ) as [Batches, Batches];
  for (let i = 0; i < 10; i++) await epoch(i % 2 ? raw : changed);
  const tensors = tf.memory().numTensors;
  const megabytes = process.memoryUsage.rss() / 2 ** 20;
  for (let i = 0; i < 50; i++) await epoch(i % 2 ? raw : changed);
  assert.equal(tf.memory().numTensors, tensors);
  const growth = process.memoryUsage.rss() / 2 ** 20 - megabytes;
  assert.ok(growth < 100, `${growth.toFixed(0)} MB more after 50 epochs`);
});

test("an abandoned iterator keeps neither tensors nor the process", async () => {
  await tones();
  const code = `
const { batches } = require(${JSON.stringify(join(root, "dist/load/batches.js"))});
const { openRecords } = require(${JSON.stringify(join(root, "dist/records/open-records.js"))});
openRecords(${JSON.stringify(folder)}, "pcm16").then(async (records) => {
  const dataset = batches(records, Uint32Array.from({ length: 120 }, (_, i) => i), { batchSize: 2, workers: 2 });
  for (let i = 0; i < 20; i++) {
    const { value } = await (await dataset.iterator()).next();
    value.xs.dispose();
    value.ys.dispose();
  }
  console.log("read", require("@tensorflow/tfjs-node-gpu").memory().numTensors);
});`;
  const { status, stdout, stderr } = await ended(start(process.execPath, ["-e", code], { cwd: root }));
  assert.equal(status, 0, stderr);
  assert.match(stdout, /read 0/);
});

test("a shard that was cut off or is gone is named, and nothing comes after the error", async () => {
  const at = mkdtempSync(join(tmpdir(), "cut-"));
  const recipe = planRecipe(100, 1000, 10, { waves: ["sin"], chords: ["pure"], duration: 0.05, sampleRate: 8000 });
  await buildRecords(at, await planRecords(at, "cut", recipe), { onProgress: false });
  const records = await openRecords(at, "cut");
  const bytes = readFileSync(records.paths[0]!).length;
  truncateSync(records.paths[0]!, bytes - 900);
  const iterator = await batches(records, all(records), { batchSize: 5, shuffle: false }).iterator();
  await assert.rejects(iterator.next(), { name: "DatasetError", code: "RECORD", message: /cut0\.tfrecord/ });
  assert.equal((await iterator.next()).done, true);
  const shard = records.manifest.shards[0]!;
  const missing = { ...records, manifest: { ...records.manifest, shards: [{ ...shard, file: "gone.tfrecord" }] } };
  const other = await batches(missing, all(records)).iterator();
  await assert.rejects(other.next(), {
    name: "DatasetError",
    code: "FILE",
    message: /gone\.tfrecord: not found/,
  });
});

test("a shard rebuilt since the records were opened is refused, not read at the old positions", async () => {
  const at = mkdtempSync(join(tmpdir(), "rebuilt-"));
  const recipe = planRecipe(100, 1000, 10, { waves: ["sin"], chords: ["pure"], duration: 0.05, sampleRate: 8000 });
  const build = async (volume: number): Promise<Records> => {
    await buildRecords(at, await planRecords(at, "set", { ...recipe, volume }), { onProgress: false });
    return openRecords(at, "set");
  };
  const records = await build(0.1);
  const begun = await batches(records, all(records), { batchSize: 5, shuffle: false, workers: 1 }).iterator();
  const first = (await begun.next()).value;
  // To the same bytes it is as good as before.
  await build(0.2);
  await build(0.1);
  const same = (await (await batches(records, all(records), { batchSize: 10, shuffle: false }).iterator()).next())
    .value;
  assert.equal((await readExample(records, 0)).input.length, 400);
  const again = await build(0.2);
  const late = await batches(records, all(records), { batchSize: 5 }).iterator();
  await assert.rejects(late.next(), { code: "RECORD", message: /set0\.tfrecord\); load the dataset again/ });
  await assert.rejects(readExample(records, 0), { code: "RECORD", message: /load the dataset again/ });
  // What was open when the new shard took its place is read to its end.
  const second = (await begun.next()).value;
  const fresh = await (await batches(again, all(again), { batchSize: 10, shuffle: false }).iterator()).next();
  const loudest = (t: import("@tensorflow/tfjs-node-gpu").Tensor): number => Math.max(...t.abs().dataSync());
  assert.ok(Math.abs(loudest(fresh.value.xs) / loudest(second.xs) - 2) < 0.01);
  assert.ok(Math.abs(loudest(fresh.value.xs) / loudest(same.xs) - 2) < 0.01);
  tf.dispose([first, second, same, fresh.value]);
});

test("the first tasks of an epoch are small, so that nothing waits for a large one; later ones grow", async () => {
  const records = await tones();
  const tasks: number[][] = [];
  const planner = {
    checks: () => new Float64Array(0),
    claimed: (_: unknown, work: (fetch: undefined) => Promise<never>) => work(undefined),
    layout: (k: number, at: number) => {
      // The first batch of a task lies at the beginning of its buffer.
      if (at === 0) tasks.push([]);
      tasks.at(-1)!.push(k);
      return layoutBatch(records, { example: all(records) }, Uint32Array.of(k), {}, 0, at);
    },
  };
  const shards = (k: number) => openShard(records, k);
  const reader = readAhead(
    { shards, opened: "tasks", labels: undefined, channels: 1 },
    { now: 1, atMost: 1 },
    0,
    120,
    planner,
    [],
  );
  reader.begin();
  assert.deepEqual(tasks, [[0], [1]]);
  const seen: number[] = [];
  for (let raw = await reader.next(); raw; raw = await reader.next()) {
    if (seen.length === 0) assert.deepEqual(tasks, [[0], [1], [2, 3]], "one task more than there are workers");
    seen.push(...raw.examples);
    reader.release(raw);
  }
  assert.deepEqual(seen, [...all(records)]);
  assert.deepEqual(
    tasks.map((task) => task.length),
    [1, 1, 2, 2, 4, 4, 8, 8, 16, 16, 30, 28],
  );
});

test("readers that join in the middle of an epoch change nothing", async () => {
  const records = await tones();
  const planner = {
    checks: () => new Float64Array(0),
    claimed: (_: unknown, work: (fetch: undefined) => Promise<never>) => work(undefined),
    layout: (k: number, at: number) => layoutBatch(records, { example: all(records) }, Uint32Array.of(k), {}, 0, at),
  };
  const shards = (k: number) => openShard(records, k);
  const readers = { now: 1, atMost: 4 };
  const reader = readAhead({ shards, opened: "joined", labels: undefined, channels: 1 }, readers, 0, 120, planner, []);
  const seen: number[] = [];
  const sums: number[] = [];
  for (let raw = await reader.next(); raw; raw = await reader.next()) {
    seen.push(...raw.examples);
    sums.push(new Int16Array(raw.buffer, raw.xs.at, raw.xs.bytes / 2).reduce((a, b) => a + Math.abs(b), 0));
    if (seen.length === 3) readers.now = 4;
    reader.release(raw);
  }
  assert.deepEqual(seen, [...all(records)]);
  for (const [i, sum] of sums.entries()) {
    const { input } = await readExample(records, i);
    assert.equal(
      sum,
      input.reduce((a, b) => a + Math.abs(b) * 32768, 0),
    );
  }
});

test("the next epoch's first batches are read before they are asked for, and are those that come", async () => {
  const at = mkdtempSync(join(tmpdir(), "ahead-"));
  const recipe = planRecipe(100, 1000, 12, { waves: ["sin"], chords: ["pure"], duration: 0.05, sampleRate: 8000 });
  await buildRecords(at, await planRecords(at, "ahead", recipe), { onProgress: false });
  const records = await openRecords(at, "ahead");
  const options = { batchSize: 2, seed: 3, workers: 1 };
  const expected = batches(records, all(records), options);
  const epochs = [await epoch(expected), await epoch(expected)];
  const dataset = batches(records, all(records), options);
  assert.deepEqual(await epoch(dataset), epochs[0]);
  // The one thread that reads does so in order, so what was begun is done once another set was read.
  const other = await tones();
  await epoch(batches(other, all(other), { workers: 1 }));
  // Now the file's samples are others, which what was read does not know.
  const bytes = readFileSync(records.paths[0]!);
  writeFileSync(records.paths[0]!, Buffer.alloc(bytes.length));
  const [first] = await epoch(dataset, 1);
  assert.equal(first, epochs[1]![0]);
  // A place that was asked for counts more.
  writeFileSync(records.paths[0]!, bytes);
  const again = batches(records, all(records), options);
  await epoch(again);
  again.resume({ ...again.state(), epoch: 0, batch: 2 });
  assert.deepEqual(await epoch(again), epochs[0]!.slice(2));
});

test("options out of range are named", async () => {
  const records = await tones();
  const make = (options: BatchOptions) => () => batches(records, all(records), options);
  assert.throws(make({ inputSize: 0 }), { code: "OPTION", message: /inputSize: 0, expected a whole number above 0/ });
  assert.throws(make({ batchSize: 1.5 }), { code: "OPTION", message: /batchSize: 1.5/ });
  assert.throws(make({ window: { length: 0 } }), { code: "OPTION", message: /window: length 0/ });
  const hop = { length: 100, hop: 50 };
  assert.throws(make({ window: hop }), {
    code: "OPTION",
    message: /window: option "hop", expected one of length, step/,
  });
  assert.throws(make({ augment: { gain: [3, -3] } }), { code: "OPTION", message: /augment.gain: \[3,-3\]/ });
  assert.throws(make({ augment: { frequencyMask: { bins: 3 } } }), { code: "OPTION", message: /expected features/ });
});

after(() => tf.disposeVariables());
