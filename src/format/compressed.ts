import { AsyncLocalStorage } from "node:async_hooks";
import { createHash } from "node:crypto";
import { DatasetError } from "../error.js";
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
  /** Decodes one file; ready for the next afterwards. */
  decode(bytes: Uint8Array): Promise<Decoded>;
}

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
  let decoded: Decoded;
  try {
    decoded = await withoutConsole(() => decoder.decode(bytes));
  } catch (cause) {
    decoder.free();
    const message = `${info.codec}: damaged, the decoder says ${JSON.stringify((cause as Error).message)} (${where})`;
    throw new DatasetError("FORMAT", message, [], { cause });
  }
  if (decoded.errors.length > 0 || idle.has(info.codec)) decoder.free();
  else idle.set(info.codec, decoder);
  const { sampleRate, errors } = decoded;
  // The decoder leaves what an Opus file of one page has at its end for the codec's sake.
  const frames = Math.min(decoded.samplesDecoded, info.codec === "opus" ? info.frames! : Infinity);
  const wrong = errors[0]?.message ?? (frames === 0 && info.frames !== 0 ? "no samples" : undefined);
  if (wrong) throw new DatasetError("FORMAT", `${info.codec}: damaged, the decoder says "${wrong}" (${where})`);
  if (info.codec === "flac" && info.frames !== undefined && frames !== info.frames) {
    const message = `samples: ${frames}, expected ${info.frames} as the header promises; the file is cut short or damaged`;
    throw new DatasetError("FORMAT", `${message} (${where})`);
  }
  // The MP3 decoder makes two channels of one.
  const channelData = decoded.channelData.slice(0, info.channels);
  const samples =
    info.codec === "flac" ? flacSamples(channelData, frames, info, where) : interleave(channelData, frames);
  const { gain = 1 } = info;
  if (gain !== 1) for (let i = 0; i < samples.length; i++) samples[i] = samples[i]! * gain;
  return { sampleRate, channels: channelData.length, samples };
}

function interleave(channels: readonly Float32Array[], frames: number): Float32Array {
  const width = channels.length;
  const out = new Float32Array(frames * width);
  for (let c = 0; c < width; c++) {
    const channel = channels[c] as Float32Array;
    for (let i = 0, at = c; i < frames; i++, at += width) out[at] = channel[i] as number;
  }
  return out;
}

/** FLAC's own integers: the decoder divides n bits by 2^(n-1) - 1, everybody else by 2^(n-1). */
function flacSamples(
  channels: readonly Float32Array[],
  frames: number,
  info: CompressedInfo,
  where: string,
): Int16Array | Float32Array {
  const bits = info.bitsPerSample ?? 16;
  const width = channels.length;
  const scale = 2 ** (bits - 1) - 1;
  const out = bits === 16 ? new Int16Array(frames * width) : new Int32Array(frames * width);
  for (let c = 0; c < width; c++) {
    const channel = channels[c] as Float32Array;
    for (let i = 0, at = c; i < frames; i++, at += width) {
      // The nearest integer: storing one cuts off what follows the point.
      const value = (channel[i] as number) * scale;
      out[at] = value < 0 ? value - 0.5 : value + 0.5;
    }
  }
  if (
    info.md5 !== undefined &&
    createHash("md5")
      .update(packed(out, bits / 8))
      .digest("hex") !== info.md5
  ) {
    throw new DatasetError("FORMAT", `checksum of the FLAC samples: wrong, the file is damaged (${where})`);
  }
  if (out instanceof Int16Array) return out;
  const floats = new Float32Array(out.length);
  for (let i = 0; i < floats.length; i++) floats[i] = (out[i] as number) / 2 ** (bits - 1);
  return floats;
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
    const decode = async (bytes: Uint8Array): Promise<Decoded> => {
      const decoded = decoder.decode(bytes);
      await decoder.reset();
      return decoded;
    };
    return { decode, free: () => decoder.free() };
  },
  flac: async () => {
    const { FLACDecoder } = await import("@wasm-audio-decoders/flac");
    const { default: CodecParser, data } = await import("codec-parser");
    const decoder = new FLACDecoder();
    await decoder.ready;
    const decode = async (bytes: Uint8Array): Promise<Decoded> => {
      if (bytes[0] === 0x4f) return await decoder.decodeFile(bytes); // "OggS"
      // A frame needs nothing of those before it, so the decoder needn't be made anew for the next file.
      const frames = new CodecParser("audio/flac", { enableFrameCRC32: false }).parseAll(bytes);
      return await decoder.decodeFrames(frames.map((frame) => frame[data]));
    };
    return { decode, free: () => decoder.free() };
  },
  vorbis: async () => {
    const { OggVorbisDecoder } = await import("@wasm-audio-decoders/ogg-vorbis");
    return await ofFiles(new OggVorbisDecoder());
  },
  opus: async () => {
    const { OggOpusDecoder } = await import("ogg-opus-decoder");
    return await ofFiles(new OggOpusDecoder());
  },
};

interface FileDecoder {
  ready: Promise<void>;
  free(): void;
  /** Makes itself anew at the end. */
  decodeFile(bytes: Uint8Array): Promise<Decoded>;
}

async function ofFiles(decoder: FileDecoder): Promise<Decoder> {
  await decoder.ready;
  return { decode: (bytes) => decoder.decodeFile(bytes), free: () => decoder.free() };
}

const decoding = new AsyncLocalStorage<true>();
let running = 0;
let original = console.error;

/**
 * Runs a decoder so that what it would print as an error is thrown instead: a damaged MP3 makes its decoder print for
 * ever. Other code that prints meanwhile is untouched.
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
