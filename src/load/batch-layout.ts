import { originalFrameCount } from "../original/padding.js";
import type { Items, Window } from "./windows.js";
import { BYTES_PER_SAMPLE, type Encoding } from "../records/manifest.js";
import type { Records } from "../records/open-records.js";
import { type FlacBlocks, sideSamples } from "../records/records.js";

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
  /** Encoding flac: BLOCK_FIELDS numbers per run of blocks. */
  blocks: Float64Array;
  /** Values of each row that are its own, not padding: of the inputs, and of the targets of pairs. */
  lengths: { first: Float64Array; second: Float64Array };
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
  const { kind, channels } = records.manifest;
  // FLAC becomes the samples that it was made of.
  const encoding = records.blocks ? "pcm16" : records.manifest.encoding;
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
  const blocks: number[] = [];
  const lengths = { first: new Float64Array(rows), second: new Float64Array(rows) };
  const labels: number[] = [];
  for (const [row, item] of chosen.entries()) {
    const example = examples[row]!;
    const start = items.start?.[item] ?? 0;
    const shard = records.shard[example]!;
    const side = (name: "first" | "second", at: number, samples: number, stored?: FlacBlocks): void => {
      const array = name === "first" ? first : second!;
      const count = Math.max(0, Math.min(samples - start, length));
      const room = array.bytes / rows;
      const place = array.at + row * room;
      lengths[name][row] = count * channels;
      if (stored) blocks.push(...blockRuns({ shard, at, stored, example, start, count, unit, place, room }));
      else reads.push(shard, at + start * unit, count * unit, place, room);
    };
    const [inputs, targets] = sideSamples(records, example);
    side("first", records.inputAt[example]!, inputs, records.blocks?.input);
    if (kind === "pairs") side("second", records.targetAt[example]!, targets, records.blocks?.target);
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
    blocks: Float64Array.from(blocks),
    lengths,
    labels: kind === "frames" ? Float64Array.from(labels) : undefined,
  };
}

/** Blocks that are decoded one after the other, at most: their bytes lie in memory together. */
const RUN = 256;

/** The runs of blocks with `count` samples from `start` on: BLOCK_FIELDS numbers each, the last with the zeros behind them. */
function blockRuns(part: {
  shard: number;
  at: number;
  stored: FlacBlocks;
  example: number;
  start: number;
  count: number;
  unit: number;
  place: number;
  room: number;
}): number[] {
  const { shard, at, stored, example, start, count, unit, place, room } = part;
  const block = stored.block[example]!;
  const end = start + count;
  const runs: number[] = [];
  let done = 0;
  do {
    const from = Math.floor((start + done) / block);
    const to = Math.min(from + RUN, Math.ceil(end / block));
    const skip = start + done - from * block;
    const kept = count === 0 ? 0 : Math.min(end, to * block) - start - done;
    const [first, last] = [from, kept === 0 ? from : to].map((k) => stored.at[stored.from[example]! + k]!);
    const ends = done + kept === count;
    runs.push(
      shard,
      at + first!,
      last! - first!,
      block,
      skip,
      kept,
      place + done * unit,
      ends ? room - done * unit : kept * unit,
    );
    done += kept;
  } while (done < count);
  return runs;
}
