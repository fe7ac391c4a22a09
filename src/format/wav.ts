import { DatasetError } from "../core/error.js";
import { readWavInfo, type WavInfo } from "./wav-header.js";

export {
  type CodedWav,
  codedWavError,
  readWavHeader,
  readWavInfo,
  type WavInfo,
  wavHeaderBytes,
} from "./wav-header.js";

/** Sound in memory. */
export interface Audio {
  /** Frames per second. */
  sampleRate: number;
  channels: number;
  /** Interleaved, `frames × channels` long. Int16Array: 1 is 1/32768 of full scale. Float32Array: full scale is -1 to 1. */
  samples: Int16Array | Float32Array;
}

/** Options of `decodeWav`. */
export interface DecodeWavOptions {
  /** Take what is there of a file that is cut short, instead of throwing. Default false. */
  allowTruncated?: boolean;
}

/**
 * Decodes a whole wav file.
 *
 * 16-bit PCM gives an Int16Array, everything else a Float32Array with libsndfile's scale: integers of n bits divided by
 * 2^(n-1), floats as they are. 16-bit and float32 samples are a view of `bytes` where they lie aligned, else a copy.
 *
 * @param where The file's name, for errors.
 * @throws DatasetError "FORMAT" where the file is damaged, cut short, or of a codec that is not read.
 * @example decodeWav(readFileSync("in/a.wav"), "in/a.wav").samples.length
 */
export function decodeWav(bytes: Uint8Array, where: string, options: DecodeWavOptions = {}): Audio {
  const info = readWavInfo(bytes, bytes.length, where);
  if (info.truncated && !options.allowTruncated) {
    throw new DatasetError(
      "FORMAT",
      `samples: ${info.frames} frames, expected more according to the header (${where}); the file is cut short: copy it again`,
    );
  }
  const { sampleRate, channels } = info;
  return { sampleRate, channels, samples: decodeSamples(bytes, info) };
}

/** Samples as floats of full scale -1 to 1: the same array if they are, else int16 / 32768. */
export function toFloat32(samples: Int16Array | Float32Array): Float32Array {
  if (samples instanceof Float32Array) return samples;
  const out = new Float32Array(samples.length);
  scaleInto(out, samples);
  return out;
}

function scaleInto(out: Float32Array, samples: Int16Array): void {
  const scale = 1 / 32768;
  // Four at a time, because the loop itself costs as much as the conversion of one.
  const whole = out.length & ~3;
  for (let i = 0; i < whole; i += 4) {
    out[i] = samples[i]! * scale;
    out[i + 1] = samples[i + 1]! * scale;
    out[i + 2] = samples[i + 2]! * scale;
    out[i + 3] = samples[i + 3]! * scale;
  }
  for (let i = whole; i < out.length; i++) out[i] = samples[i]! * scale;
}

/** @throws DatasetError "OPTION" for what would make a bad file: no rate, samples of another type, frames that aren't whole */
export function checkAudio({ sampleRate, channels, samples }: Audio, where?: string): void {
  const refuse = (message: string): never => {
    throw new DatasetError("OPTION", where === undefined ? message : `${message} (${where})`);
  };
  for (const [name, value, most] of [
    ["sampleRate", sampleRate, 0xffffffff],
    ["channels", channels, 0xffff],
  ] as const) {
    if (Number.isInteger(value) && value > 0 && value <= most) continue;
    refuse(`${name}: ${value}, expected a whole number from 1 to ${most}`);
  }
  if (!(samples instanceof Float32Array) && !(samples instanceof Int16Array)) {
    const type = (samples as object | undefined)?.constructor?.name ?? typeof samples;
    refuse(`samples: ${type}, expected a Float32Array or an Int16Array`);
  }
  if (samples.length % channels !== 0) {
    refuse(`samples: ${samples.length}, expected a multiple of the ${channels} channels`);
  }
}

/** Bytes of the header that `encodeWav` writes for 16-bit samples. */
export const WAV_HEADER_BYTES = 44;

/**
 * Encodes a wav file: 16-bit PCM from an Int16Array, 32-bit float from a Float32Array; nothing is scaled or clipped.
 *
 * @throws DatasetError "OPTION" for what would make a bad file, and for more than 4 GiB, which a wav header cannot say.
 * @example writeFileSync("a.wav", encodeWav({ sampleRate: 16000, channels: 1, samples: new Int16Array(16000) }))
 */
