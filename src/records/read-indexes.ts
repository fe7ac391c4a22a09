import { mapSome } from "../system/event-loop.js";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { DatasetError, problemsError } from "../core/error.js";
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
 * The index of each shard: from the file beside it where that belongs to the shard as it is now, else by a scan in
 * workers, whose result is then kept beside the shard.
 * @param name gives the examples of a scanned shard the names that its records don't hold
 * @throws DatasetError "RECORD" with every damaged example of a shard that had to be scanned
 */
export async function readIndexes(
  directory: string,
  { kind, encoding }: { kind?: Kind | undefined; encoding?: Encoding | undefined },
  shards: readonly IndexedShard[],
  name?: (index: ShardIndex, k: number) => Promise<void>,
): Promise<ShardIndex[]> {
  const flac = encoding === "flac";
  const found = await mapSome(shards, (shard) => readIndexFile(directory, shard));
  const indexes = found.map((index) => ((index?.audio === "flac") === flac ? index : undefined));
  const missing = shards.flatMap((_, k) => (indexes[k] ? [] : [k]));
  if (missing.length === 0) return indexes as ShardIndex[];
  const lists = kind !== "frames" && kind !== "pairs";
  const scans = await withPool(workerCount(), (pool) =>
    Promise.all(
      missing.map((k) => {
        const { file } = shards[k]!;
        const task: ScanTask = { path: join(directory, file), file, lists, flac };
        return runTask<ShardScan>(pool, "scanShard", task);
      }),
    ),
  );
  const problems = scans.flatMap((scan) => scan.problems);
  if (problems.length > 0) throw problemsError("RECORD", "records", problems);
  for (const [n, k] of missing.entries()) {
    const shard = shards[k]!;
    const { index } = scans[n]!;
    if (index.bytes === 0)
      throw new DatasetError(
        "RECORD",
        `shard ${shard.file}: 0 bytes, expected records (${directory}); its writer was interrupted: rebuild it`,
      );
    if (shard.sha256 !== undefined) {
      if (index.sha256 !== shard.sha256) {
        throw new DatasetError(
          "RECORD",
          `shard ${shard.file}: sha256 ${index.sha256}, expected ${shard.sha256} as in the manifest (${directory}); call repair`,
        );
      }
      delete index.mtimeMs;
      if (shard.key !== undefined) index.key = shard.key;
    }
    if (name) await name(index, k);
    indexes[k] = index;
    await keepIndex(join(directory, indexFile(shard.file)), index);
  }
  return indexes as ShardIndex[];
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
