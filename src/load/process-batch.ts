import { type Augment, augmentSamples, exampleRandom, maskRows } from "./augment.js";
import { aligned, type BatchLayout, LABEL_FIELDS, type StoredArray } from "./batch-layout.js";
import { featureRows, featureRowsShape } from "../features/feature-rows.js";
import type { Features } from "../features/features.js";
import { BYTES_PER_SAMPLE } from "../records/manifest.js";
import type { Kind } from "../core/rows.js";
import { decodeSamples } from "../records/read-example.js";

/** What is done to samples between reading and the tensors. */
export interface Processing {
  augment?: Augment | undefined;
  features?: Features | undefined;
  kind: Kind;
  channels: number;
  sampleRate: number;
  inputSize?: number | undefined;
  seed: number;
}

/** One batch to process. Plain data. */
export interface ProcessedBatch {
  epoch: number;
  items: Uint32Array;
  /** Where the worker finds what was read. */
  first: StoredArray;
  second?: StoredArray | undefined;
  /** Values of each row that are its own, not padding. */
  lengths: Float64Array;
  /** The same of the targets: the other side of pairs, or labels per frame. */
  targetLengths?: Float64Array | undefined;
  /** Kinds classes and values: the targets, row after row. */
  values?: Float32Array | undefined;
  /** Where the results go in the batch's buffer. */
  xs: StoredArray;
  ys: StoredArray;
}

/** Lays out what processing makes of a batch, its first byte at `at`. */
export function planProcessing(
  layout: BatchLayout,
  how: Processing,
  values: { data: Float32Array; width: number } | undefined,
  epoch: number,
  at: number,
): ProcessedBatch {
  const { items, first, second, lengths } = layout;
  const rows = items.length;
  const result = (from: number, stored: StoredArray, features: Features | undefined): StoredArray => {
    const { shape, bytes, encoding } = stored;
    const samples = bytes / BYTES_PER_SAMPLE[encoding] / rows / how.channels;
    const labelRows = how.kind === "frames" ? shape[1] : undefined;
    const made = features ? featureRowsShape(rows, samples, features, how.channels, labelRows) : shape;
    return { at: from, bytes: made.reduce((a, b) => a * b, 4), shape: made, encoding: "float32" };
  };
  const xs = result(at, first, how.features);
  const next = at + aligned(xs.bytes);
  const targetFeatures = how.kind === "pairs" && how.features?.targets ? how.features : undefined;
  const ys: StoredArray = values
    ? { at: next, bytes: values.data.length * 4, shape: [rows, values.width], encoding: "float32" }
    : result(next, second!, targetFeatures);
  const labelled = (labels: Float64Array): Float64Array =>
    Float64Array.from({ length: rows }, (_, row) => labels[row * LABEL_FIELDS + 3]! * second!.shape[2]!);
  const targetLengths = how.kind === "pairs" ? lengths.second : layout.labels && labelled(layout.labels);
  return { epoch, items, first, second, lengths: lengths.first, targetLengths, values: values?.data, xs, ys };
}

/** Processes a batch that was read into `scratch`; the results go to `buffer`. The same for any worker. */
export function processBatch(
  scratch: Uint8Array,
  buffer: SharedArrayBuffer,
  batch: ProcessedBatch,
  how: Processing,
): void {
  const { items, first, second, lengths, targetLengths, xs, ys } = batch;
  const { augment, features, kind, channels } = how;
  const rows = items.length;
  const samples = (array: StoredArray): Float32Array =>
    decodeSamples(scratch.subarray(array.at, array.at + array.bytes), array.encoding);
  const x = samples(first);
  const y = batch.values ?? samples(second!);
  const randoms = augment ? Array.from(items, (item) => exampleRandom(how.seed, batch.epoch, item)) : [];
  if (augment) {
    const width = kind === "frames" ? second!.shape[2] : undefined;
    const own = { lengths, targetLengths };
    augmentSamples({ x, y, rows, ...own, kind, channels, inputSize: how.inputSize, width }, augment, randoms);
  }
  const input = features ? featureRows(x, rows, xs.shape, features, how) : x;
  if (augment?.timeMask || augment?.frequencyMask) {
    const [frames, bins] = features ? [xs.shape[1]!, xs.shape[2]!] : [x.length / rows / channels, 1];
    const values = input.length / rows / frames / bins;
    maskRows(input, { rows, frames, bins, values }, augment, features !== undefined, randoms);
  }
  const target = kind === "pairs" && features?.targets ? featureRows(y, rows, ys.shape, features, how) : y;
  new Float32Array(buffer, xs.at, input.length).set(input);
  new Float32Array(buffer, ys.at, target.length).set(target);
}
