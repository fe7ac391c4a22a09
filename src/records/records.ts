import { statSync } from "node:fs";
import { join } from "node:path";
import { DatasetError } from "../core/error.js";
import { BYTES_PER_SAMPLE, type Manifest } from "./manifest.js";
import type { Elsewhere } from "../storage/elsewhere.js";
import type { FetchTask } from "../storage/fetch-records.js";
import type { OpenShard } from "./open-shard.js";
import type { ShardIndex } from "./shard-index.js";

/** A dataset's records, open for random access: where each example lies, a column per fact. */
export interface Records {
  manifest: Manifest;
  /** Number of examples. */
  count: number;
  /** Full path of each shard. */
  paths: string[];
  /** When each shard last changed, so that one rebuilt since isn't read at the old positions. */
  mtimes?: Float64Array;
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
  /** Encoding flac: what the streams of the inputs and of the targets are made of. */
  blocks?: { input: FlacBlocks; target?: FlacBlocks } | undefined;
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
  /**
   * Where the shards lie on another machine: what is claimed of them is fetched before it is read.
   * @internal
   */
  elsewhere?: Elsewhere;
}

/** Where the blocks of FLACs are: each can be decoded without those before it. */
export interface FlacBlocks {
  /** Samples per channel of each example, and of each of its blocks but the last. */
  samples: Float64Array;
  block: Uint32Array;
  /** Where in `at` each example begins, which has a number for each of its blocks and one more for the end: bytes from where its samples are stored. */
  from: Uint32Array;
  at: Uint32Array;
}

/** Shard `k`, for those who read it. */
export function openShard({ paths, mtimes, manifest, elsewhere }: Records, k: number): OpenShard {
  if (elsewhere) return elsewhere.shards[k]!;
  return { path: paths[k]!, mtimeMs: mtimes?.[k], sha256: manifest.shards[k]?.sha256 };
}

/** Does something with examples whose records, where they lie elsewhere, are fetched for it and stay until it is done. */
export async function whileClaimed<T>(
  { elsewhere }: Records,
  examples: ArrayLike<number>,
  work: (fetch: FetchTask | undefined) => Promise<T>,
): Promise<T> {
  const claim = elsewhere?.claim(examples);
  try {
    return await work(claim?.task);
  } finally {
    claim?.release();
  }
}

/** Joins the indexes of all shards. */
export function collect(directory: string, manifest: Manifest, indexes: readonly ShardIndex[]): Records {
  const column = <K extends keyof ShardIndex>(key: K): number[] => indexes.flatMap((index) => index[key] as number[]);
  const count = manifest.examples;
  const names = indexes.flatMap((index, k) => index.name.map((n, i) => n || `${manifest.shards[k]!.file} ${i}`));
  const groups = indexes.flatMap((index) => index.group);
  const paths = manifest.shards.map((s) => join(directory, s.file));
  const ids = Float64Array.from(column("id"), (id, i) => (id < 0 ? i : id));
  return {
    manifest,
    count,
    paths,
    mtimes: Float64Array.from(paths, (path) => statSync(path).mtimeMs),
    shard: Uint32Array.from(indexes.flatMap((index, k) => new Array<number>(index.offset.length).fill(k))),
    offset: Float64Array.from(column("offset")),
    length: Uint32Array.from(column("length")),
    inputAt: Float64Array.from(column("inputAt")),
    inputBytes: Uint32Array.from(column("inputBytes")),
    targetAt: Float64Array.from(column("targetAt")),
    targetBytes: Uint32Array.from(column("targetBytes")),
    ...(manifest.encoding === "flac" ? { blocks: collectBlocks(manifest.kind, indexes) } : {}),
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

function collectBlocks(kind: Manifest["kind"], indexes: readonly ShardIndex[]): Records["blocks"] {
  const side = (key: "inputBlocks" | "targetBlocks"): FlacBlocks => {
    const all = indexes.flatMap((index) => index[key] ?? []);
    const from = new Uint32Array(all.length);
    const at = new Uint32Array(all.reduce((sum, list) => sum + list.length - 2, 0));
    let place = 0;
    for (const [i, [, , ...sizes]] of all.entries()) {
      from[i] = place;
      let end = 0;
      for (const size of sizes) at[place++] = end += size;
    }
    const samples = Float64Array.from(all, ([count]) => count!);
    return { samples, block: Uint32Array.from(all, ([, block]) => block!), from, at };
  };
  return { input: side("inputBlocks"), ...(kind === "pairs" ? { target: side("targetBlocks") } : {}) };
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

/** Samples per channel of an example's input and target (0 where that is no audio). */
export function sideSamples(records: Records, example: number): [number, number] {
  const { kind, encoding, channels } = records.manifest;
  if (records.blocks) {
    const { input, target } = records.blocks;
    return [input.samples[example]!, target?.samples[example] ?? 0];
  }
  const unit = BYTES_PER_SAMPLE[encoding] * channels;
  return [records.inputBytes[example]! / unit, kind === "pairs" ? records.targetBytes[example]! / unit : 0];
}

/** Samples per channel of an example: of its longer side. */
export function exampleSamples(records: Records, example: number): number {
  return Math.max(...sideSamples(records, example));
}

/**
 * Labels per frame. The original's shards don't say; its stored matrix is whole frames of 4-byte values behind 15 to 27
 * bytes of protobuf, so the example with the most frames determines it.
 */
export function frameWidth(records: Records): number {
  const { width, inputSize } = records.manifest;
  if (width !== undefined || !inputSize) return width ?? 0;
  const longest = records.inputBytes.reduce((best, bytes, i) => (bytes > records.inputBytes[best]! ? i : best), 0);
  return Math.floor((records.labelBytes[longest]! - 14) / (4 * (exampleSamples(records, longest) / inputSize)));
}
