import { DatasetError } from "../core/error.js";
import { checkKnown } from "../core/known-options.js";
import { type Audio, toFloat32 } from "../format/wav.js";
import { mixChannels, resample, resampledLength, resampleSpan } from "../signal/resample.js";
import type { Sound } from "./sound.js";

/** What every file of a set is turned into. */
export interface Convert {
  /** In Hz. Default: as it is. */
  sampleRate?: number | undefined;
  /** Channels: 1 is the mean of all, more are copies of one; 5.1 (L R C LFE Ls Rs) to 2 is by ITU-R BS.775. Default: as it is. */
  channels?: number | undefined;
}

/** @throws DatasetError "OPTION" for what is unknown, and as `checkConvert` */
export function checkConversion(convert: Convert): void {
  checkKnown("convert", convert, { sampleRate: true, channels: true });
  checkConvert(convert, "convert.");
}

/** @throws DatasetError "OPTION" for a rate or a number of channels that can't be */
export function checkConvert({ sampleRate, channels }: Convert, within = ""): void {
  for (const [name, value] of Object.entries({ sampleRate, channels })) {
    if (value === undefined || (Number.isSafeInteger(value) && value > 0)) continue;
    const found = typeof value === "number" ? value : JSON.stringify(value);
    throw new DatasetError("OPTION", `${within}${name}: ${found}, expected a whole number above 0`);
  }
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
  checkConvert({ channels });
  // Mixing first: one channel is less to resample.
  const mixed = mixChannels(toFloat32(audio.samples), audio.channels, channels);
  return { sampleRate, channels, samples: resampleAll(mixed, channels, audio.sampleRate, sampleRate) };
}

/** Changes the rate of interleaved channels. */
function resampleAll(mixed: Float32Array, channels: number, from: number, to: number): Float32Array {
  if (from === to) return mixed;
  if (channels === 1) return resample(mixed, from, to);
  const parts = Array.from({ length: channels }, (_, c) => {
    const one = new Float32Array(mixed.length / channels);
    for (let i = 0; i < one.length; i++) one[i] = mixed[i * channels + c]!;
    return resample(one, from, to);
  });
  const samples = new Float32Array(parts[0]!.length * channels);
  for (let i = 0; i < samples.length; i++) samples[i] = parts[i % channels]![Math.floor(i / channels)]!;
  return samples;
}

/** Samples of a file after conversion, per channel, without converting it. */
export function convertedLength(frames: number, sampleRate: number, convert: Convert = {}): number {
  const to = convert.sampleRate ?? sampleRate;
  return resampledLength(frames, sampleRate, to);
}

/** Frames read at a time of a file. */
const READ = 1 << 15;

/**
 * Converts a part of a sound piece by piece, to the samples that the whole converted sound has there: around each piece as much is
 * read as the filter of the resampling reaches.
 */
export class PartConverter {
  readonly sampleRate: number;
  readonly channels: number;
  /** What is read, mixed, and not yet done with; `base` is the frame of the sound that it begins with. */
  private window = new Float32Array(0);
  private base: number;
  private end: number;
  private ended = false;
  /** The next frame to give, and that before which to stop, of the whole converted sound. */
  private at: number;
  private readonly stop: number;
  private readonly reach: number;
  private readonly cycle: number;

  /** Frames read at a time. */
  private readonly block: number;

  /**
   * @param part which seconds of the sound, and the frames to read at a time: few, where they are waited for. Default 32768.
   */
  constructor(
    private readonly sound: Pick<Sound, "sampleRate" | "channels" | "read" | "seek">,
    convert: Convert,
    part: { start: number; duration: number; block?: number },
  ) {
    this.block = part.block ?? READ;
    const from = sound.sampleRate;
    this.sampleRate = convert.sampleRate ?? from;
    this.channels = convert.channels ?? sound.channels;
    const { reach, cycle } = resampleSpan(from, this.sampleRate);
    this.reach = reach;
    this.cycle = cycle;
    this.at = Math.round(part.start * this.sampleRate);
    this.stop = Math.round((part.start + part.duration) * this.sampleRate);
    this.base = this.aligned((this.at * from) / this.sampleRate - this.reach);
    this.end = this.base;
  }

  /** Goes to where the part begins; gives the frame of the sound's end where that comes before. */
  async begin(): Promise<number | undefined> {
    const reached = this.base > 0 ? await this.sound.seek(this.base) : 0;
    return reached < this.base ? reached : undefined;
  }

  /** The next `count` frames, or as many as there are. */
  async next(count: number): Promise<Float32Array> {
    const { sound, channels, sampleRate: to } = this;
    const from = sound.sampleRate;
    const until = Math.min(this.stop, this.at + count);
    const pieces: Float32Array[] = [];
    let length = 0;
    while (this.at < until) {
      const ready = this.ended
        ? resampledLength(this.end, from, to)
        : Math.floor(((this.end - this.reach) * to) / from);
      const upTo = Math.min(until, ready);
      // In large pieces: each needs what the filter reaches around it again.
      if (upTo > this.at && (upTo === until || this.ended || this.end - this.base >= this.block + 2 * this.reach)) {
        const converted = resampleAll(this.window, channels, from, to);
        const first = Math.round((this.base * to) / from);
        pieces.push(converted.slice((this.at - first) * channels, (upTo - first) * channels));
        length += pieces.at(-1)!.length;
        this.at = upTo;
        const base = Math.min(this.end, this.aligned((this.at * from) / to - this.reach));
        this.window = this.window.slice((base - this.base) * channels);
        this.base = base;
      } else if (this.ended) break;
      else await this.read();
    }
    const samples = new Float32Array(length);
    let at = 0;
    for (const piece of pieces) {
      samples.set(piece, at);
      at += piece.length;
    }
    return samples;
  }

  private async read(): Promise<void> {
    const { sound, channels } = this;
    const needed = Math.ceil((this.stop * sound.sampleRate) / this.sampleRate) + this.reach - this.end;
    const frames = Math.max(1, Math.min(needed, this.block + 2 * this.reach));
    const part = new Float32Array(frames * sound.channels);
    const got = await sound.read(part);
    const mixed = mixChannels(part.subarray(0, got * sound.channels), sound.channels, channels);
    const window = new Float32Array(this.window.length + mixed.length);
    window.set(this.window);
    window.set(mixed, this.window.length);
    this.window = window;
    this.end += got;
    this.ended = got < frames;
  }

  private aligned(frame: number): number {
    return Math.max(0, this.cycle * Math.floor(frame / this.cycle));
  }
}
