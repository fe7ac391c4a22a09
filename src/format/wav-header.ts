import { DatasetError } from "../core/error.js";

/** What the header of a wav file says, checked against the size of the file. */
export interface WavInfo {
  /** Frames per second. */
  sampleRate: number;
  channels: number;
  /** Bits of one sample as stored: 8, 16, 24, 32 or 64, padding included. */
  bitsPerSample: number;
  sampleFormat: "int" | "float" | "alaw" | "mulaw";
  /** Samples per channel that are really there. */
  frames: number;
  /** Position of the first byte of samples. */
  dataOffset: number;
  /** Bytes of samples that are really there. */
  dataBytes: number;
  littleEndian: boolean;
  /** True where the file ends before the samples that its header promises. */
  truncated: boolean;
  /** Position behind everything that belongs to the wav; Infinity where its header doesn't tell. */
  end: number;
  /** Samples per channel that the header promises; Infinity where its writer streamed and could not know them. */
  promised: number;
}

/** A wav of a codec that has no samples in its bytes, such as ADPCM. */
export interface CodedWav {
  /** The codec's name. */
  coded: string;
  /** True where the file ends before the bytes that its header promises. */
  truncated: boolean;
  /** As in `WavInfo`. */
  end: number;
}

const CODECS: ReadonlyMap<number, string> = new Map([
  [0x0002, "Microsoft ADPCM"],
  [0x0011, "IMA ADPCM"],
  [0x0014, "G.723 ADPCM"],
  [0x0031, "GSM 6.10"],
  [0x0040, "G.721 ADPCM"],
  [0x0050, "MPEG"],
  [0x0055, "MP3"],
  [0x00ff, "AAC"],
  [0x0161, "Windows Media Audio"],
  [0x674f, "Ogg Vorbis"],
  [0xf1ac, "FLAC"],
]);

/** The last 14 bytes of every EXTENSIBLE sub-format that stands for a plain format tag. */
const SUBFORMAT_TAIL = "000000001000800000aa00389b71";

interface Chunk {
  id: string;
  /** Where the chunk's content starts. */
  start: number;
  size: number;
}

/**
 * Reads the header of a wav file: RIFF, RIFX (big-endian), RF64 and BW64, with chunks in any order before the samples.
 *
 * @param head The file's leading bytes: at least `wavHeaderBytes` of them.
 * @param fileBytes The size of the whole file.
 * @param where The file's name, for errors.
 * @throws DatasetError "FORMAT" where it is no wav file, or one of a codec that is not read.
 * @example readWavInfo(bytes, bytes.length, "in/a.wav").sampleRate // 44100
 */
export function readWavInfo(head: Uint8Array, fileBytes: number, where: string): WavInfo {
  const header = readWavHeader(head, fileBytes, where);
  if ("coded" in header) throw codedWavError(header.coded, where);
  return header;
}

/** As `readWavInfo`, naming the codec of a wav whose samples are coded instead of refusing it. */
export function readWavHeader(head: Uint8Array, fileBytes: number, where: string): WavInfo | CodedWav {
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  const container = text(head, 0);
  if (!["RIFF", "RIFX", "RF64", "BW64"].includes(container) || text(head, 8) !== "WAVE") {
    throw new DatasetError(
      "FORMAT",
      `wav header: ${fileBytes < 12 ? `${fileBytes} bytes` : `starts with ${JSON.stringify(container)}`}, expected RIFF … WAVE (${where}); is it another kind of audio file?`,
    );
  }
  const little = container !== "RIFX";
  const chunks = walk(view, head, little);
  const data = chunks.find((c) => c.id === "data");
  if (!data) {
    const why = head.length < fileBytes ? `in the first ${head.length} of ${fileBytes} bytes` : `in ${fileBytes} bytes`;
    throw new DatasetError(
      "FORMAT",
      `data chunk: none ${why}, expected one (${where}); the file is cut short or damaged`,
    );
  }
  const fmt = chunks.find((c) => c.id === "fmt ");
  if (!fmt || fmt.size < 14 || fmt.start + fmt.size > head.length) {
    throw new DatasetError(
      "FORMAT",
      `fmt chunk: none before the samples, expected one (${where}); the file is damaged`,
    );
  }
  const format = readFormat(view, head, fmt, little, where);

  const ds64 = chunks.find((c) => c.id === "ds64" && c.size >= 24);
  const available = Math.max(0, fileBytes - data.start);
  const promised =
    ds64 && data.size === 0xffffffff
      ? largeSize(view.getBigUint64(ds64.start + 8, little))
      : dataSize(view, data, available, little);
  const dataBytes = Math.min(promised, available);
  const truncated = Number.isFinite(promised) && promised > available;
  const riff = view.getUint32(4, little);
  const riffSize = ds64 && riff === 0xffffffff ? largeSize(view.getBigUint64(ds64.start, little)) : riff;
  const riffEnd = isStreamed(riff) && !ds64 ? Infinity : 8 + riffSize + (riffSize % 2);
  // A size that doesn't reach the end of the samples is a mistake of its writer.
  const end = riffEnd < data.start + promised ? Infinity : riffEnd;
  if (typeof format === "string") return { coded: format, truncated, end };
  return {
    sampleRate: format.sampleRate,
    channels: format.channels,
    bitsPerSample: format.bitsPerSample,
    sampleFormat: format.sampleFormat,
    frames: Math.floor(dataBytes / format.frameBytes),
    dataOffset: data.start,
    dataBytes,
    littleEndian: little,
    truncated,
    end,
    promised: Math.floor(promised / format.frameBytes),
  };
}

