import type { Tensor } from "@tensorflow/tfjs-core";
import { replaceGradient } from "./replace.js";
import type { Native } from "./native.js";

const CHANNELS_LAST = { strings: { data_format: "NHWC" } };

/** Gradients where one side was broadcast: a bias's as one op, a sum's and a mean's without a tensor of ones. */
export function broadcastGradients(native: Native): void {
  const { tf } = native;
  replaceGradient(native, "Add", (dy, [a, b]) => {
    const bias = isBias(b!, dy);
    if (dy.dtype !== "float32" || !sameShape(a!, dy) || !(bias || sameShape(b!, dy))) return undefined;
    return {
      a: () => dy.clone(),
      b: () => (bias ? tf.reshape(native.run("BiasAddGrad", CHANNELS_LAST, [dy]), b!.shape) : dy.clone()),
    };
  });
  const reduced = ([x]: Tensor[], axis: unknown): number[] => tf.util.parseAxisParam(axis as number[], x!.shape);
  const spread = (dy: Tensor, [x]: Tensor[], axes: number[]): Tensor => {
    const kept = x!.shape.map((n, i) => (axes.includes(i) ? 1 : n));
    return tf.broadcastTo(dy.reshape(kept), x!.shape);
  };
  replaceGradient(native, "Sum", (dy, saved, { axis }) => ({ x: () => spread(dy, saved, reduced(saved, axis)) }));
  replaceGradient(native, "Mean", (dy, saved, { axis }) => {
    const axes = reduced(saved, axis);
    const count = axes.reduce((n, i) => n * saved[0]!.shape[i]!, 1);
    return { x: () => spread(tf.div(dy, count), saved, axes) };
  });
}

const sameShape = (a: Tensor, b: Tensor): boolean => a.rank === b.rank && a.shape.every((n, i) => n === b.shape[i]);

/** Whether `b` has one value per channel of `dy`, and nothing else. */
function isBias(b: Tensor, dy: Tensor): boolean {
  const channels = dy.shape[dy.rank - 1];
  return dy.rank >= 2 && b.size === channels && b.shape[b.rank - 1] === channels && !sameShape(b, dy);
}
