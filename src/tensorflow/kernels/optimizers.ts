import type { Optimizer, Tensor, Variable } from "@tensorflow/tfjs-core";
import type { Attributes, Native } from "./native.js";
import { rate } from "./step-inputs.js";

/** Numbers that an optimizer keeps for each weight, as tfjs has them. */
interface Moment {
  originalName: string;
  variable: Variable;
}

interface NamedTensor {
  name: string;
  tensor: Tensor;
}

/** What this file uses of tfjs's optimizers, most of it private there. */
type Optimizing = Record<string, Moment[] | number | boolean | Variable | GradientClip | undefined> & {
  iterations_: number;
  accBeta1: Variable;
  accBeta2: Variable;
  iteration: Variable;
  saveIterations(): Promise<NamedTensor>;
  extractIterations(weights: NamedTensor[]): Promise<NamedTensor[]>;
  incrementIterations(): void;
  applyGradients(gradients: NamedTensor[] | Record<string, Tensor>): void;
  getWeights(): Promise<NamedTensor[]>;
  setWeights(weights: NamedTensor[]): Promise<void>;
  dispose(): void;
};

/** TensorFlow's op that changes a weight by its gradient. */
interface Rule {
  op: string;
  attributes?: (optimizer: Optimizing) => Attributes;
  /** What it keeps for each weight: the optimizer's list of it, the end of its name in checkpoints, and how it begins. */
  moments: { list: string; name: string; begin?: (optimizer: Optimizing) => number }[];
  /** Numbers between the moments and the gradient: names of the optimizer's own, or variables of it. */
  numbers: (string | ((optimizer: Optimizing) => Tensor))[];
  /** Those after the gradient. */
  last?: string[];
}

/** What is kept for a weight, as TensorFlow's own variables. */
interface Slot {
  name: string;
  moments: Tensor[];
}

/** How gradients are bounded before a step: one of these, as in Keras. */
export interface GradientClip {
  /** Each weight's gradient is shortened to this length. */
  norm?: number;
  /** All gradients together are shortened to this length. */
  globalNorm?: number;
  /** Each number is brought to between minus this and this. */
  value?: number;
}

/** On the prototypes of optimizers that take their steps here. */
const NATIVE: unique symbol = Symbol.for("deep-audio-dataset.optimizer");

/** Bounds an optimizer's gradients from its next step on, or no longer. False where it takes its steps in its own way. */
export function clipGradients(optimizer: object, clip: GradientClip | undefined): boolean {
  if (!(NATIVE in optimizer) || !Object.hasOwn(Object.getPrototypeOf(optimizer), NATIVE)) return false;
  // An ordinary property, so that other steps are recorded for another one.
  Object.assign(optimizer, { gradientClip: clip });
  return true;
}

/** What an optimizer does with the gradients of the next steps; kept on it. */
interface Gathering {
  /** Whether they are added up, without a step. */
  gathering?: boolean;
  /** Batches whose gradients were added up. */
  gathered?: number;
}

/** Sums of gradients by their weights' names. */
const sums = new WeakMap<object, Map<string, Variable>>();

/**
 * Says what the next batch's gradients are for: to be added up ("gather"), or for a step by the mean of them and of those
 * added up ("step"). undefined forgets what was added up.
 *
 * @returns false where the optimizer takes its steps in its own way
 */
export function gatherGradients(optimizer: object, next: "gather" | "step" | undefined): boolean {
  if (!(NATIVE in optimizer) || !Object.hasOwn(Object.getPrototypeOf(optimizer), NATIVE)) return false;
  const state = optimizer as Gathering;
  state.gathering = next === "gather";
  if (next !== undefined) return true;
  for (const sum of sums.get(optimizer)?.values() ?? []) sum.dispose();
  sums.delete(optimizer);
  delete state.gathering;
  delete state.gathered;
  return true;
}

/** Whether an optimizer adds gradients up, so that a batch is no step. */
export const isGathering = (optimizer: object): boolean => (optimizer as Gathering).gathering === true;

/** Notes that a batch is done. */
export function countGathered(optimizer: object): void {
  const state = optimizer as Gathering;
  if (state.gathering !== undefined) state.gathered = state.gathering ? (state.gathered ?? 0) + 1 : 0;
}

