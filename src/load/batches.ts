import type * as tfjs from "@tensorflow/tfjs-node-gpu";
import { type Augment, checkAugment } from "./augment.js";
import { type LayoutOptions, layoutBatch, type StoredArray } from "./batch-layout.js";
import { DatasetError } from "../core/error.js";
import { interruptCount } from "../system/interrupts.js";
import type { Features } from "../features/features.js";
import { cutItems, epochOrder } from "./windows.js";
import { workerCount } from "../system/pool.js";
import { type Processing, planProcessing } from "./process-batch.js";
import { type BatchPlanner, type RawBatch, type ReadAhead, readAhead } from "./read-ahead.js";
import type { Records } from "../records/open-records.js";
import { frameWidth, openShard } from "../records/records.js";
import { loadTensorFlow } from "../tensorflow/load.js";
import { uploadSamples } from "./upload-samples.js";
import { checkExample } from "../records/read-example.js";
import type { TensorFlow } from "../tensorflow/kernels/types.js";

/** Threads that read in random order from a disk slower than memory: it serves several at once. In order it reads ahead by itself. */
const READERS_OF_A_DISK = 4;

/** How `batches` makes batches of examples. */
export interface BatchOptions extends LayoutOptions {
  /** Default 64. */
  batchSize?: number;
  /** Leaves out the last batch where it isn't full. Default false. */
  dropRemainder?: boolean;
  /** Shuffles: a new order in every epoch, over all shards at once. Default true; pass false for validation and test. */
  shuffle?: boolean;
  /** Seed of the order, together with the epoch's number. Default 0. */
  seed?: number;
  /** Random changes of the examples, for training; give none for validation and test. */
  augment?: Augment | undefined;
  /** Features instead of samples: x becomes `[batch, frames, bins]`, computed by the workers. */
  features?: Features;
  /**
   * Threads that read ahead. Default 1, which reads faster than TensorFlow takes, and 4 once a shuffled epoch turns out to wait for
   * the disk; with `augment` or `features` one per core but one. The order does not depend on it.
   */
  workers?: number;
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
}

/** One batch. The two tensors belong to whoever takes them; `fitDataset` and `evaluateDataset` dispose them. */
export type Batch = { xs: tfjs.Tensor; ys: tfjs.Tensor };

/** A finite `tf.data.Dataset` of batches that knows where it is. */
export interface Batches extends tfjs.data.Dataset<Batch> {
  /** Batches per epoch. */
  readonly size: number;
  /** Where the iterator read last is: what comes next. */
  state(): LoadState;
  /** The next iterator resumes at `state` with exactly the batches that would have come. Throws "OPTION" when it doesn't fit. */
  resume(state: LoadState): void;
}

/**
 * Batches of the given examples as a finite `tf.data.Dataset` for `model.fitDataset` and `model.evaluateDataset`.
 *
 * Shapes, for `inputSize` n and frames = ceil(samples / n), the last frame padded with zeros:
 * pairs: xs and ys `[batch, frames, n]`, both as long as the longer side; classes: ys `[batch, classes]`; values: ys `[batch, n values]`;
 * frames: ys `[batch, frames, features]`. Without `inputSize` audio is `[batch, samples]`, each side of its own length. Audio of several channels has
 * them as one more, last, dimension. Examples of different length are padded to the longest of their batch.
 * All float32, int16 samples divided by 32768.
 *
 * The order of epoch k depends on `seed` and k alone. The k-th iterator that is read gives epoch k.
 *
 * @throws DatasetError "OPTION" for options out of range; while reading "RECORD" or "FILE" for damaged or missing shards
 * @example
 * const train = batches(records, split.train, { inputSize: 256, batchSize: 64, seed: 1 });
 * await model.fitDataset(train, { epochs: 5 });
 */
