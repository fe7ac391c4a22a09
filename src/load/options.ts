import { DatasetError } from "../core/error.js";
import { checkKnown, type OptionNames } from "../core/known-options.js";
import { lateRow, missingRows } from "../format/keys.js";
import { checkFeatures, type Features } from "../features/features.js";
import type { Records } from "../records/records.js";
import { type Augment, checkAugment } from "./augment.js";
import type { LayoutOptions } from "./batch-layout.js";
import type { Processing } from "./process-batch.js";
import { checkReplica, type Replica } from "./replica.js";

/** Options of `batches`. */
export interface BatchOptions extends LayoutOptions {
  /** Default 64. */
  batchSize?: number;
  /**
   * Leaves out the last batch where it isn't full; of a loaded dataset, in training alone. It is
   * an error where that leaves no batch. Default false.
   */
  dropRemainder?: boolean;
  /** Shuffles: a new order in every epoch, over all shards at once. Default true; pass false for validation and test. */
  shuffle?: boolean;
  /**
   * Draws each epoch with replacement, by these weights of the examples, as many as there are. Default: each once. Windows of an
   * example share its weight.
   */
  weights?: ArrayLike<number>;
  /** Seed of the order, together with the epoch's number. Default 0. */
  seed?: number;
  /**
   * Which share of every epoch this process reads, where several train together: `{ index: rank, count: worldSize }`. The shares are
   * disjoint and equally long in every epoch, with nothing said between the processes: seed, epoch and count alone decide. Where
   * they don't come out even, some examples come twice, or are left out with `dropRemainder`, as in PyTorch's
   * DistributedSampler. `batchSize` is that of each process. Default: all of it.
   */
  replica?: Replica | undefined;
  /** Random changes of the examples, for training; give none for validation and test. */
  augment?: Augment | undefined;
  /** Features instead of samples: x becomes `[batch, frames, bins]`, computed by the workers. */
  features?: Features;
  /**
   * Threads that read ahead. Default 1, which reads faster than TensorFlow takes, and 4 once a shuffled epoch turns out to wait for
   * the disk; with `augment`, `features` or records of FLAC one per core but one. The order does not depend on it.
   */
  workers?: number;
  /**
   * Which records are compared with their checksums while they are read: each the first time, so that every example of
   * the first epoch is right (default), every time, or never. Damage found is an error.
   */
  checksums?: "first" | "always" | "never";
}

/** The names of the options of `batches`. */
export const BATCH_OPTIONS: OptionNames<BatchOptions> = {
  ...{ inputSize: true, legacyPadding: true, window: true, batchSize: true, dropRemainder: true, shuffle: true },
  ...{ weights: true, seed: true, replica: true, augment: true, features: true, workers: true, checksums: true },
};

/** What is left out of training's options for validation, test and prediction. */
export const STILL = { shuffle: false, augment: undefined, dropRemainder: false } as const;

/** @throws DatasetError "OPTION" for a number out of range, or one that the records' labels don't fit */
export function checkOptions(records: Records, options: BatchOptions): void {
  checkKnown("batches", options, BATCH_OPTIONS);
  for (const name of ["inputSize", "batchSize", "workers"] as const) {
    const value = options[name];
    if (value !== undefined && !(Number.isInteger(value) && value > 0)) {
      throw new DatasetError("OPTION", `${name}: ${value}, expected a whole number above 0`);
    }
  }
  const { checksums = "first" } = options;
  if (!["first", "always", "never"].includes(checksums)) {
    throw new DatasetError("OPTION", `checksums: ${JSON.stringify(checksums)}, expected "first", "always" or "never"`);
  }
  if (options.replica) checkReplica(options.replica);
  const { kind, inputSize, timeUnit } = records.manifest;
  if (kind === "frames" && !options.inputSize) {
    throw new DatasetError("OPTION", "inputSize: missing, expected the number of samples that a row of labels covers");
  }
  if (kind === "frames" && inputSize && timeUnit !== "samples" && options.inputSize !== inputSize) {
    throw new DatasetError(
      "OPTION",
      `inputSize: ${options.inputSize}, expected ${inputSize}, the frames that the labels were counted in`,
    );
  }
  if (options.inputSize) checkRows(records, options.inputSize);
}

/** @throws DatasetError "LABEL" where a key csv with a row per frame has fewer rows than there are frames, or one has rows after them */
function checkRows({ manifest }: Records, inputSize: number): void {
  const refuse = (wrong: string | undefined, file: string): void => {
    if (wrong === undefined) return;
    throw new DatasetError("LABEL", `${wrong} (${file}); check({ inputSize: ${inputSize} }) lists all such files`);
  };
  for (const { sparsestKeys: sparse, latestKeys: late } of manifest.shards) {
    if (late) refuse(lateRow(late.time, late.samples, inputSize), late.file);
    if (sparse) refuse(missingRows(sparse.rows, sparse.samples, inputSize), sparse.file);
  }
}

/** What is done to the samples of a batch before they become tensors; undefined where they stay as they are. */
export function processing(records: Records, options: BatchOptions): Processing | undefined {
  const { augment, features, inputSize, seed = 0 } = options;
  const { kind, channels, sampleRate } = records.manifest;
  if (!augment && !features) return undefined;
  if (augment) checkAugment(augment, features !== undefined);
  if (features) checkFeatures(features, sampleRate);
  if (features && kind === "frames") {
    const { frameStep, center = true, padEnd } = features;
    if (frameStep !== inputSize || !(center || padEnd)) {
      throw new DatasetError(
        "OPTION",
        `features: frameStep ${frameStep}, expected inputSize, ${inputSize}, and center or padEnd, so that there is one frame per row of labels`,
      );
    }
  }
  return { augment, features, kind, channels, sampleRate, inputSize, seed };
}
