import type { Tensor } from "@tensorflow/tfjs-core";
import type { Native } from "./native.js";
import { replaceKernel } from "./replace.js";
import { inStep } from "./step-inputs.js";

/**
 * Gathering, as embeddings do it, without looking at the indices first: tfjs reads them in JavaScript, for which a step
 * would have to stop. TensorFlow's op looks at them itself on the CPU; on a GPU, where it takes those out of range for
 * zeros, the first steps of a training look at them still.
 */
export function gathering(native: Native): void {
  const { tf } = native;
  replaceKernel(native, "GatherV2", ({ inputs, attrs }) => {
    const { x, indices } = inputs as { x: Tensor; indices: Tensor };
    const { axis, batchDims } = attrs as { axis: number; batchDims: number };
    const usual = inStep(tf) && x.dtype === "float32" && indices.dtype === "int32";
    if (!usual) return undefined;
    const attributes = {
      types: { Tparams: "float32", Tindices: "int32", Taxis: "int32" },
      ints: { batch_dims: batchDims },
    } as const;
    return tf.tidy(() => native.run("GatherV2", attributes, [x, indices, tf.scalar(axis, "int32")]));
  });
}
