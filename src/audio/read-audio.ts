import { DatasetError } from "../core/error.js";
import { checkKnown, type OptionNames } from "../core/known-options.js";
import { isWav } from "../format/audio.js";
import { bytesSource } from "../format/byte-source.js";
import { checkOnDamaged, type OnDamaged, Verdict } from "../format/verdict.js";
import { type Audio, decodeWav, readWavHeader, toFloat32 } from "../format/wav.js";
import { checkConvert, type Convert, convertAudio, PartConverter } from "./convert.js";
import { readHeader } from "./open-audio.js";
import { openFile, withFile, withSound } from "./open-file.js";
import { countFrames, readAll, tooShort } from "./read-all.js";
import type { Sound } from "./sound.js";

/** Options of `readAudio`. */
export interface ReadAudioOptions extends Convert {
  /** Where to begin, in seconds. Default 0. */
  start?: number | undefined;
  /** How much to read, in seconds; less where the file ends before. Default: to the end. */
  duration?: number | undefined;
  /**
   * Where the samples go, from its beginning on; `samples` is then a view of it. Default: a new array. Reusing memory
   * from file to file costs less than allocating it.
   */
  out?: Float32Array | undefined;
  /**
   * What happens where the file is cut short or a part of it is damaged: an error (default), or a warning with the samples that are
   * left. A checksum that is wrong is always an error.
   */
  onDamaged?: OnDamaged | undefined;
}

/** Options of `decodeAudio`. */
export interface DecodeAudioOptions {
  /** As for `readAudio`. */
  onDamaged?: OnDamaged | undefined;
}

/** What `readAudio` returns. */
export interface FloatAudio extends Audio {
  samples: Float32Array;
  /** What is unusual about the file, or lost of it; mostly empty. */
  warnings: readonly string[];
}

/** What `readAudioInfo` returns. */
export interface AudioInfo {
  /** What the file is by its contents, for example "wav", "FLAC", "Ogg", "MP3". */
  format: string;
  /** In Hz. */
  sampleRate: number;
  channels: number;
  /** Samples per channel. */
  frames: number;
  /** Seconds. */
  duration: number;
  /** Bits per sample as stored; 0 for lossy formats. */
  bitsPerSample: number;
  /** What is unusual about the file, or lost of it; mostly empty. */
  warnings: readonly string[];
}

/** Options of `readAudioBlocks`. */
export interface AudioBlockOptions extends Omit<ReadAudioOptions, "out"> {
  /** Samples per channel of each block but the last. Default 65,536. */
  blockFrames?: number | undefined;
}

/** Frames of a block. */
const BLOCK = 1 << 16;

/**
 * Reads an audio file by what it contains: wav, FLAC, Ogg (Vorbis, Opus, FLAC), MP3 and MP2; by libsndfile AIFF, AU, CAF,
 * W64, NIST SPHERE and wavs with ADPCM or GSM; by FFmpeg's program, where it is installed, M4A, WebM, WMA and AAC.
 *
 * `sampleRate` and `channels` convert as records do: see `Convert`. A part of a file (`start`, `duration`) has the samples that
 * the whole file has there.
 *
 * @returns samples as floats of full scale -1 to 1, channels interleaved; integers of n bits are divided by 2^(n-1)
 * @throws DatasetError "FILE" where there is no such file, "FORMAT" where it is damaged, cut short or none of these,
 * "ENVIRONMENT" without the decoder it needs, "OPTION" where `out` is too short or `start` is beyond the end
 * @example
 * const { samples, sampleRate, channels } = await readAudio("in/a.wav");
 * const part = await readAudio("in/a.wav", { start: 0.1, duration: 0.1, sampleRate: 16000, channels: 1 });
 */
