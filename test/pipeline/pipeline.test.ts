import assert from "node:assert/strict";
import { cpSync, mkdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import fc from "fast-check";
import type * as tfjs from "@tensorflow/tfjs-node-gpu";
import {
  AudioClassificationDataset,
  AudioDataset,
  type ClassPrediction,
  createPipeline,
  type Dataset,
  encodeWav,
  exportPage,
  type FramePrediction,
  type LoadOptions,
  loadPipeline,
  loadTensorFlow,
  type Pipeline,
  type PipelineDescription,
  type PredictedPiece,
  type Progress,
  random,
  readAudio,
  RegressionDataset,
  show,
  SimpleAudioClassificationDataset,
  type SoundPrediction,
  toInt16,
  type ValuePrediction,
} from "../../dist/index.js";
import { hearRows } from "../../dist/pipeline/hear.js";
import { root } from "../support/python.js";
import { net } from "../support/nets.js";
import { folder, quiet } from "../support/records.js";

const tf = loadTensorFlow();
const RATE = 8000;

/** Tones and noise, `channels` interleaved. */
function sound(samples: number, seed: number, channels = 1): Float32Array {
  const noise = random(seed);
  return Float32Array.from({ length: samples * channels }, (_, i) => {
    const t = Math.floor(i / channels) / RATE;
    return 0.3 * Math.sin(2 * Math.PI * 200 * (seed + 1) * t + (i % channels)) + 0.05 * noise.gaussian();
  });
}

/** A folder with an index and wavs of these lengths, recorded and loaded. */
async function loaded<D extends Dataset>(
  t: TestContext,
  Kind: new (directory: string, name: string) => D,
  lengths: readonly number[],
  row: (k: number) => string,
  options: LoadOptions,
): Promise<D> {
  const directory = folder(t);
  for (const [k, length] of lengths.entries()) {
    const wav = encodeWav({ sampleRate: RATE, channels: 1, samples: toInt16(sound(length, k)) });
    writeFileSync(join(directory, `s${k}.wav`), wav);
    writeFileSync(join(directory, `s${k}_key.csv`), "TIME STAMP,C4,E4\n0,0,1\n0.3,1,0\n");
  }
  writeFileSync(join(directory, "set"), `${lengths.map((_, k) => row(k)).join("\n")}\n`);
  const dataset = new Kind(directory, "set");
  await dataset.generateRecords({ ...quiet, timeUnit: "seconds" });
  await dataset.load({ batchSize: 2, trainSplit: 1, valSplit: 0, testSplit: 0, ...options });
  return dataset;
}

/** What the model gives for one example's batches, as the dataset loads them, row after row. */
async function asLoaded(model: tfjs.LayersModel, dataset: Dataset, example: number): Promise<Float32Array[]> {
  const rows: Float32Array[] = [];
  const iterator = await dataset.batchesOf([example]).iterator();
  for (let next = await iterator.next(); !next.done; next = await iterator.next()) {
    const { xs, ys } = next.value;
    const output = model.predict(xs) as tfjs.Tensor;
    rows.push(output.dataSync() as Float32Array);
    tf.dispose([xs, ys, output]);
  }
  return rows;
}

function close(found: Float32Array, expected: Float32Array, tolerance: number): void {
  assert.equal(found.length, expected.length);
  const far = found.findIndex((value, i) => !(Math.abs(value - expected[i]!) <= tolerance));
  assert.equal(far, -1, `${far}: ${found[far]}, expected ${expected[far]}`);
}

const features = { kind: "logMel", frameLength: 256, frameStep: 128, melBins: 20, topDb: Infinity } as const;

test("classes: a file outside the dataset is heard as the training heard it, to the bit", async (t) => {
  const window = { length: 2048, step: 1024 };
  const row = (k: number): string => `s${k}.wav,${k % 2},${1 - (k % 2)}`;
  const dataset = await loaded(t, SimpleAudioClassificationDataset, [7000, 5000], row, {
    window,
    features,
    batchSize: 1,
  });
  const model = net([17, 20], 2, false, "softmax");
  model.compile({ optimizer: "sgd", loss: "categoricalCrossentropy" });
  const pipeline = createPipeline(model, dataset);
  const prediction = (await pipeline.predict(join(dataset.directory, "s0.wav"), quiet)) as ClassPrediction;
  const expected = await asLoaded(model, dataset, 0);
  // Behind the windows of the training comes one more for the samples that are left.
  assert.equal(prediction.pieces.length, expected.length + 1);
  for (const [k, values] of expected.entries()) close(prediction.pieces[k]!.values, values, 1e-6);
  assert.deepEqual([prediction.pieces[1]!.start, prediction.pieces[1]!.end], [0.128, 0.384]);
  assert.deepEqual(prediction.present, [prediction.labels[prediction.scores[0]! > prediction.scores[1]! ? 0 : 1]]);
  const iterator = await dataset.batchesOf([0]).iterator();
  const { xs } = (await iterator.next()).value;
  const { samples } = await readAudio(join(dataset.directory, "s0.wav"));
  const task = { rows: samples.slice(0, 2048), count: 1, shape: [1, 17, 20], description: pipeline.description };
  assert.deepEqual(hearRows(task), xs.dataSync());
});

test("frames: events, MIDI and csv, with and without windows", async (t) => {
  for (const window of [undefined, { length: 1000 }]) {
    const options = { inputSize: 128, batchSize: 1, ...(window ? { window } : {}) };
    const dataset = await loaded(t, AudioClassificationDataset, [5000], (k) => `s${k}.wav,s${k}_key.csv`, options);
    const model = net([window ? 8 : null, 128], 2, true, "sigmoid");
    const pipeline = createPipeline(model, dataset, { thresholds: [0.5, 0.49] });
    const prediction = (await pipeline.predict(join(dataset.directory, "s0.wav"), quiet)) as FramePrediction;
    assert.deepEqual([prediction.labels, prediction.features, prediction.secondsPerFrame], [["C4", "E4"], 2, 0.016]);
    assert.equal(prediction.values.length, Math.ceil(5000 / 128) * 2);
    if (!window) close(prediction.values, await dataset.predict(model, 0), 1e-6);
    const counted = prediction.events.reduce((sum, { onset, offset }) => sum + Math.round((offset - onset) / 0.016), 0);
    const reached = prediction.values.reduce((sum, value, i) => sum + (value >= [0.5, 0.49][i % 2]! ? 1 : 0), 0);
    assert.equal(counted, reached);
    assert.ok(reached > 0);
    const lines = prediction.toCsv().trim().split("\n");
    assert.deepEqual([lines[0], lines.length], ["onset,offset,label", prediction.events.length + 1]);
    assert.equal(Buffer.from(prediction.toMidi()).toString("latin1", 0, 4), "MThd");
  }
});

test("pairs: pieces overlap without a seam: through a net that changes nothing, sound is unchanged to the bit", async () => {
  const model = tf.sequential({ layers: [tf.layers.activation({ activation: "linear", inputShape: [4, 128] })] });
  const description = { kind: "pairs", sampleRate: RATE, inputSize: 128, window: { length: 500 } } as const;
  const pipeline = createPipeline(model, description);
  for (const samples of [sound(5003, 1), new Float32Array(1200), sound(77, 2), sound(500, 3)]) {
    const prediction = (await pipeline.predict({ samples, sampleRate: RATE, channels: 1 }, quiet)) as SoundPrediction;
    assert.deepEqual(prediction.samples, samples);
  }
  const stereo = createPipeline(
    tf.sequential({ layers: [tf.layers.activation({ activation: "linear", inputShape: [500, 2] })] }),
    {
      ...{ kind: "pairs", sampleRate: RATE, channels: 2, window: { length: 500 } },
    } as const,
  );
  const samples = sound(3100, 4, 2);
  const { samples: out } = (await stereo.predict({ samples, sampleRate: RATE, channels: 2 }, quiet)) as SoundPrediction;
  assert.deepEqual(out, samples);
});

test("pairs: without windows the whole sound at once; the dataset's own rounding to 16 bits is kept", async (t) => {
  const dataset = await loaded(t, AudioDataset, [3000, 3000], (k) => `s${k}.wav,s${1 - k}.wav`, {
    inputSize: 64,
    batchSize: 1,
  });
  const model = net([null, 64], 64, true, "linear");
  const pipeline = createPipeline(model, dataset);
  const { samples, sampleRate, channels } = await readAudio(join(dataset.directory, "s1.wav"));
  const expected = await dataset.predict(model, 1);
  const predicted = (await pipeline.predict({ samples, sampleRate, channels }, quiet)) as SoundPrediction;
  close(predicted.samples, expected, 1e-6);
  // Between two steps of 16 bits: rounded as the records were.
  const finer = Float32Array.from(samples, (value) => value + 0.3 / 32768);
  const same = (await pipeline.predict({ samples: finer, sampleRate, channels }, quiet)) as SoundPrediction;
  assert.deepEqual(same.samples, predicted.samples);
});

test("values: the mean over pieces; another rate and two channels are converted as in recording", async (t) => {
  const row = (k: number): string => `s${k}.wav,${k},${k / 2}`;
  const dataset = await loaded(t, RegressionDataset, [4000], row, {
    window: { length: 1000 },
    inputSize: 100,
    batchSize: 1,
  });
  const model = net([10, 100], 2, false, "linear");
  const pipeline = createPipeline(model, dataset);
  const mine = (await pipeline.predict(join(dataset.directory, "s0.wav"), quiet)) as ValuePrediction;
  const pieces = await asLoaded(model, dataset, 0);
  assert.equal(pieces.length, 4);
  close(
    mine.values,
    Float32Array.from([0, 1], (k) => pieces.reduce((sum, p) => sum + p[k]! / 4, 0)),
    1e-6,
  );
  // The same sound from elsewhere, as a file of another form and as a record made of it.
  const other = folder(t);
  const wav = encodeWav({ sampleRate: 12000, channels: 2, samples: sound(6000, 9, 2) });
  writeFileSync(join(other, "s0.wav"), wav);
  writeFileSync(join(other, "set"), "s0.wav,1,2\n");
  const recorded = new RegressionDataset(other, "set");
  await recorded.generateRecords({ ...quiet, encoding: "pcm16", convert: { sampleRate: RATE, channels: 1 } });
  await recorded.load(dataset.loadOptions);
  const converted = (await pipeline.predict(join(other, "s0.wav"), quiet)) as ValuePrediction;
  const loadedPieces = await asLoaded(model, recorded, 0);
  for (const [k, values] of loadedPieces.entries()) close(converted.pieces[k]!.values, values, 1e-6);
});

test("a saved pipeline says the same; what doesn't fit or is damaged is named", async (t) => {
  const directory = join(folder(t), "model");
  const description = {
    ...{
      kind: "classes" as const,
      sampleRate: RATE,
      window: { length: 2048 },
      features,
      labels: ["dog", "cat"],
      exclusive: true,
    },
  } as const;
  const model = net([17, 20], 2, false, "softmax");
  const pipeline = createPipeline(model, description);
  await pipeline.save(directory);
  const again = await loadPipeline(directory);
  const { versions, ...rest } = again.description;
  assert.deepEqual(rest, pipeline.description);
  assert.match(versions!.tfjs, /^4\./);
  const source = { samples: sound(5000, 5), sampleRate: RATE, channels: 1 };
  const [a, b] = [await pipeline.predict(source, quiet), await again.predict(source, quiet)] as [
    ClassPrediction,
    ClassPrediction,
  ];
  assert.deepEqual(a.scores, b.scores);
  const changed = async (file: string, change: (text: string) => string): Promise<void> => {
    const copy = join(folder(t), "copy");
    mkdirSync(copy);
    cpSync(directory, copy, { recursive: true });
    writeFileSync(join(copy, file), change(readFileSync(join(copy, file), "utf8")));
    await loadPipeline(copy);
  };
  const rejects = (file: string, change: (text: string) => string, code: string, message: RegExp): Promise<void> =>
    assert.rejects(changed(file, change), { name: "DatasetError", code, message });
  const p = "pipeline.json";
  await rejects(p, () => "{", "FILE", /no valid json/);
  await rejects(
    p,
    (text) => text.replace('"format": 1', '"format": 2'),
    "OPTION",
    /^format: 2, expected 1; another version/,
  );
  await rejects(p, (text) => text.replace('"sampleRate"', '"rate"'), "OPTION", /^entry "rate": "unknown"/);
  await rejects(p, (text) => text.replace('"dog",', ""), "OPTION", /^labels: 1, expected 2, one for each output/);
  await rejects(
    p,
    (text) => text.replace('"melBins": 20', '"melBins": 40'),
    "OPTION",
    /^model input: \[batch, 17, 20\], expected \[batch, 17, 40\]/,
  );
  for (const [entry, found] of [
    ['"kind": "logMel"', '"kind": "logMell"'],
    ['"melBins": 20', '"melBins": 20, "melBin": 20'],
    ['"melBins": 20', '"melBins": 20, "__proto__": {}'],
    ['"melBins": 20', '"melBins": "20"'],
    ['"topDb": "Infinity"', '"topDb": "none"'],
    ['"topDb": "Infinity"', '"topDb": null'],
  ] as const) {
    await rejects(p, (text) => text.replace(entry, found), "OPTION", /^features/);
  }
  for (const entry of ["channels", "inputSize", "thresholds", "exclusive", "labels", "encoding", "window", "output"]) {
    const emptied = (text: string): string => JSON.stringify({ ...(JSON.parse(text) as object), [entry]: null });
    await rejects(p, emptied, "OPTION", new RegExp(`^${entry}: null, expected`));
  }
  await rejects("model.json", (text) => text.slice(9), "FILE", /no valid json/);
  await rejects(
    "model.json",
    (text) => text.replace(/weights-\d+\.bin/, "../../x.bin"),
    "FILE",
    /^weights "\.\.\/\.\.\/x\.bin" leaves the folder/,
  );
  await rejects("model.json", (text) => text.replace('"Conv1D"', '"Evil"'), "FILE", /^model: /);
  await rejects("weights-1.bin", () => "", "FILE", /^weights: 0 bytes, expected \d+/);
  await assert.rejects(loadPipeline(join(directory, "none")), { code: "FILE" });
  const missing = join(folder(t), "copy");
  for (const [file, name] of [
    ["weights-1.bin", /weights-1\.bin: not found/],
    ["model.json", /model\.json: not found/],
  ] as const) {
    cpSync(directory, missing, { recursive: true });
    rmSync(join(missing, file));
    await assert.rejects(loadPipeline(missing), { code: "FILE", message: name });
  }
  await assert.rejects(pipeline.save(join(directory, "model.json")), { code: "FILE", message: /a file of that name/ });
});

test("descriptions by hand, models and sounds that make no sense are refused", async () => {
  const model = net([8, 16], 3, false, "softmax");
  const make = (description: Partial<PipelineDescription>): unknown =>
    createPipeline(model, {
      kind: "classes",
      sampleRate: RATE,
      inputSize: 16,
      window: { length: 128 },
      ...description,
    });
  const refused = (description: Partial<PipelineDescription>, message: RegExp): void =>
    assert.throws(() => make(description), { code: "OPTION", message });
  refused({ window: { length: 256 } }, /^model input: \[batch, 8, 16\], expected \[batch, 16, 16\]/);
  refused({ labels: ["a"] }, /^labels: 1, expected 3/);
  refused({ thresholds: [0.5], labels: ["a", "b", "c"] }, /^thresholds: 1, expected 3/);
  refused({ sampleRate: 0 }, /^sampleRate: 0, expected a whole number above 0/);
  refused(
    { window: { length: 128, stepp: 64 } as never },
    /^window: {"length":128,"stepp":64}, expected length and step/,
  );
  refused({ window: { length: 1e15 } }, /^window: {"length":1000000000000000}, expected length .* at most 1073741824/);
  refused({ inputSize: 1e15 }, /^inputSize: 1000000000000000, expected .* at most 1073741824/);
  refused({ channels: 2 ** 20, window: { length: 2 ** 20 } }, /^window\.length: 1048576, expected at most/);
  refused({ encoding: "pcm8" as never }, /^encoding: "pcm8", expected pcm16, flac, float32, float16/);
  refused({ kind: "song" as never }, /^kind: "song", expected pairs, classes, values, frames/);
  assert.throws(
    () => createPipeline(model, { kind: "classes", sampleRate: RATE, inputSize: 16 }),
    /^DatasetError: window: missing/,
  );
  const pipeline = createPipeline(model, { kind: "classes", sampleRate: RATE, inputSize: 16, window: { length: 128 } });
  assert.throws(() => createPipeline(model, pipeline.description, { treshold: 0.5 } as never), {
    code: "OPTION",
    message: 'createPipeline: option "treshold", expected one of thresholds; did you mean thresholds?',
  });
  await assert.rejects(exportPage(pipeline, "none", { heading: "x" } as never), {
    code: "OPTION",
    message: 'exportPage: option "heading", expected one of title, weights',
  });
  const samples = sound(100, 1);
  const broken = samples.slice();
  broken[3] = Number.NaN;
  const wrong = (source: Parameters<typeof pipeline.predict>[0], code: string, message: RegExp): Promise<void> =>
    assert.rejects(pipeline.predict(source, quiet), { code, message });
  await wrong({ samples: broken, sampleRate: RATE, channels: 1 }, "CHECK", /^sample of frame 3: NaN/);
  await wrong({ samples: samples.subarray(0, 0), sampleRate: RATE, channels: 1 }, "CHECK", /^samples: none/);
  await wrong(
    { samples: samples.subarray(0, 99), sampleRate: RATE, channels: 2 },
    "OPTION",
    /^samples: 99, expected a multiple of the 2/,
  );
  for (const source of [undefined, null, 42, {}, { samples: null, sampleRate: RATE, channels: 1 }]) {
    await wrong(source as never, "OPTION", /^samples: \w+, expected a file's name, or a Float32Array or Int16Array/);
  }
  await wrong({ samples, sampleRate: Number.NaN, channels: 1 }, "OPTION", /^sampleRate: NaN/);
  const aborted = { ...quiet, signal: AbortSignal.abort() };
  await assert.rejects(pipeline.predict({ samples, sampleRate: RATE, channels: 1 }, aborted), { code: "ABORTED" });
});

test("an output of another form than the kind's is refused: by its shape, or as soon as the model gives it", async () => {
  const source = { samples: sound(2000, 1), sampleRate: RATE, channels: 1 };
  const described = { sampleRate: RATE, inputSize: 16 };
  const halved = (frames: number | null): tfjs.Sequential =>
    tf.sequential({ layers: [tf.layers.maxPooling1d({ poolSize: 2, inputShape: [frames, 16] })] });
  const pooled = net([null, 16], 2, false, "sigmoid");
  const cases: [tfjs.LayersModel, PipelineDescription["kind"], RegExp][] = [
    [halved(8), "frames", /^model output: \[4,16\] a piece, expected \[8, labels\], a row per 16 samples/],
    [net([8, 16], 2, false, "sigmoid"), "frames", /^model output: \[2\] a piece, expected \[8, labels\]/],
    [net([8, 16], 2, true, "sigmoid"), "classes", /^model output: \[8,2\] a piece, expected one number per label/],
    [net([8, 16], 2, true, "linear"), "values", /^model output: \[8,2\] a piece, expected one number per label/],
    [net([8, 16], 2, true, "linear"), "pairs", /^model output: 16 values a piece, expected 128, its input's samples/],
  ];
  for (const [model, kind, message] of cases) {
    const make = (): Pipeline => createPipeline(model, { ...described, kind, window: { length: 128 } });
    assert.throws(make, { code: "OPTION", message });
  }
  for (const model of [halved(null), pooled]) {
    const whole = createPipeline(model, { ...described, kind: "frames" });
    const message = /^model output: \[\S+\] a piece, expected \[125, labels\], a row per 16 samples/;
    await assert.rejects(whole.predict(source, quiet), { code: "OPTION", message });
  }
  const stream = createPipeline(halved(null), { ...described, kind: "frames", window: { length: 128 } }).stream();
  await assert.rejects(stream.push(source.samples), { code: "OPTION", message: /expected \[8, labels\]/ });
});

test("a file is read while it is predicted, to the same as its samples at once", async (t) => {
  const directory = folder(t);
  const pipelines = [
    createPipeline(net([17, 20], 2, false, "softmax"), {
      ...({ kind: "classes", sampleRate: RATE, encoding: "pcm16", features } as const),
      window: { length: 2048, step: 700 },
    }),
    createPipeline(net([8, 128], 2, true, "sigmoid"), {
      ...({ kind: "frames", sampleRate: RATE, inputSize: 128, window: { length: 1000 } } as const),
    }),
    createPipeline(tf.sequential({ layers: [tf.layers.activation({ activation: "tanh", inputShape: [500, 2] })] }), {
      kind: "pairs",
      sampleRate: RATE,
      channels: 2,
      window: { length: 500 },
    }),
    createPipeline(net([10, 100], 2, false, "linear"), {
      ...({ kind: "values", sampleRate: RATE, inputSize: 100, window: { length: 1000, step: 1000 } } as const),
    }),
  ];
  const form = fc.record({
    frames: fc.oneof(fc.integer({ min: 1, max: 3000 }), fc.constantFrom(1000, 2048, 2748, 70_000)),
    sampleRate: fc.constantFrom(RATE, 11025, 44100),
    channels: fc.constantFrom(1, 2),
    batchSize: fc.constantFrom(1, 3, 32),
    pipeline: fc.constantFrom(...pipelines),
  });
  const path = join(directory, "sound.wav");
  await fc.assert(
    fc.asyncProperty(form, async ({ frames, sampleRate, channels, batchSize, pipeline }) => {
      const audio = { sampleRate, channels, samples: sound(frames, 3, channels) };
      writeFileSync(path, encodeWav(audio));
      const [whole, read] = [audio, path].map((source) => pipeline.predict(source, { ...quiet, batchSize }));
      const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));
      assert.deepEqual(plain(await read), plain(await whole));
    }),
    { numRuns: 40, seed: 3 },
  );
  const [, frames] = pipelines;
  const samples = sound(200_000, 1);
  samples[150_000] = Number.NaN;
  writeFileSync(path, encodeWav({ sampleRate: RATE, channels: 1, samples }));
  await assert.rejects(frames!.predict(path, quiet), { code: "CHECK", message: /^sample of frame 150000: NaN/ });
  writeFileSync(path, encodeWav({ sampleRate: RATE, channels: 1, samples: samples.subarray(0, 0) }));
  await assert.rejects(frames!.predict(path, quiet), { code: "CHECK", message: /^samples: none/ });
  writeFileSync(path, encodeWav({ sampleRate: RATE, channels: 1, samples: sound(200_000, 1) }));
  const controller = new AbortController();
  const seen: number[][] = [];
  const onProgress = ({ done, total }: Progress): void => {
    seen.push([done, total]);
    controller.abort();
  };
  const aborted = frames!.predict(path, { batchSize: 4, signal: controller.signal, onProgress });
  await assert.rejects(aborted, { code: "ABORTED" });
  assert.deepEqual(seen, [[4, Math.ceil(200_000 / 896)]]);
});

test("an hour of sound takes no more memory than a minute", async (t) => {
  const directory = folder(t);
  const pipeline = createPipeline(net([63, 20], 2, false, "softmax"), {
    ...({ kind: "classes", sampleRate: 16000, features: { ...features, frameLength: 512, frameStep: 256 } } as const),
    window: { length: 16000 },
  });
  await pipeline.save(join(directory, "model"));
  const script = `const { loadPipeline } = require(process.argv[1]);
loadPipeline(process.argv[2]).then(async (pipeline) => {
  const { pieces } = await pipeline.predict(process.argv[3], { onProgress: false, workers: 1 });
  console.log(pieces.length, process.resourceUsage().maxRSS / 1024);
});`;
  const peak = (seconds: number): number => {
    const path = join(directory, `${seconds}.wav`);
    const head = encodeWav({ sampleRate: 16000, channels: 1, samples: new Int16Array(0) });
    const view = new DataView(head.buffer, head.byteOffset, head.length);
    view.setUint32(4, 36 + 32000 * seconds, true);
    view.setUint32(40, 32000 * seconds, true);
    writeFileSync(path, head);
    truncateSync(path, head.length + 32000 * seconds);
    const args = ["-e", script, join(root, "dist/index.js"), join(directory, "model"), path];
    const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
    const [pieces, megabytes] = stdout.trim().split(" ").map(Number);
    assert.equal(pieces, seconds, stderr);
    return megabytes!;
  };
  const [minute, hour] = [peak(60), peak(3600)];
  // Its samples alone are 220 MB of floats.
  assert.ok(hour < minute + 100, `${hour} MB, expected little more than ${minute}`);
});

test("predicting leaves no tensors behind", async () => {
  const pipeline = createPipeline(net([8, 16], 3, false, "softmax"), {
    ...{ kind: "classes", sampleRate: RATE, inputSize: 16, window: { length: 128 } },
  } as const);
  const source = { samples: sound(9000, 1), sampleRate: RATE, channels: 1 };
  await pipeline.predict(source, quiet);
  const { numTensors } = tf.memory();
  await pipeline.predict(source, { ...quiet, batchSize: 5 });
  assert.equal(tf.memory().numTensors, numTensors);
});

test("the command line writes MIDI, csv, json and wav, and says where it can't", async (t) => {
  const directory = folder(t);
  const source = join(directory, "s.wav");
  writeFileSync(source, encodeWav({ sampleRate: 11025, channels: 1, samples: toInt16(sound(4000, 1)) }));
  const frames = join(directory, "frames");
  const notes = createPipeline(net([null, 128], 2, true, "sigmoid"), {
    ...({ kind: "frames", sampleRate: RATE, inputSize: 128, thresholds: 0.49 } as const),
    labels: ["C4", "E4"],
  });
  await notes.save(frames);
  const pairs = join(directory, "pairs");
  const same = tf.sequential({ layers: [tf.layers.activation({ activation: "linear", inputShape: [500] })] });
  await createPipeline(same, { kind: "pairs", sampleRate: RATE, window: { length: 500 } }).save(pairs);
  const run = (...args: string[]): { status: number | null; out: string } => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [join(root, "src/cli.cjs"), "predict", ...args], {
      encoding: "utf8",
    });
    return { status, out: stdout + stderr };
  };
  const expected = (await notes.predict(source, quiet)) as FramePrediction;
  assert.equal(run(frames, source).out.trim(), expected.toCsv().trim());
  const { kind, labels, secondsPerFrame, events } = expected;
  const plain = JSON.parse(JSON.stringify({ kind, labels, secondsPerFrame, events }));
  assert.deepEqual(JSON.parse(run(frames, source, "--json").out), plain);
  assert.equal(run(frames, source, "--out", join(directory, "s.mid")).status, 0);
  assert.deepEqual(readFileSync(join(directory, "s.mid")), Buffer.from(expected.toMidi()));
  assert.equal(run(pairs, source, "--out", join(directory, "o.wav")).status, 0);
  const { samples, sampleRate } = await readAudio(join(directory, "o.wav"));
  const form = { kind: "pairs", sampleRate, channels: 1, seconds: samples.length / sampleRate };
  assert.deepEqual(JSON.parse(run(pairs, source, "--json").out), form);
  assert.deepEqual([samples.length, sampleRate], [Math.round((4000 * RATE) / 11025), RATE]);
  const refused = run(pairs, source, "--out", join(directory, "o.mid"));
  assert.equal(refused.status, 1);
  assert.match(refused.out, /o\.mid, expected a name that ends in \.wav for a model of kind pairs/);
  assert.match(run(directory, source).out, /pipeline\.json/);
});

