import type { Tensor } from "@tensorflow/tfjs-core";
import type { TensorFlow } from "./types.js";

/** Who records a step learns which of its numbers are not the same in the next one. */
export interface StepListener {
  /** `scalar` holds a rate; `read` gives its value at this step. */
  rate(scalar: Tensor, name: string, read: () => number): void;
  /** `seed` holds the two numbers from which something random is drawn; `given` is the seed that was asked for. */
  seed(seed: Tensor, given: number | undefined, read: () => SeedPair): void;
}

export type SeedPair = [number, number];

/** What the steps of one TensorFlow share. */
interface StepState {
  /** How many steps run now, one within the other. */
  running: number;
  listener?: StepListener | undefined;
  /** What everything random follows from that has no seed of its own. */
  seed?: number | undefined;
  /** Draws of this step that had none. */
  draws: number;
}

/** On the instance itself, so that a second copy of this library sees the same steps. */
const STATE = Symbol.for("deep-audio-dataset.step");

function stateOf(tf: TensorFlow): StepState {
  const holder = tf as TensorFlow & { [STATE]?: StepState };
  holder[STATE] ??= { running: 0, draws: 0 };
  return holder[STATE];
}

/** Whether a step of training, evaluation or prediction runs. */
export const inStep = (tf: TensorFlow): boolean => stateOf(tf).running > 0;

/** Runs `work` as a step; `listener` records it. */
export function asStep<T>(tf: TensorFlow, work: () => T, listener?: StepListener): T {
  const state = stateOf(tf);
  const before = state.listener;
  if (state.running++ === 0) state.draws = 0;
  state.listener = listener ?? before;
  try {
    return work();
  } finally {
    state.running--;
    state.listener = before;
  }
}

/** Lets everything random of the next steps follow from `seed`, another one for each step; undefined ends that. */
export function seedSteps(tf: TensorFlow, seed: number | undefined): void {
  stateOf(tf).seed = seed;
}

/** A number of an optimizer, such as its learning rate, as a scalar. */
export function rate(tf: TensorFlow, name: string, read: () => number): Tensor {
  const scalar = tf.scalar(read());
  stateOf(tf).listener?.rate(scalar, name, read);
  return scalar;
}

/** What TensorFlow draws random numbers from: `given`, else what the step's seed says, else chance. */
export function seedPair(tf: TensorFlow, given: number | undefined): Tensor {
  const state = stateOf(tf);
  const read = (): SeedPair => {
    if (given !== undefined) return [given, 0];
    return state.seed === undefined ? [chance(), chance()] : [state.seed, state.draws++];
  };
  const seed = tf.tensor1d(read(), "int32");
  state.listener?.seed(seed, given, read);
  return seed;
}

const chance = (): number => Math.floor(Math.random() * 0x7fffffff);
