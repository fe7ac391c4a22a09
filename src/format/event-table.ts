import { DatasetError, type Problem, problemsError } from "../core/error.js";
import { pitchName } from "../core/pitch.js";

/** A labelled stretch of a sound, as tables of events list them. */
export interface TimedLabel {
  /** In seconds. */
  onset: number;
  /** In seconds; that of a point is its onset. */
  offset: number;
  /** Empty where the row says that a sound has nothing in it. */
  label: string;
  /** Name of the sound, where the table has several. */
  file?: string;
  /** Confidence or velocity, from 0 to 1. */
  score?: number;
  /** 1-based line of the table. */
  line: number;
}

/** What the times of a table count. */
export type EventUnit = "seconds" | "milliseconds" | "samples";

/** Columns of a table by their names; without a header they are called "1", "2" … */
export interface EventColumns {
  /** The sound's name. */
  file?: string;
  onset?: string;
  offset?: string;
  /** In the place of `offset`. */
  duration?: string;
  label?: string;
  /** A MIDI pitch in the place of `label`: 60 becomes C4. */
  pitch?: string;
  /** From 0 to 1. */
  confidence?: string;
  /** From 0 to 127. */
  velocity?: string;
}

/** How a table is laid out. */
export interface EventLayout {
  /** "," , ";" or "\t"; " " stands for any white space. */
  delimiter: string;
  header: boolean;
  columns: EventColumns;
  unit: EventUnit;
  /** Of `samples`, in Hz. */
  sampleRate?: number;
  /** Lines that begin so are no rows. */
  comment?: string;
  /** Rows that count: by the first cell. */
  first?: string;
}

const seconds = { unit: "seconds" } as const;

/** Formats of events that are known by name. */
export type EventFormat =
  | "dcase"
  | "audioset"
  | "musicnet"
  | "maps"
  | "raven"
  | "birdnet"
  | "audacity"
  | "rttm"
  | "ctm"
  | "textgrid"
  | "jams"
  | "cues";

/** Layouts that are known by name. Their headers, where they have one, are found without it too. */
export const EVENT_FORMATS = {
  dcase: {
    ...seconds,
    delimiter: "\t",
    header: true,
    columns: { file: "filename", onset: "onset", offset: "offset", label: "event_label" },
  },
  audioset: {
    ...{ ...seconds, delimiter: "\t", header: true },
    columns: { file: "segment_id", onset: "start_time_seconds", offset: "end_time_seconds", label: "label" },
  },
  musicnet: {
    ...{ delimiter: ",", header: true, unit: "samples", sampleRate: 44100 },
    columns: { onset: "start_time", offset: "end_time", pitch: "note" },
  },
  maps: {
    ...seconds,
    delimiter: " ",
    header: true,
    columns: { onset: "OnsetTime", offset: "OffsetTime", pitch: "MidiPitch" },
  },
  raven: {
    ...seconds,
    delimiter: "\t",
    header: true,
    columns: { onset: "Begin Time (s)", offset: "End Time (s)", label: "Annotation" },
  },
  birdnet: {
    ...{ ...seconds, delimiter: ",", header: true },
    columns: { onset: "Start (s)", offset: "End (s)", label: "Common name", confidence: "Confidence" },
  },
  audacity: {
    ...seconds,
    delimiter: "\t",
    header: false,
    comment: "\\",
    columns: { onset: "1", offset: "2", label: "3" },
  },
  rttm: {
    ...{ ...seconds, delimiter: " ", header: false, comment: ";", first: "SPEAKER" },
    columns: { file: "2", onset: "4", duration: "5", label: "8" },
  },
  ctm: {
    ...seconds,
    delimiter: " ",
    header: false,
    comment: ";",
    columns: { file: "1", onset: "3", duration: "4", label: "5" },
  },
} as const satisfies Record<Exclude<EventFormat, "textgrid" | "jams" | "cues">, EventLayout>;

/** What tables call their columns, in lower case with single spaces, the likelier names first. */
const NAMES: Readonly<Record<keyof EventColumns, readonly string[]>> = {
  file: [
    "filename",
    "file",
    "file name",
    "audio filename",
    "audio",
    "segment id",
    "path",
    "recording",
    "fname",
    "wav",
    "sound",
  ],
  onset: [
    "onset",
    "onset time",
    "onsettime",
    "start time seconds",
    "start time",
    "start seconds",
    "start",
    "begin time",
    "begin",
    "from",
    "t0",
  ],
  offset: [
    "offset",
    "offset time",
    "offsettime",
    "end time seconds",
    "end time",
    "end seconds",
    "end",
    "stop time",
    "stop",
    "to",
    "t1",
  ],
  duration: ["duration", "dur", "length"],
  label: [
    "event label",
    "label",
    "event",
    "class",
    "species",
    "annotation",
    "common name",
    "tag",
    "category",
    "name",
    "text",
    "word",
  ],
  pitch: ["pitch", "midi pitch", "midipitch", "midi note", "note", "midi"],
  confidence: ["confidence", "conf", "score"],
  velocity: ["velocity"],
};

