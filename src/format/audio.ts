import { DatasetError } from "../core/error.js";
import { decodeCompressed } from "./compressed.js";
import { readCompressedInfo } from "./compressed-info.js";
import { type Audio, decodeWav } from "./wav.js";
import { text } from "./wav-header.js";

export type { Audio } from "./wav.js";

/** Whether a file starts as a wav in any of its containers. */
export function isWav(head: Uint8Array): boolean {
  const id = text(head, 0);
  return id === "RIFF" || id === "RIFX" || id === "RF64" || id === "BW64";
}

/**
 * Decodes a whole audio file by what it contains, whatever its name: wav, FLAC, Ogg (Vorbis, Opus, FLAC) or MP3.
 *
 * 16-bit wav and FLAC give an Int16Array, everything else a Float32Array of full scale -1 to 1; both interleaved.
 * @param where the file's name, for errors
 * @throws DatasetError "FORMAT" where it is damaged, cut short or none of these, "ENVIRONMENT" without the decoder it needs
 * @example const { sampleRate, channels, samples } = await decodeAudio(await readFile("in/a.flac"), "in/a.flac")
 */
export async function decodeAudio(bytes: Uint8Array, where: string): Promise<Audio> {
  if (bytes.length === 0) throw new DatasetError("FORMAT", `file: empty, expected audio (${where})`);
  if (isWav(bytes)) return decodeWav(bytes, where);
  const info = readCompressedInfo(bytes, where);
  if (info) return await decodeCompressed(bytes, info, where);
  throw unknownFormat(bytes, where);
}

/** First bytes of files that people take for one of ours: where, in hexadecimal, and what they are. */
const OTHERS: readonly [at: number, bytes: string, name: string][] = [
  [4, "66747970", "MP4 or M4A"],
  [0, "464f524d", "AIFF"],
  [0, "1a45dfa3", "WebM or Matroska"],
  [0, "3026b275", "WMA"],
  [0, "fff1", "AAC"],
  [0, "fff9", "AAC"],
  [0, "2e736e64", "AU"],
  [0, "63616666", "CAF"],
  [0, "2321414d52", "AMR"],
  [0, "7776706b", "WavPack"],
  [0, "4d546864", "MIDI"],
  [0, "4e4953545f", "NIST SPHERE"],
];

/** The error for bytes that are no audio file we know. */
export function unknownFormat(bytes: Uint8Array, where: string): DatasetError {
  const head = Buffer.from(bytes.subarray(0, 24));
  const other = OTHERS.find(([at, hex]) => head.subarray(at).toString("hex").startsWith(hex))?.[2];
  const text = head.toString("latin1");
  const found = other ?? (/^[\x09\x0a\x0d\x20-\x7e]+$/.test(text) ? `text ${JSON.stringify(text)}` : undefined);
  const hint = other === undefined || other === "MIDI" ? "" : "; convert it first, for example: ffmpeg -i FILE out.wav";
  return new DatasetError(
    "FORMAT",
    `format: ${found ?? `unknown, bytes ${head.toString("hex", 0, 4)}`}, expected wav, FLAC, Ogg or MP3 (${where})${hint}`,
  );
}
