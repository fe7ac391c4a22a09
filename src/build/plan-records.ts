import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { encodeFlac } from "../audio/encode-flac.js";
import { checkConversion } from "../audio/convert.js";
import type { CheckedFile } from "../check/check-files.js";
import { DatasetError, problemsError } from "../core/error.js";
import { checkKnown } from "../core/known-options.js";
import { checkOnDamaged } from "../format/verdict.js";
import { checkLabelOptions, storedTimeUnit } from "../format/labels.js";
import { FILE_NAMES, listFolders } from "../sources/list-audio.js";
import { BYTES_PER_SAMPLE, hashIndexFiles } from "../records/manifest.js";
import { shardNumber } from "../records/files.js";
import { openManifest } from "../records/read-stored.js";
import { isShardFile } from "../records/stored-form.js";
import { withFetchPool } from "../storage/fetch-file.js";
import { workerCount } from "../system/pool.js";
import { type Probe, type ProbeTask, readLabelNames } from "./probe-sources.js";
import { type Recipe, recipeSamples, recipeSize } from "../generate/recipe.js";
import { runTask } from "../system/task.js";
import type { DatasetIndex, Kind, Row, SeenFile } from "../core/rows.js";
import { type BuildPlan, RECORD_OPTIONS, type RecordOptions } from "../records/plan.js";
import { isAddress, nameProblem, soundIn } from "../core/names.js";

const MOST_EXAMPLES = 2400;
const MOST_BYTES = 150e6;
const LEAST_BYTES = 16e6;
/** What an example takes beyond its samples, about: framing, keys, name. */
const EXTRA_BYTES = 160;

/**
 * Plans the records of a dataset: reads the header of every source, picks the encoding and cuts the rows into shards.
 *
 * @param checked what a check has read of the sources already; without it their headers are read now
 * @throws DatasetError "CHECK" with every source that is missing, damaged or of another sample rate or channel count;
 * "OPTION" for options that don't fit
 * @example const plan = await planRecords("./data", "dataset", index, { encoding: "pcm16" });
 */
export async function planRecords(
  directory: string,
  name: string,
  source: DatasetIndex | Recipe,
  options: RecordOptions = {},
  checked: readonly CheckedFile[] = [],
): Promise<BuildPlan> {
  const wrong = nameProblem(name);
  if (wrong) throw new DatasetError("OPTION", `dataset name ${JSON.stringify(name)} ${wrong}`);
  checkKnown("planRecords", options, RECORD_OPTIONS);
  checkOptions(source.kind, options);
  const plan =
    "rows" in source
      ? await planFiles(directory, name, source, options, checked)
      : planRecipeRecords(name, source, options);
  await refuseForm(directory, plan);
  return plan;
}

/** What can't be built is refused before anything is written. */
export async function refuseForm(directory: string, plan: Form & Pick<BuildPlan, "name" | "shards">): Promise<void> {
  // A form that FLAC doesn't have, or no libsndfile.
  if (plan.encoding === "flac") encodeFlac(new Int16Array(plan.channels), plan, `dataset ${JSON.stringify(plan.name)}`);
  await refuseSharedNames(directory, plan);
}

function planRecipeRecords(name: string, recipe: Recipe, options: RecordOptions): BuildPlan {
  const encoding = options.encoding ?? "pcm16";
  const bytes = 2 * recipeSamples(recipe) * BYTES_PER_SAMPLE[encoding] + EXTRA_BYTES;
  return {
    format: 1,
    name,
    kind: "pairs",
    encoding,
    sampleRate: recipe.sampleRate,
    channels: 1,
    source: { recipe },
    shards: cutShards(name, new Float64Array(recipeSize(recipe)).fill(bytes), options),
  };
}