test("a stream gives the pieces of the whole, however the samples come", async () => {
  const description = {
    ...({ kind: "classes", sampleRate: RATE, exclusive: true, encoding: "pcm16" } as const),
    ...{ window: { length: 2048, step: 700 }, features },
  };
  const pipeline = createPipeline(net([17, 20], 2, false, "softmax"), description);
  const noise = random("pieces");
  for (const length of [9000, 2048, 500, 2748]) {
    const samples = sound(length, 5);
    const whole = (await pipeline.predict({ samples, sampleRate: RATE, channels: 1 }, quiet)) as ClassPrediction;
    const stream = pipeline.stream();
    assert.equal(stream.latency, 0.256);
    const pieces: PredictedPiece[] = [];
    for (let at = 0; at < length; ) {
      const next = Math.min(length, at + noise.below(1500));
      const came = await stream.push(samples.subarray(at, next));
      for (const piece of came) assert.ok(piece.end * RATE <= next, "a piece came before its samples");
      pieces.push(...came);
      at = next;
    }
    pieces.push(...(await stream.end()));
    assert.deepEqual(
      pieces.map(({ start, end }) => [start, end]),
      whole.pieces.map(({ start, end }) => [start, end]),
    );
    for (const [k, { values }] of pieces.entries()) close(values, whole.pieces[k]!.values, 1e-5);
    await assert.rejects(stream.push(samples), { code: "OPTION", message: /^stream: ended/ });
  }
  // As a callback of a sound card calls it: nobody waits, and the buffer is used again.
  const samples = sound(9000, 5);
  const whole = (await pipeline.predict({ samples, sampleRate: RATE, channels: 1 }, quiet)) as ClassPrediction;
  const stream = pipeline.stream();
  const buffer = new Float32Array(1500);
  const calls: Promise<PredictedPiece[]>[] = [];
  for (let at = 0; at < samples.length; at += buffer.length) {
    buffer.set(samples.subarray(at, at + buffer.length));
    calls.push(stream.push(buffer));
  }
  calls.push(stream.end());
  const pieces = (await Promise.all(calls)).flat();
  assert.deepEqual(
    pieces.map(({ start, end }) => [start, end]),
    whole.pieces.map(({ start, end }) => [start, end]),
  );
  for (const [k, { values }] of pieces.entries()) close(values, whole.pieces[k]!.values, 1e-5);
  const all = createPipeline(net([null, 128], 2, true, "sigmoid"), {
    kind: "frames",
    sampleRate: RATE,
    inputSize: 128,
  });
  assert.throws(() => all.stream(), { code: "OPTION", message: /takes the whole sound at once/ });
});