const UNIT = /\s*[(_ ]?(?:in )?(s|sec|seconds|ms|milliseconds|samples)\)?$/;
const plain = (name: string): string =>
  name
    .trim()
    .toLowerCase()
    .replace(/[_\s-]+/g, " ");

/**
 * The layout of a table by its first lines: one of the known formats without a header, or whatever its header says.
 * @throws DatasetError "LABEL" where no onset is found
 */
export function findLayout(text: string, where: string, given: EventColumns = {}): EventLayout {
  const line = text.split(/\r\n|\n|\r/).find((l) => l.trim() !== "" && !/^[#;%\\]/.test(l)) ?? "";
  if (/\.rttm$/i.test(where) || /^SPEAKER\s/.test(line)) return EVENT_FORMATS.rttm;
  if (/\.ctm$/i.test(where)) return EVENT_FORMATS.ctm;
  const delimiter = ["\t", ",", ";"].find((d) => line.includes(d)) ?? " ";
  const cells = cut(line, delimiter) ?? [];
  if (delimiter === "\t" && cells.length <= 3 && cells.slice(0, 2).every((cell) => Number.isFinite(numberOf(cell)))) {
    return EVENT_FORMATS.audacity;
  }
  const columns: EventColumns = { ...given };
  let unit: EventUnit = "seconds";
  for (const [key, names] of Object.entries(NAMES) as [keyof EventColumns, readonly string[]][]) {
    if (columns[key] !== undefined) continue;
    const simple = cells.map((cell) => [plain(cell), plain(cell).replace(UNIT, "")]);
    const name = names.find((n) => simple.some((forms) => forms.includes(n)));
    const at = name === undefined ? -1 : simple.findIndex((forms) => forms.includes(name));
    if (at < 0) continue;
    columns[key] = cells[at]!;
    const counted = UNIT.exec(plain(cells[at]!))?.[1];
    if (key === "onset" && counted?.startsWith("m")) unit = "milliseconds";
    if (key === "onset" && counted === "samples") unit = "samples";
  }
  if (columns.label !== undefined && given.pitch === undefined) delete columns.pitch;
  if (columns.offset !== undefined) delete columns.duration;
  if (columns.onset === undefined || (columns.offset ?? columns.duration) === undefined) {
    const expected =
      'expected a header with an onset and an offset or a duration; pass format or columns: { onset: "…" }';
    throw new DatasetError("LABEL", `header: ${JSON.stringify(line.slice(0, 80))}, ${expected} (${where}:1)`);
  }
  const musicnet = EVENT_FORMATS.musicnet.columns;
  if (cells.includes("start_beat") && columns.onset === musicnet.onset) return { ...EVENT_FORMATS.musicnet, columns };
  return { delimiter, header: true, columns, unit };
}

/** The cells of a line; undefined where its quotes don't match. */
function cut(line: string, delimiter: string): string[] | undefined {
  if (delimiter === " ") return line.trim().split(/\s+/);
  if (!line.includes('"')) return line.split(delimiter).map((cell) => cell.trim());
  const { parse } = require("csv-parse/sync") as typeof import("csv-parse/sync");
  const options = { delimiter, trim: true, relax_quotes: true, skip_records_with_error: true } as const;
  return parse(line, options)[0] as string[] | undefined;
}

const numberOf = (cell: string): number =>
  /^\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*$/.test(cell) ? Number(cell) : Number.NaN;

/**
 * Reads a table of events by its layout.
 * @throws DatasetError "LABEL" with every bad line at once, "OPTION" for columns that the table doesn't have
 */
export function readEventTable(text: string, where: string, layout: EventLayout): TimedLabel[] {
  const { delimiter, comment, first, header, unit, sampleRate } = layout;
  const problems: Problem[] = [];
  const report = (line: number, message: string): void =>
    void problems.push({ kind: "labels", file: where, line, message: `${message} (${where}:${line})` });
  if (unit === "samples" && !(sampleRate! > 0)) {
    throw new DatasetError(
      "OPTION",
      `sampleRate: ${sampleRate}, expected that of the samples which times count (${where})`,
    );
  }
  const scale = unit === "samples" ? 1 / sampleRate! : unit === "milliseconds" ? 0.001 : 1;
  let places: Partial<Record<keyof EventColumns, number>> | undefined;
  let width = 0;
  const events: TimedLabel[] = [];
  const lines = text.replace(/^\uFEFF/, "").split(/\r\n|\n|\r/);
  for (const [i, source] of lines.entries()) {
    if (source.trim() === "" || (comment && source.startsWith(comment)) || /^[#%]/.test(source)) continue;
    const line = i + 1;
    const cells = cut(source, delimiter);
    if (!cells) {
      report(line, "quotes: they don't match, expected one at each end of a cell");
      continue;
    }
    if (!places) {
      places = placesOf(layout, header ? cells : cells.map((_, k) => String(k + 1)), where, line);
      width = cells.length;
      if (header) continue;
    }
    if (first !== undefined && cells[0] !== first) continue;
    if (header && cells.length !== width && (delimiter === " " || cells.length > width)) {
      report(line, `columns: ${cells.length}, expected ${width} as in the header`);
      continue;
    }
    const event = eventOf(cells, places, scale, (message) => report(line, message));
    if (event) events.push({ ...event, line });
  }
  if (problems.length > 0) throw problemsError("LABEL", `events ${where}`, problems);
  return events;
}

function placesOf(
  { columns }: EventLayout,
  names: readonly string[],
  where: string,
  line: number,
): Partial<Record<keyof EventColumns, number>> {
  const places: Partial<Record<keyof EventColumns, number>> = {};
  for (const [key, name] of Object.entries(columns) as [keyof EventColumns, string][]) {
    const at = names.indexOf(name);
    if (at >= 0) places[key] = at;
    else {
      const expected = `expected one of ${names.join(", ")}`;
      throw new DatasetError(
        "OPTION",
        `column ${JSON.stringify(name)} for ${key}: not found, ${expected} (${where}:${line})`,
      );
    }
  }
  return places;
}

function eventOf(
  cells: readonly string[],
  places: Partial<Record<keyof EventColumns, number>>,
  scale: number,
  report: (message: string) => void,
): Omit<TimedLabel, "line"> | undefined {
  const cell = (key: keyof EventColumns): string | undefined =>
    places[key] === undefined ? undefined : (cells[places[key]!] ?? "").trim();
  const file = cell("file");
  const named = file === undefined ? {} : { file };
  const pitch = cell("pitch");
  const text = cell("label") ?? pitch ?? "";
  const ends = cell("offset") ?? cell("duration") ?? "";
  // A sound with nothing in it: negatives matter.
  if (file !== undefined && [cell("onset") ?? "", ends, text].every((value) => value === "" || value === "NA")) {
    return { ...named, onset: 0, offset: 0, label: "" };
  }
  const number = (name: string, value = ""): number => {
    const found = numberOf(value);
    if (Number.isNaN(found)) {
      const decimal = /^\d+,\d+$/.test(value) ? "; decimals are written with a point" : "";
      report(`${name}: ${JSON.stringify(value)}, expected a number${decimal}`);
    }
    return found;
  };
  const onset = number("onset", cell("onset")) * scale;
  const second = number(places.offset === undefined ? "duration" : "offset", ends) * scale;
  const offset = places.offset === undefined ? onset + second : second;
  if (onset < 0) report(`onset: ${onset}, expected 0 or more`);
  else if (offset < onset) report(`offset: ${offset}, expected the onset, ${onset}, or more`);
  if (text === "" && (places.label !== undefined || places.pitch !== undefined))
    report("label: empty, expected a name");
  const score = scoreOf(cell("confidence"), cell("velocity"), number);
  return { ...named, onset, offset, label: pitch === undefined ? text : pitchLabel(pitch, report), ...score };
}

function scoreOf(
  confidence: string | undefined,
  velocity: string | undefined,
  number: (name: string, value: string) => number,
): { score?: number } {
  if (confidence !== undefined) return { score: number("confidence", confidence) };
  return velocity === undefined ? {} : { score: number("velocity", velocity) / 127 };
}

function pitchLabel(text: string, report: (message: string) => void): string {
  const pitch = numberOf(text);
  if (Number.isInteger(pitch) && pitch >= 0 && pitch <= 127) return pitchName(pitch);
  report(`pitch: ${JSON.stringify(text)}, expected a MIDI pitch from 0 to 127`);
  return "";
}
