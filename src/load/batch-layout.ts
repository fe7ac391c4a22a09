import { originalFrameCount } from "../original/padding.js";
import type { Items, Window } from "./windows.js";
import { BYTES_PER_SAMPLE, type Encoding } from "../records/manifest.js";
import type { Records } from "../records/open-records.js";
import { sideSamples } from "../records/records.js";

/** How examples become arrays. */
export interface LayoutOptions {
  /** Samples per frame: x becomes `[batch, frames, inputSize]`. Without it x is `[batch, samples]`. */
  inputSize?: number | undefined;
  /** Pads as the original does: a whole frame of zeros more where `inputSize` divides the length. Default false. */
  legacyPadding?: boolean;
  window?: Window;
}
/** Labels of one row: place and bytes of what was read, first sample, rows of its own, place of the first value. */
export const LABEL_FIELDS = 5;

/** An array in a buffer. */
export interface StoredArray {
  /** First byte, and number of bytes. */
  at: number;
  bytes: number;
  shape: number[];
  encoding: Encoding;
}

/** Where everything of a batch comes from and where in its buffer it goes. Plain data, in bytes. */
export interface BatchLayout {
  /** The item and the example of each row. */
  items: Uint32Array;
  examples: Uint32Array;
  /** The inputs as stored, padding included. */
  first: StoredArray;
  /** The other side of pairs, or the labels per frame. */
  second?: StoredArray | undefined;
  /** Where it ends. */
  end: number;
  /** READ_FIELDS numbers per read. */
  reads: Float64Array;
  /** Kind frames: LABEL_FIELDS numbers per row. */
  labels?: Float64Array | undefined;
}

/** Places of arrays are multiples of 64, so that TensorFlow uses them where they are. */
export const aligned = (bytes: number): number => Math.ceil(bytes / 64) * 64;

/** Frames (samples, where there is no inputSize) of audio of `samples` samples per channel. */
export function frameCount(samples: number, options: LayoutOptions, paddedBefore = false): number {
  const { inputSize = 1 } = options;
  if (options.legacyPadding && options.inputSize && !paddedBefore) return originalFrameCount(samples, inputSize);
  return Math.ceil(samples / inputSize);
}

/** Lays out the items numbered `chosen`: each padded to the longest of them, the first byte at `firstAt`. `width`: labels per frame. */
export function layoutBatch(
  records: Records,
  items: Items,
  chosen: Uint32Array,
  options: LayoutOptions,
  width: number,
  firstAt: number,
): BatchLayout {
  const { kind, encoding, channels } = records.manifest;
  const unit = BYTES_PER_SAMPLE[encoding] * channels;
  const length = options.window?.length ?? Infinity;
  // The original pads its frame-labelled audio before storing it.
  const paddedBefore = kind === "frames" && encoding === "float16";
  const examples = chosen.map((item) => items.example[item]!);
  const own = Array.from(examples, (i) =>
    sideSamples(records, i).map((samples) => frameCount(Math.min(samples, length), options, paddedBefore)),
  );
  const fixed = Number.isFinite(length) ? frameCount(length, options, paddedBefore) : 0;
  let frames = Math.max(fixed, ...own.map(([input]) => input!));
  let secondFrames = Math.max(fixed, ...own.map(([, target]) => target!));
  if (options.inputSize) frames = secondFrames = Math.max(frames, secondFrames);
  const slot = (options.inputSize ?? 1) * unit;
  const rows = examples.length;
  const audio = (at: number, n: number): StoredArray => {
    const shape = [rows, n, ...(options.inputSize ? [options.inputSize] : []), ...(channels > 1 ? [channels] : [])];
    return { at, bytes: rows * n * slot, shape, encoding };
  };
  const first = audio(firstAt, frames);
  const secondAt = firstAt + aligned(first.bytes);
  const matrix: StoredArray = {
    at: secondAt,
    bytes: rows * frames * width * 4,
    shape: [rows, frames, width],
    encoding: "float32",
  };
  const second = kind === "pairs" ? audio(secondAt, secondFrames) : kind === "frames" ? matrix : undefined;
  let end = secondAt + aligned(second?.bytes ?? 0);
  const reads: number[] = [];
  const labels: number[] = [];
  for (const [row, item] of chosen.entries()) {
    const example = examples[row]!;
    const start = items.start?.[item] ?? 0;
    const side = (at: number, stored: number, array: StoredArray): void => {
      const bytes = Math.max(0, Math.min(stored - start * unit, length * unit));
      const room = array.bytes / rows;
      reads.push(records.shard[example]!, at + start * unit, bytes, array.at + row * room, room);
    };
    side(records.inputAt[example]!, records.inputBytes[example]!, first);
    if (kind === "pairs") side(records.targetAt[example]!, records.targetBytes[example]!, second!);
    if (kind !== "frames") continue;
    const bytes = records.labelBytes[example]!;
    reads.push(records.shard[example]!, records.labelAt[example]!, bytes, end, bytes);
    labels.push(end, bytes, start, own[row]![0]!, secondAt + row * frames * width * 4);
    end += bytes;
  }
  return {
    items: chosen.slice(),
    examples,
    first,
    second,
    end: aligned(end),
    reads: Float64Array.from(reads),
    labels: kind === "frames" ? Float64Array.from(labels) : undefined,
  };
}
