import type { Tensor } from "@tensorflow/tfjs-core";
import type { Native } from "./native.js";
import { replaceKernel } from "./replace.js";

/**
 * Products of two matrices as the op for just those; tfjs takes the one for batches of them, which starts four times as
 * slowly.
 *
 * Only begun here: oneDNN moves the stack into its own memory meanwhile, and a signal that came to this thread then, the
 * profiler's or the stop button's, would write over what lies below.
 */
export function matrixProducts(native: Native): void {
  replaceKernel(native, "BatchMatMul", ({ inputs, attrs }) => {
    const { a, b } = inputs as { a: Tensor; b: Tensor };
    const { transposeA, transposeB } = attrs as { transposeA?: boolean; transposeB?: boolean };
    const [rows, inner] = transposeA ? [...a.shape].reverse() : a.shape;
    const [height, columns] = transposeB ? [...b.shape].reverse() : b.shape;
    const matrices = a.shape.length === 2 && b.shape.length === 2 && a.dtype === "float32" && b.dtype === "float32";
    // tfjs's op says at once where shapes don't fit.
    if (!matrices || inner !== height) return undefined;
    const bools = { transpose_a: transposeA === true, transpose_b: transposeB === true };
    return native.begin("MatMul", { bools }, [a, b], [rows!, columns!]);
  });
}