export async function readAudio(path: string, options: ReadAudioOptions = {}): Promise<FloatAudio> {
  checkOptions("readAudio", options, { ...PART, out: true });
  if (options.out !== undefined && !(options.out instanceof Float32Array)) {
    throw new DatasetError("OPTION", `out: ${Object.prototype.toString.call(options.out)}, expected a Float32Array`);
  }
  return await withSound(path, options.onDamaged, async (sound, { findings }) => {
    const audio = await readFloats(sound, options, path);
    return { ...audio, warnings: findings.map(({ message }) => message) };
  });
}

/**
 * Reads what an audio file says of itself. Where only its samples tell how long it is, as with MP3, it is read through.
 * Of a FLAC that is cut short it gives the length that the header promises.
 *
 * @throws DatasetError as `readAudio`
 * @example const { duration, sampleRate, format } = await readAudioInfo("in/a.flac");
 */
export async function readAudioInfo(path: string, options: DecodeAudioOptions = {}): Promise<AudioInfo> {
  checkOptions("readAudioInfo", options, DECODE);
  return await withFile(path, async (source) => {
    const verdict = new Verdict(path, options.onDamaged);
    const header = await readHeader(source, verdict);
    try {
      const frames = header.frames ?? (await countFrames(await header.open()));
      const { format, sampleRate, channels, bitsPerSample } = header;
      const warnings = verdict.findings.map(({ message }) => message);
      return { format, sampleRate, channels, frames, duration: frames / sampleRate, bitsPerSample, warnings };
    } finally {
      header.close();
    }
  });
}

/**
 * Reads an audio file block by block, in constant memory however long it is. Options as for `readAudio`; what the blocks
 * hold, one after the other, is what `readAudio` returns.
 *
 * @throws DatasetError as `readAudio`, also after the first blocks
 * @example for await (const { samples } of readAudioBlocks("in/a.flac", { blockFrames: 48000 })) console.log(samples.length);
 */
export async function* readAudioBlocks(
  path: string,
  options: AudioBlockOptions = {},
): AsyncGenerator<FloatAudio, void, undefined> {
  checkOptions("readAudioBlocks", options, { ...PART, blockFrames: true });
  const { blockFrames = BLOCK } = options;
  if (!Number.isSafeInteger(blockFrames) || blockFrames < 1) {
    throw new DatasetError("OPTION", `blockFrames: ${blockFrames}, expected a whole number of at least 1`);
  }
  const opened = await openFile(path, options.onDamaged);
  try {
    const { sound, verdict } = opened;
    const converter = await converterFor(sound, options, path);
    const { sampleRate, channels } = converter;
    for (let told = 0; ; ) {
      const samples = await converter.next(blockFrames);
      const warnings = verdict.findings.slice(told).map(({ message }) => message);
      told += warnings.length;
      if (samples.length > 0) yield { sampleRate, channels, samples, warnings };
      if (samples.length < blockFrames * channels) return;
    }
  } finally {
    opened.close();
  }
}

/**
 * Decodes a whole audio file that lies in memory, by what it contains, whatever its name: what `readAudio` reads.
 *
 * Samples of 16 bits give an Int16Array, everything else a Float32Array of full scale -1 to 1; both interleaved.
 * @param where the file's name, for errors
 * @throws DatasetError "FORMAT" where it is damaged, cut short or no audio, "ENVIRONMENT" without the decoder it needs
 * @example const { sampleRate, channels, samples } = await decodeAudio(await readFile("in/a.flac"), "in/a.flac")
 */
export async function decodeAudio(bytes: Uint8Array, where: string, options: DecodeAudioOptions = {}): Promise<Audio> {
  checkOptions("decodeAudio", options, DECODE);
  // A wav's samples may be used where they lie.
  if (isWav(bytes)) {
    const info = readWavHeader(bytes, bytes.length, where);
    if (!("coded" in info) && !info.truncated) return decodeWav(bytes, where);
  }
  const header = await readHeader(bytesSource(bytes), new Verdict(where, options.onDamaged));
  try {
    const sound = await header.open();
    try {
      const { sampleRate, channels } = sound;
      return { sampleRate, channels, samples: await readAll(sound, sound.sixteenBit) };
    } finally {
      sound.close();
    }
  } finally {
    header.close();
  }
}

