import type { DataType, Tensor } from "@tensorflow/tfjs-core";
import type { Native } from "./native.js";
import { replaceKernel } from "./replace.js";

/** Casts and reshapes that change nothing share the data instead of running an op; tfjs's gradients are full of them. */
export function identityKernels(native: Native): void {
  const { tf } = native;
  const replace = (kernelName: string, changesNothing: (x: Tensor, attributes: object) => boolean): void =>
    replaceKernel(native, kernelName, ({ inputs, attrs }) => {
      const x = inputs.x as Tensor;
      return changesNothing(x, attrs ?? {}) ? native.share(x, x.shape) : undefined;
    });
  replace("Cast", (x, attributes) => x.dtype === (attributes as { dtype: DataType }).dtype);
  replace("Reshape", (x, attributes) => tf.util.arraysEqual(x.shape, (attributes as { shape: number[] }).shape));
  // Whole numbers are round already; TensorFlow 2.21's op for them gives zeros.
  replace("Round", (x) => x.dtype === "int32");
}
