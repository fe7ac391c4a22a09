import { renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { frameRecord, type KnownPiece, RECORD_HEAD, RECORD_OVERHEAD } from "../format/tfrecord.js";
import { type ExampleWriter, exampleWriter, type Feature, type FeaturePlace } from "../format/example.js";
import { HashedFile } from "../system/hashed-file.js";
import { sealedText } from "../system/sealed-json.js";
import { BYTES_PER_SAMPLE, type ShardEntry } from "../records/manifest.js";
import { recipeRows } from "../generate/recipe.js";
import { rowFeatures, SourceReader } from "./row-features.js";
import { emptyIndex, indexBuilt, type ShardIndex } from "../records/shard-index.js";
import type { ShardTask } from "./shard-request.js";
import { fileError, syncFile, temporaryPath, writeRenamed } from "../system/atomic-file.js";
import { isAddress } from "../core/names.js";
import type { Row, SeenFile } from "../core/rows.js";
import { type Fetched, withFetched } from "../storage/fetch-file.js";
import { entryFile, indexFile } from "../records/files.js";
import type { PlanHead } from "../records/plan.js";

/**
 * Builds one shard and its index in the staging folder; they count once `markFinished` has been called.
 * A pure function of the task and its source files. Runs in a worker.
 */
export async function buildShardFile(task: ShardTask): Promise<ShardEntry> {
  const path = join(task.staging, task.file);
  const temporary = temporaryPath(path);
  try {
    // An entry of an earlier plan must not vouch for what is written now.
    rmSync(join(task.staging, entryFile(task.file)), { force: true });
    const { entry, index } = await writeShard(task, temporary);
    renameSync(temporary, path);
    // Never through a link that somebody left there.
    const beside = join(task.staging, indexFile(task.file));
    rmSync(beside, { force: true });
    writeFileSync(beside, index, { flag: "wx" });
    return entry;
  } catch (error) {
    rmSync(temporary, { force: true });
    throw fileError(error, path);
  }
}

/**
 * Flushes a built shard and its index to the disk and writes the entry that says it is complete. Not done in the worker, which
 * meanwhile can build the next one.
 */
export async function markFinished(staging: string, entry: ShardEntry): Promise<ShardEntry> {
  await Promise.all([entry.file, indexFile(entry.file)].map((file) => syncFile(join(staging, file))));
  await writeEntry(staging, entry);
  return entry;
}

/** Writes the entry that says that a shard is complete. */
export async function writeEntry(staging: string, entry: ShardEntry): Promise<void> {
  await writeRenamed(join(staging, entryFile(entry.file)), JSON.stringify(entry));
}

/** The samples that went into the record as they are in their files, whose checksums the reader has. */
function knownPieces(
  reader: SourceReader,
  features: Record<string, Feature>,
  places: ReadonlyMap<string, FeaturePlace>,
): KnownPiece[] {
  const pieces: KnownPiece[] = [];
  for (const [key, { dataAt }] of places) {
    const feature = features[key]!;
    const samples = feature.kind === "bytes" ? feature.values[0]! : undefined;
    const crc = samples && reader.knownCrc(samples);
    if (crc !== undefined) pieces.push({ at: dataAt, bytes: samples!.length, crc });
  }
  return pieces;
}

async function writeShard(task: ShardTask, temporary: string): Promise<{ entry: ShardEntry; index: string }> {
  const { source } = task;
  const rows: readonly Row[] = "recipe" in source ? recipeRows(source.recipe, source.from, source.to) : source.rows;
  return await withFetched(addressesOf(rows), task.fetches, (fetched) => writeRows(task, rows, temporary, fetched));
}

/** The addresses that rows name, each once, and what the plan saw there. */
function addressesOf(rows: readonly Row[]): Map<string, SeenFile | undefined> {
  const found = new Map<string, SeenFile | undefined>();
  for (const { input, target, seen } of rows) {
    if (isAddress(input)) found.set(input, seen?.input);
    if (target !== undefined && isAddress(target)) found.set(target, seen?.target);
  }
  return found;
}

async function writeRows(
  task: ShardTask,
  rows: readonly Row[],
  temporary: string,
  fetched: ReadonlyMap<string, Fetched>,
): Promise<{ entry: ShardEntry; index: string }> {
  const { head, source } = task;
  const lists = head.kind === "classes" || head.kind === "values";
  const counter = task.counter && new Int32Array(task.counter);
  const reader = new SourceReader(task, fetched);
  const index = emptyIndex();
  const file = new HashedFile(temporary);
  try {
    for (const row of rows) {
      const features = await rowFeatures(head, row, reader);
      const example: ExampleWriter = exampleWriter(features);
      const place = file.room(example.bytes + RECORD_OVERHEAD);
      const places = example.write(place.buffer, place.at + RECORD_HEAD);
      frameRecord(place.buffer, place.at, example.bytes, knownPieces(reader, features, places));
      const built = { row, features, places, at: place.at, length: example.bytes, blocks: reader.blocks };
      indexBuilt(index, built, { fileAt: place.fileAt, lists });
      if (counter) Atomics.add(counter, 0, 1);
    }
    index.sha256 = file.finish();
    index.bytes = file.bytes;
    index.key = task.key;
  } finally {
    file.close();
  }
  const entry: ShardEntry = {
    file: task.file,
    examples: rows.length,
    bytes: index.bytes,
    sha256: index.sha256,
    samples: sampleRange(index, head),
    key: task.key,
    ...("recipe" in source ? {} : { sources: reader.sources }),
    ...(reader.sparsestKeys ? { sparsestKeys: reader.sparsestKeys } : {}),
    ...(reader.latestKeys ? { latestKeys: reader.latestKeys } : {}),
  };
  return { entry, index: sealedText(index) };
}

/** Length of the shortest and longest audio of a shard in samples per channel. */
export function sampleRange(
  index: ShardIndex,
  { kind, encoding, channels }: Pick<PlanHead, "kind" | "encoding" | "channels">,
): ShardEntry["samples"] {
  const unit = BYTES_PER_SAMPLE[encoding] * channels;
  const lengths =
    encoding === "flac"
      ? [...(index.inputBlocks ?? []), ...(index.targetBlocks ?? [])].map(([samples]) => samples!)
      : [...index.inputBytes, ...(kind === "pairs" ? index.targetBytes : [])].map((b) => b / unit);
  return {
    min: lengths.reduce((a, b) => Math.min(a, b), Infinity),
    max: lengths.reduce((a, b) => Math.max(a, b), 0),
  };
}
