import { createHash, type Hash } from "node:crypto";
import { createMemory, loopsIn } from "../core/wasm-loops.js";
import type { CompressedInfo } from "../format/compressed-info.js";
import type { Verdict } from "../format/verdict.js";
import { drop, type Sound } from "./sound.js";

/** What gives FLAC's integers: libsndfile, or an array that was decoded whole. */
export interface IntegerReader {
  /** Fills `out` with the next samples, all channels together, in its full width; returns how many. */
  read(out: Int16Array | Int32Array): number;
  /** As `read`, on another thread; nothing else may be asked for meanwhile. Absent where there is none. */
  readAside?: ((out: Int16Array | Int32Array) => Promise<number>) | undefined;
  /** What was found wrong since the last call; "" where nothing was. */
  error(): string;
  seek(frame: number): boolean;
  close(): void;
}

/** Samples that are worked on at a time: what stays in the processor's cache. */
const PART = 1 << 14;
/** Samples decoded at a time on another thread, to and from which each way takes some microseconds. */
const ASIDE = 1 << 15;
const memory = createMemory(12 * PART + 64);
const loops = loopsIn(memory);
const wide = new Int32Array(memory.buffer, 0, PART);
const narrow = new Int16Array(memory.buffer, 0, PART);
const PACKED_AT = 4 * PART;
const FLOATS_AT = 8 * PART + 16;

/**
 * The sound of a FLAC, checked against its own checksums while it is read from beginning to end: those of the frames by the
 * decoder, that of all samples here.
 */
export function flacSound(reader: IntegerReader, info: CompressedInfo, verdict: Verdict): Sound {
  const { sampleRate, channels, frames, bitsPerSample: bits = 16 } = info;
  const sixteenBit = bits === 16;
  let hash: Hash | undefined = info.md5 === undefined ? undefined : createHash("md5");
  let whole = true;
  let read = 0;
  let broken = "";
  const finish = (): void => {
    whole = false;
    const got = read / channels;
    const promised = `${got}, expected ${frames ?? "more"} according to the header`;
    // A frame whose own checksum is wrong; a decoder that is out of step only at the end has met the end of a cut file.
    if (broken !== "" && (!/lost sync/.test(broken) || frames === got)) {
      verdict.damaged(`FLAC: damaged, the decoder says ${JSON.stringify(broken)} after ${got} samples`);
    }
    if (got === 0 && frames !== undefined) verdict.damaged(`FLAC: damaged, no samples, expected ${frames}`);
    if (frames === undefined ? broken !== "" : got < frames) verdict.lost(`samples: ${promised}`);
    else if (hash && hash.digest("hex") !== info.md5) {
      verdict.damaged("checksum of the FLAC samples: wrong, the file is damaged");
    }
  };
  const decode = async (out: Int16Array | Int32Array, by: IntegerReader["read" | "readAside"]): Promise<number> => {
    // What was wrong before more samples came is damage inside.
    if (broken !== "") verdict.damaged(`FLAC: damaged, the decoder says ${JSON.stringify(broken)}`);
    const got = await (by ?? reader.read)(out);
    broken = reader.error();
    read += got;
    return got;
  };
  const use = (integers: Int16Array | Int32Array, out: Float32Array | Int16Array): void => {
    for (let at = 0; at < integers.length; at += PART) {
      let part = integers.subarray(at, at + PART);
      if (out instanceof Float32Array) {
        const copy = (sixteenBit ? narrow : wide).subarray(0, part.length);
        copy.set(part);
        part = copy;
      }
      if (whole) hash?.update(asStored(part, bits));
      if (out instanceof Float32Array) toFloats(out.subarray(at), part.length, sixteenBit);
    }
  };
  const sound: Sound = {
    sampleRate,
    channels,
    sixteenBit,
    frames,
    read: async (out) => {
      const room = Math.min(out.length - (out.length % channels), (frames ?? Infinity) * channels - read);
      const most = reader.readAside ? ASIDE : PART;
      const step = most - (most % channels);
      const partAt = (at: number): Float32Array | Int16Array => out.subarray(at, Math.min(room, at + step));
      let done = 0;
      let part = partAt(0);
      let integers = placeIn(part, sixteenBit);
      // There is nothing yet to do meanwhile.
      let got = part.length === 0 ? 0 : await decode(integers, reader.read);
      while (got > 0) {
        const [decoded, place] = [integers.subarray(0, got), part];
        done += got;
        part = got < part.length ? part.subarray(0, 0) : partAt(done);
        integers = placeIn(part, sixteenBit);
        // The next samples are decoded while these are worked on; nobody may leave before that is done.
        const next = part.length === 0 ? 0 : decode(integers, reader.readAside);
        try {
          use(decoded, place);
        } finally {
          got = await next;
        }
      }
      if (whole && (done < room || read === (frames ?? Infinity) * channels)) finish();
      return done / channels;
    },
    seek: async (frame) => {
      if (frame === 0) return;
      hash = undefined;
      whole = false;
      if (reader.seek(frame)) read = frame * channels;
      else await drop(sound, frame);
    },
    close: reader.close,
  };
  return sound;
}

/** Where the integers go that become `part`: into its own memory, so that floats written from the front on come behind those read. */
function placeIn(part: Float32Array | Int16Array, sixteenBit: boolean): Int16Array | Int32Array {
  const { buffer, byteOffset, length } = part;
  if (part instanceof Int16Array) return part;
  return sixteenBit
    ? new Int16Array(buffer, byteOffset + 2 * length, length)
    : new Int32Array(buffer, byteOffset, length);
}

/** Floats of the integers in the loops' memory. */
function toFloats(out: Float32Array, count: number, sixteenBit: boolean): void {
  if (sixteenBit) loops.floatsOf16(0, 2 * count, FLOATS_AT);
  else loops.floatsOf32(0, 4 * count, FLOATS_AT);
  out.set(new Float32Array(memory.buffer, FLOATS_AT, count));
}

/** Integers in as few whole bytes as they have, little end first, as FLAC's checksum takes them. */
function asStored(integers: Int16Array | Int32Array, bits: number): Uint8Array {
  const { buffer, byteOffset, byteLength, length } = integers;
  const bytes = Math.ceil(bits / 8);
  if (integers instanceof Int16Array || bits === 32) return new Uint8Array(buffer, byteOffset, byteLength);
  if (bits === 24) {
    loops.pack24(0, 4 * length, PACKED_AT);
    return new Uint8Array(memory.buffer, PACKED_AT, 3 * length);
  }
  const out = new Uint8Array(bytes * length);
  for (let i = 0; i < length; i++) {
    const value = integers[i]! >> (32 - bits);
    for (let k = 0; k < bytes; k++) out[bytes * i + k] = value >> (8 * k);
  }
  return out;
}
