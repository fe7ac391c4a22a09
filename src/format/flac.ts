import { createMemory, loopsIn, type Loops, type Memory } from "../core/wasm-loops.js";
import { type ByteSource, bytesSource, reachInto } from "./byte-source.js";
import { fillTables } from "./table-checksum.js";

/** What a FLAC in blocks of one size says of itself. */
export interface FlacHead {
  /** In Hz. */
  sampleRate: number;
  channels: number;
  /** Bits per sample. */
  bits: number;
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
/** Bytes of a file that are read at a time to find where its metadata ends. */
const HEAD_WINDOW = 1 << 14;
/** Most that RFC 9639 allows. */
const MOST_CHANNELS = 8;
const MOST_BLOCK = 65535;
/** What the decoder may read behind the end, and the longest header of a block. */
const BEHIND = 16;
/** Bytes that are decoded at a time: what stays in the cache. */
const WINDOW = 1 << 17;

/** The tables of CRC-16 lie before. */
const WORK_AT = 16 * 1024;
const OUT_AT = WORK_AT + 128 + 4 * MOST_CHANNELS * (MOST_BLOCK + 5);
const IN_AT = OUT_AT + 4 * MOST_CHANNELS * (MOST_BLOCK + 16);
const IN_BYTES = 2 * mostBytes({ channels: MOST_CHANNELS, block: MOST_BLOCK, bits: 24 });

/** Bytes that a block has at most: as many as its samples, each with a bit more for the difference of two channels. */
function mostBytes({ channels, block, bits }: Pick<FlacHead, "channels" | "block" | "bits">): number {
  return 64 + channels * (16 + Math.ceil(((bits + 1) * block) / 8));
}

let memory: Memory | undefined;
let loops: Loops;
let input: Uint8Array;
/** Whose bytes are in `input`. */
let owner: FlacBlocks | undefined;

/** Makes the memory where there is none yet. */
function prepare(user: FlacBlocks | undefined): Memory {
  owner = user;
  if (memory) return memory;
  memory = createMemory(IN_AT + IN_BYTES + BEHIND);
  loops = loopsIn(memory);
  input = new Uint8Array(memory.buffer, IN_AT);
  // CRC-16 of polynomial 0x8005, the highest bit first; its bytes are exchanged.
  fillTables(new Int32Array(memory.buffer, 0, 16 * 256), (byte) => {
    let crc = byte << 8;
    for (let bit = 0; bit < 8; bit++) crc = ((crc << 1) ^ (crc & 0x8000 ? 0x8005 : 0)) & 0xffff;
    return (crc >> 8) | ((crc & 255) << 8);
  });
  return memory;
}

/**
 * Reads the metadata of a FLAC; undefined of anything but samples of these bits in blocks of one size whose number is known.
 * @param depths bits per sample, of 8 to 24. Default 16
 * @param streamed whether it may also be one without its number of samples, which is then Infinity
 */
export function readFlacHead(
  flac: Uint8Array | ByteSource,
  depths: readonly number[] = [16],
  streamed = false,
): FlacHead | undefined {
  const source = flac instanceof Uint8Array ? bytesSource(flac) : flac;
  const reach = reachInto(source, HEAD_WINDOW);
  const bytes = reach(0, HEAD_BYTES);
  if (bytes.length < HEAD_BYTES || String.fromCharCode(...bytes.subarray(0, 4)) !== "fLaC") return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if ((bytes[4]! & 127) !== 0 || (view.getUint32(4) & 0xffffff) !== 34) return undefined;
  const block = view.getUint16(8);
  const packed = view.getUint32(18);
  const samples = (bytes[21]! & 15) * 2 ** 32 + view.getUint32(22) || (streamed ? Infinity : 0);
  const bits = ((packed >>> 4) & 31) + 1;
  if (block === 0 || block !== view.getUint16(10) || !depths.includes(bits) || samples === 0) return undefined;
  const md5 = Array.from(bytes.subarray(26, 42), (byte) => byte.toString(16).padStart(2, "0")).join("");
  let first = 4;
  for (let last = false; !last; ) {
    const [kind, ...length] = reach(first, 4);
    if (length.length < 3) return undefined;
    last = kind! >= 128;
    first += 4 + (length[0]! << 16) + (length[1]! << 8) + length[2]!;
  }
  if (first > source.size) return undefined;
  return { sampleRate: packed >>> 12, channels: ((packed >>> 9) & 7) + 1, bits, block, samples, md5, first };
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
  const { buffer } = prepare(undefined);
  const most = mostBytes({ channels, block, bits: 16 });
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
    const samples = loops.flacFrame(IN_AT + at - start, IN_AT + end - start, channels, 16, block, WORK_AT, OUT_AT);
    if (samples === 0) return -1;
    const part = new Int16Array(buffer, OUT_AT, samples * channels);
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

/** The tries of a search for a block: half of what is left each. */
const TRIES = 64;

/** The blocks of a FLAC one after the other, each as its number and both of its checksums say. */
export class FlacBlocks {
  /** The next block. */
  private number = 0;
  /** The byte at which it begins. */
  at: number;
  /** The bytes that were read last. */
  private start = 0;
  private end = 0;
  private readonly most: number;

  constructor(
    private readonly source: ByteSource,
    private readonly head: FlacHead,
  ) {
    this.at = head.first;
    this.most = mostBytes(head);
  }

  /**
   * Decodes the next block; undefined where none is that is as it should be.
   * @returns channels interleaved, 24 bits in the upper ones of 32; valid until anything else is decoded
   */
  next(): Int16Array | Int32Array | undefined {
    const { channels, bits, block, samples } = this.head;
    const { buffer } = this.load(this.at);
    const at = IN_AT + this.at - this.start;
    const size = loops.flacFrame(at, IN_AT + this.end - this.start, channels, bits, block, WORK_AT, OUT_AT);
    if (size === 0 || size !== Math.min(block, samples - this.number * block)) return undefined;
    if (!loops.flacIntact(at, this.number)) return undefined;
    this.at = loops.flacEnd() - IN_AT + this.start;
    this.number++;
    return new (bits === 16 ? Int16Array : Int32Array)(buffer, OUT_AT, size * channels);
  }

  /** Goes to a block, found by the numbers of those on the way; false where it isn't. */
  seek(block: number): boolean {
    let [low, lowAt] = [0, this.head.first];
    let [high, highAt] = [Math.ceil(this.head.samples / this.head.block), this.source.size];
    for (let tries = 0; tries < TRIES && low < block; tries++) {
      const share = tries % 2 === 0 ? (block - low) / (high - low) : 0.5;
      const guess = Math.floor(lowAt + share * (highAt - lowAt) - WINDOW / 2);
      const from = highAt - lowAt <= WINDOW ? lowAt : Math.max(lowAt, guess);
      for (const [number, at] of this.headers(from)) {
        if (number < low || number >= high) continue;
        if (number > block) {
          [high, highAt] = [number, at];
          break;
        }
        [low, lowAt] = [number, at];
        if (number === block) break;
      }
    }
    [this.number, this.at] = [low, lowAt];
    return low === block;
  }

  /**
   * The first block from one on that isn't as it should be and yet not cut off: others follow it, or what is left of its header is
   * as long as a whole one. Undefined where the file ends in it, or before it.
   */
  damaged(from: number): { number: number; at: number } | undefined {
    this.seek(from);
    while (this.next());
    const { number, at } = this;
    const count = Math.ceil(this.head.samples / this.head.block);
    for (let next = at; next < this.source.size; next = this.end - BEHIND) {
      for (const [other] of this.headers(next)) if (other > number && other < count) return { number, at };
      if (next === at && this.hasBrokenHeader()) return { number, at };
      if (this.end === this.source.size || this.end - BEHIND <= next) break;
    }
    return undefined;
  }

  /** Whether a header stands at the next block that has half of the sync code, and is wrong. */
  private hasBrokenHeader(): boolean {
    const { number, at, start, end } = this;
    const [first, second] = input.subarray(at - start);
    if (end - at < BEHIND || number * this.head.block >= this.head.samples || (first !== 255 && second !== 0xf8))
      return false;
    return loops.flacNumber(IN_AT + at - start, IN_AT + end - start, this.head.channels, this.head.bits) !== number;
  }

  /** What looks as a block's header, from a byte on: its number and where it is. */
  private *headers(from: number): Generator<[number: number, at: number]> {
    const { channels, bits } = this.head;
    this.load(from);
    const { start, end } = this;
    const bytes = input.subarray(0, end - start);
    for (let at = from - start; ; at++) {
      at = bytes.indexOf(255, at);
      if (at < 0) return;
      if (bytes[at + 1] !== 0xf8) continue;
      const number = loops.flacNumber(IN_AT + at, IN_AT + end - start, channels, bits);
      if (number >= 0) yield [number, start + at];
    }
  }

  /** Has the bytes from `at` on in memory, as many as a block may have. */
  private load(at: number): Memory {
    const there = owner === this && at >= this.start && (at + this.most <= this.end || this.end === this.source.size);
    const memory = prepare(this);
    if (there) return memory;
    const bytes = Math.max(WINDOW, 2 * this.most);
    const got = this.source.read(input.subarray(0, Math.max(0, Math.min(bytes, this.source.size - at))), at);
    input.fill(0, got, got + BEHIND);
    this.start = at;
    this.end = at + got;
    return memory;
  }
}
