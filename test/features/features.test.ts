import assert from "node:assert/strict";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { featuresOf, type Features, featureShape } from "../../dist/features/features.js";
import { batches } from "../../dist/load/batches.js";
import type { BatchOptions } from "../../dist/load/options.js";
import { melSpectrogram } from "../../dist/features/mel-layer.js";
import { planRecords } from "../../dist/build/plan-records.js";
import { planRecipe } from "../../dist/generate/recipe.js";
import { buildRecords } from "../../dist/build/build-records.js";
import { openRecords, type Records } from "../../dist/records/open-records.js";
import { loadTensorFlow } from "../../dist/tensorflow/load.js";
import { python } from "../support/python.js";
import { readExample } from "../../dist/records/read-example.js";

const tf = loadTensorFlow();
const made = build();

/** 24 pairs of 4,000 samples. */
async function build(): Promise<Records> {
  const folder = mkdtempSync(join(tmpdir(), "features-"));
  const recipe = planRecipe(100, 1000, 12, { waves: ["sin", "saw"], chords: ["maj"], duration: 0.5, sampleRate: 8000 });
  await buildRecords(folder, await planRecords(folder, "set", recipe), { onProgress: false });
  return openRecords(folder, "set");
}

const stft = { frameLength: 400, frameStep: 160, fftLength: 480 };
const LIBROSA = `
import numpy as np, librosa
out = []
for samples in input["signals"]:
    y = np.array(samples, np.float32)
    args = dict(n_fft=480, win_length=400, hop_length=160, center=True, pad_mode="constant")
    mel = lambda: librosa.feature.melspectrogram(y=y, sr=8000, n_mels=40, power=2.0, **args)
    made = {"logMel": lambda: librosa.power_to_db(mel()), "mel": mel, "magnitude": lambda: np.abs(librosa.stft(y, **args)), "power": lambda: np.abs(librosa.stft(y, **args)) ** 2}[input["kind"]]()
    out.append(made.T.tolist())
print(json.dumps(out))`;

/** Largest difference, in units of the largest value. */
function difference(a: ArrayLike<number>, b: number[][]): number {
  const flat = b.flat();
  assert.equal(a.length, flat.length);
  const top = Math.max(...flat.map(Math.abs));
  return Math.max(...flat.map((value, i) => Math.abs(value - a[i]!))) / top;
}

/**
 * Decibels of a transform in float32. Each term of its sums is rounded, by up to 2⁻²⁴ of itself: a band's amplitude is off
 * by a part of the loudest band's, which 80 dB below that is 10⁴ times the part of its own. numpy's product of the same
 * float32 matrices is 1.1e-5 off there as well, librosa, which transforms in float64, 1e-7. So quiet bands are compared
 * by amplitude, in units of the loudest band's.
 */
function assertDecibels(mine: ArrayLike<number>, librosa: readonly number[]): void {
  assert.equal(mine.length, librosa.length);
  const loudest = Math.max(...librosa);
  const largest = Math.max(...librosa.map(Math.abs));
  const amplitude = (db: number): number => 10 ** ((db - loudest) / 20);
  let compared = 0;
  for (const [i, db] of librosa.entries()) {
    if (db > loudest - 70) {
      const off = Math.abs(db - mine[i]!) / largest;
      assert.ok(off < 1e-5, `band ${i}, ${db} dB: ${off}`);
      compared++;
    } else {
      const off = Math.abs(amplitude(db) - amplitude(mine[i]!));
      assert.ok(off < 2 ** -24, `band ${i}, ${db} dB: ${off} of the loudest amplitude`);
    }
  }
  assert.ok(compared > librosa.length / 4, `${compared} of ${librosa.length} bands within 70 dB`);
}

test("features made while loading equal librosa's within float32 rounding", async () => {
  const records = await made;
  const examples = Uint32Array.of(0, 5, 17);
  const signals = await Promise.all(
    Array.from(examples, async (i) => Array.from((await readExample(records, i)).input)),
  );
  for (const kind of ["logMel", "mel", "magnitude", "power"] as const) {
    const features: Features = { kind, ...stft, ...(kind.endsWith("el") ? { melBins: 40 } : {}) };
    const expected = python(LIBROSA, { kind, signals }) as number[][][];
    const { value } = await (await batches(records, examples, { features, shuffle: false }).iterator()).next();
    assert.deepEqual(value.xs.shape, [3, ...featureShape(4000, features)]);
    assert.deepEqual(value.ys.shape, [3, 4000]);
    for (const [row, mine] of (value.xs.arraySync() as number[][][]).entries()) {
      const off = difference(mine.flat(), expected[row]!);
      assert.ok(off < 2e-6 * (kind === "logMel" ? 10 : 1), `${kind}: ${off}`);
    }
    tf.dispose([value.xs, value.ys]);
  }
});

