// A saved pipeline in Python, with Keras and numpy alone, says what it says here.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import type * as tfjs from "@tensorflow/tfjs-node-gpu";
import { createPipeline, loadTensorFlow, type Prediction, random } from "../../dist/index.js";
import { python, pythonPath, root } from "../support/python.js";
import { net } from "../support/nets.js";
import { folder, quiet } from "../support/records.js";

const RATE = 8000;

const values = (prediction: Prediction): Float32Array =>
  prediction.kind === "classes"
    ? prediction.scores
    : prediction.kind === "pairs"
      ? prediction.samples
      : prediction.values;

test("classes, frames, values and pairs, with and without features and windows", async (t) => {
  const directory = folder(t);
  const logMel = { kind: "logMel", frameLength: 200, frameStep: 100, melBins: 16 } as const;
  const noise = random(3);
  const samples = Float32Array.from({ length: 5050 }, (_, i) => 0.4 * Math.sin(i / 3) + 0.1 * noise.gaussian());
  const cases = {
    classes: createPipeline(net([21, 16], 3, false, "softmax"), {
      ...({
        kind: "classes",
        sampleRate: RATE,
        window: { length: 2000, step: 700 },
        features: logMel,
        encoding: "pcm16",
      } as const),
    }),
    frames: createPipeline(net([null, 16], 4, true, "sigmoid"), {
      ...({
        kind: "frames",
        sampleRate: RATE,
        inputSize: 100,
        features: { ...logMel, scale: "htk", topDb: Infinity },
      } as const),
    }),
    windows: createPipeline(net([5, 100], 2, true, "sigmoid"), {
      ...({ kind: "frames", sampleRate: RATE, inputSize: 100, window: { length: 450 } } as const),
    }),
    context: createPipeline(net([8, 100], 2, true, "sigmoid"), {
      ...({ kind: "frames", sampleRate: RATE, inputSize: 100, window: { length: 800, context: 200 } } as const),
    }),
    one: createPipeline(net([257, 1], 2, false, "linear"), {
      ...({ kind: "values", sampleRate: RATE, input: "samples", encoding: "flac", window: { length: 257 } } as const),
    }),
    values: createPipeline(net([257, 1], 2, false, "linear"), {
      ...({ kind: "values", sampleRate: RATE, inputSize: 1, window: { length: 257 } } as const),
    }),
    pairs: createPipeline(net([5, 100], 100, true, "linear"), {
      ...({ kind: "pairs", sampleRate: RATE, inputSize: 100, window: { length: 450 } } as const),
    }),
  };
  for (const [name, pipeline] of Object.entries(cases)) await pipeline.save(join(directory, name));
  const found: Record<string, number[]> = python(
    `
import sys, numpy as np
sys.path.insert(0, input["python"])
from deep_audio_pipeline import load
x = np.array(input["samples"], np.float32)
print(json.dumps({name: load(input["folder"] + "/" + name).predict(x).ravel().tolist() for name in input["names"]}))`,
    { python: join(root, "python"), folder: directory, names: Object.keys(cases), samples: [...samples] },
  );
  for (const [name, pipeline] of Object.entries(cases)) {
    const expected = values(await pipeline.predict({ samples, sampleRate: RATE, channels: 1 }, quiet));
    assert.equal(found[name]!.length, expected.length, name);
    const worst = expected.reduce((most, value, i) => Math.max(most, Math.abs(value - found[name]![i]!)), 0);
    assert.ok(worst <= 1e-4, `${name}: ${worst}, expected at most 1e-4`);
  }
});

test("an output of another form than the kind's is refused in Python too", async (t) => {
  const directory = folder(t);
  const described = { sampleRate: RATE, inputSize: 100, window: { length: 400 } };
  const cases = {
    classes: createPipeline(net([null, 100], 2, false, "sigmoid"), { kind: "classes", ...described }),
    frames: createPipeline(net([null, 100], 2, true, "sigmoid"), { kind: "frames", ...described }),
    pairs: createPipeline(net([null, 100], 100, true, "linear"), { kind: "pairs", ...described }),
  };
  for (const [name, pipeline] of Object.entries(cases)) await pipeline.save(join(directory, name));
  const found: string[] = python(
    `
import sys, numpy as np
sys.path.insert(0, input["python"])
from deep_audio_pipeline import load
found = []
for name, kind in [("classes", "frames"), ("frames", "values"), ("classes", "pairs")]:
    pipeline = load(input["folder"] + "/" + name)
    pipeline.description["kind"] = kind
    try:
        pipeline.predict(np.zeros(1000, np.float32))
    except ValueError as error:
        found.append(str(error))
print(json.dumps(found))`,
    { python: join(root, "python"), folder: directory },
  );
  assert.deepEqual(found, [
    "model output: [2] a piece, expected [4, labels], a row per 100 samples of its input",
    "model output: [4, 2] a piece, expected one number per label",
    "model output: [2] a piece, expected 400 values, its input's samples",
  ]);
});

test("onnxruntime gives what the model gives, by the ONNX that tf2onnx makes of it", async (t) => {
  const directory = folder(t);
  const noise = random(5);
  const nets = {
    convolution: net([21, 16], 3, false, "softmax"),
    recurrent: recurrent(),
  };
  for (const [name, model] of Object.entries(nets)) {
    const values = Float32Array.from({ length: 4 * 21 * 16 }, () => noise.gaussian());
    const place = join(directory, name);
    await createPipeline(model, {
      ...({ kind: "classes", sampleRate: RATE, window: { length: 2100 } } as const),
      features: { kind: "logMel", frameLength: 200, frameStep: 105, melBins: 16 },
    }).save(place);
    const script = join(root, "python/tfjs_to_keras.py");
    execFileSync(pythonPath, [script, place, `${place}.onnx`], { stdio: ["ignore", "ignore", "pipe"] });
    const found: number[] = python(
      `
import numpy as np, onnxruntime
session = onnxruntime.InferenceSession(input["file"])
x = np.array(input["values"], np.float32).reshape(4, 21, 16)
print(json.dumps(session.run(None, {session.get_inputs()[0].name: x})[0].ravel().tolist()))`,
      { file: `${place}.onnx`, values: [...values] },
    );
    const tf = loadTensorFlow();
    const expected = (model.predict(tf.tensor(values, [4, 21, 16])) as tfjs.Tensor).dataSync<"float32">();
    assert.equal(found.length, expected.length, name);
    const worst = expected.reduce((most, value, i) => Math.max(most, Math.abs(value - found[i]!)), 0);
    assert.ok(worst <= 1e-5, `${name}: ${worst}, expected at most 1e-5`);
  }
});

function recurrent(): tfjs.LayersModel {
  const { layers, sequential } = loadTensorFlow();
  const model = sequential();
  model.add(layers.bidirectional({ layer: layers.lstm({ units: 8 }) as never, inputShape: [21, 16] }));
  model.add(layers.dense({ units: 3, activation: "softmax" }));
  return model;
}
