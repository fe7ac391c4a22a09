import { posix } from "node:path";
import { DatasetError } from "../core/error.js";
import { addDecimals } from "../core/numbers.js";
import type { Table, TableRow } from "./table-rows.js";

/** An object of a manifest, and the line that it stands in. */
export interface ManifestEntry {
  line: number;
  /** Where the manifest is an object of objects: its name. */
  key?: string;
  value: Record<string, unknown>;
}

/** Columns that a manifest's form makes, beside its own: the sound, the part of it, and where a labelled stretch of these lies. */
export const MADE = { file: "@file", start: "@start", end: "@end", onset: "@onset", offset: "@offset" } as const;

/** The forms of manifests that are known by their fields. */
export type ManifestForm = "lhotse cuts" | "lhotse supervisions" | "nemo" | "huggingface" | "nsynth";

/** The form of a manifest; undefined for one of its own, whose sounds a column names. */
export function formOf(entries: readonly ManifestEntry[]): ManifestForm | undefined {
  const [first] = entries;
  if (!first) return undefined;
  const has = (...names: string[]): boolean => names.every((name) => Object.hasOwn(first.value, name));
  if (has("recording", "supervisions", "start", "duration")) return "lhotse cuts";
  if (has("recording_id", "start", "duration")) return "lhotse supervisions";
  if (has("audio_filepath")) return "nemo";
  if (has("file_name")) return "huggingface";
  return first.key !== undefined && has("note", "pitch", "velocity") ? "nsynth" : undefined;
}

/**
 * The table of a manifest: a row for each entry, its fields as cells (those of objects inside by `object.field`, lists as json),
 * and where its form is known the sound and the part of it. What the supervisions of a lhotse cut say differently is a list, or
 * a row for each of them.
 * @param recordings lhotse's, for supervisions
 * @param each whether each supervision of a cut is a row of its own
 * @throws DatasetError "INDEX" for an entry that isn't of the form
 */
export function tableOf(
  entries: readonly ManifestEntry[],
  {
    file,
    form,
    recordings,
    each = false,
  }: { file: string; form: ManifestForm | undefined; recordings: readonly ManifestEntry[]; each?: boolean },
): Table {
  const folder = posix.dirname(file);
  const byId = new Map(recordings.map(({ value }) => [value.id, value]));
  const header = new Set<string>();
  const rows = entries.flatMap(({ line, key, value }): TableRow[] => {
    const wrong = (what: string): never => {
      throw new DatasetError("INDEX", `manifest ${file}: ${what} (${file}:${line})`);
    };
    let fields: unknown = value;
    let made: Made = {};
    let inside: Record<string, string>[] = [{}];
    if (form === "lhotse cuts") {
      const { supervisions, recording, ...cut } = value;
      fields = cut;
      made = partOfRecording(value, recording, wrong);
      const listed = Array.isArray(supervisions) ? (supervisions as Record<string, unknown>[]) : [];
      inside = each ? stretchesOf(listed, cut, wrong) : [joined(listed.map((supervision) => flat(supervision)))];
    } else if (form === "lhotse supervisions") {
      const recording =
        byId.get(value.recording_id) ?? wrong(`recording ${shown(value.recording_id)}: not among the recordings`);
      made = partOfRecording(value, recording, wrong);
    } else if (form === "nemo") {
      const { audio_filepath: path, offset, duration } = value;
      made = { file: path };
      for (const [name, time] of Object.entries({ offset, duration }))
        if (typeof (time ?? 0) !== "number") wrong(`${name}: ${shown(time)}, expected a number of seconds`);
      // Without an offset the duration is that of the whole file.
      if (typeof offset === "number") made = { file: path, start: offset, ...endOf(offset, duration) };
    } else if (form === "huggingface") made = { file: value.file_name };
    else if (form === "nsynth") made = { file: posix.join(folder, "audio", `${key}.wav`) };
    if (form !== undefined && (typeof made.file !== "string" || made.file === ""))
      wrong(`file: ${shown(made.file)}, expected a name`);
    // A stretch of the whole sound, in the place of a part of it.
    if (each && form !== "lhotse cuts") {
      const { start = value.offset ?? 0, duration } = value;
      made = { file: made.file };
      inside = [placed(stretchOf(start, duration, wrong))];
    }
    const cells = { ...(key === undefined ? {} : { key }), ...flat(fields), ...named(made) };
    return inside.map((more) => ({ line, cells: { ...cells, ...more } }));
  });
  for (const { cells } of rows) for (const name of Object.keys(cells)) header.add(name);
  for (const { cells } of rows) for (const name of header) cells[name] ??= "";
  return { header: [...header], rows };
}

