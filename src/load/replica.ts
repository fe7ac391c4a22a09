import { DatasetError } from "../core/error.js";
import { checkKnown, type OptionNames } from "../core/known-options.js";

/** One of several processes that read the same epochs together. */
export interface Replica {
  /** This process's number, from 0; its rank. */
  index: number;
  /** How many processes there are; the world size. */
  count: number;
}

const NAMES: OptionNames<Replica> = { index: true, count: true };

/** @throws DatasetError "OPTION" for numbers that can't be */
export function checkReplica(replica: Replica): void {
  checkKnown("replica", replica, NAMES);
  const { index, count } = replica;
  if (Number.isSafeInteger(count) && count > 0 && Number.isInteger(index) && index >= 0 && index < count) return;
  const given = `index ${index} of count ${count}`;
  throw new DatasetError("OPTION", `replica: ${given}, expected a count above 0 and an index from 0 to below it`);
}

/** How many items each of `count` processes gets: as many as any other. */
export function replicaShare(items: number, { count }: Replica, drop: boolean): number {
  return drop ? Math.floor(items / count) : Math.ceil(items / count);
}

/**
 * The items of one process out of an epoch's order: each `count`-th, as PyTorch's DistributedSampler takes them. Where they don't
 * come out even, the order begins once more, or its last items are left out (`drop`).
 */
export function replicaOrder(order: Uint32Array, replica: Replica, drop: boolean): Uint32Array {
  const { index, count } = replica;
  return Uint32Array.from(
    { length: replicaShare(order.length, replica, drop) },
    (_, k) => order[(index + k * count) % order.length]!,
  );
}
