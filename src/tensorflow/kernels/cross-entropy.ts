import type { Tensor } from "@tensorflow/tfjs-node-gpu";
import type { Native } from "./native.js";

type Loss = (target: Tensor, output: Tensor) => Tensor;

/** On a model whose losses have these gradients, set here or by another copy of this library. */
const DONE: unique symbol = Symbol.for("deep-audio-dataset.crossEntropy");

/** What this file uses of tfjs-layers' models, part of it private there. */
interface Model {
  loss: string | string[] | Record<string, string>;
  lossFunctions: Loss[];
  outputNames: string[];
  [DONE]?: true;
}

/** An op that a gradient will go back through. */
interface TapeNode {
  kernelName: string;
  inputs: Record<string, Tensor>;
  outputs: Tensor[];
}

/** How a loss changes with the numbers that an activation made the output of: per number, `target` shaped as the output. */
interface Slope {
  activation: "Softmax" | "Sigmoid";
  slope(output: Tensor, target: Tensor): Tensor;
}

const softmax = (output: Tensor, target: Tensor): Tensor => output.mul(target.sum(-1, true)).sub(target);

const SLOPES: Record<string, Slope> = {
  categoricalCrossentropy: { activation: "Softmax", slope: softmax },
  sparseCategoricalCrossentropy: {
    activation: "Softmax",
    slope: (output, target) => {
      const classes = target.flatten().floor().toInt().oneHot(output.shape.at(-1)!, 1, 0).toFloat();
      return softmax(output, classes.reshape(output.shape));
    },
  },
  binaryCrossentropy: {
    activation: "Sigmoid",
    slope: (output, target) => output.sub(target).div(output.shape.at(-1)!),
  },
};

/**
 * Lets the gradient of a cross-entropy after softmax or sigmoid pass over both at once, as Keras's does.
 *
 * tfjs takes it through the probabilities, which it clips: an output that is surely wrong has no gradient and never
 * learns. It also takes thirty ops where these are five. The loss's value stays tfjs's.
 *
 * A model that was compiled before gets it when it is next trained.
 */
export function crossEntropyGradients({ tf }: Native): void {
  const prototype = tf.LayersModel.prototype as unknown as {
    compile(this: Model, args: object): void;
    makeTrainFunction(this: Model): unknown;
  };
  const { compile, makeTrainFunction } = prototype;
  prototype.compile = function (args) {
    compile.call(this, args);
    replaceLosses(this);
  };
  prototype.makeTrainFunction = function () {
    if (!this[DONE]) replaceLosses(this);
    return makeTrainFunction.call(this);
  };

  function replaceLosses(model: Model): void {
    const { loss } = model;
    model[DONE] = true;
    model.lossFunctions = model.lossFunctions.map((original, i) => {
      const name = typeof loss === "string" ? loss : Array.isArray(loss) ? loss[i]! : loss[model.outputNames[i]!]!;
      return SLOPES[name] ? withSlope(original, SLOPES[name]) : original;
    });
  }

  function withSlope(original: Loss, { activation, slope }: Slope): Loss {
    return (target, output) => {
      const logits = activationInput(output, activation);
      if (!logits) return original(target, output);
      return tf.customGrad((_, save) => {
        (save as (tensors: Tensor[]) => void)([output, target]);
        return {
          value: original(target, output),
          gradFunc: (dy, [output, target]) => slope(output!, target!).mul(dy.expandDims(-1)),
        };
      })(logits);
    };
  }

  /** What an output was made of by an activation, if it was, while a gradient is being prepared; its data may be gone. */
  function activationInput(output: Tensor, activation: string): Tensor | undefined {
    const state = tf.engine().state as unknown as { activeTape: TapeNode[] | null; gradientDepth: number };
    // Of a gradient within another one nothing is known here.
    if (state.gradientDepth !== 1) return undefined;
    const node = state.activeTape?.find(({ outputs }) => outputs.some(({ id }) => id === output.id));
    return node?.kernelName === activation ? Object.values(node.inputs)[0] : undefined;
  }
}
