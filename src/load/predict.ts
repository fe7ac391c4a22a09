import type { LayersModel, Tensor } from "@tensorflow/tfjs-node-gpu";
import { optionsOf } from "../core/known-options.js";
import { concat } from "../core/numbers.js";
import type { Records } from "../records/open-records.js";
import { exampleSamples, sideSamples } from "../records/records.js";
import { batches } from "./batches.js";
import { BATCH_OPTIONS, type BatchOptions, STILL } from "./options.js";

/**
 * The values that `model` gives for one example, prepared as for validation.
 *
 * Windows of kinds pairs and frames follow each other over the whole example, the last padded with zeros, and their
 * outputs are joined; of kinds classes and values the outputs of the windows as loaded have their mean. Pairs are cut to
 * the length of the target.
 */
export async function predictExample(
  model: LayersModel,
  records: Records,
  i: number,
  options: BatchOptions,
): Promise<Float32Array> {
  const { kind, channels } = records.manifest;
  const { window, features, inputSize } = options;
  const joined = kind === "pairs" || kind === "frames";
  const whole = window && { window: joined ? { length: window.length, padEnd: true } : window };
  const still = { ...optionsOf(options, BATCH_OPTIONS), ...whole, ...STILL, batchSize: 1, replica: undefined };
  const outputs = await predictEach(model, batches(records, Uint32Array.of(i), still));
  if (!joined) return meanOf(outputs);
  // The last frame of a window is padded; what lies behind the window is no part of the example.
  const own = kind === "pairs" && window && !features ? window.length * channels : Infinity;
  const all = concat(
    outputs.map((output) => output.subarray(0, own)),
    Float32Array,
  );
  if (kind === "pairs") return all.subarray(0, sideSamples(records, i)[1] * channels);
  if (!window || !inputSize) return all;
  const values = outputs[0]!.length / Math.ceil(window.length / inputSize);
  return all.subarray(0, Math.ceil(exampleSamples(records, i) / inputSize) * values);
}

async function predictEach(model: LayersModel, data: ReturnType<typeof batches>): Promise<Float32Array[]> {
  const outputs: Float32Array[] = [];
  const iterator = await data.iterator();
  for (let next = await iterator.next(); !next.done; next = await iterator.next()) {
    const { xs, ys } = next.value;
    const output = model.predict(xs) as Tensor;
    outputs.push((await output.data()) as Float32Array);
    for (const tensor of [xs, ys, output]) tensor.dispose();
  }
  return outputs;
}

function meanOf(outputs: readonly Float32Array[]): Float32Array {
  return outputs[0]!.map((_, k) => outputs.reduce((sum, output) => sum + output[k]!, 0) / outputs.length);
}
