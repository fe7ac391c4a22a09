// Options of `fit` that change how it trains, and what it writes beside.
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import type { LayersModel, Tensor } from "@tensorflow/tfjs-node-gpu";
import { AudioDataset } from "../../dist/dataset.js";
import { loadTensorFlow } from "../../dist/tensorflow/load.js";
import { stepCounts } from "../../dist/tensorflow/step/compile-steps.js";
import { fit } from "../../dist/train/fit.js";
import type { FitOptions } from "../../dist/train/fit-options.js";
import type { TrainingData } from "../../dist/train/batch-source.js";
import { close } from "../support/close.js";
import { python } from "../support/python.js";
import { numbers, values } from "../tensorflow/kernels/nets.js";

const tf = loadTensorFlow();
const folder = mkdtempSync(join(tmpdir(), "fit-options-"));
after(() => rmSync(folder, { recursive: true, force: true }));
const QUIET = { onProgress: false, show: false } as const;
const PLAIN = { skip: process.env.DEEP_AUDIO_PLAIN_TFJS ? "TensorFlow.js is as it is" : false };

const SIZE = 4;
const x = numbers(SIZE * 6 * 3, 1);
const y = numbers(SIZE * 6 * 2, 2);

/** Batches of `size` examples, in order, that can be resumed. */
function data(size: number, count = 6 * SIZE): TrainingData {
  const xs = tf.tensor(x, [6 * SIZE, 3]);
  const ys = tf.tensor(y, [6 * SIZE, 2]);
  const steps = Math.ceil(count / size);
  let place = { epoch: 0, batch: 0 };
  const train = {
    state: () => (place.batch < steps ? place : { epoch: place.epoch + 1, batch: 0 }),
    resume: (state: { epoch: number; batch: number }) => {
      place = { ...state };
    },
    iterator: async () => ({
      next: async () => {
        if (place.batch === steps) {
          place = { epoch: place.epoch + 1, batch: 0 };
          return { done: true, value: undefined };
        }
        const at = place.batch * size;
        const n = Math.min(size, count - at);
        place = { epoch: place.epoch, batch: place.batch + 1 };
        return { done: false, value: { xs: xs.slice(at, n), ys: ys.slice(at, n) } };
      },
    }),
  };
  return { train, trainSteps: steps };
}

const SHAPES = [[3, 5], [5], [5, 2], [2]];
const start = SHAPES.map((shape, i) =>
  numbers(
    shape.reduce((a, b) => a * b),
    10 + i,
  ),
);

function net(): LayersModel {
  const model = tf.sequential({
    layers: [tf.layers.dense({ units: 5, inputShape: [3], activation: "tanh" }), tf.layers.dense({ units: 2 })],
  });
  model.setWeights(start.map((weight, i) => tf.tensor(weight, SHAPES[i]!)));
  model.compile({ optimizer: tf.train.adam(0.01), loss: "meanSquaredError" });
  return model;
}

test("accumulated gradients make the steps that Keras's do", PLAIN, async () => {
  const expected: { losses: number[]; weights: number[][] } = python(
    `import numpy as np, keras
model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(5, activation="tanh"), keras.layers.Dense(2)])
model.set_weights([np.array(w, "f").reshape(v.shape) for w, v in zip(input["start"], model.weights)])
model.compile(optimizer=keras.optimizers.Adam(0.01, gradient_accumulation_steps=3, clipnorm=0.2), loss="mse")
x, y = np.array(input["x"], "f").reshape(-1, 3), np.array(input["y"], "f").reshape(-1, 2)
losses = model.fit(x, y, batch_size=${SIZE}, epochs=5, shuffle=False, verbose=0).history["loss"]
print(json.dumps({"losses": losses, "weights": [np.asarray(w).ravel().tolist() for w in model.get_weights()]}))`,
    { x, y, start },
  );
  const model = net();
  const options: FitOptions = { epochs: 5, accumulate: 3, clip: { norm: 0.2 }, restoreBest: false, ...QUIET };
  const { history, summary } = await fit(model, data(SIZE), options);
  close(history.loss!, expected.losses, 1e-6, 1e-5);
  values(model.getWeights()).forEach((w, i) => {
    close(w, expected.weights[i]!, 1e-5, 1e-5);
  });
  assert.equal(model.optimizer.iterations, 10);
  // Of those that add up and of those that step, the first three each by their ops.
  assert.match(summary, /24 of 30 steps ran as one TensorFlow function, the first of each kind op by op/);
  // Again, from where it is.
  const before = tf.memory().numTensors;
  await fit(model, data(SIZE), options);
  assert.ok(stepCounts(tf, (model as unknown as { model: LayersModel }).model ?? model)!.reasons.size === 0);
  assert.ok(tf.memory().numTensors <= before + 4, "two sources' data");
});

