import { mkdir, readdir, rename, rm } from "node:fs/promises";
import { join, posix } from "node:path";
import { DatasetError } from "../core/error.js";
import { checkKnown, type OptionNames } from "../core/known-options.js";
import { splitNames } from "../core/split-name.js";
import { toInt16 } from "../core/samples.js";
import { encodeWav } from "../format/wav.js";
import { type LongOptions, throwIfAborted, track } from "../notebook/progress.js";
import type { DatasetExample } from "../records/read-example.js";
import type { Records } from "../records/records.js";
import type { Split } from "../split/split.js";
import { fileError, temporaryPath, writeWhole } from "../system/atomic-file.js";
import { statOf } from "../system/file-names.js";
import { audioFolderLines } from "./audio-folder.js";
import { describeExample, type ExportedExample, type Layout, labelsOf } from "./exported-example.js";
import { lhotseLines } from "./lhotse.js";

/** What is exported: a dataset that is loaded. */
export interface ExportableDataset {
  readonly records: Records;
  readonly split: Split;
  example(i: number): Promise<DatasetExample>;
}

/** Options of `exportDataset`. */
export interface ExportOptions extends LongOptions {
  /**
   * `"lhotse"`: `recordings_train.jsonl`, `supervisions_train.jsonl` and the same of the other sides, sounds in `audio/`.
   * `"audiofolder"`: Hugging Face's AudioFolder: `train/`, `validation/` and `test/`, each with its sounds and a `metadata.jsonl`.
   */
  format: "lhotse" | "audiofolder";
}

const OPTIONS: OptionNames<ExportOptions> = { format: true, signal: true, onProgress: true };

const LAYOUTS: Readonly<Record<ExportOptions["format"], Layout>> = {
  lhotse: lhotseLines,
  audiofolder: audioFolderLines,
};

/**
 * Writes the sides of a loaded dataset as wavs with the labels beside them, as lhotse or Hugging Face's `datasets` read them.
 *
 * Samples are stored as the records have them, of 16 bits or floats. Kind classes: `label`, the class of each example, where every one has one of
 * weight 1, else `labels` (and `weights`); values: a field for each; frames: `events` with onset, offset in seconds, label and value. lhotse
 * has these in `custom` of supervisions, one for each event; its paths are relative to the folder (`with_path_prefix`).
 *
 * @param folder is made; the folder appears whole or not at all
 * @returns how many examples were written
 * @throws DatasetError "OPTION" for kind pairs or an unknown format, "FILE" where the folder is there and not empty
 * @example await exportDataset(dataset, "./shared", { format: "audiofolder" });
 */
export async function exportDataset(
  dataset: ExportableDataset,
  folder: string,
  options: ExportOptions,
): Promise<number> {
  checkKnown("exportDataset", options, OPTIONS);
  const layout = Object.hasOwn(LAYOUTS, options.format) ? LAYOUTS[options.format] : undefined;
  if (!layout) {
    const known = Object.keys(LAYOUTS).join(", ");
    throw new DatasetError("OPTION", `format: ${JSON.stringify(options.format)}, expected one of ${known}`);
  }
  const { records, split } = dataset;
  const { kind, sampleRate } = records.manifest;
  if (kind === "pairs")
    throw new DatasetError("OPTION", "exportDataset: kind pairs, expected classes, values or frames");
  if (sampleRate === 0)
    throw new DatasetError("OPTION", "exportDataset: sample rate unknown, expected records that say it");
  const there = await statOf(folder);
  if (there && !(there.isDirectory() && (await readdir(folder)).length === 0))
    throw new DatasetError("FILE", `${folder}: is there, expected a new folder or an empty one`);
  const staging = temporaryPath(folder);
  const total = splitNames.reduce((sum, side) => sum + split[side].length, 0);
  try {
    await track("export", total, "examples", options, async ({ signal, tick }) => {
      const taken = new Set<string>();
      const labels = labelsOf(records);
      for (const side of splitNames) {
        if (split[side].length === 0) continue;
        const { sounds, base } = layout.folderOf(side);
        const examples: ExportedExample[] = [];
        for (const i of split[side]) {
          throwIfAborted(signal, "exporting");
          const example = await dataset.example(i);
          const file = freeName(sounds, example.name, taken);
          await writeSound(join(staging, file), example, records);
          examples.push({ ...describeExample(example, i, records, labels), file: posix.relative(base, file) });
          tick();
        }
        for (const [name, text] of Object.entries(layout.texts(side, examples, records)))
          await writeWhole(join(staging, name), text);
      }
      if (there) await rm(folder, { recursive: true });
      await rename(staging, folder);
    });
  } catch (error) {
    await rm(staging, { recursive: true, force: true });
    throw fileError(error, folder);
  }
  return total;
}

async function writeSound(path: string, { input }: DatasetExample, { manifest }: Records): Promise<void> {
  const { sampleRate, channels, encoding } = manifest;
  const samples = encoding === "pcm16" || encoding === "flac" ? toInt16(input) : input;
  await mkdir(join(path, ".."), { recursive: true });
  await writeWhole(path, encodeWav({ sampleRate, channels, samples }));
}

/** A name of a wav that no other example has: the example's own, as far as every system takes it. */
function freeName(folder: string, name: string, taken: Set<string>): string {
  const plain = name
    .replace(/\.\w{2,5}(?=#t=|$)/, "")
    .replace("#t=", "_")
    .replace(/[^\p{L}\p{N}/._-]+/gu, "-")
    .split("/")
    .filter((part) => !/^\.*$/.test(part))
    .join("/");
  for (let n = 1; ; n++) {
    const file = posix.join(folder, `${plain || "sound"}${n === 1 ? "" : `_${n}`}.wav`);
    // Some systems don't tell upper from lower case.
    if (taken.has(file.toLowerCase())) continue;
    taken.add(file.toLowerCase());
    return file;
  }
}
