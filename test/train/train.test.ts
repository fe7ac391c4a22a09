import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { LayersModel, Tensor } from "@tensorflow/tfjs-node-gpu";
import { restoreModel, saveModel } from "../../dist/train/checkpoint.js";
import { AudioDataset } from "../../dist/dataset.js";
import { loadTensorFlow } from "../../dist/tensorflow/load.js";
import { stepCounts } from "../../dist/tensorflow/step/compile-steps.js";
import { fit } from "../../dist/train/fit.js";
import type { FitOptions } from "../../dist/train/fit-options.js";
import { bestEpoch } from "../../dist/show/history.js";
import type { BatchSource, TrainingData } from "../../dist/train/batch-source.js";
import { close } from "../support/close.js";
import { ended, start } from "../support/processes.js";
import { python, root } from "../support/python.js";

// Else a GPU sums in any order.
process.env.TF_DETERMINISTIC_OPS = "1";
const tf = loadTensorFlow();
const folder = mkdtempSync(join(tmpdir(), "train-"));
after(() => rmSync(folder, { recursive: true, force: true }));
const QUIET = { onProgress: false, show: false } as const;

const made = (async () => {
  const dataset = new AudioDataset(join(folder, "data"), "set", { seed: 1 });
  const recipe = { waves: ["sin", "saw"], chords: ["pure"], duration: 0.1, sampleRate: 8000, removeWav: true };
  await dataset.generate(100, 400, 20, { ...recipe, onProgress: false } as never);
  return dataset;
})();

async function loaded(): Promise<AudioDataset> {
  const dataset = new AudioDataset((await made).directory, "set", { seed: 1 });
  await dataset.load({ inputSize: 100, batchSize: 5, trainSplit: 0.7, valSplit: 0.15, testSplit: 0.15 });
  return dataset;
}

/** Frames of 100 samples in and out, with dropout, so that its randomness is tried as well. */
function net(): LayersModel {
  const model = tf.sequential({
    layers: [
      tf.layers.dense({ inputShape: [8, 100], units: 12, activation: "tanh" }),
      tf.layers.dropout({ rate: 0.2 }),
      tf.layers.dense({ units: 100 }),
    ],
  });
  model.compile({ optimizer: tf.train.adam(0.01), loss: "meanSquaredError", metrics: ["mae"] });
  return model;
}

const weights = (model: LayersModel): number[] => model.getWeights().flatMap((w) => [...w.dataSync()]);

test("training is the same as fitDataset's", async () => {
  const plain = net();
  const mine = net();
  // Without dropout's own random numbers.
  for (const model of [plain, mine]) (model.layers[1] as unknown as { rate: number }).rate = 0;
  mine.setWeights(plain.getWeights());
  const a = await loaded();
  const { history } = await plain.fitDataset(a.train, { epochs: 3, validationData: a.validate, verbose: 0 });
  const result = await fit(mine, await loaded(), { epochs: 3, restoreBest: false, ...QUIET });
  assert.deepEqual(Object.keys(result.history).sort(), ["loss", "mae", "val_loss", "val_mae"]);
  for (const name in result.history) close(result.history[name]!, history[name] as number[], 1e-7, 1e-5);
  assert.ok(result.waiting >= 0 && result.waiting < 1, String(result.waiting));
  assert.match(result.summary, /^Trained 3 of 3 epochs in .*, \d+\.\d % of it waiting for data\. Best val_loss /);
});

test("a fold trains as its parts do", async () => {
  const folds = async () => await (await loaded()).kfold(3, { valSplit: 0.2 });
  const [fold] = await folds();
  assert.deepEqual(
    [fold!.trainSteps, fold!.valSteps, fold!.testSteps],
    [fold!.train.size, fold!.validate.size, fold!.test.size],
  );
  const [mine, parts] = [net(), net()];
  parts.setWeights(mine.getWeights());
  const options = { epochs: 2, seed: 1, ...QUIET };
  const { history } = await fit(mine, fold!, options);
  const { train, validate } = (await folds())[0]!;
  const same = { train, trainSteps: train.size, validate, valSteps: validate.size };
  assert.deepEqual((await fit(parts, same, options)).history, history);
  assert.deepEqual(weights(parts), weights(mine));
});

test("the same seed gives the same weights, another seed others", async () => {
  const run = async (seed: number): Promise<number[]> => {
    const model = net();
    await fit(model, await loaded(), { epochs: 2, seed, ...QUIET });
    return weights(model);
  };
  const first = await run(1);
  assert.deepEqual(await run(1), first);
  assert.notDeepEqual(await run(2), first);
});

