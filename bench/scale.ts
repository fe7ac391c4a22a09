// What the machine that plans and publishes has to do, by the number of rows: a process for each step, its CPU seconds and peak memory.
// No sound is built. The csv pairs each of some sparse wavs with each of as many others, so that few headers are read for many rows. The
// shards that `finish` and `open` find are sparse files of the right length, with the entry and the index that a builder leaves: a path
// for each side of each pair.
import { spawn } from "node:child_process";
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, truncateSync, writeFileSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { finishPlan } from "../dist/build/build-records.js";
import { sha256Of, sealedText } from "../dist/system/sealed-json.js";
import type { Row } from "../dist/core/rows.js";
import { AudioDataset, encodeWav, openRecords } from "../dist/index.js";
import { entryFile, indexFile, makeStaging, shardName } from "../dist/records/files.js";
import { planPath, type PlannedShard, type ShardPlan, writePlan } from "../dist/records/plan.js";
import { openManifest, openPlan } from "../dist/records/read-stored.js";
import { emptyIndex } from "../dist/records/shard-index.js";
import { staleness } from "../dist/records/staleness.js";
import { splitExamples } from "../dist/split/split.js";
import { report, round, tiny } from "./harness.js";

const given = process.argv.slice(2).map(Number).filter(Number.isSafeInteger);
const SIZES = given.length > 0 ? given : tiny ? [1000, 5000] : [10_000, 100_000, 1_000_000, 10_000_000];
const PER_SHARD = 2400;
const RECORD_BYTES = 500;
const SAMPLES_BYTES = 200;
const rowOf = (id: number): Row => ({
  id,
  line: id + 1,
  input: `speaker${id % 997}/${id}.wav`,
  target: `speaker${id % 997}/${id}.wav`,
});

/** The plan of `size` pairs, which are nowhere: `write` streams it. */
function pairs(size: number): ShardPlan {
  const count = Math.ceil(size / PER_SHARD);
  const shard = async (k: number): Promise<PlannedShard> => {
    const [from, to] = [k * PER_SHARD, Math.min(size, (k + 1) * PER_SHARD)];
    return { file: shardName("set", k), from, to, key: sha256Of(`${k}`) };
  };
  return {
    facts: {
      ...{ name: "set", kind: "pairs", encoding: "pcm16", sampleRate: 16000, channels: 1 },
      source: { inputFolder: "in", targetFolder: "out" },
    },
    count,
    examples: size,
    shard,
    async *shards() {
      for (let k = 0; k < count; k++) yield await shard(k);
    },
    rows: async (k) => {
      const { from, to } = await shard(k);
      return Array.from({ length: to - from }, (_, i) => rowOf(from + i));
    },
    check: async () => undefined,
  };
}

/** What the builders of all shards leave, without the sound. */
async function leaveShards(folder: string, size: number): Promise<void> {
  const plan = pairs(size);
  const staging = await makeStaging(folder, "set");
  for (let k = 0; k < plan.count; k++) {
    const { file, key } = await plan.shard(k);
    const rows = await plan.rows(k);
    const bytes = rows.length * RECORD_BYTES;
    writeFileSync(join(staging, file), "");
    truncateSync(join(staging, file), bytes);
    const sha256 = sha256Of(file);
    const at = (from: number): number[] => rows.map((_, i) => i * RECORD_BYTES + from);
    const all = (value: number): number[] => rows.map(() => value);
    const index = {
      ...{ ...emptyIndex(), bytes, sha256, key, audio: "bytes", own: true, id: rows.map(({ id }) => id) },
      ...{ name: rows.map(({ input }) => input), group: rows.map(() => ""), indices: rows.map(() => []) },
      ...{
        values: rows.map(() => []),
        offset: at(0),
        length: all(RECORD_BYTES - 16),
        labelAt: all(-1),
        labelBytes: all(0),
      },
      ...{ inputAt: at(20), inputBytes: all(SAMPLES_BYTES), targetAt: at(240), targetBytes: all(SAMPLES_BYTES) },
    };
    writeFileSync(join(staging, indexFile(file)), sealedText(index));
    const sides = rows.flatMap(({ input, target }) => [`in/${input}`, `out/${target}`]);
    const numbers = sides.map((_, i) => i);
    const times = sides.map((_, i) => 1.7e12 + i / 7);
    const sources = {
      path: sides,
      bytes: numbers,
      mtimeMs: times,
      ctimeMs: times,
      crc32c: numbers.map((i) => i * 9973),
    };
    const samples = { min: SAMPLES_BYTES / 2, max: SAMPLES_BYTES / 2 };
    writeFileSync(
      join(staging, entryFile(file)),
      JSON.stringify({ file, examples: rows.length, bytes, sha256, samples, key, sources }),
    );
  }
}

