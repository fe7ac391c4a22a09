import { join } from "node:path";
import { type Convert, convertAudio, convertedLength } from "../audio/convert.js";
import { readHeader } from "../audio/open-audio.js";
import { withSoundBytes } from "../audio/open-elsewhere.js";
import type { AudioHeader } from "../audio/sound.js";
import { DatasetError, type Problem } from "../core/error.js";
import { isAddress } from "../core/names.js";
import type { SeenFile } from "../core/rows.js";
import type { ByteSource } from "../format/byte-source.js";
import { type LabelOptions, readLabels } from "../format/labels.js";
import { type OnDamaged, problemsOf, Verdict } from "../format/verdict.js";
import { answered } from "../storage/read-source.js";
import { mapSome } from "../system/event-loop.js";
import { Listener } from "./listen.js";
import { readWhole } from "../system/file-names.js";
import { noteFile } from "../system/noted-file.js";
import { fileError } from "../system/atomic-file.js";

/** Files to check, relative to the dataset's folder, or at addresses. */
export interface CheckTask {
  directory: string;
  /** As `withFetches` gives it. */
  fetches?: string | undefined;
  files: { audio: string /** Its key csv or MIDI file. */; keys?: string | undefined }[];
  deep: boolean;
  convert?: Convert | undefined;
  onDamaged?: OnDamaged | undefined;
  labels: Omit<LabelOptions, "sampleRate" | "samples">;
}

/** What a checked file is, as far as it can be read. */
export interface CheckedFile {
  /** Relative to the dataset's folder, or its address. */
  file: string;
  /** Of a file at an address, where it could be read: what it is. */
  seen?: SeenFile;
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

/** Whole files elsewhere that are fetched at the same time. */
const WHOLE = 2;

/** Checks files, those of the folder one by one. Runs in a worker. */
export async function checkFiles(task: CheckTask): Promise<CheckedFile[]> {
  const check = async ({ audio, keys }: CheckTask["files"][number]): Promise<CheckedFile> => {
    const checked: OpenCheck = { file: audio, problems: [] };
    await collect(checked, audio, () => checkAudio(task, checked));
    if (keys !== undefined) await collect(checked, keys, () => checkKeys(task, checked, keys));
    return checked;
  };
  const elsewhere = task.files.some(({ audio }) => isAddress(audio));
  return await mapSome(task.files, check, !elsewhere ? 1 : task.deep ? WHOLE : undefined);
}

/** Runs a part of the check; what it throws on purpose becomes the file's problem. */
async function collect(checked: OpenCheck, file: string, work: () => void | Promise<void>): Promise<void> {
  noteFile(file);
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
  const look = async (source: ByteSource, seen?: SeenFile): Promise<void> => {
    if (seen) checked.seen = seen;
    // It may be looked at again with more of it.
    checked.problems.length = 0;
    if (source.size === 0) report(checked, "empty", "file: empty, expected audio");
    else await checkSound(task, checked, new Verdict(file, "warn"), (verdict) => readHeader(source, verdict));
  };
  await whereItIs(checked, file, () => withSoundBytes(file, { ...task, whole: task.deep }, look));
  if (checked.channels !== undefined && task.convert?.channels !== undefined) {
    // Throws where the channels can't be changed in that way.
    const nothing = { sampleRate: 1, channels: checked.channels, samples: new Float32Array(0) };
    convertAudio(nothing, { channels: task.convert.channels });
  }
}

async function checkSound(
  { deep, onDamaged }: CheckTask,
  checked: OpenCheck,
  verdict: Verdict,
  open: (verdict: Verdict) => Promise<AudioHeader>,
): Promise<void> {
  const header = await open(verdict);
  try {
    const { sampleRate, channels, bitsPerSample, frames } = header;
    Object.assign(checked, { sampleRate, channels, bitsPerSample, frames });
    const broken = problemsOf(verdict.findings, checked.file, onDamaged).some(({ kind }) => kind === "truncated");
    if (frames === 0 && !broken) report(checked, "empty", "samples: none, expected at least one");
    else if (deep && !broken) await listen(checked, header);
  } finally {
    header.close();
    checked.problems.push(...problemsOf(verdict.findings, checked.file, onDamaged));
  }
}

/** Frames that are listened to at a time. */
const BLOCK = 1 << 15;

/** Reads all samples, block by block. */
async function listen(checked: OpenCheck, header: AudioHeader): Promise<void> {
  const sound = await header.open();
  const listener = new Listener(sound.channels, sound.sampleRate);
  try {
    const block = new (sound.sixteenBit ? Int16Array : Float32Array)(BLOCK * sound.channels);
    for (let got = BLOCK; got === BLOCK; ) {
      got = await sound.read(block);
      listener.hear(block.subarray(0, got * sound.channels));
    }
  } finally {
    sound.close();
  }
  checked.frames = listener.frames;
  if (listener.frames === 0) report(checked, "empty", "samples: none, expected at least one");
  else {
    for (const { kind, message } of listener.problems()) report(checked, kind, message);
    if (listener.broken === undefined) checked.peak = listener.peak;
  }
}

function report({ problems, file }: OpenCheck, kind: string, message: string): void {
  problems.push({ kind, file, message: `${message} (${file})` });
}

async function checkKeys(task: CheckTask, checked: OpenCheck, keys: string): Promise<void> {
  const bytes = await whereItIs(checked, keys, () => readWhole(join(task.directory, keys)));
  if (!bytes) return;
  const { sampleRate, frames } = checked;
  const rate = task.convert?.sampleRate ?? sampleRate;
  const samples =
    frames === undefined || sampleRate === undefined ? undefined : convertedLength(frames, sampleRate, task.convert);
  // A file whose rate can't be read has a problem already; its labels are still checked line by line.
  const { labels, warnings = [] } = readLabels(bytes, keys, { ...task.labels, sampleRate: rate ?? 1, samples });
  checked.labels = labels;
  checked.problems.push(...warnings);
}

/** What `read` gives of a file; undefined and a problem where there is no such file. */
async function whereItIs<T>(checked: OpenCheck, file: string, read: () => T | Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "ENOENT" && code !== "ENOTDIR" && !answered(error, 404)) throw error;
    const where = isAddress(file) ? "at its address" : "in the folder";
    checked.problems.push({ kind: "missing", file, message: `file: not found, expected it ${where} (${file})` });
    return undefined;
  }
}
