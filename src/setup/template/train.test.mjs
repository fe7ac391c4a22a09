import assert from "node:assert/strict";
import { test } from "node:test";
import { loadPipeline } from "deep-audio-dataset";
import { train } from "./train.mjs";

test("training makes a model that can be used", async () => {
  const { history } = await train(20, 3);
  const losses = history.loss ?? [];
  assert.ok(Number(losses.at(-1)) < Number(losses[0]));
  const pipeline = await loadPipeline("./models/tones");
  const samples = Float32Array.from({ length: 16000 }, (_, i) => Math.sin((2 * Math.PI * 440 * i) / 16000));
  const prediction = await pipeline.predict({ samples, sampleRate: 16000, channels: 1 });
  assert.ok(prediction.kind === "pairs" && prediction.samples.length === 16000);
});
