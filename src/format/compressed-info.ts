import { type ByteSource, partOf, reachInto } from "./byte-source.js";
import { ascii, id3Length, readMpegInfo } from "./mpeg-info.js";
import { type OggPage, type OggStream, readOggInfo } from "./ogg-info.js";
import type { Verdict } from "./verdict.js";

/** The compressed formats whose structure is checked. */
export type Codec = "flac" | "vorbis" | "opus" | "mp3" | "mp2";

/** Frames of a sound. */
export interface FrameRange {
  from: number;
  to: number;
}

/** What a compressed file says of itself, or one of the files in it that were put one after the other. */
export interface CompressedInfo {
  codec: Codec;
  container: "FLAC" | "Ogg" | "MPEG";
  sampleRate: number;
  channels: number;
  /** FLAC only. */
  bitsPerSample?: number;
  /** Samples per channel; unknown before decoding for MP3 and for streamed FLAC. */
  frames?: number;
  /** MPEG: samples per channel that there are at least. */
  least?: number;
  /** MPEG and Ogg: whether all its frames or pages are there and follow on each other. */
  regular?: boolean;
  /** Ogg: frames at which libsndfile's seek gives other samples than decoding from the beginning does, in order. */
  inexact?: FrameRange[];
  /** Opus: what the samples are to be multiplied with. */
  gain?: number;
  /** FLAC: MD5 of the decoded samples, hexadecimal, where the encoder has stored it. */
  md5?: string;
  /** FLAC: the byte of the file at which it begins, behind a tag. */
  begin?: number;
  /** Its bytes without tags before and behind. */
  part: ByteSource;
}

/** Bytes read at a time where a few are looked at. */
const HEAD = 1 << 10;

/**
 * Reads what a compressed file says of itself, and finds whether it is cut short or damaged as far as its own structure
 * shows: page checksums of Ogg, the chain of frames of MP3, STREAMINFO of FLAC. Empty where it is none of these.
 *
 * @throws DatasetError "FORMAT" where sound is missing, unless that is only to be warned of; where it is damaged, or of a codec that is not read
 */
export function readCompressedInfo(source: ByteSource, verdict: Verdict): CompressedInfo[] {
  const reach = reachInto(source, HEAD);
  const at = id3Length(reach(0, 10));
  const id = ascii(reach(at, 4), 0, 4);
  const part = partOf(source, Math.min(at, source.size), source.size);
  if (id === "fLaC") {
    const info = readStreamInfo(reach(at, 42), 4, verdict);
    return [{ codec: "flac", container: "FLAC", ...info, begin: at, part: withoutTags(part, verdict) }];
  }
  if (id === "OggS") {
    const streams = readOggInfo(part, verdict).map((stream) => oggInfo(stream, part, verdict));
    return oneForm(streams, verdict);
  }
  const parts = readMpegInfo(source, verdict, at > 0).map((mpeg): CompressedInfo => {
    const { layer, sampleRate, channels, least, from, to, regular } = mpeg;
    const codec = layer === 3 ? "mp3" : "mp2";
    const part = partOf(source, from, to);
    return { codec, container: "MPEG", sampleRate, channels, least, regular, part };
  });
  return oneForm(parts, verdict);
}

function oneForm(streams: CompressedInfo[], verdict: Verdict): CompressedInfo[] {
  const form = (i: CompressedInfo): string => `${i.codec} of ${i.sampleRate} Hz with ${i.channels} channels`;
  const other = streams.find((stream) => form(stream) !== form(streams[0]!));
  if (other) {
    const message = `files one after the other: ${form(streams[0]!)} and ${form(other)}, expected one form`;
    verdict.damaged(`${message}; convert the file, for example: ffmpeg -i FILE out.flac`);
  }
  return streams;
}

/** The longest block of Vorbis: less is cut off the last page, from whose end libsndfile counts back when it seeks there. */
const VORBIS_BLOCK = 8192;
/** Frames after which Opus's CELT mode has forgotten what was before: libsndfile's 660 ms, and the longest packet. */
const OPUS_RUN_UP = (660 + 120) * 48;

/**
 * Where an Opus stream is coded by SILK, as speech is at low rates, or has been shortly before: what SILK gives depends on all
 * before it, back to where CELT coded the sound. A packet's first byte begins with a 0 where SILK takes part (RFC 6716, section 3.1).
 */
