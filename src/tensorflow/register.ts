import type { TensorFlow } from "../tensorflow.js";

/** Registers this library's kernels and gradients on native TensorFlow. */
export function registerKernels(_tf: TensorFlow): void {}
