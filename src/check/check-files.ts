import { closeSync, openSync } from "node:fs";
import { join } from "node:path";
import { type Head, headerOf, readHead } from "../audio/header.js";
import { type Convert, convertAudio, convertedLength } from "../audio/convert.js";
import { notFinite, peakOf } from "../core/samples.js";
import { DatasetError, type Problem } from "../core/error.js";
import { decodeAudio } from "../format/audio.js";
import { type LabelOptions, readLabels } from "../format/labels.js";
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
  const head = readFile(task, file, checked, task.deep);
  if (!head) return;
  const report = (kind: string, message: string): void =>
    void checked.problems.push({ kind, file, message: `${message} (${file})` });
  if (head.bytes.length === 0) {
    report("empty", "file: empty, expected audio");
    return;
  }
  const header = headerOf(head, file);
  if (header.info) {
    const { sampleRate, channels, bitsPerSample = 0, frames } = header.info;
    Object.assign(checked, { sampleRate, channels, bitsPerSample, frames });
  }
  if (header.kind === "wav" && header.info.truncated) {
    report("truncated", `samples: ${header.info.frames}, expected more according to the header; copy the file again`);
  } else if (header.kind === "wav" && header.info.frames === 0) report("empty", "samples: none, expected at least one");
  else if (task.deep || header.info === undefined) {
    // Without a length in the header, or without any header we know, only decoding tells.
    const audio = await decodeAudio(head.bytes, file);
    checked.frames = audio.samples.length / audio.channels;
    if (checked.frames === 0) report("empty", "samples: none, expected at least one");
    else listen(checked, audio.samples, audio.channels, report);
  }
  if (checked.channels !== undefined && task.convert?.channels !== undefined) {
    // Throws where the channels can't be changed in that way.
    const nothing = { sampleRate: 1, channels: checked.channels, samples: new Float32Array(0) };
    convertAudio(nothing, { channels: task.convert.channels });
  }
}

function checkKeys(task: CheckTask, checked: OpenCheck, keys: string): void {
  const head = readFile(task, keys, checked, true);
  if (!head) return;
  const { sampleRate, frames } = checked;
  const rate = task.convert?.sampleRate ?? sampleRate;
  const samples =
    frames === undefined || sampleRate === undefined ? undefined : convertedLength(frames, sampleRate, task.convert);
  // A file whose rate can't be read has a problem already; its labels are still checked line by line.
  const { labels, warnings = [] } = readLabels(head.bytes, keys, { ...task.labels, sampleRate: rate ?? 1, samples });
  checked.labels = labels;
  checked.problems.push(...warnings);
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
  const broken = notFinite(samples, channels);
  if (broken !== undefined) {
    report("not finite", broken);
    return;
  }
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

const memory = { buffer: Buffer.allocUnsafe(1 << 16) };

/** The beginning of a file, or all of it; undefined and a problem where there is no such file. */
function readFile(task: CheckTask, file: string, checked: OpenCheck, whole: boolean): Head | undefined {
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
    return readHead(fd, memory, whole);
  } finally {
    closeSync(fd);
  }
}
