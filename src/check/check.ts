import { join, posix } from "node:path";
import { type CheckReport, isWarning, makeReport } from "./report.js";
import type { CheckedFile, CheckTask } from "./check-files.js";
import { checkConversion, type Convert } from "../audio/convert.js";
import type { Problem } from "../core/error.js";
import { soundIn } from "../core/names.js";
import { checkLabelOptions, type LabelOptions, storedTimeUnit } from "../format/labels.js";
import { checkOnDamaged, type OnDamaged } from "../format/verdict.js";
import { withFetchPool } from "../storage/fetch-file.js";
import { statOf } from "../system/file-names.js";
import { type ClassChanges, changeClasses } from "../sources/change-classes.js";
import { listFolders } from "../sources/list-audio.js";
import { meantFiles } from "../sources/suggest-file.js";
import { type IndexOptions, type IndexScan, scanIndex } from "../sources/index-csv.js";
import { workerCount } from "../system/pool.js";
import { type LongOptions, track } from "../notebook/progress.js";
import { runTask } from "../system/task.js";
import { inTurns } from "../system/event-loop.js";
import { type DatasetIndex, isPart, type Kind, type Row } from "../core/rows.js";

export type { CheckReport } from "./report.js";
export type { CheckedFile } from "./check-files.js";

/** Options of `check`. Those of the labels (`timeUnit`, `inputSize`, `pitches`, …) are the ones the records are built with. */
export interface CheckOptions extends LongOptions, Omit<LabelOptions, "sampleRate" | "samples"> {
  /** What the files will be converted to; what differs only in that is no problem then. */
  convert?: Convert;
  /** Classes to rename, join or leave out, as `generateRecords` does: `{ merge: { puppy: "dog" }, drop: ["noise"] }`. Default: none. */
  classes?: ClassChanges;
  /** What files that are cut short or damaged are: errors (default), or warnings. Wrong checksums are errors always. */
  onDamaged?: OnDamaged;
  /** Worker threads. Default: one per core. */
  workers?: number;
  /** Reads the samples too, and so finds silent, clipped and damaged files; false reads headers alone. Default true. */
  deep?: boolean;
}

/**
 * Checks the index csv of a dataset and every file it names, and returns every problem at once.
 * @example const report = await checkDataset("./data", "dataset", "pairs"); console.log(String(report));
 */
export async function checkDataset(
  directory: string,
  name: string,
  kind: Kind,
  options: CheckOptions & IndexOptions = {},
): Promise<CheckReport> {
  return await check(directory, await scanIndex(directory, name, kind, options), options);
}

/**
 * Checks every file of an index in worker threads and returns every problem at once, in the order of the index.
 *
 * Errors (they make a build impossible or wrong): missing, unreadable, truncated, empty, a sample rate or number of
 * channels unlike the most frequent one, labels that don't fit, and what the index itself has. Warnings: silent, clipped,
 * a DC offset, damage by which no sound is lost, bits or length unlike the others, two lengths in a pair, files in the folder that the index doesn't list, metadata and splits that fit only some inputs.
 * @param index what `scanIndex` or `readIndex` gave
 * @throws DatasetError "OPTION", "ABORTED"; never for a problem of the dataset
 */
export async function check(
  directory: string,
  index: DatasetIndex | IndexScan,
  options: CheckOptions = {},
): Promise<CheckReport> {
  return makeReport(...(await findProblems(directory, index, options)));
}

/** What a report is made of: plain data, which can come from another machine. */
export type CheckFindings = Parameters<typeof makeReport>;

