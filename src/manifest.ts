import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { DatasetError, type Problem } from "./error.js";
import type { Recipe } from "./recipe.js";
import type { Kind } from "./pair.js";

/**
 * How samples are stored: `pcm16` little-endian int16, lossless for 16-bit sources; `float32` little-endian;
 * `float16` exactly the original's bytes and keys, so that its loader reads the shards.
 */
export type Encoding = "pcm16" | "float32" | "float16";

export const BYTES_PER_SAMPLE: Readonly<Record<Encoding, number>> = { pcm16: 2, float16: 2, float32: 4 };

/** Files that a shard was made from, a column each; `path` is relative to the dataset's folder. */
export interface Sources {
  path: string[];
  bytes: number[];
  mtimeMs: number[];
  crc32c: number[];
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
  /** Absent where the shard was made from a recipe. */
  sources?: Sources;
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
  labels?: string[];
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
  /** Ids of the examples that the set's publisher keeps for validation and test; the others train. */
  sides?: { validate: number[]; test: number[] };
  /** The index csv the rows were read from, and its metadata. */
  indexFiles?: { file: string; sha256: string }[];
  /** Folders of the sources, relative to the dataset's. */
  inputFolder?: string;
  targetFolder?: string;
}

/** Path of a dataset's manifest. */
export function manifestPath(directory: string, name: string): string {
  return join(directory, `${name}.manifest.json`);
}

/**
 * Reads a dataset's manifest; undefined where there is none.
 * @throws DatasetError "RECORD" when it isn't a manifest of this format
 */
export async function readManifest(directory: string, name: string): Promise<Manifest | undefined> {
  return readJson<Manifest>(
    manifestPath(directory, name),
    "manifest",
    (m) => m.format === 1 && Array.isArray(m.shards),
  );
}

/** Reads a json file of ours; undefined where there is none. `sound` tells whether it is what it should be. */
export async function readJson<T>(path: string, what: string, sound: (value: T) => boolean): Promise<T | undefined> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  let value: T | undefined;
  try {
    value = JSON.parse(text) as T;
  } catch (cause) {
    throw new DatasetError("RECORD", `${what}: not json, expected format 1 (${path}); build the records again`, [], {
      cause,
    });
  }
  if (value === null || typeof value !== "object" || !sound(value)) {
    const found = JSON.stringify((value as { format?: unknown } | null)?.format ?? null);
    throw new DatasetError("RECORD", `${what}: format ${found}, expected 1 (${path}); build the records again`);
  }
  return value;
}

/** Hash over the shards' hashes. */
export function recordsFingerprint(shards: readonly ShardEntry[]): string {
  return sha256Text(shards.map((s) => s.sha256).join("\n"));
}

export function sha256Text(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

/** Hashes of those of the files that exist, relative to `directory`. */
export async function hashIndexFiles(
  directory: string,
  files: readonly string[],
): Promise<{ file: string; sha256: string }[]> {
  const there = files.filter((file) => existsSync(join(directory, file)));
  return Promise.all(
    there.map(async (file) => ({ file, sha256: sha256Text(await readFile(join(directory, file), "utf8")) })),
  );
}
