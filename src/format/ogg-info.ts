import { DatasetError } from "../core/error.js";

/** What the pages of an Ogg file say. */
export interface OggInfo {
  /** The first packet: the codec's header. */
  first: Uint8Array;
  /** Granule position of the last page: for audio the number of samples up to its end. */
  granule: number;
}

/**
 * Walks the pages of an Ogg file and checks their checksums and that the last one is marked as the end (RFC 3533).
 * @throws DatasetError "FORMAT" where a page is damaged, the end is missing, or there is more than one stream
 */
export function readOggInfo(bytes: Uint8Array, where: string): OggInfo {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let first = new Uint8Array(0) as Uint8Array;
  let granule = 0;
  let ended = false;
  for (let at = 0; at < bytes.length; ) {
    if (bytes.length < at + 27) throw cutShort(at, where);
    if (view.getUint32(at) !== 0x4f676753) {
      throw new DatasetError("FORMAT", `Ogg page: none at byte ${at}, the file is damaged (${where})`);
    }
    if (ended || view.getUint32(at + 14) !== view.getUint32(14)) {
      const message = `Ogg: another stream at byte ${at}, expected one; split the file, or convert it with ffmpeg`;
      throw new DatasetError("FORMAT", `${message} (${where})`);
    }
    const segments = bytes[at + 26] as number;
    const body = at + 27 + segments;
    let end = body;
    for (let i = at + 27; i < body; i++) end += bytes[i] ?? 0;
    if (end > bytes.length) throw cutShort(at, where);
    if (pageChecksum(bytes, at, end) !== view.getUint32(at + 22, true)) {
      throw new DatasetError("FORMAT", `checksum of the Ogg page at byte ${at}: wrong, the file is damaged (${where})`);
    }
    if (at === 0) first = bytes.subarray(body, end);
    const position = view.getBigInt64(at + 6, true);
    if (position >= 0n) granule = Number(position);
    ended = ((bytes[at + 5] as number) & 4) !== 0;
    at = end;
  }
  if (!ended) throw cutShort(bytes.length, where);
  return { first, granule };
}

function cutShort(at: number, where: string): DatasetError {
  return new DatasetError("FORMAT", `Ogg: no end after byte ${at}, the file is cut short: copy it again (${where})`);
}

const TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  let c = n << 24;
  for (let bit = 0; bit < 8; bit++) c = c & 0x80000000 ? (c << 1) ^ 0x04c11db7 : c << 1;
  return c >>> 0;
});

/** Ogg's CRC-32 (polynomial 04c11db7, not reflected) of a page whose checksum field counts as zero. */
function pageChecksum(bytes: Uint8Array, start: number, end: number): number {
  let crc = 0;
  for (let i = start; i < end; i++) {
    const byte = i >= start + 22 && i < start + 26 ? 0 : (bytes[i] as number);
    crc = ((crc << 8) ^ (TABLE[((crc >>> 24) ^ byte) & 255] as number)) >>> 0;
  }
  return crc;
}