/** As `check`, without the report around it. */
export async function findProblems(
  directory: string,
  index: DatasetIndex | IndexScan,
  options: CheckOptions = {},
): Promise<CheckFindings> {
  checkLabelOptions(options);
  checkOnDamaged(options.onDamaged);
  if (options.convert) checkConversion(options.convert);
  const given: IndexScan = "index" in index ? index : { index, problems: [] };
  const scan = options.classes ? { ...given, index: changeClasses(given.index, options.classes) } : given;
  const files = await filesOf(scan.index);
  const names = [...files.keys()];
  const checked = await checkAll(directory, names, files, options);
  // Sounds of dropped classes are listed all the same.
  const unlisted = await findUnlisted(directory, scan.index, scan === given ? files : await filesOf(given.index));
  const meant = meantFiles([...unlisted.map(({ file }) => file), ...(await keysInside(directory, scan.index))]);
  const problems: Problem[] = [...scan.problems, ...(scan.index.warnings ?? [])];
  await inTurns(names, (name) => {
    for (const p of checked.get(name)!.problems) problems.push(located(p, scan.index, files.get(name)!, meant));
  });
  problems.push(...(await compareFiles(checked, options.convert, scan.index.rows.some(isPart))));
  problems.push(...compareLabels(checked, scan.index), ...compareUnits(scan.index, options));
  const wrong = new Set<Row>();
  problems.push(...compareEvents(scan.index, checked, wrong), ...compareParts(scan.index, checked, wrong));
  if (scan.index.kind === "pairs") problems.push(...(await comparePairs(scan.index, checked)));
  problems.push(...unlisted);
  return [scan.index, [...checked.values()], problems, wrong];
}

/** Every audio file once, with the rows that name it and its key file. */
async function filesOf(index: DatasetIndex): Promise<Map<string, { row: Row; keys?: string | undefined }>> {
  const files = new Map<string, { row: Row; keys?: string | undefined }>();
  await inTurns(index.rows, (row) => {
    const input = soundIn(index.inputFolder ?? "in", row.input);
    if (!files.has(input)) files.set(input, { row, keys: row.keys });
    if (row.target === undefined) return;
    const target = soundIn(index.targetFolder ?? "out", row.target);
    if (!files.has(target)) files.set(target, { row });
  });
  return files;
}

/** Most files of one worker task: enough to be worth a message, few enough to count. */
const FILES_PER_TASK = 64;

async function checkAll(
  directory: string,
  names: readonly string[],
  files: Map<string, { keys?: string | undefined }>,
  options: CheckOptions,
): Promise<Map<string, CheckedFile>> {
  const {
    timeUnit,
    inputSize,
    pitches,
    targets,
    velocity,
    sustain,
    percussion,
    convert,
    deep = true,
    onDamaged,
  } = options;
  const labels = { timeUnit, inputSize, pitches, targets, velocity, sustain, percussion };
  const tasks: Omit<CheckTask, "fetches">[] = [];
  // A small set is shared out too: its files may be long.
  const most = Math.min(FILES_PER_TASK, Math.max(1, Math.ceil(names.length / (4 * workerCount(options.workers)))));
  for (let from = 0; from < names.length; from += most) {
    const part = names.slice(from, from + most).map((audio) => ({ audio, keys: files.get(audio)?.keys }));
    tasks.push({ directory, files: part, deep, convert, onDamaged, labels });
  }
  return await track("check", names.length, "files", options, async ({ signal, tick }) => {
    const parts = await withFetchPool(workerCount(options.workers), (pool, fetches) =>
      Promise.all(
        tasks.map(async (task) => {
          const part = await runTask<CheckedFile[]>(pool, "checkFiles", { ...task, fetches }, signal);
          tick(part.length);
          return part;
        }),
      ),
    );
    return new Map(parts.flat().map((file) => [file.file, file]));
  });
}

/** A missing file's problem, with the line of the index that names the file and the file that may be meant. */
function located(
  problem: Problem,
  index: DatasetIndex,
  { row }: { row: Row },
  meant: (missing: string) => string | undefined,
): Problem {
  if (problem.line !== undefined || problem.kind !== "missing") return problem;
  const other = meant(problem.file);
  const hint = other === undefined ? "" : `; did you mean ${other}?`;
  const message = problem.message.replace(/ \(.*\)$/, `${hint} (${problem.file}, ${index.file}:${row.line})`);
  return { ...problem, message };
}

/** Key files that lie with the audio, where the index names them as if they lay in the dataset's folder. */
async function keysInside(directory: string, { inputFolder = "in", rows }: DatasetIndex): Promise<string[]> {
  const inside: string[] = [];
  for (const { keys } of inputFolder === "" ? [] : rows) {
    const file = keys === undefined ? undefined : posix.join(inputFolder, posix.basename(keys));
    if (file !== undefined && file !== keys && (await statOf(join(directory, file)))?.isFile()) inside.push(file);
  }
  return inside;
}

