import { exampleSamples, type Items, type Window } from "./items.js";
import { BYTES_PER_SAMPLE } from "./manifest.js";
import type { Records } from "./records.js";

/** How examples become arrays. */
export interface LayoutOptions {
  /** Samples per frame: x becomes `[batch, frames, inputSize]`. Without it x is `[batch, samples]`. */
  inputSize?: number;
  /** Pads as the original does: a whole frame of zeros more where `inputSize` divides the length. Default false. */
  legacyPadding?: boolean;
  window?: Window;
}

/** One read: shard, position, bytes, place in the buffer, bytes to fill there (zeros behind what is read). */
export const READ_FIELDS = 5;
/** Labels of one row: place and bytes of what was read, first sample, rows of its own, place of the first value. */
export const LABEL_FIELDS = 5;

/** Where everything of a batch comes from and where in its buffer it goes. Plain data, in bytes. */
export interface BatchLayout {
  /** The example of each row. */
  examples: Uint32Array;
  /** Frames of x; samples where there is no inputSize. */
  frames: number;
  /** Bytes of one side as stored, padding included. */
  sideBytes: number;
  /** Where the inputs begin, where the targets or the labels per frame, and where everything ends. */
  firstAt: number;
  secondAt: number;
  end: number;
  /** READ_FIELDS numbers a read. */
  reads: Float64Array;
  /** Kind frames: LABEL_FIELDS numbers a row. */
  labels?: Float64Array;
}

/** Places of arrays are multiples of 64, so that TensorFlow uses them where they are. */
export const aligned = (bytes: number): number => Math.ceil(bytes / 64) * 64;

/** Frames (samples, where there is no inputSize) of audio of `samples` samples per channel. */
export function frameCount(samples: number, options: LayoutOptions, paddedBefore = false): number {
  const { inputSize = 1 } = options;
  if (options.legacyPadding && options.inputSize && !paddedBefore) return Math.floor(samples / inputSize) + 1;
  return Math.ceil(samples / inputSize);
}

/** Lays out the items numbered `chosen`: each padded to the longest of them, the first byte at `firstAt`. */
export function layoutBatch(
  records: Records,
  items: Items,
  chosen: Uint32Array,
  options: LayoutOptions,
  firstAt: number,
): BatchLayout {
  const { kind, encoding, channels, width = 0 } = records.manifest;
  const unit = BYTES_PER_SAMPLE[encoding] * channels;
  const length = options.window?.length;
  // The original pads its frame-labelled audio before storing it.
  const paddedBefore = kind === "frames" && encoding === "float16";
  const examples = chosen.map((item) => items.example[item]!);
  const own = Array.from(examples, (i) => {
    const samples = exampleSamples(records, i);
    return frameCount(length === undefined ? samples : Math.min(samples, length), options, paddedBefore);
  });
  const frames = length === undefined ? Math.max(0, ...own) : frameCount(length, options, paddedBefore);
  const itemBytes = frames * (options.inputSize ?? 1) * unit;
  const sideBytes = examples.length * itemBytes;
  const secondAt = firstAt + aligned(sideBytes);
  const reads: number[] = [];
  const labels: number[] = [];
  const second = kind === "pairs" ? sideBytes : kind === "frames" ? examples.length * frames * width * 4 : 0;
  let end = secondAt + aligned(second);
  for (const [row, item] of chosen.entries()) {
    const example = examples[row]!;
    const start = items.start?.[item] ?? 0;
    const side = (at: number, stored: number, place: number): void => {
      const bytes = Math.min(stored - start * unit, length === undefined ? stored : length * unit);
      reads.push(records.shard[example]!, at + start * unit, Math.max(0, bytes), place + row * itemBytes, itemBytes);
    };
    side(records.inputAt[example]!, records.inputBytes[example]!, firstAt);
    if (kind === "pairs") side(records.targetAt[example]!, records.targetBytes[example]!, secondAt);
    if (kind !== "frames") continue;
    const bytes = records.labelBytes[example]!;
    reads.push(records.shard[example]!, records.labelAt[example]!, bytes, end, bytes);
    labels.push(end, bytes, start, own[row]!, secondAt + row * frames * width * 4);
    end += bytes;
  }
  return {
    examples,
    frames,
    sideBytes,
    firstAt,
    secondAt,
    end: aligned(end),
    reads: Float64Array.from(reads),
    labels: kind === "frames" ? Float64Array.from(labels) : undefined,
  };
}
