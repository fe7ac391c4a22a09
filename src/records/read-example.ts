import { handleToRead } from "../system/open-to-read.js";
import type { LabelEvents } from "../format/keys.js";
import { fetchRecords } from "../storage/fetch-records.js";
import { exampleName, openShard, type Records, whileClaimed } from "./records.js";
import { DatasetError } from "../core/error.js";
import { checkPayload, RECORD_OVERHEAD, recordLength } from "../format/tfrecord.js";
import { fileError } from "../system/atomic-file.js";
import { checkUnchanged } from "./open-shard.js";
import { decodeFeatures } from "../format/example.js";
import { decodeFlac } from "./read-flac.js";
import type { Encoding } from "./manifest.js";
import { fromFloat16 } from "../original/float16.js";
import { toFloat32 } from "../format/wav.js";

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

/** @throws DatasetError "OPTION" where there is no example of that number */
export function checkExample(records: Records, i: number): void {
  if (Number.isInteger(i) && i >= 0 && i < records.count) return;
  throw new DatasetError("OPTION", `example: ${i}, expected 0 to ${records.count - 1}`);
}

/**
 * Reads one example whole and checks its checksums.
 * @throws DatasetError "RECORD" where the record is damaged
 * @example const { input, target, sampleRate } = await readExample(records, 0);
 */
export async function readExample(records: Records, i: number): Promise<Example> {
  checkExample(records, i);
  return await whileClaimed(records, [i], async (fetch) => {
    if (fetch) await fetchRecords(fetch);
    return await readHere(records, i);
  });
}

async function readHere(records: Records, i: number): Promise<Example> {
  const { manifest } = records;
  const offset = records.offset[i]!;
  const length = records.length[i]!;
  const k = records.shard[i]!;
  const shard = openShard(records, k);
  const { path } = shard;
  const where = `${manifest.shards[k]!.file}, example ${exampleName(records, i)}, byte ${offset}`;
  const record = new Uint8Array(length + RECORD_OVERHEAD);
  const file = await handleToRead(path).catch((error: unknown) => {
    throw fileError(error, path);
  });
  try {
    const { mtimeMs } = await file.stat();
    checkUnchanged(shard, { mtimeMs });
    if (records.mtimes) records.mtimes[k] = mtimeMs;
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
    name: exampleName(records, i),
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
  if (encoding === "flac") return toFloat32(decodeFlac(bytes));
  if (encoding === "float16") return fromFloat16(bytes);
  if (encoding === "float32") return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length >> 2);
  return toFloat32(new Int16Array(bytes.buffer, bytes.byteOffset, bytes.length >> 1));
}

/** One example of a dataset, with what displays need to show its labels. */
export interface DatasetExample extends Example {
  /** Names of the labels, where the sources named them. */
  labels?: readonly string[];
  /** Kind frames: seconds of one unit of the events' times. */
  secondsPerUnit?: number;
  /** Kind frames: numbers per row of labels, and seconds from one row to the next. */
  features?: number;
  secondsPerFrame?: number;
}