/** TensorFlow's name for a variable that nobody else can reach and that goes when its last handle goes. */
const ANONYMOUS = "cd2c89b7-88b7-44c8-ad83-06c2a9158347";

const adamNumbers = ["learningRate", "beta1", "beta2", "epsilon"];

const RULES: Record<string, Rule | ((optimizer: Optimizing) => Rule)> = {
  SGD: { op: "ResourceApplyGradientDescent", moments: [], numbers: ["learningRate"] },
  Momentum: {
    op: "ResourceApplyMomentum",
    attributes: ({ useNesterov }) => ({ bools: { use_nesterov: useNesterov === true } }),
    moments: [{ list: "accumulations", name: "momentum" }],
    numbers: ["learningRate"],
    last: ["momentum"],
  },
  Adagrad: {
    op: "ResourceApplyAdagradV2",
    moments: [
      { list: "accumulatedGrads", name: "accumulator", begin: (o) => o.initialAccumulatorValue as unknown as number },
    ],
    numbers: ["learningRate", "epsilon"],
  },
  Adadelta: {
    op: "ResourceApplyAdadelta",
    moments: [
      { list: "accumulatedGrads", name: "accum_grad" },
      { list: "accumulatedUpdates", name: "accum_var" },
    ],
    numbers: ["learningRate", "rho", "epsilon"],
  },
  RMSProp: ({ centered }) => {
    const moments = [
      { list: "accumulatedMeanSquares", name: "rms" },
      { list: "accumulatedMoments", name: "momentum" },
    ];
    const numbers = ["learningRate", "decay", "momentum", "epsilon"];
    if (!centered) return { op: "ResourceApplyRMSProp", moments, numbers };
    const means = { list: "accumulatedMeanGrads", name: "mg" };
    return { op: "ResourceApplyCenteredRMSProp", moments: [means, ...moments], numbers };
  },
  Adam: {
    op: "ResourceApplyAdam",
    moments: [
      { list: "accumulatedFirstMoment", name: "m" },
      { list: "accumulatedSecondMoment", name: "v" },
    ],
    numbers: [(o) => o.accBeta1, (o) => o.accBeta2, ...adamNumbers],
  },
  Adamax: {
    op: "ResourceApplyAdaMax",
    moments: [
      { list: "accumulatedFirstMoment", name: "m" },
      { list: "accumulatedWeightedInfNorm", name: "v" },
    ],
    numbers: [(o) => o.accBeta1, ...adamNumbers],
  },
};

/**
 * Lets tfjs's optimizers take a step with TensorFlow's one op for it, instead of up to a dozen ops per weight.
 *
 * The formulas are Keras's. tfjs's own Adadelta divides by the mean before the step, so that its first one is thousands of
 * times too long, and its centered RMSProp takes the root of a negative number.
 */
export function nativeOptimizers(native: Native): void {
  const { SGDOptimizer, MomentumOptimizer, AdagradOptimizer, AdadeltaOptimizer } = native.tf;
  const { RMSPropOptimizer, AdamOptimizer, AdamaxOptimizer } = native.tf;
  const slots = new WeakMap<Optimizing, Slot[]>();
  // Momentum before SGD, whose methods it inherits.
  replaceMethods(native, slots, MomentumOptimizer, RULES.Momentum!);
  replaceMethods(native, slots, SGDOptimizer, RULES.SGD!);
  replaceMethods(native, slots, AdagradOptimizer, RULES.Adagrad!);
  replaceMethods(native, slots, AdadeltaOptimizer, RULES.Adadelta!);
  replaceMethods(native, slots, RMSPropOptimizer, RULES.RMSProp!);
  replaceMethods(native, slots, AdamOptimizer, RULES.Adam!);
  adamaxWeights(native.tf.AdamaxOptimizer.prototype as unknown as Optimizing, native);
  replaceMethods(native, slots, AdamaxOptimizer, RULES.Adamax!);
}