test("mixed precision trains, and the summary says how many steps had it", PLAIN, async () => {
  const { history, summary } = await fit(net(), data(SIZE), { epochs: 5, precision: "mixed_bfloat16", ...QUIET });
  assert.match(summary, /27 of 30 steps ran as one TensorFlow function, 27 in mixed bfloat16, the first of each kind/);
  assert.ok(history.loss!.every(Number.isFinite));
  for (const options of [{ precision: "float16" as never }, { precision: "mixed_bfloat16", eager: true } as const]) {
    await assert.rejects(fit(net(), data(SIZE), { epochs: 1, ...options, ...QUIET }), {
      code: "OPTION",
      message: /^precision: "/,
    });
  }
});

test("what is left at an epoch's end makes a step, and all are those of batches as large", PLAIN, async () => {
  const small = net();
  const large = net();
  const options: FitOptions = { epochs: 3, restoreBest: false, ...QUIET };
  await fit(small, data(SIZE, 5 * SIZE), { ...options, accumulate: 2 });
  await fit(large, data(2 * SIZE, 5 * SIZE), options);
  assert.equal(small.optimizer.iterations, 9);
  values(small.getWeights()).forEach((w, i) => {
    close(w, values(large.getWeights())[i]!, 1e-5, 1e-5);
  });
});

test("training aborted while gradients add up resumes as if it had not been", PLAIN, async () => {
  const options: FitOptions = { epochs: 3, accumulate: 4, restoreBest: false, ...QUIET };
  const whole = net();
  const { history } = await fit(whole, data(SIZE), options);
  const checkpoint = join(folder, "aborted");
  const controller = new AbortController();
  const source = data(SIZE);
  const { iterator } = source.train;
  let given = 0;
  source.train.iterator = async () => {
    const { next } = await iterator();
    return {
      next: () => {
        if (given++ === 8) controller.abort();
        return next();
      },
    };
  };
  await assert.rejects(fit(net(), source, { ...options, checkpoint, signal: controller.signal }), { code: "ABORTED" });
  const model = net();
  const resumed = await fit(model, data(SIZE), { ...options, checkpoint });
  close(resumed.history.loss!, history.loss!, 1e-6, 1e-6);
  values(model.getWeights()).forEach((w, i) => {
    close(w, values(whole.getWeights())[i]!, 1e-6, 1e-6);
  });
});

