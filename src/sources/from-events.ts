import { join, posix } from "node:path";
import { DatasetError, type Problem, problemsError } from "../core/error.js";
import { checkKnown, type OptionNames } from "../core/known-options.js";
import { isAddress, nameProblem, shownName } from "../core/names.js";
import type { DatasetIndex } from "../core/rows.js";
import { type SplitName, splitNames } from "../core/split-name.js";
import { decodeUtf8 } from "../format/csv.js";
import {
  EVENT_FORMATS,
  type EventFormat,
  type EventColumns,
  type EventLayout,
  type EventUnit,
  findLayout,
  readEventTable,
  type TimedLabel,
} from "../format/event-table.js";
import { readCues } from "../format/cues.js";
import { type KaldiFile, readKaldi } from "../format/kaldi.js";
import { readJams } from "../format/jams.js";
import { readTextGrid } from "../format/text-grid.js";
import { statOf, readWhole } from "../system/file-names.js";
import { eventRows } from "./event-rows.js";
import { datasetFolders } from "./folders.js";
import { eachSide } from "./join-indexes.js";
import { listAudio } from "./list-audio.js";
import { soundAt, soundFinder } from "./sound-finder.js";

/** Options of `fromEvents`. */
export interface FromEventsOptions {
  /** Default: by the file's ending (`.TextGrid`, `.jams`, `.rttm`, `.ctm`, `.wav`), Kaldi's by its name `segments`, else by its header. */
  format?: EventFormat;
  /** What the columns are called, where they aren't found by the usual names. */
  columns?: EventColumns;
  /** Separator of cells: "," , ";" or "\t"; " " for any white space. Default: found. */
  delimiter?: string;
  /** What decimals are written with. Default ".". */
  decimal?: "." | ",";
  /** What times count. Default "seconds", or what the header says. */
  unit?: EventUnit;
  /** Of times in samples, in Hz. */
  sampleRate?: number;
  /** TextGrid: the tier; JAMS: the namespace. Default: all. Kaldi: the file beside `segments`; default `utt2spk`. */
  tier?: string;
  /** The labels in the order of the features; rows of others are skipped and counted. Default: all that occur, by name or pitch. */
  classes?: readonly string[];
  /** Other names for labels, before `classes` counts: several may become one. */
  rename?: Readonly<Record<string, string>>;
  /** Takes only rows of a table for which it is true, by the names of their columns: those of an instrument, of a channel. Default: all. */
  where?: (row: Readonly<Record<string, string>>) => boolean;
  /** Rows with less confidence, or velocity / 127, are skipped. Default: all count. */
  minConfidence?: number;
  /** Stores confidence or velocity as the value of a label, in the place of 1. Default false. */
  values?: boolean;
  /** Sounds that a table doesn't name are kept, with nothing in them. Default false: left out, and counted. */
  unnamed?: "skip" | "empty";
  /** Rows, or tables, whose sound isn't there. Default "error". */
  missing?: "error" | "skip";
  /** Folder of the sounds, relative to the inputs' folder (`D/in`, or D). Default: that folder. */
  folder?: string;
  /** Group of a sound, by its name relative to the inputs' folder. */
  group?: (file: string) => string;
  /** The split of every sound, where the table as a whole is one side. */
  side?: SplitName;
}

const OPTIONS: OptionNames<FromEventsOptions> = {
  ...{
    format: true,
    columns: true,
    delimiter: true,
    decimal: true,
    where: true,
    unit: true,
    sampleRate: true,
    tier: true,
    classes: true,
  },
  ...{
    rename: true,
    minConfidence: true,
    values: true,
    unnamed: true,
    missing: true,
    folder: true,
    group: true,
    side: true,
  },
};

const COLUMNS: OptionNames<EventColumns> = {
  ...{
    file: true,
    onset: true,
    offset: true,
    duration: true,
    label: true,
    pitch: true,
    confidence: true,
    velocity: true,
  },
};

/**
 * Makes the index of labels over time from tables of events: rows of onset, offset or duration, and a label or a pitch.
 *
 * One table for all sounds, which names them in a column; or one for each, as a pattern in which `{name}` stands for the
 * sound without its ending and `{base}` for that without its folder. The columns are found by what sets call them, so
 * that most tables need no options: DCASE, AudioSet (strong), MusicNet, MAPS, Raven, BirdNET, Audacity, RTTM, CTM, Praat's
 * TextGrid, JAMS, Kaldi's segments, and the cue points inside wavs. A row without a label, or a table without rows for a
 * sound, says that there is nothing in it. JSON of lhotse, NeMo and others: `fromManifest`.
 *
 * @param events the table, or the pattern, relative to `directory`; or one for each side of the split
 * @throws DatasetError "LABEL" or "INDEX" with every bad row at once, "OPTION" where the columns aren't found
 * @example
 * const index = await fromEvents("./dcase", "meta.tsv");
 * await new AudioClassificationDataset("./dcase", "dcase").generateRecords({ index });
 */