test("training aborted in the middle of an epoch goes on and ends as if it had not been", async () => {
  const whole = net();
  const options: FitOptions = { epochs: 4, seed: 3, restoreBest: false, ...QUIET };
  // What changes from step to step goes on as well.
  Object.assign(options, {
    schedule: { warmup: 7, decay: "cosine" },
    ...(stepCounts(tf, whole) && { clip: { globalNorm: 0.1 } }),
  });
  const expected = await fit(whole, await loaded(), options);

  const checkpoint = join(folder, "aborted");
  const dataset = await loaded();
  assert.equal(dataset.trainSteps, 6);
  for (const batches of [8, 3]) {
    const controller = new AbortController();
    let left = batches;
    const train = { ...dataset.train, state: () => dataset.train.state(), resume: dataset.train.resume };
    const counted = {
      ...train,
      iterator: async () => {
        const upstream = await dataset.train.iterator();
        return {
          next: async () => {
            if (left-- === 0) controller.abort();
            return upstream.next();
          },
        };
      },
    };
    const data = { train: counted, trainSteps: 6, validate: dataset.validate, valSteps: dataset.valSteps };
    const run = fit(net(), data as never, { ...options, checkpoint, signal: controller.signal });
    await assert.rejects(run, {
      code: "ABORTED",
      message: /training: aborted after \d+ of \d+ batches; run the same call again/,
    });
  }
  const model = net();
  const result = await fit(model, await loaded(), { ...options, checkpoint });
  close(weights(model), weights(whole), 1e-6, 1e-5);
  close(result.history.val_loss!, expected.history.val_loss!, 1e-6, 1e-5);
  close(result.history.loss!, expected.history.loss!, 1e-6, 1e-5);
});

test("aborted without a checkpoint, training says what is left and what would go on", async () => {
  const controller = new AbortController();
  const onEpoch = (): void => controller.abort();
  await assert.rejects(fit(net(), await loaded(), { epochs: 3, onEpoch, signal: controller.signal, ...QUIET }), {
    code: "ABORTED",
    message: /^training: aborted after 6 of 18 batches; the model keeps its weights so far; pass `checkpoint`/,
  });
});

test("early stopping ends with the best weights, saved and loaded again", async () => {
  const model = net();
  const checkpoint = join(folder, "early");
  const dataset = await loaded();
  const epochs: number[] = [];
  const result = await fit(model, dataset, {
    epochs: 40,
    patience: 2,
    minDelta: 0.01,
    checkpoint,
    seed: 1,
    onEpoch: (epoch) => void epochs.push(epoch),
    ...QUIET,
  });
  assert.equal(result.stoppedEarly, true);
  assert.equal(epochs.length, result.best.epoch + 2);
  assert.equal(result.history.val_loss!.length, epochs.length);
  assert.match(result.summary, /Stopped early: no improvement for 2 epochs/);
  const loadedModel = await tf.loadLayersModel(`file://${checkpoint}/best/model.json`);
  assert.deepEqual(weights(loadedModel), weights(model));
  const value = (await model.evaluateDataset(dataset.validate as never, {})) as Tensor[];
  close(value[0]!.dataSync(), [result.best.value], 1e-7, 1e-6);
  // Called again there is nothing left to do for the epochs that were reached.
  const again = await fit(net(), await loaded(), { epochs: epochs.length, checkpoint, ...QUIET });
  assert.deepEqual(again.history, result.history);
});

test("the best epoch is the one of the least error, or as asked for", async () => {
  const train = async (options: Partial<FitOptions>): Promise<[number, number[]]> => {
    const model = net();
    model.compile({ optimizer: tf.train.adam(0.01), loss: "meanSquaredError", metrics: ["mape"] });
    const { best, history } = await fit(model, await loaded(), {
      epochs: 4,
      seed: 1,
      monitor: "val_mape",
      ...options,
      ...QUIET,
    });
    return [best.value, history.val_mape!];
  };
  const [least, values] = await train({});
  assert.ok(new Set(values).size > 1);
  assert.equal(least, Math.min(...values));
  assert.equal((await train({ mode: "max" }))[0], Math.max(...values));
});

