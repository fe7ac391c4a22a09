import type { PipelineDescription } from "./description.js";

/** How a sound is cut into pieces for the model. Lengths in samples per channel. */
export interface Cut {
  /** Samples of a piece as the model takes it, padded to whole frames. */
  size: number;
  /** Samples of a piece that come from the sound. */
  length: number;
  /** What each piece predicts begins at a multiple of it. */
  step: number;
  /** Samples that a piece begins before that. */
  context: number;
  pieces: number;
}

/**
 * The pieces of a sound of `samples` samples. They cover all of it, the last padded with zeros. Labels per frame: they
 * follow each other on borders between frames. Sound: they overlap by half, so that one fades into the next. Else as in
 * training.
 */
export function cutSound(samples: number, { kind, window, inputSize = 1, input }: PipelineDescription): Cut {
  const frames = (n: number): number => Math.max(1, Math.ceil(n / inputSize)) * inputSize;
  const size = (n: number): number => (input === "samples" ? Math.max(1, n) : frames(n));
  if (!window) return { size: size(samples), length: frames(samples), step: frames(samples), context: 0, pieces: 1 };
  const { length, context = 0 } = window;
  const step = stepOf(kind, window, inputSize);
  const covered = kind === "frames" ? step : length;
  const pieces = Math.max(1, Math.ceil((samples - covered) / step) + 1);
  return { size: size(length), length, step, context, pieces };
}

function stepOf(
  kind: PipelineDescription["kind"],
  { length, step = length, context = 0 }: PipelineDescription["window"] & object,
  frame: number,
): number {
  if (kind === "frames") return Math.max(frame, Math.floor((length - 2 * context) / frame) * frame);
  return kind === "pairs" ? Math.max(1, Math.floor(length / 2)) : step;
}

/** The rows of labels that a piece predicts, of those that the model gives for all of it: values of `features` labels each. */
export function predictedRows(output: Float32Array, features: number, cut: Cut, inputSize: number): Float32Array {
  const from = (cut.context / inputSize) * features;
  return output.subarray(from, from + (cut.step / inputSize) * features);
}

/** Copies pieces `from` to before `to` of interleaved `samples` into rows of `cut.size` frames, padded with zeros. */
export function pieceRows(samples: Float32Array, cut: Cut, from: number, to: number, channels: number): Float32Array {
  const rows = new Float32Array((to - from) * cut.size * channels);
  for (let k = from; k < to; k++) {
    const at = k * cut.step * channels;
    rows.set(
      samples.subarray(at, Math.min(samples.length, at + cut.length * channels)),
      (k - from) * cut.size * channels,
    );
  }
  return rows;
}

/** Gives the next frames of a sound, channels interleaved; fewer than asked for at its end alone. */
export type SoundReader = (frames: number) => Promise<Float32Array> | Float32Array;

/** Reads samples that are in memory. */
export function readerOf(samples: Float32Array, channels = 1): SoundReader {
  let at = 0;
  return (frames) => {
    const part = samples.subarray(at, at + frames * channels);
    at += part.length;
    return part;
  };
}

/** Some pieces of a sound. */
interface PieceBatch {
  /** Number of the first piece, and how many there are. */
  from: number;
  count: number;
  rows: Float32Array;
  cut: Cut;
  /** Samples per channel that the sound has so far: all of them in the last batch. */
  samples: number;
}

/** Cuts a sound into pieces while it is read: no more of it is in memory than a batch of pieces covers. */
export class PieceReader {
  /** What was read of the sound from piece `from` on; silence before its beginning. */
  private held: Float32Array;
  private from = 0;
  private samples = 0;
  private ended = false;

  constructor(
    private readonly read: SoundReader,
    private readonly description: PipelineDescription,
    private readonly batchSize: number,
  ) {
    const { window, channels = 1 } = description;
    this.held = new Float32Array((window?.context ?? 0) * channels);
  }

  /** The next pieces, `batchSize` of them or those that are left; undefined behind the last one. */
  async next(): Promise<PieceBatch | undefined> {
    const { description, batchSize, from } = this;
    const { channels = 1, window } = description;
    const { length, step } = cutSound(window?.length ?? 0, description);
    await this.fill(window ? (batchSize - 1) * step + Math.max(length, step) : Infinity, channels);
    const { held, samples, ended } = this;
    const cut = cutSound(samples, description);
    const count = Math.min(batchSize, ended ? cut.pieces - from : batchSize);
    if (count <= 0) return undefined;
    const rows = pieceRows(held, cut, 0, count, channels);
    this.held = held.subarray(count * cut.step * channels);
    this.from += count;
    return { from, count, rows, cut, samples };
  }

  private async fill(frames: number, channels: number): Promise<void> {
    if (this.ended) return;
    const { held } = this;
    const wanted = frames - held.length / channels;
    const part = await this.read(wanted);
    this.ended = part.length < wanted * channels;
    this.samples += part.length / channels;
    this.held = new Float32Array(held.length + part.length);
    this.held.set(held);
    this.held.set(part, held.length);
  }
}

/**
 * Puts pieces of sound that overlap together: each fades into the next, so that no seam is heard, and what both agree on
 * stays as it is to the last bit.
 */
export class OverlapAdd {
  private out = new Float32Array(1 << 16);
  private held = 0;

  constructor(private readonly channels: number) {}

  /** Adds a piece that begins at sample `start`. */
  add(start: number, piece: Float32Array): void {
    const { channels } = this;
    const at = start * channels;
    const end = at + piece.length;
    if (end > this.out.length) {
      const larger = new Float32Array(Math.max(end, 2 * this.out.length));
      larger.set(this.out.subarray(0, this.held));
      this.out = larger;
    }
    const { out } = this;
    const shared = Math.min(Math.max(0, this.held - at), piece.length);
    const fade = shared / channels;
    for (let i = 0; i < piece.length; i++) {
      const before = out[at + i]!;
      const share = i < shared ? (Math.floor(i / channels) + 0.5) / fade : 1;
      out[at + i] = i < shared ? before + (piece[i]! - before) * share : piece[i]!;
    }
    this.held = Math.max(this.held, end);
  }

  /** All that was added. */
  get samples(): Float32Array {
    return this.out.slice(0, this.held);
  }
}
