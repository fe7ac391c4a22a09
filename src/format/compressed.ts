import { AsyncLocalStorage } from "node:async_hooks";
import { createHash } from "node:crypto";
import type { CodecFrame } from "codec-parser";
import { DatasetError } from "../core/error.js";
import type { Codec, CompressedInfo } from "./compressed-info.js";
import type { Audio } from "./wav.js";

/** The npm package that decodes each format. */
export const DECODER_PACKAGES: Record<Codec, string> = {
  flac: "@wasm-audio-decoders/flac",
  vorbis: "@wasm-audio-decoders/ogg-vorbis",
  opus: "ogg-opus-decoder",
  mp3: "mpg123-decoder",
};

interface Decoded {
  channelData: Float32Array[];
  samplesDecoded: number;
  sampleRate: number;
  bitDepth?: number;
  errors: { message: string }[];
}

interface Decoder {
  free(): void;
  /** Decodes one file part by part, given its number of samples per channel; ready for the next file afterwards. */
  decode(bytes: Uint8Array, take: (part: Decoded, total: number) => void): Promise<void>;
}

/** FLAC frames decoded at once: the floats that a long file is interleaved from never lie in memory as a whole. */
const FRAMES_AT_ONCE = 16;

/** Decoders between two files, one of each kind: to make one takes as long as to decode a second of sound. */
const idle = new Map<Codec, Decoder>();

/**
 * Decodes a whole FLAC, Ogg Vorbis, Opus or MP3 file with the optional decoder of its format, which is loaded now.
 *
 * 16-bit FLAC gives an Int16Array, everything else a Float32Array; FLAC's samples are checked against its checksum.
 * Opus comes at 48 kHz.
 * @param info what `readCompressedInfo` found in the same bytes
 * @throws DatasetError "ENVIRONMENT" where the decoder isn't installed, "FORMAT" where the file is damaged
 */
export async function decodeCompressed(bytes: Uint8Array, info: CompressedInfo, where: string): Promise<Audio> {
  const decoder = idle.get(info.codec) ?? (await loadDecoder(info.codec, where));
  idle.delete(info.codec);
  const sound = new Interleaved(info);
  try {
    await withoutConsole(() => decoder.decode(bytes, (part, total) => sound.add(part, total)));
  } catch (cause) {
    decoder.free();
    const message = `${info.codec}: damaged, the decoder says ${JSON.stringify((cause as Error).message)} (${where})`;
    throw new DatasetError("FORMAT", message, [], { cause });
  }
  if (sound.error !== undefined || idle.has(info.codec)) decoder.free();
  else idle.set(info.codec, decoder);
  // The decoder leaves what an Opus file of one page has at its end for the codec's sake.
  const frames = Math.min(sound.frames, info.codec === "opus" ? info.frames! : Infinity);
  const wrong = sound.error ?? (frames === 0 && info.frames !== 0 ? "no samples" : undefined);
  if (wrong) throw new DatasetError("FORMAT", `${info.codec}: damaged, the decoder says "${wrong}" (${where})`);
  if (info.codec === "flac" && info.frames !== undefined && frames !== info.frames) {
    const message = `samples: ${frames}, expected ${info.frames} according to the header; the file is cut short or damaged`;
    throw new DatasetError("FORMAT", `${message} (${where})`);
  }
  const { sampleRate } = sound;
  const values = sound.values.subarray(0, frames * info.channels);
  const samples = values instanceof Float32Array ? values : flacSamples(values, info, where);
  const { gain = 1 } = info;
  if (gain !== 1) for (let i = 0; i < samples.length; i++) samples[i] = samples[i]! * gain;
  return { sampleRate, channels: info.channels, samples };
}

/** The samples of a file as its decoder gives them, interleaved: FLAC's as the integers that they were, all others as floats. */
class Interleaved {
  values: Int16Array | Int32Array | Float32Array = new Float32Array(0);
  /** Samples per channel so far. */
  frames = 0;
  sampleRate: number;
  /** The first thing that the decoder says is wrong. */
  error: string | undefined;

  constructor(private readonly info: CompressedInfo) {
    this.sampleRate = info.sampleRate;
  }

  add({ channelData, samplesDecoded, sampleRate, errors }: Decoded, total: number): void {
    const { codec, channels, bitsPerSample = 16 } = this.info;
    this.error ??= errors[0]?.message;
    if (samplesDecoded === 0) return;
    this.sampleRate = sampleRate;
    if (this.frames === 0) {
      const integers = bitsPerSample === 16 ? Int16Array : Int32Array;
      this.values = new (codec === "flac" ? integers : Float32Array)(total * channels);
    }
    const { values } = this;
    const start = this.frames * channels;
    this.frames += samplesDecoded;
    // FLAC's decoder divides n bits by 2^(n-1) - 1, everybody else by 2^(n-1).
    const scale = 2 ** (bitsPerSample - 1) - 1;
    // The MP3 decoder makes two channels of one.
    for (let c = 0; c < channels; c++) {
      const channel = channelData[c] as Float32Array;
      let at = start + c;
      if (values instanceof Float32Array) {
        for (let i = 0; i < samplesDecoded; i++, at += channels) values[at] = channel[i] as number;
        continue;
      }
      for (let i = 0; i < samplesDecoded; i++, at += channels) {
        // The nearest integer: storing one cuts off what follows the point.
        const value = (channel[i] as number) * scale;
        values[at] = value < 0 ? value - 0.5 : value + 0.5;
      }
    }
  }
}