async function planFiles(
  directory: string,
  name: string,
  index: DatasetIndex,
  options: RecordOptions,
  checked: readonly CheckedFile[],
): Promise<BuildPlan> {
  const { kind, rows } = index;
  const { inputFolder = "in", targetFolder = "out" } = index;
  if (rows.length === 0) throw new DatasetError("INDEX", `index ${index.file}: no rows, expected one line per example`);
  const inputs = rows.map((row) => soundIn(inputFolder, row.input));
  const targets = kind === "pairs" ? rows.map((row) => soundIn(targetFolder, row.target ?? "")) : [];
  const tables = kind === "frames" && rows[0]!.events !== undefined;
  const keys = kind === "frames" && !tables ? rows.map((row) => row.keys ?? "") : [];
  const headers = new Map(checked.map((file) => [file.file, file]));
  const probe =
    probeOf([...inputs, ...targets], headers) ??
    (await probeAll(directory, [...inputs, ...targets], keys, headers, options));
  const form = formOf(probe, options);
  const sizes = rows.map(({ start = 0, end = Infinity }, i) => {
    const most = (end - start) * probe.sampleRate * probe.channels;
    const samples =
      Math.min(most, probe.samples[i]!) + (kind === "pairs" ? Math.min(most, probe.samples[rows.length + i]!) : 0);
    return rowBytes(samples, probe, form);
  });
  const indexFiles = [...new Set([index.file, ...(index.besides ?? [])])].filter((file) => file !== FILE_NAMES);
  const labels =
    kind === "frames" && !tables
      ? (headers.get(inputs[0]!)?.labels ?? (await readLabelNames(join(directory, keys[0]!), keys[0]!, options)))
      : index.labels;
  const width = kind === "pairs" ? undefined : (labels?.length ?? rows[0]?.values?.length);
  return {
    format: 1,
    ...soundFacts({ name, kind, width, labels }, form, options),
    ...(kind === "frames"
      ? {
          timeUnit: tables ? "samples" : storedTimeUnit(keys[0]!, options.timeUnit),
          labelOptions: labelOptions(options),
        }
      : {}),
    ...(options.inputSize && kind === "frames" ? { inputSize: options.inputSize } : {}),
    source: { rows: withSeen(rows, new Map(probe.seen)), inputFolder, targetFolder },
    ...publishedSides(rows),
    indexFiles: await hashIndexFiles(directory, indexFiles),
    ...(index.folders ? { listing: await listing(directory, index.folders, [...inputs, ...targets]) } : {}),
    shards: cutShards(name, sizes, options),
  };
}

/** What sounds are. */
export type Shape = Pick<Probe, "sixteenBit" | "sampleRate" | "channels">;
type Form = Pick<BuildPlan, "encoding" | "sampleRate" | "channels">;

/** How sounds of this shape are stored. */
export function formOf(shape: Shape, options: RecordOptions): Form {
  const encoding = options.encoding ?? (shape.sixteenBit ? "pcm16" : "float32");
  const { sampleRate = shape.sampleRate, channels = shape.channels } = options.convert ?? {};
  return { encoding, sampleRate, channels };
}

/** Bytes that an example of this many samples takes, about. */
export function rowBytes(samples: number, shape: Shape, { encoding, sampleRate, channels }: Form): number {
  const grown = (sampleRate * channels) / (shape.sampleRate * shape.channels);
  return Math.round(samples * grown) * BYTES_PER_SAMPLE[encoding] + EXTRA_BYTES;
}

/** What a plan says of its sounds, whatever lists them. */
export function soundFacts(
  {
    name,
    kind,
    width,
    labels,
  }: { [K in "name" | "kind" | "width" | "labels"]: BuildPlan[K] | undefined } & Pick<BuildPlan, "name" | "kind">,
  form: Form,
  options: RecordOptions,
): Pick<BuildPlan, "name" | "kind" | "convert" | "onDamaged" | "width" | "labels"> & Form {
  return {
    name,
    kind,
    ...form,
    ...(options.convert ? { convert: options.convert } : {}),
    ...(options.onDamaged === "warn" ? { onDamaged: "warn" as const } : {}),
    ...(width === undefined ? {} : { width }),
    ...(labels ? { labels } : {}),
  };
}

/** What is in the folders beside the sources, so that later additions are noticed. */
async function listing(
  directory: string,
  folders: readonly string[],
  sources: readonly string[],
): Promise<{ folders: readonly string[]; unused: string[] }> {
  const used = new Set(sources);
  return { folders, unused: (await listFolders(directory, folders)).filter((file) => !used.has(file)) };
}

