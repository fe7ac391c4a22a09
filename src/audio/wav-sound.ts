import type { ByteSource } from "../format/byte-source.js";
import { otherBytes } from "../format/mpeg-info.js";
import type { Verdict } from "../format/verdict.js";
import { readWavHeader, type WavInfo, wavHeaderBytes } from "../format/wav.js";
import { decodePart, PART_BYTES, partBytes } from "../format/wav-part.js";
import type { AudioHeader, Sound } from "./sound.js";

/** Most wav headers are within it. */
const FIRST_BYTES = 4096;
let memory = new Uint8Array(FIRST_BYTES);

/** The first bytes of a file, as many as a wav's header reaches; valid until the next call. */
export function firstBytes(source: ByteSource, wav: boolean): Uint8Array {
  if (source.bytes) return source.bytes;
  let got = source.read(memory.subarray(0, FIRST_BYTES), 0);
  for (let want = 0; wav; ) {
    want = wavHeaderBytes(memory.subarray(0, got), source.size);
    if (want <= got) break;
    // Many small chunks take few reads.
    want = Math.min(source.size, Math.max(want, 2 * got));
    if (want > memory.length) {
      const larger = new Uint8Array(Math.max(want, 2 * memory.length));
      larger.set(memory.subarray(0, got));
      memory = larger;
    }
    const more = source.read(memory.subarray(got, want), got);
    if (more === 0) break;
    got += more;
  }
  return memory.subarray(0, got);
}

/** A wav's header; the name of its codec where the samples are coded. */
export function wavHeader(source: ByteSource, verdict: Verdict): AudioHeader | string {
  const info = readWavHeader(firstBytes(source, true), source.size, verdict.where);
  const behind = info.end + 1 < source.size ? otherBytes(source, info.end) : 0;
  if (behind > 0) verdict.note(`wav: ${behind} bytes after the end, skipped`);
  if ("coded" in info) {
    if (info.truncated) verdict.lost("samples: the file ends before those that its header promises");
    return info.coded;
  }
  const { sampleRate, channels, bitsPerSample, frames, promised } = info;
  if (info.truncated) verdict.lost(`samples: ${frames} frames, expected ${promised} according to the header`);
  if (promised === Infinity && frames > 0)
    verdict.note("samples: their number isn't in the header, read to the end of the file");
  const sixteenBit = bitsPerSample === 16 && info.sampleFormat === "int";
  return {
    format: "wav",
    sampleRate,
    channels,
    bitsPerSample,
    frames,
    sixteenBit,
    open: () => wavSound(source, info, sixteenBit, verdict),
    close: () => {},
  };
}

function wavSound(source: ByteSource, info: WavInfo, sixteenBit: boolean, verdict: Verdict): Sound {
  const { sampleRate, channels, frames } = info;
  let at = 0;
  return {
    sampleRate,
    channels,
    sixteenBit,
    frames,
    sure: true,
    read: (out) => {
      const count = Math.min(Math.floor(out.length / channels), frames - at);
      readSamples(source, info, at * channels, out.subarray(0, count * channels), verdict);
      at += count;
      return count;
    },
    seek: (frame) => {
      at = Math.min(frame, frames);
      return at;
    },
    close: () => {},
  };
}

/** Reads from sample `first` on. Floats and 16-bit integers in this machine's byte order go straight to their place, others through a reused buffer. */
function readSamples(
  source: ByteSource,
  info: WavInfo,
  first: number,
  out: Float32Array | Int16Array,
  verdict: Verdict,
): void {
  const width = info.bitsPerSample / 8;
  const read = (bytes: Uint8Array, at: number): void => {
    if (source.read(bytes, info.dataOffset + (first + at) * width) < bytes.length) {
      verdict.damaged(`samples: cut off while being read, expected ${info.frames} frames`);
    }
  };
  const ownForm = out instanceof Int16Array || (info.sampleFormat === "float" && width === 4);
  if (ownForm && info.littleEndian) {
    read(new Uint8Array(out.buffer, out.byteOffset, out.byteLength), 0);
    return;
  }
  if (out instanceof Int16Array) {
    const bytes = Buffer.from(out.buffer, out.byteOffset, out.byteLength);
    read(bytes, 0);
    bytes.swap16();
    return;
  }
  const step = Math.floor(PART_BYTES / width);
  for (let at = 0; at < out.length; at += step) {
    const part = out.subarray(at, at + step);
    read(partBytes.subarray(0, part.length * width), at);
    decodePart(part, info);
  }
}
