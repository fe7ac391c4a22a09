import { featuresOf, type Features, featureShape } from "./features.js";

/** What rows of samples have in common. */
export interface RowForm {
  channels: number;
  /** In Hz. */
  sampleRate: number;
}

/**
 * The shape of a batch of features: `[rows, frames, bins]`, then 2 for complex numbers, then the channels where there are
 * several. `labelRows`: rows of labels beside the features; centred frames are one more than these, and cut to them.
 */
export function featureRowsShape(
  rows: number,
  samples: number,
  features: Features,
  channels: number,
  labelRows?: number,
): number[] {
  const shape = [rows, ...featureShape(samples, features)];
  if (labelRows !== undefined) shape[1] = labelRows;
  if (channels > 1) shape.push(channels);
  return shape;
}

/** Features of every row of `samples` (channels interleaved), one row after the other, in a new array of `shape`. */
export function featureRows(
  samples: Float32Array,
  rows: number,
  shape: readonly number[],
  features: Features,
  { channels, sampleRate }: RowForm,
): Float32Array {
  const size = samples.length / rows;
  const room = shape.reduce((a, b) => a * b, 1) / rows;
  const out = new Float32Array(room * rows);
  const mono = new Float32Array(size / channels);
  for (let row = 0; row < rows; row++) {
    for (let channel = 0; channel < channels; channel++) {
      for (let i = 0; i < mono.length; i++) mono[i] = samples[row * size + i * channels + channel]!;
      const { data } = featuresOf(mono, features, sampleRate);
      const count = Math.min(data.length, room / channels);
      for (let i = 0; i < count; i++) out[row * room + i * channels + channel] = data[i]!;
    }
  }
  return out;
}
