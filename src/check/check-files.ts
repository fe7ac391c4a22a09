import { closeSync, fstatSync, openSync } from "node:fs";
import { join } from "node:path";
import { type Convert, convertAudio, convertedLength } from "../audio/convert.js";
import { peakOf } from "../core/samples.js";
import { DatasetError, type Problem } from "../core/error.js";
import { decodeAudio, isWav } from "../format/audio.js";
import { readCompressedInfo } from "../format/compressed-info.js";
import { type LabelOptions, readLabels } from "../format/labels.js";
import { decodeWav, readWavInfo, wavHeaderBytes } from "../format/wav.js";
import { fillFrom } from "../system/read-bytes.js";
import { fileError } from "../system/atomic-file.js";

/** Files to check, relative to the dataset's folder. */
export interface CheckTask {
  directory: string;
  files: { audio: string /** Its key csv or MIDI file. */; keys?: string | undefined }[];
  deep: boolean;
  convert?: Convert | undefined;
  labels: Omit<LabelOptions, "sampleRate" | "samples">;
}

/** What a checked file is, as far as it can be read. */
export interface CheckedFile {
  /** Relative to the dataset's folder. */
  file: string;
  sampleRate?: number;
  channels?: number;
  /** Bits per sample; 0 for lossy formats. */
  bitsPerSample?: number;
  /** Samples per channel; unknown for an MP3 whose samples weren't read. */
  frames?: number;
  /** Largest absolute value, full scale being 1; where the samples were read. */
  peak?: number;
  /** Names of its labels, where it has a key file. */
  labels?: readonly string[];
  problems: readonly Problem[];
}

/** A file whose check goes on. */
interface OpenCheck extends CheckedFile {
  problems: Problem[];
}

/** Checks files one by one. Runs in a worker. */
export async function checkFiles(task: CheckTask): Promise<CheckedFile[]> {
  const out: CheckedFile[] = [];
  for (const { audio, keys } of task.files) {
    const checked: OpenCheck = { file: audio, problems: [] };
    await collect(checked, audio, () => checkAudio(task, checked));
    if (keys !== undefined) await collect(checked, keys, () => checkKeys(task, checked, keys));
    out.push(checked);
  }
  return out;
}

/** Runs a part of the check; what it throws on purpose becomes the file's problem. */
async function collect(checked: OpenCheck, file: string, work: () => void | Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    const known = fileError(error, file);
    if (!(known instanceof DatasetError)) throw error;
    if (known.problems.length > 0) checked.problems.push(...known.problems.map((p) => ({ ...p, kind: "labels" })));
    else {
      const message = known.message.includes(file) ? known.message : `${known.message} (${file})`;
      checked.problems.push({ kind: KINDS[known.code] ?? "unreadable", file, message });
    }
  }
}

const KINDS: Record<string, string> = { ENVIRONMENT: "decoder", LABEL: "labels" };

async function checkAudio(task: CheckTask, checked: OpenCheck): Promise<void> {
  const { file } = checked;
  const bytes = readBytes(task, file, checked, (head, size) =>
    !task.deep && isWav(head) ? wavHeaderBytes(head, size) : size,
  );
  if (!bytes) return;
  const report = (kind: string, message: string): void =>
    void checked.problems.push({ kind, file, message: `${message} (${file})` });
  if (bytes.head.length === 0) report("empty", "file: empty, expected audio");
  else if (isWav(bytes.head)) {
    const info = readWavInfo(bytes.head, bytes.size, file);
    const { sampleRate, channels, bitsPerSample, frames } = info;
    Object.assign(checked, { sampleRate, channels, bitsPerSample, frames });
    if (info.truncated)
      report("truncated", `samples: ${frames}, expected more according to the header; copy the file again`);
    else if (frames === 0) report("empty", "samples: none, expected at least one");
    else if (task.deep) listen(checked, decodeWav(bytes.head, file).samples, channels, report);
  } else {
    const info = readCompressedInfo(bytes.head, file);
    if (info) {
      const { sampleRate, channels, bitsPerSample = 0, frames } = info;
      Object.assign(checked, { sampleRate, channels, bitsPerSample, frames });
    }
    // Without a length in the header, or without any header we know, only decoding shows it.
    if (task.deep || info === undefined) {
      const audio = await decodeAudio(bytes.head, file);
      checked.frames = audio.samples.length / audio.channels;
      if (checked.frames === 0) report("empty", "samples: none, expected at least one");
      else listen(checked, audio.samples, audio.channels, report);
    }
  }
  if (checked.channels !== undefined && task.convert?.channels !== undefined) {
    // Throws where the channels can't be changed in that way.
    const nothing = { sampleRate: 1, channels: checked.channels, samples: new Float32Array(0) };
    convertAudio(nothing, { channels: task.convert.channels });
  }
}

