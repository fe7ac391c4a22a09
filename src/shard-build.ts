import { renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { frameRecord, RECORD_HEAD, RECORD_OVERHEAD } from "./format/tfrecord.js";
import { type ExampleWriter, exampleWriter } from "./format/example.js";
import { HashedFile } from "./hashed-file.js";
import { BYTES_PER_SAMPLE, type ShardEntry } from "./manifest.js";
import type { Row } from "./pair.js";
import { recipeRows } from "./recipe.js";
import { rowFeatures, SourceReader } from "./row-features.js";
import { emptyIndex, indexExample, nameExample } from "./shard-index.js";
import { entryFile, indexFile, type ShardTask } from "./shard-task.js";
import { fileError, syncFile, writeRenamed } from "./whole-file.js";

/**
 * Builds one shard and its index in the staging folder; they count once `markFinished` has been called.
 * A pure function of the task and its source files. Runs in a worker.
 */
export async function buildShardFile(task: ShardTask): Promise<ShardEntry> {
  const path = join(task.staging, task.file);
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    // An entry of an earlier plan must not vouch for what is written now.
    rmSync(join(task.staging, entryFile(task.file)), { force: true });
    const { entry, index } = await writeShard(task, temporary);
    renameSync(temporary, path);
    writeFileSync(join(task.staging, indexFile(task.file)), index);
    return entry;
  } catch (error) {
    rmSync(temporary, { force: true });
    throw fileError(error, path);
  }
}

/**
 * Flushes a built shard to the disk and writes the entry that says it is complete. Not done in the worker, which
 * meanwhile can build the next one.
 */
export async function markFinished(staging: string, entry: ShardEntry): Promise<ShardEntry> {
  await syncFile(join(staging, entry.file));
  await writeRenamed(join(staging, entryFile(entry.file)), JSON.stringify(entry));
  return entry;
}

async function writeShard(task: ShardTask, temporary: string): Promise<{ entry: ShardEntry; index: string }> {
  const { head, source } = task;
  const rows: readonly Row[] = "recipe" in source ? recipeRows(source.recipe, source.from, source.to) : source.rows;
  const lists = head.kind === "classes" || head.kind === "values";
  const counter = task.counter && new Int32Array(task.counter);
  const reader = new SourceReader(task);
  const index = emptyIndex();
  const file = new HashedFile(temporary);
  try {
    for (const row of rows) {
      const example: ExampleWriter = exampleWriter(await rowFeatures(head, row, reader));
      const place = file.room(example.bytes + RECORD_OVERHEAD);
      example.write(place.buffer, place.at + RECORD_HEAD);
      frameRecord(place.buffer, place.at, example.bytes);
      const where = `${task.file}, example ${index.offset.length}`;
      indexExample(index, place.buffer, place.at, example.bytes, { fileAt: place.fileAt, lists, where });
      if (head.encoding === "float16") nameExample(index, row);
      if (counter) Atomics.add(counter, 0, 1);
    }
    index.sha256 = file.finish();
    index.bytes = file.bytes;
  } finally {
    file.close();
  }
  const unit = BYTES_PER_SAMPLE[head.encoding] * head.channels;
  const lengths = [...index.inputBytes, ...(head.kind === "pairs" ? index.targetBytes : [])].map((b) => b / unit);
  const entry: ShardEntry = {
    file: task.file,
    examples: rows.length,
    bytes: index.bytes,
    sha256: index.sha256,
    samples: {
      min: lengths.reduce((a, b) => Math.min(a, b), Infinity),
      max: lengths.reduce((a, b) => Math.max(a, b), 0),
    },
    key: task.key,
    ...("recipe" in source ? {} : { sources: reader.sources }),
  };
  return { entry, index: JSON.stringify(index) };
}
