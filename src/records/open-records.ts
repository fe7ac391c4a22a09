import { existsSync } from "node:fs";
import { join } from "node:path";
import { RecordsCollector, type Records } from "./records.js";
import { inOrder } from "../system/event-loop.js";
import type { Row } from "../core/rows.js";
import { DatasetError } from "../core/error.js";
import { checkKnown } from "../core/known-options.js";
import { unlessDamaged } from "../system/sealed-json.js";
import { type OpenOptions, openForeign } from "./open-original.js";
import { isAddress } from "../core/names.js";
import type { Manifest, ShardEntry } from "./manifest.js";
import { openManifest, openPlan, wholeManifest } from "./read-stored.js";
import { planPath, plannedShard, type ShardPlan } from "./plan.js";
import { openElsewhere } from "./open-elsewhere.js";
import { sizeOf, statOf } from "../system/file-names.js";
import { journalPath, manifestPath } from "./files.js";
import { recoverPublication } from "./publish.js";
import { readIndexes } from "./read-indexes.js";
import { nameExample, type ShardIndex } from "./shard-index.js";
import { staleness } from "./staleness.js";

export type { OpenOptions, Records };

/**
 * Opens the records of dataset `name`: those of this library by their manifest, those of the Python original (every
 * kind, and its later version) by their names `N<k>.tfrecord`.
 *
 * @param directory the dataset's folder, or its address: `s3://bucket/folder`, `https://…`
 * @throws DatasetError "RECORD" where there are none or a shard is damaged, "STALE" where the sources have changed since
 * @example const records = await openRecords("./data", "dataset"); // records.count, records.names[0]
 */
export async function openRecords(directory: string, name: string, options: OpenOptions = {}): Promise<Records> {
  checkKnown("openRecords", options, { kind: true, width: true, allowStale: true, cache: true });
  if (isAddress(directory)) return await openElsewhere(directory, name, options.cache);
  if (options.cache)
    throw new DatasetError("OPTION", `cache: given, expected none for a folder of this machine (${directory})`);
  for (let attempt = 1; ; attempt++) {
    await recoverPublication(directory, name);
    const before = await publication(directory, name);
    try {
      const records = await openOnce(directory, name, options);
      if ((await publication(directory, name)) === before) return records;
    } catch (error) {
      if ((await publication(directory, name)) === before) throw error;
    }
    if (attempt < ATTEMPTS) continue;
    throw new DatasetError(
      "RECORD",
      `records of "${name}": rebuilt ${ATTEMPTS} times while they were opened, expected them to stay (${directory}); try again`,
    );
  }
}

/** How often records that are rebuilt meanwhile are opened again. */
const ATTEMPTS = 20;

/**
 * Which records are published: the manifest's file, of which every publication makes another one. While one is going
 * on, shards of both may lie beside each other; that it has begun is looked for first, since it ends with the manifest.
 */
async function publication(directory: string, name: string): Promise<string> {
  if (existsSync(journalPath(directory, name))) return `in progress ${performance.now()}`;
  const stats = await statOf(manifestPath(directory, name));
  return stats ? `${stats.ino} ${stats.mtimeMs} ${stats.size}` : "none";
}

async function openOnce(directory: string, name: string, options: OpenOptions): Promise<Records> {
  const stored = await openManifest(directory, name);
  if (!stored) return await openForeign(directory, name, options);
  const manifest = await wholeManifest(stored);
  const stale = options.allowStale ? undefined : await staleness(directory, stored);
  if (stale) {
    throw new DatasetError(
      "STALE",
      `records of "${name}": stale: ${stale} (${directory}); call generateRecords to rebuild the affected shards, or pass allowStale: true`,
    );
  }
  return await openShards(directory, manifest);
}

/** Opens the shards of a manifest, which may be some of a dataset's: one that names them alone. */
export async function openShards(directory: string, manifest: Manifest): Promise<Records> {
  for await (const _ of inOrder(manifest.shards, (shard) => checkSize(directory, shard)));
  const records = new RecordsCollector(directory, manifest);
  const take = (index: ShardIndex, k: number): void => records.add(index, k);
  await readIndexes(directory, manifest, manifest.shards, take, (index, k) =>
    nameFromPlan(directory, manifest, index, k),
  );
  return records.done();
}

async function checkSize(directory: string, { file, bytes }: ShardEntry): Promise<void> {
  const size = await sizeOf(join(directory, file));
  if (size === bytes) return;
  const found = size === undefined ? "not found" : `${size} bytes`;
  throw new DatasetError("RECORD", `shard ${file}: ${found}, expected ${bytes} bytes (${directory}); call repair`);
}

/** Gives the examples of a scanned float16 shard the names that its records don't hold, where its plan is still there. */
export async function nameFromPlan(directory: string, manifest: Manifest, index: ShardIndex, k: number): Promise<void> {
  const { encoding, name } = manifest;
  if (encoding !== "float16") return;
  const plan = await unlessDamaged(openPlan(planPath(directory, name), name));
  const rows = plan && (await unlessDamaged(plannedRows(plan, manifest.shards[k]!)));
  for (const [i, row] of (rows ?? []).entries()) nameExample(index, row, i);
}

/** The rows of a shard, where the plan is what it was built by. */
export async function plannedRows(plan: ShardPlan, entry: ShardEntry): Promise<readonly Row[] | undefined> {
  const k = plannedShard(plan, entry.file);
  return k !== undefined && (await plan.shard(k)).key === entry.key ? await plan.rows(k) : undefined;
}
