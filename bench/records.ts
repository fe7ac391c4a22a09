/**
 * Wavs of pairs → shards, against a plain Python writer in two processes (tf.audio.decode_wav, float16, TFRecordWriter)
 * and against `cp` of the same wavs. Ours stores pcm16, lossless, with hashes of sources and shards, flushed to the disk.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { planRecipe, writeWavs } from "../dist/generate.js";
import { readIndex } from "../dist/pair.js";
import { planRecords } from "../dist/plan.js";
import { buildRecords } from "../dist/record.js";
import { compare, measure, measureCommand, pythonPeer, tiny } from "./harness.js";

const WRITER = `
import concurrent.futures, json, multiprocessing, os
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
def write(task):
    import tensorflow as tf
    path, pairs = task
    def half(file):
        audio, _ = tf.audio.decode_wav(tf.io.read_file(file))
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=[tf.cast(tf.reshape(audio, [-1]), tf.float16).numpy().tobytes()]))
    with tf.io.TFRecordWriter(path) as writer:
        for a, b in pairs:
            features = tf.train.Features(feature={"a_in": half(a), "a_out": half(b)})
            writer.write(tf.train.Example(features=features).SerializeToString())
    return len(pairs)
# The workers stay up from run to run, so that importing TensorFlow doesn't count.
pool = concurrent.futures.ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) if __name__ == "__main__" else None
def run(folder):
    with open(folder + "/dataset") as f:
        pairs = [[folder + "/in/" + a, folder + "/out/" + b] for a, b in (l.strip().split(",") for l in f)]
    half = (len(pairs) + 1) // 2
    os.makedirs(folder + "/python", exist_ok=True)
    tasks = [(folder + "/python/%d.tfrecord" % k, pairs[k * half:(k + 1) * half]) for k in range(2)]
    return sum(pool.map(write, tasks))
`;

async function main(): Promise<void> {
  const steps = tiny ? 4 : 1000;
  const folder = mkdtempSync(join(process.env.BENCH_FOLDER ?? tmpdir(), "bench-records-"));
  const python = pythonPeer(WRITER);
  try {
    await writeWavs(folder, "dataset", planRecipe(100, 1000, steps), { onProgress: false });
    const index = await readIndex(folder, "dataset", "pairs");
    const pairs = index.rows.length;
    const ours = () =>
      measure(async () => {
        const plan = await planRecords(folder, "dataset", await readIndex(folder, "dataset", "pairs"));
        return (await buildRecords(folder, plan, { onProgress: false })).examples;
      });
    const fresh = async <T>(work: () => Promise<T>): Promise<T> => {
      for (const left of ["dataset.manifest.json", "copy", "python"]) {
        rmSync(join(folder, left), { recursive: true, force: true });
      }
      for (let k = 0; k < 100; k++) rmSync(join(folder, `dataset${k}.tfrecord`), { force: true });
      return work();
    };
    const work = `${pairs} pairs of 1 s, 16 kHz: wavs to shards`;
    const details = { megabytes: (pairs * 2 * 32000) / 1e6 };
    await compare(
      { name: "records", work, peer: "Python: decode_wav, float16, TFRecordWriter, 2 processes", target: 8, details },
      () => fresh(ours),
      () => fresh(() => python.run(folder)),
    );
    await compare(
      { name: "records-cp", work, peer: "cp -r of the same wavs", target: 0.5, details },
      () => fresh(ours),
      () => fresh(() => measureCommand(`mkdir ${folder}/copy && cp -r ${folder}/in ${folder}/out ${folder}/copy`)),
      { same: false },
    );
  } finally {
    python.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

void main();
