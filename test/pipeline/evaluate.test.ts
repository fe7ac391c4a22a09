// What `evaluate` says of a split is what mir_eval, scikit-learn, fast_bss_eval and numpy say of the same predictions.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type * as tfjs from "@tensorflow/tfjs-node-gpu";
import {
  AudioClassificationDataset,
  AudioDataset,
  type ClassEvaluation,
  type ClassPrediction,
  createPipeline,
  type Dataset,
  encodeWav,
  type FrameEvaluation,
  type FramePrediction,
  loadTensorFlow,
  type LoadOptions,
  type Pipeline,
  type Prediction,
  random,
  readAudio,
  RegressionDataset,
  SimpleAudioClassificationDataset,
  type SoundEvaluation,
  type SoundPrediction,
  toInt16,
  type ValueEvaluation,
  type ValuePrediction,
} from "../../dist/index.js";
import { net } from "../support/nets.js";
import { python } from "../support/python.js";
import { folder, quiet } from "../support/records.js";

const RATE = 8000;
const SOUNDS = 12;
const noise = random("evaluate");
const times = Array.from({ length: SOUNDS }, () => Array.from({ length: 6 }, () => noise.below(900) / 1000));
const classes = Array.from({ length: SOUNDS }, () => [0, 1, 2].map(() => noise.below(2)));

/** A folder of tones that change, recorded and loaded, all of it for the test. */
async function loaded<D extends Dataset>(
  t: TestContext,
  Kind: new (directory: string, name: string) => D,
  row: (k: number) => string,
  options: LoadOptions,
): Promise<D> {
  const directory = folder(t);
  for (let k = 0; k < SOUNDS; k++) {
    const samples = Float32Array.from({ length: 8000 }, (_, i) => {
      const pitch = times[k]!.filter((time) => time * RATE < i).length + k;
      return 0.3 * Math.sin((i * pitch) / 25) * Math.cos(i / 900);
    });
    writeFileSync(
      join(directory, `s${k}.wav`),
      encodeWav({ sampleRate: RATE, channels: 1, samples: toInt16(samples) }),
    );
    const lines = [...times[k]!].sort((a, b) => a - b).map((time, i) => `${time},${(i % 3) * 0.3},${i % 2}`);
    writeFileSync(join(directory, `s${k}_key.csv`), `TIME STAMP,C4,E4\n${lines.join("\n")}\n`);
  }
  writeFileSync(join(directory, "set"), `${Array.from({ length: SOUNDS }, (_, k) => row(k)).join("\n")}\n`);
  const dataset = new Kind(directory, "set");
  await dataset.generateRecords({ ...quiet, timeUnit: "seconds" });
  await dataset.load({ batchSize: 2, trainSplit: 0, valSplit: 0, testSplit: 1, ...options });
  return dataset;
}

async function predictions<P extends Prediction>(pipeline: Pipeline, dataset: Dataset): Promise<[name: string, P][]> {
  const out: [string, P][] = [];
  for (const i of Array.from(dataset.split.test)) {
    const { name } = await dataset.example(i);
    out.push([name, (await pipeline.predict(join(dataset.directory, name), quiet)) as P]);
  }
  return out;
}

const numberOf = (name: string): number => Number(/\d+/.exec(name)![0]);

function equal(found: unknown, expected: unknown, tolerance = 1e-6, path = ""): void {
  if (typeof expected === "number") {
    const near = Math.abs((found as number) - expected) <= tolerance;
    assert.ok(near, `${path}: ${found}, expected ${expected}`);
  } else
    for (const key of Object.keys(expected as object)) {
      const [a, b] = [found, expected] as Record<string, unknown>[];
      equal(a![key], b![key], tolerance, `${path} ${key}`);
    }
}

