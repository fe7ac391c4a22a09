import type { Tensor, Tensor4D } from "@tensorflow/tfjs-core";
import { filterGradient, sizes } from "./filter-gradient.js";
import type { Native } from "./native.js";
import { replaceGradient, replaceKernel } from "./replace.js";

/** What this file uses of tfjs-layers' models, part of it private there. */
interface Model {
  lossFunctions: { truthShape?: (number | null)[] }[];
  feedOutputShapes: (number | null)[][];
  compile(this: Model, args: object): void;
}

/** What tfjs gets wrong besides what this folder's other files put right. */
export function corrections(native: Native): void {
  const { tf } = native;
  const classes = tf.serialization.SerializationMap.getMap().classNameMap;

  // By default over the last axis, as in Keras; tfjs's constructor sets the second.
  Object.defineProperty(classes.Softmax![0].prototype, "DEFAULT_AXIS", { get: () => -1, set: () => undefined });

  // Under the name that loading makes of it.
  classes.geluNew = classes.gelu_new!;

  // Saved with how many filters there are per channel, without which the weights don't fit when it is loaded.
  const separable = classes.SeparableConv2D![0].prototype as unknown as {
    getConfig(): object;
    depthMultiplier: number;
  };
  const { getConfig } = separable;
  separable.getConfig = function () {
    return { ...getConfig.call(this), depthMultiplier: this.depthMultiplier };
  };

  // Where a loss says what shape its truth has, that shape is asked for, not the output's.
  const model = tf.LayersModel.prototype as unknown as Model;
  const { compile } = model;
  model.compile = function (args) {
    compile.call(this, args);
    this.lossFunctions.forEach(({ truthShape }, i) => {
      if (truthShape) this.feedOutputShapes[i] = truthShape;
    });
  };

  // Whole numbers are round already; TensorFlow 2.21's op for them gives zeros.
  replaceKernel(native, "Round", ({ inputs }) => {
    const x = inputs.x as Tensor;
    return x.dtype === "int32" ? native.share(x, x.shape) : undefined;
  });

  // Of dilated convolutions tfjs has no gradient.
  replaceGradient(native, "Conv2D", (dy, saved, attrs) => {
    const { dilations, strides, pad, dataFormat } = attrs as Record<string, unknown>;
    const two = (n: unknown): number[] => (Array.isArray(n) ? (n as number[]) : [n as number, n as number]);
    if (two(dilations).every((n) => n === 1) || dataFormat !== "NHWC" || typeof pad !== "string") return undefined;
    const [x, filter] = saved as [Tensor4D, Tensor4D];
    const convolution = {
      ints: { strides: [1, ...two(strides), 1], dilations: [1, ...two(dilations), 1] },
      strings: { padding: pad.toUpperCase(), data_format: "NHWC" },
    };
    return {
      x: () => native.begin("Conv2DBackpropInput", convolution, [sizes(tf, x.shape), filter, dy], x.shape),
      filter: () => filterGradient(native, x, filter, dy as Tensor4D, convolution),
    };
  });
}
