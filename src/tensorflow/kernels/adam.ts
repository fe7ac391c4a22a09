import type { Tensor, Variable } from "@tensorflow/tfjs-core";
import type { Native } from "./native.js";

/** What this file uses of tfjs's Adam, part of it private there. */
interface Adam {
  learningRate: number;
  beta1: number;
  beta2: number;
  epsilon: number;
  accBeta1: Variable;
  accBeta2: Variable;
  accumulatedFirstMoment: Moment[];
  accumulatedSecondMoment: Moment[];
  incrementIterations(): void;
  applyGradients(gradients: NamedTensor[] | Record<string, Tensor>): void;
  getWeights(): Promise<NamedTensor[]>;
  setWeights(weights: NamedTensor[]): Promise<void>;
  dispose(): void;
}

interface NamedTensor {
  name: string;
  tensor: Tensor;
}

interface Moment {
  originalName: string;
  variable: Variable;
}

/** A weight and its two moments as TensorFlow's own variables. */
interface Slot {
  name: string;
  value: Tensor;
  first: Tensor;
  second: Tensor;
  /** The data that `value` was last copied to; other data means that someone else has set the weight. */
  copiedTo: object;
}

/** TensorFlow's name for a variable that nobody else can reach and that goes when its last handle goes. */
const ANONYMOUS = "cd2c89b7-88b7-44c8-ad83-06c2a9158347";

/**
 * Lets tfjs's Adam take a step with TensorFlow's one op for it, instead of a dozen ops per weight.
 *
 * The formula is Keras's (Kingma & Ba, section 2, last paragraph: epsilon is added to the uncorrected root).
 */
export function fusedAdam(native: Native): void {
  const { tf } = native;
  const prototype = tf.AdamOptimizer.prototype as unknown as Adam;
  const original = { ...prototypeMethods(prototype) };
  const slots = new WeakMap<Adam, Slot[]>();

  prototype.applyGradients = function (gradients) {
    const named = Array.isArray(gradients)
      ? gradients
      : Object.entries(gradients).map(([name, tensor]) => ({ name, tensor }));
    if (tf.getBackend() !== "tensorflow") return original.applyGradients.call(this, gradients);
    const mine = slots.get(this) ?? [];
    slots.set(this, mine);
    tf.tidy(() => {
      const numbers = [this.learningRate, this.beta1, this.beta2, this.epsilon].map((x) => tf.scalar(x));
      named.forEach(({ name, tensor }, i) => {
        const weight = tf.engine().registeredVariables[name]!;
        mine[i] ??= createSlot(native, name, weight, this.accumulatedFirstMoment[i], this.accumulatedSecondMoment[i]);
        if (tensor != null) step(native, mine[i], weight, tensor, [this.accBeta1, this.accBeta2, ...numbers]);
      });
      this.accBeta1.assign(tf.mul(this.accBeta1, this.beta1));
      this.accBeta2.assign(tf.mul(this.accBeta2, this.beta2));
    });
    this.incrementIterations();
  };

  prototype.getWeights = async function () {
    // tfjs reads the moments from its own variables, so those are brought up to date.
    slots.get(this)?.forEach(({ name, first, second }, i) => {
      tf.tidy(() => {
        setMoment(native, this.accumulatedFirstMoment, i, `${name}/m`, readVariable(native, first));
        setMoment(native, this.accumulatedSecondMoment, i, `${name}/v`, readVariable(native, second));
      });
    });
    return original.getWeights.call(this);
  };

  prototype.setWeights = async function (weights) {
    await original.setWeights.call(this, weights);
    release(this);
  };

  prototype.dispose = function () {
    release(this);
    original.dispose.call(this);
  };

  function release(optimizer: Adam): void {
    for (const { value, first, second } of slots.get(optimizer) ?? []) tf.dispose([value, first, second]);
    slots.delete(optimizer);
  }
}

function prototypeMethods({
  applyGradients,
  getWeights,
  setWeights,
  dispose,
}: Adam): Pick<Adam, "applyGradients" | "getWeights" | "setWeights" | "dispose"> {
  return { applyGradients, getWeights, setWeights, dispose };
}

function createSlot(native: Native, name: string, weight: Variable, first?: Moment, second?: Moment): Slot {
  const { tf } = native;
  const zeros = tf.zerosLike(weight);
  return {
    name,
    value: createVariable(native, weight),
    first: createVariable(native, first?.variable ?? zeros),
    second: createVariable(native, second?.variable ?? zeros),
    copiedTo: weight.dataId,
  };
}

/** One step: `numbers` are beta1^t, beta2^t, learning rate, beta1, beta2, epsilon. */
function step(native: Native, slot: Slot, weight: Variable, gradient: Tensor, numbers: Tensor[]): void {
  if (slot.copiedTo !== weight.dataId) assignVariable(native, slot.value, weight);
  const inputs = [slot.value, slot.first, slot.second, ...numbers, gradient];
  native.runMany("ResourceApplyAdam", {}, inputs, 0);
  weight.assign(readVariable(native, slot.value));
  slot.copiedTo = weight.dataId;
}

function createVariable(native: Native, value: Tensor): Tensor {
  const attributes = { strings: { container: "", shared_name: ANONYMOUS }, shapes: { shape: value.shape } };
  const variable = native.tf.keep(native.run("VarHandleOp", attributes, []));
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