test("frames and notes: mir_eval's scores of each sound, and their means", async (t) => {
  const dataset = await loaded(t, AudioClassificationDataset, (k) => `s${k}.wav,s${k}_key.csv`, { inputSize: 128 });
  const model = net([null, 128], 2, true, "sigmoid");
  const pipeline = createPipeline(model, dataset, { thresholds: 0.5 });
  const evaluation = (await pipeline.evaluate(dataset, quiet)) as FrameEvaluation;
  const sounds = await Promise.all(
    (await predictions<FramePrediction>(pipeline, dataset)).map(async ([name, { events, values }], n) => {
      const { value } = await (await dataset.batchesOf([dataset.split.test[n]!]).iterator()).next();
      const ys = [...(value as { ys: tfjs.Tensor }).ys.dataSync()].map((one) => (one > 0 ? 1 : 0));
      return { key: join(dataset.directory, name.replace(".wav", "_key.csv")), events, values: [...values], ys };
    }),
  );
  const expected = python(
    `
import csv, warnings, numpy as np
from mir_eval import multipitch, transcription as t, transcription_velocity as v
warnings.simplefilter("ignore")
def notes(path):
    rows = list(csv.reader(open(path)))[1:]
    out = []
    for f in (0, 1):
        value, since = 0, 0
        for time, *cells in rows + [["1", "0", "0"]]:
            now = float(np.float32(cells[f]))
            if now == value: continue
            if value: out.append([since, float(time), f, 127 * value])
            value, since = now, float(time)
    return np.array(sorted([n for n in out if n[1] > n[0]])).reshape(-1, 4)
hz = lambda f: 440 * 2 ** ((np.array([60, 64])[np.asarray(f, int)] - 69) / 12)
prf = lambda s: dict(zip(("precision", "recall", "f1"), s[:3]))
out = []
for s in input:
    r = notes(s["key"])
    e = np.array([[n["onset"], n["offset"], n["feature"], 127 * n["score"]] for n in s["events"]]).reshape(-1, 4)
    r, e = [a[np.lexsort((a[:, 2], a[:, 0]))] for a in (r, e)]
    a = (r[:, :2], hz(r[:, 2]), e[:, :2], hz(e[:, 2]))
    grid = lambda x: [hz(np.flatnonzero(row)) for row in np.array(x).reshape(-1, 2)]
    at = np.arange(len(s["ys"]) // 2) * 0.016
    m = multipitch.metrics(at, grid(s["ys"]), at, grid(np.array(s["values"]) >= 0.5))
    out.append({
        "onset": prf(t.precision_recall_f1_overlap(*a, offset_ratio=None)),
        "offset": prf(t.precision_recall_f1_overlap(*a)),
        "velocity": prf(v.precision_recall_f1_overlap(a[0], a[1], r[:, 3], a[2], a[3], e[:, 3])),
        "frames": {"precision": m[0], "recall": m[1], "accuracy": m[2]},
    })
print(json.dumps(out))`,
    sounds,
  ) as Record<"onset" | "offset" | "velocity" | "frames", Record<string, number>>[];
  assert.equal(evaluation.examples, SOUNDS);
  equal(evaluation.perExample, expected, 1e-9);
  assert.ok(expected.some(({ onset }) => onset.f1! > 0) && expected.some(({ frames }) => frames.accuracy! > 0.1));
  for (const kind of ["onset", "offset", "velocity"] as const) {
    const mean = expected.reduce((sum, one) => sum + one[kind].f1! / SOUNDS, 0);
    equal(evaluation.notes[kind]!.f1, mean, 1e-9, kind);
  }
  equal(
    evaluation.frames.recall,
    expected.reduce((sum, one) => sum + one.frames.recall! / SOUNDS, 0),
    1e-9,
  );
  assert.deepEqual(evaluation.labels, ["C4", "E4"]);
});

test("classes: scikit-learn's mAP, d′, confusion and reports", async (t) => {
  const row = (k: number): string => `s${k}.wav,${classes[k]!.join()}`;
  const options = { inputSize: 100, window: { length: 1000 } };
  const dataset = await loaded(t, SimpleAudioClassificationDataset, row, options);
  const model = net([10, 100], 3, false, "sigmoid");
  const pipeline = createPipeline(model, dataset, { thresholds: [0.5, 0.49, 0.51] });
  const evaluation = (await pipeline.evaluate(dataset, quiet)) as ClassEvaluation;
  const one = await loaded(
    t,
    SimpleAudioClassificationDataset,
    (k) => `s${k}.wav,${[0, 1, 2].map((c) => Number(c === k % 3)).join()}`,
    options,
  );
  const softmax = net([10, 100], 3, false, "softmax");
  softmax.compile({ optimizer: "sgd", loss: "categoricalCrossentropy" });
  const exclusive = createPipeline(softmax, one);
  const single = (await exclusive.evaluate(one, quiet)) as ClassEvaluation;
  const said = await predictions<ClassPrediction>(pipeline, dataset);
  const guesses = await predictions<ClassPrediction>(exclusive, one);
  const expected = python(
    `
import numpy as np
from scipy.stats import norm
from sklearn import metrics as m
t, s = np.array(input["truth"]), np.array(input["scores"])
ap = m.average_precision_score(t, s, average=None)
d = 2 ** 0.5 * norm.ppf(m.roc_auc_score(t, s, average=None))
p, r, f, n = m.precision_recall_fscore_support(t, s >= np.float32([0.5, 0.49, 0.51]), zero_division=0)
g = np.array(input["guesses"]).argmax(1)
print(json.dumps({"many": {"averagePrecision": ap.tolist(), "dPrime": d.tolist(), "meanAveragePrecision": ap.mean(), "meanDPrime": d.mean(),
    "scores": [{"precision": a, "recall": b, "f1": c, "support": int(e)} for a, b, c, e in zip(p, r, f, n)]},
    "one": {"matrix": m.confusion_matrix(input["numbers"], g, labels=[0, 1, 2]).tolist(), "accuracy": m.accuracy_score(input["numbers"], g)}}))`,
    {
      truth: said.map(([name]) => classes[numberOf(name)]!),
      scores: said.map(([, { scores }]) => [...scores]),
      numbers: guesses.map(([name]) => numberOf(name) % 3),
      guesses: guesses.map(([, { scores }]) => [...scores]),
    },
  );
  equal(evaluation, expected.many);
  equal(single, expected.one);
  assert.equal(evaluation.matrix, undefined);
  const some = (await pipeline.evaluate(dataset, { ...quiet, limit: 5 })) as ClassEvaluation;
  assert.equal(some.examples, 5);
});

