import { existsSync } from "node:fs";
import { open, readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { DatasetError } from "./error.js";
import { decodeFeatures } from "./format/example.js";
import { fromFloat16 } from "./format/float16.js";
import type { LabelEvents } from "./format/keys.js";
import { checkPayload, RECORD_OVERHEAD, recordLength } from "./format/tfrecord.js";
import { toFloat32 } from "./format/wav.js";
import { BYTES_PER_SAMPLE, type Encoding, type Manifest, readManifest, recordsFingerprint } from "./manifest.js";
import type { Kind } from "./pair.js";
import { planPath, readPlan } from "./plan-file.js";
import { recoverPublication } from "./publish.js";
import { readIndexes } from "./read-indexes.js";
import { nameExample, type ShardIndex } from "./shard-index.js";
import { planShardRows, shardKey } from "./shard-task.js";
import { parseSidecar } from "./sidecar.js";
import { staleness } from "./stale.js";

/** Options of `openRecords`. */
export interface OpenOptions {
  /** What another program's shards hold, where the records themselves can't tell: `values` or `classes` in a float list. */
  kind?: Kind;
  /** Kind classes in another program's shards: the number of classes. Default: the highest seen. */
  width?: number;
  /** Opens records whose sources have changed since. Default false: an error that names them. */
  allowStale?: boolean;
}

/** A dataset's records, open for random access: where each example lies, a column per fact. */
export interface Records {
  manifest: Manifest;
  /** Number of examples. */
  count: number;
  /** Full path of each shard. */
  paths: string[];
  /** Number of each example's shard in `paths`. */
  shard: Uint32Array;
  /** Byte offset of its record in the shard, and the length of the record's payload. */
  offset: Float64Array;
  length: Uint32Array;
  /** Byte position in the shard of its samples, as `manifest.encoding` stores them, and their number of bytes. */
  inputAt: Float64Array;
  inputBytes: Uint32Array;
  /** The same of the target; 0 bytes for kinds other than pairs. */
  targetAt: Float64Array;
  targetBytes: Uint32Array;
  /** Kind frames: position and bytes of the labels' feature entries, for `decodeFeatures`. */
  labelAt: Float64Array;
  labelBytes: Uint32Array;
  /** The example's number in the index csv. */
  ids: Float64Array;
  /** The input's file name; in shards of another program the shard and number. */
  names: string[];
  /** Where the records hold groups. */
  groups?: string[];
  /** Kinds classes and values: `[count × manifest.width]`, row-major. */
  values?: Float32Array;
}

/**
 * Opens the records of dataset `name`: those of this library by their manifest, those of the Python original (every
 * kind, and its later version) by their names `N<k>.tfrecord`.
 *
 * @throws DatasetError "RECORD" where there are none or a shard is damaged, "STALE" where the sources have changed since
 * @example const records = await openRecords("./data", "dataset"); // records.count, records.names[0]
 */
export async function openRecords(directory: string, name: string, options: OpenOptions = {}): Promise<Records> {
  await recoverPublication(directory, name);
  const manifest = await readManifest(directory, name);
  if (!manifest) return openForeign(directory, name, options);
  const stale = options.allowStale ? undefined : await staleness(directory, manifest);
  if (stale) {
    throw new DatasetError(
      "STALE",
      `records of "${name}": stale: ${stale} (${directory}); call generateRecords to rebuild the shards concerned, or pass allowStale: true`,
    );
  }
  for (const { file, bytes } of manifest.shards) {
    const size = existsSync(join(directory, file)) ? (await stat(join(directory, file))).size : undefined;
    if (size === bytes) continue;
    const found = size === undefined ? "not found" : `${size} bytes`;
    throw new DatasetError("RECORD", `shard ${file}: ${found}, expected ${bytes} bytes (${directory}); call repair`);
  }
  const indexes = await readIndexes(directory, manifest.kind, manifest.shards, (index, k) =>
    nameFromPlan(directory, manifest, index, k),
  );
  return collect(directory, manifest, indexes);
}

/** Shards of dataset `name` in numeric order: `N<k>.tfrecord`, or `N.tfrecord` alone. Those of `N2` aren't among them. */
export async function findShards(directory: string, name: string): Promise<string[]> {
  const files = existsSync(directory) ? await readdir(directory) : [];
  const number = (file: string): number => {
    if (!file.startsWith(name) || !file.endsWith(".tfrecord")) return -1;
    const digits = file.slice(name.length, -".tfrecord".length);
    return digits === "" ? 0 : /^(0|[1-9]\d*)$/.test(digits) ? Number(digits) : -1;
  };
  const shards = files.filter((file) => number(file) >= 0).sort((a, b) => number(a) - number(b));
  // One whole file is the form of the original's later version; beside numbered shards it is another dataset's.
  return shards.some((file) => file !== `${name}.tfrecord`) ? shards.filter((f) => f !== `${name}.tfrecord`) : shards;
}

/** Gives the examples of a scanned float16 shard the names that its records don't hold, where its plan is still there. */
export async function nameFromPlan(directory: string, manifest: Manifest, index: ShardIndex, k: number): Promise<void> {
  if (manifest.encoding !== "float16") return;
  const plan = await readPlan(planPath(directory, manifest.name));
  const { file, key } = manifest.shards[k]!;
  const at = plan?.shards.findIndex((s) => s.file === file) ?? -1;
  if (!plan || at < 0 || shardKey(plan, at) !== key) return;
  for (const [i, row] of planShardRows(plan, at).entries()) nameExample(index, row, i);
}

async function openForeign(directory: string, name: string, options: OpenOptions): Promise<Records> {
  const files = await findShards(directory, name);
  if (files.length === 0) {
    throw new DatasetError(
      "RECORD",
      `records of "${name}": none, expected ${name}.manifest.json or ${name}0.tfrecord (${directory}); call generate or generateRecords`,
    );
  }
  const indexes = await readIndexes(
    directory,
    options.kind,
    files.map((file) => ({ file })),
  );
  if (indexes.some((index) => index.own)) {
    throw new DatasetError(
      "RECORD",
      `manifest ${name}.manifest.json: not found, expected it beside ${files[0]} (${directory}); call generateRecords with overwrite: true`,
    );
  }
  const sidecar = existsSync(join(directory, `${name}.txt`))
    ? parseSidecar(await readFile(join(directory, `${name}.txt`), "utf8"))
    : undefined;
  const kind = options.kind ?? guessKind(indexes);
  const encoding: Encoding = indexes.some((index) => index.audio === "float") ? "float32" : "float16";
  const lengths = indexes
    .flatMap((i) => [...i.inputBytes, ...(kind === "pairs" ? i.targetBytes : [])])
    .map((b) => b / BYTES_PER_SAMPLE[encoding]);
  const shards = files.map((file, k) => ({
    file,
    examples: indexes[k]!.offset.length,
    bytes: indexes[k]!.bytes,
    sha256: indexes[k]!.sha256,
    samples: { min: 0, max: 0 },
  }));
  const manifest: Manifest = {
    format: 1,
    name,
    kind,
    encoding,
    sampleRate: sidecar?.sample_rate ?? 0,
    channels: 1,
    examples: lengths.length,
    samples: lengths.reduce((s, n) => ({ min: Math.min(s.min, n), max: Math.max(s.max, n) }), {
      min: Infinity,
      max: 0,
    }),
    ...(sidecar?.input_size ? { inputSize: sidecar.input_size } : {}),
    shards,
    fingerprint: recordsFingerprint(shards),
  };
  manifest.examples = shards.reduce((sum, s) => sum + s.examples, 0);
  if ((kind === "classes" || kind === "values") && encoding === "float32")
    await readFloatTargets(directory, files, indexes);
  if (kind === "classes") manifest.width = options.width ?? widest(indexes);
  if (kind === "values") manifest.width = indexes.flatMap((i) => i.values)[0]?.length ?? 0;
  return collect(directory, manifest, indexes);
}

function guessKind(indexes: readonly ShardIndex[]): Kind {
  if (indexes.some((index) => index.targetBytes.some((bytes) => bytes > 0))) return "pairs";
  return indexes.some((index) => index.indices.some((list) => list.length > 0)) ? "classes" : "frames";
}

function widest(indexes: readonly ShardIndex[]): number {
  let width = 0;
  for (const index of indexes) {
    index.indices.forEach((list, i) => {
      width = Math.max(width, list.length > 0 ? list.reduce((a, b) => Math.max(a, b), 0) + 1 : 0);
      if (list.length === 0) width = Math.max(width, index.values[i]!.length);
    });
  }
  return width;
}

/** The later version's labels: the numbers of the float list `a_out`. */
async function readFloatTargets(
  directory: string,
  files: readonly string[],
  indexes: readonly ShardIndex[],
): Promise<void> {
  for (const [k, file] of files.entries()) {
    const { targetAt, targetBytes, values } = indexes[k]!;
    const handle = await open(join(directory, file));
    try {
      for (let i = 0; i < targetAt.length; i++) {
        const bytes = new Uint8Array(targetBytes[i]!);
        if (targetAt[i]! >= 0) await handle.read(bytes, 0, bytes.length, targetAt[i]!);
        values[i] = Array.from(new Float32Array(bytes.buffer));
        targetBytes[i] = 0;
      }
    } finally {
      await handle.close();
    }
  }
}

function collect(directory: string, manifest: Manifest, indexes: readonly ShardIndex[]): Records {
  const column = <K extends keyof ShardIndex>(key: K): number[] => indexes.flatMap((index) => index[key] as number[]);
  const count = manifest.examples;
  const names = indexes.flatMap((index, k) => index.name.map((n, i) => n || `${manifest.shards[k]!.file} ${i}`));
  const groups = indexes.flatMap((index) => index.group);
  const ids = Float64Array.from(column("id"), (id, i) => (id < 0 ? i : id));
  return {
    manifest,
    count,
    paths: manifest.shards.map((s) => join(directory, s.file)),
    shard: Uint32Array.from(indexes.flatMap((index, k) => new Array<number>(index.offset.length).fill(k))),
    offset: Float64Array.from(column("offset")),
    length: Uint32Array.from(column("length")),
    inputAt: Float64Array.from(column("inputAt")),
    inputBytes: Uint32Array.from(column("inputBytes")),
    targetAt: Float64Array.from(column("targetAt")),
    targetBytes: Uint32Array.from(column("targetBytes")),
    labelAt: Float64Array.from(column("labelAt")),
    labelBytes: Uint32Array.from(column("labelBytes")),
    ids,
    names,
    ...(groups.some((g) => g !== "") ? { groups } : {}),
    ...(manifest.width !== undefined && manifest.kind !== "frames"
      ? { values: denseValues(manifest.width, indexes, count) }
      : {}),
  };
}

/** Labels of whole files as `[count × width]`, from sparse lists (with indices) or dense ones. */
function denseValues(width: number, indexes: readonly ShardIndex[], count: number): Float32Array {
  const dense = new Float32Array(count * width);
  let row = 0;
  for (const { indices, values } of indexes) {
    values.forEach((list, i) => {
      const at = indices[i]!;
      list.forEach((value, j) => {
        const place = at.length > 0 ? at[j]! : j;
        if (place >= width)
          throw new DatasetError(
            "RECORD",
            `label ${place} of example ${row}: expected less than ${width}; pass a larger width`,
          );
        dense[row * width + place] = value;
      });
      row++;
    });
  }
  return dense;
}

/** One example, decoded. */
export interface Example {
  /** Full scale -1 to 1; channels interleaved. */
  input: Float32Array;
  /** Kind pairs. */
  target?: Float32Array;
  /** Kinds classes and values; kind frames with float16: dense rows of labels, one after the other. */
  values?: Float32Array;
  /** Kind frames with other encodings. */
  events?: LabelEvents;
  name: string;
  id: number;
  /** In Hz; 0 where it isn't known. */
  sampleRate: number;
  channels: number;
}

/**
 * Reads one example whole and checks its checksums.
 * @throws DatasetError "RECORD" where the record is damaged
 */
export async function readExample(records: Records, i: number): Promise<Example> {
  const { manifest } = records;
  if (!(Number.isInteger(i) && i >= 0 && i < records.count)) {
    throw new DatasetError("OPTION", `example: ${i}, expected 0 to ${records.count - 1}`);
  }
  const offset = records.offset[i]!;
  const length = records.length[i]!;
  const shard = manifest.shards[records.shard[i]!]!.file;
  const where = `${shard}, example ${records.names[i]}, byte ${offset}`;
  const record = new Uint8Array(length + RECORD_OVERHEAD);
  const file = await open(records.paths[records.shard[i]!]!);
  try {
    const { bytesRead } = await file.read(record, 0, record.length, offset);
    const stored = bytesRead === record.length ? recordLength(record, 0, where) : -1;
    if (stored !== length)
      throw new DatasetError("RECORD", `record: ${stored} bytes, expected ${length} (${where}); call verify`);
    checkPayload(record, 0, length, where);
  } finally {
    await file.close();
  }
  const slice = (at: Float64Array, bytes: Uint32Array): Uint8Array =>
    record.slice(at[i]! - offset, at[i]! - offset + bytes[i]!);
  const width = manifest.width ?? 0;
  return {
    input: decodeSamples(slice(records.inputAt, records.inputBytes), manifest.encoding),
    ...(manifest.kind === "pairs"
      ? { target: decodeSamples(slice(records.targetAt, records.targetBytes), manifest.encoding) }
      : {}),
    ...(records.values ? { values: records.values.slice(i * width, (i + 1) * width) } : {}),
    ...(manifest.kind === "frames" ? decodeLabels(slice(records.labelAt, records.labelBytes)) : {}),
    name: records.names[i]!,
    id: records.ids[i]!,
    sampleRate: manifest.sampleRate,
    channels: manifest.channels,
  };
}

/** The labels of a frame-labelled example, from the bytes that `labelAt` and `labelBytes` point at. */
export function decodeLabels(bytes: Uint8Array): { events: LabelEvents } | { values: Float32Array } {
  const features = decodeFeatures(bytes, 0, bytes.length, "labels");
  const integers = (name: string): Float64Array => {
    const feature = features.get(name);
    return feature?.kind === "int64" ? Float64Array.from(feature.values) : new Float64Array(0);
  };
  const values = features.get("b_val");
  const value = values?.kind === "float" ? values.values : new Float32Array(0);
  if (!features.has("b_on")) return { values: value };
  return {
    events: { on: integers("b_on"), off: integers("b_off"), feature: Int32Array.from(integers("b_ind")), value },
  };
}

/** Stored samples as floats of full scale -1 to 1. */
export function decodeSamples(bytes: Uint8Array, encoding: Encoding): Float32Array {
  if (encoding === "float16") return fromFloat16(bytes);
  if (encoding === "float32") return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length >> 2);
  return toFloat32(new Int16Array(bytes.buffer, bytes.byteOffset, bytes.length >> 1));
}