test("targets of pairs become features too where that is asked", async () => {
  const records = await made;
  const features: Features = { kind: "stft", ...stft, targets: true };
  const { value } = await (await batches(records, Uint32Array.of(3), { features }).iterator()).next();
  assert.deepEqual(
    [value.xs.shape, value.ys.shape],
    [
      [1, 26, 241, 2],
      [1, 26, 241, 2],
    ],
  );
  const { target } = await readExample(records, 3);
  assert.deepEqual(value.ys.dataSync(), featuresOf(target!, features, 8000).data);
  tf.dispose([value.xs, value.ys]);
});

test("the layer form equals librosa's, in a model that trains and that comes back from json", async () => {
  const records = await made;
  const { input } = await readExample(records, 7);
  const options = { sampleRate: 8000, melBins: 40, ...stft };
  for (const [kind, log] of [
    ["logMel", true],
    ["mel", false],
  ] as const) {
    const expected = python(LIBROSA, { kind, signals: [Array.from(input)] }) as number[][][];
    const layer = melSpectrogram({ ...options, log });
    const flat = layer.apply(tf.tensor2d(input, [1, 4000])) as import("@tensorflow/tfjs-node-gpu").Tensor;
    assert.deepEqual(flat.shape, [1, 26, 40]);
    const mine = flat.dataSync();
    if (log) assertDecibels(mine, expected[0]!.flat());
    else assert.ok(difference(mine, expected[0]!) < 1e-5, `mel: ${difference(mine, expected[0]!)}`);
    const framed = layer.apply(tf.tensor3d(input, [1, 16, 250])) as import("@tensorflow/tfjs-node-gpu").Tensor;
    assert.deepEqual(framed.dataSync(), flat.dataSync());
  }
  const layers = [
    melSpectrogram({ ...options, inputShape: [16, 250] }),
    tf.layers.flatten(),
    tf.layers.dense({ units: 1, kernelInitializer: "zeros" }),
  ];
  const model = tf.sequential({ layers });
  assert.deepEqual(layers[0]!.outputShape, [null, 26, 40]);
  assert.equal(model.countParams(), 26 * 40 + 1);
  model.compile({ optimizer: tf.train.adam(0.00001), loss: "meanSquaredError" });
  const [x, y] = [tf.tensor3d(input, [1, 16, 250]), tf.tensor2d([[3]])];
  const { history } = await model.fit(x, y, { epochs: 60, verbose: 0 });
  const losses = history.loss as number[];
  assert.ok(losses.at(-1)! < losses[0]! / 4, `loss ${losses[0]} to ${losses.at(-1)}`);
  const copy = await tf.models.modelFromJSON(JSON.parse(model.toJSON() as string));
  copy.setWeights(model.getWeights());
  const predict = (m: typeof copy): number =>
    (m.predict(x) as import("@tensorflow/tfjs-node-gpu").Tensor).dataSync()[0]!;
  assert.equal(predict(copy), predict(model as never));
  const slope = tf.grad((v) => tf.sum(layers[0]!.apply(v) as never))(x);
  assert.ok(Math.abs(slope.abs().sum().dataSync()[0]!) > 0);
});

async function first(options: BatchOptions): Promise<{ x: number[][]; y: number[][] }> {
  const records = await made;
  const { value } = await (
    await batches(
      records,
      Uint32Array.from({ length: 24 }, (_, i) => i),
      { shuffle: false, ...options },
    ).iterator()
  ).next();
  const out = { x: value.xs.arraySync() as number[][], y: value.ys.arraySync() as number[][] };
  tf.dispose([value.xs, value.ys]);
  return out;
}

const rms = (v: number[]): number => Math.sqrt(v.reduce((a, b) => a + b * b, 0) / v.length);

test("gain and polarity: both sides of a pair by the same factor, within the range", async () => {
  const [plain, changed] = [await first({}), await first({ augment: { gain: [-12, 6], polarity: 0.5 } })];
  const signs = new Set<number>();
  for (const [row, x] of changed.x.entries()) {
    const at = plain.x[row]!.findIndex((v) => Math.abs(v) > 0.05);
    const factor = x[at]! / plain.x[row]![at]!;
    signs.add(Math.sign(factor));
    assert.ok(Math.abs(factor) > 10 ** (-12 / 20) - 1e-6 && Math.abs(factor) < 10 ** (6 / 20) + 1e-6);
    for (const [a, b] of [
      [x, plain.x[row]!],
      [changed.y[row]!, plain.y[row]!],
    ] as const) {
      for (let i = 0; i < a.length; i += 37) assert.ok(Math.abs(a[i]! - factor * b[i]!) < 1e-6);
    }
  }
  assert.equal(signs.size, 2);
});