export function encodeWav(audio: Audio): Uint8Array {
  checkAudio(audio);
  const { sampleRate, channels, samples } = audio;
  const float = samples instanceof Float32Array;
  const width = samples.BYTES_PER_ELEMENT;
  // Float files carry the extension size and a fact chunk, which the format asks of everything that isn't PCM.
  const dataAt = float ? 58 : WAV_HEADER_BYTES;
  const total = dataAt + samples.byteLength;
  if (total - 8 > 0xffffffff) {
    throw new DatasetError("OPTION", `wav: ${total} bytes, expected at most 4 GiB; write it in several files`);
  }
  const bytes = new Uint8Array(total);
  const view = new DataView(bytes.buffer);
  const put = (at: number, id: string, size: number): void => {
    for (let i = 0; i < 4; i++) bytes[at + i] = id.charCodeAt(i);
    view.setUint32(at + 4, size, true);
  };
  put(0, "RIFF", total - 8);
  put(8, "WAVE", 0);
  put(12, "fmt ", float ? 18 : 16);
  view.setUint16(20, float ? 3 : 1, true);
  view.setUint16(22, channels, true);
  view.setUint32(24, sampleRate, true);
  view.setUint32(28, sampleRate * channels * width, true);
  view.setUint16(32, channels * width, true);
  view.setUint16(34, width * 8, true);
  if (float) {
    put(38, "fact", 4);
    view.setUint32(46, samples.length / channels, true);
  }
  put(dataAt - 8, "data", samples.byteLength);
  bytes.set(new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength), dataAt);
  return bytes;
}

function decodeSamples(bytes: Uint8Array, info: WavInfo): Int16Array | Float32Array {
  const count = info.frames * info.channels;
  const width = info.bitsPerSample / 8;
  const data = bytes.subarray(info.dataOffset, info.dataOffset + count * width);
  if (info.sampleFormat === "int" && width === 2) return int16(data, info);
  if (info.sampleFormat === "float" && width === 4 && inPlace(data, info)) {
    return new Float32Array(data.buffer, data.byteOffset, count);
  }
  const out = new Float32Array(count);
  decodeInto(out, data, info);
  return out;
}

/** Decodes the bytes of `out.length` samples, from whatever place in the file, to floats of full scale -1 to 1. */
export function decodeInto(out: Float32Array, data: Uint8Array, info: WavInfo): void {
  const width = info.bitsPerSample / 8;
  if (info.sampleFormat === "alaw") byTable(out, data, A_LAW);
  else if (info.sampleFormat === "mulaw") byTable(out, data, MU_LAW);
  else if (info.sampleFormat === "float") {
    if (width === 8) out.set(new Float64Array(aligned(data, info)));
    else {
      const bytes = info.littleEndian ? data : new Uint8Array(aligned(data, info));
      new Uint8Array(out.buffer, out.byteOffset, out.byteLength).set(bytes);
    }
  } else if (width === 2) scaleInto(out, int16(data, info));
  else if (width === 1) {
    for (let i = 0; i < out.length; i++) out[i] = (data[i]! - 128) * (1 / 128);
  } else if (width === 3) {
    const [low, high] = info.littleEndian ? [0, 2] : [2, 0];
    for (let i = 0, at = 0; i < out.length; i++, at += 3) {
      out[i] = (((data[at + high]! << 24) | (data[at + 1]! << 16) | (data[at + low]! << 8)) >> 8) * (1 / 8388608);
    }
  } else {
    const ints = new Int32Array(aligned(data, info));
    for (let i = 0; i < out.length; i++) out[i] = ints[i]! * (1 / 2147483648);
  }
}

function int16(data: Uint8Array, info: WavInfo): Int16Array {
  return inPlace(data, info)
    ? new Int16Array(data.buffer, data.byteOffset, data.length / 2)
    : new Int16Array(aligned(data, info));
}

/** Whether the samples can be used where they lie. */
function inPlace(data: Uint8Array, info: WavInfo): boolean {
  return info.littleEndian && data.byteOffset % (info.bitsPerSample / 8) === 0;
}

/** A copy of the bytes at offset 0 of a buffer of their own, little-endian. */
function aligned(data: Uint8Array, info: WavInfo): ArrayBuffer {
  const copy = new Uint8Array(data);
  if (!info.littleEndian) {
    const swap = Buffer.from(copy.buffer);
    if (info.bitsPerSample === 16) swap.swap16();
    else if (info.bitsPerSample === 32) swap.swap32();
    else swap.swap64();
  }
  return copy.buffer;
}

function byTable(out: Float32Array, data: Uint8Array, table: Float32Array): void {
  for (let i = 0; i < out.length; i++) out[i] = table[data[i]!]!;
}

/** ITU-T G.711, A-law: even bits inverted, 3 bits of exponent, 4 of mantissa. */
const A_LAW: Float32Array = Float32Array.from({ length: 256 }, (_, code) => {
  const c = code ^ 0x55;
  const exponent = (c >> 4) & 7;
  const mantissa = ((c & 15) << 4) + 8;
  const size = exponent === 0 ? mantissa : (mantissa + 256) << (exponent - 1);
  return (c & 0x80 ? size : -size) / 32768;
});

/** ITU-T G.711, µ-law: all bits inverted, bias 132. */
const MU_LAW: Float32Array = Float32Array.from({ length: 256 }, (_, code) => {
  const c = ~code & 0xff;
  const size = ((((c & 15) << 3) + 132) << ((c >> 4) & 7)) - 132;
  return (c & 0x80 ? -size : size) / 32768;
});