const COMPARED = [
  { field: "sampleRate", name: "sample rate", hint: "; pass convert: { sampleRate }" },
  { field: "channels", name: "channels", hint: "; pass convert: { channels }" },
  { field: "bitsPerSample", name: "bits", hint: "" },
  { field: "frames", name: "samples", hint: "" },
] as const;

/** Reports files whose form isn't the most frequent one. Lengths count only in a set where most are equal. */
async function compareFiles(
  checked: Map<string, CheckedFile>,
  convert: Convert = {},
  parts = false,
): Promise<Problem[]> {
  const problems: Problem[] = [];
  const sound: CheckedFile[] = [];
  await inTurns(checked.values(), (file) => {
    if (file.problems.every(isWarning)) sound.push(file);
  });
  for (const { field, name, hint } of COMPARED) {
    if ((field === "sampleRate" || field === "channels") && convert[field] !== undefined) continue;
    if (field === "frames" && (convert.sampleRate !== undefined || parts)) continue;
    const counts = new Map<number, number>();
    let known = 0;
    await inTurns(sound, ({ [field]: value }) => {
      if (value === undefined) return;
      known++;
      counts.set(value, (counts.get(value) ?? 0) + 1);
    });
    const [usual, count] = largest(counts);
    if (field === "frames" && count * 2 <= known) continue;
    await inTurns(sound, ({ file, [field]: value }) => {
      if (value === undefined || value === usual) return;
      const kind = field === "bitsPerSample" ? "bits" : field === "frames" ? "length" : field;
      problems.push({
        kind,
        file,
        message: `${name}: ${value}, expected ${usual} as in ${count} files${hint} (${file})`,
      });
    });
  }
  return problems;
}

/** The value that occurs most often, the first of several. */
function mostFrequent<T>(values: readonly T[]): [value: T | undefined, count: number] {
  const counts = new Map<T, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return largest(counts);
}

function largest<T>(counts: Map<T, number>): [value: T | undefined, count: number] {
  let best: [value: T | undefined, count: number] = [undefined, 0];
  for (const entry of counts) if (entry[1] > best[1]) best = entry;
  return best;
}

/** Reports key files whose features aren't those that most have. */
function compareLabels(checked: Map<string, CheckedFile>, index: DatasetIndex): Problem[] {
  if (index.kind !== "frames") return [];
  const known = index.rows.flatMap(({ keys, input }) => {
    const labels = checked.get(soundIn(index.inputFolder ?? "in", input))?.labels;
    return keys === undefined || labels === undefined ? [] : [{ keys, labels, text: labels.join("\n") }];
  });
  const [usual] = mostFrequent(known.map(({ text }) => text));
  const model = known.find(({ text }) => text === usual);
  if (!model) return [];
  return known
    .filter(({ text }) => text !== usual)
    .map(({ keys, labels }) => {
      const what = labels.length === model.labels.length ? "other names" : String(labels.length);
      const message = `features: ${what}, expected the ${model.labels.length} of ${model.keys} (${keys}:1)`;
      return { kind: "labels", file: keys, line: 1, message };
    });
}

/** Reports key files whose time stamps would be stored in another unit than those of most. */
function compareUnits(index: DatasetIndex, { timeUnit }: CheckOptions): Problem[] {
  if (index.kind !== "frames") return [];
  const known = index.rows.flatMap(({ keys }) =>
    keys === undefined ? [] : [{ keys, unit: storedTimeUnit(keys, timeUnit) }],
  );
  const [usual] = mostFrequent(known.map(({ unit }) => unit));
  return known
    .filter(({ unit }) => unit !== usual)
    .map(({ keys, unit }) => {
      const hint = '; MIDI and csv files can be combined with timeUnit: "seconds" or "samples"';
      const message = `time stamps: in ${unit}, expected ${usual} as in most key files${hint} (${keys})`;
      return { kind: "labels", file: keys, message };
    });
}

/** How far an event may reach behind the end of its sound without a word, in seconds: times are rounded. */
const LATE = 0.05;

