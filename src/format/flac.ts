import { createMemory, loopsIn, type Loops, type Memory } from "../core/wasm-loops.js";

/** What a FLAC of 16-bit samples in blocks of one size says of itself. */
export interface FlacHead {
  /** In Hz. */
  sampleRate: number;
  channels: number;
  /** Samples per channel of each block; the last may have fewer. */
  block: number;
  /** Samples per channel. */
  samples: number;
  /** MD5 of the samples, hexadecimal; zeros where the encoder stored none. */
  md5: string;
  /** Byte at which the first block begins. */
  first: number;
}

/** Bytes of "fLaC" and of STREAMINFO, the block of metadata that every FLAC begins with. */
const HEAD_BYTES = 42;
/** Most that RFC 9639 allows. */
const MOST_CHANNELS = 8;
const MOST_BLOCK = 65535;
/** What the decoder may read behind the end. */
const BEHIND = 16;
/** Bytes that are decoded at a time: what stays in the cache. */
const WINDOW = 1 << 17;

const OUT_AT = 128 + 4 * MOST_CHANNELS * (MOST_BLOCK + 5);
const IN_AT = OUT_AT + 2 * MOST_CHANNELS * (MOST_BLOCK + 16);
const IN_BYTES = 2 * mostBytes(MOST_CHANNELS, MOST_BLOCK);

/** Bytes that a block has at most: as many as its samples, each with a bit more for the difference of two channels. */
function mostBytes(channels: number, block: number): number {
  return 64 + channels * (16 + Math.ceil((17 * block) / 8));
}

let memory: Memory | undefined;
let loops: Loops;
let input: Uint8Array;

/** Reads the metadata of a FLAC; undefined of anything but 16-bit samples in blocks of one size whose number is known. */
export function readFlacHead(bytes: Uint8Array): FlacHead | undefined {
  if (bytes.length < HEAD_BYTES || String.fromCharCode(...bytes.subarray(0, 4)) !== "fLaC") return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if ((bytes[4]! & 127) !== 0 || (view.getUint32(4) & 0xffffff) !== 34) return undefined;
  const block = view.getUint16(8);
  const packed = view.getUint32(18);
  const samples = (bytes[21]! & 15) * 2 ** 32 + view.getUint32(22);
  const bits = ((packed >>> 4) & 31) + 1;
  if (block === 0 || block !== view.getUint16(10) || bits !== 16 || samples === 0) return undefined;
  let first = 4;
  for (let last = false; !last; ) {
    if (first + 4 > bytes.length) return undefined;
    last = bytes[first]! >= 128;
    first += 4 + (view.getUint32(first) & 0xffffff);
  }
  if (first > bytes.length) return undefined;
  const md5 = Array.from(bytes.subarray(26, 42), (byte) => byte.toString(16).padStart(2, "0")).join("");
  return { sampleRate: packed >>> 12, channels: ((packed >>> 9) & 7) + 1, block, samples, md5, first };
}

/**
 * The same FLAC without tags, pictures and whatever else stands between STREAMINFO and the samples. `bytes` are changed: what is left
 * lies at their end.
 */
export function bareFlac(bytes: Uint8Array, head: FlacHead): { bytes: Uint8Array; head: FlacHead } {
  const bare = bytes.copyWithin(head.first - HEAD_BYTES, 0, HEAD_BYTES).subarray(head.first - HEAD_BYTES);
  // The only block of metadata is the last one.
  bare[4] = 128;
  return { bytes: bare, head: { ...head, first: HEAD_BYTES } };
}

/** Samples that are decoded at a time, about, where only the sizes of blocks are wanted. */
const FEW = 1 << 18;

/** The bytes of each block, found by decoding them; undefined where they aren't all there and nothing else. */
export function flacSizes(bytes: Uint8Array, head: FlacHead): number[] | undefined {
  const { samples, channels, block } = head;
  const sizes: number[] = [];
  const step = block * Math.max(1, Math.floor(FEW / block / channels));
  const scratch = new Int16Array(Math.min(step, samples) * channels);
  let at = head.first;
  for (let done = 0; done < samples; done += step) {
    const part = scratch.subarray(0, Math.min(step, samples - done) * channels);
    at = decodeFlacBlocks(bytes, { channels, block, from: at }, part, sizes);
    if (at < 0) return undefined;
  }
  return at === bytes.length ? sizes : undefined;
}

/** Where a run of blocks lies in `bytes`, and the form of the FLAC that it is of. */
export interface FlacRun extends Pick<FlacHead, "channels" | "block"> {
  from: number;
  /** Samples per channel that are dropped at its beginning. Default 0. */
  skip?: number;
}

/**
 * Decodes blocks until `out` is full, channels interleaved. Whether the samples are right isn't looked at.
 * @param sizes gets the bytes of each block
 * @returns the byte behind the last block, or -1 where what is there is no block, or ends before
 */
export function decodeFlacBlocks(bytes: Uint8Array, run: FlacRun, out: Int16Array, sizes?: number[]): number {
  const { channels, block, from, skip = 0 } = run;
  if (!memory) {
    memory = createMemory(IN_AT + IN_BYTES + BEHIND);
    loops = loopsIn(memory);
    input = new Uint8Array(memory.buffer, IN_AT);
  }
  const most = mostBytes(channels, block);
  let [start, end] = [0, 0];
  let dropped = skip * channels;
  for (let at = from, done = 0; ; ) {
    if (done === out.length) return at;
    if (at + most > end && end < bytes.length) {
      start = at;
      end = Math.min(bytes.length, start + Math.max(WINDOW, 2 * most));
      input.set(bytes.subarray(start, end));
      input.fill(0, end - start, end - start + BEHIND);
    }
    const samples = loops.flacFrame(IN_AT + at - start, IN_AT + end - start, channels, block, 0, OUT_AT);
    if (samples === 0) return -1;
    const part = new Int16Array(memory.buffer, OUT_AT, samples * channels);
    const kept = part.subarray(Math.min(dropped, part.length)).subarray(0, out.length - done);
    out.set(kept, done);
    done += kept.length;
    // A short one before the end would put those behind it elsewhere.
    if (samples < block && done < out.length) return -1;
    dropped = Math.max(0, dropped - part.length);
    const next = loops.flacEnd() - IN_AT + start;
    sizes?.push(next - at);
    at = next;
  }
}
