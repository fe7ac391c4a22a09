import type { Tensor, Tensor4D } from "@tensorflow/tfjs-core";
import { isRelu, markMasked } from "./convolution.js";
import type { Native } from "./native.js";

/** Name of the kernel that gives the maxima and, for its gradient, which element of each window won. */
export const MAX_POOL_WINNERS = "MaxPoolWinners";

interface PoolAttributes {
  poolSize: [number, number];
  strides: [number, number];
  padding: "SAME" | "VALID";
}

/**
 * Registers max pooling through oneDNN, which keeps the winners instead of looking for them again:
 * its gradient takes a tenth of the plain op's time on the CPU.
 */
export function poolingKernel(native: Native): void {
  const { tf } = native;
  const attributes = ({ poolSize, strides, padding }: PoolAttributes) => ({
    ints: { ksize: [1, ...poolSize, 1], strides: [1, ...strides, 1] },
    strings: { padding, data_format: "NHWC" },
    bools: { workspace_enabled: true },
  });
  tf.registerKernel({
    kernelName: MAX_POOL_WINNERS,
    backendName: "tensorflow",
    kernelFunc: ({ inputs, attrs }) => {
      const pool = attributes(attrs as unknown as PoolAttributes);
      const [y, winners] = native.runMany("_MklNativeMaxPool", pool, [inputs.x as Tensor], 2) as [Tensor, Tensor];
      // Only TensorFlow looks into the winners. As an empty tensor they cost tfjs no gradient of zeros.
      return [y, native.share(winners, [0])];
    },
  });
  tf.registerGradient({
    kernelName: MAX_POOL_WINNERS,
    inputsToSave: ["x"],
    outputsToSave: [true, true],
    gradFunc: (gradients, saved, attrs) => {
      const [dy] = gradients as Tensor[];
      const [x, y, winners] = saved as [Tensor4D, Tensor4D, Tensor];
      const pool = attributes(attrs as unknown as PoolAttributes);
      const gradient = (d: Tensor): Tensor => native.begin("_MklNativeMaxPoolGrad", pool, [x, y, d, winners], x.shape);
      // The gradient of the relu below goes the same way over the few winners as over all.
      return {
        x: () => (isRelu(x) ? markMasked(gradient(native.begin("ReluGrad", {}, [dy!, y], y.shape))) : gradient(dy!)),
      };
    },
  });
}