/** A line to learn, whose validation has a NaN in the epochs of these numbers, from 1. */
function withNaN(...epochs: number[]): TrainingData {
  const source = (values: () => number[]): BatchSource => ({
    iterator: async () => {
      const ys = values();
      let given = false;
      return {
        next: async () => {
          if (given) return { done: true, value: undefined };
          given = true;
          return { done: false, value: { xs: tf.tensor2d([[1], [2]]), ys: tf.tensor2d(ys, [2, 1]) } };
        },
      };
    },
  });
  let epoch = 0;
  const validate = source(() => (epochs.includes(++epoch) ? [Number.NaN, 2] : [1, 2]));
  return { train: source(() => [1, 2]), trainSteps: 1, validate, valSteps: 1 };
}

function line(): LayersModel {
  const model = tf.sequential({ layers: [tf.layers.dense({ inputShape: [1], units: 1, kernelInitializer: "zeros" })] });
  model.compile({ optimizer: tf.train.sgd(0.05), loss: "meanSquaredError" });
  return model;
}

test("an epoch whose monitored number is NaN is never best, and counts for patience", async () => {
  const model = line();
  const { best, history, stoppedEarly } = await fit(model, withNaN(1, 3), { epochs: 6, patience: 3, ...QUIET });
  const values = history.val_loss!;
  assert.deepEqual(values.map(Number.isNaN), [true, false, true, false, false, false]);
  assert.equal(best.value, Math.min(...values.filter((value) => !Number.isNaN(value))));
  assert.equal(best.epoch, values.indexOf(best.value) + 1);
  assert.equal(stoppedEarly, false);
  assert.deepEqual(bestEpoch(history), best);

  const never = await fit(line(), withNaN(1, 2, 3, 4, 5, 6), { epochs: 6, patience: 3, ...QUIET });
  assert.deepEqual(never.best, { epoch: 0, name: "val_loss", value: Number.NaN });
  assert.deepEqual([never.history.val_loss!.length, never.stoppedEarly], [3, true]);
  assert.match(
    never.summary,
    /No epoch is best: val_loss was never a finite number; lower the learning rate, or look for NaN/,
  );
});

test("training with NaN goes on from its checkpoint as if it had not been interrupted", async () => {
  const whole = await fit(line(), withNaN(1), { epochs: 4, ...QUIET });
  const checkpoint = join(folder, "nan");
  await fit(line(), withNaN(1), { epochs: 1, checkpoint, ...QUIET });
  const rest = await fit(line(), withNaN(), { epochs: 4, checkpoint, ...QUIET });
  assert.deepEqual(rest.history, whole.history);
  assert.deepEqual(rest.best, whole.best);

  const alone = join(folder, "nan-alone");
  await fit(line(), withNaN(1), { epochs: 1, checkpoint: alone, ...QUIET });
  const again = await fit(line(), withNaN(), { epochs: 1, checkpoint: alone, ...QUIET });
  assert.deepEqual(again.best, { epoch: 0, name: "val_loss", value: Number.NaN });
  assert.match(again.summary, /Saved in .*last\.$/);
});

test("class weights give Keras's loss and gradients", async () => {
  const x = Array.from({ length: 24 }, (_, i) => Math.sin(i * 1.7));
  const y = [1, 0, 0, 0, 0, 1, 0, 1, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1];
  const kernel = Array.from({ length: 12 }, (_, i) => Math.cos(i));
  const model = tf.sequential({ layers: [tf.layers.dense({ inputShape: [4], units: 3, activation: "softmax" })] });
  model.compile({ optimizer: tf.train.sgd(1), loss: "categoricalCrossentropy" });
  model.setWeights([tf.tensor(kernel, [4, 3]), tf.zeros([3])]);
  const batch = { xs: tf.tensor(x, [6, 4]), ys: tf.tensor(y, [6, 3]) };
  const train = tf.data.array([0]).map(() => ({ xs: batch.xs.clone(), ys: batch.ys.clone() }));
  await fit(model, { train: train as never, trainSteps: 1 }, { epochs: 1, classWeights: [1, 5, 0.5], ...QUIET });
  const expected = python(
    `import numpy as np, keras
x = np.array(input["x"], "f").reshape(6, 4); y = np.array(input["y"], "f").reshape(6, 3)
m = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, activation="softmax")])
m.set_weights([np.array(input["kernel"], "f").reshape(4, 3), np.zeros(3, "f")])
m.compile(optimizer=keras.optimizers.SGD(1.0), loss="categorical_crossentropy")
m.train_on_batch(x, y, class_weight={0: 1.0, 1: 5.0, 2: 0.5})
print(json.dumps([w for v in m.get_weights() for w in v.ravel().tolist()]))`,
    { x, y, kernel },
  );
  close(weights(model), expected, 1e-6, 1e-5);
  const wrong = fit(model, { train: train as never, trainSteps: 1 }, { epochs: 1, classWeights: [1, 2], ...QUIET });
  await assert.rejects(wrong, { code: "OPTION", message: "classWeights: 1,2, expected 3 numbers, none below 0" });
});

