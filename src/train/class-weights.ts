import type { LayersModel, Tensor } from "@tensorflow/tfjs-node-gpu";
import { DatasetError } from "../core/error.js";
import { type BatchSource, eachBatch, isResumable } from "./batch-source.js";
import { loadTensorFlow } from "../tensorflow/load.js";

interface WithLosses {
  lossFunctions: ((truth: Tensor, output: Tensor) => Tensor)[];
  makeTrainFunction(): unknown;
}

/**
 * Runs `work` while each label counts by its weight in the model's loss, in training and validation alike.
 *
 * With `categoricalCrossentropy` an example counts by the weight of its label; with `binaryCrossentropy` the part of the
 * loss that is about a label counts by that label's weight.
 */
export async function withClassWeights<T>(
  model: LayersModel,
  weights: readonly number[] | undefined,
  work: () => Promise<T>,
): Promise<T> {
  if (!weights) return work();
  const tf = loadTensorFlow();
  // A sequential model trains the model inside of it.
  const inside = ((model as { model?: unknown }).model ?? model) as WithLosses;
  // As before every training, so that the losses weighted here are those that it would train by.
  inside.makeTrainFunction();
  const plain = inside.lossFunctions;
  const width = model.outputs[0]!.shape.at(-1);
  if (weights.length !== width || !weights.every((w) => Number.isFinite(w) && w >= 0)) {
    throw new DatasetError("OPTION", `classWeights: ${weights}, expected ${width} numbers, none below 0`);
  }
  const exclusive = model.loss === "categoricalCrossentropy";
  if (!exclusive && model.loss !== "binaryCrossentropy") {
    throw new DatasetError(
      "OPTION",
      `classWeights: loss ${String(model.loss)}, expected "categoricalCrossentropy" or "binaryCrossentropy"`,
    );
  }
  inside.lossFunctions = [
    (truth, output) =>
      tf.tidy(() => {
        const weight = tf.tensor1d([...weights]);
        if (exclusive) return tf.mul(plain[0]!(truth, output), tf.sum(tf.mul(truth, weight), -1));
        // Keras's clipping, so that the logarithm stays finite.
        const p = tf.clipByValue(output, 1e-7, 1 - 1e-7);
        const loss = tf.add(tf.mul(truth, tf.log(p)), tf.mul(tf.sub(1, truth), tf.log(tf.sub(1, p))));
        return tf.neg(tf.mean(tf.mul(loss, weight), -1));
      }),
  ];
  try {
    return await work();
  } finally {
    inside.lossFunctions = plain;
  }
}

/**
 * Weights with which every label counts the same over all of `data`: labels in all / (labels × occurrences), as
 * scikit-learn's "balanced". A label that never occurs gets 0. Reads the data once.
 *
 * @example await fit(model, dataset, { epochs: 5, classWeights: await balancedWeights(dataset.train) })
 */
export async function balancedWeights(data: BatchSource): Promise<number[]> {
  const tf = loadTensorFlow();
  const place = isResumable(data) ? data.state() : undefined;
  let counts: Float32Array | undefined;
  for await (const { xs, ys } of eachBatch(data)) {
    const sums = tf.tidy(() => ys.reshape([-1, ys.shape.at(-1)!]).sum(0));
    const part = (await sums.data()) as Float32Array;
    counts = counts ? counts.map((n, i) => n + part[i]!) : part;
    tf.dispose([xs, ys, sums]);
  }
  // Counting is not an epoch of training: the order continues where it was.
  if (place && isResumable(data)) data.resume(place);
  const all = counts ?? new Float32Array();
  const total = all.reduce((a, b) => a + b, 0);
  return Array.from(all, (n) => (n > 0 ? total / (all.length * n) : 0));
}
