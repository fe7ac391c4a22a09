import type { Tensor } from "@tensorflow/tfjs-node-gpu";
import { nextTurn } from "../system/event-loop.js";

/** Anything that gives batches of `{ xs, ys }` again and again: a `tf.data.Dataset`, or this library's. */
export interface BatchSource {
  iterator(): Promise<{ next(): Promise<IteratorResult<unknown>> }>;
  /** Names of the examples of the batch that was given last. */
  names?(): readonly string[];
}

/** A place in the order of batches, and whatever else its source keeps there. */
export interface Place {
  /** Epochs begun before this one. */
  epoch: number;
  /** Batches of this epoch that were given. */
  batch: number;
}

/** Batches that know their position and can resume from it, as `dataset.train` does. */
export interface ResumableSource extends BatchSource {
  state(): Place;
  resume(state: Place): void;
}

/** What `fit` trains on: a loaded dataset of this library, or anything like it. */
export interface TrainingData {
  train: BatchSource;
  /** Batches per epoch. */
  trainSteps: number;
  validate?: BatchSource;
  /** Batches of `validate`; 0 for none. */
  valSteps?: number;
  /** Names of the labels, in the order of the model's output. */
  labels?: readonly string[] | undefined;
}

/** One batch as every source gives it. */
export interface Batch {
  xs: Tensor;
  ys: Tensor;
}

/** The batches of one epoch. Who takes one disposes of its tensors. */
export async function* eachBatch(source: BatchSource): AsyncGenerator<Batch, void> {
  const iterator = await source.iterator();
  for (let next = await iterator.next(); !next.done; next = await iterator.next()) yield next.value as Batch;
}

/** Whether the source can save its position and resume from it. */
export function isResumable(source: BatchSource): source is ResumableSource {
  return "state" in source && "resume" in source;
}

/** A source that measures how long it is waited for, and that ends at once when `stopped` returns true. */
export function watched(source: BatchSource, stopped: () => boolean): { source: BatchSource; waited(): number } {
  let waited = 0;
  return {
    waited: () => waited,
    source: {
      iterator: async () => {
        const upstream = await source.iterator();
        return {
          next: async () => {
            if (stopped()) return { done: true, value: undefined };
            const start = performance.now();
            const result = await upstream.next();
            waited += performance.now() - start;
            // Training hardly ever leaves the event loop a turn; messages, timers and signals need one.
            await nextTurn();
            return result;
          },
        };
      },
    },
  };
}
