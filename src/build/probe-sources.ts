import { closeSync, existsSync, fstatSync, openSync, readFileSync, readSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { DatasetError, type Problem } from "../core/error.js";
import { isWav, unknownFormat } from "../format/audio.js";
import { readCompressedInfo } from "../format/compressed-info.js";
import { type LabelOptions, readLabels } from "../format/labels.js";
import { readWavInfo, wavHeaderBytes } from "../format/wav.js";
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
    let info: Header;
    try {
      info = readHeader(join(directory, file), file);
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

const head = Buffer.allocUnsafe(4096);

interface Header {
  sampleRate: number;
  channels: number;
  /** An estimate where only decoding would show it; it affects only the size of shards. */
  frames: number;
  sixteenBit: boolean;
  truncated: boolean;
}

function readHeader(path: string, where: string): Header {
  const fd = openSync(path, "r");
  try {
    const { size } = fstatSync(fd);
    let bytes = head.subarray(0, readSync(fd, head, 0, head.length, 0));
    if (!isWav(bytes)) {
      const info = readCompressedInfo(readFileSync(fd), where);
      if (!info) throw unknownFormat(bytes, where);
      const { sampleRate, channels, frames = (size * 8) / channels } = info;
      return { sampleRate, channels, frames, sixteenBit: info.bitsPerSample === 16, truncated: false };
    }
    for (let needed = wavHeaderBytes(bytes, size); needed > bytes.length; needed = wavHeaderBytes(bytes, size)) {
      const more = Buffer.allocUnsafe(needed);
      bytes = more.subarray(0, readSync(fd, more, 0, needed, 0));
      if (bytes.length < needed) break;
    }
    const info = readWavInfo(bytes, size, where);
    return { ...info, sixteenBit: info.bitsPerSample === 16 && info.sampleFormat === "int" };
  } finally {
    closeSync(fd);
  }
}