/** FLAC's integers, checked against its checksum: those of 16 bits as they are, others as floats. */
function flacSamples(
  integers: Int16Array | Int32Array,
  { md5, bitsPerSample: bits = 16 }: CompressedInfo,
  where: string,
): Int16Array | Float32Array {
  if (
    md5 !== undefined &&
    createHash("md5")
      .update(packed(integers, bits / 8))
      .digest("hex") !== md5
  ) {
    throw new DatasetError("FORMAT", `checksum of the FLAC samples: wrong, the file is damaged (${where})`);
  }
  if (integers instanceof Int16Array) return integers;
  return Float32Array.from(integers, (value) => value / 2 ** (bits - 1));
}

/** Integers in as few bytes as they have, little end first, as FLAC's checksum takes them. */
function packed(integers: Int16Array | Int32Array, bytes: number): Uint8Array {
  const all = new Uint8Array(integers.buffer, integers.byteOffset, integers.byteLength);
  const size = integers.BYTES_PER_ELEMENT;
  if (bytes === size) return all;
  const out = new Uint8Array(integers.length * bytes);
  for (let i = 0; i < integers.length; i++) for (let k = 0; k < bytes; k++) out[i * bytes + k] = all[i * size + k]!;
  return out;
}

async function loadDecoder(codec: Codec, where: string): Promise<Decoder> {
  try {
    return await DECODERS[codec]();
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "ERR_MODULE_NOT_FOUND") throw cause;
    const name = DECODER_PACKAGES[codec];
    throw new DatasetError(
      "ENVIRONMENT",
      `${codec} decoder: not installed, run \`npm install ${name}\` (${where})`,
      [],
      { cause },
    );
  }
}

const DECODERS: Record<Codec, () => Promise<Decoder>> = {
  mp3: async () => {
    const { MPEGDecoder } = await import("mpg123-decoder");
    const decoder = new MPEGDecoder();
    await decoder.ready;
    return wholeFiles(decoder, async (bytes) => {
      const decoded = decoder.decode(bytes);
      await decoder.reset();
      return decoded;
    });
  },
  flac: async () => {
    const { FLACDecoder } = await import("@wasm-audio-decoders/flac");
    const { default: CodecParser, data, samples } = await import("codec-parser");
    const decoder = new FLACDecoder();
    const ogg = await wholeFiles(decoder, (bytes) => decoder.decodeFile(bytes));
    const decode: Decoder["decode"] = async (bytes, take) => {
      if (bytes[0] === 0x4f) return await ogg.decode(bytes, take); // "OggS"
      // A frame needs nothing of those before it, so the decoder can be reused for the next file.
      const frames = new CodecParser<CodecFrame>("audio/flac", { enableFrameCRC32: false }).parseAll(bytes);
      const total = frames.reduce((sum, frame) => sum + frame[samples], 0);
      for (let k = 0; k < frames.length; k += FRAMES_AT_ONCE) {
        take(await decoder.decodeFrames(frames.slice(k, k + FRAMES_AT_ONCE).map((frame) => frame[data])), total);
      }
    };
    return { decode, free: ogg.free };
  },
  vorbis: async () => {
    const { OggVorbisDecoder } = await import("@wasm-audio-decoders/ogg-vorbis");
    const decoder = new OggVorbisDecoder();
    return await wholeFiles(decoder, (bytes) => decoder.decodeFile(bytes));
  },
  opus: async () => {
    const { OggOpusDecoder } = await import("ogg-opus-decoder");
    const decoder = new OggOpusDecoder();
    return await wholeFiles(decoder, (bytes) => decoder.decodeFile(bytes));
  },
};

/** A decoder that returns all of a file at once and resets itself at the end. */
async function wholeFiles(
  decoder: { ready: Promise<void>; free(): void },
  decodeFile: (bytes: Uint8Array) => Promise<Decoded>,
): Promise<Decoder> {
  await decoder.ready;
  return {
    decode: async (bytes, take) => {
      const all = await decodeFile(bytes);
      take(all, all.samplesDecoded);
    },
    free: () => decoder.free(),
  };
}

const decoding = new AsyncLocalStorage<true>();
let running = 0;
let original = console.error;

/**
 * Runs a decoder so that what it would print as an error is thrown instead: a damaged MP3 makes its decoder print
 * forever. Other code that prints meanwhile is untouched.
 */
async function withoutConsole<T>(work: () => Promise<T>): Promise<T> {
  if (running++ === 0) {
    original = console.error;
    console.error = (...parts: unknown[]): void => {
      if (decoding.getStore()) throw new Error(parts.map(String).join(" ").replace(/\s+/g, " "));
      original(...parts);
    };
  }
  try {
    return await decoding.run(true, work);
  } finally {
    if (--running === 0) console.error = original;
  }
}