function checkKeys(task: CheckTask, checked: OpenCheck, keys: string): void {
  const bytes = readBytes(task, keys, checked, (_head, size) => size);
  if (!bytes) return;
  const { sampleRate, frames } = checked;
  const rate = task.convert?.sampleRate ?? sampleRate;
  const samples =
    frames === undefined || sampleRate === undefined ? undefined : convertedLength(frames, sampleRate, task.convert);
  // A file whose rate can't be read has a problem already; its labels are still checked line by line.
  const { labels } = readLabels(bytes.head, keys, { ...task.labels, sampleRate: rate ?? 1, samples });
  checked.labels = labels;
}

const FULL_SCALE = 32767 / 32768;
/** Samples in a row at full scale that make a file count as clipped. */
const CLIPPED_RUN = 4;

/** Finds silence (nothing above one step of 16 bits) and clipping. */
function listen(
  checked: OpenCheck,
  samples: Int16Array | Float32Array,
  channels: number,
  report: (kind: string, message: string) => void,
): void {
  const full = samples instanceof Int16Array ? 32767 : FULL_SCALE;
  const peak = peakOf(samples);
  checked.peak = samples instanceof Int16Array ? peak / 32768 : peak;
  if (checked.peak <= 1 / 32768) report("silent", "samples: silent throughout, expected sound");
  const run = peak < full ? 0 : longestRun(samples, channels, full);
  if (run >= CLIPPED_RUN)
    report("clipped", `samples: ${run} in a row at full scale, expected none; record it at a lower level`);
}

function longestRun(samples: Int16Array | Float32Array, channels: number, full: number): number {
  let longest = 0;
  for (let c = 0; c < channels; c++) {
    let run = 0;
    for (let i = c; i < samples.length; i += channels) {
      const value = samples[i]!;
      const same = Math.abs(value) >= full && (run === 0 || value === samples[i - channels]);
      run = same ? run + 1 : Math.abs(value) >= full ? 1 : 0;
      if (run > longest) longest = run;
    }
  }
  return longest;
}

let buffer = Buffer.allocUnsafe(1 << 16);

/** The first bytes of a file, as many as `needed` says; undefined and a problem where there is no such file. */
function readBytes(
  task: CheckTask,
  file: string,
  checked: OpenCheck,
  needed: (head: Uint8Array, size: number) => number,
): { head: Uint8Array; size: number } | undefined {
  let fd: number;
  try {
    fd = openSync(join(task.directory, file), "r");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "ENOENT" && code !== "ENOTDIR") throw error;
    checked.problems.push({ kind: "missing", file, message: `file: not found, expected it in the folder (${file})` });
    return undefined;
  }
  try {
    const { size } = fstatSync(fd);
    let got = fill(fd, 0, Math.min(size, 4096));
    for (let want = needed(buffer.subarray(0, got), size); got < want; want = needed(buffer.subarray(0, got), size)) {
      const more = fill(fd, got, want);
      if (more === got) break;
      got = more;
    }
    return { head: buffer.subarray(0, got), size };
  } finally {
    closeSync(fd);
  }
}

/** Reads up to byte `want` behind the `got` bytes that the buffer holds; returns how many it holds then. */
function fill(fd: number, got: number, want: number): number {
  if (want > buffer.length) {
    const larger = Buffer.allocUnsafe(want * 1.25);
    buffer.copy(larger, 0, 0, got);
    buffer = larger;
  }
  return got + fillFrom(fd, buffer.subarray(got, want), got);
}
