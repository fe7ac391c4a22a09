import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import {
  AudioClassificationDataset,
  AudioDataset,
  batches,
  type Dataset,
  type Encoding,
  loadTensorFlow,
  readExample,
  RegressionDataset,
  SimpleAudioClassificationDataset,
  type Window,
} from "../../dist/index.js";
import { python, root } from "../support/python.js";

const tf = loadTensorFlow();
const encodings: Encoding[] = ["pcm16", "flac", "float32", "float16"];
const folder = mkdtempSync(join(tmpdir(), "python-reader-"));
const whole = { trainSplit: 1, valSplit: 0, testSplit: 0 };
after(() => rmSync(folder, { recursive: true, force: true }));

interface Read {
  rows: { x: unknown; y: unknown }[];
  /** Shapes and types of the batches that the snippet makes. */
  batches: unknown[][];
  labels?: string[];
}

/** Runs the code that `pythonReader()` gave, of many datasets in one process, and returns each one's examples. */
function readByPython(snippets: Record<string, string>): Record<string, Read> {
  return python(
    `
out = {}
for name, code in input.items():
    made = {}
    exec(code, made)
    out[name] = {
        "rows": [{"x": x.numpy().tolist(), "y": y.numpy().tolist()} for x, y in made["dataset"]],
        "batches": [[x.shape.as_list(), y.shape.as_list(), x.dtype.name, y.dtype.name] for x, y in made["batches"]],
        "labels": made.get("labels"),
    }
print(json.dumps(out))`,
    snippets,
  );
}

/** The same examples by this library, each alone, so that none is padded for its neighbours. */
async function readHere(dataset: Dataset, inputSize?: number, window?: Window): Promise<{ x: unknown; y: unknown }[]> {
  const { records } = dataset;
  const how = { inputSize, batchSize: 1, shuffle: false, ...(window ? { window } : {}) };
  const all = Uint32Array.from({ length: records.count }, (_, i) => i);
  const rows: { x: unknown; y: unknown }[] = [];
  await batches(records, all, how).forEachAsync(({ xs, ys }) => {
    rows.push({ x: (xs.arraySync() as unknown[])[0], y: (ys.arraySync() as unknown[])[0] });
    tf.dispose([xs, ys]);
  });
  return rows;
}

const kinds: Record<string, { index: string; make: (name: string) => Dataset }> = {
  pairs: { index: "a.wav,b.wav\nb.wav,a.wav\n", make: (name) => new AudioDataset(folder, name) },
  classes: {
    index: "file,dog,cat,rain\na.wav,1,0,0.5\nb.wav,0,0,0\n",
    make: (name) => new SimpleAudioClassificationDataset(folder, name),
  },
  values: { index: "a.wav,0.1,-3\nb.wav,7,0\n", make: (name) => new RegressionDataset(folder, name) },
  frames: { index: "a.wav,a.csv\nb.wav,b.csv\n", make: (name) => new AudioClassificationDataset(folder, name) },
};