function publishedSides(rows: readonly Row[]): Pick<BuildPlan, "sides"> {
  const on = (side: Row["split"]): number[] => rows.flatMap(({ id, split }) => (split === side ? [id] : []));
  return rows.some(({ split }) => split) ? { sides: { validate: on("validate"), test: on("test") } } : {};
}

/** Rows with what their files at addresses are, so that none is replaced before it is built from. */
function withSeen(rows: readonly Row[], seen: ReadonlyMap<string, SeenFile>): readonly Row[] {
  if (seen.size === 0) return rows;
  return rows.map((row) => {
    const [input, target] = [seen.get(row.input), seen.get(row.target ?? "")];
    return input || target ? { ...row, seen: { ...(input && { input }), ...(target && { target }) } } : row;
  });
}

/** The options that decide how labels are read, out of all. */
function labelOptions(options: RecordOptions): BuildPlan["labelOptions"] {
  const { timeUnit, pitches, targets, velocity, sustain, percussion } = options;
  return JSON.parse(JSON.stringify({ timeUnit, pitches, targets, velocity, sustain, percussion }));
}

/** @throws DatasetError "OPTION" for options that don't fit */
export function checkOptions(kind: Kind, options: RecordOptions): void {
  const { encoding, examplesPerFile, shardBytes, inputSize } = options;
  if (encoding !== undefined && !Object.hasOwn(BYTES_PER_SAMPLE, encoding)) {
    throw new DatasetError(
      "OPTION",
      `encoding: ${JSON.stringify(encoding)}, expected "pcm16", "flac", "float32" or "float16"`,
    );
  }
  checkOnDamaged(options.onDamaged);
  if (options.convert) checkConversion(options.convert);
  const whole = { examplesPerFile, shardBytes, inputSize };
  for (const [option, value] of Object.entries(whole)) {
    if (value === undefined || (Number.isSafeInteger(value) && value > 0)) continue;
    const found = typeof value === "number" ? value : JSON.stringify(value);
    throw new DatasetError("OPTION", `${option}: ${found}, expected a whole number of at least 1`);
  }
  if (kind === "frames") checkLabelOptions(options);
  if (kind === "frames" && options.timeUnit === "samples" && options.convert?.sampleRate !== undefined) {
    throw new DatasetError(
      "OPTION",
      'timeUnit: "samples", expected "seconds" or "frames" where the sample rate is converted',
    );
  }
  if (kind === "frames" && encoding === "float16" && inputSize === undefined) {
    throw new DatasetError(
      "OPTION",
      "inputSize: missing, expected the samples per frame: float16 stores a row of labels for each",
    );
  }
}

/** Cuts the rows into shards by their estimated sizes, in order; the cut doesn't depend on the number of workers. */
export function cutShards(name: string, sizes: ArrayLike<number>, options: RecordOptions): BuildPlan["shards"] {
  let total = 0;
  for (let i = 0; i < sizes.length; i++) total += sizes[i]!;
  const free = options.examplesPerFile === undefined && options.shardBytes === undefined;
  const mostExamples = options.examplesPerFile ?? (free ? MOST_EXAMPLES : Infinity);
  const fitting = Math.min(MOST_BYTES, Math.max(LEAST_BYTES, Math.ceil(total / 8)));
  const mostBytes = options.shardBytes ?? (free ? fitting : Infinity);
  const shards: BuildPlan["shards"] = [];
  let from = 0;
  let bytes = 0;
  for (let i = 0; i <= sizes.length; i++) {
    const full = i > from && (i - from >= mostExamples || bytes + (sizes[i] ?? 0) > mostBytes);
    if (full || (i === sizes.length && i > from)) {
      shards.push({ file: `${name}${shards.length}.tfrecord`, from, to: i });
      from = i;
      bytes = 0;
    }
    bytes += sizes[i] ?? 0;
  }
  return shards;
}