test("a loss that is no finite number ends the training and names the batch's examples", async () => {
  const dataset = new AudioDataset(join(folder, "data"), "set", { seed: 1 });
  const recipe = { waves: ["sin", "saw"], chords: ["pure"], duration: 0.1, sampleRate: 8000, removeWav: true };
  await dataset.generate(100, 400, 20, { ...recipe, onProgress: false } as never);
  await dataset.load({ inputSize: 100, batchSize: 5, trainSplit: 0.7, valSplit: 0.15, testSplit: 0.15 });
  // What the batches of the second epoch are made of.
  const named: { names: string[]; first: number[] }[] = [];
  for (let epoch = 0; epoch < 2; epoch++) {
    const iterator = await dataset.train.iterator();
    for (let next = await iterator.next(); !next.done; next = await iterator.next()) {
      const { xs, ys } = next.value as { xs: Tensor; ys: Tensor };
      if (epoch === 1) named.push({ names: dataset.train.names(), first: Array.from(xs.dataSync().slice(0, 5)) });
      tf.dispose([xs, ys]);
    }
  }
  // The names are those of the samples.
  const { names, first } = named[2]!;
  const number = dataset.records.names.indexOf(names[0]!);
  close((await dataset.example(number)).input.slice(0, 5) as never, first, 1e-7, 0);
  assert.equal(names.length, 5);

  const make = (): LayersModel => {
    const model = tf.sequential({ layers: [tf.layers.dense({ inputShape: [8, 100], units: 100 })] });
    model.compile({ optimizer: tf.train.sgd(0.1), loss: "meanSquaredError" });
    return model;
  };
  const fresh = async (): Promise<AudioDataset> => {
    const again = new AudioDataset(join(folder, "data"), "set", { seed: 1 });
    await again.load({ inputSize: 100, batchSize: 5, trainSplit: 0.7, valSplit: 0.15, testSplit: 0.15 });
    return again;
  };
  const broken = make();
  let kept: number[][] = [];
  const onEpoch = (): void => {
    kept = values(broken.getWeights());
    (broken.optimizer as unknown as { learningRate: number }).learningRate = 1e30;
  };
  const checkpoint = join(folder, "broken");
  await assert.rejects(fit(broken, await fresh(), { epochs: 3, checkpoint, onEpoch, ...QUIET }), (error: Error) => {
    assert.equal((error as { code?: string }).code, "TRAINING");
    // The first step of the epoch goes astray, the next batch's loss shows it.
    assert.match(error.message, /^loss: (NaN|Infinity) in batch 2 of epoch 2 \(examples /);
    for (const name of named[1]!.names) assert.ok(error.message.includes(name), name);
    assert.match(
      error.message,
      /expected a finite number; lower the learning rate.* the model has the weights of epoch 1, the best$/,
    );
    return true;
  });
  assert.deepEqual(values(broken.getWeights()), kept);
  // The checkpoint is the last good epoch's: it resumes from there.
  const resumed = await fit(make(), await fresh(), { epochs: 2, checkpoint, ...QUIET });
  assert.ok(resumed.history.loss!.every(Number.isFinite));

  const wild = make();
  (wild.optimizer as unknown as { learningRate: number }).learningRate = 1e30;
  const { history } = await fit(wild, await fresh(), { epochs: 1, onNaN: "continue", ...QUIET });
  assert.ok(!Number.isFinite(history.loss![0]));
});

test("numbers of each epoch as csv and for TensorBoard, those after a resumed checkpoint in another file", async () => {
  const csv = join(folder, "logs", "training.csv");
  const tensorBoard = join(folder, "runs", "first");
  const checkpoint = join(folder, "logged");
  const with_ = (epochs: number): FitOptions => ({ epochs, csv, tensorBoard, checkpoint, ...QUIET });
  const source = (): TrainingData => ({ ...data(SIZE), validate: data(SIZE, SIZE).train, valSteps: 1 });
  await fit(net(), source(), with_(2));
  const { history } = await fit(net(), source(), with_(4));
  const lines = readFileSync(csv, "utf8").split("\n");
  assert.equal(lines[0], "epoch,loss,val_loss");
  assert.deepEqual(
    lines.slice(1).map((line) => line.split(",").map(Number)),
    [...history.loss!.map((loss, i) => [i + 1, loss, history.val_loss![i]!]), [0]],
  );
  const read: Record<string, [number, number][]> = python(
    `import glob, tensorflow as tf
from tensorflow.python.summary.summary_iterator import summary_iterator
found = {}
for path in sorted(glob.glob(input + "/*/events.out.tfevents.*")):
    events = list(summary_iterator(path))
    assert events[0].file_version == "brain.Event:2" and abs(events[0].wall_time - __import__("time").time()) < 3600
    for event in events[1:]:
        for value in event.summary.value:
            found.setdefault(path.split("/")[-2] + " " + value.tag, []).append([event.step, value.simple_value])
print(json.dumps(found))`,
    tensorBoard,
  );
  const of = (numbers: number[]): [number, number][] => numbers.map((n, i) => [i, Math.fround(n)]);
  assert.deepEqual(read, {
    "train epoch_loss": of(history.loss!),
    "train epoch_learning_rate": of([0.01, 0.01, 0.01, 0.01]),
    "validation epoch_loss": of(history.val_loss!),
  });
});

test("options out of range, unknown or impossible are errors", async () => {
  const refuses = (options: object, message: RegExp): Promise<void> =>
    assert.rejects(fit(net(), data(SIZE), { epochs: 1, ...QUIET, ...options } as FitOptions), { message });
  await refuses({ accumulate: 0 }, /accumulate: 0, expected a whole number from 1 on/);
  await refuses({ onNaN: "warn" }, /onNaN: "warn", expected "stop" or "continue"/);
  await refuses({ mode: "largest" }, /mode: "largest", expected "min" or "max"/);
  await refuses({ minDelta: Number.NaN }, /minDelta: NaN, expected a number from 0 on/);
  await refuses({ patiense: 3 }, /fit: option "patiense", expected one of .*; did you mean patience\?/);
  writeFileSync(join(folder, "file"), "");
  await refuses({ csv: join(folder, "file", "log.csv") }, /file.*log\.csv: /);
  await refuses({ tensorBoard: join(folder, "file") }, /file.*events\.out\.tfevents/);
});