test("wrong options are named", async () => {
  const dataset = await loaded();
  const attempt = (options: Partial<FitOptions>, model = net()) =>
    fit(model, dataset, { epochs: 1, ...QUIET, ...options });
  await assert.rejects(attempt({ epochs: 0 }), {
    code: "OPTION",
    message: "epochs: 0, expected a whole number from 1 on",
  });
  for (const clip of [{}, { norm: 0 }, { norm: 1, value: 1 }, { length: 1 } as object]) {
    await assert.rejects(attempt({ clip }), {
      code: "OPTION",
      message: /^clip: \{.*\}, expected norm, globalNorm or value/,
    });
  }
  await assert.rejects(attempt({ schedule: { decay: "step" } }), { code: "OPTION", message: /^schedule\.every: / });
  await assert.rejects(attempt({ monitor: "accuracy" }), {
    code: "OPTION",
    message: /monitor: "accuracy", expected one of /,
  });
  await assert.rejects(
    attempt({}, tf.sequential({ layers: [tf.layers.flatten({ inputShape: [8, 100] })] })),
    /not compiled/,
  );
  await saveModel(net(), join(folder, "other", "last"), { epoch: 1, history: {} });
  const other = tf.sequential({ layers: [tf.layers.dense({ inputShape: [8, 100], units: 100 })] });
  other.compile({ optimizer: "sgd", loss: "meanSquaredError" });
  await assert.rejects(attempt({ checkpoint: join(folder, "other") }, other), {
    code: "OPTION",
    message: /model: weights \[100,100\] \[100\], expected \[100,12\] \[12\] \[12,100\] \[100\] as saved in/,
  });
});

test("running out of memory says what to lower", async () => {
  const model = tf.sequential({
    layers: [
      tf.layers.dense({ inputShape: [8, 100], units: 100 }),
      tf.layers.reshape({ targetShape: [1, 1, 800] }),
      tf.layers.upSampling2d({ size: [60000, 60000] }),
    ],
  });
  model.compile({ optimizer: "sgd", loss: "meanSquaredError" });
  const train = tf.data.array([0]).map(() => ({ xs: tf.zeros([4, 8, 100]), ys: tf.zeros([4, 1, 1, 1]) }));
  await assert.rejects(fit(model, { train: train as never, trainSteps: 1 }, { epochs: 1, ...QUIET }), {
    code: "ENVIRONMENT",
    message: /^training: out of memory for a tensor of shape\[4,60000,60000,800\]; lower batchSize/,
  });
});

test("the rate and the gradients are changed as asked for, and the optimizer is as it was afterwards", async () => {
  const trained = async (more: Partial<FitOptions>): Promise<number[]> => {
    const model = net();
    await fit(model, await loaded(), { epochs: 2, seed: 3, ...QUIET, ...more });
    assert.equal((model.optimizer as unknown as { learningRate: number }).learningRate, 0.01);
    assert.equal((model.optimizer as unknown as { gradientClip?: object }).gradientClip, undefined);
    return weights(model);
  };
  const plain = await trained({});
  // A rate that stays, and a bound that is never reached.
  close(await trained({ schedule: {}, ...(stepCounts(tf, net()) && { clip: { norm: 1e9 } }) }), plain, 1e-6, 1e-6);
  const still = await trained({ schedule: { decay: "step", every: 1, factor: 0 } });
  const first = await trained({ schedule: { decay: "step", every: 1, factor: 1e-6 } });
  close(still, first, 1e-6, 1e-3);
  assert.ok(Math.max(...still.map((w, i) => Math.abs(w - plain[i]!))) > 0.01);
});

const PLAIN = { skip: stepCounts(tf, net()) ? false : "TensorFlow.js is as it is" };

