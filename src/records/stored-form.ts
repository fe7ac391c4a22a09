import { addressProblem, isAddress, nameProblem, shownName, soundIn } from "../core/names.js";
import type { Misfit } from "../system/sealed-json.js";
import { BYTES_PER_SAMPLE, type Manifest, type ShardEntry, type Sources } from "./manifest.js";
import type { BuildPlan, PlanFacts, PlannedShard } from "./plan.js";
import type { Row } from "../core/rows.js";
import type { ShardIndex } from "./shard-index.js";

/*
 * What manifests, plans, journals and indexes must hold before they are used. A dataset may come from anywhere: its
 * files may say anything, and no name in them leads out of its folder.
 */

const KINDS: readonly string[] = ["pairs", "classes", "values", "frames"];

/** Whether `file` is a shard of dataset `name` in the dataset's own folder, `N<k>.tfrecord`. */
export function isShardFile(name: string, file: unknown): file is string {
  if (typeof file !== "string" || !file.startsWith(name)) return false;
  return /^(0|[1-9]\d{0,8})\.tfrecord$/.test(file.slice(name.length));
}

/** What is wrong with a manifest of dataset `name`, but for its shards. */
export function manifestMisfit(m: Manifest, name: string): Misfit | undefined {
  return (
    headMisfit(m, name, 1) ??
    (isCount(m.examples) ? undefined : misfit("examples", m.examples, "a whole number")) ??
    (isRange(m.samples) ? undefined : misfit("samples", m.samples, "min and max")) ??
    (typeof m.fingerprint === "string" ? undefined : misfit("fingerprint", m.fingerprint, "text")) ??
    folderMisfit(m.inputFolder) ??
    folderMisfit(m.targetFolder)
  );
}

/** What is wrong with the shards of a manifest of dataset `name`. */
export function shardsMisfit(m: Manifest, name: string): Misfit | undefined {
  if (!Array.isArray(m.shards)) return misfit("shards", m.shards, "a list");
  const wrong = first(m.shards, (shard) => entryMisfit(shard, name));
  return (
    wrong ??
    sumMisfit(
      m.examples,
      m.shards.reduce((sum, { examples }) => sum + examples, 0),
    )
  );
}

/** What is wrong with the number of examples that a manifest gives, where its shards have `sum`. */
export function sumMisfit(examples: number, sum: number): Misfit | undefined {
  return sum === examples ? undefined : misfit("examples", examples, `${sum}, those of all shards together`);
}

/** What is wrong with a shard as a manifest of dataset `name`, or the entry in the staging folder, lists it. */
export function entryMisfit(shard: ShardEntry, name: string): Misfit | undefined {
  if (!isShardFile(name, shard?.file)) return misfit("shard", shard?.file, `${name}<k>.tfrecord`);
  const { file, examples, bytes, sha256, samples, key, sources, sparsestKeys: keys, latestKeys: late } = shard;
  if (keys !== undefined && !(typeof keys?.file === "string" && isCount(keys.rows) && isCount(keys.samples))) {
    return misfit(`key csv of ${file}`, keys, "its name, rows and samples");
  }
  if (late !== undefined && !(typeof late?.file === "string" && isCount(late.time) && isCount(late.samples))) {
    return misfit(`key csv of ${file}`, late, "its name, last time stamp and samples");
  }
  if (!isCount(examples) || !isCount(bytes) || typeof sha256 !== "string" || !isRange(samples) || !isText(key)) {
    return misfit(`entry of ${file}`, { examples, bytes, sha256, samples, key }, "numbers of examples and bytes");
  }
  return sources === undefined ? undefined : sourcesMisfit(sources, file);
}

/** What is wrong with the sources of the shard `file`. */
export function sourcesMisfit(sources: Sources, file: string): Misfit | undefined {
  const columns = [sources?.path, sources?.bytes, sources?.mtimeMs, sources?.ctimeMs, sources?.crc32c];
  if (!columns.every((c) => Array.isArray(c) && c.length === sources.path.length)) {
    return misfit(`sources of ${file}`, typeof sources, "columns of one length");
  }
  const { version } = sources;
  if (version !== undefined && !(isTexts(version) && version.length === sources.path.length))
    return misfit(`versions of the sources of ${file}`, typeof version, "a text for each");
  return first(sources.path, soundMisfit);
}

/** What is wrong with a plan in one piece; `name` is the dataset's, where the plan isn't all there is to say it. */
export function planMisfit(p: BuildPlan, name: unknown = p.name): Misfit | undefined {
  if (typeof name !== "string") return misfit("name", name, "text");
  if (!Array.isArray(p.shards)) return misfit("shards", p.shards, "a list");
  const wrong = headMisfit(p, name, 1) ?? fileMisfit(name) ?? sourceMisfit(p.source);
  if (wrong) return wrong;
  const { source } = p;
  const rows = "recipe" in source ? undefined : source.rows;
  if (rows !== undefined && !Array.isArray(rows)) return misfit("rows", rows, "a list");
  return (
    (rows && rowsMisfit(rows, source as Folders)) ??
    first(p.shards, (shard) => plannedMisfit(shard, name, rows?.length ?? Infinity))
  );
}

