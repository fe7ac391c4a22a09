import { type ByteSource, type Reach, reachInto } from "./byte-source.js";
import { checksumBy } from "./table-checksum.js";
import type { Verdict } from "./verdict.js";

/** A page, or several up to one that has a granule position. */
export interface OggPage {
  granule: number;
  /** The least first byte of the packets that begin in it; 255 without one. */
  leastHead: number;
}

/** One stream of an Ogg file: files put one after the other have several. */
export interface OggStream {
  /** The first packet: the codec's header. */
  first: Uint8Array;
  /** Granule position of the last page: for audio the number of samples up to its end. */
  granule: number;
  pages: OggPage[];
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
  let leastHead = 255;
  let packetEnded = true;
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
      leastHead = 255;
      packetEnded = true;
      serial = fields.getUint32(14);
      streams.push({ first: bytes.slice(body), granule: 0, pages: [], from: at, to: at, regular: false });
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
    for (let i = 27, packet = body; i < body; packet += bytes[i++]!) {
      if (packetEnded && bytes[i]! > 0) leastHead = Math.min(leastHead, bytes[packet]!);
      packetEnded = bytes[i]! < 255;
    }
    if (position >= 0n) {
      stream.granule = Number(position);
      stream.pages.push({ granule: stream.granule, leastHead });
      leastHead = 255;
    }
    ended = (bytes[5]! & 4) !== 0;
    at += length;
    stream.to = at;
    stream.regular = ended && !gaps;
  }
  if (streams.length > 0 && !ended) verdict.lost(`Ogg: no end after byte ${streams.at(-1)!.to}`);
  else if (at < size) {
    const later = laterPage(reach, at, size);
    if (later === undefined) verdict.note(`Ogg: ${size - at} bytes after the end, skipped`);
    else
      verdict.lost(
        `Ogg: no page at byte ${at}, though one follows at byte ${later}`,
        "the file is damaged: copy it again",
      );
  }
  if (streams.length > 1) verdict.note(`Ogg: ${streams.length} streams one after the other, read as one`);
  return streams;
}

/** Bytes that are searched at a time. */
const SEARCHED = 1 << 16;

/** Where something that begins as a page does comes after `from`. */
function laterPage(reach: Reach, from: number, size: number): number | undefined {
  for (let at = from + 1; at < size; at += SEARCHED - 3) {
    const part = reach(at, SEARCHED);
    const found = Buffer.from(part.buffer, part.byteOffset, part.length).indexOf("OggS");
    if (found >= 0) return at + found;
  }
  return undefined;
}

/** Of polynomial 04c11db7, the highest bit first; its bytes are exchanged. Made when it is needed. */
let checksum: ReturnType<typeof checksumBy> | undefined;

/** Ogg's CRC-32 of a page whose checksum field counts as zero. */
function pageChecksum(page: Uint8Array): number {
  checksum ??= checksumBy((byte) => {
    let crc = byte << 24;
    for (let bit = 0; bit < 8; bit++) crc = crc & 0x80000000 ? (crc << 1) ^ 0x04c11db7 : crc << 1;
    return exchanged(crc);
  });
  const head = new Uint8Array(26);
  head.set(page.subarray(0, 22));
  return exchanged(checksum(checksum(0, head, 0, 26), page, 26, page.length)) >>> 0;
}

/** The four bytes of a number in the other order. */
function exchanged(x: number): number {
  return (x << 24) | ((x & 0xff00) << 8) | ((x >>> 8) & 0xff00) | (x >>> 24);
}
