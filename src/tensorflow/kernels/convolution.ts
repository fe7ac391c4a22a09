import type { Tensor, Tensor4D } from "@tensorflow/tfjs-core";
import { filterGradient, sizes } from "./filter-gradient.js";
import type { Attributes, Native } from "./native.js";

/** Name of the kernel that convolves, adds the bias and, where asked for, takes the relu. */
export const CONV_BIAS = "ConvBias";

interface ConvBiasAttributes {
  strides: [number, number];
  dilations: [number, number];
  padding: "SAME" | "VALID";
  relu: boolean;
}

/** Data of relus, and of gradients that have been through their gradient already. Reshapes share the data. */
const relus = new WeakSet<object>();
const masked = new WeakSet<object>();

/** Whether a tensor is what a convolution's relu gave. */
export function isRelu(x: Tensor): boolean {
  return relus.has(x.dataId);
}

/** Says that a gradient is 0 wherever the relu it belongs to is, and gives it back. */
export function markMasked(dy: Tensor): Tensor {
  masked.add(dy.dataId);
  return dy;
}

/** Registers convolution with bias and relu as one kernel, with its gradients as one op each. */
export function convolutionKernel(native: Native): void {
  const { tf } = native;
  tf.registerKernel({
    kernelName: CONV_BIAS,
    backendName: "tensorflow",
    kernelFunc: ({ inputs, attrs }) => {
      const { x, filter, bias } = inputs as unknown as { x: Tensor; filter: Tensor; bias: Tensor };
      const given = attrs as unknown as ConvBiasAttributes;
      const y = forward(native, x, filter, bias, given);
      if (given.relu) relus.add(y.dataId);
      return y;
    },
  });
  tf.registerGradient({
    kernelName: CONV_BIAS,
    inputsToSave: ["x", "filter"],
    outputsToSave: [true],
    gradFunc: (gradient, saved, attrs) => {
      const given = attrs as unknown as ConvBiasAttributes;
      const [x, filter, y] = saved as [Tensor4D, Tensor4D, Tensor4D];
      if (native.nested()) {
        const dy = given.relu ? (tf.mul(gradient as Tensor4D, tf.step(y)) as Tensor4D) : (gradient as Tensor4D);
        return nestedGradients(native, dy, x, filter, given);
      }
      const through = given.relu && !masked.has((gradient as Tensor).dataId);
      const dy = (through ? native.begin("ReluGrad", {}, [gradient as Tensor, y], y.shape) : gradient) as Tensor4D;
      const convolution = attributes(given);
      return {
        x: () => native.begin("Conv2DBackpropInput", convolution, [sizes(tf, x.shape), filter, dy], x.shape),
        filter: () => filterGradient(native, x, filter, dy, convolution),
        bias: () =>
          native.begin("BiasAddGrad", { strings: { data_format: "NHWC" } }, [rows(native, dy)], [dy.shape[3]], "late"),
      };
    },
  });
}

function attributes({ strides, dilations, padding }: ConvBiasAttributes): Attributes {
  return {
    ints: { strides: [1, ...strides, 1], dilations: [1, ...dilations, 1] },
    strings: { padding, data_format: "NHWC" },
  };
}

function forward(native: Native, x: Tensor, filter: Tensor, bias: Tensor, given: ConvBiasAttributes): Tensor {
  const convolution = attributes(given);
  if (given.relu) {
    const { ints, strings } = convolution;
    const fused: Attributes = {
      ints: { ...ints, num_args: 1, num_host_args: 0 },
      strings,
      lists: { fused_ops: ["BiasAdd", "Relu"] },
      floats: { TArgs: 1 },
    };
    return native.run(native.onednn ? "_MklNativeFusedConv2D" : "_FusedConv2D", fused, [x, filter, bias]);
  }
  if (native.onednn) return native.run("_MklNativeConv2DWithBias", convolution, [x, filter, bias]);
  const y = native.run("Conv2D", convolution, [x, filter]);
  const sum = native.run("BiasAdd", { strings: { data_format: "NHWC" } }, [y, bias]);
  y.dispose();
  return sum;
}

/**
 * The gradient as a row for each place, so that TensorFlow doesn't take the bias's with the filter's: oneDNN's kernel for
 * both at once is slower than two.
 */
function rows({ tf, run, onednn }: Native, dy: Tensor4D): Tensor {
  if (!onednn) return dy;
  const filters = dy.shape[3];
  // tfjs's own reshape would be no operation of the step's.
  return run("Reshape", { types: { T: "float32", Tshape: "int32" } }, [dy, sizes(tf, [dy.size / filters, filters])]);
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