/** What is wrong with the head of a plan's file, as `planMisfit` says of one in one piece. */
export function planHeadMisfit(p: PlanHead, name: unknown = p.name): Misfit | undefined {
  if (typeof name !== "string") return misfit("name", name, "text");
  return (
    headMisfit(p, name, 2) ??
    fileMisfit(name) ??
    sourceMisfit(p.source) ??
    (isCount(p.examples) ? undefined : misfit("examples", p.examples, "a whole number"))
  );
}

/** The head of a plan's file: its facts and the number of rows. */
export type PlanHead = PlanFacts & { format: 2; examples: number };

/** What is wrong with a shard of a plan of `count` rows. */
export function plannedMisfit(shard: Omit<PlannedShard, "key">, name: string, count: number): Misfit | undefined {
  if (!isShardFile(name, shard?.file)) return misfit("shard", shard?.file, `${name}<k>.tfrecord`);
  const { file, from, to } = shard;
  const cut = isCount(from) && isCount(to) && from < to && to <= count;
  return cut ? undefined : misfit(`rows of ${file}`, [from, to], `from and to within 0 to ${count}`);
}

/** What is wrong with a file that a publication moves or removes. */
export function movedMisfit(file: unknown, name: string): Misfit | undefined {
  const shard = typeof file === "string" ? file.replace(/\.index$/, ".tfrecord") : file;
  return isShardFile(name, shard) ? undefined : misfit("file", file, `${name}<k>.tfrecord or its index`);
}

/** Columns that say where something begins in the shard, and how many bytes it has. */
const RUNS = [
  ["offset", "length"],
  ["inputAt", "inputBytes"],
  ["targetAt", "targetBytes"],
  ["labelAt", "labelBytes"],
] as const;

/** What is wrong with an index. */
export function indexMisfit(index: ShardIndex): Misfit | undefined {
  if (index.format !== 1) return misfit("format", index.format, "1");
  const count = Array.isArray(index.offset) ? index.offset.length : -1;
  const column = (key: keyof ShardIndex, fits: (value: unknown) => boolean): Misfit | undefined => {
    const values = index[key];
    const whole = Array.isArray(values) && values.length === count && values.every(fits);
    return whole ? undefined : misfit(`column ${key}`, typeof values, "an entry per example");
  };
  const isNumbers = (list: unknown): boolean => Array.isArray(list) && list.every((v) => typeof v === "number");
  return (
    (isCount(index.bytes) && typeof index.sha256 === "string" && isText(index.key)
      ? undefined
      : misfit("shard", { bytes: index.bytes, sha256: index.sha256 }, "its bytes and hash")) ??
    first(["id", ...RUNS.flat()] as const, (key) => column(key, Number.isSafeInteger)) ??
    first(["name", "group"] as const, (key) => column(key, (v) => typeof v === "string")) ??
    first(["indices", "values"] as const, (key) => column(key, isNumbers)) ??
    first(RUNS, ([at, bytes]) => runMisfit(index, at, bytes)) ??
    (index.audio === "flac" ? blocksMisfit(index) : undefined)
  );
}

/** What of the blocks of FLACs doesn't come out at their bytes. */
function blocksMisfit(index: ShardIndex): Misfit | undefined {
  const [input, target] = [["inputBlocks", "inputBytes"] as const, ["targetBlocks", "targetBytes"] as const];
  return first(index.targetBlocks ? [input, target] : [input], ([key, bytes]) => {
    const lists = index[key];
    const fits = (list: unknown, i: number): boolean => {
      if (!Array.isArray(list) || !list.every((value) => isCount(value) && value > 0)) return false;
      const [samples, block, ...sizes] = list as number[];
      const sum = sizes.reduce((total, size) => total + size, 0);
      return sizes.length === Math.ceil(samples! / block!) + 1 && sum === index[bytes][i];
    };
    const whole = Array.isArray(lists) && lists.length === index.offset.length && (lists as unknown[]).every(fits);
    return whole ? undefined : misfit(`column ${key}`, typeof lists, "the bytes of every block");
  });
}

/** What isn't inside the shard; a position of -1 says that there is none. */
function runMisfit(
  index: ShardIndex,
  at: (typeof RUNS)[number][0],
  bytes: (typeof RUNS)[number][1],
): Misfit | undefined {
  const wrong = index[at].findIndex((from, k) => {
    const size = index[bytes][k]!;
    return from === -1 ? at === "offset" : from < 0 || size < 0 || from + size > index.bytes;
  });
  if (wrong < 0) return undefined;
  const found = { [at]: index[at][wrong], [bytes]: index[bytes][wrong] };
  return misfit(`example ${wrong}`, found, `a place in the ${index.bytes} bytes of the shard`);
}

