import { DatasetError } from "../core/error.js";

/** An epoch, and how many of its batches were delivered. */
export interface Place {
  epoch: number;
  batch: number;
}

/** A place in an epoch; a few bytes of json. */
export interface LoadState {
  seed: number;
  /** Epochs begun before this one. */
  epoch: number;
  /** Batches of this epoch that were delivered. */
  batch: number;
  /** What an epoch is made of, to check that the state fits. */
  items: number;
  batchSize: number;
  /** Checksum of the weights that the examples are drawn by, where they are. */
  drawn?: number;
  /** How many processes share the epoch, where several do. */
  replicas?: number;
}

/** What an epoch is made of, as far as a state must fit it. */
export interface EpochShape {
  seed: number;
  items: number;
  batchSize: number;
  drawn?: number;
  replicas?: number;
  /** Batches per epoch. */
  size: number;
}

/** The state of an iterator that is at `place`; behind an epoch's last batch it is the next one's beginning. */
export function stateAt(place: Place, { size, ...shape }: EpochShape): LoadState {
  const at = size > 0 && place.batch >= size ? { epoch: place.epoch + 1, batch: 0 } : place;
  return { ...shape, ...at };
}

/**
 * The place that a state names.
 * @throws DatasetError "OPTION" where it was saved for different data or names a place that there isn't
 */
export function placeOf(state: LoadState, shape: EpochShape): Place {
  for (const name of ["seed", "items", "batchSize", "drawn", "replicas"] as const) {
    if (state[name] === shape[name]) continue;
    throw new DatasetError(
      "OPTION",
      `state: ${name} ${state[name]}, expected ${shape[name]}: it was saved for different data`,
    );
  }
  for (const [name, most] of [
    ["epoch", Infinity],
    ["batch", shape.size],
  ] as const) {
    if (Number.isInteger(state[name]) && state[name] >= 0 && state[name] <= most) continue;
    const range = most === Infinity ? "from 0 on" : `from 0 to ${most}`;
    throw new DatasetError("OPTION", `state: ${name} ${state[name]}, expected a whole number ${range}`);
  }
  return { epoch: state.epoch, batch: state.batch };
}
