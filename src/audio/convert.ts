import { DatasetError } from "../core/error.js";
import { type Audio, toFloat32 } from "../format/wav.js";
import { mixChannels, resample } from "../signal/resample.js";

/** What every file of a set is turned into. */
export interface Convert {
  /** In Hz. Default: as it is. */
  sampleRate?: number;
  /** Channels: 1 is the mean of all, more are copies of one. Default: as it is. */
  channels?: number;
}

/**
 * Audio converted to the requested sample rate and channels; the same object where nothing changes, else a Float32Array.
 * @throws DatasetError "OPTION" where the channels can't be changed in that way
 * @example convertAudio(await decodeAudio(bytes, "in/a.flac"), { sampleRate: 16000, channels: 1 })
 */
export function convertAudio(audio: Audio, convert: Convert = {}): Audio {
  const sampleRate = convert.sampleRate ?? audio.sampleRate;
  const channels = convert.channels ?? audio.channels;
  if (sampleRate === audio.sampleRate && channels === audio.channels) return audio;
  if (!Number.isInteger(channels) || channels < 1) {
    throw new DatasetError("OPTION", `channels: ${channels}, expected a whole number above 0`);
  }
  // Mixing first: one channel is less to resample.
  const mixed = mixChannels(toFloat32(audio.samples), audio.channels, channels);
  if (sampleRate === audio.sampleRate) return { sampleRate, channels, samples: mixed };
  if (channels === 1) return { sampleRate, channels, samples: resample(mixed, audio.sampleRate, sampleRate) };
  const parts = Array.from({ length: channels }, (_, c) => {
    const one = new Float32Array(mixed.length / channels);
    for (let i = 0; i < one.length; i++) one[i] = mixed[i * channels + c]!;
    return resample(one, audio.sampleRate, sampleRate);
  });
  const samples = new Float32Array(parts[0]!.length * channels);
  for (let i = 0; i < samples.length; i++) samples[i] = parts[i % channels]![Math.floor(i / channels)]!;
  return { sampleRate, channels, samples };
}

/** Samples of a file after conversion, per channel, without converting it. */
export function convertedLength(frames: number, sampleRate: number, convert: Convert = {}): number {
  const to = convert.sampleRate ?? sampleRate;
  return to === sampleRate ? frames : Math.round((frames * to) / sampleRate);
}