function replaceMethods(
  native: Native,
  slots: WeakMap<Optimizing, Slot[]>,
  type: { prototype: Optimizer },
  rules: Rule | ((optimizer: Optimizing) => Rule),
): void {
  const { tf } = native;
  const prototype = type.prototype as unknown as Optimizing;
  const { applyGradients, getWeights, setWeights, dispose } = prototype;
  const ruleOf = (optimizer: Optimizing): Rule => (typeof rules === "function" ? rules(optimizer) : rules);
  /** Subclasses of someone else's own keep what they have. */
  const mine = (optimizer: Optimizing): boolean => Object.getPrototypeOf(optimizer) === prototype;

  Object.assign(prototype, { [NATIVE]: true });
  prototype.applyGradients = function (gradients) {
    if (tf.getBackend() !== "tensorflow" || !mine(this)) return applyGradients.call(this, gradients);
    const named = Array.isArray(gradients)
      ? gradients
      : Object.entries(gradients).map(([name, tensor]) => ({ name, tensor }));
    if (isGathering(this)) return gather(native, this, named);
    const kept = slots.get(this) ?? [];
    slots.set(this, kept);
    const rule = ruleOf(this);
    tf.tidy(() => {
      const number = (name: string): Tensor => rate(tf, name, () => numberOf(tf.backend().epsilon(), this, name));
      const numbers = rule.numbers.map((n) => (typeof n === "string" ? number(n) : n(this)));
      if (rule.op === "ResourceApplyAdaMax") numbers[1] = slowed(native, this, numbers[1]!);
      const last = rule.last?.map(number) ?? [];
      const attributes = rule.attributes?.(this) ?? {};
      for (const { name, tensor } of clipped(
        native,
        mean(native, this, named),
        this.gradientClip as GradientClip | undefined,
      )) {
        const weight = tf.engine().registeredVariables[name]!;
        let slot = kept.find((slot) => slot.name === name);
        if (!slot) {
          slot = createSlot(native, this, rule, name, weight, kept.length);
          kept.push(slot);
        }
        if (tensor == null) continue;
        // For the op the weight is a variable of TensorFlow's as well, for as long as it runs.
        const value = createVariable(native, weight);
        native.runMany(rule.op, attributes, [value, ...slot.moments, ...numbers, tensor, ...last], 0);
        weight.assign(readVariable(native, value));
      }
      for (const [power, name] of [
        ["accBeta1", "beta1"],
        ["accBeta2", "beta2"],
      ] as const) {
        if (this[power]) this[power].assign(tf.mul(this[power], number(name)));
      }
      if (rule.op === "ResourceApplyAdaMax") this.iteration.assign(tf.add(this.iteration, 1));
    });
    this.incrementIterations();
  };

  prototype.getWeights = async function () {
    // tfjs reads the moments from its own variables, so those are brought up to date.
    const { moments } = ruleOf(this);
    slots.get(this)?.forEach((slot, i) => {
      tf.tidy(() => {
        moments.forEach(({ list, name }, k) => {
          setMoment(native, this[list] as Moment[], i, `${slot.name}/${name}`, readVariable(native, slot.moments[k]!));
        });
      });
    });
    return getWeights.call(this);
  };

  prototype.setWeights = async function (weights) {
    await setWeights.call(this, weights);
    release(this);
  };

  prototype.dispose = function () {
    release(this);
    dispose.call(this);
  };

  function release(optimizer: Optimizing): void {
    if (!mine(optimizer)) return;
    for (const { moments } of slots.get(optimizer) ?? []) tf.dispose(moments);
    slots.delete(optimizer);
  }
}

function gather({ tf }: Native, optimizer: Optimizing, gradients: NamedTensor[]): void {
  const all = sums.get(optimizer) ?? new Map<string, Variable>();
  sums.set(optimizer, all);
  for (const { name, tensor } of gradients) {
    if (tensor == null) continue;
    const sum = all.get(name);
    if (sum) tf.tidy(() => sum.assign(tf.add(sum, tensor)));
    else all.set(name, tf.variable(tensor, false));
  }
}

/** The mean of a batch's gradients and of those that were added up, which start again at zero. */
function mean({ tf }: Native, optimizer: Optimizing, gradients: NamedTensor[]): NamedTensor[] {
  const all = sums.get(optimizer);
  if (!all) return gradients;
  const count = rate(tf, "gathered", () => ((optimizer as Gathering).gathered ?? 0) + 1);
  return gradients.map(({ name, tensor }) => {
    const sum = all.get(name);
    if (!sum || tensor == null) return { name, tensor };
    const whole = tf.div(tf.add(sum, tensor), count);
    sum.assign(tf.zerosLike(sum));
    return { name, tensor: whole };
  });
}

