// One epoch over 2,000 pairs of one second in batches of 64 as float32, beside tf.data; random beside sequential; memory over 20 GB.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Batches, batches } from "../dist/load.js";
import { planRecords } from "../dist/plan.js";
import { planRecipe } from "../dist/recipe.js";
import { buildRecords } from "../dist/record.js";
import { openRecords, type Records } from "../dist/records.js";
import { loadTensorFlow } from "../dist/tensorflow.js";
import { compare, measure, pythonPeer, tiny } from "./harness.js";

const STEPS = tiny ? 5 : 100;
const COUNT = STEPS * 20;
const BATCH = 64;

const PEER = `
import tensorflow as tf
AUTO = tf.data.AUTOTUNE
spec = {"a_in": tf.io.FixedLenFeature([], tf.string), "a_out": tf.io.FixedLenFeature([], tf.string)}
decode = lambda bytes: tf.cast(tf.io.decode_raw(bytes, tf.int16), tf.float32) / 32768
def one(record):
    example = tf.io.parse_single_example(record, spec)
    return decode(example["a_in"]), decode(example["a_out"])
def many(records):
    examples = tf.io.parse_example(records, spec)
    return decode(examples["a_in"]), decode(examples["a_out"])
pipelines = {}
def make(files, kind, batch):
    if kind == "plain":
        return tf.data.TFRecordDataset(files).map(one).shuffle(1024).batch(batch)
    records = tf.data.TFRecordDataset(files, num_parallel_reads=2)
    if kind == "shuffled": records = records.shuffle(1024)
    return records.batch(batch).map(many, num_parallel_calls=AUTO, deterministic=False).prefetch(AUTO)
def run(input):
    key = json.dumps(input)
    if key not in pipelines: pipelines[key] = make(input["files"], input["kind"], input["batch"])
    return sum(int(x.shape[0]) for x, y in pipelines[key])
`;

async function epoch(dataset: Batches): Promise<number> {
  const iterator = await dataset.iterator();
  let count = 0;
  for (;;) {
    const { value, done } = await iterator.next();
    if (done) return count;
    count += value.xs.shape[0]!;
    value.xs.dispose();
    value.ys.dispose();
  }
}

const allOf = (records: Records): Uint32Array => Uint32Array.from({ length: records.count }, (_, i) => i);

async function speed(records: Records): Promise<void> {
  const random = batches(records, allOf(records), { inputSize: 256, batchSize: BATCH, seed: 1 });
  const ordered = batches(records, allOf(records), { inputSize: 256, batchSize: BATCH, shuffle: false });
  const python = pythonPeer(PEER);
  const peer = (kind: string) => () => python.run({ files: records.paths, kind, batch: BATCH });
  const mine = (dataset: Batches) => () => measure(() => epoch(dataset));
  const work = `${records.count} pairs of 1 s, batches of ${BATCH}, float32 on TensorFlow`;
  for (const [name, kind, dataset, target] of [
    ["epoch, shuffled over all shards", "tuned", random, 1.5],
    ["epoch in order", "tuned", ordered, 1.5],
    ["epoch, shuffled over all shards", "shuffled", random, 1.5],
    ["epoch, shuffled over all shards", "plain", random, 4],
  ] as const) {
    const about = {
      tuned: "tf.data, parallel reads, batched decode, prefetch, no shuffle",
      shuffled: "the same with shuffle(1024)",
      plain: "tf.data as the original's: map, shuffle(1024), batch",
    }[kind];
    await compare({ name, work, peer: about, target, details: { pairs: records.count } }, mine(dataset), peer(kind), {
      pairs: 9,
    });
  }
  python.close();
  await compare(
    { name: "random beside sequential", work, peer: "the same reader in the order of the disk", target: 0.8 },
    mine(random),
    mine(ordered),
    { pairs: 15 },
  );
}

/** The same shard many times over under other names, until the dataset has 20 GB. */
async function memory(records: Records): Promise<void> {
  const shard = records.paths[0]!;
  const bytes = records.manifest.shards[0]!.bytes;
  const copies = tiny ? 3 : Math.ceil(20e9 / bytes);
  // Every copy is read from its own place, but one file holds them all: a disk with room for 20 GB isn't needed.
  const per = records.shard.filter((s) => s === 0).length;
  const repeat = <T extends Float64Array | Uint32Array>(column: T): T => {
    const all = new (column.constructor as new (n: number) => T)(per * copies);
    for (let k = 0; k < copies; k++) all.set(column.subarray(0, per), k * per);
    return all;
  };
  const large: Records = {
    ...records,
    count: per * copies,
    paths: Array.from({ length: copies }, () => shard),
    shard: Uint32Array.from({ length: per * copies }, (_, i) => Math.floor(i / per)),
    offset: repeat(records.offset),
    length: repeat(records.length),
    inputAt: repeat(records.inputAt),
    inputBytes: repeat(records.inputBytes),
    targetAt: repeat(records.targetAt),
    targetBytes: repeat(records.targetBytes),
  };
  const base = process.memoryUsage.rss();
  const dataset = batches(large, allOf(large), { inputSize: 256, batchSize: BATCH, seed: 1 });
  const { peakMegabytes, seconds } = await measure(() => epoch(dataset));
  const above = Math.round(peakMegabytes - base / 2 ** 20);
  console.log(
    JSON.stringify({
      name: "memory of an epoch",
      work: `${((bytes * copies) / 1e9).toFixed(1)} GB in ${copies} shards, ${large.count} pairs, shuffled`,
      megabytesAboveBaseline: above,
      target: 300,
      reached: above < 300,
      pairsPerSecond: Math.round(large.count / seconds),
    }),
  );
}

async function main(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "epoch-"));
  try {
    const recipe = planRecipe(100, 1000, STEPS, {
      waves: ["sin", "square", "saw", "triangle"],
      chords: ["pure", "maj", "min", "oct", "per5"],
    });
    await buildRecords(folder, await planRecords(folder, "epoch", recipe, { examplesPerFile: Math.ceil(COUNT / 2) }), {
      onProgress: false,
    });
    const records = await openRecords(folder, "epoch");
    loadTensorFlow().scalar(0).dispose();
    await epoch(batches(records, allOf(records), { inputSize: 256, batchSize: BATCH }));
    if (process.argv.includes("--memory")) await memory(records);
    else {
      await speed(records);
      await memory(records);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
}

void main();