/** An index csv of pairs of sparse wavs: few files make many pairs. */
function leaveCsv(folder: string, size: number): void {
  const files = Math.ceil(Math.sqrt(size));
  const head = encodeWav({ sampleRate: 1000, channels: 1, samples: new Int16Array(0) });
  const sparse = encodeWav({ sampleRate: 1000, channels: 1, samples: new Int16Array(500) }).subarray(0, head.length);
  for (const side of ["in", "out"]) {
    mkdirSync(join(folder, side), { recursive: true });
    for (let i = 0; i < files; i++) {
      writeFileSync(join(folder, side, `${i}.wav`), sparse);
      truncateSync(join(folder, side, `${i}.wav`), head.length + 1000);
    }
  }
  const csv = openSync(join(folder, "csv"), "w");
  for (let i = 0; i < size; i += files) {
    const lines = Array.from({ length: Math.min(files, size - i) }, (_, k) => `${k}.wav,${i / files}.wav\n`);
    writeSync(csv, lines.join(""));
  }
  closeSync(csv);
}

const STEPS: Record<string, (folder: string, size: number) => Promise<unknown>> = {
  "plan csv": (folder) => new AudioDataset(folder, "csv").plan(),
  "write plan": (folder, size) => writePlan(planPath(folder, "set"), pairs(size)),
  "read task": async (folder) => {
    const plan = await openPlan(planPath(folder, "set"), "set");
    const rows = await plan!.rows(plan!.count - 1);
    if (rows.length === 0) throw new Error("no rows");
  },
  finish: (folder) => finishPlan(planPath(folder, "set")),
  open: (folder) => openRecords(folder, "set", { allowStale: true }),
  "open and split": async (folder) => {
    const { count } = await openRecords(folder, "set", { allowStale: true });
    return splitExamples(count, { seed: 1 });
  },
  stale: async (folder) => {
    const found = await staleness(folder, (await openManifest(folder, "set"))!);
    if (found !== undefined) throw new Error(found);
  },
};

interface Cost {
  seconds: number;
  cpuSeconds: number;
  megabytes: number;
}

/** Runs one step alone in a process. */
async function run(step: string, folder: string, size: number): Promise<Cost> {
  const child = spawn(process.execPath, [...process.execArgv, __filename, "step", step, folder, String(size)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let text = "";
  for await (const part of child.stdout) text += part;
  if (!text.includes("{")) throw new Error(`${step} of ${size} rows: failed`);
  return JSON.parse(text.slice(text.indexOf("{"))) as Cost;
}

async function main(): Promise<void> {
  const [mode, step, folder, size] = process.argv.slice(2);
  if (mode === "step") {
    const start = performance.now();
    const before = process.cpuUsage();
    await STEPS[step!]!(folder!, Number(size));
    const seconds = (performance.now() - start) / 1000;
    const { user, system } = process.cpuUsage(before);
    const megabytes = process.resourceUsage().maxRSS / 1024;
    console.log(JSON.stringify({ seconds, cpuSeconds: (user + system) / 1e6, megabytes }));
    process.exit();
  }
  const costs: Record<string, { sizes: number[]; costs: Cost[] }> = {};
  for (const size of SIZES) {
    const folder = mkdtempSync(join(process.env.BENCH_SCALE ?? tmpdir(), "bench-scale-"));
    try {
      for (const step of Object.keys(STEPS)) {
        if (step === "plan csv") leaveCsv(folder, size);
        if (step === "finish") await leaveShards(folder, size);
        const cost = await run(step, folder, size);
        console.error(step, size, JSON.stringify(cost));
        costs[step] ??= { sizes: [], costs: [] };
        costs[step].sizes.push(size);
        costs[step].costs.push(cost);
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  }
  for (const [step, { sizes, costs: all }] of Object.entries(costs)) {
    const growth = (key: keyof Cost): number =>
      Math.log(all.at(-1)![key] / all[0]![key]) / Math.log(sizes.at(-1)! / sizes[0]!);
    const exponent = growth("cpuSeconds");
    report({
      name: `scale: ${step}`,
      work: `${step}, ${sizes.join(", ")} rows`,
      rows: sizes,
      seconds: all.map(({ seconds }) => round(seconds)),
      cpuSeconds: all.map(({ cpuSeconds }) => round(cpuSeconds)),
      megabytes: all.map(({ megabytes }) => Math.round(megabytes)),
      exponent: round(exponent),
      target: 1.2,
      reached: exponent < 1.2,
      tiny,
    });
  }
}

void main();
