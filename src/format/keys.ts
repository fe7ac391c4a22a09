import { DatasetError, lineReporter, type Problem, problemsError, type ReportLine } from "../core/error.js";
import { cellNumber, csvLines, notNumber, separatorHint } from "./csv.js";
import { EventBuilder, type LabelEvents, UNTIL_END } from "./events.js";

export { type DenseOptions, denseLabels, eventsOf, type LabelEvents, UNTIL_END } from "./events.js";

/** What the first column of a key csv counts. */
export type TimeUnit = "frames" | "seconds" | "milliseconds" | "samples";

/** All of them. */
export const TIME_UNITS: readonly TimeUnit[] = ["frames", "seconds", "milliseconds", "samples"];

/** Options of `parseKeys`. */
export interface KeyOptions {
  /** What the time stamps count. Default "frames": 0, 1, 2 … */
  timeUnit?: TimeUnit | undefined;
  /** Of the audio, in Hz; needed for seconds and milliseconds. */
  sampleRate?: number;
  /** Length of the audio in samples per channel; with it time stamps after its end are reported. */
  samples?: number | undefined;
  /** Samples per frame; with it and `samples` the number of rows is compared with the number of frames. */
  inputSize?: number | undefined;
}

/** The labels of a key csv. */
export interface KeyLabels {
  events: LabelEvents;
  /** Names of the features, from the header. */
  labels: string[];
  /** Number of rows below the header. */
  rows: number;
  /** The time stamps are 0, 1, 2 …: a row for each frame. */
  perFrame?: boolean;
  /** Time stamp of the last row, where they count frames. */
  last?: number;
  /** What is odd but possible, as problems of a kind that is a warning. */
  warnings?: Problem[];
  /** What the events' times count: seconds and milliseconds have become samples. */
  timeUnit: "frames" | "samples";
}

/**
 * Reads a key csv: a header `TIME STAMP,FEATURE 1,…,FEATURE N`, then rows of a time stamp and N values. A row holds until
 * the next row's time stamp, the last one to the end of the audio (`UNTIL_END`).
 *
 * @param where name of the file, for messages
 * @throws DatasetError "LABEL" with every bad line at once; "OPTION" for seconds or milliseconds without a sample rate
 * @example parseKeys("TIME STAMP,C4\n0,0\n3,1\n5,0\n", "song_key.csv").events // on [3], off [5], feature [0], value [1]
 */
export function parseKeys(text: string, where: string, options: KeyOptions = {}): KeyLabels {
  const unit = options.timeUnit ?? "frames";
  if (isTimed(unit) && !options.sampleRate) {
    throw new DatasetError(
      "OPTION",
      `sampleRate ${options.sampleRate}: expected the audio's, to turn ${unit} into samples (${where})`,
    );
  }
  const problems: Problem[] = [];
  const report = lineReporter(where, problems);
  const times = timeChecker(unit, options);
  const builder = new EventBuilder();
  let labels: string[] | undefined;
  let cells = new Float64Array(0);
  let rows = 0;
  const last = eachLine(text, report, (source, start, to, line) => {
    if (labels === undefined) {
      labels = readHeader(source.slice(start, to), line, report);
      cells = new Float64Array(labels.length + 1);
      // Without features no row can be right: one message says it.
      return labels.length > 0;
    }
    if (readNumbers(source, start, to, cells) !== cells.length) {
      explain(source.slice(start, to), cells.length, line, report);
      return true;
    }
    rows++;
    const { time, problem } = times.check(cells[0] as number);
    if (problem === undefined) builder.row(time, cells);
    else report(line, "time", `time stamp ${cells[0]}: ${problem}`);
    return true;
  });
  if (labels === undefined) report(1, "header", "file: empty, expected a header such as `TIME STAMP,FEATURE 1`");
  else if (rows === 0 && problems.length === 0) report(last, "rows", "rows: none, expected at least one");
  const inFrames = unit === "frames";
  const perFrame = inFrames && rows > 1 && times.dense();
  const { samples, inputSize } = options;
  const short = perFrame && samples !== undefined && inputSize ? missingRows(rows, samples, inputSize) : undefined;
  if (short !== undefined && problems.length === 0) report(last, "rows", short);
  if (problems.length > 0) throw problemsError("LABEL", `keys ${where}`, problems);
  const events = builder.finish(UNTIL_END);
  const read = { events, labels: labels ?? [], rows, perFrame };
  return inFrames ? { ...read, last: times.last(), timeUnit: "frames" } : { ...read, timeUnit: "samples" };
}

