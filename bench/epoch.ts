// One epoch over 2,000 pairs of one second in batches of 64 as float32, compared with tf.data; random and sequential
// order; memory over 20 GB.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Batches, batches } from "../dist/load/batches.js";
import { planRecords } from "../dist/build/plan-records.js";
import { planRecipe } from "../dist/generate/recipe.js";
import { buildRecords } from "../dist/build/build-records.js";
import { openRecords, type Records } from "../dist/records/open-records.js";
import { loadTensorFlow } from "../dist/tensorflow/load.js";
import { compare, measure, pythonPeer, report, type Side, tiny } from "./harness.js";

const STEPS = tiny ? 5 : 100;
const COUNT = STEPS * 20;
const BATCH = 64;

const PEER = `
import os, numpy as np, tensorflow as tf
AUTO = tf.data.AUTOTUNE
spec = {"a_in": tf.io.FixedLenFeature([], tf.string), "a_out": tf.io.FixedLenFeature([], tf.string)}
decode = lambda bytes: tf.cast(tf.io.decode_raw(bytes, tf.int16), tf.float32) / 32768
def one(record):
    example = tf.io.parse_single_example(record, spec)
    return decode(example["a_in"]), decode(example["a_out"])
def many(records):
    examples = tf.io.parse_example(records, spec)
    return decode(examples["a_in"]), decode(examples["a_out"])
def tensors(a, b):
    scale = np.float32(1 / 32768)
    return tf.constant(a.astype(np.float32) * scale), tf.constant(b.astype(np.float32) * scale)
def examples(files):
    for record in tf.data.TFRecordDataset(files).as_numpy_iterator():
        features = tf.train.Example.FromString(record).features.feature
        yield [np.frombuffer(features[k].bytes_list.value[0], np.int16) for k in ("a_in", "a_out")]
def make_webdataset(files, folder, batch):
    # The same examples as tar files of raw samples, one beside each shard.
    import tarfile, io, webdataset
    for k, file in enumerate(files):
        with tarfile.open("%s/%d.tar" % (folder, k), "w") as tar:
            for i, sides in enumerate(examples([file])):
                for name, side in zip(("a", "b"), sides):
                    info = tarfile.TarInfo("%06d.%s" % (i, name))
                    info.size = side.nbytes
                    tar.addfile(info, io.BytesIO(side.tobytes()))
    stages = webdataset.WebDataset(["%s/%d.tar" % (folder, k) for k in range(len(files))], shardshuffle=False)
    return stages.shuffle(1000).to_tuple("a", "b").batched(batch, partial=True)
def rows(files):
    for a, b in examples(files): yield {"a": a, "b": b}
def make_datasets(files, folder, batch):
    import datasets
    datasets.disable_progress_bars()
    length = len(next(examples(files))[0])
    features = datasets.Features({k: datasets.Sequence(datasets.Value("int16"), length=length) for k in ("a", "b")})
    made = datasets.Dataset.from_generator(rows, features=features, cache_dir=folder + "/cache", gen_kwargs={"files": files})
    made.save_to_disk(folder + "/arrow")
    return datasets.load_from_disk(folder + "/arrow").with_format("numpy")
pipelines = {}
def make(files, kind, batch, folder):
    if kind == "webdataset": return make_webdataset(files, folder, batch)
    if kind == "datasets": return make_datasets(files, folder, batch)
    if kind == "plain":
        return tf.data.TFRecordDataset(files).map(one).shuffle(1024).batch(batch)
    records = tf.data.TFRecordDataset(files, num_parallel_reads=2)
    if kind == "shuffled": records = records.shuffle(1024)
    return records.batch(batch).map(many, num_parallel_calls=AUTO, deterministic=False).prefetch(AUTO)
def batches(pipeline, kind, batch):
    if kind == "webdataset":
        for a, b in pipeline: yield tensors(*(np.stack([np.frombuffer(x, np.int16) for x in side]) for side in (a, b)))
    elif kind == "datasets":
        for rows in pipeline.shuffle(seed=1).iter(batch_size=batch): yield tensors(np.stack(rows["a"]), np.stack(rows["b"]))
    else: yield from pipeline
def run(input):
    if "evict" in input:
        for file in input["evict"]:
            fd = os.open(file, os.O_RDONLY)
            os.fsync(fd)
            os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(fd)
        return None
    kind = input["kind"]
    if kind not in pipelines:
        pipelines[kind] = make(input["files"], kind, input["batch"], input["folder"])
        if input.get("prepare"): return None
    return sum(int(x.shape[0]) for x, y in batches(pipelines[kind], kind, input["batch"]))
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

const PEERS = {
  tuned: "tf.data, tuned: parallel reads, batched decode, prefetch",
  shuffled: "tf.data, tuned, with shuffle(1024)",
  plain: "tf.data as the original's: map, shuffle(1024), batch",
  webdataset: "webdataset, tars of the same samples, shuffle(1000)",
  datasets: "HF datasets, arrow files of the same samples, shuffled",
};

async function speed(records: Records, folder: string): Promise<void> {
  const load = (shuffle: boolean): Batches =>
    batches(records, allOf(records), { inputSize: 256, batchSize: BATCH, seed: 1, shuffle });
  const [random, ordered] = [load(true), load(false)];
  const python = pythonPeer(PEER);
  const ask = (kind: keyof typeof PEERS, more = {}) => ({ files: records.paths, kind, batch: BATCH, folder, ...more });
  const mine = (dataset: Batches) => () => measure(() => epoch(dataset));
  const work = `${records.count} pairs of 1 s, batches of ${BATCH}, float32 on TensorFlow`;
  const details = { pairs: records.count };
  for (const [name, kind, dataset, target] of [
    ["epoch, shuffled", "tuned", random, 1.5],
    ["epoch, in order", "tuned", ordered, 1.5],
    ["epoch, shuffled", "shuffled", random, 1.5],
    ["epoch, shuffled", "plain", random, 4],
    ["epoch, shuffled", "webdataset", random, 1.5],
    ["epoch, shuffled", "datasets", random, 1.5],
  ] as const) {
    const packages = [kind === "webdataset" || kind === "datasets" ? kind : "tensorflow"];
    if (kind === "webdataset" || kind === "datasets") await python.run(ask(kind, { prepare: true }));
    const about = { name, work: `${name}: ${work}`, peer: PEERS[kind], target, details, packages };
    await compare(about, mine(dataset), () => python.run(ask(kind)), { pairs: kind === "datasets" ? 5 : 9 });
  }
  // From the disk: both sides read files that the system's cache has been told to forget; a new dataset for each run,
  // since one that was read begins with its next epoch while the last batches are used.
  const cold = (side: Side): Side => {
    return async (run) => {
      await python.run({ evict: records.paths });
      return side(run);
    };
  };
  for (const [name, kind, shuffle] of [
    ["epoch, shuffled, from the disk", "shuffled", true],
    ["epoch, in order, from the disk", "tuned", false],
  ] as const) {
    const about = { name, work: `${name}: ${work}`, peer: PEERS[kind], target: 1.5, details, packages: ["tensorflow"] };
    await compare(
      about,
      cold(() => measure(() => epoch(load(shuffle)))),
      cold(() => python.run(ask(kind))),
    );
  }
  python.close();
  await compare(
    {
      name: "epoch, shuffled",
      work: `epoch, shuffled: ${work}`,
      peer: "this library in the order of the disk",
      target: 0.8,
    },
    mine(random),
    mine(ordered),
    { pairs: 15 },
  );
}

/** The same shard many times over under other names, until the dataset has 20 GB. */
async function memory(records: Records): Promise<void> {
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
    manifest: { ...records.manifest, shards: Array.from({ length: copies }, () => records.manifest.shards[0]!) },
    ...(records.mtimes && { mtimes: new Float64Array(copies).fill(records.mtimes[0]!) }),
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
  report({
    name: "memory of an epoch",
    work: `${((bytes * copies) / 1e9).toFixed(1)} GB in ${copies} shards, ${large.count} pairs, shuffled`,
    megabytesAboveBaseline: above,
    target: 300,
    reached: above < 300,
    pairsPerSecond: Math.round(large.count / seconds),
  });
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
      await speed(records, folder);
      await memory(records);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
}

void main();
