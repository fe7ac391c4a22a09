import { openToRead } from "../system/open-to-read.js";
import { closeSync, renameSync } from "node:fs";
import { join } from "node:path";
import { RECORD_OVERHEAD } from "../format/tfrecord.js";
import { HashedFile } from "../system/hashed-file.js";
import { sealedText } from "../system/sealed-json.js";
import type { ShardEntry } from "../records/manifest.js";
import type { ShardIndex } from "../records/shard-index.js";
import { DatasetError } from "../core/error.js";
import { fillFrom } from "../system/read-bytes.js";
import { fileError, syncFile, temporaryPath, writeWhole } from "../system/atomic-file.js";
import { indexFile } from "../records/files.js";

/** A damaged shard, and the index of its intact examples. */
export interface SalvageTask {
  path: string;
  file: string;
  /** Folder for the new shard. */
  staging: string;
  index: ShardIndex;
}

/** Copies the intact examples of a shard to a new one, and writes its index. Runs in a worker. */
export async function salvageShard(task: SalvageTask): Promise<Pick<ShardEntry, "bytes" | "sha256" | "examples">> {
  const { path, file, staging, index } = task;
  const target = join(staging, file);
  const temporary = temporaryPath(target);
  const output = new HashedFile(temporary);
  const input = openToRead(path);
  const places = { inputAt: [], targetAt: [], labelAt: [], offset: [] };
  const moved: ShardIndex = { ...index, mtimeMs: undefined, key: undefined, ...places };
  try {
    for (const [i, offset] of index.offset.entries()) {
      const bytes = index.length[i]! + RECORD_OVERHEAD;
      const place = output.room(bytes);
      const got = fillFrom(input, place.buffer.subarray(place.at, place.at + bytes), offset);
      if (got < bytes)
        throw new DatasetError(
          "FILE",
          `${path}: ${got} bytes at ${offset}, expected ${bytes}; it is being changed: try again`,
        );
      const shift = place.fileAt + place.at - offset;
      const move = (position: number): number => (position < 0 ? position : position + shift);
      moved.offset.push(offset + shift);
      moved.inputAt.push(move(index.inputAt[i]!));
      moved.targetAt.push(move(index.targetAt[i]!));
      moved.labelAt.push(move(index.labelAt[i]!));
    }
    moved.sha256 = output.finish();
    moved.bytes = output.bytes;
  } catch (error) {
    throw fileError(error, path);
  } finally {
    closeSync(input);
    output.close();
  }
  renameSync(temporary, target);
  await syncFile(target);
  await writeWhole(join(staging, indexFile(file)), sealedText(moved));
  return { bytes: moved.bytes, sha256: moved.sha256, examples: moved.offset.length };
}
