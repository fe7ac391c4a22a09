import { handleToRead } from "../system/open-to-read.js";
import { bytesOf } from "../system/file-names.js";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { RecordsCollector, type Records } from "./records.js";
import { DatasetError } from "../core/error.js";
import { BYTES_PER_SAMPLE, type Encoding, type Manifest, missingManifest, sumOf } from "./manifest.js";
import { anyOwnIndex, readIndexes } from "./read-indexes.js";
import type { ShardIndex } from "./shard-index.js";
import { parseSidecar } from "../original/sidecar.js";
import type { Kind } from "../core/rows.js";
import type { CacheOptions } from "../storage/cache.js";
import { findShards } from "../original/shards.js";

/** Options of `openRecords`. */
export interface OpenOptions {
  /** What another program's shards hold, where the records don't say: `values` or `classes` in a float list. */
  kind?: Kind | undefined;
  /** Kind classes in another program's shards: the number of classes. Default: the highest seen. */
  width?: number | undefined;
  /** Opens records whose sources have changed since. Default false: an error that names them. */
  allowStale?: boolean | undefined;
  /** Where the directory is an address (`s3://`, `https://`): what of its shards is kept on this machine. */
  cache?: CacheOptions | undefined;
}

/** Opens the shards of another program: the original, or its later version. */
export async function openForeign(directory: string, name: string, options: OpenOptions): Promise<Records> {
  const files = await findShards(directory, name);
  if (files.length === 0) {
    throw new DatasetError(
      "RECORD",
      `records of "${name}": none, expected ${name}.manifest.json or ${name}0.tfrecord (${directory}); call generate or generateRecords`,
    );
  }
  const lost = (): DatasetError => new DatasetError("RECORD", missingManifest(directory, name));
  // Looked at first: reading the shards as another's would replace the indexes that a repair needs.
  if (await anyOwnIndex(directory, files)) throw lost();
  const indexes: ShardIndex[] = [];
  const found = files.map((file) => ({ file }));
  await readIndexes(directory, options, found, (index) => indexes.push(index));
  if (indexes.some((index) => index.own)) throw lost();
  const sidecar = existsSync(join(directory, `${name}.txt`))
    ? parseSidecar((await bytesOf(join(directory, `${name}.txt`))).toString())
    : undefined;
  const kind = foreignKind(name, indexes, options.kind);
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
    examples: shards.reduce((sum, s) => sum + s.examples, 0),
    samples: lengths.reduce((s, n) => ({ min: Math.min(s.min, n), max: Math.max(s.max, n) }), {
      min: Infinity,
      max: 0,
    }),
    ...(sidecar?.input_size ? { inputSize: sidecar.input_size } : {}),
    shards,
    fingerprint: sumOf(shards).fingerprint,
  };
  if ((kind === "classes" || kind === "values") && encoding === "float32")
    await readFloatTargets(directory, files, indexes);
  if (kind === "classes") manifest.width = options.width ?? widest(indexes);
  if (kind === "values") manifest.width = indexes.flatMap((i) => i.values)[0]?.length ?? 0;
  const records = new RecordsCollector(directory, manifest);
  for (const [k, index] of indexes.entries()) records.add(index, k);
  return records.done();
}

/**
 * The kind that was asked for, unless the shards are plainly of another. Their float lists may be anything, and labels
 * that are all 0 leave no trace.
 */
function foreignKind(name: string, indexes: readonly ShardIndex[], asked: Kind | undefined): Kind {
  const guess = guessKind(indexes);
  const open =
    indexes.some((index) => index.audio === "float") ||
    (guess === "frames" && !indexes.some((index) => index.values.some((list) => list.length > 0)));
  if (asked === undefined || asked === guess || open) return asked ?? guess;
  throw new DatasetError(
    "RECORD",
    `records of "${name}": kind ${guess}, expected ${asked}; open them as what they are`,
  );
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
    const handle = await handleToRead(join(directory, file));
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
