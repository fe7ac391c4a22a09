/**
 * Songs with labels per frame → shards, against the same done as the Python original does it: the dense matrix of labels
 * as a tensor, handed to a FloatList value by value, in one process for every 16 songs. Ours stores events.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encodeWav } from "../dist/format/wav.js";
import { AudioClassificationDataset, openRecords } from "../dist/index.js";
import { compare, type Measure, measure, pythonPeer, tiny } from "./harness.js";

const RATE = 16000;
const SIZE = 256;
const FEATURES = 4;
const songs = tiny ? 2 : 10;
const seconds = tiny ? 2 : 60;

const WRITER = `
import concurrent.futures, json, multiprocessing, os
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
def write(task):
    import tensorflow as tf
    path, songs, size = task
    with tf.io.TFRecordWriter(path) as writer:
        for wav, key in songs:
            audio = tf.reshape(tf.audio.decode_wav(tf.io.read_file(wav))[0], [-1])
            audio = tf.cast(tf.pad(audio, [[0, size - audio.shape[0] % size]]), tf.float16)
            with open(key) as f:
                rows = [[float(cell) for cell in line.split(",")[1:]] for line in f.readlines()[1:]]
            labels = tf.reshape(tf.constant(rows, tf.float32), [-1])
            features = tf.train.Features(feature={
                "a_in": tf.train.Feature(bytes_list=tf.train.BytesList(value=[audio.numpy().tobytes()])),
                "b_val": tf.train.Feature(float_list=tf.train.FloatList(value=labels))})
            writer.write(tf.train.Example(features=features).SerializeToString())
    return len(songs)
# The workers stay up from run to run, so that importing TensorFlow doesn't count.
pool = concurrent.futures.ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) if __name__ == "__main__" else None
def run(input):
    folder, size, processes = input
    with open(folder + "/dataset") as f:
        songs = [[folder + "/in/" + a, folder + "/" + b] for a, b in (l.strip().split(",") for l in f)]
    parts = processes or min(2, -(-len(songs) // 16))
    share = -(-len(songs) // parts)
    os.makedirs(folder + "/python", exist_ok=True)
    return sum(pool.map(write, [(folder + "/python/%d.tfrecord" % k, songs[k * share:(k + 1) * share], size) for k in range(parts)]))
`;

/** Each song is a tone with notes of a quarter of a second, a row of its key csv for every frame. */
function writeSongs(folder: string): void {
  mkdirSync(join(folder, "in"));
  const frames = Math.floor((RATE * seconds) / SIZE) + 1;
  let index = "";
  for (let song = 0; song < songs; song++) {
    const samples = Int16Array.from({ length: RATE * seconds }, (_, i) => 9000 * Math.sin(i * 0.05 * (song + 1)));
    writeFileSync(join(folder, `in/s${song}.wav`), encodeWav({ sampleRate: RATE, channels: 1, samples }));
    let key = "TIME STAMP,A,B,C,D\n";
    for (let k = 0; k < frames; k++) {
      const note = Math.floor(k / 16);
      const cells = Array.from({ length: FEATURES }, (_, f) => ((note * 5 + song) % FEATURES === f ? 1 : 0));
      key += `${k},${cells.join(",")}\n`;
    }
    writeFileSync(join(folder, `s${song}.csv`), key);
    index += `s${song}.wav,s${song}.csv\n`;
  }
  writeFileSync(join(folder, "dataset"), index);
}

async function main(): Promise<void> {
  const folder = mkdtempSync(join(process.env.BENCH_FOLDER ?? tmpdir(), "bench-frames-"));
  const python = pythonPeer(WRITER);
  try {
    writeSongs(folder);
    const dataset = new AudioClassificationDataset(folder, "dataset");
    const clear = (): void => {
      for (let k = 0; k < 100; k++) rmSync(join(folder, `dataset${k}.tfrecord`), { force: true });
      rmSync(join(folder, "dataset.manifest.json"), { force: true });
    };
    const minutes = (songs * seconds) / 60;
    const ours = async (): Promise<Measure> => {
      clear();
      const measured = await measure(() => dataset.generateRecords({ onProgress: false }));
      return { ...measured, check: (await openRecords(folder, "dataset")).count };
    };
    for (const [name, processes, peer, target] of [
      [
        "frame-records",
        0,
        "Python as the original: labels as a tensor into a FloatList, one process up to 16 songs",
        100,
      ],
      ["frame-records", 2, "the same as the original, in 2 processes", 50],
    ] as const) {
      await compare(
        {
          name,
          work: `${minutes} min of 16 kHz sound with ${FEATURES} labels for every 256 samples: wavs and key csvs to shards, sources checked`,
          peer,
          target,
          packages: ["tensorflow"],
          details: { audioSeconds: songs * seconds },
        },
        ours,
        () => python.run([folder, SIZE, processes]),
        { pairs: 5 },
      );
    }
  } finally {
    python.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

void main();
