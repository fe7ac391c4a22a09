import { type ByteSource, reachInto } from "./byte-source.js";
import type { Verdict } from "./verdict.js";

/** One stream of an Ogg file: files put one after the other have several. */
export interface OggStream {
  /** The first packet: the codec's header. */
  first: Uint8Array;
  /** Granule position of the last page: for audio the number of samples up to its end. */
  granule: number;
  /** Where its pages begin and end. */
  from: number;
  to: number;
  /** Whether all its pages are there. */
  regular: boolean;
}

/**
 * Walks the pages of an Ogg file and checks their checksums, their numbers and that the last one is marked as the end
 * (RFC 3533).
 * @throws DatasetError "FORMAT" where a checksum is wrong or streams are interleaved, and where a page is missing, unless that
 * is only to be warned of
 */
export function readOggInfo(source: ByteSource, verdict: Verdict): OggStream[] {
  const reach = reachInto(source);
  const { size } = source;
  const streams: OggStream[] = [];
  let serial = 0;
  let page = 0;
  let ended = true;
  let gaps = false;
  let at = 0;
  while (at < size) {
    const head = reach(at, 27 + 255);
    const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
    if (head.length < 4 || view.getUint32(0) !== 0x4f676753) break;
    const body = head.length < 27 ? Infinity : 27 + head[26]!;
    let length = body;
    for (let i = 27; i < body && i < head.length; i++) length += head[i]!;
    if (at + length > size) break;
    const bytes = reach(at, length);
    const fields = new DataView(bytes.buffer, bytes.byteOffset, length);
    if (pageChecksum(bytes) !== fields.getUint32(22, true)) {
      verdict.damaged(`checksum of the Ogg page at byte ${at}: wrong, the file is damaged`);
    }
    const number = fields.getUint32(18, true);
    if (fields.getUint32(14) !== serial || ended) {
      if (!ended && streams.length > 0) {
        const message = `Ogg: another stream at byte ${at} before the end of the first, expected one at a time`;
        verdict.damaged(`${message}; convert the file, for example: ffmpeg -i FILE out.flac`);
      }
      gaps = false;
      serial = fields.getUint32(14);
      streams.push({ first: bytes.slice(body), granule: 0, from: at, to: at, regular: false });
    } else if (number !== page + 1) {
      gaps = true;
      verdict.lost(
        `Ogg page: number ${number} at byte ${at}, expected ${page + 1}`,
        "the file is damaged: copy it again",
      );
    }
    page = number;
    const stream = streams.at(-1)!;
    const position = fields.getBigInt64(6, true);
    if (position >= 0n) stream.granule = Number(position);
    ended = (bytes[5]! & 4) !== 0;
    at += length;
    stream.to = at;
    stream.regular = ended && !gaps;
  }
  if (streams.length > 0 && !ended) verdict.lost(`Ogg: no end after byte ${streams.at(-1)!.to}`);
  else if (at < size) verdict.note(`Ogg: ${size - at} bytes after the end, skipped`);
  if (streams.length > 1) verdict.note(`Ogg: ${streams.length} streams one after the other, read as one`);
  return streams;
}

/** What the checksum of a byte becomes by as many zero bytes behind it as the table's number says. */
const TABLES = Array.from({ length: 4 }, () => new Uint32Array(256));
for (let n = 0; n < 256; n++) {
  let c = n << 24;
  for (const table of TABLES) {
    for (let bit = 0; bit < 8; bit++) c = c & 0x80000000 ? (c << 1) ^ 0x04c11db7 : c << 1;
    table[n] = c;
  }
}
const [T0, T1, T2, T3] = TABLES as [Uint32Array, Uint32Array, Uint32Array, Uint32Array];

/** Ogg's CRC-32 (polynomial 04c11db7, not reflected) of a page whose checksum field counts as zero. */
function pageChecksum(page: Uint8Array): number {
  let crc = continued(0, page, 0, 22);
  crc = continued(crc, new Uint8Array(4), 0, 4);
  return continued(crc, page, 26, page.length) >>> 0;
}

/** Four bytes at a time. */
function continued(from: number, bytes: Uint8Array, start: number, end: number): number {
  let crc = from;
  let i = start;
  for (; i + 4 <= end; i += 4) {
    crc ^= (bytes[i]! << 24) | (bytes[i + 1]! << 16) | (bytes[i + 2]! << 8) | bytes[i + 3]!;
    crc = T3[crc >>> 24]! ^ T2[(crc >>> 16) & 255]! ^ T1[(crc >>> 8) & 255]! ^ T0[crc & 255]!;
  }
  for (; i < end; i++) crc = (crc << 8) ^ T0[((crc >>> 24) ^ bytes[i]!) & 255]!;
  return crc;
}
