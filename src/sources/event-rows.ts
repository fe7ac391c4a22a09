import { DatasetError } from "../core/error.js";
import { pitchOf } from "../core/pitch.js";
import { byOnset, type Row, type RowEvent } from "../core/rows.js";
import type { TimedLabel } from "../format/event-table.js";

/** What labels become, as `fromEvents` explains it. */
interface EventRowOptions {
  classes?: readonly string[];
  rename?: Readonly<Record<string, string>>;
  minConfidence?: number;
  values?: boolean;
  group?: (file: string) => string;
}

/** The rows of sounds with what is in them, by their names, and how many labels were left out. */
export function eventRows(
  sounds: readonly string[],
  bySound: ReadonlyMap<string, readonly TimedLabel[]>,
  { classes, rename = {}, minConfidence = -Infinity, values = false, group }: EventRowOptions,
): { labels: string[]; rows: Row[]; skipped: number; unlabelled: number } {
  const nameOf = (label: string): string => (Object.hasOwn(rename, label) ? rename[label]! : label);
  const occurring = new Set<string>();
  for (const sound of sounds)
    for (const { label } of bySound.get(sound) ?? []) if (label !== "") occurring.add(nameOf(label));
  const labels = classes ? [...classes] : [...occurring].sort(byPitch);
  const twice = labels.find((label, i) => labels.indexOf(label) !== i);
  if (twice !== undefined) throw new DatasetError("OPTION", `classes: "${twice}" twice, expected each once`);
  const number = new Map(labels.map((label, i) => [label, i]));
  let skipped = 0;
  let unlabelled = 0;
  const rows = sounds.map((input, id): Row => {
    const found = bySound.get(input) ?? [];
    const events: RowEvent[] = [];
    for (const { onset, offset, label, score = 1 } of found) {
      if (label === "" && offset > 0) unlabelled++;
      if (label === "") continue;
      const feature = number.get(nameOf(label));
      if (feature === undefined || score < minConfidence) skipped++;
      else events.push([onset, offset, feature, values ? score : 1]);
    }
    events.sort(byOnset);
    const line = found.reduce((least, label) => Math.min(least, label.line), Infinity);
    return { id, line: Number.isFinite(line) ? line : 1, input, events, ...(group ? { group: group(input) } : {}) };
  });
  return { labels, rows, skipped, unlabelled };
}

/** Names of notes by their pitch, other names by the alphabet. */
export function byPitch(a: string, b: string): number {
  const [p, q] = [pitchOf(a), pitchOf(b)];
  return p !== undefined && q !== undefined ? p - q : a < b ? -1 : 1;
}
