import { DatasetError } from "../core/error.js";
import { text } from "./wav-header.js";

export type { Audio } from "./wav.js";

/** Whether a file starts as a wav in any of its containers. */
export function isWav(head: Uint8Array): boolean {
  const id = text(head, 0);
  return id === "RIFF" || id === "RIFX" || id === "RF64" || id === "BW64";
}

/** First bytes of files: where, in hexadecimal, and what they are. */
const FORMATS: readonly [at: number, bytes: string, name: string][] = [
  [4, "66747970", "MP4 or M4A"],
  [8, "41494646", "AIFF"],
  [8, "41494643", "AIFF"],
  [0, "1a45dfa3", "WebM or Matroska"],
  [0, "3026b275", "WMA"],
  [0, "fff1", "AAC"],
  [0, "fff9", "AAC"],
  [0, "2e736e64", "AU"],
  [0, "646e732e", "AU"],
  [0, "63616666", "CAF"],
  [0, "726966662e91cf11", "W64"],
  [0, "2321414d52", "AMR"],
  [0, "7776706b", "WavPack"],
  [0, "4d414320", "Monkey's Audio"],
  [0, "54544131", "TTA"],
  [0, "0b77", "AC-3"],
  [0, "4d546864", "MIDI"],
  [0, "4e4953545f", "NIST SPHERE"],
];

/** What a file is by its first 24 bytes, where it is neither wav nor one of the compressed formats with a parser of their own. */
export function formatOf(bytes: Uint8Array): string | undefined {
  const head = Buffer.from(bytes.subarray(0, 24));
  return FORMATS.find(([at, hex]) => head.subarray(at).toString("hex").startsWith(hex))?.[2];
}

/**
 * The error for bytes that are no audio file that can be read.
 * @param advice what to do where it is audio
 */
export function unknownFormat(bytes: Uint8Array, where: string, advice: string): DatasetError {
  const head = Buffer.from(bytes.subarray(0, 24));
  const other = formatOf(head);
  const text = head.toString("latin1");
  const found = other ?? (/^[\x09\x0a\x0d\x20-\x7e]+$/.test(text) ? `text ${JSON.stringify(text)}` : undefined);
  const hint = other === undefined || other === "MIDI" ? "" : `; ${advice}`;
  return new DatasetError(
    "FORMAT",
    `format: ${found ?? `unknown, bytes ${head.toString("hex", 0, 4)}`}, expected wav, FLAC, Ogg or MP3 (${where})${hint}`,
  );
}
