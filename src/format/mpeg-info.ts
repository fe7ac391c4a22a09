import type { ByteSource, Reach } from "./byte-source.js";
import { reachInto } from "./byte-source.js";
import type { Verdict } from "./verdict.js";

/** What the frames of an MPEG audio file (MP3, MP2) say. */
export interface MpegInfo {
  layer: 2 | 3;
  sampleRate: number;
  channels: number;
  /** Samples per channel that its frames have at least, what an encoder added at both ends left out. */
  least: number;
  /** Where the first frame begins and the last one ends. */
  from: number;
  to: number;
  /** Whether frame follows on frame, and a Xing header, where there is one, is right. */
  regular: boolean;
}

interface Frame {
  layer: 2 | 3;
  /** MPEG-1 has twice the samples and another size of side information. */
  mpeg1: boolean;
  sampleRate: number;
  channels: number;
  bytes: number;
}

// kbit/s of MPEG-1 layers III and II, and of both in MPEG-2 and 2.5 (ISO 11172-3, 13818-3).
const RATES_1 = [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320];
const RATES_1_LAYER_2 = [0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384];
const RATES_2 = [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160];
const SAMPLE_RATES = [44100, 48000, 32000];

/** Bytes that are searched for the first frame, and for the next one after a break. */
const SEARCHED = 1 << 16;
/** Bytes read at a time where a few are looked at. */
const HEAD = 1 << 10;
/** Frames in a row that make bytes without any other sign an MPEG file. */
const SIGNS = 4;

/**
 * Follows the chain of frames of an MP3 or MP2 to its end; tags and zeros between frames don't count. Files put one after
 * the other, each with a Xing header, are told apart. Empty where the bytes don't begin with frames in a row.
 *
 * @param tagged whether an ID3 tag says already that it is one
 * @throws DatasetError "FORMAT" where sound is missing, unless that is only to be warned of
 */
export function readMpegInfo(source: ByteSource, verdict: Verdict, tagged: boolean): MpegInfo[] {
  const reach = reachInto(source);
  const { size } = source;
  const begin = firstFrame(reach, tagged, size, verdict);
  const infos: MpegInfo[] = [];
  for (let from = begin; from !== undefined; ) {
    const walked = walk(reach, from, size, verdict);
    infos.push(walked.info);
    from = walked.next;
  }
  if (infos.length > 1) verdict.note(`MP3: ${infos.length} files one after the other, read as one`);
  return infos;
}

/** Follows the frames from `from` on; `next` is the first frame of another file behind. */
function walk(
  reach: Reach,
  from: number,
  size: number,
  verdict: Verdict,
): { info: MpegInfo; next: number | undefined } {
  const first = frameAt(reach, from)!;
  const xing = readXing(reach, from, first);
  let count = 0;
  let skipped = 0;
  let to = from;
  let next: number | undefined;
  let at = xing === undefined ? from : Math.min(size, from + first.bytes);
  while (at < size) {
    const frame = frameAt(reach, at);
    if (frame && at + frame.bytes <= size) {
      if (count > 0 && readXing(reach, at, frame) !== undefined) {
        next = at;
        break;
      }
      at += frame.bytes;
      to = at;
      count++;
      continue;
    }
    const tag = tagLength(reach, at, size);
    const sought = tag > 0 ? at + tag : nextFrame(reach, at + 1, Math.min(size, at + SEARCHED), first);
    if (sought === undefined) break;
    if (tag === 0) skipped += sought - at;
    at = sought;
  }
  if (skipped > 0) verdict.lost(`MP3: ${skipped} bytes between frames that are none, expected frame on frame`, DAMAGED);
  const incomplete = at < size && next === undefined && frameAt(reach, at) !== undefined;
  if (xing && xing.frames > count) {
    const message = `MP3 frames: ${count}, expected ${xing.frames} according to the header`;
    if (xing.frames - count > 1) verdict.lost(message);
    else verdict.note(message);
  } else if (incomplete) verdict.note(`MP3 frame at byte ${at}: incomplete, the file may be cut short`);
  else if (at < size && next === undefined) verdict.note(`MP3: ${size - at} bytes after the last frame, skipped`);
  const regular = skipped === 0 && !incomplete && (!xing || (xing.frames === count && near(xing.bytes, to - from)));
  const { layer, sampleRate, channels } = first;
  const samples = first.mpeg1 || layer === 2 ? 1152 : 576;
  // Where a header says so, up to three frames are left out.
  const least = samples * (xing ? Math.max(0, count - 3) : count);
  return { info: { layer, sampleRate, channels, least, from, to: incomplete ? size : to, regular }, next };
}

const DAMAGED = "the file is damaged: copy it again";

/** mpg123 takes a length that is off by more than a hundredth for wrong, and says so on stderr. */
function near(announced: number | undefined, bytes: number): boolean {
  return announced === undefined || Math.abs(announced - bytes) <= bytes / 100;
}

/** Where the first frame begins: after tags and zeros, or after other bytes where enough frames follow in a row. */
function firstFrame(reach: Reach, tagged: boolean, size: number, verdict: Verdict): number | undefined {
  let at = 0;
  let others = 0;
  for (let tag = tagLength(reach, 0, size); tag > 0; tag = tagLength(reach, at, size)) {
    if (reach(at, 1)[0] === 0) others += tag;
    at += tag;
  }
  // A file of one frame, or of a header and what is left of the first frame.
  const end = Math.min(size, at + SEARCHED);
  for (let i = at; i < end; i++) {
    if (!chain(reach, i, tagged || i === at ? 2 : SIGNS, size)) continue;
    others += i - at;
    if (others > 0) verdict.note(`MP3: ${others} bytes before the first frame, skipped`);
    return i;
  }
  return undefined;
}

