import type * as tfjs from "@tensorflow/tfjs-node-gpu";
import { checkExample } from "../records/read-example.js";
import { exampleName, type Records } from "../records/records.js";
import { loadTensorFlow } from "../tensorflow/load.js";
import type { TensorFlow } from "../tensorflow/kernels/types.js";
import type { StoredArray } from "./batch-layout.js";
import { type Epochs, planEpochs } from "./epochs.js";
import { type Cursor, iterateEpoch } from "./iterate.js";
import { type LoadState, placeOf, stateAt } from "./load-state.js";
import { type BatchOptions, checkOptions } from "./options.js";
import type { RawBatch } from "./read-ahead.js";
import { uploadSamples } from "./upload-samples.js";

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
  /** Names of the examples of the batch that was given last. */
  names(): string[];
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
  checkOptions(records, options);
  for (const i of examples) checkExample(records, i);
  const tf = loadTensorFlow();
  const epochs = planEpochs(records, examples, options);
  const start = { epoch: 0, batch: 0 };
  const cursor: Cursor = { next: start, now: start };
  const iterator = (): AsyncIterator<Batch> => iterateEpoch(epochs, cursor, (raw) => toTensors(tf, raw, epochs.values));
  const dataset = tf.data.generator(iterator as unknown as () => Promise<Iterator<Batch>>);
  return Object.assign(dataset, {
    size: epochs.shape.size,
    state: (): LoadState => stateAt(cursor.now, epochs.shape),
    resume: (state: LoadState): void => {
      cursor.next = placeOf(state, epochs.shape);
      cursor.now = cursor.next;
    },
    names: (): string[] => Array.from(cursor.examples ?? [], (i) => exampleName(records, i)),
  });
}

function toTensors(tf: TensorFlow, raw: RawBatch, values: Epochs["values"]): Batch {
  const upload = ({ at, bytes, shape, encoding }: StoredArray): tfjs.Tensor =>
    uploadSamples(tf, new Uint8Array(raw.buffer, at, bytes), shape, encoding);
  const xs = upload(raw.xs);
  if (raw.ys) return { xs, ys: upload(raw.ys) };
  const { data, width } = values(raw.examples)!;
  return { xs, ys: tf.tensor(data, [raw.examples.length, width], "float32") };
}
