import type { PipelineDescription } from "./description.js";

/** How a sound is cut into pieces for the model. Lengths in samples per channel. */
export interface Cut {
  /** Samples of a piece as the model takes it, padded to whole frames. */
  size: number;
  /** Samples of a piece that come from the sound. */
  length: number;
  /** First sample of each piece is a multiple of it. */
  step: number;
  pieces: number;
}

/**
 * The pieces of a sound of `samples` samples. They cover all of it, the last padded with zeros. Labels per frame: they
 * follow each other on borders between frames. Sound: they overlap by half, so that one fades into the next. Else as in
 * training.
 */
export function cutSound(samples: number, { kind, window, inputSize = 1 }: PipelineDescription): Cut {
  const frames = (n: number): number => Math.max(1, Math.ceil(n / inputSize)) * inputSize;
  if (!window) return { size: frames(samples), length: frames(samples), step: frames(samples), pieces: 1 };
  const { length } = window;
  const step = stepOf(kind, window, inputSize);
  const pieces = Math.max(1, Math.ceil((samples - length) / step) + 1);
  return { size: frames(length), length, step, pieces };
}

function stepOf(
  kind: PipelineDescription["kind"],
  { length, step = length }: { length: number; step?: number },
  frame: number,
): number {
  if (kind === "frames") return Math.max(frame, Math.floor(length / frame) * frame);
  return kind === "pairs" ? Math.max(1, Math.floor(length / 2)) : step;
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

/**
 * Puts pieces of sound that overlap together: each fades into the next, so that no seam is heard, and what both agree on
 * stays as it is to the last bit.
 */
export class OverlapAdd {
  private readonly out: Float32Array;
  private held = 0;

  constructor(
    samples: number,
    private readonly channels: number,
  ) {
    this.out = new Float32Array(samples * channels);
  }

  /** Adds a piece that begins at sample `start`; what lies behind the end of the sound is left out. */
  add(start: number, piece: Float32Array): void {
    const { out, channels } = this;
    const at = start * channels;
    const shared = Math.min(Math.max(0, this.held - at), piece.length);
    const fade = shared / channels;
    for (let i = 0; i < Math.min(piece.length, out.length - at); i++) {
      const before = out[at + i]!;
      const share = i < shared ? (Math.floor(i / channels) + 0.5) / fade : 1;
      out[at + i] = i < shared ? before + (piece[i]! - before) * share : piece[i]!;
    }
    this.held = Math.max(this.held, Math.min(out.length, at + piece.length));
  }

  get samples(): Float32Array {
    return this.out;
  }
}
