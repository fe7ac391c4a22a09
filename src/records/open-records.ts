import { existsSync } from "node:fs";
import { join } from "node:path";
import { collect, type Records } from "./records.js";
import { DatasetError } from "../core/error.js";
import { checkKnown } from "../core/known-options.js";
import { unlessDamaged } from "../system/sealed-json.js";
import { type OpenOptions, openForeign } from "./open-original.js";
import { isAddress } from "../storage/byte-source.js";
import type { Manifest } from "./manifest.js";
import { openElsewhere } from "./open-elsewhere.js";
import { readManifest, readPlan } from "./read-stored.js";
import { planPath, planShardRows, shardKey } from "./plan.js";
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
  const manifest = await readManifest(directory, name);
  if (!manifest) return await openForeign(directory, name, options);
  const stale = options.allowStale ? undefined : await staleness(directory, manifest);
  if (stale) {
    throw new DatasetError(
      "STALE",
      `records of "${name}": stale: ${stale} (${directory}); call generateRecords to rebuild the affected shards, or pass allowStale: true`,
    );
  }
  for (const { file, bytes } of manifest.shards) {
    const size = await sizeOf(join(directory, file));
    if (size === bytes) continue;
    const found = size === undefined ? "not found" : `${size} bytes`;
    throw new DatasetError("RECORD", `shard ${file}: ${found}, expected ${bytes} bytes (${directory}); call repair`);
  }
  const indexes = await readIndexes(directory, manifest, manifest.shards, (index, k) =>
    nameFromPlan(directory, manifest, index, k),
  );
  return collect(directory, manifest, indexes);
}

/** Gives the examples of a scanned float16 shard the names that its records don't hold, where its plan is still there. */
export async function nameFromPlan(directory: string, manifest: Manifest, index: ShardIndex, k: number): Promise<void> {
  if (manifest.encoding !== "float16") return;
  const plan = await unlessDamaged(readPlan(planPath(directory, manifest.name), manifest.name));
  const { file, key } = manifest.shards[k]!;
  const at = plan?.shards.findIndex((s) => s.file === file) ?? -1;
  if (!plan || at < 0 || shardKey(plan, at) !== key) return;
  for (const [i, row] of planShardRows(plan, at).entries()) nameExample(index, row, i);
}
