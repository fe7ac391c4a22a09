import { type Problem, problemsError } from "../core/error.js";
import { cellNumber, notNumber } from "./csv.js";
import type { TimedLabel } from "./event-table.js";

/** A file of Kaldi's: its name for messages, and its text. */
export interface KaldiFile {
  file: string;
  text: string;
}

/**
 * Reads Kaldi's `segments` (utterance, recording, start, end) with the label of each utterance from `utt2spk`, `text` or
 * another file of such lines. `wav.scp` says which sound a recording is; without it the recording is the sound's name.
 * @throws DatasetError "LABEL" with every bad line at once
 */
export function readKaldi(segments: KaldiFile, labels: KaldiFile, scp: KaldiFile | undefined): TimedLabel[] {
  const problems: Problem[] = [];
  const report = (file: string, line: number, message: string): void =>
    void problems.push({ kind: "labels", file, line, message: `${message} (${file}:${line})` });
  const label = table(labels, report);
  const sound = scp ? table(scp, report) : undefined;
  const events: TimedLabel[] = [];
  for (const { line, key, rest } of linesOf(segments)) {
    const [recording = "", start = "", end = "", ...more] = rest.split(/\s+/);
    const [onset, offset] = [cellNumber(start), cellNumber(end)];
    const problem = (message: string): void => report(segments.file, line, message);
    if (end === "" || more.length > 0)
      problem(`columns: ${rest === "" ? 1 : rest.split(/\s+/).length + 1}, expected 4`);
    else if (onset === undefined) problem(`start: ${notNumber(start)}`);
    else if (offset === undefined) problem(`end: ${notNumber(end)}`);
    else if (onset < 0 || offset < onset) problem(`end: ${offset}, expected 0 ≤ start ≤ end; start is ${onset}`);
    else if (!label.has(key)) problem(`utterance "${key}": not in ${labels.file}, expected its label there`);
    else if (sound && !sound.has(recording)) problem(`recording "${recording}": not in ${scp!.file}`);
    else events.push({ onset, offset, label: label.get(key)!, file: soundOf(sound?.get(recording), recording), line });
  }
  if (problems.length > 0) throw problemsError("LABEL", `events ${segments.file}`, problems);
  return events;
}

/** The sound in a line of wav.scp: a path, or a command that names one (`sph2pipe -f wav in/a.sph |`). */
function soundOf(entry: string | undefined, recording: string): string {
  if (entry === undefined) return recording;
  if (!entry.endsWith("|")) return entry;
  return (
    entry
      .split(/[\s|]+/)
      .filter((word) => /\.\w{2,5}$/.test(word))
      .at(-1) ?? recording
  );
}

function* linesOf({ text }: KaldiFile): Generator<{ line: number; key: string; rest: string }> {
  for (const [i, source] of text.split(/\r\n|\n|\r/).entries()) {
    const [, key, rest = ""] = /^(\S+)\s*(.*)$/.exec(source.trim()) ?? [];
    if (key !== undefined) yield { line: i + 1, key, rest };
  }
}

/** Lines of a key and what it stands for. */
function table(file: KaldiFile, report: (file: string, line: number, message: string) => void): Map<string, string> {
  const map = new Map<string, string>();
  for (const { line, key, rest } of linesOf(file)) {
    if (map.has(key)) report(file.file, line, `"${key}": twice, expected once`);
    map.set(key, rest);
  }
  return map;
}