async function readFloats(sound: Sound, options: ReadAudioOptions, where: string): Promise<FloatAudio> {
  const { sampleRate, channels } = sound;
  const { out } = options;
  const asItIs = (options.sampleRate ?? sampleRate) === sampleRate && (options.channels ?? channels) === channels;
  const partial = (options.start ?? 0) > 0 || options.duration !== undefined;
  let audio: Omit<FloatAudio, "warnings">;
  if (asItIs) {
    const wanted = partial ? await partOf(sound, options, where) : sound;
    audio = { sampleRate, channels, samples: await readAll(wanted, false, out, where) };
  } else if (!partial) {
    const whole = { sampleRate, channels, samples: await readAll(sound, false) };
    const converted = convertAudio(whole, options);
    audio = { ...converted, samples: toFloat32(converted.samples) };
  } else {
    const converter = await converterFor(sound, options, where);
    audio = { ...converter, samples: await converter.next(Infinity) };
  }
  const { samples } = audio;
  if (out && samples.buffer !== out.buffer) {
    if (out.length < samples.length) throw tooShort(out, samples.length, where);
    out.set(samples);
    audio.samples = out.subarray(0, samples.length);
  }
  return { sampleRate: audio.sampleRate, channels: audio.channels, samples: audio.samples, warnings: [] };
}

/** The part of a sound that is asked for. */
async function partOf(
  sound: Sound,
  { start = 0, duration = Infinity }: ReadAudioOptions,
  where: string,
): Promise<Sound> {
  const { sampleRate, channels, frames } = sound;
  const begin = firstFrame(sound, start, where);
  let left = Math.round((start + duration) * sampleRate) - begin;
  const reached = begin > 0 ? await sound.seek(begin) : 0;
  if (reached < begin) throw beyond(start, reached, sound, where);
  return {
    ...sound,
    frames: frames === undefined ? undefined : Math.min(left, frames - begin),
    read: async (into) => {
      const got = await sound.read(into.subarray(0, Math.min(into.length, left * channels)));
      left -= got;
      return got;
    },
  };
}

function firstFrame(sound: Sound, start: number, where: string): number {
  const begin = Math.round(start * sound.sampleRate);
  if (sound.frames !== undefined && begin > sound.frames) throw beyond(start, sound.frames, sound, where);
  return begin;
}

function beyond(start: number, frames: number, { sampleRate }: Sound, where: string): DatasetError {
  const length = frames / sampleRate;
  return new DatasetError("OPTION", `start: ${start} s, expected at most the file's ${length} s (${where})`);
}

async function converterFor(sound: Sound, options: ReadAudioOptions, where: string): Promise<PartConverter> {
  const { start = 0, duration = Infinity } = options;
  firstFrame(sound, start, where);
  const converter = new PartConverter(sound, options, { start, duration });
  const end = await converter.begin();
  if (end !== undefined) throw beyond(start, end, sound, where);
  return converter;
}

const DECODE: OptionNames<DecodeAudioOptions> = { onDamaged: true };
const PART: OptionNames<Omit<ReadAudioOptions, "out">> = {
  ...{ ...DECODE, start: true, duration: true, sampleRate: true, channels: true },
};

function checkOptions<T extends ReadAudioOptions>(call: string, options: T, names: OptionNames<T>): void {
  checkKnown(call, options, names);
  const { start, duration, onDamaged } = options;
  for (const [name, value] of Object.entries({ start, duration })) {
    if (value === undefined || (typeof value === "number" && value >= 0 && value < Infinity)) continue;
    throw new DatasetError("OPTION", `${name}: ${value}, expected seconds of at least 0`);
  }
  checkOnDamaged(onDamaged);
  checkConvert(options);
}
