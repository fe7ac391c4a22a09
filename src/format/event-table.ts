import { DatasetError, lineError, type Problem, problemsError } from "../core/error.js";
import { pitchName } from "../core/pitch.js";
import { addDecimals } from "../core/numbers.js";
import { cellNumber, notNumber } from "./csv.js";

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
  /** What decimals are written with. Default ".". */
  decimal?: "." | "," | undefined;
  /** Whether quotes may stand around a cell. Default true. */
  quote?: boolean;
  /** Takes only rows for which it is true. */
  where?: ((row: Readonly<Record<string, string>>) => boolean) | undefined;
  /** Whether confidence and velocity are read. Default true; where nothing asks for them they may be anything. */
  scores?: boolean;
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
  | "cues"
  | "kaldi";

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
    quote: false,
    comment: "\\",
    columns: { onset: "1", offset: "2", label: "3" },
  },
  rttm: {
    ...{ ...seconds, delimiter: " ", header: false, comment: ";", first: "SPEAKER" },
    columns: { file: "2", onset: "4", duration: "5", label: "8", confidence: "9" },
  },
  ctm: {
    ...seconds,
    delimiter: " ",
    header: false,
    comment: ";",
    columns: { file: "1", onset: "3", duration: "4", label: "5", confidence: "6" },
  },
} as const satisfies Record<Exclude<EventFormat, "textgrid" | "jams" | "cues" | "kaldi">, EventLayout>;

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
  const lines = text.split(/\r\n|\n|\r/);
  const first = Math.max(
    0,
    lines.findIndex((l) => l.trim() !== "" && !/^[#;%\\]/.test(l)),
  );
  const line = lines[first]!;
  if (/\.rttm$/i.test(where) || /^SPEAKER\s/.test(line)) return EVENT_FORMATS.rttm;
  if (/\.ctm$/i.test(where)) return EVENT_FORMATS.ctm;
  const delimiter = ["\t", ",", ";"].find((d) => line.includes(d)) ?? " ";
  const cells = cut(line, delimiter) ?? [];
  const named = Object.values(given).filter((name) => name !== undefined);
  if (named.length > 0 && named.every((name) => /^\d+$/.test(name)) && !named.every((name) => cells.includes(name))) {
    return { delimiter, header: false, columns: given, unit: "seconds" };
  }
  const numbers = cells.slice(0, 2).filter((cell) => cellNumber(cell.replace(/^(\d+),(\d+)$/, "$1.$2")) !== undefined);
  if (named.length === 0 && numbers.length === 2 && cells.length <= 3) {
    return { ...EVENT_FORMATS.audacity, delimiter };
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
    const message = `header: ${JSON.stringify(line.slice(0, 80))}, ${expected}`;
    throw lineError("LABEL", { kind: "labels", file: where, line: first + 1, message });
  }
  const musicnet = EVENT_FORMATS.musicnet.columns;
  if (cells.includes("start_beat") && columns.onset === musicnet.onset) return { ...EVENT_FORMATS.musicnet, columns };
  return { delimiter, header: true, columns, unit };
}

/** The cells of a line; undefined where its quotes don't match. */
function cut(line: string, delimiter: string, quote = true): string[] | undefined {
  if (delimiter === " ") return line.trim().split(/\s+/);
  if (!quote || !line.includes('"')) return line.split(delimiter).map((cell) => cell.trim());
  const { parse } = require("csv-parse/sync") as typeof import("csv-parse/sync");
  const options = { delimiter, trim: true, relax_quotes: true, skip_records_with_error: true } as const;
  return parse(line, options)[0] as string[] | undefined;
}

/**
 * Reads a table of events by its layout.
 * @throws DatasetError "LABEL" with every bad line at once, "OPTION" for columns that the table doesn't have
 */
export function readEventTable(text: string, where: string, layout: EventLayout): TimedLabel[] {
  const { delimiter, comment, first, header, unit, sampleRate, quote, where: wanted } = layout;
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
  let names: string[] = [];
  const events: TimedLabel[] = [];
  const lines = text.replace(/^\uFEFF/, "").split(/\r\n|\n|\r/);
  for (const [i, source] of lines.entries()) {
    if (source.trim() === "" || (comment && source.startsWith(comment))) continue;
    const line = i + 1;
    const cells = cut(source, delimiter, quote);
    // Below a header a line of as many cells is a row: a sound may be called so.
    if (/^[#%]/.test(source) && !(header && places && cells?.length === names.length)) continue;
    if (!cells) {
      report(line, "quotes: they don't match, expected one at each end of a cell");
      continue;
    }
    if (!places) {
      names = header ? cells : cells.map((_, k) => String(k + 1));
      places = placesOf(layout, names, where, line);
      if (header) continue;
    }
    if (first !== undefined && cells[0] !== first) continue;
    if (header && cells.length !== names.length && (delimiter === " " || cells.length > names.length)) {
      report(line, `columns: ${cells.length}, expected ${names.length} as in the header`);
      continue;
    }
    if (wanted && !wanted(Object.fromEntries(names.map((name, k) => [name, cells[k] ?? ""])))) continue;
    const event = eventOf(cells, places, { scale, decimal: layout.decimal }, (message) => report(line, message));
    if (event) events.push({ ...event, line });
  }
  if (problems.length > 0) throw problemsError("LABEL", `events ${where}`, problems);
  return events;
}

function placesOf(
  { columns, header, scores = true }: EventLayout,
  names: readonly string[],
  where: string,
  line: number,
): Partial<Record<keyof EventColumns, number>> {
  const places: Partial<Record<keyof EventColumns, number>> = {};
  for (const [key, name] of Object.entries(columns) as [keyof EventColumns, string][]) {
    const at = names.indexOf(name);
    const score = key === "confidence" || key === "velocity";
    if (score && !scores) continue;
    if (at >= 0) places[key] = at;
    // Tables without a header may leave out what stands last.
    else if (header || !score) {
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
  { scale, decimal }: { scale: number; decimal: EventLayout["decimal"] },
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
    const found = cellNumber(value, decimal);
    if (found === undefined) report(`${name}: ${notNumber(value, decimal)}`);
    return found ?? Number.NaN;
  };
  const onset = number("onset", cell("onset")) * scale;
  const second = number(places.offset === undefined ? "duration" : "offset", ends) * scale;
  const offset = places.offset === undefined ? addDecimals(onset, second) : second;
  if (onset < 0) report(`onset: ${onset}, expected 0 or more`);
  else if (offset < onset) report(`offset: ${offset}, expected the onset, ${onset}, or more`);
  const score = scoreOf(cell("confidence"), cell("velocity"), number, report);
  return { ...named, onset, offset, label: pitch === undefined ? text : pitchLabel(pitch, report), ...score };
}

/** What stands for no confidence. */
const NO_SCORE = new Set<string | undefined>([undefined, "", "NA", "<NA>"]);

function scoreOf(
  confidence: string | undefined,
  velocity: string | undefined,
  number: (name: string, value: string) => number,
  report: (message: string) => void,
): { score?: number } {
  if (!NO_SCORE.has(confidence)) return { score: number("confidence", confidence!) };
  if (NO_SCORE.has(velocity)) return {};
  const value = number("velocity", velocity!);
  if (value < 0 || value > 127) report(`velocity: ${value}, expected 0 to 127`);
  return { score: value / 127 };
}

function pitchLabel(text: string, report: (message: string) => void): string {
  const pitch = cellNumber(text);
  if (pitch !== undefined && Number.isInteger(pitch) && pitch >= 0 && pitch <= 127) return pitchName(pitch);
  report(`pitch: ${JSON.stringify(text)}, expected a MIDI pitch from 0 to 127`);
  return "";
}
