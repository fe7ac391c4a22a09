import { DatasetError } from "../core/error.js";
import { addDecimals } from "../core/numbers.js";
import { checkKnown, type OptionNames } from "../core/known-options.js";
import { formatCsv } from "./csv.js";
import { pitchOf } from "../core/pitch.js";

/** A labelled stretch to write; what a pipeline predicts for kind frames has this form. */
export interface WrittenEvent {
  /** In seconds. */
  onset: number;
  /** In seconds. */
  offset: number;
  label: string;
  /** Confidence, from 0 to 1. */
  score?: number;
}

/** Options of `formatEvents`. */
export interface FormatEventsOptions {
  /** Name of the sound; needed for "dcase" and "rttm". */
  file?: string;
  /** Length of the sound in seconds; needed for "textgrid" and "jams". */
  duration?: number;
}

const OPTIONS: OptionNames<FormatEventsOptions> = { file: true, duration: true };

const FORMATS = { audacity, dcase, rttm, textgrid, jams };

/**
 * Events as the text of a file that other programs read, and `fromEvents` too: a label track of Audacity's, DCASE's tsv,
 * RTTM, Praat's TextGrid (a tier for each label) or JAMS.
 *
 * @throws DatasetError "OPTION" where an option is missing, or the format has no word for what is in the events
 * @example
 * const events = [{ onset: 0.5, offset: 1, label: "dog" }];
 * writeFileSync("song.txt", formatEvents(events, "audacity"));
 */
export function formatEvents(
  events: readonly WrittenEvent[],
  format: keyof typeof FORMATS,
  options: FormatEventsOptions = {},
): string {
  checkKnown("formatEvents", options, OPTIONS);
  const write = Object.hasOwn(FORMATS, format) ? FORMATS[format] : undefined;
  if (!write) {
    const known = Object.keys(FORMATS).join(", ");
    throw new DatasetError("OPTION", `format: ${JSON.stringify(format)}, expected one of ${known}`);
  }
  checkEvents(events);
  return write(
    [...events].sort((a, b) => a.onset - b.onset),
    options,
  );
}

/** @throws DatasetError "OPTION" for events that no file of labels can say */
export function checkEvents(events: readonly WrittenEvent[]): void {
  for (const { onset, offset, label, score = 1 } of events) {
    const timed = onset >= 0 && offset >= onset && offset < Infinity;
    const named = typeof label === "string" && label !== "" && label === label.trim() && !/[\t\r\n\0]/.test(label);
    if (timed && named && Number.isFinite(score)) continue;
    const expected = "onset ≤ offset in seconds, and a label in one line without spaces at its ends";
    throw new DatasetError("OPTION", `event ${JSON.stringify({ onset, offset, label, score })}: expected ${expected}`);
  }
}

/** The duration that, added to the onset as a reader does, gives the offset back to the last bit. */
function durationOf({ onset, offset }: WrittenEvent): number {
  const meant = addDecimals(offset, -onset);
  const step = meant * 2 ** -52;
  const near = [meant, meant + step, meant - step, meant + step / 2, meant - step / 2];
  return near.find((duration) => addDecimals(onset, duration) === offset) ?? meant;
}

function needed<K extends keyof FormatEventsOptions>(
  options: FormatEventsOptions,
  name: K,
  format: string,
): NonNullable<FormatEventsOptions[K]> {
  const value = options[name];
  if (value !== undefined && value !== "") return value as NonNullable<FormatEventsOptions[K]>;
  throw new DatasetError("OPTION", `${name}: missing, expected it for ${format}`);
}

const lines = (all: readonly string[]): string => all.map((line) => `${line}\n`).join("");

function audacity(events: readonly WrittenEvent[]): string {
  return lines(events.map(({ onset, offset, label }) => [String(onset), String(offset), label].join("\t")));
}

function dcase(events: readonly WrittenEvent[], options: FormatEventsOptions): string {
  const file = needed(options, "file", "dcase");
  const rows = events.map(({ onset, offset, label }) => [file, onset, offset, label]);
  // A sound with nothing in it has a row that says so.
  return formatCsv(
    [["filename", "onset", "offset", "event_label"], ...(rows.length > 0 ? rows : [[file, "", "", ""]])],
    "\t",
  );
}

