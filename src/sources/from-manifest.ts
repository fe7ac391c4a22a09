import { join, posix } from "node:path";
import { DatasetError, lineReporter, type Problem, type ReportLine } from "../core/error.js";
import { checkKnown, type OptionNames } from "../core/known-options.js";
import { isAddress, shownName } from "../core/names.js";
import type { DatasetIndex } from "../core/rows.js";
import type { SplitName } from "../core/split-name.js";
import { statOf } from "../system/file-names.js";
import { datasetFolders, isFolder } from "./folders.js";
import { TABLE_OPTIONS } from "./from-csv.js";
import { columnsOf, filled, indexOfTable, LIST, type TableOptions } from "./index-rows.js";
import { eachSide } from "./join-indexes.js";
import { listAudio } from "./list-audio.js";
import { indexOfEvents } from "./manifest-events.js";
import { readEntries } from "./manifest-entries.js";
import { formOf, MADE, type ManifestForm, tableOf } from "./manifest-forms.js";
import { soundAt, soundFinder } from "./sound-finder.js";
import { checkColumns, readCsv, type Table } from "./table-rows.js";

/** Options of `fromManifest`: what its rows become. */
export interface FromManifestOptions extends Omit<TableOptions, "file"> {
  /** The field of the sound's name, or a pattern, where the form isn't known. */
  file?: string;
  /**
   * Kind frames: the field that labels stretches of a sound. Each supervision of a lhotse cut is one, as is each row of
   * lhotse's supervisions and of NeMo's manifests within its whole file.
   */
  events?: string;
  /** lhotse's recordings, for supervisions. Default: the file of that name beside them (`recordings` for `supervisions`). */
  recordings?: string;
  /** Rows whose sound isn't there. Default "error". */
  missing?: "error" | "skip";
}

const OPTIONS: OptionNames<FromManifestOptions> = { ...TABLE_OPTIONS, events: true, recordings: true, missing: true };

/**
 * Makes the index of a dataset from a manifest in json: lines of objects (`.jsonl`), a list of them, or an object of objects; also
 * packed (`.gz`), and the csvs of Hugging Face.
 *
 * Known by their fields: **lhotse**'s supervisions (with recordings) and cuts, **NeMo** (`audio_filepath`), **Hugging Face**
 * (`file_name` in `metadata.jsonl` or `metadata.csv`) and **NSynth** (`examples.json`). What they say of parts of files (`offset`, `start`) is cut
 * out while recording, or labels the file where `events` names a field. Fields of objects inside are called `object.field` (`custom.label`), lists are for `labels`; where the supervisions
 * of a cut differ, a field is a list.
 *
 * Sounds are found by the name relative to the manifest, then relative to D, then by the name alone: absolute paths of
 * another machine do no harm.
 *
 * @param manifest relative to `directory`; or one for each side of the split
 * @throws DatasetError "INDEX" with every bad row at once, "OPTION" for fields that the manifest doesn't have
 * @example
 * const index = await fromManifest("./nsynth", "examples.json", { label: "instrument_family_str", group: "instrument_str" });
 */
export async function fromManifest(
  directory: string,
  manifest: string | Partial<Record<SplitName, string>>,
  options: FromManifestOptions,
): Promise<DatasetIndex> {
  checkKnown("fromManifest", options, OPTIONS);
  const { missing = "error" } = options;
  if (missing !== "error" && missing !== "skip")
    throw new DatasetError("OPTION", `missing: ${JSON.stringify(missing)}, expected "error" or "skip"`);
  if (!(await isFolder(directory)))
    throw new DatasetError("FILE", `folder ${directory}: not found, expected sounds in it`);
  const folders = await datasetFolders(directory);
  const { inputFolder } = folders;
  const sounds = await listAudio(join(directory, inputFolder));
  return await eachSide("fromManifest", manifest, options, async (file, own) => {
    const problems: Problem[] = [];
    const report = lineReporter(file, problems);
    const { table, besides, wanted } = await readManifestTable(directory, file, own, report);
    checkColumns(file, table, [...columnsOf(wanted), own.events]);
    for (const { line, cells } of table.rows) {
      const group = wanted.group === undefined ? "" : cells[wanted.group]!;
      if (LIST.test(group)) report(line, "group", `group ${JSON.stringify(group)}: a list, expected one name`);
    }
    const skipped = findSounds(file, inputFolder, sounds, { table, wanted, missing }, report);
    const index =
      own.events === undefined
        ? await indexOfTable(directory, file, table, { ...wanted, file: MADE.file }, problems)
        : { ...indexOfEvents(file, table, { ...wanted, events: own.events }, problems), ...folders };
    const message = `rows of sounds that aren't there: ${skipped}, not taken (${file})`;
    const warnings = [...(index.warnings ?? []), ...(skipped > 0 ? [{ kind: "skipped", file, line: 1, message }] : [])];
    return { ...index, besides, ...(warnings.length > 0 ? { warnings } : {}) };
  });
}