test("values and pairs: errors, SNR and SI-SDR", async (t) => {
  const row = (k: number): string => `s${k}.wav,${k},${-k / 2}`;
  const values = await loaded(t, RegressionDataset, row, { inputSize: 100, window: { length: 1000 } });
  const regression = createPipeline(net([10, 100], 2, false, "linear"), values);
  const numbers = (await regression.evaluate(values, quiet)) as ValueEvaluation;
  const said = await predictions<ValuePrediction>(regression, values);
  const pairs = await loaded(t, AudioDataset, (k) => `s${k}.wav,s${(k + 1) % SOUNDS}.wav`, { inputSize: 100 });
  const sounds = createPipeline(net([null, 100], 100, true, "linear"), pairs);
  const evaluation = (await sounds.evaluate(pairs, quiet)) as SoundEvaluation;
  const made = await predictions<SoundPrediction>(sounds, pairs);
  const file = async (k: number): Promise<number[]> => [
    ...(await readAudio(join(pairs.directory, `s${k % SOUNDS}.wav`))).samples,
  ];
  const expected = python(
    `
import numpy as np
from fast_bss_eval.numpy import si_sdr
from sklearn import metrics as m
t, s = np.array(input["truth"]), np.array(input["said"])
si = lambda a, b: si_sdr(a[None], b[None])[0]
snr = lambda a, b: 10 * np.log10((a @ a) / ((a - b) @ (a - b)))
each = [[np.array(x) for x in one] for one in input["sounds"]]
mean = lambda f, k: np.mean([f(one[1], one[k]) for one in each])
print(json.dumps({"values": {"meanAbsoluteError": m.mean_absolute_error(t, s, multioutput="raw_values").tolist(),
    "rootMeanSquareError": m.root_mean_squared_error(t, s, multioutput="raw_values").tolist()},
    "pairs": {"snr": mean(snr, 2), "siSdr": mean(si, 2), "input": {"snr": mean(snr, 0), "siSdr": mean(si, 0)}}}))`,
    {
      truth: said.map(([name]) => [numberOf(name), -numberOf(name) / 2]),
      said: said.map(([, prediction]) => [...prediction.values]),
      sounds: await Promise.all(
        made.map(async ([name, { samples }]) => [
          await file(numberOf(name)),
          await file(numberOf(name) + 1),
          [...samples],
        ]),
      ),
    },
  );
  equal(numbers, expected.values, 1e-5);
  equal(evaluation, expected.pairs, 1e-5);
  const wrong = (pipeline: Pipeline, dataset: Dataset, message: RegExp, options = {}): Promise<void> =>
    assert.rejects(pipeline.evaluate(dataset, { ...quiet, ...options }), { code: "OPTION", message });
  await wrong(regression, pairs, /^labels: 0 of kind values, expected 2/);
  await wrong(sounds, values, /^target: none, expected a dataset of kind pairs \(s\d+\.wav\)/);
  await wrong(sounds, pairs, /^examples: none in train/, { split: "train" });
  await wrong(sounds, pairs, /^split: "tests", expected one of/, { split: "tests" });
  await wrong(sounds, pairs, /^evaluate: option "limits", expected one of .*did you mean limit/, { limits: 1 });
  const faster = createPipeline(
    loadTensorFlow().sequential({
      layers: [loadTensorFlow().layers.activation({ activation: "linear", inputShape: [500] })],
    }),
    { kind: "pairs", sampleRate: 16000, window: { length: 500 } },
  );
  await wrong(faster, pairs, /^dataset: 8000 Hz with 1 channels, expected 16000 Hz with 1 as the pipeline/);
  await assert.rejects(sounds.evaluate(pairs, { ...quiet, signal: AbortSignal.abort() }), { code: "ABORTED" });
});
