import { pitchName } from "../core/pitch.js";
import type { RowEvent } from "../core/rows.js";
import { DatasetError, type Problem, problemsError } from "../core/error.js";
import { checkKnown, type OptionNames, optionsOf } from "../core/known-options.js";
import { notUtf8 } from "./csv.js";
import { checkTimeUnit, type LabelEvents } from "./events.js";
import { type KeyLabels, type KeyOptions, parseKeys, TIME_UNITS } from "./keys.js";
import { MIDI_OPTIONS, type MidiNotes, type MidiOptions, type Note, readMidi } from "./midi.js";
import { writeNotes } from "./write-midi.js";

/** What a feature says of a note: that it sounds, begins or ends in a frame. */
export type NoteTarget = "frames" | "onsets" | "offsets";

/** Options of `readLabels`: those of key csvs and of MIDI files. */
export interface LabelOptions extends KeyOptions, MidiOptions {
  /** Lowest and highest pitch that get a feature (MIDI). Default [21, 108], a piano's keys; `findPitches` finds a set's own. */
  pitches?: readonly [number, number] | undefined;
  /** Features of each pitch, one block after the other (MIDI). Default ["frames"]. */
  targets?: readonly NoteTarget[] | undefined;
  /** Values are velocity / 127 instead of 1 (MIDI). Default false. */
  velocity?: boolean | undefined;
}

/** A piano's keys. */
export const PIANO: readonly [number, number] = [21, 108];

const TARGETS: readonly NoteTarget[] = ["frames", "onsets", "offsets"];

/** @throws DatasetError "OPTION" for options that make no sense, whatever the files are */
export function checkLabelOptions({ timeUnit, pitches = PIANO, targets = ["frames"] }: LabelOptions): void {
  checkTimeUnit(timeUnit, TIME_UNITS);
  const [low, high] = pitches;
  if (!(Number.isInteger(low) && Number.isInteger(high) && low >= 0 && high <= 127 && low <= high)) {
    throw new DatasetError("OPTION", `pitches: ${low} to ${high}, expected two MIDI numbers from 0 to 127 in order`);
  }
  const known =
    targets.length > 0 && targets.every((target, i) => TARGETS.includes(target) && targets.indexOf(target) === i);
  if (!known) {
    throw new DatasetError(
      "OPTION",
      `targets: ${JSON.stringify(targets)}, expected some of ${TARGETS.join(", ")}, each once`,
    );
  }
}

/** Whether a key file is a MIDI file, by its name. */
export function isMidi(file: string): boolean {
  return /\.(mid|midi|rmi|kar)$/i.test(file);
}

/** What the stored events of a key file count: MIDI, seconds and milliseconds become samples. */
export function storedTimeUnit(file: string, timeUnit: KeyOptions["timeUnit"] = "frames"): "frames" | "samples" {
  return isMidi(file) || timeUnit !== "frames" ? "samples" : "frames";
}

/**
 * The labels of one audio file, from its key csv or MIDI file.
 *
 * MIDI: one feature per pitch of `pitches`, named `C4` (60) and so on; times in samples.
 * @throws DatasetError "LABEL" or "FORMAT" with every bad line or note at once; "OPTION" for MIDI without a sample rate
 */
export function readLabels(bytes: Uint8Array, where: string, options: LabelOptions = {}): KeyLabels {
  checkLabelOptions(options);
  if (isMidi(where))
    return labelsOfMidi(readMidi(bytes, where, optionsOf<MidiOptions>(options, MIDI_OPTIONS)), where, options);
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw notUtf8("LABEL", bytes, where, cause);
  }
  return parseKeys(text, where, options);
}

/** The labels of a MIDI file's notes, with a warning where some were left out or never ended. */
function labelsOfMidi({ notes, hanging, leftOut }: MidiNotes, where: string, options: LabelOptions): KeyLabels {
  const labels = midiLabels(notes, where, options);
  const warnings: Problem[] = [];
  const warn = (kind: string, message: string): void =>
    void warnings.push({ kind, file: where, message: `${message} (${where})` });
  if (notes.length === 0) {
    const why = leftOut > 0 ? `; all ${leftOut} are percussion (channel 10): pass percussion: true to keep them` : "";
    warn("no notes", `notes: none, expected at least one: every label is 0${why}`);
  }
  if (hanging > 0)
    warn("hanging", `notes never ended: ${hanging}, expected none; they are held to the end of the file`);
  return { ...labels, warnings };
}

/** Names of the features that MIDI labels have. */
export function noteLabels(options: Pick<LabelOptions, "pitches" | "targets"> = {}): string[] {
  const [low, high] = options.pitches ?? PIANO;
  const names = Array.from({ length: high - low + 1 }, (_, i) => pitchName(low + i));
  const suffix = { frames: "", onsets: " on", offsets: " off" };
  return (options.targets ?? ["frames"]).flatMap((target) => names.map((name) => name + suffix[target]));
}