/** Whether frames of one kind follow on each other, `count` of them or as many as there are to the end. */
function chain(reach: Reach, from: number, count: number, size: number): boolean {
  const first = frameAt(reach, from);
  if (!first) return false;
  let at = from + first.bytes;
  for (let i = 1; i < count; i++) {
    if (at >= size || tagLength(reach, at, size) > 0) return count <= 2;
    const frame = frameAt(reach, at);
    if (!frame || !alike(frame, first)) return false;
    at += frame.bytes;
  }
  return true;
}

function nextFrame(reach: Reach, from: number, to: number, first: Frame): number | undefined {
  const size = Infinity;
  for (let at = from; at < to; at++) {
    const frame = frameAt(reach, at);
    if (frame && alike(frame, first) && chain(reach, at, 2, size)) return at;
  }
  return undefined;
}

function alike(a: Frame, b: Frame): boolean {
  return a.sampleRate === b.sampleRate && a.layer === b.layer && a.mpeg1 === b.mpeg1;
}

function frameAt(reach: Reach, at: number): Frame | undefined {
  const head = reach(at, 4);
  if (head.length < 4) return undefined;
  const a = head[0]!;
  const b = head[1]!;
  const c = head[2]!;
  const version = (b >> 3) & 3;
  const rate = c >> 4;
  const layer = 4 - ((b >> 1) & 3);
  // Eleven set bits, a known version, layer II or III, a bit rate and a sample rate that exist.
  if (a !== 255 || b >> 5 !== 7 || version === 1 || rate === 0 || rate === 15) return undefined;
  if (layer !== 2 && layer !== 3) return undefined;
  const base = SAMPLE_RATES[(c >> 2) & 3];
  if (base === undefined) return undefined;
  const mpeg1 = version === 3;
  const sampleRate = mpeg1 ? base : version === 2 ? base / 2 : base / 4;
  const kilobits = (!mpeg1 ? RATES_2 : layer === 2 ? RATES_1_LAYER_2 : RATES_1)[rate] as number;
  const slot = mpeg1 || layer === 2 ? 144 : 72;
  const bytes = Math.floor((slot * kilobits * 1000) / sampleRate) + ((c >> 1) & 1);
  return { layer, mpeg1, sampleRate, channels: head[3]! >> 6 === 3 ? 1 : 2, bytes };
}

/** What the Xing or Info header in a frame announces; undefined where there is none. */
function readXing(reach: Reach, at: number, frame: Frame): { frames: number; bytes: number | undefined } | undefined {
  if (frame.layer === 2) return undefined;
  const skipped = 4 + (frame.mpeg1 ? (frame.channels === 1 ? 17 : 32) : frame.channels === 1 ? 9 : 17);
  const head = reach(at + skipped, 16);
  if (head[0] !== 0x58 && head[0] !== 0x49) return undefined; // X, I
  const id = ascii(head, 0, 4);
  if ((id !== "Xing" && id !== "Info") || head.length < 12) return undefined;
  const view = new DataView(head.buffer, head.byteOffset, head.length);
  const flags = view.getUint32(4);
  const frames = flags & 1 ? view.getUint32(8) : 0;
  return { frames, bytes: (flags & 3) === 3 && head.length === 16 ? view.getUint32(12) : undefined };
}

/** Bytes of the tag or the zeros at a place; 0 where there is none. ID3v1, ID3v2, APE and Lyrics3. */
function tagLength(reach: Reach, at: number, size: number): number {
  const head = reach(at, 32);
  const id = ascii(head, 0, 8);
  if (id.startsWith("TAG")) return Math.min(128, size - at);
  const id3 = id3Length(head);
  if (id3 > 0) return id3;
  if (id === "APETAGEX" && head.length === 32) {
    const view = new DataView(head.buffer, head.byteOffset, 32);
    // The size is of the items and the footer; a header comes on top.
    return view.getUint32(20, true) & 0x20000000 ? 32 + view.getUint32(12, true) : 32;
  }
  if (id === "LYRICSBE") return size - at;
  if (head[0] !== 0) return 0;
  let zeros = 0;
  for (;;) {
    const part = reach(at + zeros, 4096);
    const other = part.findIndex((byte) => byte !== 0);
    if (other >= 0) return zeros + other;
    zeros += part.length;
    if (part.length < 4096) return zeros;
  }
}

/** Bytes from `from` to the end where they are more than tags and zeros; else 0. */
export function otherBytes(source: ByteSource, from: number): number {
  const reach = reachInto(source, HEAD);
  let at = from;
  for (let tag = 1; at < source.size && tag > 0; at += tag) tag = tagLength(reach, at, source.size);
  return at < source.size ? source.size - from : 0;
}

/** Bytes of an ID3v2 tag with its header (https://id3.org/id3v2.4.0-structure); 0 where there is none. */
export function id3Length(head: Uint8Array): number {
  if (ascii(head, 0, 3) !== "ID3" || head.length < 10) return 0;
  const byte = (i: number): number => head[i] as number;
  const size = (byte(6) << 21) | (byte(7) << 14) | (byte(8) << 7) | byte(9);
  return 10 + size + (byte(5) & 0x10 ? 10 : 0);
}

/** Some bytes as text. */
export function ascii(bytes: Uint8Array, at: number, length: number): string {
  return String.fromCharCode(...bytes.subarray(at, at + length));
}
