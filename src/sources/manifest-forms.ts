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

/** Columns that a manifest's form makes, beside its own: the sound, and the part of it. */
export const MADE = { file: "@file", start: "@start", end: "@end" } as const;

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
 * and where its form is known the sound and the part of it.
 * @param recordings lhotse's, for supervisions
 * @throws DatasetError "INDEX" for an entry that isn't of the form
 */
export function tableOf(
  entries: readonly ManifestEntry[],
  { file, form, recordings }: { file: string; form: ManifestForm | undefined; recordings: readonly ManifestEntry[] },
): Table {
  const folder = posix.dirname(file);
  const byId = new Map(recordings.map(({ value }) => [value.id, value]));
  const header = new Set<string>();
  const rows = entries.map(({ line, key, value }): TableRow => {
    const wrong = (what: string): never => {
      throw new DatasetError("INDEX", `manifest ${file}: ${what} (${file}:${line})`);
    };
    const cells: Record<string, string> = key === undefined ? {} : { key };
    let fields: unknown = value;
    let made: Made = {};
    if (form === "lhotse cuts") {
      const supervisions = Array.isArray(value.supervisions) ? value.supervisions : [];
      if (supervisions.length > 1) wrong(`cut ${shown(value.id)}: ${supervisions.length} supervisions, expected one`);
      const { supervisions: _, recording, ...cut } = value;
      fields = { ...cut, ...(supervisions[0] as object | undefined) };
      made = partOfRecording(value, recording, wrong);
    } else if (form === "lhotse supervisions") {
      const recording = byId.get(value.recording_id);
      made = partOfRecording(
        value,
        recording ?? wrong(`recording ${shown(value.recording_id)}: not among the recordings`),
        wrong,
      );
    } else if (form === "nemo") {
      const { audio_filepath: path, offset, duration } = value;
      made = { file: path };
      // Without an offset the duration is that of the whole file.
      if (typeof offset === "number") made = { file: path, start: offset, ...endOf(offset, duration) };
    } else if (form === "huggingface") made = { file: value.file_name };
    else if (form === "nsynth") made = { file: posix.join(folder, "audio", `${key}.wav`) };
    if (form !== undefined && (typeof made.file !== "string" || made.file === ""))
      wrong(`file: ${shown(made.file)}, expected a name`);
    flatten(fields, "", cells);
    for (const [name, cell] of Object.entries(made)) cells[MADE[name as keyof Made]] = String(cell);
    for (const name of Object.keys(cells)) header.add(name);
    return { line, cells };
  });
  for (const { cells } of rows) for (const name of header) cells[name] ??= "";
  return { header: [...header], rows };
}

type Made = { file?: unknown; start?: unknown; end?: unknown };

/** How far a part may differ from the whole recording and still be it, in seconds: durations are rounded. */
const ROUNDED = 1e-3;

/** The sound of a recording of lhotse's, and the part of it that a supervision or a cut is. */
function partOfRecording(part: Record<string, unknown>, recording: unknown, wrong: (what: string) => never): Made {
  const { sources, duration: whole, id } = (recording ?? {}) as Record<string, unknown>;
  const [source, ...more] = Array.isArray(sources) ? (sources as { type?: unknown; source?: unknown }[]) : [];
  if (source?.type !== "file" || more.length > 0)
    wrong(`recording ${shown(id)}: ${shown(sources)}, expected one source of type "file"`);
  const { start, duration } = part;
  if (typeof start !== "number" || typeof duration !== "number")
    return wrong(`start ${shown(start)}, duration ${shown(duration)}, expected seconds`);
  const all = start === 0 && typeof whole === "number" && Math.abs(whole - duration) <= ROUNDED;
  return { file: source!.source, ...(all ? {} : { start, ...endOf(start, duration) }) };
}

function endOf(start: number, duration: unknown): Made {
  return typeof duration === "number" ? { end: addDecimals(start, duration) } : {};
}

function flatten(value: unknown, name: string, cells: Record<string, string>): void {
  if (value === null || value === undefined) return;
  if (Array.isArray(value)) cells[name] = JSON.stringify(value);
  else if (typeof value !== "object") cells[name] = String(value);
  else for (const [key, inside] of Object.entries(value)) flatten(inside, name === "" ? key : `${name}.${key}`, cells);
}

const shown = (value: unknown): string => JSON.stringify(value)?.slice(0, 100) ?? "missing";