function silkRanges(pages: readonly OggPage[], preSkip: number): FrameRange[] {
  const ranges: FrameRange[] = [];
  pages.forEach(({ granule, leastHead }, i) => {
    if (leastHead >= 0x80) return;
    const from = (pages[i - 1]?.granule ?? 0) - preSkip;
    const to = granule - preSkip + OPUS_RUN_UP;
    const last = ranges.at(-1);
    if (last && from <= last.to) last.to = to;
    else ranges.push({ from, to });
  });
  return ranges;
}

function oggInfo(
  { first, granule, pages, from, to, regular }: OggStream,
  source: ByteSource,
  verdict: Verdict,
): CompressedInfo {
  const container = "Ogg";
  const part = partOf(source, from, to);
  const view = new DataView(first.buffer, first.byteOffset, first.byteLength);
  if (ascii(first, 1, 6) === "vorbis" && first.length >= 16) {
    const [channels, sampleRate] = [first[11]!, view.getUint32(12, true)];
    const inexact = [{ from: (pages.at(-2)?.granule ?? 0) - VORBIS_BLOCK, to: granule }];
    return { codec: "vorbis", container, channels, sampleRate, frames: granule, regular, inexact, part };
  }
  // Opus always decodes at 48 kHz; the first `preSkip` samples are thrown away (RFC 7845).
  if (ascii(first, 0, 8) === "OpusHead" && first.length >= 18) {
    const preSkip = view.getUint16(10, true);
    const frames = Math.max(0, granule - preSkip);
    // Several streams in a packet, of which only the first shows its mode without more ado.
    const several = first[18]! > 0 && first[19]! > 1;
    const inexact = several ? [{ from: 0, to: frames }] : silkRanges(pages, preSkip);
    // In 1/256 dB.
    const gain = 10 ** (view.getInt16(16, true) / 256 / 20);
    return { codec: "opus", container, channels: first[9]!, sampleRate: 48000, frames, gain, regular, inexact, part };
  }
  if (ascii(first, 1, 4) === "FLAC") {
    return { codec: "flac", container, ...readStreamInfo(first, 13, verdict), part };
  }
  return verdict.damaged("codec in Ogg: unknown, expected Vorbis, Opus or FLAC");
}

/** FLAC's STREAMINFO block (RFC 9639, section 8.2). */
function readStreamInfo(
  bytes: Uint8Array,
  at: number,
  verdict: Verdict,
): Pick<CompressedInfo, "sampleRate" | "channels" | "bitsPerSample" | "frames" | "md5"> {
  if (bytes.length < at + 38 || (bytes[at]! & 0x7f) !== 0) {
    verdict.damaged("FLAC: no STREAMINFO block, the file is damaged or cut short");
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset + at + 4, 34);
  const packed = view.getUint32(10);
  const frames = (view.getUint8(13) & 15) * 2 ** 32 + view.getUint32(14);
  const md5 = Buffer.from(bytes.subarray(at + 22, at + 38)).toString("hex");
  return {
    sampleRate: packed >>> 12,
    channels: ((packed >>> 9) & 7) + 1,
    bitsPerSample: ((packed >>> 4) & 31) + 1,
    ...(frames > 0 ? { frames } : {}),
    ...(/^0+$/.test(md5) ? {} : { md5 }),
  };
}

/** A FLAC without the ID3v1 and APE tags that some programs put at its end. */
function withoutTags(source: ByteSource, verdict: Verdict): ByteSource {
  const reach = reachInto(source, HEAD);
  let end = source.size;
  if (end > 128 && ascii(reach(end - 128, 3), 0, 3) === "TAG") end -= 128;
  const footer = reach(Math.max(0, end - 32), 32);
  if (footer.length === 32 && ascii(footer, 0, 8) === "APETAGEX") {
    const view = new DataView(footer.buffer, footer.byteOffset, 32);
    const header = view.getUint32(20, true) & 0x80000000 ? 32 : 0;
    end = Math.max(0, end - view.getUint32(12, true) - header);
  }
  if (end < source.size) verdict.note(`FLAC: ${source.size - end} bytes of tags after the end, skipped`);
  return partOf(source, 0, end);
}
