import { closeSync, existsSync, openSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type AudioShape, audioShape, readHead } from "../audio/header.js";
import { DatasetError, type Problem } from "../core/error.js";
import { type LabelOptions, readLabels } from "../format/labels.js";
import { fileError } from "../system/atomic-file.js";

/** Files to look at, relative to the dataset's folder. */
export interface ProbeTask {
  directory: string;
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
export function probeSources(task: ProbeTask): Probe {
  const { directory } = task;
  const probe: Probe = { samples: [], sixteenBit: true, sampleRate: 0, channels: 0, rates: [], problems: [] };
  let last = "";
  for (const file of task.audio) {
    let info: AudioShape;
    try {
      info = shapeOf(join(directory, file), file);
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
    if (info.truncated) {
      const message = `samples: ${info.frames} frames, expected more according to the header (${file}); the file is cut short: copy it again`;
      probe.problems.push({ kind: "truncated", file, message });
    }
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
  return readLabels(await readFile(path), where, { ...options, sampleRate: 1e6 }).labels;
}

const memory = { buffer: Buffer.allocUnsafe(4096) };

function shapeOf(path: string, where: string): AudioShape {
  const file = openSync(path, "r");
  try {
    return audioShape(readHead(file, memory), where);
  } finally {
    closeSync(file);
  }
}
