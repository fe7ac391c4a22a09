import type { Tensor } from "@tensorflow/tfjs-core";
import { CONV_BIAS } from "./convolution.js";
import type { Native } from "./native.js";

/** What this file uses of tfjs-layers' convolution layers. */
interface ConvLayer {
  rank: number;
  strides: number[];
  dilationRate: number[];
  padding: "same" | "valid" | "causal";
  dataFormat: "channelsFirst" | "channelsLast";
  kernel: { read(): Tensor };
  bias: { read(): Tensor } | null;
  activation: { apply(x: Tensor): Tensor } | null;
}

type Call = (this: ConvLayer, inputs: Tensor | Tensor[], options: unknown) => Tensor;

/** Makes `conv1d` and `conv2d` layers add their bias inside the convolution. */
export function fasterLayers({ tf }: Native): void {
  const classes = tf.serialization.SerializationMap.getMap().classNameMap;
  for (const name of ["Conv1D", "Conv2D"]) {
    const prototype = classes[name]![0].prototype as { call: Call };
    const original = prototype.call;
    prototype.call = function (inputs, options) {
      const [x] = Array.isArray(inputs) ? inputs : [inputs];
      const usual = this.dataFormat === "channelsLast" && this.padding !== "causal" && x?.dtype === "float32";
      if (!usual || this.bias === null || tf.getBackend() !== "tensorflow") return original.call(this, inputs, options);
      const bias = this.bias.read();
      return tf.tidy(() => {
        const y = convolve(this, x!, bias);
        return this.activation ? this.activation.apply(y) : y;
      });
    };
  }

  function convolve(layer: ConvLayer, x: Tensor, bias: Tensor): Tensor {
    const filter = layer.kernel.read();
    const attributes = { padding: layer.padding.toUpperCase(), strides: layer.strides, dilations: layer.dilationRate };
    if (layer.rank === 2) return tf.engine().runKernel(CONV_BIAS, { x, filter, bias }, attributes) as Tensor;
    const [batch, width, channels] = x.shape as [number, number, number];
    const flat = {
      x: tf.reshape(x, [batch, 1, width, channels]),
      filter: tf.reshape(filter, [1, ...filter.shape]),
      bias,
    };
    const two = { ...attributes, strides: [1, layer.strides[0]!], dilations: [1, layer.dilationRate[0]!] };
    return tf.squeeze(tf.engine().runKernel(CONV_BIAS, flat, two) as Tensor, [1]);
  }
}