export function batches(records: Records, examples: Uint32Array, options: BatchOptions = {}): Batches {
  const { batchSize = 64, seed = 0, shuffle = true } = options;
  checkOptions(records, options);
  for (const i of examples) checkExample(records, i);
  const items = cutItems(records, examples, options.window);
  const count = items.example.length;
  const size = options.dropRemainder ? Math.floor(count / batchSize) : Math.ceil(count / batchSize);
  const tf = loadTensorFlow();
  const { timeUnit = "frames", kind } = records.manifest;
  const width = kind === "frames" ? frameWidth(records) : 0;
  const how = processing(records, options);
  const workers = options.workers ?? (how ? Math.max(1, workerCount() - 1) : 1);
  const mayGrow = options.workers === undefined && !how && shuffle;
  const readers = { now: workers, atMost: mayGrow ? READERS_OF_A_DISK : workers };
  const values = (examples: Uint32Array): Values | undefined => exampleValues(records, examples);
  const rows = new Float64Array(0);
  const source = {
    shards: { ...records.paths.map((_, k) => openShard(records, k)) },
    opened: `${process.pid} ${opened++}`,
    labels: kind === "frames" ? { width, timeUnit, rows, inputSize: options.inputSize! } : undefined,
  };
  // Buffers are used again from batch to batch and from epoch to epoch.
  const free: SharedArrayBuffer[] = [];
  // What the next new iterator begins with, and where the one read last is.
  let next = { epoch: 0, batch: 0 };
  let now = { epoch: 0, batch: 0 };

  // The epoch after that, of which the first batches are read already.
  let begun: { epoch: number; reader: ReadAhead } | undefined;

  /** Reads an epoch from a batch on. */
  const reading = ({ epoch, batch }: { epoch: number; batch: number }): ReadAhead => {
    const order = epochOrder(count, seed, epoch, shuffle);
    const chosen = (k: number): Uint32Array => order.subarray(k * batchSize, (k + 1) * batchSize);
    const planner: BatchPlanner = {
      layout: (k, at) => layoutBatch(records, items, chosen(k), options, width, at),
      ...(how && { how, process: (layout, at) => planProcessing(layout, how, values(layout.examples), epoch, at) }),
    };
    return readAhead(source, readers, batch, size, planner, free);
  };

  const iterator = (): { next(): Promise<IteratorResult<Batch>> } => {
    let reader: ReadAhead | undefined;
    let place = { epoch: 0, batch: 0 };
    // tfjs's own fitDataset takes no signal, so an interrupted cell would train on: its data ends instead.
    const interrupts = interruptCount();
    const advance = async (): Promise<IteratorResult<Batch>> => {
      if (interruptCount() > interrupts) {
        throw new DatasetError("ABORTED", "reading batches: interrupted; run the same call again to resume");
      }
      // An epoch begins with its first read: fitDataset makes one iterator that it never reads.
      if (!reader) {
        place = next;
        next = { epoch: place.epoch + 1, batch: 0 };
        reader = begun?.epoch === place.epoch && place.batch === 0 ? begun.reader : reading(place);
        begun = undefined;
      }
      const raw = await reader.next();
      if (!raw) {
        now = { epoch: place.epoch + 1, batch: 0 };
        return { done: true, value: undefined };
      }
      place = { epoch: place.epoch, batch: place.batch + 1 };
      now = place;
      const value = toTensors(tf, raw, values);
      reader.release(raw);
      // The next epoch's first batches are read while this one's last is trained on, and while it is validated.
      if (place.batch === size && next.batch === 0) {
        begun = { epoch: next.epoch, reader: reading(next) };
        begun.reader.begin();
      }
      return { done: false, value };
    };
    let last: Promise<unknown> = Promise.resolve();
    return {
      // One after the other, also for callers that don't wait.
      next: () => {
        const result = last.then(advance);
        last = result.catch(() => undefined);
        return result;
      },
    };
  };

  const dataset = tf.data.generator(iterator as unknown as () => Promise<Iterator<Batch>>);
  return Object.assign(dataset, {
    size,
    state: (): LoadState => {
      const at = size > 0 && now.batch >= size ? { epoch: now.epoch + 1, batch: 0 } : now;
      return { seed, ...at, items: count, batchSize };
    },
    resume: (state: LoadState): void => {
      const wanted = { seed, items: count, batchSize };
      for (const name of ["seed", "items", "batchSize"] as const) {
        if (state[name] !== wanted[name]) {
          throw new DatasetError(
            "OPTION",
            `state: ${name} ${state[name]}, expected ${wanted[name]}: it was saved for different data`,
          );
        }
      }
      for (const [name, most] of [
        ["epoch", Infinity],
        ["batch", size],
      ] as const) {
        if (Number.isInteger(state[name]) && state[name] >= 0 && state[name] <= most) continue;
        const range = most === Infinity ? "from 0 on" : `from 0 to ${most}`;
        throw new DatasetError("OPTION", `state: ${name} ${state[name]}, expected a whole number ${range}`);
      }
      next = { epoch: state.epoch, batch: state.batch };
      now = next;
    },
  });
}

/** Kinds classes and values: the targets of some examples, row after row. */
interface Values {
  data: Float32Array;
  width: number;
}

function exampleValues(records: Records, examples: Uint32Array): Values | undefined {
  const all = records.values;
  if (!all) return undefined;
  const width = all.length / records.count;
  const data = new Float32Array(examples.length * width);
  for (const [row, i] of examples.entries()) data.set(all.subarray(i * width, (i + 1) * width), row * width);
  return { data, width };
}

function processing(records: Records, options: BatchOptions): Processing | undefined {
  const { augment, features, inputSize, seed = 0 } = options;
  const { kind, channels, sampleRate } = records.manifest;
  if (!augment && !features) return undefined;
  if (augment) checkAugment(augment, features !== undefined);
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

// Identifies one opening of a dataset, so that no worker reads a file that was replaced since.
let opened = 0;

function toTensors(tf: TensorFlow, raw: RawBatch, values: (examples: Uint32Array) => Values | undefined): Batch {
  const upload = ({ at, bytes, shape, encoding }: StoredArray): tfjs.Tensor =>
    uploadSamples(tf, new Uint8Array(raw.buffer, at, bytes), shape, encoding);
  const xs = upload(raw.xs);
  if (raw.ys) return { xs, ys: upload(raw.ys) };
  const { data, width } = values(raw.examples)!;
  return { xs, ys: tf.tensor(data, [raw.examples.length, width], "float32") };
}

function checkOptions(records: Records, options: BatchOptions): void {
  for (const name of ["inputSize", "batchSize", "workers"] as const) {
    const value = options[name];
    if (value !== undefined && !(Number.isInteger(value) && value > 0)) {
      throw new DatasetError("OPTION", `${name}: ${value}, expected a whole number above 0`);
    }
  }
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
}
