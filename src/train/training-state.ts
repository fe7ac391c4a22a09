import type { Direction } from "../statistics/direction.js";
import type { Place } from "./batch-source.js";

/** The best epoch, counted from 1, and its monitored number; epoch 0 and NaN where it never was a finite number. */
export interface BestEpoch {
  epoch: number;
  name: string;
  value: number;
}

/** What a checkpoint keeps besides the model. */
export interface TrainingState {
  epoch: number;
  history: Record<string, number[]>;
  best?: BestEpoch;
  order?: Place;
  /** Of the epoch that was begun: examples, and for each number its sum over them. */
  part?: { examples: number; sums: Record<string, number> };
}

/** Counts a batch in; an epoch that is resumed after an interrupt has the mean of all its batches. */
export function addBatch(state: TrainingState, logs: Record<string, number>): void {
  const { batch: _, size = 1, ...values } = logs;
  state.part ??= { examples: 0, sums: {} };
  state.part.examples += size;
  for (const name in values) state.part.sums[name] = (state.part.sums[name] ?? 0) + size * values[name]!;
}

/** Ends an epoch whose numbers tfjs gives as `ended`: its means over all batches go to the history, and are returned. */
export function endEpoch(state: TrainingState, epoch: number, ended: Record<string, number>): Record<string, number> {
  const { examples, sums } = state.part ?? { examples: 1, sums: {} };
  const logs = { ...ended };
  for (const name in sums) logs[name] = sums[name]! / examples;
  delete state.part;
  state.epoch = epoch + 1;
  for (const [name, value] of Object.entries(logs)) {
    state.history[name] ??= [];
    state.history[name].push(value);
  }
  return logs;
}

/** An epoch whose batches have all been trained on is over only when it was validated as well. */
export function placeIn(place: Place, epochsDone: number, steps: number): Place {
  const unvalidated = place.batch === 0 && place.epoch > epochsDone;
  return unvalidated ? { ...place, epoch: place.epoch - 1, batch: steps } : place;
}

/** Whether `value` is better than the `best` so far, by more than `delta`. What isn't a finite number never is. */
export function isBetter(value: number, best: number | undefined, mode: Direction, delta: number): boolean {
  if (!Number.isFinite(value)) return false;
  if (best === undefined || !Number.isFinite(best)) return true;
  return mode === "min" ? value < best - delta : value > best + delta;
}
