import { DatasetError } from "../core/error.js";
import { numbersTo } from "../core/numbers.js";
import { random } from "../signal/random.js";

/**
 * Weights by which every class is drawn as often as any other: an example weighs the sum of 1 / (examples of the class) over
 * its classes. Those without a class are a class of their own.
 * @param classes of every example of the records, by their numbers
 */
export function balancedSampling(classes: readonly (readonly number[])[], examples: Uint32Array): Float64Array {
  const of = (i: number): readonly number[] => (classes[i]!.length > 0 ? classes[i]! : [-1]);
  const counts = new Map<number, number>();
  for (const i of examples) for (const k of of(i)) counts.set(k, (counts.get(k) ?? 0) + 1);
  return Float64Array.from(examples, (i) => of(i).reduce((sum, k) => sum + 1 / counts.get(k)!, 0));
}

/**
 * The weight of each item of an epoch: that of its example, shared out to the example's pieces.
 * @param weights one per example
 * @param example the example of each item
 * @throws DatasetError "OPTION" for weights that can't be
 */
export function itemWeights(weights: ArrayLike<number>, examples: Uint32Array, example: Uint32Array): Float64Array {
  if (weights.length !== examples.length)
    throw new DatasetError(
      "OPTION",
      `weights: ${weights.length}, expected one for each of ${examples.length} examples`,
    );
  const all = Array.from(weights);
  const bad = all.findIndex((weight) => !(weight >= 0 && weight < Infinity));
  if (bad >= 0) {
    const expected = "expected a number of at least 0";
    throw new DatasetError("OPTION", `weight of example ${examples[bad]}: ${weights[bad]}, ${expected}`);
  }
  if (all.length > 0 && all.every((weight) => weight === 0))
    throw new DatasetError("OPTION", "weights: all 0, expected some above 0");
  const pieces = new Map<number, number>();
  for (const i of example) pieces.set(i, (pieces.get(i) ?? 0) + 1);
  const share = new Map(Array.from(examples, (i, n) => [i, weights[n]! / pieces.get(i)!]));
  return Float64Array.from(example, (i) => share.get(i)!);
}

/**
 * What an epoch draws, in a random order: a function of weights, seed and epoch alone. Drawn at equal distances from a random
 * beginning, so that each item comes as often as its weight says, rounded down or up.
 */
export function drawnOrder(weights: Float64Array, seed: number, epoch: number): Uint32Array {
  const count = weights.length;
  const numbers = random(`${seed} ${epoch} drawn`);
  // In an order of its own each epoch: what rounds up differs.
  const order = numbers.shuffle(numbersTo(count));
  const step = weights.reduce((sum, weight) => sum + weight, 0) / count;
  const drawn = new Uint32Array(count);
  let next = numbers.uniform() * step;
  let sum = 0;
  let at = 0;
  for (const item of order) {
    sum += weights[item]!;
    for (; at < count && next < sum; next += step) drawn[at++] = item;
  }
  // The last may be lost to rounding.
  if (at < count) drawn.fill(drawn[Math.max(0, at - 1)]!, at);
  return numbers.shuffle(drawn);
}
