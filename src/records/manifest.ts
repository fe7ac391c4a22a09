import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Problem } from "../core/error.js";
import { fileHash } from "../system/hashed-file.js";
import type { Recipe } from "../generate/recipe.js";
import type { Kind } from "../core/rows.js";

/**
 * How samples are stored: `pcm16` little-endian int16, lossless for 16-bit sources; `flac` the same samples as a FLAC file,
 * about half as large for music; `float32` little-endian; `float16` exactly the original's bytes and keys, so that its loader
 * reads the shards.
 */
export type Encoding = "pcm16" | "flac" | "float32" | "float16";

/** As they are read; FLAC's fewer bytes are decoded to those of `pcm16`. */
export const BYTES_PER_SAMPLE: Readonly<Record<Encoding, number>> = { pcm16: 2, flac: 2, float16: 2, float32: 4 };

/** Files that a shard was made from, a column each; `path` is relative to the dataset's folder, or an address. */
export interface Sources {
  path: string[];
  bytes: number[];
  /** Times of the last change of content and of anything: a program can set the first one back, not the second. 0 of addresses. */
  mtimeMs: number[];
  ctimeMs: number[];
  crc32c: number[];
  /** Where some are at addresses: what their servers called the version (ETag); "" of files, and where a server gives none. */
  version?: string[];
}

/** One shard as the manifest lists it. */
export interface ShardEntry {
  /** File name in the dataset's folder, `N<k>.tfrecord`. */
  file: string;
  examples: number;
  bytes: number;
  /** Of the whole file, hexadecimal. */
  sha256: string;
  /** Length of the shortest and longest audio in samples per channel. */
  samples: { min: number; max: number };
  /** Hash of everything the shard is made from but the files' content: the same key and the same files give the same bytes. */
  key?: string;
  /** Absent where the shard was made from a recipe, and in manifests in memory: the file has them. */
  sources?: Sources;
  /** Kind frames: of the key csvs with a row per frame, the one with the fewest rows for its samples. */
  sparsestKeys?: { file: string; rows: number; samples: number };
  /** Kind frames: of the key csvs that count frames, the one whose last time stamp is the largest for its samples. */
  latestKeys?: { file: string; time: number; samples: number };
}

/** `D/N.manifest.json`: what the dataset's records are. It is published last, so what it lists is complete. */
export interface Manifest {
  format: 1;
  name: string;
  kind: Kind;
  encoding: Encoding;
  /** In Hz; 0 where it isn't known (shards of another program without a sidecar). */
  sampleRate: number;
  channels: number;
  /** Number of examples in all shards. */
  examples: number;
  /** Length of the shortest and longest audio in samples per channel. */
  samples: { min: number; max: number };
  /** Numbers per example (classes, values) or per frame (frames). */
  width?: number;
  labels?: readonly string[];
  /** Kind frames: what the stored events' times count. */
  timeUnit?: "frames" | "samples";
  /** Kind frames with float16: samples per frame, fixed when the records were made. */
  inputSize?: number;
  shards: ShardEntry[];
  /** Hash over the shards' hashes: the same for the same records wherever they were made. */
  fingerprint: string;
  recipe?: Recipe;
  /** What `onProblem: "skip"` left out, and why. */
  skipped?: Problem[];
  /** Ids of the examples that the dataset's publisher set aside for validation and test; the others train. */
  sides?: { validate: number[]; test: number[] };
  /** The index csv the rows were read from, and its metadata; `sha256` is "" where there was no such file. */
  indexFiles?: { file: string; sha256: string }[];
  /** Where file names defined the rows: the folders, and the audio files in them that made none. */
  listing?: { folders: readonly string[]; unused: string[] };
  /** Folders of the sources, relative to the dataset's. */
  inputFolder?: string;
  targetFolder?: string;
}

/** The names of the lists in a manifest's file. */
export const MANIFEST_LISTS = { rows: "shards", details: "sources" } as const;

/** What is wrong where shards of ours have no manifest. */
export function missingManifest(directory: string, name: string): string {
  return `manifest ${name}.manifest.json: not found, expected it beside ${name}0.tfrecord (${directory}); call repair, or generateRecords with overwrite: true`;
}

/** What a manifest says of all its shards together. */
export function sumOf(shards: readonly ShardEntry[]): Pick<Manifest, "examples" | "samples" | "fingerprint"> {
  const samples = { min: Infinity, max: -Infinity };
  const hash = createHash("sha256");
  let examples = 0;
  for (const [k, shard] of shards.entries()) {
    examples += shard.examples;
    samples.min = Math.min(samples.min, shard.samples.min);
    samples.max = Math.max(samples.max, shard.samples.max);
    hash.update(k > 0 ? `\n${shard.sha256}` : shard.sha256);
  }
  return { examples, samples, fingerprint: hash.digest("hex") };
}

/** Hashes of files, relative to `directory`; "" where there is none. */
export async function hashIndexFiles(directory: string, files: string[]): Promise<{ file: string; sha256: string }[]> {
  return Promise.all(
    files.map(async (file) => {
      const path = join(directory, file);
      return { file, sha256: existsSync(path) ? fileHash(path) : "" };
    }),
  );
}
