import { bytesOf } from "../system/file-names.js";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { readHeader } from "../audio/open-audio.js";
import { withSoundBytes } from "../audio/open-elsewhere.js";
import type { CheckedFile } from "../check/check-files.js";
import { DatasetError, type Problem } from "../core/error.js";
import { isAddress } from "../core/names.js";
import type { SeenFile } from "../core/rows.js";
import { type LabelOptions, readLabels } from "../format/labels.js";
import { type OnDamaged, problemsOf, Verdict } from "../format/verdict.js";
import { inOrder } from "../system/event-loop.js";
import { noteFile } from "../system/noted-file.js";
import { fileError } from "../system/atomic-file.js";

/** Files to look at, relative to the dataset's folder, or at addresses. */
export interface ProbeTask {
  directory: string;
  /** As `withFetches` gives it. */
  fetches?: string | undefined;
  /** What a check has read of some. */
  known: ReadonlyMap<string, CheckedFile>;
  onDamaged?: OnDamaged | undefined;
  audio: string[];
  keys: string[];
}

/** What the headers say. */
export interface Probe {
  /** Samples of all channels of each audio file; estimated where the header doesn't say. */
  samples: number[];
  /** True where every file is 16-bit PCM. */
  sixteenBit: boolean;
  /** Of the first file that says so; 0 where none does. */
  sampleRate: number;
  channels: number;
  /** The first file, and every one that differs from the one before. */
  rates: { file: string; sampleRate: number; channels: number }[];
  problems: Problem[];
  /** What the files at addresses are. */
  seen: [address: string, seen: SeenFile][];
}

/** Reads the headers of many files, those of the folder one by one. Runs in a worker. */
export async function probeSources(task: ProbeTask): Promise<Probe> {
  const { directory } = task;
  const probe: Probe = { samples: [], sixteenBit: true, sampleRate: 0, channels: 0, rates: [], problems: [], seen: [] };
  let last = "";
  const found = inOrder(task.audio, (file) => probeFile(file, task), task.audio.some(isAddress) ? undefined : 1);
  for await (const { file, shape, problems } of found) {
    probe.problems.push(...problems);
    if (!shape) continue;
    const { sampleRate, channels, seen } = shape;
    probe.samples.push(shape.frames * channels);
    probe.sixteenBit &&= shape.sixteenBit;
    probe.sampleRate ||= sampleRate;
    probe.channels ||= channels;
    if (seen) probe.seen.push([file, seen]);
    const now = `${sampleRate} ${channels}`;
    if (now !== last) probe.rates.push({ file, sampleRate, channels });
    last = now;
  }
  for (const file of task.keys) {
    if (existsSync(join(directory, file))) continue;
    probe.problems.push({ kind: "missing", file, message: `${file}: not found, expected a key csv or midi file` });
  }
  return probe;
}

/** Feature names of a key file, whose number every other one must have. */
export async function readLabelNames(path: string, where: string, options: LabelOptions): Promise<string[]> {
  // The labels' names don't depend on the rate; a high one keeps every two time stamps apart.
  return readLabels(await bytesOf(path), where, { ...options, sampleRate: 1e6 }).labels;
}

interface AudioShape {
  sampleRate: number;
  channels: number;
  /** A guess where only decoding would say; it decides on the size of shards alone. */
  frames: number;
  sixteenBit: boolean;
  /** What a file at an address is. */
  seen?: SeenFile | undefined;
}

async function probeFile(
  file: string,
  task: ProbeTask,
): Promise<{ file: string; shape?: AudioShape; problems: Problem[] }> {
  noteFile(file);
  try {
    const known = task.known.get(file);
    if (known?.seen && known.sampleRate && known.channels) return { file, shape: checkedShape(known), problems: [] };
    return await withSoundBytes(file, { ...task, whole: false }, async (source, seen) => {
      const verdict = new Verdict(file, "warn");
      const header = await readHeader(source, verdict);
      header.close();
      const { sampleRate, channels, frames = guessed(source.size, channels), sixteenBit } = header;
      const problems = problemsOf(verdict.findings, file, task.onDamaged).filter(({ kind }) => kind !== "damaged");
      return { file, shape: { sampleRate, channels, frames, sixteenBit, seen }, problems };
    });
  } catch (error) {
    const known = fileError(error, file);
    if (!(known instanceof DatasetError)) throw error;
    return {
      file,
      problems: [{ kind: known.code === "FILE" ? "missing" : "format", file, message: known.message }],
    };
  }
}

const guessed = (bytes: number, channels: number): number => (bytes * 8) / channels;

/** What a check has read of a file elsewhere isn't fetched again. */
function checkedShape({ sampleRate = 0, channels = 0, frames, bitsPerSample, seen }: CheckedFile): AudioShape {
  const length = frames ?? guessed(seen!.bytes, channels);
  return { sampleRate, channels, frames: length, sixteenBit: bitsPerSample === 16, seen };
}
