import { DatasetError } from "../core/error.js";

/** What the frames of an MP3 say. */
export interface MpegInfo {
  sampleRate: number;
  channels: number;
}

interface Frame extends MpegInfo {
  /** MPEG-1 has twice the samples and another size of side information. */
  mpeg1: boolean;
  bytes: number;
}

// kbit/s of MPEG-1 layer III, and of MPEG-2 and 2.5 (ISO 11172-3, 13818-3).
const RATES_1 = [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320];
const RATES_2 = [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160];
const SAMPLE_RATES = [44100, 48000, 32000];

/**
 * Follows the chain of frames of an MP3 to its end. Undefined where the bytes don't begin with two frames in a row.
 * @throws DatasetError "FORMAT" where the chain breaks, or ends before the end that the file announces
 */
export function readMpegInfo(bytes: Uint8Array, where: string): MpegInfo | undefined {
  const first = frameAt(bytes, 0);
  if (!first) return undefined;
  if (first.bytes < bytes.length && !frameAt(bytes, first.bytes) && !isTrailer(bytes, first.bytes)) return undefined;
  const announced = announcedFrames(bytes, first);
  let at = announced === undefined ? 0 : first.bytes;
  let count = 0;
  while (at < bytes.length) {
    const frame = frameAt(bytes, at);
    if (!frame) {
      if (isTrailer(bytes, at)) break;
      if (bytes.length - at < 4) throw cutShort(at, where);
      throw new DatasetError("FORMAT", `MP3 frame: none at byte ${at}, the file is damaged (${where})`);
    }
    if (at + frame.bytes > bytes.length) throw cutShort(at, where);
    at += frame.bytes;
    count++;
  }
  if (announced !== undefined && count < announced) {
    const message = `MP3 frames: ${count}, expected ${announced} according to the header; the file is cut short`;
    throw new DatasetError("FORMAT", `${message}: copy it again (${where})`);
  }
  return { sampleRate: first.sampleRate, channels: first.channels };
}

function frameAt(bytes: Uint8Array, at: number): Frame | undefined {
  if (at + 4 > bytes.length) return undefined;
  const [a, b, c, d] = bytes.subarray(at, at + 4) as unknown as [number, number, number, number];
  const version = (b >> 3) & 3;
  const rate = c >> 4;
  // Eleven set bits, a known version, layer III, a bit rate and a sample rate that exist.
  if (a !== 255 || b >> 5 !== 7 || version === 1 || ((b >> 1) & 3) !== 1 || rate === 0 || rate === 15) return undefined;
  const base = SAMPLE_RATES[(c >> 2) & 3];
  if (base === undefined) return undefined;
  const mpeg1 = version === 3;
  const sampleRate = mpeg1 ? base : version === 2 ? base / 2 : base / 4;
  const kilobits = (mpeg1 ? RATES_1 : RATES_2)[rate] as number;
  const size = Math.floor(((mpeg1 ? 144 : 72) * kilobits * 1000) / sampleRate) + ((c >> 1) & 1);
  return { mpeg1, sampleRate, channels: d >> 6 === 3 ? 1 : 2, bytes: size };
}

/** The number of frames that the Xing or Info header in the first frame announces; undefined where there is none. */
function announcedFrames(bytes: Uint8Array, first: Frame): number | undefined {
  const at = 4 + (first.mpeg1 ? (first.channels === 1 ? 17 : 32) : first.channels === 1 ? 9 : 17);
  const id = String.fromCharCode(...bytes.subarray(at, at + 4));
  if ((id !== "Xing" && id !== "Info") || at + 12 > bytes.length) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, 12);
  return view.getUint32(4) & 1 ? view.getUint32(8) : 0;
}

/** Whether only tags or zeros follow. */
function isTrailer(bytes: Uint8Array, at: number): boolean {
  const id = String.fromCharCode(...bytes.subarray(at, at + 8));
  return (
    id.startsWith("TAG") || id === "APETAGEX" || id === "LYRICSBE" || bytes.subarray(at).every((byte) => byte === 0)
  );
}

function cutShort(at: number, where: string): DatasetError {
  return new DatasetError(
    "FORMAT",
    `MP3 frame at byte ${at}: incomplete, the file is cut short: copy it again (${where})`,
  );
}
