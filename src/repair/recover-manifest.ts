import { existsSync } from "node:fs";
import { join } from "node:path";
import { unlessDamaged } from "../system/sealed-json.js";
import { type Manifest, type ShardEntry, sumOf } from "../records/manifest.js";
import { planPath } from "../records/plan.js";
import { checked, openPlan } from "../records/read-stored.js";
import { scanShard } from "../records/scan-shard.js";
import { readSealedIndex } from "../records/read-indexes.js";
import { manifestFacts } from "../build/build-records.js";
import { sampleRange } from "../build/build-shard.js";

/**
 * A manifest to replace one that is damaged or missing, from the plan that the records were built by and the index
 * beside each shard, whose keys say that they belong together. It says nothing of sources: what they were isn't known.
 * A shard without an index counts as damaged. Undefined where an index is of other records, or there is no plan.
 */
export async function recoverManifest(directory: string, name: string): Promise<Manifest | undefined> {
  const plan = await unlessDamaged(checked(openPlan(planPath(directory, name), name)));
  if (!plan) return undefined;
  const entries: ShardEntry[] = [];
  const unknown: string[] = [];
  let vouched = false;
  for await (const { file, from, to, key } of plan.shards()) {
    const index = await readSealedIndex(directory, file);
    if (index?.key === key) {
      const { bytes, sha256 } = index;
      entries.push({ file, examples: to - from, bytes, sha256, samples: sampleRange(index, plan.facts), key });
      vouched = true;
    } else {
      if (index) return undefined;
      // Without its index the shard is rebuilt; it may be another program's where nothing says that the plan was built.
      if (existsSync(join(directory, file))) unknown.push(join(directory, file));
      entries.push({ file, examples: to - from, bytes: 0, sha256: "", samples: { min: Infinity, max: 0 }, key });
    }
  }
  if (!vouched && !unknown.every((path) => scanShard({ path, file: path, lists: false }).index.own)) return undefined;
  return { ...manifestFacts(plan), ...sumOf(entries), shards: entries };
}
