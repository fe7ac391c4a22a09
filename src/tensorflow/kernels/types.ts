/** The whole of TensorFlow.js, as `import * as tf from "@tensorflow/tfjs-node-gpu"` gives it. */
export type TensorFlow = typeof import("@tensorflow/tfjs-node-gpu");