/** The frame labels of notes; see `readLabels`. */
export function midiLabels(notes: readonly Note[], where: string, options: LabelOptions = {}): KeyLabels {
  const { sampleRate, samples, velocity = false, targets = ["frames"] } = options;
  if (!sampleRate) {
    throw new DatasetError(
      "OPTION",
      `sampleRate ${sampleRate}: expected the audio's, to turn seconds into samples (${where})`,
    );
  }
  const [low, high] = options.pitches ?? PIANO;
  const problems: Problem[] = [];
  const report = (kind: string, message: string): void =>
    void problems.push({ kind, file: where, message: `${message} (${where})` });
  const outside = notes.filter(({ pitch }) => pitch < low || pitch > high);
  if (outside.length > 0) {
    const least = outside.reduce((found, { pitch }) => Math.min(found, pitch), low);
    const most = outside.reduce((found, { pitch }) => Math.max(found, pitch), high);
    const wider = `pitches: [${least}, ${most}]`;
    report("pitch", `notes outside ${low} to ${high}: ${outside.length}, expected none; pass \`${wider}\` or more`);
  }
  const late = samples === undefined ? undefined : notes.find(({ onset }) => Math.round(onset * sampleRate) > samples);
  if (late) {
    const end = ((samples as number) / sampleRate).toFixed(3);
    report(
      "time",
      `note ${pitchName(late.pitch)} at ${late.onset.toFixed(3)} s: after the end of the audio at ${end} s`,
    );
  }
  if (problems.length > 0) throw problemsError("LABEL", `keys ${where}`, problems);
  const rows: RowEvent[] = [];
  for (const note of notes) {
    const on = Math.round(note.onset * sampleRate);
    const off = Math.max(on + 1, Math.round(note.offset * sampleRate));
    const value = velocity ? note.velocity / 127 : 1;
    targets.forEach((target, block) => {
      const feature = block * (high - low + 1) + note.pitch - low;
      if (target === "frames") rows.push([on, off, feature, value]);
      else if (target === "onsets") rows.push([on, on + 1, feature, value]);
      else rows.push([off, off + 1, feature, value]);
    });
  }
  return { events: sortedEvents(rows), labels: noteLabels(options), rows: notes.length, timeUnit: "samples" };
}

/** Options of `labelsToMidi`. */
export interface ToMidiOptions {
  /** What the events' times count. */
  timeUnit: "frames" | "samples";
  sampleRate: number;
  /** Samples per frame; needed for frames. */
  inputSize?: number;
  /** Pitch of feature 0. Default 21, a piano's lowest key. */
  lowest?: number;
  /** Velocity of every note. Default: value × 127. */
  velocity?: number;
  /** Length of the audio in samples: where notes end that hold to its end. */
  samples?: number;
  /** General MIDI program, 0 to 127. Default 0, a piano. */
  program?: number;
}

const TO_MIDI: OptionNames<ToMidiOptions> = {
  ...{ timeUnit: true, sampleRate: true, inputSize: true, lowest: true, velocity: true, samples: true, program: true },
};

/**
 * A MIDI file of frame labels or predictions (`eventsOf` makes events of a matrix).
 * @example writeFileSync("song.mid", labelsToMidi(eventsOf(prediction, 88, 0.5), { timeUnit: "frames", inputSize: 256, sampleRate: 16000 }))
 */
export function labelsToMidi(events: LabelEvents, options: ToMidiOptions): Uint8Array {
  checkKnown("labelsToMidi", options, TO_MIDI);
  checkTimeUnit(options.timeUnit);
  const { timeUnit, sampleRate, inputSize, lowest = PIANO[0], samples = Infinity } = options;
  if (timeUnit === "frames" && !inputSize)
    throw new DatasetError("OPTION", `inputSize ${inputSize}: expected samples per frame`);
  const scale = (timeUnit === "frames" ? (inputSize as number) : 1) / sampleRate;
  const notes = Array.from(events.on, (on, i) => {
    const pitch = lowest + (events.feature[i] as number);
    if (pitch < 0 || pitch > 127)
      throw new DatasetError("OPTION", `pitch ${pitch}: expected 0 to 127; check \`lowest\``);
    const off = Math.min(events.off[i] as number, Math.max(samples / (scale * sampleRate), on + 1));
    if (off >= Number.MAX_SAFE_INTEGER) {
      throw new DatasetError("OPTION", "samples: missing, expected the audio's length: a note holds to its end");
    }
    const velocity = options.velocity ?? (events.value[i] as number) * 127;
    return { pitch, velocity, onset: on * scale, offset: off * scale };
  });
  return writeNotes(notes, options.program === undefined ? {} : { program: options.program });
}

/** The frame labels of a row's events, whose times become samples; each is at least a sample long. */
export function eventLabels(events: readonly RowEvent[], sampleRate: number, labels: readonly string[]): KeyLabels {
  const rows = events.map(([onset, offset, feature, value]): RowEvent => {
    const on = Math.round(onset * sampleRate);
    return [on, Math.max(on + 1, Math.round(offset * sampleRate)), feature, value];
  });
  return { events: sortedEvents(rows), labels: [...labels], rows: rows.length, timeUnit: "samples" };
}

/** Events by onset, then feature; sorts `rows`, whose times are in samples. */
function sortedEvents(rows: RowEvent[]): LabelEvents {
  rows.sort((a, b) => a[0] - b[0] || a[2] - b[2]);
  return {
    on: rows.map((row) => row[0]),
    off: rows.map((row) => row[1]),
    feature: rows.map((row) => row[2]),
    value: rows.map((row) => Math.fround(row[3])),
  };
}
