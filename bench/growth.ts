// How time and memory grow with the number of examples: pairs of 0.1 s generated, checked, recorded and read for an epoch.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { checkDataset } from "../dist/check/check.js";
import { writeWavs } from "../dist/generate/write-wavs.js";
import { type Batches, batches } from "../dist/load/batches.js";
import { readIndex } from "../dist/sources/index-csv.js";
import { planRecords } from "../dist/build/plan-records.js";
import { planRecipe } from "../dist/generate/recipe.js";
import { buildRecords } from "../dist/build/build-records.js";
import { openRecords } from "../dist/records/open-records.js";
import { loadTensorFlow } from "../dist/tensorflow/load.js";
import { measure, report, round, settle, tiny } from "./harness.js";

const SIZES = tiny ? [40, 80] : [1000, 10_000, 100_000];
const quiet = { onProgress: false } as const;

const STAGES: Record<string, (folder: string, size: number) => Promise<unknown>> = {
  generate: (folder, size) => writeWavs(folder, "dataset", planRecipe(100, 1000, size / 4, { duration: 0.1 }), quiet),
  check: (folder) => checkDataset(folder, "dataset", "pairs", quiet),
  record: async (folder) => {
    const index = await readIndex(folder, "dataset", "pairs");
    await buildRecords(folder, await planRecords(folder, "dataset", index), quiet);
  },
  epoch: async (folder) => {
    const records = await openRecords(folder, "dataset");
    const all = Uint32Array.from({ length: records.count }, (_, i) => i);
    const seen = await readAll(batches(records, all, { inputSize: 160, batchSize: 64, seed: 1 }));
    if (seen !== records.count) throw new Error(`epoch: ${seen} examples, expected ${records.count}`);
  },
};

async function readAll(dataset: Batches): Promise<number> {
  const iterator = await dataset.iterator();
  let count = 0;
  for (let next = await iterator.next(); !next.done; next = await iterator.next()) {
    count += next.value.xs.shape[0]!;
    next.value.xs.dispose();
    next.value.ys.dispose();
  }
  return count;
}

async function main(): Promise<void> {
  loadTensorFlow().scalar(0).dispose();
  const results: Record<string, { seconds: number[]; megabytes: number[] }> = {};
  for (const size of SIZES) {
    const folder = mkdtempSync(join(tmpdir(), "bench-growth-"));
    try {
      for (const [stage, work] of Object.entries(STAGES)) {
        await settle();
        const base = process.memoryUsage.rss() / 2 ** 20;
        const { seconds, peakMegabytes } = await measure(() => work(folder, size));
        results[stage] ??= { seconds: [], megabytes: [] };
        results[stage].seconds.push(round(seconds));
        results[stage].megabytes.push(Math.round(peakMegabytes - base));
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  }
  for (const [stage, { seconds, megabytes }] of Object.entries(results)) {
    const exponent = Math.log(seconds.at(-1)! / seconds[0]!) / Math.log(SIZES.at(-1)! / SIZES[0]!);
    report({
      name: `growth of ${stage}`,
      work: `pairs of 0.1 s, ${SIZES.join(", ")} of them`,
      examples: SIZES,
      seconds,
      megabytesAboveBaseline: megabytes,
      exponent: round(exponent),
      target: 1.2,
      reached: exponent < 1.2,
      tiny,
    });
  }
}

void main();