function rttm(events: readonly WrittenEvent[], options: FormatEventsOptions): string {
  const file = needed(options, "file", "rttm");
  const spaced = [file, ...events.map(({ label }) => label)].find((text) => /\s/.test(text));
  if (spaced !== undefined) {
    throw new DatasetError(
      "OPTION",
      `name ${JSON.stringify(spaced)}: has a space, expected none, which RTTM separates by`,
    );
  }
  return lines(
    events.map((event) => {
      const { onset, label, score = "<NA>" } = event;
      return `SPEAKER ${file} 1 ${onset} ${durationOf(event)} <NA> <NA> ${label} ${score} <NA>`;
    }),
  );
}

/** Text in Praat's quotes. */
const quoted = (text: string): string => `"${text.replaceAll('"', '""')}"`;

function textgrid(events: readonly WrittenEvent[], options: FormatEventsOptions): string {
  const end = needed(options, "duration", "textgrid");
  const late = events.find(({ offset }) => offset > end);
  if (late)
    throw new DatasetError("OPTION", `duration: ${end} s, expected at least ${late.offset} s, the end of an event`);
  const names = [...new Set(events.map(({ label }) => label))].sort((a, b) => (a < b ? -1 : 1));
  const tiers = names.flatMap((name) => {
    const own = events.filter(({ label }) => label === name);
    const points = own.filter(({ onset, offset }) => onset === offset);
    const stretches = own.filter(({ onset, offset }) => onset < offset);
    return [
      ...(stretches.length > 0 ? [["IntervalTier", name, intervals(stretches, name, end)] as const] : []),
      ...(points.length > 0
        ? [["TextTier", name, points.map(({ onset }) => `${onset}\n${quoted(name)}`)] as const]
        : []),
    ];
  });
  const head = ['File type = "ooTextFile"', 'Object class = "TextGrid"', "", "0", String(end)];
  if (tiers.length === 0) return lines([...head, "<absent>"]);
  const body = tiers.flatMap(([kind, name, rows]) => [
    quoted(kind),
    quoted(name),
    "0",
    String(end),
    String(rows.length),
    ...rows,
  ]);
  return lines([...head, "<exists>", String(tiers.length), ...body]);
}

/** The intervals of a tier, which cover all of its time. */
function intervals(events: readonly WrittenEvent[], name: string, end: number): string[] {
  const rows: string[] = [];
  let at = 0;
  for (const { onset, offset } of events) {
    if (onset < at) {
      throw new DatasetError(
        "OPTION",
        `label "${name}" at ${onset} s: overlaps the one before, expected none; TextGrid has no word for it`,
      );
    }
    if (onset > at) rows.push(`${at}\n${onset}\n""`);
    rows.push(`${onset}\n${offset}\n${quoted(name)}`);
    at = offset;
  }
  if (at < end) rows.push(`${at}\n${end}\n""`);
  return rows;
}

function jams(events: readonly WrittenEvent[], options: FormatEventsOptions): string {
  const duration = needed(options, "duration", "jams");
  const pitches = events.map(({ label }) => pitchOf(label));
  const notes = events.length > 0 && pitches.every((pitch) => pitch !== undefined);
  const data = events.map((event, i) => ({
    time: event.onset,
    duration: durationOf(event),
    value: notes ? pitches[i] : event.label,
    confidence: event.score ?? null,
  }));
  const annotation = {
    annotation_metadata: {},
    namespace: notes ? "note_midi" : "tag_open",
    data,
    sandbox: {},
    time: 0,
    duration,
  };
  const file_metadata = {
    identifiers: {},
    jams_version: "0.3.4",
    title: options.file ?? "",
    artist: "",
    release: "",
    duration,
  };
  return `${JSON.stringify({ annotations: [annotation], file_metadata, sandbox: {} }, null, 1)}\n`;
}