/** What manifest and plan have in common. */
function headMisfit(head: Manifest | BuildPlan | PlanHead, name: string, expected: 1 | 2): Misfit | undefined {
  const { format, kind, encoding, sampleRate, channels, width, inputSize, labels, sides, indexFiles, listing } = head;
  if (format !== expected) return misfit("format", format, String(expected));
  if (head.name !== name) return misfit("name", head.name, JSON.stringify(name));
  if (!KINDS.includes(kind)) return misfit("kind", kind, KINDS.join(", "));
  if (!Object.hasOwn(BYTES_PER_SAMPLE, encoding)) {
    return misfit("encoding", encoding, Object.keys(BYTES_PER_SAMPLE).join(", "));
  }
  for (const [key, value] of Object.entries({ sampleRate, channels, width: width ?? 0, inputSize: inputSize ?? 0 })) {
    if (!isCount(value)) return misfit(key, value, "a whole number");
  }
  if (labels !== undefined && !isTexts(labels)) return misfit("labels", labels, "a list of names");
  if (sides !== undefined && !(Array.isArray(sides?.validate) && Array.isArray(sides.test))) {
    return misfit("sides", sides, "validate and test");
  }
  if (listing !== undefined && !(isTexts(listing?.folders) && isTexts(listing.unused))) {
    return misfit("listing", listing, "folders and unused files");
  }
  if (indexFiles !== undefined && !Array.isArray(indexFiles)) return misfit("indexFiles", indexFiles, "a list");
  return (
    first(listing?.folders ?? [], folderMisfit) ??
    first(indexFiles ?? [], (index) =>
      typeof index?.sha256 === "string" ? fileMisfit(index.file) : misfit("index file", index, "its name and hash"),
    )
  );
}

type Folders = { inputFolder: string; targetFolder: string };

function sourceMisfit(source: PlanFacts["source"] | null | undefined): Misfit | undefined {
  if (typeof source !== "object" || source === null) return misfit("source", source, "rows or a recipe");
  if ("recipe" in source) {
    const recipe: unknown = source.recipe;
    return typeof recipe === "object" && recipe !== null ? undefined : misfit("recipe", recipe, "an object");
  }
  return folderMisfit(source.inputFolder ?? null) ?? folderMisfit(source.targetFolder ?? null);
}

/** What is wrong with rows of a plan. */
export function rowsMisfit(rows: readonly Row[], { inputFolder, targetFolder }: Folders): Misfit | undefined {
  return first(rows, (row) => {
    if (typeof row?.input !== "string" || !isText(row.target) || !isText(row.keys) || !Number.isInteger(row.id)) {
      return misfit("row", row, "its number and files");
    }
    if (row.events !== undefined && !isEvents(row.events)) return misfit("events", row.events, "lists of four numbers");
    if (![row.start, row.end].every((time) => time === undefined || (Number.isFinite(time) && time >= 0)))
      return misfit("part", [row.start, row.end], "seconds");
    if (![row.seen?.input, row.seen?.target].every(isSeen)) return misfit("seen", row.seen, "bytes and version");
    return (
      soundMisfit(soundIn(inputFolder, row.input)) ??
      (row.target === undefined ? undefined : soundMisfit(soundIn(targetFolder, row.target))) ??
      (row.keys === undefined ? undefined : fileMisfit(row.keys))
    );
  });
}

function fileMisfit(file: unknown): Misfit | undefined {
  const wrong = typeof file === "string" ? nameProblem(file) : "is no text";
  return wrong === undefined ? undefined : misfit("name", file, "one that stays in the dataset's folder");
}

/** As `fileMisfit`, of a sound, which may be at an address. */
function soundMisfit(file: unknown): Misfit | undefined {
  if (typeof file !== "string" || !isAddress(file)) return fileMisfit(file);
  if (addressProblem(file) === undefined) return undefined;
  return misfit("name", shownName(file), "s3://bucket/file or https://host/file, without user, password and query");
}

/** As `fileMisfit`; "" and undefined are the dataset's folder itself. */
function folderMisfit(folder: unknown): Misfit | undefined {
  return folder === undefined || folder === "" ? undefined : fileMisfit(folder);
}

function misfit(what: string, found: unknown, expected: string): Misfit {
  return { found: `${what} ${(JSON.stringify(found) ?? "missing").slice(0, 200)}`, expected };
}

function first<T>(list: readonly T[], check: (value: T) => Misfit | undefined): Misfit | undefined {
  for (const value of list) {
    const wrong = check(value);
    if (wrong) return wrong;
  }
  return undefined;
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isRange(range: unknown): boolean {
  const { min, max } = (range ?? {}) as { min?: unknown; max?: unknown };
  return typeof min === "number" && typeof max === "number";
}

function isEvents(value: unknown): boolean {
  const fits = (event: unknown): boolean =>
    Array.isArray(event) && event.length === 4 && event.every((n) => typeof n === "number" && Number.isFinite(n));
  return Array.isArray(value) && value.every(fits);
}

function isSeen(value: unknown): boolean {
  const { bytes, version } = (value ?? { bytes: 0, version: "" }) as { bytes?: unknown; version?: unknown };
  return isCount(bytes) && typeof version === "string";
}

function isText(value: unknown): boolean {
  return value === undefined || typeof value === "string";
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((text) => typeof text === "string");
}
