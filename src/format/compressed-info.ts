import { DatasetError } from "../core/error.js";
import { type MpegInfo, readMpegInfo } from "./mpeg-info.js";
import { readOggInfo } from "./ogg-info.js";

/** The compressed formats that are read, each by an optional decoder of its own. */
export type Codec = "flac" | "vorbis" | "opus" | "mp3";

/** What a compressed file says of itself. */
export interface CompressedInfo {
  codec: Codec;
  sampleRate: number;
  channels: number;
  /** FLAC only. */
  bitsPerSample?: number;
  /** Samples per channel; unknown before decoding for MP3 and for streamed FLAC. */
  frames?: number;
  /** Opus: what the samples are to be multiplied with. */
  gain?: number;
  /** FLAC: MD5 of the decoded samples, hexadecimal, where the encoder has stored it. */
  md5?: string;
}

/**
 * Reads what a compressed file says of itself, and finds whether it is cut short or damaged as far as its own structure
 * shows: page checksums of Ogg, the chain of frames of MP3, STREAMINFO of FLAC. Undefined where it is none of these.
 *
 * @param where the file's name, for errors
 * @throws DatasetError "FORMAT" where it is cut short, damaged, or of a codec or depth that is not read
 */
export function readCompressedInfo(bytes: Uint8Array, where: string): CompressedInfo | undefined {
  const at = startOf(bytes);
  if (ascii(bytes, at, 4) === "fLaC") return { codec: "flac", ...readStreamInfo(bytes, at + 4, where) };
  if (ascii(bytes, at, 4) === "OggS") return oggInfo(bytes.subarray(at), where);
  const mpeg: MpegInfo | undefined = readMpegInfo(bytes.subarray(at), where);
  return mpeg && { codec: "mp3", ...mpeg };
}

/** Where the sound begins: after an ID3v2 tag, if there is one (https://id3.org/id3v2.4.0-structure). */
function startOf(bytes: Uint8Array): number {
  if (ascii(bytes, 0, 3) !== "ID3" || bytes.length < 10) return 0;
  const byte = (i: number): number => bytes[i] as number;
  const size = (byte(6) << 21) | (byte(7) << 14) | (byte(8) << 7) | byte(9);
  const footer = byte(5) & 0x10 ? 10 : 0;
  return 10 + size + footer;
}

function oggInfo(bytes: Uint8Array, where: string): CompressedInfo {
  const { first, granule } = readOggInfo(bytes, where);
  const view = new DataView(first.buffer, first.byteOffset, first.byteLength);
  if (ascii(first, 1, 6) === "vorbis" && first.length >= 16) {
    return { codec: "vorbis", channels: first[11] as number, sampleRate: view.getUint32(12, true), frames: granule };
  }
  // Opus always decodes at 48 kHz; the first `preSkip` samples are thrown away (RFC 7845).
  if (ascii(first, 0, 8) === "OpusHead" && first.length >= 18) {
    const frames = Math.max(0, granule - view.getUint16(10, true));
    // In 1/256 dB.
    const gain = 10 ** (view.getInt16(16, true) / 256 / 20);
    return { codec: "opus", channels: first[9] as number, sampleRate: 48000, frames, gain };
  }
  if (ascii(first, 1, 4) === "FLAC") return { codec: "flac", ...readStreamInfo(first, 13, where) };
  throw new DatasetError("FORMAT", `codec in Ogg: unknown, expected Vorbis, Opus or FLAC (${where})`);
}

/** FLAC's STREAMINFO block (RFC 9639, section 8.2). */
function readStreamInfo(bytes: Uint8Array, at: number, where: string): Omit<CompressedInfo, "codec"> {
  if (bytes.length < at + 38 || ((bytes[at] as number) & 0x7f) !== 0) {
    throw new DatasetError("FORMAT", `FLAC: no STREAMINFO block, the file is damaged or cut short (${where})`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset + at + 4, 34);
  const packed = view.getUint32(10);
  const frames = (view.getUint8(13) & 15) * 2 ** 32 + view.getUint32(14);
  const bitsPerSample = ((packed >>> 4) & 31) + 1;
  if (![8, 16, 24].includes(bitsPerSample)) {
    const message = `bits of the FLAC: ${bitsPerSample}, expected 8, 16 or 24, which its decoder supports; convert it to wav, or to 24 bits`;
    throw new DatasetError("FORMAT", `${message} (${where})`);
  }
  const md5 = Buffer.from(bytes.subarray(at + 22, at + 38)).toString("hex");
  return {
    sampleRate: packed >>> 12,
    channels: ((packed >>> 9) & 7) + 1,
    bitsPerSample,
    ...(frames > 0 ? { frames } : {}),
    ...(/^0+$/.test(md5) ? {} : { md5 }),
  };
}

function ascii(bytes: Uint8Array, at: number, length: number): string {
  return String.fromCharCode(...bytes.subarray(at, at + length));
}
