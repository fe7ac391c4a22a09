import { closeSync, openSync } from "node:fs";
import { type Audio, decodeAudio, isWav } from "../format/audio.js";
import { readWavInfo, toFloat32, type WavInfo } from "../format/wav.js";
import { decodePart, PART_BYTES, partBytes } from "../format/wav-part.js";
import { DatasetError } from "../core/error.js";
import { readHead } from "./header.js";
import { fillFrom } from "../system/read-bytes.js";
import { nextTurn } from "../system/event-loop.js";
import { fileError } from "../system/atomic-file.js";

/** Bytes read at a time where nothing is decoded. */
const DIRECT_BYTES = 1 << 21;
/** Bytes between two turns of the event loop: a few milliseconds of work. */
const TURN_BYTES = 1 << 22;

/** Options of `readAudio`. */
export interface ReadAudioOptions {
  /**
   * Where the samples go, from its beginning on; `samples` is then a view of it. Default: a new array. Reusing memory
   * from file to file costs less than allocating it.
   */
  out?: Float32Array | undefined;
}

/** What `readAudio` returns. */
export interface FloatAudio extends Audio {
  samples: Float32Array;
}

/**
 * Reads an audio file: wav, FLAC, Ogg (Vorbis, Opus, FLAC) or MP3, by what it contains.
 *
 * @returns samples as floats of full scale -1 to 1, channels interleaved; integers of n bits are divided by 2^(n-1)
 * @throws DatasetError "FILE" where there is no such file, "FORMAT" where it is damaged, cut short or none of these,
 * "ENVIRONMENT" without the decoder it needs, "OPTION" where `out` is too short
 * @example const { samples, sampleRate, channels } = await readAudio("in/a.wav");
 */
export async function readAudio(path: string, options: ReadAudioOptions = {}): Promise<FloatAudio> {
  let file: number | undefined;
  try {
    file = openSync(path, "r");
    // Memory of its own: decoding takes turns, in which another file may be read.
    const memory = { buffer: Buffer.allocUnsafe(4096) };
    let head = readHead(file, memory);
    if (isWav(head.bytes)) {
      const info = readWavInfo(head.bytes, head.size, path);
      if (!info.truncated) return await readParts(file, info, path, options);
      head = readHead(file, memory, true);
    }
    const audio = await decodeAudio(head.bytes, path);
    const samples = toFloat32(audio.samples);
    if (!options.out) return { ...audio, samples };
    const place = placeFor(samples.length, path, options);
    place.set(samples);
    return { ...audio, samples: place };
  } catch (error) {
    throw fileError(error, path);
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

function placeFor(length: number, path: string, { out }: ReadAudioOptions): Float32Array {
  // Not filled with zeros first: every sample is written, or an error thrown.
  if (!out) return new Float32Array(Buffer.allocUnsafeSlow(4 * length).buffer);
  if (out.length >= length) return out.subarray(0, length);
  throw new DatasetError("OPTION", `out: ${out.length} samples, expected at least ${length} (${path})`);
}

/** Samples go through a reused buffer; floats in this machine's byte order go straight to their place. */
async function readParts(file: number, info: WavInfo, path: string, options: ReadAudioOptions): Promise<FloatAudio> {
  const { sampleRate, channels } = info;
  const width = info.bitsPerSample / 8;
  const samples = placeFor(info.frames * channels, path, options);
  const asTheyAre = info.sampleFormat === "float" && width === 4 && info.littleEndian;
  const step = Math.floor((asTheyAre ? DIRECT_BYTES : PART_BYTES) / width);
  for (let at = 0, turn = TURN_BYTES; at < samples.length; at += step) {
    const out = samples.subarray(at, at + step);
    const bytes = asTheyAre
      ? new Uint8Array(out.buffer, out.byteOffset, out.byteLength)
      : partBytes.subarray(0, out.length * width);
    if (fillFrom(file, bytes, info.dataOffset + at * width) < bytes.length) {
      throw new DatasetError("FORMAT", `samples: cut off while being read, expected ${info.frames} frames (${path})`);
    }
    if (!asTheyAre) decodePart(out, info);
    if (at * width > turn) {
      turn += TURN_BYTES;
      await nextTurn();
    }
  }
  return { sampleRate, channels, samples };
}
