import type { Tensor, Tensor1D, Tensor4D } from "@tensorflow/tfjs-core";
import type { Native } from "./native.js";

/** Name of the kernel that convolves and adds the bias. */
export const CONV_BIAS = "ConvBias";

interface ConvBiasAttributes {
  strides: [number, number];
  dilations: [number, number];
  padding: "SAME" | "VALID";
}

/** Registers convolution with bias as one kernel, with its gradients as one op each. */
export function convolutionKernel(native: Native): void {
  const { tf } = native;
  const attributes = ({ strides, dilations, padding }: ConvBiasAttributes) => ({
    ints: { strides: [1, ...strides, 1], dilations: [1, ...dilations, 1] },
    strings: { padding, data_format: "NHWC" },
  });
  tf.registerKernel({
    kernelName: CONV_BIAS,
    backendName: "tensorflow",
    kernelFunc: ({ inputs, attrs }) => {
      const { x, filter, bias } = inputs as unknown as { x: Tensor; filter: Tensor; bias: Tensor };
      const convolution = attributes(attrs as unknown as ConvBiasAttributes);
      if (native.onednn) return native.run("_MklNativeConv2DWithBias", convolution, [x, filter, bias]);
      const y = native.run("Conv2D", convolution, [x, filter]);
      const sum = native.run("BiasAdd", { strings: { data_format: "NHWC" } }, [y, bias]);
      y.dispose();
      return sum;
    },
  });
  tf.registerGradient({
    kernelName: CONV_BIAS,
    inputsToSave: ["x", "filter"],
    gradFunc: (gradient, saved, attrs) => {
      const dy = gradient as Tensor4D;
      const [x, filter] = saved as [Tensor4D, Tensor4D];
      const given = attrs as unknown as ConvBiasAttributes;
      if (native.nested()) return nestedGradients(native, dy, x, filter, given);
      const convolution = attributes(given);
      const sizes = (shape: readonly number[]): Tensor1D => tf.tensor1d([...shape], "int32");
      return {
        x: () => native.run("Conv2DBackpropInput", convolution, [sizes(x.shape), filter, dy]),
        filter: () => native.run("Conv2DBackpropFilter", convolution, [x, sizes(filter.shape), dy]),
        bias: () => native.run("BiasAddGrad", { strings: { data_format: "NHWC" } }, [dy]),
      };
    },
  });
}

/** The same gradients through tfjs's kernels, which leave the trace that gradients of gradients need. */
function nestedGradients(
  { tf }: Native,
  dy: Tensor4D,
  x: Tensor4D,
  filter: Tensor4D,
  { strides, padding, dilations }: ConvBiasAttributes,
): Record<string, () => Tensor> {
  const attrs = { strides, pad: padding.toLowerCase(), dataFormat: "NHWC", dilations };
  const run = (kernel: string, inputs: Record<string, Tensor>, more: object): Tensor =>
    tf.engine().runKernel(kernel, inputs, { ...attrs, ...more }) as Tensor;
  return {
    x: () => run("Conv2DBackpropInput", { dy, filter }, { inputShape: x.shape }),
    filter: () => run("Conv2DBackpropFilter", { x, dy }, { filterShape: filter.shape }),
    bias: () => tf.sum(dy, [0, 1, 2]),
  };
}
