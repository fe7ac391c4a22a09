import type { LayersModel, Tensor } from "@tensorflow/tfjs-node-gpu";
import { withBatchWeights } from "../kernels/sample-weights.js";
import type { TensorFlow } from "../kernels/types.js";
import type { Backend } from "./backend.js";
import type { StepFunction } from "./step-function.js";
import { ModelSteps, type StepCounts, type StepKind } from "./steps.js";

export type { StepCounts };

type Step = (data: Tensor[]) => Tensor[];

/** What this file uses of tfjs-layers' models, part of it private there. */
interface Model {
  model?: LayersModel;
  testFunction: Step;
  makeTrainFunction(): Step;
  makeTestFunction(): void;
  predictLoop(inputs: Tensor | Tensor[], batchSize?: number, verbose?: boolean): Tensor | Tensor[];
  dispose(): unknown;
}

/** On the instance itself, so that a second copy of this library finds the models of the first. */
const STEPS: unique symbol = Symbol.for("deep-audio-dataset.steps");

type Compiling = TensorFlow & { [STEPS]?: (model: LayersModel) => ModelSteps };

/**
 * Lets the steps of training, evaluation and prediction run as one TensorFlow function each, in every way that tfjs has to
 * train, evaluate and predict.
 *
 * The first ones run op by op. Two of them are recorded below TensorFlow.js: where they differ in nothing but the batch,
 * variables, rates and seeds, and the function comes to the same numbers, all later ones are the function. Every other
 * step stays as it was, and `stepCounts` says why.
 */
export function compileSteps(tf: TensorFlow): void {
  const compiling = tf as Compiling;
  if (compiling[STEPS]) return;
  if (!(tf.backend() as unknown as Backend).binding.addFunction) {
    process.emitWarning(
      "TensorFlow: its addon is of an earlier version of this library, so each operation of a training step runs by " +
        "itself, which is slower. Run `npm start` in the project's folder to build it again.",
      { code: "OLD_ADDON" },
    );
    return;
  }
  const models = new WeakMap<object, ModelSteps>();
  const gone = new FinalizationRegistry<Set<StepFunction>>((functions) => {
    for (const step of functions) step.dispose();
  });
  compiling[STEPS] = (model) => {
    let steps = models.get(model);
    if (!steps) {
      const functions = new Set<StepFunction>();
      steps = new ModelSteps(tf, functions);
      models.set(model, steps);
      gone.register(model, functions);
    }
    return steps;
  };
  replaceMethods(tf, compiling[STEPS]);
}

function replaceMethods(tf: TensorFlow, stepsOf: (model: LayersModel) => ModelSteps): void {
  const prototype = tf.LayersModel.prototype as unknown as Model;
  const { makeTrainFunction, makeTestFunction, predictLoop, dispose } = prototype;
  let within = false;
  const run = (kind: StepKind, model: Model, data: Tensor[], single: Step): Tensor[] => {
    // A step in a step is part of it, and a gradient by hand wants the ops.
    const { gradientDepth, profiling } = tf.engine().state as { gradientDepth: number; profiling?: boolean };
    if (within || gradientDepth > 0 || profiling || tf.getBackend() !== "tensorflow") return single(data);
    within = true;
    try {
      const layersModel = model as unknown as LayersModel;
      return stepsOf(layersModel).run(kind, layersModel, data, single);
    } finally {
      within = false;
    }
  };

  prototype.makeTrainFunction = function () {
    const single = makeTrainFunction.call(this);
    // Without weights of examples tfjs passes null for them.
    return (batch) => {
      const data = withBatchWeights(this, batch);
      const given = data.map((tensor) => (tensor as Tensor | null) !== null);
      const all: Step = (present) => {
        let next = 0;
        return single(given.map((there) => (there ? present[next++] : null) as Tensor));
      };
      return run(
        "train",
        this,
        data.filter((_, i) => given[i]),
        all,
      );
    };
  };

  prototype.makeTestFunction = function () {
    makeTestFunction.call(this);
    const single = this.testFunction;
    this.testFunction = (data) => run("evaluate", this, withBatchWeights(this, data), single);
  };

  prototype.predictLoop = function (inputs, batchSize = 32, verbose) {
    const all = Array.isArray(inputs) ? inputs : [inputs];
    const count = all[0]!.shape[0]!;
    if (verbose || count === 0) return predictLoop.call(this, inputs, batchSize, verbose);
    const single: Step = (data) => {
      const output = predictLoop.call(this, data, data[0]!.shape[0]!);
      return Array.isArray(output) ? output : [output];
    };
    return tf.tidy(() => {
      const batches: Tensor[][] = [];
      for (let at = 0; at < count; at += batchSize) {
        const size = Math.min(batchSize, count - at);
        const data = size === count ? all : all.map((tensor) => tensor.slice(at, size));
        batches.push(run("predict", this, data, single));
      }
      const outputs = batches[0]!.map((_, i) => tf.concat(batches.map((outputs) => outputs[i]!)));
      return outputs.length === 1 ? outputs[0]! : outputs;
    });
  };

  prototype.dispose = function () {
    const result = dispose.call(this);
    stepsOf(this as unknown as LayersModel).dispose();
    return result;
  };
}

/** How the model's steps ran so far; undefined where none can run as a function. */
export function stepCounts(tf: TensorFlow, model: LayersModel): StepCounts | undefined {
  return stepsOf(tf, model)?.counts;
}

/** How a model's steps run. */
export type StepSettings = Partial<Pick<ModelSteps, "eager" | "precision">>;

/** Runs `work` while the model's steps run in another way, where they can run as functions at all. */
export async function withStepSettings<T>(
  tf: TensorFlow,
  model: LayersModel,
  settings: StepSettings,
  work: () => Promise<T>,
): Promise<T> {
  const steps = stepsOf(tf, model);
  if (!steps) return work();
  const { eager, precision } = steps;
  Object.assign(steps, settings);
  try {
    return await work();
  } finally {
    Object.assign(steps, { eager, precision });
  }
}

/** Runs `work` while the model's steps run op by op. */
export const withSingleOps = <T>(tf: TensorFlow, model: LayersModel, work: () => Promise<T>): Promise<T> =>
  withStepSettings(tf, model, { eager: true }, work);

/** A sequential model's steps are those of the model inside of it. */
function stepsOf(tf: TensorFlow, model: LayersModel): ModelSteps | undefined {
  return (tf as Compiling)[STEPS]?.((model as unknown as Model).model ?? model);
}
