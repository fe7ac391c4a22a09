import { join, posix } from "node:path";
import { isAddress } from "../core/names.js";
import type { DatasetIndex } from "../core/rows.js";
import { splitReader } from "../core/split-name.js";
import { EVENT_FORMATS, findLayout } from "../format/event-table.js";
import { textOf } from "../system/file-names.js";
import { datasetFolders } from "./folders.js";
import { hasCues } from "./has-cues.js";
import { joinIndexes } from "./join-indexes.js";
import { fromCsv } from "./from-csv.js";
import { fromEvents } from "./from-events.js";
import { fromFolder } from "./from-folder.js";
import { fromManifest } from "./from-manifest.js";
import { pairBy } from "./from-names.js";
import { AUDIO_FILE, listFiles } from "./list-audio.js";
import { filled } from "./index-rows.js";
import { formOf } from "./manifest-forms.js";
import { readEntries } from "./manifest-entries.js";
import { soundFinder } from "./sound-finder.js";
import { readCsv, type Table } from "./table-rows.js";

const CALLS = { fromCsv, fromEvents, fromFolder, fromManifest, pairBy };

/** A call that makes an index of a folder, before it is known to work. */
interface Guess {
  /** What the folder looks like. */
  what: string;
  /** The file, or the pattern of files, that says so. */
  of?: string;
  /** Reads as a table of a class for each sound too, but isn't: comes before those. */
  early?: boolean;
  call: keyof typeof CALLS;
  /** Its arguments behind the folder. */
  given: readonly unknown[];
  /** The arguments of a second call, whose index is joined with that of the first. */
  and?: readonly unknown[];
}

/** A way to load a folder that works. */
export interface Recognised {
  what: string;
  /** The names of the functions. */
  calls: string[];
  /** What makes the index, as code, the folder being `D`. */
  code: string;
  index: DatasetIndex;
}

/** What a folder holds. */
interface Contents {
  directory: string;
  inputFolder: string;
  /** The sounds, relative to the inputs' folder. */
  sounds: string[];
  /** The other files, relative to the folder. */
  others: string[];
}

/** The ways to load a folder, the likelier first, and what was tried in vain. */
export async function recognise(directory: string): Promise<{ ways: Recognised[]; sounds: number; tried: string[] }> {
  const { inputFolder } = await datasetFolders(directory);
  const { audio, silent: others } = await listFiles(directory);
  const inside = inputFolder === "" ? "" : `${inputFolder}/`;
  const sounds = audio.flatMap((file) => (file.startsWith(inside) ? [file.slice(inside.length)] : []));
  const contents = { directory, inputFolder, sounds, others };
  const events = await eventTables(contents);
  const guesses = [
    ...(await manifests(contents)),
    ...events.filter(({ early }) => early),
    ...(await tables(contents)),
    ...events.filter(({ early }) => !early),
    ...tablesBeside(contents),
    ...(await cuesInside(contents)),
    ...folders(contents),
  ];
  const ways: Recognised[] = [];
  const tried: string[] = [];
  for (const { what: like, of, call, given, and } of guesses) {
    const what = of === undefined ? like : `${like} (${of})`;
    const all = and ? [given, and] : [given];
    const each = all.map((rest) => `await ${call}(${["D", ...rest.map(asCode)].join(", ")})`);
    const code = and ? `joinIndexes(${each.join(", ")})` : each[0]!;
    try {
      const run = CALLS[call] as (directory: string, ...rest: readonly unknown[]) => Promise<DatasetIndex>;
      const indexes: DatasetIndex[] = [];
      for (const rest of all) indexes.push(await run(directory, ...rest));
      const index = and ? joinIndexes(...indexes) : indexes[0]!;
      const calls = and ? [call, "joinIndexes"] : [call];
      if ((index.labels?.length ?? 1) > 0) ways.push({ what, calls, code, index });
    } catch (error) {
      tried.push(`${code}: ${(error as Error).message.split("\n").slice(0, 2).join(" ").trim()}`);
    }
  }
  return { ways, sounds: sounds.length, tried };
}

/** A value as code. */
function asCode(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(asCode).join(", ")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const fields = Object.entries(value).map(
    ([name, field]) => `${/^\w+$/.test(name) ? name : JSON.stringify(name)}: ${asCode(field)}`,
  );
  return `{ ${fields.join(", ")} }`;
}

/** Usual names of columns of one class, and of several; then of groups. */
const LABEL =
  /^(label|category|class|genre|primary_label|species|common[ _]name|command|word|emotion|instrument(_family_str)?|gender|language|accent|kind|tag)$/i;