type Made = { [K in keyof typeof MADE]?: unknown };

const named = (made: Made): Record<string, string> =>
  Object.fromEntries(Object.entries(made).map(([name, cell]) => [MADE[name as keyof Made], String(cell)]));

/** What cells of the same name say: one value, or a list of different ones. */
function joined(all: readonly Record<string, string>[]): Record<string, string> {
  const names = [...new Set(all.flatMap((cells) => Object.keys(cells)))];
  const entries = names.map((name) => {
    const values = [...new Set(all.flatMap((cells) => cells[name] ?? []))];
    return [name, values.length === 1 ? values[0] : JSON.stringify(values)];
  });
  return Object.fromEntries(entries);
}

interface Stretch {
  onset: number;
  offset: number;
}

const placed = ({ onset, offset }: Stretch): Record<string, string> => named({ onset, offset });

function stretchOf(start: unknown, duration: unknown, wrong: (what: string) => never): Stretch {
  if (typeof start !== "number" || typeof duration !== "number" || !(duration >= 0))
    return wrong(`start ${shown(start)}, duration ${shown(duration)}, expected seconds`);
  return { onset: start, offset: addDecimals(start, duration) };
}

/** What lies in a cut of its supervisions, whose times begin with the cut; a row without times where that is nothing. */
function stretchesOf(
  supervisions: readonly Record<string, unknown>[],
  { duration }: Record<string, unknown>,
  wrong: (what: string) => never,
): Record<string, string>[] {
  const found = supervisions.flatMap((supervision) => {
    const { onset, offset } = stretchOf(supervision?.start, supervision?.duration, wrong);
    const inside = { onset: Math.max(0, onset), offset: Math.min(duration as number, offset) };
    const out = onset < offset ? inside.onset >= inside.offset : inside.onset > inside.offset;
    return out ? [] : [{ ...flat(supervision), ...placed(inside) }];
  });
  return found.length > 0 ? found : [{}];
}

/** How far a part may differ from the whole recording and still be it, in seconds: durations are rounded. */
const ROUNDED = 1e-3;

/** The sound of a recording of lhotse's, and the part of it that a supervision or a cut is. */
function partOfRecording(part: Record<string, unknown>, recording: unknown, wrong: (what: string) => never): Made {
  const { sources, duration: whole, id } = (recording ?? {}) as Record<string, unknown>;
  const [source, ...more] = Array.isArray(sources) ? (sources as { type?: unknown; source?: unknown }[]) : [];
  if ((source?.type !== "file" && source?.type !== "url") || more.length > 0)
    wrong(`recording ${shown(id)}: ${shown(sources)}, expected one source of type "file" or "url"`);
  const { start, duration } = part;
  if (typeof start !== "number" || typeof duration !== "number")
    return wrong(`start ${shown(start)}, duration ${shown(duration)}, expected seconds`);
  const all = start === 0 && typeof whole === "number" && Math.abs(whole - duration) <= ROUNDED;
  return { file: source!.source, ...(all ? {} : { start, ...endOf(start, duration) }) };
}

function endOf(start: number, duration: unknown): Made {
  return typeof duration === "number" ? { end: addDecimals(start, duration) } : {};
}

/** The fields of an object as cells: those of objects inside by `object.field`. */
function flat(value: unknown, name = "", cells: Record<string, string> = {}): Record<string, string> {
  if (value === null || value === undefined) return cells;
  if (Array.isArray(value)) cells[name] = JSON.stringify(value);
  else if (typeof value !== "object") cells[name] = String(value);
  else for (const [key, inside] of Object.entries(value)) flat(inside, name === "" ? key : `${name}.${key}`, cells);
  return cells;
}

const shown = (value: unknown): string => JSON.stringify(value)?.slice(0, 100) ?? "missing";
