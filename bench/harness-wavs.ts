import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { planRecipe, writeWavs } from "../dist/generate/write-wavs.js";
import { readIndex } from "../dist/sources/index-csv.js";
import { planRecords } from "../dist/build/plan-records.js";
import { buildRecords } from "../dist/build/build-records.js";
import { type Measure, measure, type Side, tiny } from "./harness.js";

/** A folder of generated wavs, and our side of the comparisons with it. */
export interface WavSet {
  folder: string;
  work: string;
  details: { megabytes: number };
  /** Ours: index csv, headers of all files, shards, hashes, manifest, all flushed to the disk. Returns the number of pairs. */
  records: Side;
  /** A side that starts without what the run before it left. */
  fresh(side: () => Promise<Measure>): Side;
}

/** Writes 4,000 pairs of 1 s at 16 kHz (16 with `--tiny`), runs `work` with them and deletes them. */
export async function withWavs(work: (set: WavSet) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(process.env.BENCH_FOLDER ?? tmpdir(), "bench-records-"));
  try {
    await writeWavs(folder, "dataset", planRecipe(100, 1000, tiny ? 4 : 1000), { onProgress: false });
    const pairs = (await readIndex(folder, "dataset", "pairs")).rows.length;
    const clean = (): void => {
      for (const left of ["dataset.manifest.json", "copy", "python"]) {
        rmSync(join(folder, left), { recursive: true, force: true });
      }
      for (let k = 0; k < 100; k++) rmSync(join(folder, `dataset${k}.tfrecord`), { force: true });
    };
    const fresh = (side: () => Promise<Measure>): Side => {
      return () => {
        clean();
        return side();
      };
    };
    const build = async (): Promise<number> => {
      const plan = await planRecords(folder, "dataset", await readIndex(folder, "dataset", "pairs"));
      return (await buildRecords(folder, plan, { onProgress: false })).examples;
    };
    await work({
      folder,
      work: `${pairs} pairs of 1 s, 16 kHz: wavs to shards`,
      details: { megabytes: (pairs * 2 * 32000) / 1e6 },
      records: fresh(() => measure(build)),
      fresh,
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
