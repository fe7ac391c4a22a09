import { execFile } from "node:child_process";
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ByteSource } from "../format/byte-source.js";
import type { Verdict } from "../format/verdict.js";
import { fileSource } from "./file-source.js";
import type { AudioHeader } from "./sound.js";
import { wavHeader } from "./wav-sound.js";

/** FFmpeg's name for the formats that its program decodes. */
const DEMUXERS: Record<string, string> = {
  "MP4 or M4A": "mov",
  "WebM or Matroska": "matroska",
  WMA: "asf",
  AAC: "aac",
  AMR: "amr",
  WavPack: "wv",
  "Monkey's Audio": "ape",
  TTA: "tta",
  "AC-3": "ac3",
};

/**
 * The header of a file that FFmpeg's program decodes, into a temporary file that goes when the header is closed; undefined
 * where the program isn't installed or isn't asked for such files.
 * @throws DatasetError "FORMAT" where FFmpeg can't read it
 */
export async function ffmpegHeader(
  source: ByteSource,
  format: string,
  verdict: Verdict,
): Promise<AudioHeader | undefined> {
  const demuxer = DEMUXERS[format];
  if (demuxer === undefined) return undefined;
  const folder = mkdtempSync(join(tmpdir(), "deep-audio-"));
  let file: number | undefined;
  const close = (): void => {
    if (file !== undefined) closeSync(file);
    file = undefined;
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    // From a copy: the program opens no path that a dataset names, and none that the file itself names.
    copyTo(join(folder, "in"), source);
    const input = ["-protocol_whitelist", "file", "-f", demuxer, "-i", "file:in"];
    const output = ["-map", "0:a:0", "-c:a", "pcm_f32le", "-rf64", "auto", "-f", "wav", "file:out.wav"];
    const said = await run(["-nostdin", "-v", "error", ...input, ...output], folder, verdict);
    if (said === undefined) {
      close();
      return undefined;
    }
    if (said !== "")
      verdict.lost(`${format}: FFmpeg says ${JSON.stringify(said)}`, "the file is damaged: copy it again");
    file = openSync(join(folder, "out.wav"), "r");
    const header = wavHeader(fileSource(file), verdict) as AudioHeader;
    return { ...header, format, bitsPerSample: 0, close };
  } catch (error) {
    close();
    throw error;
  }
}

function copyTo(path: string, source: ByteSource): void {
  const file = openSync(path, "wx");
  try {
    const part = new Uint8Array(1 << 20);
    for (let at = 0, got = 0; at < source.size; at += got) {
      got = source.read(part, at);
      if (got === 0) break;
      writeSync(file, part, 0, got);
    }
  } finally {
    closeSync(file);
  }
}

/** Runs FFmpeg's program in a folder; the first line that it wrote of errors, undefined where it isn't installed. */
async function run(args: string[], folder: string, verdict: Verdict): Promise<string | undefined> {
  return await new Promise((resolve, reject) => {
    execFile("ffmpeg", args, { encoding: "utf8", cwd: folder }, (error, _, stderr) => {
      const [line = ""] = stderr.trim().split("\n");
      // The program names an address in its memory, which differs from run to run.
      const said = line.replace(/^\[(\S+) @ \S+\] /, "$1: ").replace(/^file:in: /, "");
      if (!error) resolve(said);
      else if ((error as NodeJS.ErrnoException).code === "ENOENT") resolve(undefined);
      else {
        try {
          verdict.damaged(`file: FFmpeg can't read it: ${said}`);
        } catch (damaged) {
          reject(damaged as Error);
        }
      }
    });
  });
}