/**
 * How many leading bytes `readWavInfo` needs, as far as `head` says: where the result is larger than `head.length`,
 * read that many and ask again. Never more than `fileBytes`.
 */
export function wavHeaderBytes(head: Uint8Array, fileBytes: number): number {
  if (head.length < 12) return Math.min(fileBytes, 12);
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  const last = walk(view, head, text(head, 0) !== "RIFX").at(-1);
  if (last?.id === "data") return last.start;
  return Math.min(fileBytes, last ? last.start + last.size + 9 : 20);
}

/** The chunks up to and with the samples, as far as `head` reaches. */
function walk(view: DataView, head: Uint8Array, little: boolean): Chunk[] {
  const chunks: Chunk[] = [];
  let at = 12;
  while (at + 8 <= head.length) {
    const chunk = { id: text(head, at), start: at + 8, size: view.getUint32(at + 4, little) };
    chunks.push(chunk);
    if (chunk.id === "data") break;
    at = chunk.start + chunk.size;
    // Chunks of odd size are padded with a zero byte; some writers forget it.
    if (chunk.size % 2 === 1 && (head[at] ?? 0) === 0) at += 1;
  }
  return chunks;
}

/** The promised bytes of samples; Infinity where the writer streamed and could not know them. */
function dataSize(view: DataView, data: Chunk, available: number, little: boolean): number {
  if (data.size === 0xffffffff || (data.size > available && isStreamed(data.size))) return Infinity;
  // A size of 0 is a file never closed, unless the RIFF size counts more chunks behind an empty one.
  const riffEnd = 8 + view.getUint32(4, little);
  return data.size === 0 && (riffEnd <= data.start || riffEnd >= 0xffffffff) ? Infinity : data.size;
}

/**
 * Whether a size is what programs write that stream: the largest of 32 bits, with a sign or without, less a header or rounded
 * down to whole blocks; arecord's 2^31; 0x7f000000.
 */
function isStreamed(size: number): boolean {
  return size > 0xffffe000 || (size > 0x7fffe000 && size <= 0x80000000) || size === 0x7f000000;
}

/** The size in an RF64's ds64, all ones where the writer streamed. */
function largeSize(size: bigint): number {
  return size > BigInt(Number.MAX_SAFE_INTEGER) ? Infinity : Number(size);
}

interface Format {
  sampleRate: number;
  channels: number;
  bitsPerSample: number;
  sampleFormat: WavInfo["sampleFormat"];
  /** Bytes of one sample of every channel. */
  frameBytes: number;
}

/** What the format chunk says, or the name of a codec that can't be read here. */
function readFormat(view: DataView, head: Uint8Array, fmt: Chunk, little: boolean, where: string): Format | string {
  const u16 = (at: number): number => view.getUint16(fmt.start + at, little);
  const channels = u16(2);
  const sampleRate = view.getUint32(fmt.start + 4, little);
  const block = u16(12);
  const bits = fmt.size >= 16 ? u16(14) : (block / Math.max(1, channels)) * 8;
  if (channels === 0) throw new DatasetError("FORMAT", `channels: 0 in the header, expected at least 1 (${where})`);
  if (sampleRate === 0)
    throw new DatasetError("FORMAT", `sample rate: 0 in the header, expected at least 1 (${where})`);

  let tag = u16(0);
  if (tag === 0xfffe && fmt.size >= 40) {
    const tail = Buffer.from(head.subarray(fmt.start + 26, fmt.start + 40)).toString("hex");
    // Big-endian files store the first fields of the identifier swapped, or not: only the last eight bytes are certain.
    if (tail.slice(12) !== SUBFORMAT_TAIL.slice(12)) return `sub-format ending in ${tail}`;
    tag = u16(24) || u16(26);
  }
  const sampleFormat = tag === 1 ? "int" : tag === 3 ? "float" : tag === 6 ? "alaw" : tag === 7 ? "mulaw" : undefined;
  if (!sampleFormat) return CODECS.get(tag) ?? `format tag 0x${tag.toString(16).padStart(4, "0")}`;
  // Samples of, say, 20 bits sit in whole bytes, as many as the block leaves each; a block too small is a wrong header.
  const least = Math.ceil(bits / 8);
  const bytes = block % channels === 0 && block / channels >= least ? block / channels : least;
  const allowed = sampleFormat === "int" ? [1, 2, 3, 4] : sampleFormat === "float" ? [4, 8] : [1];
  if (!allowed.includes(bytes)) {
    return `${bits}-bit ${sampleFormat} samples in ${bytes} bytes each`;
  }
  return { sampleRate, channels, bitsPerSample: bytes * 8, sampleFormat, frameBytes: bytes * channels };
}

/** The error for a wav of a codec that can't be read here. */
export function codedWavError(what: string, where: string): DatasetError {
  return new DatasetError(
    "FORMAT",
    `wav codec: ${what}, expected PCM of 8 to 32 bits, float, A-law or µ-law (${where}); ` +
      "convert it first, for example: sox in.wav -e signed-integer -b 16 out.wav",
  );
}

/** Four bytes as text, zeros beyond the end. */
export function text(bytes: Uint8Array, at: number): string {
  return String.fromCharCode(bytes[at]!, bytes[at + 1]!, bytes[at + 2]!, bytes[at + 3]!);
}
