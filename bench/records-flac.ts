/**
 * FLACs of whole-file classes → shards, against soundfile and TFRecordWriter in two processes of Python: as two programs, from their
 * start to their end, and the work alone, where Python's processes have imported TensorFlow before. Both store 16-bit samples; ours
 * also checks every source and its checksum, hashes every shard and flushes them to the disk.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildRecords } from "../dist/build/build-records.js";
import { planRecords } from "../dist/build/plan-records.js";
import { fromFolder } from "../dist/sources/from-folder.js";
import { compare, type Measure, measure, measureCommand, pythonPath, pythonPeer, root, tiny } from "./harness.js";

const FILES = tiny ? 16 : 1000;
const SECONDS = 5;
const RATE = 16000;

const WRITER = `
import concurrent.futures, glob, multiprocessing, os
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
def write(task):
    import soundfile, tensorflow as tf
    path, files = task
    with tf.io.TFRecordWriter(path) as writer:
        for file in files:
            x, rate = soundfile.read(file, dtype="int16")
            features = {"a_in": tf.train.Feature(bytes_list=tf.train.BytesList(value=[x.tobytes()]))}
            writer.write(tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString())
    return len(files)
pool = concurrent.futures.ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) if __name__ == "__main__" else None
def run(input):
    folder = input["folder"]
    if "files" in input:
        import numpy as np, soundfile
        rng = np.random.default_rng(1)
        t = np.arange(input["rate"] * input["seconds"]) / input["rate"]
        for k in range(input["files"]):
            x = 0.3 * np.sin(2 * np.pi * rng.uniform(100, 3000) * t) + 0.03 * rng.standard_normal(t.size)
            soundfile.write("%s/in/%d/%d.flac" % (folder, k % 2, k), x, input["rate"])
        return None
    files = sorted(glob.glob(folder + "/in/*/*.flac"))
    half = (len(files) + 1) // 2
    return sum(pool.map(write, [(folder + "/python%d" % k, files[k * half:(k + 1) * half]) for k in range(2)]))
`;

const PROGRAM = (folder: string): string => `
const { fromFolder, SimpleAudioClassificationDataset } = require(${JSON.stringify(root)});
const folder = ${JSON.stringify(folder)};
void fromFolder(folder).then((index) => new SimpleAudioClassificationDataset(folder, "set").generateRecords({ index }));
`;

async function main(folder: string): Promise<void> {
  for (const name of ["0", "1"]) mkdirSync(join(folder, "in", name), { recursive: true });
  const peer = pythonPeer(WRITER);
  await peer.run({ folder, files: FILES, seconds: SECONDS, rate: RATE });
  const build = async (): Promise<number> => {
    const plan = await planRecords(folder, "set", await fromFolder(folder), { overwrite: true });
    return (await buildRecords(folder, plan, { onProgress: false })).examples;
  };
  const work = `${FILES} FLACs of ${SECONDS} s, ${RATE / 1000} kHz: to shards`;
  const python = "Python: soundfile, TFRecordWriter, 2 processes";
  const about = { work, peer: python, target: 2, packages: ["soundfile", "tensorflow"] };
  const fresh = (side: () => Promise<Measure>) => (): Promise<Measure> => {
    rmSync(join(folder, "set.manifest.json"), { force: true });
    for (let k = 0; k < 100; k++) rmSync(join(folder, `set${k}.tfrecord`), { force: true });
    return side();
  };
  await compare(
    { ...about, name: "records of FLAC" },
    fresh(() => measure(build)),
    () => peer.run({ folder }),
  );
  const ours = join(folder, "ours.cjs");
  writeFileSync(ours, PROGRAM(folder));
  const theirs = join(folder, "theirs.py");
  writeFileSync(theirs, `${WRITER}\nif __name__ == "__main__": run({"folder": ${JSON.stringify(folder)}})\n`);
  await compare(
    { ...about, name: "program: records of FLAC", work: `${work}, from the program's start to its end` },
    fresh(() => measureCommand(`${process.execPath} ${ours}`)),
    () => measureCommand(`${pythonPath} ${theirs}`),
  );
  peer.close();
}

const folder = mkdtempSync(join(process.env.BENCH_FOLDER ?? tmpdir(), "bench-flac-"));
main(folder).finally(() => rmSync(folder, { recursive: true, force: true }));