/** Compares the events of tables with the lengths of their sounds. */
function compareEvents(index: DatasetIndex, checked: Map<string, CheckedFile>, wrong: Set<Row>): Problem[] {
  return index.rows.flatMap((row) => {
    const { events, input, line, start = 0, end: stop = Infinity } = row;
    const { frames, sampleRate } = checked.get(soundIn(index.inputFolder ?? "in", input)) ?? {};
    if (!events || frames === undefined || !sampleRate) return [];
    const end = Math.min(stop, frames / sampleRate) - start;
    const onset = events.reduce((most, [from]) => Math.max(most, from), 0);
    const offset = events.reduce((most, [, to]) => Math.max(most, to), 0);
    const where = `(${input}, ${index.file}:${line})`;
    const problem = (kind: string, message: string): Problem => ({ kind, file: index.file, line, message });
    if (onset >= end) {
      const hint = "pass the unit that the table counts in";
      wrong.add(row);
      return [
        problem("time", `event at ${onset} s: after the end of the sound at ${end.toFixed(3)} s; ${hint} ${where}`),
      ];
    }
    if (offset <= end + LATE) return [];
    return [
      problem("late", `event to ${offset} s: expected the end of the sound at ${end.toFixed(3)} s at most ${where}`),
    ];
  });
}

/** Compares the parts of sounds that rows are with the sounds' lengths. */
function compareParts(index: DatasetIndex, checked: Map<string, CheckedFile>, wrong: Set<Row>): Problem[] {
  return index.rows.filter(isPart).flatMap((row) => {
    const { input, line, start = 0, end = Infinity } = row;
    const { frames, sampleRate } = checked.get(soundIn(index.inputFolder ?? "in", input)) ?? {};
    if (frames === undefined || !sampleRate) return [];
    const length = frames / sampleRate;
    const found = `part ${start} to ${Number.isFinite(end) ? end : "the end"}`;
    const problem = (kind: string, expected: string): Problem[] => {
      if (kind === "time") wrong.add(row);
      const message = `${found}: ${expected} of ${length.toFixed(3)} s (${input}, ${index.file}:${line})`;
      return [{ kind, file: index.file, line, message }];
    };
    if (Math.round(start * sampleRate) >= frames)
      return problem("time", "begins after the sound's end, expected it within the sound");
    if (Math.round(end * sampleRate) <= Math.round(start * sampleRate))
      return problem("time", "shorter than a sample, expected a part");
    return Number.isFinite(end) && end > length + LATE
      ? problem("late", "ends with the sound, expected it within the sound")
      : [];
  });
}

async function comparePairs(index: DatasetIndex, checked: Map<string, CheckedFile>): Promise<Problem[]> {
  const problems: Problem[] = [];
  await inTurns(index.rows, (row) => {
    const input = checked.get(soundIn(index.inputFolder ?? "in", row.input));
    const target = checked.get(soundIn(index.targetFolder ?? "out", row.target ?? ""));
    if (!input?.frames || !target?.frames || !input.sampleRate || !target.sampleRate) return;
    if (![...input.problems, ...target.problems].every(isWarning)) return;
    if (Math.abs(input.frames / input.sampleRate - target.frames / target.sampleRate) <= 1 / input.sampleRate) return;
    const [found, expected] =
      input.sampleRate === target.sampleRate
        ? [`samples: ${target.frames}`, input.frames]
        : [
            `length: ${(target.frames / target.sampleRate).toFixed(3)} s`,
            `${(input.frames / input.sampleRate).toFixed(3)} s`,
          ];
    const message = `${found}, expected ${expected} as in ${input.file} (${target.file}, ${index.file}:${row.line})`;
    problems.push({ kind: "length", file: target.file, message });
  });
  return problems;
}

/** Audio files in the folders that the index doesn't name; hidden files and folders don't count. */
async function findUnlisted(directory: string, index: DatasetIndex, files: Map<string, unknown>): Promise<Problem[]> {
  const folders = [index.inputFolder ?? "in", ...(index.kind === "pairs" ? [index.targetFolder ?? "out"] : [])];
  // Of a folder that isn't there the files are reported as missing.
  const there = await listFolders(directory, folders);
  return there
    .filter((file) => !files.has(file))
    .map((file) => ({
      kind: "unlisted",
      file,
      message: `file: in the folder but not listed, expected in ${index.file} (${file})`,
    }));
}