/** Forms whose entries have times. */
const TIMED = new Set<ManifestForm | undefined>(["lhotse cuts", "lhotse supervisions", "nemo"]);

interface ManifestTable {
  table: Table;
  /** Other files that the rows come from. */
  besides: string[];
  /** The options, with what the form says of sounds and parts. */
  wanted: TableOptions;
}

async function readManifestTable(
  directory: string,
  file: string,
  { recordings, events, missing: _, ...options }: FromManifestOptions,
  report: ReportLine,
): Promise<ManifestTable> {
  if (events === undefined && /\.[ct]sv$/i.test(file)) {
    const table = await readCsv(directory, file, {}, report);
    return { table, besides: [], wanted: { file: "file_name", ...options } };
  }
  const entries = await readEntries(directory, file);
  const form = formOf(entries);
  if (events !== undefined && !TIMED.has(form)) {
    const expected = "expected a manifest of lhotse's or NeMo's; for tables of events call fromEvents";
    throw new DatasetError("OPTION", `events: of ${file}, ${expected}`);
  }
  if (form === undefined && options.file === undefined) {
    const fields = Object.keys(entries[0]?.value ?? {}).join(", ") || "none";
    const expected = "expected those of lhotse, NeMo, Hugging Face or NSynth; pass file: the field of the sound's name";
    throw new DatasetError("OPTION", `manifest ${file}: fields ${fields}, ${expected}`);
  }
  const beside = recordings ?? (form === "lhotse supervisions" ? await recordingsOf(directory, file) : undefined);
  const known = beside === undefined ? [] : await readEntries(directory, beside);
  const table = tableOf(entries, { file, form, recordings: known, each: events !== undefined });
  const made = (["file", "start", "end"] as const).flatMap((name) =>
    table.header.includes(MADE[name]) ? [[name, MADE[name]] as const] : [],
  );
  const parts = (options.start ?? options.end ?? options.duration) !== undefined;
  const own = parts ? made.filter(([name]) => name === "file") : made;
  const wanted = { ...Object.fromEntries(own), ...options } as TableOptions;
  return { table, besides: beside === undefined ? [] : [beside], wanted };
}

/** lhotse's recordings beside supervisions: `cuts_train/supervisions.jsonl.gz`, `libri_supervisions_dev.jsonl`. */
async function recordingsOf(directory: string, file: string): Promise<string> {
  const beside = posix.join(posix.dirname(file), posix.basename(file).replace("supervisions", "recordings"));
  if (beside !== posix.normalize(file) && (await statOf(join(directory, beside)))?.isFile()) return beside;
  throw new DatasetError("OPTION", `recordings: not found as ${beside}, expected those of ${file}; pass recordings`);
}

/** Puts the names of sounds, as an index has them, into the table's column; returns how many rows were left out. */
function findSounds(
  file: string,
  inputFolder: string,
  sounds: readonly string[],
  { table, wanted, missing }: { table: Table; wanted: TableOptions; missing: "error" | "skip" },
  report: ReportLine,
): number {
  const find = soundFinder(sounds);
  const there = new Set(sounds);
  const folder = posix.relative(inputFolder, posix.dirname(file));
  const before = table.rows.length;
  table.rows = table.rows.filter(({ line, cells }) => {
    if (wanted.where && !wanted.where(cells)) return true;
    const name = filled(wanted.file, cells);
    const beside = posix.join(folder, name);
    const { sound, problem } = isAddress(name) ? soundAt(name) : there.has(beside) ? { sound: beside } : find(name);
    if (sound !== undefined) cells[MADE.file] = sound;
    else if (missing === "error") report(line, "missing", `sound ${JSON.stringify(shownName(name))}: ${problem}`);
    return sound !== undefined;
  });
  return before - table.rows.length;
}
