// Generate → records → three epochs of training, beside the same flow in Python; the training steps are timed apart.
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { LayersModel, Tensor } from "@tensorflow/tfjs-node-gpu";
import { AudioDataset } from "../dist/index.js";
import { loadTensorFlow } from "../dist/tensorflow/load.js";
import { compare, type Measure, measure, pythonPeer, tiny } from "./harness.js";
import { PAIR_WRITER } from "./harness-python.js";

const tf = loadTensorFlow();
const STEPS = tiny ? 4 : 250;
const EPOCHS = 3;
const BATCH = tiny ? 4 : 64;
const INPUT = 256;
const WAVES = ["sin", "square", "saw", "triangle"] as const;

const PEER = `${PAIR_WRITER}
import shutil, subprocess, time
WAVES = {"sin": "sine", "square": "square", "saw": "sawtooth", "triangle": "triangle"}
def synth(task):
    path, wave, hz = task
    subprocess.run(["sox", "-n", "-b", "16", path, "rate", "16000", "synth", "1", WAVES[wave], str(hz), "vol", "0.1", "remix", "-"], check=True)
def run(input):
    import keras, tensorflow as tf
    folder, steps, waves = input["folder"], input["steps"], input["waves"]
    shutil.rmtree(folder, ignore_errors=True)
    for side in ("in", "out"): os.makedirs(folder + "/" + side)
    tasks, pairs = [], []
    for wave in waves:
        for i in range(steps):
            hz = 1000 * 0.1 ** (i / (steps - 1))
            names = ["%s/%s/%s_%.2f.wav" % (folder, side, wave, f * hz) for side, f in (("in", 1), ("out", 2))]
            tasks += [(names[0], wave, hz), (names[1], wave, 2 * hz)]
            pairs.append(names)
    with concurrent.futures.ThreadPoolExecutor(2) as jobs: list(jobs.map(synth, tasks))
    half = (len(pairs) + 1) // 2
    shards = ["%s/%d.tfrecord" % (folder, k) for k in range(2)]
    list(pool.map(write, [(shards[k], pairs[k * half:(k + 1) * half]) for k in range(2)]))
    spec = {k: tf.io.FixedLenFeature([], tf.string) for k in ("a_in", "a_out")}
    def one(record):
        example = tf.io.parse_single_example(record, spec)
        rows = lambda b: tf.reshape(tf.pad(tf.cast(tf.io.decode_raw(b, tf.float16), tf.float32), [[0, -16000 % ${INPUT}]]), [-1, ${INPUT}])
        return rows(example["a_in"]), rows(example["a_out"])
    data = tf.data.TFRecordDataset(shards).map(one).shuffle(1024).batch(${BATCH}, drop_remainder=True)
    model = keras.Sequential([keras.Input((None, ${INPUT})), keras.layers.Dense(128, activation="relu"), keras.layers.Dense(${INPUT})])
    model.compile(optimizer="adam", loss="mse")
    training, count = 0.0, 0
    for epoch in range(${EPOCHS}):
        for x, y in data:
            start = time.perf_counter()
            model.train_on_batch(x, y)
            training += time.perf_counter() - start
            count += 1
    return [count, training]
`;

function net(): LayersModel {
  const model = tf.sequential({
    layers: [
      tf.layers.dense({ inputShape: [null, INPUT], units: 128, activation: "relu" }),
      tf.layers.dense({ units: INPUT }),
    ],
  });
  model.compile({ optimizer: "adam", loss: "meanSquaredError" });
  return model;
}

/** The whole flow. Gives the number of steps and the seconds they took. */
async function ours(folder: string): Promise<[count: number, training: number]> {
  const dataset = new AudioDataset(folder, "dataset", { seed: 1 });
  await dataset.generate(100, 1000, STEPS, { waves: [...WAVES], onProgress: false });
  await dataset.load({
    ...{ inputSize: INPUT, batchSize: BATCH, dropRemainder: true },
    ...{ trainSplit: 1, valSplit: 0, testSplit: 0 },
  });
  const model = net();
  let training = 0;
  let count = 0;
  for (let epoch = 0; epoch < EPOCHS; epoch++) {
    const iterator = await dataset.train.iterator();
    for (let next = await iterator.next(); !next.done; next = await iterator.next()) {
      const { xs, ys } = next.value as { xs: Tensor; ys: Tensor };
      const start = performance.now();
      await model.trainOnBatch(xs, ys);
      training += (performance.now() - start) / 1000;
      tf.dispose([xs, ys]);
      count++;
    }
  }
  model.dispose();
  return [count, training];
}

/** The time outside the training steps; the number of steps is what both sides must agree on. */
function outside(measured: Measure): Measure {
  const [count, training] = measured.check as [number, number];
  return { ...measured, seconds: measured.seconds - training, check: count };
}

async function main(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "bench-whole-"));
  const python = pythonPeer(PEER);
  let run = 0;
  try {
    await compare(
      {
        name: "whole",
        work: `${4 * STEPS} pairs of 1 s generated as wavs, recorded, ${EPOCHS} epochs of batches of ${BATCH}; without the training steps`,
        peer: "Python: one sox process per file in 2 jobs, TFRecordWriter in 2 processes, plain tf.data, Keras",
        target: 5,
        packages: ["tensorflow", "keras"],
        details: { versions: { sox: execFileSync("sox", ["--version"], { encoding: "utf8" }).trim() } },
      },
      async () => {
        const fresh = join(folder, String(run++));
        mkdirSync(fresh);
        return outside(await measure(() => ours(fresh)));
      },
      async () => outside(await python.run({ folder: join(folder, "python"), steps: STEPS, waves: WAVES })),
    );
  } finally {
    python.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

void main();
