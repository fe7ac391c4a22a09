import { join, posix } from "node:path";
import { DatasetError, type Problem, problemsError } from "../core/error.js";
import { checkKnown, type OptionNames } from "../core/known-options.js";
import { csvLines } from "../format/csv.js";
import { bytesOf, statOf } from "../system/file-names.js";
import { FILE_NAMES, listFiles } from "./list-audio.js";
import type { DatasetIndex, Row } from "../core/rows.js";
import { datasetFolders } from "./folders.js";
import { nameProblem } from "../core/names.js";
import { nameMatcher } from "./name-pattern.js";
import { type SplitReader, splitReader } from "../core/split-name.js";

/** Options of `fromFolder`. */
export interface FromFolderOptions {
  /** Folder that holds the class folders, relative to the inputs' folder (`D/in`, or D). Default: that folder itself. */
  folder?: string;
  /**
   * Where the name of a file says its class: a pattern in which `{class}` is it, and `{group}`, if there is one, its group
   * (`{modality}-{channel}-{class}-{rest}-{group}.wav`), of the name alone or, with a `/`, of the path; or a function, for which
   * undefined leaves the file out. Default: the class is the folder.
   */
  label?: string | ((file: string) => string | undefined);
  /** The classes, in the order of the label columns. Default: every folder, by name; those that start with `_` or `.` don't count. */
  classes?: readonly string[];
  /** Lists (one file name per line, relative to `folder`) of the files that the publisher set aside for validation and test, relative to D. The others train. */
  splits?: { validate?: string; test?: string };
  /** Group of a file, from its name relative to `folder`. Default: none. */
  group?: (file: string) => string;
}

const OPTIONS: OptionNames<FromFolderOptions> = {
  ...{ folder: true, label: true, classes: true, splits: true, group: true },
};

/**
 * Makes the index of whole-file classes from folders: the class of a file is the name of the folder it lies in.
 *
 * Where all folders at the top are called as splits are (`train/dog`, `test/dog`), they are splits and the classes lie below;
 * so are folders below the classes (`dog/train`, `dog/test`) that are all called so.
 *
 * **GTZAN** (`genres_original/blues/blues.00000.wav`, 10 folders of 100 files):
 * `fromFolder(D, { folder: "genres_original" })`. One of its files, `jazz.00054.wav`, is damaged: `check` names it.
 *
 * **Speech Commands** (`yes/0a7c2a8d_nohash_0.wav`; the lists hold such lines; `_background_noise_` is no class):
 * `fromFolder(D, { splits: { validate: "validation_list.txt", test: "testing_list.txt" }, group: (f) => f.split("/")[1].split("_")[0] })`:
 * the speaker is what stands before `_nohash_`.
 *
 * **RAVDESS** (`Actor_12/03-01-06-01-02-01-12.wav`, the third number is the emotion, the last the actor):
 * `fromFolder(D, { label: "{modality}-{channel}-{class}-{intensity}-{statement}-{repetition}-{group}.wav" })`.
 *
 * Symbolic links are followed within the inputs' folder; others are left out with a warning.
 *
 * @throws DatasetError "INDEX" where there is no class, or a list names files that aren't there
 * @example const index = await fromFolder("./gtzan", { folder: "genres_original" }); await writeIndex("./gtzan", "gtzan", index)
 */
