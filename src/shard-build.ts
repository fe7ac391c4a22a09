import { createHash } from "node:crypto";
import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { frameRecord, RECORD_HEAD, RECORD_OVERHEAD } from "./format/tfrecord.js";
import { type ExampleWriter, exampleWriter } from "./format/example.js";
import { BYTES_PER_SAMPLE, type ShardEntry } from "./manifest.js";
import type { Row } from "./pair.js";
import { recipeRows } from "./recipe.js";
import { rowFeatures, SourceReader } from "./row-features.js";
import { emptyIndex, indexExample, nameExample } from "./shard-index.js";
import { entryFile, indexFile, type ShardTask } from "./shard-task.js";
import { fileError, writeWhole } from "./whole-file.js";

/** Bytes collected before they are hashed and written: large enough for few calls, small enough for the cache. */
const CHUNK_BYTES = 1 << 20;

/**
 * Builds one shard in the staging folder: the shard, its index, then the entry that says they are complete.
 * A pure function of the task and its source files. Runs in a worker.
 */
export async function buildShardFile(task: ShardTask): Promise<ShardEntry> {
  const path = join(task.staging, task.file);
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    const entry = await writeShard(task, temporary);
    renameSync(temporary, path);
    await writeWhole(join(task.staging, indexFile(task.file)), entry.index);
    await writeWhole(join(task.staging, entryFile(task.file)), JSON.stringify(entry.entry));
    return entry.entry;
  } catch (error) {
    rmSync(temporary, { force: true });
    throw fileError(error, path);
  }
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

/** A file written in chunks and hashed on the way. */
class HashedFile {
  bytes = 0;
  private buffer = Buffer.allocUnsafeSlow(2 * CHUNK_BYTES);
  private used = 0;
  private readonly fd: number;
  private readonly hash = createHash("sha256");

  constructor(path: string) {
    this.fd = openSync(path, "w");
  }

  /** Room for `bytes` more: where to put them, and where that will be in the file. */
  room(bytes: number): { buffer: Uint8Array; at: number; fileAt: number } {
    if (this.used >= CHUNK_BYTES || this.used + bytes > this.buffer.length) this.flush();
    if (bytes > this.buffer.length) this.buffer = Buffer.allocUnsafeSlow(bytes);
    const at = this.used;
    // The file position of the buffer's first byte, so that positions in the buffer can be turned into the file's.
    const fileAt = this.bytes - at;
    this.used += bytes;
    this.bytes += bytes;
    return { buffer: this.buffer, at, fileAt };
  }

  /** Writes what is left, flushes to the disk and returns the hash. */
  finish(): string {
    this.flush();
    fsyncSync(this.fd);
    return this.hash.digest("hex");
  }

  close(): void {
    closeSync(this.fd);
  }

  private flush(): void {
    const part = this.buffer.subarray(0, this.used);
    this.hash.update(part);
    for (let at = 0; at < part.length; ) at += writeSync(this.fd, part, at);
    this.used = 0;
  }
}
