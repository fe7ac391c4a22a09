import { openToRead } from "../system/open-to-read.js";
import { bytesOf } from "../system/file-names.js";
import { closeSync, existsSync } from "node:fs";
import { join } from "node:path";
import { fileSource } from "../audio/file-source.js";
import { readHeader } from "../audio/open-audio.js";
import { DatasetError, type Problem } from "../core/error.js";
import { type LabelOptions, readLabels } from "../format/labels.js";
import { type OnDamaged, problemsOf, Verdict } from "../format/verdict.js";
import { noteFile } from "../system/noted-file.js";
import { fileError } from "../system/atomic-file.js";

/** Files to look at, relative to the dataset's folder. */
export interface ProbeTask {
  directory: string;
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
}

/** Reads the headers of many files. Runs in a worker. */
export async function probeSources(task: ProbeTask): Promise<Probe> {
  const { directory } = task;
  const probe: Probe = { samples: [], sixteenBit: true, sampleRate: 0, channels: 0, rates: [], problems: [] };
  let last = "";
  for (const file of task.audio) {
    noteFile(file);
    let info: AudioShape;
    try {
      const verdict = new Verdict(file, "warn");
      info = await shapeOf(join(directory, file), verdict);
      probe.problems.push(
        ...problemsOf(verdict.findings, file, task.onDamaged).filter(({ kind }) => kind !== "damaged"),
      );
    } catch (error) {
      const known = fileError(error, file);
      if (!(known instanceof DatasetError)) throw error;
      probe.problems.push({ kind: known.code === "FILE" ? "missing" : "format", file, message: known.message });
      continue;
    }
    const { sampleRate, channels } = info;
    probe.samples.push(info.frames * channels);
    probe.sixteenBit &&= info.sixteenBit;
    probe.sampleRate ||= sampleRate;
    probe.channels ||= channels;
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
}

async function shapeOf(path: string, verdict: Verdict): Promise<AudioShape> {
  const file = openToRead(path);
  try {
    const source = fileSource(file);
    const header = await readHeader(source, verdict);
    header.close();
    const { sampleRate, channels, frames = (source.size * 8) / channels, sixteenBit } = header;
    return { sampleRate, channels, frames, sixteenBit };
  } finally {
    closeSync(file);
  }
}