test("show.predictions shows what a pipeline says of a file, as it hears it", async (t) => {
  const shown: Record<string, string>[] = [];
  const host = globalThis as unknown as { Deno?: object };
  const jupyter = {
    broadcast: async (_: string, content: { data: Record<string, string> }) => shown.push(content.data),
  };
  host.Deno = { jupyter };
  t.after(() => delete host.Deno);
  const file = join(folder(t), "tone.wav");
  const samples = Float32Array.from({ length: 44100 }, (_, i) => 0.5 * Math.sin(i / 5));
  writeFileSync(file, encodeWav({ sampleRate: 44100, channels: 1, samples }));
  const described = { sampleRate: 8000, inputSize: 100 } as const;
  const labels = ["C4", "<i>E4"];
  const cases: [Pipeline, RegExp][] = [
    [
      createPipeline(net([null, 100], 2, true, "sigmoid"), { ...described, kind: "frames", labels }),
      /prediction: \d+ notes?/,
    ],
    [
      createPipeline(net([5, 100], 2, false, "sigmoid"), {
        ...described,
        kind: "classes",
        labels,
        window: { length: 500 },
      }),
      /predicted/,
    ],
    [
      createPipeline(net([5, 100], 100, true, "linear"), { ...described, kind: "pairs", window: { length: 500 } }),
      /input[\s\S]*output/,
    ],
  ];
  for (const [pipeline, text] of cases) {
    shown.length = 0;
    await show.predictions(file, { pipeline });
    const bundles = shown.filter((data) => !/pieces/.test(data["text/plain"]!));
    assert.match(bundles.map((data) => data["text/plain"]).join("\n"), text);
    assert.match(bundles.map((data) => data["text/plain"]).join("\n"), /8,000 Hz|tone\.wav/);
    assert.ok(!bundles.some((data) => data["text/html"]?.includes("<i>")));
  }
  assert.deepEqual((await cases[0]![0].hear(file)).samples.length, 8000);
});
