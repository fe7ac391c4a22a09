// Small nets for tests of pipelines.
import type * as tfjs from "@tensorflow/tfjs-node-gpu";
import { loadTensorFlow } from "../../dist/index.js";

/** A small net from `shape` to `units` numbers per row, or per frame, with weights that are always the same. */
export function net(
  shape: (number | null)[],
  units: number,
  perFrame: boolean,
  activation: "softmax" | "sigmoid" | "linear",
  filters = 4,
): tfjs.LayersModel {
  const tf = loadTensorFlow();
  const initializer = (seed: number) => tf.initializers.glorotUniform({ seed });
  const model = tf.sequential();
  model.add(tf.layers.inputLayer({ inputShape: shape }));
  const conv = { filters, kernelSize: 3, padding: "same" as const, kernelInitializer: initializer(1) };
  model.add(tf.layers.conv1d({ ...conv, activation: "tanh" }));
  if (!perFrame) model.add(tf.layers.globalAveragePooling1d());
  model.add(tf.layers.dense({ units, activation, kernelInitializer: initializer(2) }));
  return model;
}
