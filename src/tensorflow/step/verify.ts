import type { Tensor, Variable } from "@tensorflow/tfjs-core";
import type { TensorFlow } from "../kernels/types.js";
import type { Backend, Handle } from "./backend.js";
import type { Recording } from "./recording.js";
import type { StepFunction } from "./step-function.js";

/**
 * How far a number may be from what the same ops gave one by one, in parts of the largest of its kind. TensorFlow puts ops
 * together, which rounds in another order; a GPU sums in any order and rounds to TF32.
 */
const CPU_PARTS = 1e-4;
const GPU_PARTS = 2e-2;

/** What a weight itself is rounded by, in parts of it, with some room. */
const ROUNDING = 2 ** -20;

/** Numbers that an optimizer's op keeps for each weight; its inputs are the weight, these, and others. */
const MOMENTS: Record<string, number> = {
  ResourceApplyGradientDescent: 0,
  ResourceApplyMomentum: 1,
  ResourceApplyAdagradV2: 1,
  ResourceApplyAdadelta: 2,
  ResourceApplyRMSProp: 2,
  ResourceApplyCenteredRMSProp: 3,
  ResourceApplyAdam: 2,
  ResourceApplyAdaMax: 2,
};

/** What a step works on, as it was before. */
export interface Snapshot {
  variables: Map<Variable, Tensor>;
  resources: Map<object, Tensor>;
  dispose(): void;
}

/** Keeps what a step like `recording` is going to set. */
export function snapshot(tf: TensorFlow, { updates, arguments: all }: Recording): Snapshot {
  const backend = tf.backend() as unknown as Backend;
  const variables = new Map(updates.map(({ variable }) => [variable, tf.keep(variable.clone())]));
  const resources = new Map<object, Tensor>();
  for (const { source, dtype } of all) {
    if (source.kind === "tensor" && dtype === backend.binding.TF_RESOURCE) {
      resources.set(source.dataId, tf.keep(readResource(backend, source.dataId)));
    }
  }
  return { variables, resources, dispose: () => tf.dispose([...variables.values(), ...resources.values()]) };
}

/**
 * Runs `step` from where `before` was taken and compares it with what the ops one by one came to, which is what `results`
 * and the variables hold.
 *
 * @param parts how far a number may be from what the ops came to, in parts of the largest of its kind
 * @returns how they differ, in words, or undefined; variables then hold what the function made of them
 */
export function verify(
  tf: TensorFlow,
  step: StepFunction,
  recording: Recording,
  inputs: readonly Tensor[],
  results: readonly Tensor[],
  before: Snapshot,
  parts = (tf.backend() as unknown as Backend).isUsingGpuDevice ? GPU_PARTS : CPU_PARTS,
): string | undefined {
  const backend = tf.backend() as unknown as Backend;
  const after = snapshot(tf, recording);
  const set = ({ variables, resources }: Snapshot): void => {
    for (const [variable, value] of variables) variable.assign(value);
    for (const [dataId, value] of resources) writeResource(backend, dataId, value);
  };
  try {
    set(before);
    const again = step.run(inputs, "recorded");
    const now = snapshot(tf, recording);
    try {
      const problem =
        compareResults(tf, results, again, parts) ?? compareState(tf, recording, [before, after, now], parts);
      if (problem) set(after);
      return problem;
    } finally {
      now.dispose();
      tf.dispose(again);
    }
  } catch (error) {
    set(after);
    throw error;
  } finally {
    after.dispose();
  }
}

/** Results by themselves: each has its own size. */
function compareResults(tf: TensorFlow, a: readonly Tensor[], b: readonly Tensor[], parts: number): string | undefined {
  return a.map((tensor, i) => farther(tf, [[tensor, b[i]!]], parts * largest(tf, [tensor]))).find(Boolean);
}

/**
 * What the step set. An optimizer divides a gradient that is nothing but rounding by its own size, so its weights say
 * nothing each by itself; what it keeps for them does, measured by the largest of all weights.
 */
