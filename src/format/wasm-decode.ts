import { AsyncLocalStorage } from "node:async_hooks";
import { DatasetError } from "../core/error.js";
import { allBytes } from "./byte-source.js";
import type { Codec, CompressedInfo } from "./compressed-info.js";
import type { Verdict } from "./verdict.js";
import type { Audio } from "./wav.js";

/** The npm package that decodes each format in WebAssembly. */
export const DECODER_PACKAGES: Record<Codec, string> = {
  flac: "@wasm-audio-decoders/flac",
  vorbis: "@wasm-audio-decoders/ogg-vorbis",
  opus: "ogg-opus-decoder",
  mp3: "mpg123-decoder",
  mp2: "mpg123-decoder",
};

interface Decoded {
  channelData: Float32Array[];
  samplesDecoded: number;
  sampleRate: number;
  errors: { message: string }[];
}

interface Decoder {
  ready: Promise<void>;
  free(): void;
}

/** Each makes a decoder and gives it the bytes; a decoder never sees a second file. */
const DECODERS: Record<Codec, () => Promise<[Decoder, (bytes: Uint8Array) => Decoded | Promise<Decoded>]>> = {
  flac: async () => {
    const decoder = new (await import("@wasm-audio-decoders/flac")).FLACDecoder();
    return [decoder, (bytes) => decoder.decodeFile(bytes)];
  },
  vorbis: async () => {
    const decoder = new (await import("@wasm-audio-decoders/ogg-vorbis")).OggVorbisDecoder();
    return [decoder, (bytes) => decoder.decodeFile(bytes)];
  },
  opus: async () => {
    const decoder = new (await import("ogg-opus-decoder")).OggOpusDecoder();
    return [decoder, (bytes) => decoder.decodeFile(bytes)];
  },
  mp3: () => mpeg(),
  mp2: () => mpeg(),
};

async function mpeg(): Promise<[Decoder, (bytes: Uint8Array) => Decoded]> {
  const decoder = new (await import("mpg123-decoder")).MPEGDecoder();
  return [decoder, (bytes) => decoder.decode(bytes)];
}

/**
 * Decodes a whole FLAC, Ogg Vorbis, Opus, MP3 or MP2 with the optional WebAssembly decoder of its format, which is loaded now.
 *
 * @param info what `readCompressedInfo` found
 * @returns floats, or FLAC's integers in full width of 32 bits, as libsndfile gives them; Opus at 48 kHz
 * @throws DatasetError "ENVIRONMENT" where the decoder isn't installed, "FORMAT" where the file is damaged
 */
export async function decodeByWasm(
  info: CompressedInfo,
  verdict: Verdict,
): Promise<Omit<Audio, "samples"> & { samples: Float32Array | Int32Array }> {
  const { codec, channels, bitsPerSample = 0 } = info;
  if (codec === "flac" && ![8, 16, 24].includes(bitsPerSample)) {
    const message = `bits of the FLAC: ${bitsPerSample}, expected 8, 16 or 24, which its decoder in WebAssembly supports`;
    verdict.damaged(
      `${message}; run \`npm start\` in the project's folder, which installs libsndfile, or convert it to 24 bits`,
    );
  }
  const [decoder, decode] = await makeDecoder(codec, verdict.where);
  let decoded: Decoded;
  try {
    decoded = await withoutConsole(async () => await decode(allBytes(info.part)));
  } catch (cause) {
    const message = `${codec}: damaged, the decoder says ${JSON.stringify((cause as Error).message)} (${verdict.where})`;
    throw new DatasetError("FORMAT", message, [], { cause });
  } finally {
    decoder.free();
  }
  const [error] = decoded.errors;
  if (error) verdict.damaged(`${codec}: damaged, the decoder says "${error.message}"`);
  if (decoded.channelData.length < channels) {
    verdict.damaged(`${codec}: ${decoded.channelData.length} channels, expected ${channels} as in the header`);
  }
  // The decoder leaves what an Opus file of one page has at its end for the codec's sake.
  const frames = Math.min(decoded.samplesDecoded, codec === "opus" ? info.frames! : Infinity);
  if (frames === 0 && info.frames !== 0) verdict.damaged(`${codec}: damaged, no samples`);
  return { sampleRate: decoded.sampleRate, channels, samples: interleave(decoded, frames, info) };
}

function interleave({ channelData }: Decoded, frames: number, info: CompressedInfo): Float32Array | Int32Array {
  const { codec, channels, bitsPerSample = 16, gain = 1 } = info;
  const integers = codec === "flac";
  const samples = new (integers ? Int32Array : Float32Array)(frames * channels);
  // FLAC's decoder divides n bits by 2^(n-1) - 1.
  const scale = integers ? 2 ** (bitsPerSample - 1) - 1 : gain;
  // The MP3 decoder makes two channels of one.
  for (let c = 0; c < channels; c++) {
    const channel = channelData[c]!;
    if (integers) {
      for (let i = 0, at = c; i < frames; i++, at += channels) {
        samples[at] = Math.round(channel[i]! * scale) << (32 - bitsPerSample);
      }
    } else for (let i = 0, at = c; i < frames; i++, at += channels) samples[at] = channel[i]! * scale;
  }
  return samples;
}

async function makeDecoder(codec: Codec, where: string): ReturnType<(typeof DECODERS)[Codec]> {
  try {
    const made = await DECODERS[codec]();
    await made[0].ready;
    return made;
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
