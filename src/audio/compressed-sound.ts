import type { ByteSource } from "../format/byte-source.js";
import { type CompressedInfo, readCompressedInfo } from "../format/compressed-info.js";
import type { Verdict } from "../format/verdict.js";
import { decodeByWasm } from "../format/wasm-decode.js";
import { flacSound } from "./flac-sound.js";
import type { IntegerReader } from "./intact-reader.js";
import { type NativeFile, openNative } from "./native-file.js";
import { nativeSound } from "./native-sound.js";
import { type AudioHeader, joined, type Sound } from "./sound.js";

/** The header of a FLAC, an Ogg file, an MP3 or MP2; undefined where it is none of these. */
export function compressedHeader(source: ByteSource, verdict: Verdict): AudioHeader | undefined {
  const headers = readCompressedInfo(source, verdict).map((info) => headerOf(info, verdict));
  const [first] = headers;
  return headers.length < 2 ? first : { ...first!, frames: framesOf(headers), open: () => joined(headers) };
}

function framesOf(headers: readonly AudioHeader[]): number | undefined {
  const all = headers.map(({ frames }) => frames);
  return all.includes(undefined) ? undefined : all.reduce((sum, frames) => sum! + frames!, 0);
}

function headerOf(info: CompressedInfo, verdict: Verdict): AudioHeader {
  const { codec, container, sampleRate, channels, bitsPerSample = 0, frames } = info;
  return {
    format: container === "MPEG" ? codec.toUpperCase() : container,
    sampleRate,
    channels,
    bitsPerSample,
    frames,
    sixteenBit: bitsPerSample === 16,
    open: async () => inWavOrder(await openCompressed(info, verdict), info),
    close: () => {},
  };
}

/** By libsndfile where it is there and reads the file right, else by WebAssembly. */
async function openCompressed(info: CompressedInfo, verdict: Verdict): Promise<Sound> {
  if (info.codec === "flac") return await flacSound(info, verdict, () => flacReader(info, verdict));
  const native = suits(info) ? openNative(info.part) : undefined;
  if (native) {
    if (info.codec === "opus") native.setRate(info.sampleRate);
    if (readsAll(native, info)) {
      // A stream cut at its beginning counts on from where it was. libsndfile counts from what is there, and of Opus drops
      // `preSkip` samples only where it seeks.
      const cut = info.frames === undefined ? 0 : info.frames - native.info.frames;
      const inexact =
        info.codec === "opus" && cut !== 0
          ? [{ from: 0, to: Infinity }]
          : info.inexact?.map(({ from, to }) => ({ from: from - cut, to: to - cut }));
      return nativeSound(native, verdict, inexact);
    }
    native.close();
  }
  // The decoders in WebAssembly say nothing sensible of headers without sound.
  if (info.frames === 0) return floatSound(new Float32Array(0), info.sampleRate, info.channels);
  const { samples, ...form } = await decodeByWasm(info, verdict);
  return floatSound(samples as Float32Array, form.sampleRate, form.channels);
}

/** Reads a FLAC of any form, or says what is wrong with it. */
async function flacReader(info: CompressedInfo, verdict: Verdict): Promise<IntegerReader> {
  const native = suits(info) ? openNative(info.part) : undefined;
  if (native) return native;
  const { samples, channels } = await decodeByWasm(info, verdict);
  return integersOf(samples as Int32Array, channels);
}

/** libsndfile reads no Ogg FLAC, nothing of an Ogg file without an end, and mpg123 in it says on stderr what it stumbles over in an MP3. */
function suits({ container, codec, regular = true }: CompressedInfo): boolean {
  return regular && !(container === "Ogg" && codec === "flac");
}

/** libsndfile reads an MP3 no further than the length it takes it to have. */
function readsAll({ info: { frames, channels, sampleRate } }: NativeFile, info: CompressedInfo): boolean {
  if (channels !== info.channels || sampleRate !== info.sampleRate) return false;
  return info.least === undefined || (frames >= info.least && frames < Number.MAX_SAFE_INTEGER);
}

/** For each channel in the order of wav (L R C LFE …) its place in Vorbis's and Opus's (L C R … LFE; Vorbis I, section 4.3.9). */
const ORDERS: Record<number, readonly number[]> = {
  3: [0, 2, 1],
  5: [0, 2, 1, 3, 4],
  6: [0, 2, 1, 5, 3, 4],
  7: [0, 2, 1, 6, 5, 3, 4],
  8: [0, 2, 1, 7, 5, 6, 3, 4],
};

/** The channels in the order that they have in all other formats, as in FFmpeg. */
function inWavOrder(sound: Sound, { codec, channels }: CompressedInfo): Sound {
  const order = codec === "vorbis" || codec === "opus" ? ORDERS[channels] : undefined;
  if (!order) return sound;
  const frame = new Float32Array(channels);
  return {
    ...sound,
    read: async (out) => {
      const frames = await sound.read(out);
      for (let at = 0; at < frames * channels; at += channels) {
        frame.set(out.subarray(at, at + channels));
        for (let c = 0; c < channels; c++) out[at + c] = frame[order[c]!]!;
      }
      return frames;
    },
  };
}

function integersOf(samples: Int32Array, channels: number): IntegerReader {
  let at = 0;
  return {
    read: (out) => {
      const part = samples.subarray(at, at + out.length);
      if (out instanceof Int32Array) out.set(part);
      else for (let i = 0; i < part.length; i++) out[i] = part[i]! >> 16;
      at += part.length;
      return part.length;
    },
    error: () => "",
    seek: (frame) => {
      at = frame * channels;
      return at <= samples.length;
    },
    close: () => {},
  };
}

function floatSound(samples: Float32Array, sampleRate: number, channels: number): Sound {
  let at = 0;
  return {
    sampleRate,
    channels,
    sixteenBit: false,
    frames: samples.length / channels,
    read: (out) => {
      const part = samples.subarray(at, at + out.length - (out.length % channels));
      out.set(part);
      at += part.length;
      return part.length / channels;
    },
    seek: (frame) => {
      at = Math.min(frame * channels, samples.length);
      return at / channels;
    },
    close: () => {},
  };
}
