import type { Tensor, Variable } from "@tensorflow/tfjs-node-gpu";
import { DatasetError } from "../../core/error.js";
import type { TensorFlow } from "./types.js";

type Loss = (target: Tensor, output: Tensor) => Tensor;
type Step = (data: Tensor[]) => Tensor[];

/** What this file uses of tfjs-layers' models, part of it private there. */
interface Model {
  outputNames: string[];
  lossFunctions: Loss[];
  collectedTrainableWeights: { val: Variable; constraint: { apply(weight: Tensor): Tensor } | null }[];
  testFunction: Step;
  compile(args: { lossWeights?: LossWeights }): void;
  makeTrainFunction(): Step;
  makeTestFunction(): void;
}

type LossWeights = number[] | Record<string, number>;

/**
 * What tfjs leaves out of training, as in Keras: constraints of weights, weights of the losses of several outputs, and, of
 * such a model, the right numbers in evaluation, where it gives the first output's loss for the whole one.
 */
export function completeTraining(tf: TensorFlow): void {
  const prototype = tf.LayersModel.prototype as unknown as Model;
  const { compile, makeTrainFunction, makeTestFunction } = prototype;
  const weightsOf = new WeakMap<Model, number[]>();

  prototype.compile = function (args) {
    const weights = lossWeights(this.outputNames, args.lossWeights);
    compile.call(this, args);
    weightsOf.set(this, weights);
    if (weights.every((weight) => weight === 1)) return;
    this.lossFunctions = this.lossFunctions.map((loss, i) => weighted(loss, weights[i]!));
  };

  /** The loss is numbered with its value as it is, and goes back by its weight. */
  function weighted(loss: Loss, weight: number): Loss {
    const scale = tf.customGrad((y) => ({
      value: (y as Tensor).clone(),
      gradFunc: (dy: Tensor) => dy.mul(weight),
    }));
    return (target, output) => scale(loss(target, output));
  }

  /** The sum of the losses by their weights, given the sum without. */
  const total = (sum: Tensor, losses: Tensor[], weights: number[]): Tensor =>
    tf.addN([sum, ...losses.map((loss, i) => loss.mul(weights[i]! - 1))]);

  prototype.makeTrainFunction = function () {
    const train = makeTrainFunction.call(this);
    return (data) => {
      const results = train(data);
      tf.tidy(() => {
        for (const { val, constraint } of this.collectedTrainableWeights) {
          if (constraint) val.assign(constraint.apply(val));
        }
      });
      const weights = weightsOf.get(this) ?? [1];
      if (weights.every((weight) => weight === 1)) return results;
      const [sum, ...others] = results as [Tensor, ...Tensor[]];
      // tfjs gives the losses of several outputs as metrics.
      const losses = others.slice(0, weights.length);
      const whole = tf.tidy(() => total(sum, losses, weights));
      sum.dispose();
      return [whole, ...others];
    };
  };

  prototype.makeTestFunction = function () {
    makeTestFunction.call(this);
    const evaluate = this.testFunction;
    this.testFunction = (data) => {
      const results = evaluate(data);
      const count = this.outputNames.length;
      const weights = weightsOf.get(this) ?? Array(count).fill(1);
      // tfjs gives the sums up to each output.
      const sums = results.slice(0, count);
      const others = results.slice(count);
      const losses = count > 1 ? others.slice(0, count) : sums;
      const whole = tf.tidy(() => total(sums.at(-1)!, losses, weights));
      tf.dispose(sums);
      return [whole, ...others];
    };
  };
}

/** A weight per output, 1 where none is given. */
function lossWeights(outputs: string[], given: LossWeights | undefined): number[] {
  if (given === undefined) return outputs.map(() => 1);
  if (outputs.length === 1) throw new DatasetError("OPTION", "lossWeights: of a model with one output, expected none");
  const names = Array.isArray(given) ? given.map((_, i) => outputs[i] ?? `${i}`) : Object.keys(given);
  const wrong = names.filter((name) => !outputs.includes(name));
  const weights = Array.isArray(given) ? given : outputs.map((name) => given[name] ?? 1);
  if (wrong.length > 0 || weights.length !== outputs.length || !weights.every(Number.isFinite)) {
    throw new DatasetError(
      "OPTION",
      `lossWeights: ${JSON.stringify(given)}, expected a number for each output: ${outputs.join(", ")}`,
    );
  }
  return weights;
}
