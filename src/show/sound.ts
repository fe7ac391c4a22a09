import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { DatasetError } from "../core/error.js";
import type { OptionNames } from "../core/known-options.js";
import { isWav } from "../format/audio.js";
import { type Audio, decodeWav, toFloat32 } from "../format/wav.js";

/** A tensor, as far as a display needs it: its values in order. */
export interface TensorLike {
  shape: readonly number[];
  dataSync(): ArrayLike<number>;
}

/** An example of a dataset, as far as a display needs it. */
export interface ExampleLike {
  input: Float32Array;
  target?: Float32Array;
  /** Samples per second; 0 where it isn't known, then the option is needed. */
  sampleRate: number;
  /** Channels interleaved in input and target. Default 1. */
  channels?: number;
  name?: string;
}

/**
 * What can be shown and played: the path of a wav file, samples (with the option `sampleRate`), decoded audio, a tensor
 * (flattened; with the option `sampleRate`), or an example of a dataset (its input).
 */
export type SoundSource = string | Float32Array | Int16Array | Audio | TensorLike | ExampleLike;

/** Which part of a sound is shown. */
export interface SoundOptions {
  /** Samples per second; needed for plain samples and tensors, taken from the file or example otherwise. */
  sampleRate?: number;
  /** First second shown. Default 0. */
  start?: number;
  /** Last second shown. Default: the end. */
  end?: number;
}

/** Their names. */
export const SOUND_OPTIONS: OptionNames<SoundOptions> = { sampleRate: true, start: true, end: true };

/** A sound ready to show: one array per channel. */
export interface Sound {
  channels: Float32Array[];
  sampleRate: number;
  name: string;
}

/**
 * Reads or wraps whatever was given.
 *
 * @throws DatasetError "OPTION" without a sample rate, "FILE" for a missing file, "FORMAT" for a file that is no wav.
 */
export function toSound(source: SoundSource, options: SoundOptions = {}): Sound {
  if (typeof source === "string") return fileSound(source);
  if (source instanceof Float32Array || source instanceof Int16Array) {
    return { channels: [toFloat32(source)], sampleRate: rateOf(options), name: "" };
  }
  if ("dataSync" in source) {
    return { channels: [Float32Array.from(source.dataSync())], sampleRate: rateOf(options), name: "" };
  }
  if ("samples" in source) return audioSound(source, "");
  const sampleRate = options.sampleRate ?? (source.sampleRate || rateOf(options));
  return audioSound({ samples: source.input, channels: source.channels ?? 1, sampleRate }, source.name ?? "");
}

/** One channel: the only one, or the mean of all. */
export function mono(sound: Sound): Float32Array {
  const [first, ...others] = sound.channels;
  if (!first || others.length === 0) return first ?? new Float32Array(0);
  const sum = Float32Array.from(first);
  for (const channel of others) for (let i = 0; i < sum.length; i++) sum[i] = sum[i]! + channel[i]!;
  for (let i = 0; i < sum.length; i++) sum[i] = sum[i]! / sound.channels.length;
  return sum;
}

/**
 * The samples that `start` and `end` name.
 *
 * @throws DatasetError "OPTION" when nothing lies between them.
 */
export function sampleRange(sound: Sound, options: SoundOptions): { from: number; to: number } {
  const length = sound.channels[0]?.length ?? 0;
  const from = Math.max(0, Math.round((options.start ?? 0) * sound.sampleRate));
  const to = Math.min(length, Math.round((options.end ?? Infinity) * sound.sampleRate));
  if (!(from < to)) {
    throw new DatasetError(
      "OPTION",
      `start and end: ${options.start ?? 0} s to ${options.end ?? "the end"}, expected a part of the sound's ${length / sound.sampleRate} s${sound.name ? ` (${sound.name})` : ""}`,
    );
  }
  return { from, to };
}

function fileSound(path: string): Sound {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(path);
  } catch (cause) {
    throw new DatasetError(
      "FILE",
      `sound: cannot read ${path}; check the path, it is relative to ${process.cwd()}`,
      [],
      { cause },
    );
  }
  if (!isWav(bytes)) {
    const magic = Buffer.from(bytes.subarray(0, 4)).toString("latin1");
    throw new DatasetError(
      "FORMAT",
      `sound: begins with ${JSON.stringify(magic)}, expected a wav file; pass await decodeAudio(readFileSync(path), path) for other formats (${path})`,
    );
  }
  return audioSound(decodeWav(bytes, path), basename(path));
}

function audioSound(audio: Audio, name: string): Sound {
  const { channels: count, sampleRate } = audio;
  if (count === 1) return { channels: [toFloat32(audio.samples)], sampleRate, name };
  const frames = Math.floor(audio.samples.length / count);
  const scale = audio.samples instanceof Int16Array ? 1 / 32768 : 1;
  const channels = Array.from({ length: count }, (_, c) => {
    const out = new Float32Array(frames);
    for (let i = 0; i < frames; i++) out[i] = audio.samples[i * count + c]! * scale;
    return out;
  });
  return { channels, sampleRate, name };
}

function rateOf(options: SoundOptions): number {
  const rate = options.sampleRate;
  if (rate !== undefined && rate > 0) return rate;
  throw new DatasetError(
    "OPTION",
    `sampleRate: ${rate}, expected the samples per second of the samples; pass { sampleRate: 16000 }`,
  );
}