function clipped({ tf }: Native, named: NamedTensor[], clip: GradientClip | undefined): NamedTensor[] {
  const { norm, globalNorm, value } = clip ?? {};
  const all = named.filter(({ tensor }) => tensor != null);
  const each = (change: (gradient: Tensor) => Tensor): NamedTensor[] =>
    named.map((one) => (one.tensor == null ? one : { name: one.name, tensor: change(one.tensor) }));
  const shortened = (squares: Tensor, most: number): Tensor => tf.div(most, tf.maximum(tf.sqrt(squares), most));
  if (value !== undefined) return each((g) => tf.clipByValue(g, -value, value));
  if (norm !== undefined) return each((g) => tf.mul(g, shortened(tf.sum(tf.square(g)), norm)));
  if (globalNorm === undefined) return named;
  const scale = shortened(tf.addN(all.map(({ tensor }) => tf.sum(tf.square(tensor)))), globalNorm);
  return each((g) => tf.mul(g, scale));
}

function numberOf(epsilon: number, optimizer: Optimizing, name: string): number {
  return (optimizer[name] as unknown as number | undefined) ?? (name === "epsilon" ? epsilon : 0);
}

/** Adamax's learning rate, which falls with its iterations. */
function slowed({ tf }: Native, optimizer: Optimizing, learningRate: Tensor): Tensor {
  const decay = rate(tf, "decay", () => optimizer.decay as unknown as number);
  return tf.div(learningRate, tf.add(tf.mul(optimizer.iteration, decay), 1));
}

/** tfjs's Adamax can be neither saved nor restored; this is Adam's way. */
function adamaxWeights(prototype: Optimizing, { tf }: Native): void {
  prototype.getWeights = async function () {
    const moments = [this.accumulatedFirstMoment, this.accumulatedWeightedInfNorm] as unknown as Moment[][];
    const named = moments.flat().map(({ originalName, variable }) => ({ name: originalName, tensor: variable }));
    return [await this.saveIterations(), ...named];
  };
  prototype.setWeights = async function (weights) {
    const moments = (await this.extractIterations(weights)).map(({ name, tensor }) => ({
      originalName: name,
      variable: tf.variable(tensor, false),
    }));
    const half = moments.length / 2;
    Object.assign(this, {
      accumulatedFirstMoment: moments.slice(0, half),
      accumulatedWeightedInfNorm: moments.slice(half),
    });
    tf.tidy(() => {
      this.iteration.assign(tf.scalar(this.iterations_));
      this.accBeta1.assign(tf.pow(this.beta1 as unknown as number, this.iterations_ + 1));
    });
  };
}

/** The `i`-th weight's slot; what tfjs has for it, from a checkpoint, goes into it. */
function createSlot(
  native: Native,
  optimizer: Optimizing,
  { moments }: Rule,
  name: string,
  weight: Variable,
  i: number,
): Slot {
  const { tf } = native;
  const first = ({ list, begin }: Rule["moments"][number]): Tensor =>
    (optimizer[list] as Moment[])[i]?.variable ?? tf.fill(weight.shape, begin?.(optimizer) ?? 0);
  return { name, moments: moments.map((moment) => tf.keep(createVariable(native, first(moment)))) };
}

function createVariable(native: Native, value: Tensor): Tensor {
  const attributes = { strings: { container: "", shared_name: ANONYMOUS }, shapes: { shape: value.shape } };
  const variable = native.run("VarHandleOp", attributes, []);
  assignVariable(native, variable, value);
  return variable;
}

const assignVariable = (native: Native, variable: Tensor, value: Tensor): void =>
  void native.runMany("AssignVariableOp", {}, [variable, value], 0);

const readVariable = (native: Native, variable: Tensor): Tensor => native.run("ReadVariableOp", {}, [variable]);

function setMoment({ tf }: Native, moments: Moment[], i: number, originalName: string, value: Tensor): void {
  const moment = moments[i];
  if (moment) moment.variable.assign(value);
  else moments[i] = { originalName, variable: tf.variable(value, false) };
}