/** What a check found of these files, where it knows all of every one and they agree. */
function probeOf(files: readonly string[], headers: ReadonlyMap<string, CheckedFile>): Probe | undefined {
  const { sampleRate = 0, channels = 0 } = headers.get(files[0]!) ?? {};
  const samples: number[] = [];
  const seen: Probe["seen"] = [];
  let sixteenBit = true;
  for (const file of files) {
    const header = headers.get(file);
    if (header?.frames === undefined || header.sampleRate !== sampleRate || header.channels !== channels)
      return undefined;
    samples.push(header.frames * channels);
    sixteenBit &&= header.bitsPerSample === 16;
    if (header.seen) seen.push([file, header.seen]);
  }
  return { samples, sixteenBit, sampleRate, channels, rates: [], problems: [], seen };
}

/** Files per task of a worker. */
const PROBE_FILES = 1000;

async function probeAll(
  directory: string,
  audio: string[],
  keys: string[],
  checked: ReadonlyMap<string, CheckedFile>,
  options: RecordOptions,
): Promise<Probe> {
  const { onDamaged, workers, signal } = options;
  const parts = await withFetchPool(workerCount(workers), (pool, fetches) => {
    const tasks: Promise<Probe>[] = [];
    for (let i = 0; i < audio.length; i += PROBE_FILES) {
      const files = { audio: audio.slice(i, i + PROBE_FILES), keys: keys.slice(i, i + PROBE_FILES) };
      const known = knownOf(files.audio, checked);
      const task: ProbeTask = { directory, fetches, onDamaged, known, ...files };
      tasks.push(runTask<Probe>(pool, "probeSources", task, signal));
    }
    return Promise.all(tasks);
  });
  const problems = parts.flatMap((p) => p.problems);
  const sampleRate = parts.find((p) => p.sampleRate > 0)?.sampleRate ?? 0;
  const channels = parts.find((p) => p.channels > 0)?.channels ?? 0;
  for (const part of parts) {
    part.rates.forEach(({ file, ...found }) => {
      if (found.sampleRate !== sampleRate && options.convert?.sampleRate === undefined) {
        const message = `sample rate: ${found.sampleRate}, expected ${sampleRate} as in the first file (${file}); pass convert: { sampleRate }`;
        problems.push({ kind: "sampleRate", file, message });
      }
      if (found.channels !== channels && options.convert?.channels === undefined) {
        const message = `channels: ${found.channels}, expected ${channels} as in the first file (${file}); pass convert: { channels }`;
        problems.push({ kind: "channels", file, message });
      }
    });
  }
  if (problems.length > 0) throw problemsError("CHECK", "sources", problems);
  return {
    samples: parts.flatMap((p) => p.samples),
    sixteenBit: parts.every((p) => p.sixteenBit),
    sampleRate,
    channels,
    rates: [],
    problems: [],
    seen: parts.flatMap((p) => p.seen),
  };
}

/** What a check found of the files at addresses. */
function knownOf(files: readonly string[], checked: ReadonlyMap<string, CheckedFile>): Map<string, CheckedFile> {
  const known = new Map<string, CheckedFile>();
  for (const file of files) {
    const header = isAddress(file) ? checked.get(file) : undefined;
    if (header) known.set(file, header);
  }
  return known;
}

/** `a` with shard 12 and `a1` with shard 2 would both be `a12.tfrecord`. */
async function refuseSharedNames(directory: string, plan: Pick<BuildPlan, "name" | "shards">): Promise<void> {
  const end = ".manifest.json";
  for (const file of existsSync(directory) ? await readdir(directory) : []) {
    const other = file.slice(0, -end.length);
    if (!file.endsWith(end) || other === plan.name || !(other.startsWith(plan.name) || plan.name.startsWith(other)))
      continue;
    for await (const shard of (await openManifest(directory, other))?.shards() ?? []) {
      if (!isShardFile(plan.name, shard.file) || shardNumber(plan.name, shard.file) >= plan.shards.length) continue;
      throw new DatasetError(
        "OPTION",
        `shard ${shard.file}: belongs to dataset "${other}", expected a free name; choose another name than "${plan.name}"`,
      );
    }
  }
}
