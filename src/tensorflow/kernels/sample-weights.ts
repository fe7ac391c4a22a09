import type { Tensor } from "@tensorflow/tfjs-node-gpu";
import { DatasetError } from "../../core/error.js";
import type { TensorFlow } from "./types.js";

type Loss = (target: Tensor, output: Tensor) => Tensor;
type Step = (data: Tensor[]) => Tensor[];
/** Of each output, or of the only one. */
type Weights = Tensor | Tensor[] | Record<string, Tensor>;
type Data = { iterator(): Promise<{ next(): Promise<IteratorResult<{ sampleWeight?: Weights }>> }> };

/** What this file uses of tfjs-layers' models, part of it private there. */
interface Model {
  inputs: unknown[];
  outputNames: string[];
  lossFunctions: Loss[];
  testFunction: Step;
  makeTrainFunction(): Step;
  makeTestFunction(): void;
  standardizeUserDataXY(...given: unknown[]): [Tensor[], Tensor[]];
  standardizeUserData(
    x: unknown,
    y: unknown,
    weights: Weights | null | undefined,
    ...rest: unknown[]
  ): Promise<[Tensor[], Tensor[], (Tensor | null)[] | null]>;
  evaluate(x: unknown, y: unknown, args?: { sampleWeight?: Weights }): unknown;
  fitDataset(data: Data, args?: object): Promise<unknown>;
  evaluateDataset(data: Data, args?: object): Promise<unknown>;
}

/** Weights that came with the batch that a model is about to take from a dataset. */
const ofBatch = new WeakMap<object, Tensor[]>();

/** The batch's data with the weights that came with it. */
export function withBatchWeights(model: object, data: Tensor[]): Tensor[] {
  const weights = ofBatch.get(model) ?? [];
  ofBatch.delete(model);
  return [...data, ...weights];
}

/**
 * Weights of single examples in the loss, which tfjs refuses or ignores: `sampleWeight` of `fit` and `evaluate`, and in a
 * batch of a dataset, `{ xs, ys, sampleWeight }`. Each example's loss is multiplied by its weight, as in Keras; the
 * weights' shape is `[batch]`, or that of the losses, such as `[batch, frames]`.
 */
export function sampleWeights(tf: TensorFlow): void {
  const prototype = tf.LayersModel.prototype as unknown as Model;
  const { makeTrainFunction, makeTestFunction, standardizeUserData, standardizeUserDataXY, evaluate } = prototype;

  prototype.makeTrainFunction = function () {
    const train = makeTrainFunction.call(this);
    return (data) => weightedStep(tf, this, data, train);
  };
  prototype.makeTestFunction = function () {
    makeTestFunction.call(this);
    const test = this.testFunction;
    this.testFunction = (data) => weightedStep(tf, this, data, test);
  };

  prototype.standardizeUserData = async function (x, y, weights, ...rest) {
    const [xs, ys, classes] = await standardizeUserData.call(this, x, y, null, ...rest);
    if (weights == null) return [xs, ys, classes];
    const all = perOutput(this, weights);
    return [xs, ys, all.map((weight, i) => (classes?.[i] ? tf.mul(weight, classes[i]) : weight.clone()))];
  };
  prototype.evaluate = function (x, y, args) {
    const weights = args?.sampleWeight;
    if (!weights) return evaluate.call(this, x, y, args);
    this.standardizeUserDataXY = (...given) => {
      const [xs, ys] = standardizeUserDataXY.apply(this, given);
      return [xs, [...ys, ...perOutput(this, weights).map((weight) => weight.clone())]];
    };
    try {
      return evaluate.call(this, x, y, args);
    } finally {
      delete (this as Partial<Model>).standardizeUserDataXY;
    }
  };

  for (const name of ["fitDataset", "evaluateDataset"] as const) {
    const original = prototype[name];
    prototype[name] = function (data, args) {
      return original.call(this, typeof data?.iterator === "function" ? noting(this, data) : data, args);
    };
  }
}

/** Runs a step whose data ends with weights, if there are any, by losses weighted with them. */
function weightedStep(tf: TensorFlow, model: Model, given: Tensor[], step: Step): Tensor[] {
  const data = withBatchWeights(model, given);
  const outputs = model.outputNames.length;
  const count = model.inputs.length + outputs;
  const weights: (Tensor | null)[] = data.slice(count);
  if (outputs === 1 && !weights[0]) return step(data);
  const { lossFunctions } = model;
  model.lossFunctions = lossFunctions.map((loss, i) => (target, output) => {
    const losses = loss(target, output);
    const weighted = weights[i] ? times(losses, weights[i]) : losses;
    // tfjs adds losses of several outputs before it takes the mean, as if all had the same shape.
    return outputs > 1 ? tf.mean(weighted) : weighted;
  });
  try {
    return step(data.slice(0, count));
  } finally {
    model.lossFunctions = lossFunctions;
  }
}

const times = (losses: Tensor, weight: Tensor): Tensor =>
  losses.mul(weight.reshape([...weight.shape, ...Array(Math.max(0, losses.rank - weight.rank)).fill(1)]));

/** A dataset that notes the weights of its batches for the model's steps, and disposes of them afterwards. */
function noting(model: Model, data: Data): Data {
  const iterator: Data["iterator"] = async () => {
    const batches = await data.iterator();
    let last: Tensor[] = [];
    return {
      next: async () => {
        for (const weight of last) weight.dispose();
        const next = await batches.next();
        const weights = next.done ? undefined : next.value?.sampleWeight;
        last = weights ? perOutput(model, weights) : [];
        ofBatch.set(model, last);
        return next;
      },
    };
  };
  return Object.create(data, { iterator: { value: iterator } }) as Data;
}

function perOutput({ outputNames }: Model, given: Weights): Tensor[] {
  const named = "dataId" in given ? [given as Tensor] : given;
  const all = Array.isArray(named) ? named : outputNames.map((name) => named[name]);
  if (all.length !== outputNames.length || all.some((weight) => weight === undefined)) {
    throw new DatasetError("OPTION", `sampleWeight: ${all.length}, expected a tensor for each output: ${outputNames}`);
  }
  return all as Tensor[];
}