function compareState(
  tf: TensorFlow,
  recording: Recording,
  [before, after, now]: [Snapshot, Snapshot, Snapshot],
  parts: number,
): string | undefined {
  for (const resources of comparable(recording)) {
    const pairs = resources.map((id): Pair => [after.resources.get(id)!, now.resources.get(id)!]);
    const change = distance(
      tf,
      resources.map((id) => [after.resources.get(id)!, before.resources.get(id)!]),
    );
    const size = largest(
      tf,
      pairs.map(([value]) => value),
    );
    const problem = farther(tf, pairs, parts * change + ROUNDING * size);
    if (problem) return problem;
  }
  const weights = new Set(recording.ops.filter(({ op }) => op === "ReadVariableOp").map(({ name }) => name));
  const others = recording.updates.filter(({ value }) => !weights.has(value.node)).map(({ variable }) => variable);
  const pairs = others.map((variable): Pair => [after.variables.get(variable)!, now.variables.get(variable)!]);
  return farther(
    tf,
    pairs,
    parts *
      largest(
        tf,
        pairs.map(([value]) => value),
      ),
  );
}

/** Resources that say how a step went: each optimizer's numbers of one kind, or, where it keeps none, its weights. */
function comparable({ ops, arguments: all }: Recording): object[][] {
  const groups = new Map<string, object[]>();
  for (const { op, inputs } of ops) {
    const kept = MOMENTS[op];
    if (kept === undefined) continue;
    const places = kept === 0 ? [0] : Array.from({ length: kept }, (_, k) => k + 1);
    for (const place of places) {
      const source = all.find(({ name }) => name === inputs[place]!.node)?.source;
      if (source?.kind !== "tensor") continue;
      const group = groups.get(`${op} ${place}`) ?? [];
      groups.set(`${op} ${place}`, [...group, source.dataId]);
    }
  }
  return [...groups.values()];
}

type Pair = [Tensor, Tensor];

function farther(tf: TensorFlow, pairs: readonly Pair[], bound: number): string | undefined {
  const off = distance(tf, pairs);
  return off <= bound
    ? undefined
    : `the whole gives other numbers (${off.toPrecision(2)} away, expected ${bound.toPrecision(2)})`;
}

/** The largest difference; NaN and infinity are themselves. */
function distance(tf: TensorFlow, pairs: readonly Pair[]): number {
  return most(tf, pairs, ([a, b]) => {
    const [x, y] = [a.toFloat(), b.toFloat()];
    const same = x.equal(y).logicalOr(x.isNaN().logicalAnd(y.isNaN()));
    return tf.where(same, tf.zerosLike(x), x.sub(y).abs());
  });
}

const largest = (tf: TensorFlow, tensors: readonly Tensor[]): number =>
  most(tf, tensors, (x) => {
    const finite = x.toFloat();
    return tf.where(finite.isFinite(), finite.abs(), tf.zerosLike(finite));
  });

function most<T>(tf: TensorFlow, items: readonly T[], numbers: (item: T) => Tensor): number {
  const each = items.map((item) => tf.tidy(() => numbers(item).max().dataSync()[0]!));
  return each.some(Number.isNaN) ? Number.NaN : Math.max(0, ...each);
}

const readResource = (backend: Backend, dataId: object): Tensor =>
  backend.createOutputTensor(
    (
      backend.binding.executeOp("ReadVariableOp", [floats(backend)], [backend.tensorMap.get(dataId).id], 1) as Handle[]
    )[0]!,
  );

function writeResource(backend: Backend, dataId: object, value: Tensor): void {
  const ids = [backend.tensorMap.get(dataId).id, ...backend.getInputTensorIds([value])];
  backend.binding.executeOp("AssignVariableOp", [floats(backend)], ids, 0);
}

const floats = ({ binding }: Backend): object => ({
  name: "dtype",
  type: binding.TF_ATTR_TYPE,
  value: binding.TF_FLOAT,
});