export async function fromFolder(directory: string, options: FromFolderOptions = {}): Promise<DatasetIndex> {
  checkKnown("fromFolder", options, OPTIONS);
  const { folder = "", group } = options;
  const lists = Object.entries(options.splits ?? {}).filter(([, list]) => list !== undefined);
  const splits: NonNullable<FromFolderOptions["splits"]> = Object.fromEntries(lists);
  const wrong = folder === "" ? undefined : nameProblem(folder);
  if (wrong) throw new DatasetError("OPTION", `folder ${JSON.stringify(folder)} ${wrong}`);
  const folders = await datasetFolders(directory);
  const base = join(directory, folders.inputFolder, folder);
  if (!(await statOf(base))?.isDirectory()) {
    throw new DatasetError("FILE", `folder ${base}: not found, expected one with a folder per class`);
  }
  const { audio, silent, links } = await listFiles(base, join(directory, folders.inputFolder));
  const inFolders = options.label === undefined;
  const found = inFolders ? audio.filter((file) => file.includes("/")) : audio;
  const tops = [...new Set(found.flatMap((file) => (file.includes("/") ? [file.split("/", 1)[0] as string] : [])))];
  const sideOf = splitReader(tops);
  const published =
    options.splits === undefined &&
    tops.length > 0 &&
    tops.every((top) => sideOf(top) !== undefined && !(inFolders && options.classes?.includes(top))) &&
    found.every((file) => file.split("/").length > (inFolders ? 2 : 1));
  const sideBelow = options.splits === undefined && inFolders && !published ? sidesBelow(found) : undefined;
  const nameOf = namer(options.label);
  const classOf = (file: string): string | undefined =>
    inFolders ? file.split("/")[published ? 1 : 0] : nameOf(file).class;
  const strange = found.filter((file) => classOf(file) === undefined);
  const occurring = [...new Set(found.flatMap((file) => classOf(file) ?? []))];
  const classes = options.classes ?? occurring.filter((name) => !(inFolders && name.startsWith("_"))).sort();
  const twice = classes.find((name, i) => classes.indexOf(name) !== i);
  if (twice !== undefined) throw new DatasetError("OPTION", `classes: "${twice}" twice, expected each once`);
  const column = new Map(classes.map((name, i) => [name, i]));
  const rows: Row[] = [];
  const byFile = new Map<string, Row>();
  for (const file of found) {
    const k = column.get(classOf(file) ?? "");
    if (k === undefined) continue;
    const values = classes.map((_, i) => (i === k ? 1 : 0));
    const row: Row = { id: rows.length, line: rows.length + 2, input: posix.join(folder, file), values };
    const named = group ? group(file) : nameOf(file).group;
    if (named !== undefined) row.group = named;
    const [top = "", below = ""] = file.split("/", 2);
    const side = published ? sideOf(top) : sideBelow?.(below);
    if (side) row.split = side;
    if (splits.validate !== undefined || splits.test !== undefined) row.split = "train";
    rows.push(row);
    byFile.set(file, row);
  }
  if (rows.length === 0) {
    const kinds = inFolders ? "folders" : "classes";
    const rest = inFolders ? "a folder per class with audio files" : `names such as ${String(options.label)}`;
    const names = options.classes ? `${kinds} ${classes.join(", ")} with audio files` : rest;
    throw new DatasetError("INDEX", `audio files in ${base}: none, expected ${names}`);
  }
  const others = new Set(found.filter((file) => !byFile.has(file)));
  const hidden = found.filter((file) => !options.classes && inFolders && classOf(file)?.startsWith("_"));
  const ofClasses = silent.filter((file) => inFolders && file.includes("/") && column.has(classOf(file) ?? ""));
  const sides = inFolders && !published && !options.classes ? tops.filter((top) => sideOf(top) && column.has(top)) : [];
  const warnings = [
    ...sidesAsClasses(sides, found, classes),
    ...(await readSplits(directory, splits, byFile, others)),
    ...leftOut(ofClasses, "expected audio"),
    ...leftOut(hidden, "in folders whose names begin with _, which are classes where `classes` names them"),
    ...leftOut(links, "symbolic links out of the folder, to nothing or in a circle, expected those within it"),
    ...(typeof options.label === "string" ? leftOut(strange, `expected names such as ${options.label}`) : []),
  ];
  return {
    kind: "classes",
    file: FILE_NAMES,
    besides: Object.values(splits),
    folders: [posix.join(folders.inputFolder, folder)],
    rows,
    labels: [...classes],
    ...folders,
    ...(warnings.length > 0 ? { warnings } : {}),
  };
}

/** Names that a warning shows. */
const SHOWN = 5;

