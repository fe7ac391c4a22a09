import type { Tensor } from "@tensorflow/tfjs-core";
import type { Native } from "./native.js";

/** Whole numbers are round already; TensorFlow's own op for them gives zeros from version 2.21 on. */
export function roundKernel({ tf, run }: Native): void {
  tf.unregisterKernel("Round", "tensorflow");
  tf.registerKernel({
    kernelName: "Round",
    backendName: "tensorflow",
    kernelFunc: ({ inputs }) => {
      const x = inputs.x as Tensor;
      return x.dtype === "int32" ? x.clone() : run("Round", {}, [x]);
    },
  });
}