export async function fromEvents(
  directory: string,
  events: string | Partial<Record<SplitName, string>>,
  options: FromEventsOptions = {},
): Promise<DatasetIndex> {
  checkKnown("fromEvents", options, OPTIONS);
  if (options.columns) checkKnown("columns", options.columns, COLUMNS);
  checkChoices(options);
  return await eachSide("fromEvents", events, options, (table, own) => indexOf(directory, table, own));
}

async function indexOf(directory: string, events: string, options: FromEventsOptions): Promise<DatasetIndex> {
  const { folder = "", missing = "error", unnamed = "skip", side } = options;
  for (const name of [events, ...(folder === "" ? [] : [folder])]) {
    const wrong = nameProblem(name);
    if (wrong) throw new DatasetError("OPTION", `${JSON.stringify(name)} ${wrong}`);
  }
  const folders = await datasetFolders(directory);
  const base = join(directory, folders.inputFolder, folder);
  if (!(await statOf(base))?.isDirectory())
    throw new DatasetError("FILE", `folder ${base}: not found, expected sounds in it`);
  const sounds = (await listAudio(base)).map((file) => posix.join(folder, file));
  const pattern = /\{(name|base)\}/.test(events);
  const none = new DatasetError("INDEX", `audio files in ${base}: none, expected at least one`);
  if (sounds.length === 0 && pattern) throw none;
  const found = pattern
    ? await tablesOf(directory, events, sounds, { ...options, folders })
    : await tableOf(directory, events, sounds, options);
  sounds.push(...[...found.bySound.keys()].filter(isAddress));
  if (sounds.length === 0) throw none;
  const problems = missing === "error" ? found.problems : [];
  if (problems.length > 0) throw problemsError("INDEX", `events ${events}`, problems);
  const warnings: Problem[] = [];
  const warn = (kind: string, message: string): void =>
    void warnings.push({ kind, file: events, line: 1, message: `${message} (${events})` });
  if (found.problems.length > 0)
    warn(
      "skipped",
      `${pattern ? "sounds without a table" : "rows of sounds that aren't there"}: ${found.problems.length}, not taken`,
    );
  const named = unnamed === "empty" ? sounds : sounds.filter((sound) => found.bySound.has(sound));
  if (named.length < sounds.length && !pattern) {
    warn(
      "skipped",
      `sounds without a row: ${sounds.length - named.length}, not taken; pass unnamed: "empty" if nothing is in them`,
    );
  }
  const { labels, rows, skipped, unlabelled } = eventRows(named, found.bySound, options);
  if (unlabelled > 0) warn("no label", `rows without a label: ${unlabelled}, taken for sounds with nothing in them`);
  if (skipped > 0) warn("skipped", `rows of other classes or less confidence: ${skipped}, not taken`);
  if (rows.length === 0 || labels.length === 0) {
    throw new DatasetError(
      "INDEX",
      `events ${events}: no labelled sound, expected at least one; check classes and minConfidence`,
    );
  }
  const files = [...new Set(found.files)];
  return {
    kind: "frames",
    file: pattern ? files[0]! : events,
    besides: files.slice(1),
    rows: side ? rows.map((row) => ({ ...row, split: side })) : rows,
    labels,
    ...folders,
    ...(warnings.length > 0 ? { warnings } : {}),
  };
}

const CHOICES: Partial<Record<keyof FromEventsOptions, readonly unknown[]>> = {
  unit: ["seconds", "milliseconds", "samples"],
  delimiter: [",", ";", "\t", " "],
  decimal: [".", ","],
  unnamed: ["skip", "empty"],
  missing: ["error", "skip"],
  side: splitNames,
};

/** @throws DatasetError "OPTION" for a word that an option doesn't know */
function checkChoices(options: FromEventsOptions): void {
  for (const [name, known] of Object.entries(CHOICES)) {
    const value = options[name as keyof FromEventsOptions];
    if (value === undefined || known!.includes(value)) continue;
    const words = known!.map((word) => JSON.stringify(word)).join(", ");
    throw new DatasetError("OPTION", `${name}: ${JSON.stringify(value)}, expected one of ${words}`);
  }
}

/** What tables hold: the labels of each sound, and rows whose sound isn't there. */
interface FoundEvents {
  bySound: Map<string, TimedLabel[]>;
  files: string[];
  problems: Problem[];
}

