import { DatasetError } from "../error.js";
import { decodeCompressed } from "./compressed.js";
import { readCompressedInfo } from "./compressed-info.js";
import { type Audio, decodeWav } from "./wav.js";

export type { Audio } from "./wav.js";

/** Whether a file starts as a wav in any of its containers. */
export function isWav(head: Uint8Array): boolean {
  const id = String.fromCharCode(...head.subarray(0, 4));
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

/** The error for bytes that are no audio file we know. */
export function unknownFormat(bytes: Uint8Array, where: string): DatasetError {
  const start = Buffer.from(bytes.subarray(0, 4)).toString("hex");
  return new DatasetError("FORMAT", `format: unknown, bytes ${start}, expected wav, FLAC, Ogg or MP3 (${where})`);
}