const LABELS = /^(labels|event_labels|tags|classes|categories|positive_labels)$/i;
const GROUPS = [
  "fold",
  "speaker",
  "speaker_id",
  "client_id",
  "artist",
  "artist_id",
  "canonical_title",
  "instrument_str",
  "recording_id",
];
const START = /^(start|start_time|start_seconds|start \(s\)|begin|onset)$/i;
const END = /^(end|end_time|end_seconds|end \(s\)|stop|offset)$/i;
const DURATION = /^(duration|length)$/i;

/** The options that say what a table's rows become, by the names of its columns. */
function targetOf({ header, rows }: Table): Record<string, string> | undefined {
  const find = (names: RegExp): string | undefined => header.find((name) => names.test(name.replace(/^custom\./, "")));
  const several = find(LABELS);
  const one = find(LABEL);
  const group = GROUPS.map((name) => header.find((column) => column.toLowerCase() === name)).find(Boolean);
  const lists = one !== undefined && rows.some(({ cells }) => /^\[/.test(cells[one] ?? ""));
  const target =
    several !== undefined
      ? { labels: several }
      : one === undefined
        ? undefined
        : lists
          ? { labels: one }
          : { label: one };
  const column = several ?? one;
  const unlabelled =
    column !== undefined && rows.some(({ cells }) => cells[column] === "") ? { unlabelled: "skip" } : {};
  return target && { ...target, ...(group === undefined || group === one ? {} : { group }), ...unlabelled };
}

/** What a column's cells must be put into, so that they name sounds: `audio/{filename}`, `clips/{id}.wav`. */
function patternFor(table: Table, sounds: readonly string[]): string | undefined {
  const { header, rows } = table;
  const find = soundFinder(sounds);
  const there = new Set(sounds);
  const [first] = rows;
  for (const column of first ? header : []) {
    const cell = first!.cells[column] ?? "";
    const sound = cell === "" ? undefined : find(cell).sound;
    if (sound === undefined) continue;
    const base = sound.lastIndexOf("/") + 1;
    const at = sound.startsWith(cell, base) ? base : sound.lastIndexOf(cell);
    if (at < 0) continue;
    const plain = `${sound.slice(0, at)}{${column}}${sound.slice(at + cell.length)}`;
    // Folders may be cells too: of the class, of the fold.
    const folders = plain.split("/").map((part) => {
      const other = header.find(
        (name) => name !== column && (first!.cells[name] ?? "") !== "" && part === first!.cells[name],
      );
      if (other !== undefined) return `{${other}}`;
      const fold = header.find((name) => /^fold$/i.test(name) && part === `fold${first!.cells[name]}`);
      return fold === undefined ? part : `fold{${fold}}`;
    });
    for (const pattern of [plain, folders.join("/")]) {
      const named = rows.filter(({ cells }) => there.has(filled(pattern, cells)));
      if (named.length * 2 > rows.length) return pattern === `{${column}}` ? column : pattern;
    }
  }
  const elsewhere = (cell = ""): boolean => isAddress(cell) && AUDIO_FILE.test(cell);
  return header.find((column) => rows.filter(({ cells }) => elsewhere(cells[column])).length * 2 > rows.length);
}

/** Names of sides in the names of tables. */
const SIDE = {
  train: /\btrain(ing)?\b/i,
  validate: /\b(dev(elopment)?|val(id(ate|ation)?)?)\b/i,
  test: /\b(test(ing)?|eval(uation)?)\b/i,
};

/** Which of files that are alike is which side, by their names; undefined where these don't say it. */
function sidesOf(files: readonly string[]): Record<string, string> | undefined {
  const found = Object.entries(SIDE).flatMap(([side, names]) => {
    const file = files.find((name) => names.test(name.replaceAll("_", " ")));
    return file === undefined ? [] : [[side, file] as [string, string]];
  });
  // Dev without train is what there is to train on.
  const dev = found.find(
    ([side, file]) => side === "validate" && /\bdev(elopment)?\b/i.test(file.replaceAll("_", " ")),
  );
  if (dev && !found.some(([side]) => side === "train"))
    found.unshift(["train", found.splice(found.indexOf(dev), 1)[0]![1]]);
  const sides: Record<string, string> = Object.fromEntries(found);
  const different = new Set(Object.values(sides)).size === found.length;
  return found.length > 1 && different && sides.train !== undefined ? sides : undefined;
}

async function tables({ directory, others, sounds }: Contents): Promise<Guess[]> {
  const guesses: Guess[] = [];
  const splits = new Map<string, string>();
  const byHeader = new Map<string, { file: string; options: Record<string, unknown> }[]>();
  for (const file of others.filter((name) => /\.[ct]sv$/i.test(name))) {
    const read = await readAnyCsv(directory, file);
    if (!read || read.table.rows.length === 0) continue;
    const { table, form } = read;
    const pattern = patternFor(table, sounds);
    if (pattern === undefined) continue;
    const keys = table.header.find((name) => /\.midi?$/i.test(table.rows[0]!.cells[name] ?? ""));
    const target = keys === undefined ? targetOf(table) : { keys };
    if (!target) continue;
    const names = table.rows.map(({ cells }) => filled(pattern, cells));
    const parts = new Set(names).size < names.length ? partsOf(table) : {};
    const options = { file: pattern, ...target, ...parts, ...form };
    guesses.push({ what: tableName(file), call: "fromCsv", given: [file, options] });
    const split = table.header.find((name) => /^split$/i.test(name));
    if (split !== undefined) splits.set(file, split);
    const key = `${posix.dirname(file)} ${table.header} ${JSON.stringify({ ...options, unlabelled: undefined })}`;
    byHeader.set(key, [...(byHeader.get(key) ?? []), { file, options }]);
  }
  // Tables of the same columns that are called as sides are: train.tsv, dev.tsv, test.tsv.
  const joined = [...byHeader.values()].flatMap((same): Guess[] => {
    const sides = sidesOf(same.map(({ file }) => posix.basename(file)));
    if (!sides) return [];
    const named = Object.fromEntries(
      Object.entries(sides).map(([side, name]) => [side, posix.join(posix.dirname(same[0]!.file), name)]),
    );
    return [
      {
        what: `${tableName(named.train!)}, a table for each side`,
        call: "fromCsv",
        given: [named, Object.assign({}, ...same.map(({ options }) => options))],
      },
    ];
  });
  return [...joined, ...devAndEval(guesses, splits), ...guesses];
}

/** Two tables that name their sounds in folders of their own: FSD50K's dev.csv, which may say what validates, and eval.csv. */
function devAndEval(guesses: readonly Guess[], splits: ReadonlyMap<string, string>): Guess[] {
  const named = (names: RegExp): Guess | undefined =>
    guesses.find(({ given }) => names.test(posix.basename(given[0] as string).replaceAll("_", " ")));
  const [dev, evaluation] = [named(/\bdev\b/i), named(SIDE.test)];
  if (!dev || !evaluation || dev === evaluation || named(SIDE.train)) return [];
  const [devOptions, options] = [dev.given[1], evaluation.given[1]] as Record<string, unknown>[];
  const same = (["label", "labels", "group"] as const).every((name) => devOptions![name] === options![name]);
  if (!same || devOptions!.file === options!.file) return [];
  const split = splits.get(dev.given[0] as string);
  const what = `${dev.what}, with eval for testing`;
  const given = [dev.given[0], { ...devOptions, ...(split === undefined ? { side: "train" } : { split }) }];
  return [{ ...dev, what, given, and: [evaluation.given[0], { ...options, side: "test" }] }];
}

function partsOf({ header }: Table): Record<string, string> {
  const find = (names: RegExp): string | undefined => header.find((name) => names.test(name));
  const [start, end, duration] = [find(START), find(END), find(DURATION)];
  if (start === undefined) return {};
  return { start, ...(end !== undefined ? { end } : duration !== undefined ? { duration } : {}) };
}

/** What a table is known as. */
function tableName(file: string): string {
  const known: readonly [RegExp, string][] = [
    [/esc50\.csv$/i, "ESC-50"],
    [/UrbanSound8K\.csv$/i, "UrbanSound8K"],
    [/features_\d+_sec\.csv$/i, "GTZAN's table"],
    [/FSD50K.*\.csv$/i, "FSD50K"],
    [/maestro.*\.csv$/i, "MAESTRO"],
    [/(^|\/)(train|dev|test|validated)\.tsv$/i, "Common Voice's tables"],
  ];
  return known.find(([name]) => name.test(file))?.[1] ?? `a table (${file})`;
}

async function readAnyCsv(directory: string, file: string): Promise<{ table: Table; form: object } | undefined> {
  for (const form of [{}, { quote: false }, { delimiter: ";" }]) {
    try {
      const table = await readCsv(directory, file, form, () => undefined);
      if (table.header.length > 1) return { table, form };
    } catch {
      // Another form may do.
    }
  }
  return undefined;
}

async function manifests({ directory, others }: Contents): Promise<Guess[]> {
  const guesses: Guess[] = [];
  for (const file of others.filter((name) => /\.jsonl?(\.gz)?$/i.test(name) || /(^|\/)metadata\.csv$/i.test(name))) {
    try {
      const csv = /\.csv$/i.test(file);
      const entries = csv ? [] : await readEntries(directory, file);
      const form = csv ? "huggingface" : formOf(entries);
      if (form === undefined) continue;
      const { custom = {}, supervisions = [], ...own } = entries[0]?.value ?? {};
      const inside = { ...own, ...(supervisions as object[])[0] } as Record<string, unknown>;
      const header = csv
        ? (await readCsv(directory, file, {}, () => undefined)).header
        : [
            ...Object.keys(inside),
            ...Object.keys({ ...(custom as object), ...(inside.custom as object) }).map((name) => `custom.${name}`),
          ];
      const rows = entries.slice(0, 100).map(({ line, value }) => {
        const cells = Object.entries(value).map(([name, cell]) => [
          name,
          Array.isArray(cell) ? JSON.stringify(cell) : String(cell),
        ]);
        return { line, cells: Object.fromEntries(cells) as Record<string, string> };
      });
      const named = targetOf({ header, rows }) ?? (header.includes("speaker") ? { label: "speaker" } : undefined);
      const several =
        form === "lhotse cuts" && entries.some(({ value }) => (value.supervisions as object[]).length !== 1);
      const target = named && several ? { events: named.label ?? named.labels } : named;
      if (target) guesses.push({ what: FORMS[form]!, of: file, call: "fromManifest", given: [file, target] });
    } catch {
      // No manifest, whatever it is.
    }
  }
  return [...manifestsBySide(guesses), ...guesses];
}

/** Manifests that say the same of each side: `train/metadata.jsonl`, `test/metadata.jsonl`. */
function manifestsBySide(guesses: readonly Guess[]): Guess[] {
  const alike = new Map<string, Guess[]>();
  for (const guess of guesses) {
    const key = `${guess.what} ${JSON.stringify(guess.given[1])}`;
    alike.set(key, [...(alike.get(key) ?? []), guess]);
  }
  return [...alike].flatMap(([, same]): Guess[] => {
    const sides = sidesOf(same.map(({ given }) => given[0] as string));
    const what = `${same[0]!.what}, a manifest for each side`;
    return sides ? [{ what, call: "fromManifest", given: [sides, same[0]!.given[1]] }] : [];
  });
}

const FORMS: Record<string, string> = {
  "lhotse cuts": "lhotse's cuts",
  "lhotse supervisions": "lhotse's supervisions",
  nemo: "a manifest of NeMo's",
  huggingface: "Hugging Face's metadata",
  nsynth: "NSynth",
};

/** Tables of events that name their sounds. */
async function eventTables({ directory, others, sounds }: Contents): Promise<Guess[]> {
  const guesses: Guess[] = [];
  const bases = new Set(sounds.map((sound) => posix.basename(sound).replace(AUDIO_FILE, "")));
  for (const file of others) {
    const known = /\.(rttm|ctm)$/i.exec(file)?.[1]?.toUpperCase();
    // One for each sound: `tablesBeside`.
    if (known && bases.has(posix.basename(file).slice(0, -1 - known.length))) continue;
    if (known) guesses.push({ what: known, of: file, call: "fromEvents", given: [file] });
    else if (posix.basename(file) === "segments")
      guesses.push({ what: "Kaldi's segments", of: file, call: "fromEvents", given: [file] });
    else if (/\.(csv|tsv|txt)$/i.test(file)) {
      const text = (await textOf(join(directory, file))) ?? "";
      try {
        const { columns } = findLayout(text, file);
        const early = columns.onset === EVENT_FORMATS.audioset.columns.onset;
        const what = early ? "AudioSet's strong labels" : "a table of events";
        if (columns.file !== undefined && (columns.label ?? columns.pitch) !== undefined)
          guesses.push({ what, of: file, early, call: "fromEvents", given: [file, { missing: "skip" }] });
      } catch {
        // No table of events.
      }
    }
  }
  return guesses;
}

/** Tables of one sound each, called as it is. */
function tablesBeside({ others, sounds, inputFolder }: Contents): Guess[] {
  const patterns = new Map<string, number>();
  const bases = new Map(
    sounds.map((sound) => [posix.basename(sound).replace(AUDIO_FILE, ""), sound.replace(AUDIO_FILE, "")]),
  );
  for (const file of others) {
    const [, base = "", ending = ""] =
      /^(.*?)((?:\.[\w ]+)*\.(?:TextGrid|jams|rttm|ctm|txt|csv|tsv|lab))$/i.exec(posix.basename(file)) ?? [];
    const sound = bases.get(base);
    if (sound === undefined) continue;
    const beside = posix.dirname(file) === posix.join(inputFolder, posix.dirname(sound));
    const pattern = beside
      ? posix.join(inputFolder, `{name}${ending}`)
      : posix.join(posix.dirname(file), `{base}${ending}`);
    patterns.set(pattern, (patterns.get(pattern) ?? 0) + 1);
  }
  const sides = sidesOf([...patterns.keys()]);
  const what = "a table of events for each sound, in a folder for each side";
  const joined: Guess[] = sides ? [{ what, call: "fromEvents", given: [sides, { missing: "skip" }] }] : [];
  const single = [...patterns].map(([pattern, count]): Guess => {
    const options = count < sounds.length ? [{ missing: "skip" }] : [];
    return { what: "a table of events for each sound", of: pattern, call: "fromEvents", given: [pattern, ...options] };
  });
  return [...joined, ...single];
}

/** Wavs that are looked into for cue points. */
const LOOKED = 100;

/** Cue points inside wavs, where half of them or more have some. */
async function cuesInside({ directory, inputFolder, sounds }: Contents): Promise<Guess[]> {
  const wavs = sounds.filter((sound) => /\.wav$/i.test(sound));
  const looked = wavs.filter((_, i) => i % Math.ceil(wavs.length / LOOKED) === 0);
  let marked = 0;
  for (const wav of looked) if (await hasCues(join(directory, inputFolder, wav))) marked++;
  if (marked === 0 || marked * 2 < looked.length) return [];
  const options = { format: "cues", ...(wavs.length < sounds.length ? { missing: "skip" } : {}) };
  const pattern = posix.join(inputFolder, `{name}${posix.extname(wavs[0]!)}`);
  return [{ what: "wavs with cue points inside", call: "fromEvents", given: [pattern, options] }];
}

/** What the names of folders and sounds say. */
function folders({ sounds, others, inputFolder }: Contents): Guess[] {
  const guesses: Guess[] = [];
  if (inputFolder === "in" && sounds.length > 0)
    guesses.push({
      what: "pairs of the same name",
      call: "pairBy",
      given: [{ input: "{name}", target: "{name}" }, { unpaired: "skip" }],
    });
  const ravdess = sounds.length > 0 && sounds.every((sound) => /(^|\/)\d\d(-\d\d){6}\.wav$/.test(sound));
  if (ravdess) {
    const label = "{modality}-{channel}-{class}-{intensity}-{statement}-{repetition}-{group}.wav";
    guesses.push({ what: "RAVDESS", call: "fromFolder", given: [{ label }] });
  }
  if (others.includes("validation_list.txt") && others.includes("testing_list.txt")) {
    const splits = { validate: "validation_list.txt", test: "testing_list.txt" };
    guesses.push({ what: "Speech Commands", call: "fromFolder", given: [{ splits }] });
  }
  // The folder below which there are several.
  const depth = commonFolder(sounds);
  const what = "a folder for each class";
  const given = depth === "" ? {} : { folder: depth.slice(0, -1) };
  // Speakers and their videos, chapters or sessions: `id10001/1zcIwhmdeo4/00001.wav`.
  const parts = sounds.map((sound) => sound.slice(depth.length).split("/"));
  const [ending = "", ...otherEndings] = new Set(sounds.map((sound) => posix.extname(sound)));
  const isSides = (k: number): boolean => {
    const read = splitReader(parts.map((names) => names[k]!));
    return parts.every((names) => read(names[k]!) !== undefined);
  };
  const grouped = parts.length > 0 && otherEndings.length === 0 && parts.every((names) => names.length === 3);
  const label = `{class}/{group}/{name}${ending}`;
  if (grouped && !isSides(0) && !isSides(1))
    guesses.push({ what: `${what}, with groups below`, call: "fromFolder", given: [{ ...given, label }] });
  if (sounds.some((sound) => sound.slice(depth.length).includes("/")))
    guesses.push({ what, call: "fromFolder", given: depth === "" ? [] : [given] });
  return guesses;
}

/** The folders that all sounds lie in, with a slash behind. */
function commonFolder(sounds: readonly string[]): string {
  const [first = ""] = sounds;
  const parts = first.split("/").slice(0, -1);
  let common = "";
  for (const part of parts) {
    const next = `${common}${part}/`;
    if (!sounds.every((sound) => sound.startsWith(next))) break;
    common = next;
  }
  return common;
}
