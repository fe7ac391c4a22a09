import type { ByteSource } from "../format/byte-source.js";
import type { FrameRange } from "../format/compressed-info.js";
import { checkLength } from "../format/containers.js";
import type { Verdict } from "../format/verdict.js";
import { hasLibsndfile } from "./libsndfile.js";
import { type NativeFile, openNative } from "./native-file.js";
import { type AudioHeader, drop, type Sound } from "./sound.js";

/** Bits per sample of libsndfile's encodings (SF_FORMAT_SUBMASK); others are lossy. */
const BITS: Record<number, number> = {
  1: 8, // signed
  2: 16,
  3: 24,
  4: 32,
  5: 8, // unsigned
  6: 32, // float
  7: 64, // double
  16: 8, // µ-law
  17: 8, // A-law
  112: 16, // ALAC
  113: 20,
  114: 24,
  115: 32,
};

/** SF_FORMAT_MPEG, of which a frame may need what up to some twenty before it have left over; libsndfile decodes four. */
const MPEG = 0x230000;
/** Frames of sound that are decoded of an MP3 before those that are wanted. */
const RUN_UP = 16384;

/**
 * The header of a file of a format that only libsndfile reads; undefined where it isn't there.
 * @param format what its first bytes say it is
 * @throws DatasetError "FORMAT" where it is damaged, or of an encoding that libsndfile doesn't know
 */
export function nativeHeader(source: ByteSource, format: string, verdict: Verdict): AudioHeader | undefined {
  if (!hasLibsndfile()) return undefined;
  checkLength(source, format, verdict);
  const native = openNative(source);
  if (!native) return undefined;
  const { sampleRate, channels, frames, format: code } = native.info;
  const encoding = code & 0xffff;
  return {
    format,
    sampleRate,
    channels,
    bitsPerSample: BITS[encoding] ?? 0,
    frames: frames < Number.MAX_SAFE_INTEGER ? frames : undefined,
    sixteenBit: BITS[encoding] === 16,
    open: () => ({ ...nativeSound(native, verdict), close: () => {} }),
    close: native.close,
  };
}

/**
 * The sound of a file that libsndfile has opened.
 * @param inexact frames that it can't go to: they are decoded from before them
 */
export function nativeSound(native: NativeFile, verdict: Verdict, inexact: readonly FrameRange[] = []): Sound {
  const { sampleRate, channels, frames, format } = native.info;
  const encoding = format & 0xffff;
  const sound: Sound = {
    sampleRate,
    channels,
    sixteenBit: BITS[encoding] === 16,
    frames: frames < Number.MAX_SAFE_INTEGER ? frames : undefined,
    read: (out) => {
      const room = out.subarray(0, out.length - (out.length % channels));
      const got = native.read(room);
      const error = native.error();
      if (error !== "") verdict.damaged(`samples: damaged, libsndfile says ${JSON.stringify(error)}`);
      // Of a file that is cut short there may be a part of a frame.
      return Math.floor(got / channels);
    },
    seek: async (frame) => {
      const within = inexact.find(({ from, to }) => frame > from && frame <= to);
      const exact = (format & 0x0fff0000) === MPEG ? frame - RUN_UP : (within?.from ?? frame);
      const begin = Math.max(0, exact);
      const sought = begin > 0 && native.seek(begin) ? begin : 0;
      return sought + (await drop(sound, frame - sought));
    },
    close: native.close,
  };
  return sound;
}
