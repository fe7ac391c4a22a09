import { createHash, type Hash } from "node:crypto";
import { createMemory, loopsIn } from "../core/wasm-loops.js";
import type { CompressedInfo } from "../format/compressed-info.js";
import { otherBytes } from "../format/mpeg-info.js";
import type { Verdict } from "../format/verdict.js";
import { damagedBlock, type IntegerReader, intactReader } from "./intact-reader.js";
import { drop, type Sound } from "./sound.js";

/** Samples that are worked on at a time: what stays in the processor's cache. */
const PART = 1 << 14;
const memory = createMemory(12 * PART + 64);
const loops = loopsIn(memory);
const wide = new Int32Array(memory.buffer, 0, PART);
const narrow = new Int16Array(memory.buffer, 0, PART);
const PACKED_AT = 4 * PART;
const FLOATS_AT = 8 * PART + 16;

/**
 * The sound of a FLAC, checked against its own checksums while it is read from beginning to end: those of the frames by the
 * decoder, that of all samples here.
 * @param other makes the reader that reads every FLAC, or says what is wrong with it
 */
export async function flacSound(
  info: CompressedInfo,
  verdict: Verdict,
  other: () => Promise<IntegerReader>,
): Promise<Sound> {
  const { sampleRate, channels, frames, bitsPerSample: bits = 16 } = info;
  const sixteenBit = bits === 16;
  let hash: Hash | undefined = info.md5 === undefined ? undefined : createHash("md5");
  const step = PART - (PART % channels);
  const own = intactReader(info);
  let reader = own ?? (await other());
  let whole = true;
  /** Whether a part is read, and whether it fell short. */
  let part = false;
  let short = false;
  let begin = 0;
  let read = 0;
  let broken = "";
  /** Names the frame that is damaged where the file isn't cut. */
  const tellFrame = (): void => {
    const frame = damagedBlock(info, begin);
    if (!frame) return;
    const byte = (info.begin ?? 0) + frame.at;
    verdict.damaged(`FLAC: frame ${frame.number} at byte ${byte}: wrong, the file is damaged: copy it again`);
  };
  const tellDecoder = (after = ""): never => {
    tellFrame();
    return verdict.damaged(`FLAC: damaged, the decoder says ${JSON.stringify(broken)}${after}`);
  };
  /** A frame whose own checksum is wrong; a decoder that is out of step only at the end has met the end of a cut file. */
  const tellBroken = (): void => {
    const got = read / channels;
    if (broken !== "" && (!/lost sync/.test(broken) || frames === got)) {
      tellDecoder(` after ${got} samples`);
    }
  };
  const tellLost = (): void => {
    tellFrame();
    verdict.lost(`samples: ${read / channels}, expected ${frames ?? "more"} according to the header`);
  };
  const finish = (): void => {
    whole = false;
    const got = read / channels;
    tellBroken();
    if (got === 0 && frames !== undefined) {
      tellFrame();
      verdict.damaged(`FLAC: damaged, no samples, expected ${frames}`);
    }
    if (frames === undefined ? broken !== "" : got < frames) tellLost();
    else if (hash && hash.digest("hex") !== info.md5) {
      verdict.damaged("checksum of the FLAC samples: wrong, the file is damaged");
    }
    const behind = got === frames && reader === own ? otherBytes(info.part, own!.end()) : 0;
    if (behind > 0) verdict.note(`FLAC: ${behind} bytes after the last frame, skipped`);
  };
  const fallShort = (): void => {
    short = true;
    tellBroken();
    if (frames !== undefined) tellLost();
  };
  const change = async (): Promise<void> => {
    reader.close();
    reader = await other();
    let left = read;
    if (begin > 0 && reader.seek(begin)) left -= begin * channels;
    const scratch = new (sixteenBit ? Int16Array : Int32Array)(Math.min(left, step));
    for (let got = 1; left > 0 && got > 0; left -= got) got = reader.read(scratch.subarray(0, left));
  };
  const use = (integers: Int16Array | Int32Array, out: Float32Array | Int16Array): void => {
    if (whole) hash?.update(asStored(integers, bits));
    if (out instanceof Float32Array) toFloats(out, integers.length, sixteenBit);
  };
  const sound: Sound = {
    sampleRate,
    channels,
    sixteenBit,
    frames,
    read: async (out) => {
      if (short) return 0;
      const room = Math.min(out.length - (out.length % channels), (frames ?? Infinity) * channels - read);
      let done = 0;
      while (done < room) {
        // What was wrong before more samples came is damage inside.
        if (broken !== "") tellDecoder();
        const piece = out.subarray(done, Math.min(room, done + step));
        const place = piece instanceof Int16Array ? piece : (sixteenBit ? narrow : wide).subarray(0, piece.length);
        let got = reader.read(place);
        if (got < 0) {
          await change();
          got = reader.read(place);
        }
        broken = reader.error();
        read += got;
        use(place.subarray(0, got), piece.subarray(0, got));
        done += got;
        if (got < piece.length) break;
      }
      if (whole && (done < room || read === (frames ?? Infinity) * channels)) finish();
      else if (part && done < room) fallShort();
      return done / channels;
    },
    seek: async (frame) => {
      if (frame === 0) return 0;
      hash = undefined;
      whole = false;
      part = true;
      let found = reader.seek(frame);
      if (!found && reader === own) {
        await change();
        found = reader.seek(frame);
      }
      if (!found) {
        // Where it has looked in vain it doesn't read on.
        reader.close();
        reader = await other();
        const got = await drop(sound, frame);
        return frames === undefined ? got : frame;
      }
      begin = frame;
      read = frame * channels;
      return frame;
    },
    close: () => reader.close(),
  };
  return sound;
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
