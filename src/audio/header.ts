import { fstatSync } from "node:fs";
import { isWav, unknownFormat } from "../format/audio.js";
import { type CompressedInfo, readCompressedInfo } from "../format/compressed-info.js";
import { readWavInfo, type WavInfo, wavHeaderBytes } from "../format/wav.js";
import { fillFrom } from "../system/read-bytes.js";

/** The beginning of an audio file, or all of it. */
export interface Head {
  bytes: Uint8Array;
  /** Bytes of the file. */
  size: number;
}

/** Most wav headers are within it. */
const FIRST_BYTES = 4096;

/** Memory for heads that is used again from file to file; the next head overwrites the one before. */
export interface HeadMemory {
  buffer: Buffer;
}

/**
 * Reads what an open file's header may need: a wav's header, however far its chunks reach; of another format, and where
 * `whole` asks for it, the whole file.
 */
export function readHead(file: number, memory: HeadMemory, whole = false): Head {
  const { size } = fstatSync(file);
  let got = fill(file, memory, 0, Math.min(size, whole ? size : FIRST_BYTES));
  const wanted = (): number => {
    const bytes = memory.buffer.subarray(0, got);
    return whole || !isWav(bytes) ? size : wavHeaderBytes(bytes, size);
  };
  for (let want = wanted(); got < want; want = wanted()) {
    const more = fill(file, memory, got, want);
    if (more === got) break;
    got = more;
  }
  return { bytes: memory.buffer.subarray(0, got), size };
}

/** Reads up to byte `want` behind the `got` bytes that the memory holds; returns how many it holds then. */
function fill(file: number, memory: HeadMemory, got: number, want: number): number {
  if (want > memory.buffer.length) {
    const larger = Buffer.allocUnsafe(Math.max(want, 2 * memory.buffer.length));
    memory.buffer.copy(larger, 0, 0, got);
    memory.buffer = larger;
  }
  return got + fillFrom(file, memory.buffer.subarray(got, want), got);
}

/** What a head says: as a wav, or as one of the compressed formats; `info` is absent where it has no header we know. */
export type Header = { kind: "wav"; info: WavInfo } | { kind: "compressed"; info: CompressedInfo | undefined };

/** @throws DatasetError "FORMAT" where the header is damaged */
export function headerOf({ bytes, size }: Head, where: string): Header {
  return isWav(bytes)
    ? { kind: "wav", info: readWavInfo(bytes, size, where) }
    : { kind: "compressed", info: readCompressedInfo(bytes, where) };
}

/** What building records needs of a file's header. */
export interface AudioShape {
  sampleRate: number;
  channels: number;
  /** A guess where only decoding would say; it decides on the size of shards alone. */
  frames: number;
  sixteenBit: boolean;
  truncated: boolean;
}

/** @throws DatasetError "FORMAT" where the bytes are no audio we know, or the header is damaged */
export function audioShape(head: Head, where: string): AudioShape {
  const header = headerOf(head, where);
  if (header.kind === "wav") {
    const { info } = header;
    return { ...info, sixteenBit: info.bitsPerSample === 16 && info.sampleFormat === "int" };
  }
  if (!header.info) throw unknownFormat(head.bytes, where);
  const { sampleRate, channels, frames = (head.size * 8) / channels, bitsPerSample } = header.info;
  return { sampleRate, channels, frames, sixteenBit: bitsPerSample === 16, truncated: false };
}