test("steps run as one function, op by op where asked for, and the summary says so", PLAIN, async () => {
  const options = { epochs: 3, seed: 4, ...QUIET };
  const whole = net();
  const { summary, history } = await fit(whole, await loaded(), options);
  assert.match(summary, /\. \d+ of \d+ steps ran as one TensorFlow function, the first of each kind op by op\./);
  const single = net();
  const eager = await fit(single, await loaded(), { ...options, eager: true });
  assert.doesNotMatch(eager.summary, /function/);
  close(weights(whole), weights(single), 1e-5, 0);
  close(history.val_loss!, eager.history.val_loss!, 1e-5, 0);
});

test("fifty epochs leave no tensors and no memory behind", async () => {
  const dataset = await loaded();
  const tensors: number[] = [];
  const megabytes: number[] = [];
  // Memory counts once the garbage is gone, which V8 collects when it likes.
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const onEpoch = (): void => {
    tensors.push(tf.memory().numTensors);
    collect();
    megabytes.push(process.memoryUsage.rss() / 2 ** 20);
  };
  const before = tf.memory().numTensors;
  const model = net();
  await fit(model, dataset, { epochs: 50, checkpoint: join(folder, "fifty"), onEpoch, ...QUIET });
  // The best and the last epoch are saved; what the optimizer keeps is there after the first.
  assert.equal(new Set(tensors.slice(2)).size, 1, tensors.join(" "));
  assert.ok(megabytes.at(-1)! - megabytes[9]! < 30, megabytes.map(Math.round).join(" "));
  model.optimizer.dispose();
  model.dispose();
  assert.equal(tf.memory().numTensors, before);
});

test("an interrupt stops training within a batch and leaves a checkpoint", async () => {
  const checkpoint = join(folder, "interrupted");
  const code = `
    const { loadTensorFlow } = require(${JSON.stringify(join(root, "dist", "tensorflow", "load.js"))});
    const { fit } = require(${JSON.stringify(join(root, "dist", "train", "fit.js"))});
    const tf = loadTensorFlow();
    const model = tf.sequential({ layers: [tf.layers.dense({ inputShape: [4], units: 3 })] });
    model.compile({ optimizer: "adam", loss: "meanSquaredError" });
    const batches = tf.data.generator(function* () { for (let i = 0; i < 1e6; i++) yield { xs: tf.ones([2, 4]), ys: tf.ones([2, 3]) }; });
    let n = 0;
    let interrupted;
    process.on("SIGINT", () => (interrupted = n));
    const train = { iterator: async () => { const it = await batches.iterator(); return { next: () => { if (++n === 50) console.log("running"); return it.next(); } }; } };
    fit(model, { train, trainSteps: 1e6 }, { epochs: 3, checkpoint: ${JSON.stringify(checkpoint)}, show: false, onProgress: false })
      .catch((e) => { console.log(e.code, n - interrupted); process.exit(); });`;
  const child = start(process.execPath, ["-e", code], { stdio: ["ignore", "pipe", "inherit"] });
  const run = ended(child);
  child.stdout!.once("data", () => child.kill("SIGINT"));
  assert.match((await run).stdout, /^running\nABORTED [01]\n$/);
  assert.ok(readdirSync(join(checkpoint, "last")).includes("model.json"));
});

test("a model is saved whole or not at all: killed while saving, the folder still loads", async () => {
  const target = join(folder, "killed");
  const code = `
    const { loadTensorFlow } = require(${JSON.stringify(join(root, "dist", "tensorflow", "load.js"))});
    const { saveModel } = require(${JSON.stringify(join(root, "dist", "train", "checkpoint.js"))});
    const tf = loadTensorFlow();
    const model = tf.sequential({ layers: [tf.layers.dense({ inputShape: [300], units: 300 })] });
    (async () => { for (let i = 1; ; i++) {
      model.setWeights([tf.fill([300, 300], i), tf.fill([300], i)]);
      await saveModel(model, ${JSON.stringify(target)}, { i });
      if (i === 3) console.log("saving");
    } })();`;
  for (const delay of [20, 33, 47, 61]) {
    const child = start(process.execPath, ["-e", code], { stdio: ["ignore", "pipe", "inherit"] });
    await once(child.stdout!, "data");
    await new Promise((resolve) => setTimeout(resolve, delay));
    child.kill("SIGKILL");
    await once(child, "close");
    const model = await tf.loadLayersModel(`file://${target}/model.json`);
    const all = new Set(weights(model));
    assert.equal(all.size, 1, "weights of one save");
    assert.deepEqual(await restoreModel(model, target), { i: [...all][0] });
  }
});
