import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatasetError } from "../core/error.js";
import { fileAddress } from "../storage/byte-source.js";
import { Cache, type CacheOptions, keep, makeHollow } from "../storage/cache.js";
import { Elsewhere } from "../storage/elsewhere.js";
import type { ElsewhereShard } from "../storage/fetch-records.js";
import { answered, readBytes } from "../storage/read-source.js";
import { mapSome } from "../system/event-loop.js";
import { sha256Of } from "../system/sealed-json.js";
import { indexFile, manifestPath } from "./files.js";
import { type Records, RecordsCollector } from "./records.js";
import { readIndexFile, readIndexes } from "./read-indexes.js";
import { readManifest } from "./read-stored.js";
import type { ShardEntry } from "./manifest.js";

/** What this process has open, by address, name, cache and manifest: loaded again, what was fetched stays. */
const open = new Map<string, Promise<Records>>();

/**
 * Opens records at an address. Manifest and indexes are fetched now, examples once they are read; whether the sources have changed
 * since isn't looked at.
 *
 * @throws DatasetError "RECORD" where there are none or they are damaged, "FILE" where the server is out of reach
 */
export async function openElsewhere(address: string, name: string, options: CacheOptions = {}): Promise<Records> {
  const cache = new Cache(options);
  const found = await readBytes(fileAddress(address, manifestPath("", name))).catch((error: unknown) => {
    if (!answered(error, 404)) throw error;
    const message = `records of "${name}": no ${name}.manifest.json, expected one (${address}); correct the address, or call generateRecords({ to })`;
    throw new DatasetError("RECORD", message, [], { cause: error });
  });
  const key = [address, name, cache.folder, cache.bytes, sha256Of(found)].join("\0");
  const opening = open.get(key) ?? openOnce(address, name, cache, found);
  open.set(key, opening);
  opening.catch(() => open.delete(key));
  return await opening;
}

async function openOnce(address: string, name: string, cache: Cache, head: Uint8Array): Promise<Records> {
  const folder = cache.makeOpening();
  writeFileSync(manifestPath(folder, name), head);
  const manifest = (await readManifest(folder, name))!;
  const collector = new RecordsCollector(folder, manifest);
  const whole = await mapSome(manifest.shards, (entry) => takeShard(address, folder, cache, entry));
  await readIndexes(folder, manifest, manifest.shards, (index, k) => collector.add(index, k));
  const records = collector.done();
  // The files here change whenever something is fetched.
  delete records.mtimes;
  let from = 0;
  const shards = manifest.shards.map(({ bytes, sha256, examples, file }): ElsewhereShard => {
    from += examples;
    return {
      ...{ address: fileAddress(address, file), path: join(folder, file), bytes, sha256 },
      ...{ examples: [from - examples, from], kept: cache.pathOf(sha256) },
    };
  });
  records.elsewhere = new Elsewhere(shards, whole, records, cache);
  return records;
}

/** Puts a shard's index into the opening's folder, and the shard, where it is kept, or room for it. */
async function takeShard(address: string, folder: string, cache: Cache, entry: ShardEntry): Promise<boolean> {
  const { file, bytes, sha256 } = entry;
  const index = join(folder, indexFile(file));
  const kept = cache.pathOf(sha256, ".index");
  if (!(cache.take(kept, index) && (await readIndexFile(folder, entry)))) {
    const from = fileAddress(address, indexFile(file));
    writeFileSync(index, await readBytes(from));
    if (!(await readIndexFile(folder, entry))) {
      const message = `index ${from}: damaged or of another shard, expected that of sha256 ${sha256}`;
      throw new DatasetError("RECORD", `${message}; load the dataset again, or upload it again`);
    }
    keep(index, kept);
  }
  const path = join(folder, file);
  if (cache.take(cache.pathOf(sha256), path, bytes)) return true;
  makeHollow(path, bytes);
  return false;
}