/**
 * Visits the lines of a csv that aren't blank, until the visitor returns false; returns the number of the last line.
 * Blank lines at the end of the file are nobody's mistake; one between two rows may be a lost row.
 */
function eachLine(
  text: string,
  report: ReportLine,
  visit: (source: string, start: number, to: number, line: number) => boolean,
): number {
  const marked = text.charCodeAt(0) === 0xfeff ? text.slice(1) : text;
  const source = marked.includes("\n") ? marked : marked.replaceAll("\r", "\n");
  let line = 0;
  let blank = 0;
  for (let from = 0; from < source.length; ) {
    const next = source.indexOf("\n", from);
    const stop = next < 0 ? source.length : next;
    const to = source.charCodeAt(stop - 1) === 13 && stop > from ? stop - 1 : stop;
    const start = from;
    from = stop + 1;
    line++;
    // A row begins with a digit; only what doesn't needs a closer look.
    if (!(source.charCodeAt(start) > 32 && to > start) && source.slice(start, to).trim() === "") {
      blank ||= line;
      continue;
    }
    if (blank > 0) report(blank, "blank", "line: blank, expected a row; delete it");
    blank = 0;
    if (!visit(source, start, to, line)) break;
  }
  return line;
}

/** Checks time stamps row by row: each must be later than the one before and lie in the audio. */
function timeChecker(
  unit: TimeUnit,
  { sampleRate, samples, inputSize }: KeyOptions,
): { check(raw: number): { time: number; problem?: string }; dense(): boolean; last(): number } {
  const scale = unitLength(unit, sampleRate);
  const end = lastTime(unit, samples, inputSize);
  let previous = -1;
  let dense = true;
  const problemOf = (raw: number, time: number): string | undefined => {
    if (!isTimed(unit) && time !== raw) {
      return `not a whole number of ${unit}; pass timeUnit: "seconds" if that is what it counts`;
    }
    if (raw < 0) return "negative, expected 0 or more";
    if (time <= previous) {
      const what = time === previous ? "repeats the row before" : "goes back";
      return `${what}, expected more than ${previous / scale}`;
    }
    return time <= end ? undefined : afterTheEnd(unit, end / scale);
  };
  return {
    check: (raw) => {
      const time = Math.round(raw * scale);
      const problem = problemOf(raw, time);
      if (problem !== undefined) return { time, problem };
      dense &&= time === previous + 1;
      previous = time;
      return { time };
    },
    dense: () => dense,
    last: () => previous,
  };
}

/** What is wrong with the number of rows, where each frame of `inputSize` samples has one. */
export function missingRows(rows: number, samples: number, inputSize: number): string | undefined {
  const frames = Math.ceil(samples / inputSize);
  if (rows >= frames) return undefined;
  const hint =
    'a label that holds to the end needs a row for the last frame; pass timeUnit: "seconds" if that is what it counts';
  return `rows: ${rows}, expected ${frames}, one per frame of ${inputSize} samples; ${hint}`;
}

/** What is wrong with the last row's time stamp, where frames of `inputSize` samples are counted. */
export function lateRow(time: number, samples: number, inputSize: number): string | undefined {
  const end = lastTime("frames", samples, inputSize);
  return time <= end ? undefined : `time stamp ${time}: ${afterTheEnd("frames", end)}`;
}

function afterTheEnd(unit: TimeUnit, end: number): string {
  const hint =
    unit === "frames" ? '; pass timeUnit: "milliseconds", "samples" or "seconds" if that is what it counts' : "";
  return `after the end of the audio at ${end} ${unit}${hint}`;
}

/** Whether a unit is one of time, which becomes samples. */
export const isTimed = (unit: TimeUnit): boolean => unit === "seconds" || unit === "milliseconds";

/** Samples per unit of time; 1 where frames or samples are counted. */
export function unitLength(unit: TimeUnit, sampleRate: number | undefined): number {
  if (!isTimed(unit)) return 1;
  return unit === "seconds" ? sampleRate! : sampleRate! / 1000;
}

/** The last time stamp that still lies in the audio: its end counts, since the original adds a whole row of padding there. */
function lastTime(unit: TimeUnit, samples: number | undefined, inputSize: number | undefined): number {
  if (samples === undefined) return Infinity;
  if (unit !== "frames") return samples;
  return inputSize ? Math.floor(samples / inputSize) : Infinity;
}