test("noise comes at the ratio asked for, and on the input alone", async () => {
  const [plain, noisy] = [await first({}), await first({ augment: { noise: [10, 20] } })];
  assert.deepEqual(noisy.y, plain.y);
  const ratios = plain.x.map((x, row) => 20 * Math.log10(rms(x) / rms(x.map((v, i) => noisy.x[row]![i]! - v))));
  for (const ratio of ratios) assert.ok(ratio > 9.5 && ratio < 20.5, `${ratio} dB`);
  assert.ok(Math.max(...ratios) - Math.min(...ratios) > 3);
});

test("shift moves both sides together, mix adds another example of the batch to both", async () => {
  const [plain, moved] = [await first({}), await first({ augment: { shift: 300 } })];
  for (const [row, x] of moved.x.entries()) {
    const fits = (by: number): boolean =>
      [
        [x, plain.x[row]!],
        [moved.y[row]!, plain.y[row]!],
      ].every(([a, b]) => a!.every((v, i) => v === (b![i - by] ?? 0)));
    assert.ok(Array.from({ length: 601 }, (_, i) => i - 300).some(fits), `row ${row}`);
  }
  const mixed = await first({ augment: { mix: { probability: 1, weight: [0.25, 0.25] } } });
  for (const [row, x] of mixed.x.entries()) {
    const partner = plain.x.findIndex(
      (other, k) => k !== row && x.every((v, i) => Math.abs(v - 0.75 * plain.x[row]![i]! - 0.25 * other[i]!) < 1e-6),
    );
    assert.ok(partner >= 0, `row ${row}`);
    assert.ok(
      mixed.y[row]!.every((v, i) => Math.abs(v - 0.75 * plain.y[row]![i]! - 0.25 * plain.y[partner]![i]!) < 1e-6),
    );
  }
});

test("masks: a span of samples, or of frames and bins of features, at most as long as asked", async () => {
  const [plain, masked] = [await first({}), await first({ augment: { timeMask: { length: 500 } } })];
  const longest = masked.x.map((x, row) => x.filter((v, i) => v !== plain.x[row]![i]).length);
  assert.ok(Math.max(...longest) > 100 && Math.max(...longest) <= 500);
  const features: Features = { kind: "logMel", melBins: 40, ...stft };
  const [clear, spots] = [
    await first({ features }),
    await first({ features, augment: { timeMask: { length: 4 }, frequencyMask: { bins: 8 } } }),
  ];
  let cells = 0;
  for (const [row, x] of (spots.x as unknown as number[][][]).entries()) {
    const before = (clear.x as unknown as number[][][])[row]!;
    const hit = x.map((frame, t) => frame.map((v, k) => v !== before[t]![k]));
    assert.ok(hit.filter((frame) => frame.every(Boolean)).length <= 4);
    assert.ok(Array.from({ length: 40 }, (_, k) => hit.every((frame) => frame[k])).filter(Boolean).length <= 8);
    cells += hit.flat().filter(Boolean).length;
  }
  assert.ok(cells > 24 * 26);
});

test("augmentation follows seed, epoch and example, not workers or place in the batch", async () => {
  const records = await made;
  const all = Uint32Array.from({ length: 24 }, (_, i) => i);
  const options: BatchOptions = { augment: { gain: [-6, 6], noise: [10, 30], shift: 50 }, batchSize: 5, seed: 9 };
  const run = async (extra: BatchOptions): Promise<number[][]> => {
    const rows: number[][] = [];
    const dataset = batches(records, all, { ...options, ...extra });
    await dataset.forEachAsync(({ xs, ys }) => {
      rows.push(...(xs.arraySync() as number[][]));
      tf.dispose([xs, ys]);
    });
    return rows;
  };
  const one = await run({ workers: 1 });
  assert.deepEqual(await run({ workers: 3 }), one);
  const sorted = (rows: number[][]): string[] => rows.map((r) => r.join()).sort();
  assert.deepEqual(sorted(await run({ batchSize: 24, shuffle: false })), sorted(one));
  assert.notDeepEqual(sorted(await run({ seed: 10 })), sorted(one));
});

test("values of features that make no sense are refused before a worker computes them", async () => {
  const records = await made;
  for (const [given, message] of [
    [{ topDb: Number.NaN }, "features.topDb: NaN, expected decibels from 0 on; Infinity for no floor"],
    [{ topDb: -3 }, "features.topDb: -3, expected decibels from 0 on; Infinity for no floor"],
    [{ amin: 0 }, "features.amin: 0, expected a number above 0"],
    [{ ref: "mean" as never }, 'features.ref: "mean", expected a number above 0, or "max"'],
    [{ melBins: 2.5 }, "features.melBins: 2.5, expected a positive integer"],
    [{ scale: "mel" as never }, 'features.scale: "mel", expected "slaney" or "htk"'],
  ] as const) {
    const features: Features = { kind: "logMel", ...stft, ...given };
    assert.throws(() => batches(records, Uint32Array.of(0), { features }), { code: "OPTION", message });
  }
});