async function tableOf(
  directory: string,
  events: string,
  sounds: readonly string[],
  options: FromEventsOptions,
): Promise<FoundEvents> {
  const labels = await readEvents(directory, events, options);
  const find = soundFinder(sounds);
  const bySound = new Map<string, TimedLabel[]>();
  const problems: Problem[] = [];
  for (const label of labels) {
    if (label.file === undefined) {
      const hint = 'pass columns: { file: "…" }, or one table for each sound as a pattern such as "labels/{name}.txt"';
      throw new DatasetError("OPTION", `events ${events}: no column that names the sound; ${hint}`);
    }
    const { sound, problem } = isAddress(label.file) ? soundAt(label.file) : find(label.file);
    if (sound === undefined) {
      const message = `sound ${JSON.stringify(shownName(label.file))}: ${problem} (${events}:${label.line})`;
      problems.push({ kind: "missing", file: events, line: label.line, message });
      continue;
    }
    const list = bySound.get(sound);
    if (list) list.push(label);
    else bySound.set(sound, [label]);
  }
  return { bySound, files: [events, ...besides(events, options)], problems };
}

async function tablesOf(
  directory: string,
  pattern: string,
  sounds: readonly string[],
  options: FromEventsOptions & { folders: { inputFolder: string } },
): Promise<FoundEvents> {
  const bySound = new Map<string, TimedLabel[]>();
  const files: string[] = [];
  const problems: Problem[] = [];
  const bad: Problem[] = [];
  for (const sound of sounds) {
    const name = sound.replace(/\.[^./]+$/, "");
    const file = pattern.replaceAll("{name}", name).replaceAll("{base}", posix.basename(name));
    if (!(await statOf(join(directory, file)))?.isFile()) {
      problems.push({ kind: "missing", file, message: `table: not found, expected that of ${sound} (${file})` });
      continue;
    }
    files.push(file);
    try {
      bySound.set(sound, await readEvents(directory, file, options));
    } catch (error) {
      if (!(error instanceof DatasetError) || error.code !== "LABEL") throw error;
      bad.push(...(error.problems.length > 0 ? error.problems : [{ kind: "labels", file, message: error.message }]));
    }
  }
  if (bad.length > 0) throw problemsError("LABEL", `events ${pattern}`, bad);
  if (files.length === 0)
    throw new DatasetError("INDEX", `events ${pattern}: no table found, expected one for each sound`);
  return { bySound, files, problems };
}

async function readEvents(directory: string, file: string, options: FromEventsOptions): Promise<TimedLabel[]> {
  const path = join(directory, file);
  if (!(await statOf(path))?.isFile()) throw new DatasetError("FILE", `events ${file}: not found in ${directory}`);
  const format = options.format ?? formatOf(file);
  if (format === "kaldi") return await readKaldiFiles(directory, file, options);
  const bytes = await readWhole(path);
  if (format === "textgrid") return readTextGrid(bytes, file, options.tier);
  if (format === "cues") return readCues(bytes, file);
  const text = decodeUtf8(bytes, file);
  if (format === "jams") return readJams(text, file, options.tier);
  if (format !== undefined && !Object.hasOwn(EVENT_FORMATS, format)) {
    const known = [...Object.keys(EVENT_FORMATS), "textgrid", "jams", "cues", "kaldi"].join(", ");
    throw new DatasetError("OPTION", `format: ${JSON.stringify(format)}, expected one of ${known}`);
  }
  // Nobody marked anything in it.
  if (text.trim() === "") return [];
  const known: EventLayout = format ? EVENT_FORMATS[format] : findLayout(text, file, options.columns);
  const { unit = known.unit, delimiter = known.delimiter, sampleRate = known.sampleRate, decimal, where } = options;
  const columns = { ...known.columns, ...options.columns };
  const rate = sampleRate === undefined ? {} : { sampleRate };
  const scores = options.values === true || options.minConfidence !== undefined;
  return readEventTable(text, file, { ...known, unit, delimiter, columns, ...rate, decimal, where, scores });
}

/** Kaldi's files beside `segments` that say what is in it. */
function besides(file: string, { format = formatOf(file), tier = "utt2spk" }: FromEventsOptions): string[] {
  return format === "kaldi" ? [tier, "wav.scp"].map((name) => posix.join(posix.dirname(file), name)) : [];
}

async function readKaldiFiles(directory: string, file: string, options: FromEventsOptions): Promise<TimedLabel[]> {
  const [labels, scp] = besides(file, options) as [string, string];
  const read = async (name: string): Promise<KaldiFile | undefined> =>
    (await statOf(join(directory, name)))?.isFile()
      ? { file: name, text: decodeUtf8(await readWhole(join(directory, name)), name) }
      : undefined;
  const found = await read(labels);
  if (found) return readKaldi((await read(file))!, found, await read(scp));
  throw new DatasetError(
    "FILE",
    `${labels}: not found, expected the labels of ${file}; name another file by tier: "text"`,
  );
}

function formatOf(file: string): EventFormat | undefined {
  const [, ending = ""] = /\.([^./]+)$/.exec(file.toLowerCase()) ?? [];
  const byEnding: Record<string, EventFormat> = {
    textgrid: "textgrid",
    jams: "jams",
    wav: "cues",
    rttm: "rttm",
    ctm: "ctm",
  };
  if (posix.basename(file) === "segments") return "kaldi";
  return Object.hasOwn(byEnding, ending) ? byEnding[ending] : undefined;
}