/** What tables of onsets, offsets and pitches call the ends of their events. */
const END_OF_EVENT =
  /^(offset|duration|(offset|end)[ _]?time|(time|t)[ _](end|stop|offset|off))([ _]?(in[ _])?\(?(s|sec|seconds|ms|samples)\)?)?$/i;

/** Names that say so of a first column, and of another beside such a one: alone, "stop" may well be a label. */
const START_OF_EVENT = /^(onset|start|begin)s?\b|^(start|begin|onset)_|^(time|t)[ _](onset|start|begin|on)\b|^t0$/i;
const STOP = /^((end|stop|finish)s?|t1)([ _]?(in[ _])?\(?(s|sec|seconds|ms|samples)\)?)?$/i;

function readHeader(source: string, line: number, report: ReportLine): string[] {
  const { cells: names = [], broken } = csvLines(source)[0] ?? {};
  if (broken !== undefined) {
    report(line, "header", `header: ${broken}`);
    return names;
  }
  if (names.every((name) => cellNumber(name) !== undefined)) {
    report(
      line,
      "header",
      "header: numbers, expected names such as `TIME STAMP,FEATURE 1`; without a header the first row would be lost",
    );
  } else if (names.length < 2) {
    const hint = separatorHint(names, [";", "\t"]);
    report(line, "header", `header: ${names.length} column, expected a time stamp and at least one feature${hint}`);
  }
  const labels = names.slice(1);
  const starts = START_OF_EVENT.test(names[0] ?? "");
  const end = labels.find((label) => END_OF_EVENT.test(label) || (starts && STOP.test(label)));
  if (end !== undefined) {
    const hint = "write a row wherever a value changes, or the notes as MIDI by `writeNotes`";
    report(line, "header", `feature "${end}": a table of events, expected a column per label; ${hint}`);
  }
  labels.forEach((label, i) => {
    if (labels.indexOf(label) !== i) report(line, "header", `feature name "${label}": appears twice, expected once`);
  });
  return labels;
}

const POWERS = Array.from({ length: 23 }, (_, i) => 10 ** i);

/**
 * Reads the comma-separated numbers of `text` from `start` to `end` into `into`; returns how many, or -1 when a cell is no
 * number or there are too many. Up to 15 digits and 22 decimals the quotient of two exact doubles is the correctly rounded
 * value; other notations go through Number.
 */
function readNumbers(text: string, start: number, end: number, into: Float64Array): number {
  let count = 0;
  let at = start;
  while (at <= end) {
    if (count === into.length) return -1;
    let mantissa = 0;
    let digits = 0;
    let decimals = -1;
    let cursor = at;
    const negative = text.charCodeAt(cursor) === 45;
    if (negative) cursor++;
    let code = 0;
    for (; cursor < end; cursor++) {
      code = text.charCodeAt(cursor);
      if (code >= 48 && code <= 57) {
        mantissa = mantissa * 10 + code - 48;
        digits++;
        if (decimals >= 0) decimals++;
      } else if (code === 46 && decimals < 0) decimals = 0;
      else break;
    }
    if ((cursor === end || code === 44) && digits > 0 && digits <= 15) {
      const value = decimals > 0 ? mantissa / (POWERS[decimals] as number) : mantissa;
      into[count++] = negative ? -value : value;
      at = cursor + 1;
    } else {
      const comma = text.indexOf(",", at);
      const stop = comma < 0 || comma > end ? end : comma;
      const value = cellNumber(unquote(text.slice(at, stop)));
      if (value === undefined) return -1;
      into[count++] = value;
      at = stop + 1;
    }
  }
  return count;
}

const unquote = (cell: string): string =>
  cell
    .trim()
    .replace(/^"(.*)"$/, "$1")
    .trim();

/** Says which cell of a bad row is wrong. */
function explain(source: string, columns: number, line: number, report: ReportLine): void {
  const cells = source.split(",").map(unquote);
  if (cells.length !== columns) {
    report(line, "columns", `columns: ${cells.length}, expected ${columns} as in the header`);
    return;
  }
  const bad = cells.findIndex((cell) => cellNumber(cell) === undefined);
  report(line, "number", `column ${bad + 1}: ${notNumber(cells[bad])}`);
}
