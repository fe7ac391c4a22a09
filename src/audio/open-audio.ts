import { formatOf, isWav, unknownFormat } from "../format/audio.js";
import type { ByteSource } from "../format/byte-source.js";
import { id3Length } from "../format/mpeg-info.js";
import type { Verdict } from "../format/verdict.js";
import { codedWavError } from "../format/wav.js";
import { compressedHeader } from "./compressed-sound.js";
import { ffmpegHeader } from "./ffmpeg.js";
import { hasLibsndfile } from "./libsndfile.js";
import { nativeHeader } from "./native-sound.js";
import type { AudioHeader } from "./sound.js";
import { firstBytes, wavHeader } from "./wav-sound.js";

/** Formats that libsndfile alone reads, beside coded wavs. */
const NATIVE = new Set(["AIFF", "AU", "CAF", "W64", "NIST SPHERE"]);

/**
 * Reads the header of an audio file by what it contains, whatever its name, and finds what its structure shows of damage.
 * Close the header.
 *
 * @throws DatasetError "FORMAT" where it is damaged or no audio that can be read here, "ENVIRONMENT" without the decoder it needs
 */
export async function readHeader(source: ByteSource, verdict: Verdict): Promise<AudioHeader> {
  if (source.size === 0) verdict.damaged("file: empty, expected audio");
  const head = firstBytes(source, false).slice(0, 24);
  if (isWav(head)) {
    const wav = wavHeader(source, verdict);
    if (typeof wav !== "string") return wav;
    const coded = nativeHeader(source, "wav", verdict);
    if (coded) return coded;
    throw codedWavError(wav, verdict.where);
  }
  const format = formatOf(behindTag(source, head));
  const compressed = format === undefined ? compressedHeader(source, verdict) : undefined;
  if (compressed) return compressed;
  const other =
    format === undefined
      ? undefined
      : NATIVE.has(format)
        ? nativeHeader(source, format, verdict)
        : await ffmpegHeader(source, format, verdict);
  if (other) return other;
  if (format !== undefined && NATIVE.has(format) && hasLibsndfile()) {
    verdict.damaged(`${format}: libsndfile can't read it, the file is damaged or of an encoding that isn't known`);
  }
  throw unknownFormat(head, verdict.where, adviceFor(format));
}

/** The first bytes of what an ID3 tag stands before; `head` where there is no tag. */
function behindTag(source: ByteSource, head: Uint8Array): Uint8Array {
  const length = id3Length(head);
  if (length === 0) return head;
  const behind = new Uint8Array(24);
  return behind.subarray(0, source.read(behind, length));
}

function adviceFor(format: string | undefined): string {
  if (format !== undefined && NATIVE.has(format)) {
    return "run `npm start` in the project's folder, which installs libsndfile, or convert it first, for example: ffmpeg -i FILE out.wav";
  }
  return "install FFmpeg's program, which reads it, or convert it first, for example: ffmpeg -i FILE out.wav";
}
