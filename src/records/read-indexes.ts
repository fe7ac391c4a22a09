import { inOrder, mapSome } from "../system/event-loop.js";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { DatasetError, type Problem, problemsError } from "../core/error.js";
import { readJson, sealedText, unlessDamaged } from "../system/sealed-json.js";
import { withPool, workerCount } from "../system/pool.js";
import type { Encoding } from "./manifest.js";
import type { ShardIndex } from "./shard-index.js";
import type { ScanTask, ShardScan } from "./scan-shard.js";
import { runTask } from "../system/task.js";
import { writeWhole } from "../system/atomic-file.js";
import type { Kind } from "../core/rows.js";
import { indexFile } from "./files.js";
import { indexMisfit } from "./stored-form.js";

/** A shard to find the index of; size and hash where a manifest knows them. */
export interface IndexedShard {
  file: string;
  bytes?: number;
  sha256?: string;
  key?: string;
}

/**
 * Reads the index of each shard, in order: from the file beside it where that belongs to the shard as it is now, else by a scan in
 * workers, whose result is then kept beside the shard.
 * @param take gets each index, and its shard's number
 * @param name gives the examples of a scanned shard the names that its records don't hold
 * @throws DatasetError "RECORD" with every damaged example of a shard that had to be scanned
 */
export async function readIndexes(
  directory: string,
  form: { kind?: Kind | undefined; encoding?: Encoding | undefined },
  shards: readonly IndexedShard[],
  take: (index: ShardIndex, k: number) => void,
  name?: (index: ShardIndex, k: number) => Promise<void>,
): Promise<void> {
  const { kind, encoding } = form;
  const flac = encoding === "flac";
  const lists = kind !== "frames" && kind !== "pairs";
  const problems: Problem[] = [];
  await withPool(workerCount(), async (pool) => {
    const reading = inOrder(shards, async (shard, k) => {
      const { file } = shard;
      const found = await readIndexFile(directory, shard);
      if (found && (found.audio === "flac") === flac) return found;
      const task: ScanTask = { path: join(directory, file), file, lists, flac };
      const scan = await runTask<ShardScan>(pool, "scanShard", task);
      for (const problem of scan.problems) problems.push(problem);
      if (scan.problems.length > 0) return undefined;
      await keepScanned(directory, shard, scan.index, name && ((index) => name(index, k)));
      return scan.index;
    });
    let k = 0;
    for await (const index of reading) {
      if (index && problems.length === 0) take(index, k);
      k++;
    }
  });
  if (problems.length > 0) throw problemsError("RECORD", "records", problems);
}

/** Completes the index of a scanned shard and keeps it beside it. */
async function keepScanned(
  directory: string,
  { file, sha256, key }: IndexedShard,
  index: ShardIndex,
  name?: (index: ShardIndex) => Promise<void>,
): Promise<void> {
  if (index.bytes === 0)
    throw new DatasetError(
      "RECORD",
      `shard ${file}: 0 bytes, expected records (${directory}); its writer was interrupted: rebuild it`,
    );
  if (sha256 !== undefined) {
    if (index.sha256 !== sha256) {
      throw new DatasetError(
        "RECORD",
        `shard ${file}: sha256 ${index.sha256}, expected ${sha256} as in the manifest (${directory}); call repair`,
      );
    }
    delete index.mtimeMs;
    if (key !== undefined) index.key = key;
  }
  if (name) await name(index);
  await keepIndex(join(directory, indexFile(file)), index);
}

/** The index beside a shard, where it is whole and belongs to the shard as it is now. */
export async function readIndexFile(directory: string, shard: IndexedShard): Promise<ShardIndex | undefined> {
  const index = await readSealedIndex(directory, shard.file);
  if (!index) return undefined;
  if (shard.sha256 !== undefined) return index.sha256 === shard.sha256 ? index : undefined;
  const { size, mtimeMs } = await stat(join(directory, shard.file));
  return index.bytes === size && index.mtimeMs === mtimeMs ? index : undefined;
}

/** The index beside a shard, whatever shard it belongs to; undefined where there is none, or a damaged one. */
export async function readSealedIndex(directory: string, shard: string): Promise<ShardIndex | undefined> {
  const reading = readJson<ShardIndex>(join(directory, indexFile(shard)), {
    what: "index",
    misfit: indexMisfit,
    fix: "delete it",
  });
  return unlessDamaged(reading);
}

/** Whether this library built one of the shards, according to the index beside it. */
export async function anyOwnIndex(directory: string, shards: readonly string[]): Promise<boolean> {
  const indexes = await mapSome(shards, (shard) => readSealedIndex(directory, shard));
  return indexes.some((index) => index?.key !== undefined);
}

/** An index saves the next scan; where the folder can't be written there will be another one. */
async function keepIndex(path: string, index: ShardIndex): Promise<void> {
  try {
    await writeWhole(path, sealedText(index));
  } catch (error) {
    if (!(error instanceof DatasetError && error.code === "FILE")) throw error;
  }
}
