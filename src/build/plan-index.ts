import type { CheckedFile, CheckTask } from "../check/check-files.js";
import { isWarning } from "../check/report.js";
import { DatasetError } from "../core/error.js";
import { soundIn } from "../core/names.js";
import type { Row } from "../core/rows.js";
import { hashIndexFiles } from "../records/manifest.js";
import {
  type BuildPlan,
  type PlanFacts,
  type PlannedShard,
  planPath,
  type RecordOptions,
  shardKey,
  type ShardPlan,
  writePlanEntries,
} from "../records/plan.js";
import type { IndexParts } from "../sources/index-parts.js";
import { syncFolder } from "../system/atomic-file.js";
import { withPool, workerCount } from "../system/pool.js";
import type { TableEntry } from "../system/sealed-table.js";
import { runTask } from "../system/task.js";
import { checkOptions, cutShards, formOf, refuseForm, rowBytes, type Shape, soundFacts } from "./plan-records.js";

/**
 * Plans the records of an index csv of which never more than a part is in memory, and writes the plan. Undefined, and nothing is written,
 * where something is unusual: what it is, the check of the whole index says. Where nothing is, the plan is that of `planRecords`, to the byte.
 */
export async function planIndexParts(
  directory: string,
  name: string,
  index: IndexParts,
  options: RecordOptions,
): Promise<Pick<ShardPlan, "count" | "examples"> | undefined> {
  const { kind, file, besides, inputFolder, targetFolder } = index;
  checkOptions(kind, options);
  const samples = new Numbers();
  const shape: Shape = { sixteenBit: true, sampleRate: 0, channels: 0 };
  let labels: readonly string[] | undefined;
  let width: number | undefined;
  const sound = await withPool(workerCount(options.workers), async (pool) => {
    for await (const part of index.parts(true)) {
      if (!part) return false;
      labels = part.labels;
      width ??= part.rows[0]?.values?.length;
      const names = part.rows.flatMap(({ input, target }) => [
        soundIn(inputFolder, input),
        ...(target === undefined ? [] : [soundIn(targetFolder, target)]),
      ]);
      const found = await checkedFiles(pool, directory, [...new Set(names)], options);
      for (const { problems, sampleRate = 0, channels = 0, bitsPerSample, frames } of found.values()) {
        shape.sampleRate ||= sampleRate;
        shape.channels ||= channels;
        shape.sixteenBit &&= bitsPerSample === 16;
        if (frames === undefined || sampleRate !== shape.sampleRate || channels !== shape.channels) return false;
        if (!problems.every(isWarning)) return false;
      }
      const length = (at: number): number => found.get(names[at]!)!.frames! * shape.channels;
      const sides = kind === "pairs" ? 2 : 1;
      for (let at = 0; at < names.length; at += sides) samples.push(length(at) + (sides === 2 ? length(at + 1) : 0));
    }
    return samples.length > 0;
  });
  if (!sound) return undefined;
  const form = formOf(shape, options);
  const shards = cutShards(
    name,
    samples.all().map((n) => rowBytes(n, shape, form)),
    options,
  );
  const facts: PlanFacts = {
    ...soundFacts({ name, kind, width, labels }, form, options),
    indexFiles: await hashIndexFiles(directory, [...new Set([file, ...besides])]),
    source: { inputFolder, targetFolder },
  };
  await refuseForm(directory, { ...facts, shards });
  const path = planPath(directory, name);
  await writePlanEntries(path, { facts, examples: samples.length }, shardsOf(index, facts, shards, path));
  await syncFolder(directory);
  return { count: shards.length, examples: samples.length };
}

/** The shards of an index with their rows. */
async function* shardsOf(
  index: IndexParts,
  facts: PlanFacts,
  shards: BuildPlan["shards"],
  path: string,
): AsyncGenerator<TableEntry<PlannedShard>> {
  let rows: Row[] = [];
  let k = 0;
  for await (const part of index.parts(false)) {
    for (const row of part?.rows ?? []) {
      rows.push(row);
      const { file, from, to } = shards[k] ?? { file: "", from: 0, to: -1 };
      if (row.id + 1 !== to) continue;
      yield { row: { file, from, to, key: shardKey(facts, from, to, rows) }, detail: rows };
      rows = [];
      k++;
    }
  }
  if (k < shards.length || rows.length > 0)
    throw new DatasetError(
      "FILE",
      `index ${index.file}: changed while it was planned, expected it as it was (${path})`,
    );
}

/** Files of one task of a worker. */
const CHECK_FILES = 256;

async function checkedFiles(
  pool: Parameters<typeof runTask>[0],
  directory: string,
  files: readonly string[],
  { convert, onDamaged, signal }: RecordOptions,
): Promise<Map<string, CheckedFile>> {
  const tasks: CheckTask[] = [];
  for (let i = 0; i < files.length; i += CHECK_FILES) {
    const some = files.slice(i, i + CHECK_FILES).map((audio) => ({ audio }));
    tasks.push({ directory, files: some, deep: false, convert, onDamaged, labels: {} });
  }
  const parts = await Promise.all(tasks.map((task) => runTask<CheckedFile[]>(pool, "checkFiles", task, signal)));
  return new Map(parts.flat().map((file) => [file.file, file]));
}

/** Numbers, as many as come. */
class Numbers {
  length = 0;
  private numbers = new Float64Array(1 << 16);

  push(number: number): void {
    if (this.length === this.numbers.length) {
      const more = new Float64Array(2 * this.length);
      more.set(this.numbers);
      this.numbers = more;
    }
    this.numbers[this.length++] = number;
  }

  all(): Float64Array {
    return this.numbers.subarray(0, this.length);
  }
}