/** Reads the folders below the classes as splits, where all are called so and name more than one side. */
function sidesBelow(files: readonly string[]): SplitReader | undefined {
  const names = files.map((file) => file.split("/").slice(1, -1)[0] ?? "");
  const read = splitReader(names);
  const sides = new Set(names.map(read));
  return sides.size > 1 && !sides.has(undefined) ? read : undefined;
}

/**
 * The warning about folders that are called as splits are and became classes; "train" alone may be a sound.
 * @throws DatasetError "INDEX" where all are
 */
function sidesAsClasses(sides: readonly string[], files: readonly string[], classes: readonly string[]): Problem[] {
  if (sides.every((side) => side.toLowerCase() === "train")) return [];
  const names = `folders ${sides.map((side) => JSON.stringify(side)).join(", ")}`;
  const hint = `pass classes: ${JSON.stringify(classes)}`;
  if (sides.length > 1 && sides.length === classes.length) {
    const bare = files.find((file) => file.split("/").length === 2);
    const other = `pass label where the names of the files say the class, or ${hint} if these are classes`;
    throw new DatasetError("INDEX", `${names}: splits, expected a folder per class in each (${bare}); ${other}`);
  }
  const message = `${names}: names of splits, taken as classes; ${hint}, with or without them`;
  return [{ kind: "split", file: sides[0]!, message }];
}

/** The warning about files that make no row. */
function leftOut(files: readonly string[], why: string): Problem[] {
  if (files.length === 0) return [];
  const more = files.length > SHOWN ? `, … and ${files.length - SHOWN} more` : "";
  const message = `files: ${files.length} left out, ${why} (${files.slice(0, SHOWN).join(", ")}${more})`;
  return [{ kind: "left out", file: files[0]!, message }];
}

/** The class, and perhaps the group, that the name of a file says. */
function namer(label: FromFolderOptions["label"]): (file: string) => { class?: string; group?: string } {
  if (label === undefined) return () => ({});
  if (typeof label === "function") {
    return (file) => {
      const name = label(file);
      return name === undefined ? {} : { class: name };
    };
  }
  const { names, parts } = nameMatcher(label);
  if (!names.includes("class"))
    throw new DatasetError("OPTION", `label "${label}": no {class}, expected the part of the name that is the class`);
  return (file) => parts(label.includes("/") ? file : posix.basename(file)) ?? {};
}

/** Gives the rows their splits. Lines that name files of classes that weren't chosen (`others`) are counted in a warning. */
async function readSplits(
  directory: string,
  splits: { validate?: string; test?: string },
  byFile: Map<string, Row>,
  others: ReadonlySet<string>,
): Promise<Problem[]> {
  const problems: Problem[] = [];
  const warnings: Problem[] = [];
  for (const side of ["validate", "test"] as const) {
    const list = splits[side];
    if (list === undefined) continue;
    const wrong = nameProblem(list);
    if (wrong) throw new DatasetError("OPTION", `list ${JSON.stringify(list)} ${wrong}`);
    if (!(await statOf(join(directory, list))))
      throw new DatasetError("FILE", `list ${list}: not found in ${directory}`);
    let skipped = 0;
    let first = 1;
    for (const { line, cells } of csvLines((await bytesOf(join(directory, list))).toString())) {
      const name = cells.join(",");
      const file = name.replace(/^\.\//, "");
      const row = byFile.get(file);
      if (others.has(file)) {
        if (skipped++ === 0) first = line;
        continue;
      }
      const problem = (kind: string, message: string): void =>
        void problems.push({ kind, file: list, line, message: `${message} (${list}:${line})` });
      if (!row) problem("missing", `file "${name}": not found, expected one of a class`);
      else if (row.split !== "train") problem("duplicate", `file "${name}": is in ${row.split} already, expected once`);
      else row.split = side;
    }
    if (skipped > 0) {
      const message = `files of other classes: ${skipped} lines, not taken (${list}:${first})`;
      warnings.push({ kind: "skipped", file: list, line: first, message });
    }
  }
  if (problems.length > 0) throw problemsError("INDEX", "lists of files", problems);
  return warnings;
}
