import type { Problem } from "./error.js";
import { plainName } from "./names.js";

/**
 * What the target of a dataset is: `pairs` another audio file, `classes` one weight per class,
 * `values` any numbers (regression), `frames` labels with time stamps.
 */
export type Kind = "pairs" | "classes" | "values" | "frames";

/** A stretch of a label: onset and offset in seconds, number of the label, value. */
export type RowEvent = readonly [onset: number, offset: number, label: number, value: number];

/** The order of a row's events: by onset, label and offset. */
export const byOnset = (a: RowEvent, b: RowEvent): number => a[0] - b[0] || a[2] - b[2] || a[1] - b[1];

/** One example of a dataset, as its index csv lists it. */
export interface Row {
  /** Number of the example, from 0 in the order of the csv. */
  id: number;
  /** 1-based line of the index csv. */
  line: number;
  /** Audio file, relative to the index's `inputFolder` (`D/in`), or its address (`s3://…`, `https://…`). */
  input: string;
  /** Kind pairs: audio file, relative to the index's `targetFolder` (`D/out`), or its address. */
  target?: string;
  /** Kinds classes and values: one number per label. */
  values?: readonly number[];
  /** Kind frames: key csv or `.mid`, relative to D. */
  keys?: string;
  /** Kind frames, in the place of `keys`: stretches of labels, by their onset: onset and offset in seconds, number of the label, value. */
  events?: readonly RowEvent[];
  /** Where the example begins in its files, in seconds, where it is a part of longer ones. Default 0. */
  start?: number;
  /** Where it ends, in seconds. Default: with the file. */
  end?: number;
  /** Examples of one group are never in two splits: a speaker, a song, an original recording. */
  group?: string;
  /** The split into which the dataset's publisher put the example. */
  split?: "train" | "validate" | "test";
  /** In plans: what input and target were, where these are at addresses. */
  seen?: { input?: SeenFile; target?: SeenFile };
}

/** What a file at an address is. */
export interface SeenFile {
  bytes: number;
  /** Another one once the file was replaced (ETag, or the time of its last change); "" where the server gives none. */
  version: string;
}

/** The rows of a dataset and what its columns are called. */
export interface DatasetIndex {
  kind: Kind;
  /** The csv the rows come from, relative to D; `file names` where file names alone define the rows. */
  file: string;
  /** Other files that decide the rows, relative to D, whether they are there or not: metadata, lists of splits. */
  besides?: readonly string[];
  /** Where file names define the rows: the folders they were looked for in, relative to D. */
  folders?: readonly string[];
  rows: readonly Row[];
  /** Names of the label columns, where the csv has a header. */
  labels?: readonly string[];
  /** Folder of the inputs relative to D: `in` where D has it, else D itself (`""`). Default `in`. */
  inputFolder?: string;
  /** Folder of the targets relative to D: `out` where D has it, else that of the inputs. Default `out`. */
  targetFolder?: string;
  /** What is worth knowing of how the rows were read; a check's report has it among its warnings. */
  warnings?: readonly Problem[];
}

/** An index whose rows are still being found. */
export interface GrowingIndex extends DatasetIndex {
  rows: Row[];
}

/** What of a row says which sound it is. */
type SoundOf = Pick<Row, "input" | "target" | "start" | "end">;

/** The same for two rows of the same parts of the same files, however these are spelled. */
export function rowKey({ input, target, start, end }: SoundOf): string {
  return rowName({ input: plainName(input), start, end }) + (target === undefined ? "" : `\0${plainName(target)}`);
}

/** Where a row begins and ends in its files. */
type PartOf = { [K in "start" | "end"]?: number | undefined };

/** Whether a row is a part of its files, not the whole. */
export const isPart = ({ start, end }: PartOf): boolean => start !== undefined || end !== undefined;

/** What an example is called: its input, with the seconds of the part that it is (`talk.wav#t=1.5,3`, as URLs of media have them). */
export function rowName({ input, start, end }: Pick<Row, "input"> & PartOf): string {
  return isPart({ start, end }) ? `${input}#t=${start ?? 0}${end === undefined ? "" : `,${end}`}` : input;
}

/** A line of each kind's index. */
export const EXAMPLE: Record<Kind, string> = {
  pairs: "`input.wav,target.wav`",
  classes: "`file.wav,0,1,0`",
  values: "`file.wav,0.5,-1.2`",
  frames: "`song.wav,song_key.csv`",
};

/** The class for each kind. */
export const CLASS: Record<Kind, string> = {
  pairs: "AudioDataset",
  classes: "SimpleAudioClassificationDataset",
  values: "RegressionDataset",
  frames: "AudioClassificationDataset",
};