describe("our records in Python", () => {
  before(() => {
    // Lengths that 64 does not divide, noise that uses every bit of int16.
    python(
      `
import numpy as np, soundfile as sf, os
rng = np.random.default_rng(1)
for side in ("in", "out"):
    os.makedirs(input + "/" + side)
    for name, n in (("a", 1000), ("b", 777)):
        sf.write(f"{input}/{side}/{name}.wav", rng.integers(-32768, 32768, n).astype("int16"), 8000)
        sf.write(f"{input}/{side}/{name}2.wav", rng.integers(-32768, 32768, (n, 2)).astype("int16"), 8000)
print(0)`,
      folder,
    );
    // In samples, off the borders of the frames: 600 of c replaces 500 while it lasts.
    writeFileSync(join(folder, "a.csv"), "t,c,d,e\n0,0,0,0\n100,1,0,0.25\n500,0.5,0,0.25\n600,0.5,1,0\n700,0,0,0\n");
    writeFileSync(join(folder, "b.csv"), "t,c,d,e\n0,0,1,0\n31,0,0,0\n500,2,0,0\n");
  });

  it("the sides of a saved split, and the share of each process", async () => {
    const lines = Array.from({ length: 20 }, (_, i) => {
      writeFileSync(join(folder, `in/s${i}.wav`), readFileSync(join(folder, `in/${i % 2 ? "a" : "b"}.wav`)));
      return `s${i}.wav,${i},${-i}\n`;
    });
    writeFileSync(join(folder, "shared"), lines.join(""));
    const dataset = new RegressionDataset(folder, "shared", { seed: 3 });
    await dataset.generateRecords({ examplesPerFile: 6, onProgress: false });
    await dataset.load({ trainSplit: 0.55, valSplit: 0.25, testSplit: 0.2 });
    const split = join(folder, "shared.split.json");
    await dataset.saveSplit(split);
    const ours: Record<string, number[]> = {};
    for (const index of [0, 1, 2]) {
      await dataset.load({
        split,
        shuffle: false,
        batchSize: 1,
        replica: { index, count: 3 },
      });
      const rows: number[] = [];
      await dataset.train.forEachAsync((batch) => {
        const { xs, ys } = batch as {
          xs: import("@tensorflow/tfjs-core").Tensor;
          ys: import("@tensorflow/tfjs-core").Tensor;
        };
        rows.push(ys.dataSync()[0]!);
        tf.dispose([xs, ys]);
      });
      ours[`train ${index}`] = rows;
    }
    for (const side of ["validate", "test"] as const)
      ours[side] = await Promise.all([...dataset.split[side]].map(async (i) => (await dataset.example(i)).values![0]!));
    const theirs = python(
      `
import sys
sys.path.append(input["python"])
from deep_audio_dataset import read
first = lambda rows: [float(y[0]) for _, y in rows]
of = lambda **more: first(read(input["folder"], "shared", split=input["split"], **more))
out = {f"train {k}": of(replica=(k, 3)) for k in range(3)}
print(json.dumps({**out, "validate": of(side="validate"), "test": of(side="test")}))`,
      { python: join(root, "python"), folder, split },
    ) as Record<string, number[]>;
    assert.deepEqual(theirs, ours);
    assert.equal(new Set([0, 1, 2].flatMap((k) => ours[`train ${k}`]!)).size, 11);
  });

  it("every kind in every encoding, frames of other sizes, stereo and odd names are equal arrays", async () => {
    const snippets: Record<string, string> = {};
    const ours: Record<string, { x: unknown; y: unknown }[]> = {};
    const take = async (name: string, dataset: Dataset, inputSize?: number): Promise<void> => {
      await dataset.load({ ...whole, inputSize, batchSize: 2 });
      snippets[name] = dataset.pythonReader();
      ours[name] = await readHere(dataset, inputSize);
    };
    for (const [kind, { index, make }] of Object.entries(kinds)) {
      for (const encoding of encodings) {
        const name = `${kind}-${encoding}`;
        writeFileSync(join(folder, name), index);
        const dataset = make(name);
        const labels = kind === "frames" ? ({ timeUnit: "samples", inputSize: 64 } as const) : {};
        await dataset.generateRecords({ encoding, ...labels, examplesPerFile: 1, onProgress: false });
        for (const inputSize of kind === "frames" ? [64] : [undefined, 64]) {
          await take(`${name} ${inputSize}`, dataset, inputSize);
        }
      }
    }
    await take("other frames", new AudioClassificationDataset(folder, "frames-pcm16"), 50);
    writeFileSync(join(folder, "stereo"), "a2.wav,b2.wav\n");
    for (const encoding of ["pcm16", "flac"] as const) {
      const stereo = new AudioDataset(folder, "stereo");
      await stereo.generateRecords({ encoding, onProgress: false });
      for (const inputSize of [undefined, 100]) await take(`stereo ${encoding} ${inputSize}`, stereo, inputSize);
    }
    const odd = join(folder, 'a "quoted" \\ föld');
    mkdirSync(join(odd, "in"), { recursive: true });
    writeFileSync(join(odd, "in/a.wav"), readFileSync(join(folder, "in/a.wav")));
    writeFileSync(join(odd, "set"), 'file,"it\'s"\na.wav,1\n');
    const quoted = new SimpleAudioClassificationDataset(odd, "set");
    await quoted.generateRecords({ onProgress: false });
    await take("quoted", quoted);

    const theirs = readByPython(snippets);
    assert.equal(Object.keys(theirs).length, 34);
    for (const [name, { rows }] of Object.entries(theirs)) {
      assert.ok(rows.length > 0, name);
      assert.deepEqual(ours[name], rows, name);
    }
    assert.deepEqual(theirs["frames-pcm16 64"]!.batches, [[[2, 16, 64], [2, 16, 3], "float32", "float32"]]);
    assert.deepEqual(theirs.quoted!.labels, ["it's"]);
    // What the csv says, by hand: c is 1 from sample 100 (nearest border of frames: 128) to 500 (512).
    const { y } = theirs["frames-pcm16 64"]!.rows[0]!;
    assert.deepEqual(
      (y as number[][]).map(([c]) => c),
      [0, 0, 1, 1, 1, 1, 1, 1, 0.5, 0.5, 0.5, 0, 0, 0, 0, 0],
    );
    assert.match(
      snippets["frames-pcm16 64"]!,
      /labels = \["c","d","e"\]\n.*# x \[frames, 64\], y \[frames, 3\], float32\n/,
    );
  });

  it("windows of every kind in every encoding are equal arrays", async () => {
    const ours: Record<string, { x: unknown; y: unknown }[]> = {};
    const options: Record<string, object> = {};
    for (const [kind, { make }] of Object.entries(kinds)) {
      for (const encoding of encodings) {
        const dataset = make(`${kind}-${encoding}`);
        for (const inputSize of kind === "frames" ? [64] : [undefined, 64]) {
          await dataset.load({ ...whole, inputSize });
          for (const window of [
            { length: 300 },
            { length: 900, step: 128, padEnd: true },
            { length: 256, step: Infinity },
          ]) {
            const { length, step = null, padEnd = false } = window;
            const key = `${dataset.name} ${inputSize} ${JSON.stringify(window)}`;
            ours[key] = await readHere(dataset, inputSize, window);
            const stepText = step === Infinity ? "inf" : step;
            options[key] = {
              name: dataset.name,
              input_size: inputSize,
              window: length,
              step: stepText,
              pad_end: padEnd,
            };
          }
        }
      }
    }
    const theirs = python(
      `
import sys
sys.path.append(input["python"])
from deep_audio_dataset import Examples
read = lambda step=None, **more: Examples(input["folder"], step=float(step) if step == "inf" else step, **more)
print(json.dumps({key: [{"x": x.tolist(), "y": y.tolist()} for x, y in read(**how)] for key, how in input["options"].items()}))`,
      { python: join(root, "python"), folder, options },
    ) as typeof ours;
    assert.equal(Object.keys(theirs).length, 84);
    for (const [key, rows] of Object.entries(ours)) assert.deepEqual(theirs[key], rows, key);
  });

  it("another reader of the format, without TensorFlow, takes the shards", async () => {
    const dataset = new SimpleAudioClassificationDataset(folder, "classes-pcm16");
    await dataset.load(whole);
    const theirs = python(
      `
import numpy as np
from tfrecord.reader import tfrecord_loader
rows = [r for path in input for r in tfrecord_loader(path, None)]
first = rows[0]
print(json.dumps({"samples": (np.frombuffer(first["a_in"], "<i2").astype("float32") / 32768).tolist(), "ind": first["b_ind"].tolist(),
  "val": first["b_val"].tolist(), "name": bytes(first["name"]).decode(), "rate": int(first["sample_rate"][0]), "count": len(rows)}))`,
      dataset.records.paths,
    );
    const { input, values } = await dataset.example(0);
    assert.deepEqual(theirs, { samples: [...input], ind: [0, 2], val: [1, 0.5], name: "a.wav", rate: 8000, count: 2 });
    assert.deepEqual([...values!], [1, 0, 0.5]);
  });

  it("the schema for Ray names every key with the type it has in the records", async () => {
    const paths = ["pairs", "classes", "values", "frames"].map((kind) => join(folder, `${kind}-pcm160.tfrecord`));
    const [schema, found] = python(
      `
import sys
sys.path.append(input["module"])
import tensorflow as tf
from deep_audio_dataset import ray_schema
kinds = {1: "bytes_list", 2: "int64_list", 3: "float_list"}
schema = {feature.name: kinds[feature.type] for feature in ray_schema().feature}
found = {}
for record in tf.data.TFRecordDataset(input["paths"]):
    for key, feature in tf.train.Example.FromString(record.numpy()).features.feature.items():
        found[key] = feature.WhichOneof("kind")
print(json.dumps([schema, found]))`,
      { paths, module: join(root, "python") },
    );
    assert.deepEqual(schema, { ...found, group: "bytes_list" });
  });

  it("Ray reads the shards of every kind to what is in them", async () => {
    const expected: Record<string, unknown[]> = {};
    const paths: Record<string, readonly string[]> = {};
    for (const [kind, { make }] of Object.entries(kinds)) {
      for (const encoding of ["pcm16", "float32"]) {
        const dataset = make(`${kind}-${encoding}`);
        await dataset.load({ ...whole, inputSize: kind === "frames" ? 64 : undefined });
        const { records } = dataset;
        paths[dataset.name] = records.paths;
        expected[dataset.name] = [];
        for (let i = 0; i < records.count; i++) {
          const { input, target, events, values, name, id, sampleRate } = await readExample(records, i);
          const indexed = (values ?? []).length > 0 && kind === "classes";
          const stored = indexed ? [...values!].flatMap((v, k) => (v === 0 ? [] : [k])) : undefined;
          expected[dataset.name]!.push({
            id,
            name,
            sample_rate: sampleRate,
            a_in: [...input],
            a_out: target ? [...target] : null,
            b_ind: events ? [...events.feature] : (stored ?? null),
            b_on: events ? [...events.on] : null,
            b_off: events ? [...events.off] : null,
            b_val: events ? [...events.value] : stored ? stored.map((k) => values![k]) : values ? [...values] : null,
          });
        }
      }
    }
    const found = python(
      `
import os, sys
sys.path.append(input["module"])
os.environ.update(PYTHONPATH=input["module"], RAY_USAGE_STATS_ENABLED="0")
import numpy as np, ray, ray.data
from deep_audio_dataset import ray_schema
while True:
    try:
        ray.init(num_cpus=1, include_dashboard=False, log_to_driver=False, logging_level="error")
        break
    except Exception as error: # Ray gives its own processes half a minute to start.
        if "timed out during startup" not in str(error): raise
        ray.shutdown()
ray.data.DataContext.get_current().enable_progress_bars = False
found = {}
for name, paths in input["paths"].items():
    wide, scale = ("<i2", 32768) if "pcm16" in name else ("<f4", 1)
    many = lambda v: None if v is None else np.atleast_1d(v).tolist()
    one = lambda v: None if v is None else many(v)[0]
    samples = lambda v: None if v is None else (np.frombuffer(one(v), wide).astype("float32") / scale).tolist()
    form = {"id": one, "name": lambda v: one(v).decode(), "sample_rate": one, "a_in": samples, "a_out": samples,
        "b_ind": many, "b_on": many, "b_off": many, "b_val": many}
    rows = ray.data.read_tfrecords(paths, tf_schema=ray_schema()).take_all()
    found[name] = [{key: read(row.get(key)) for key, read in form.items()} for row in sorted(rows, key=lambda row: one(row["id"]))]
ray.shutdown()
print(json.dumps(found))`,
      { paths, module: join(root, "python") },
    );
    assert.deepEqual(found, expected);
  });
});
