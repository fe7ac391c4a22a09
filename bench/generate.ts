import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { decodeWav } from "../dist/format/wav.js";
import { planRecipe, recipeRows, recipeSize, writeWavs } from "../dist/generate/write-wavs.js";
import { planRecords } from "../dist/build/plan-records.js";
import { buildRecords } from "../dist/build/build-records.js";
import { CHORDS } from "../dist/signal/oscillator.js";
import { compare, type Measure, measure, measureCommand, settle, tiny } from "./harness.js";

/** The readme's example: every wave at 1,000 frequencies, pairs of 1 s at 16 kHz. */
const recipe = planRecipe(100, 1000, tiny ? 4 : 1000);
const pairs = recipeSize(recipe);
const workers = availableParallelism();
const folder = mkdtempSync(join(tmpdir(), "bench-generate-"));

/**
 * Each run has a folder of its own: ext4 looks long for the next inode where many were freed just before, as do the
 * threads that only create files.
 */
let run = 0;
function fresh(side: string): string {
  const path = join(folder, `${side}${run++}`);
  mkdirSync(path, { recursive: true });
  return path;
}
let ours = "";

/** sox's time is the same for every file, so it makes a sample of them, spread over waves and frequencies. */
const sample = tiny ? recipeRows(recipe) : recipeRows(recipe).filter((row) => row.id % 27 === 0);
const sampleFiles = sample.flatMap((row) => [
  { file: join("in", row.input), row, hz: row.frequency },
  { file: join("out", row.target), row, hz: row.targetFrequency },
]);

async function sox(): Promise<Measure> {
  const lines = sampleFiles.map(({ file, row, hz }) => {
    const wave = row.wave === "saw" ? "sawtooth" : row.wave;
    const tones = CHORDS[row.chord].map((ratio) => `${wave} ${ratio * hz}`).join(" ");
    const { sampleRate, duration, volume } = recipe;
    return `-n -b 16 ${join(folder, "sox", file)} rate ${sampleRate} synth ${duration} ${tones} vol ${volume} remix -`;
  });
  for (const side of ["in", "out"]) mkdirSync(join(folder, "sox", side), { recursive: true });
  writeFileSync(join(folder, "commands"), `${lines.join("\n")}\n`);
  const measured = await measureCommand(`xargs -a ${join(folder, "commands")} -P 2 -L 1 sox`);
  const share = (2 * pairs) / sampleFiles.length;
  return { ...measured, seconds: measured.seconds * share, cpuSeconds: measured.cpuSeconds * share, check: 2 * pairs };
}

async function toWavs(): Promise<Measure> {
  ours = fresh("ours");
  return measure(async () => {
    await writeWavs(ours, "dataset", recipe, { onProgress: false });
    return readdirSync(join(ours, "in")).length + readdirSync(join(ours, "out")).length;
  });
}

/** Files of the same sizes and number in the same folders by as many threads, all of the same bytes. */
const CREATE = `
const { openSync, writeSync, closeSync } = require("node:fs");
const { parentPort, workerData } = require("node:worker_threads");
const bytes = new Uint8Array(workerData.bytes);
parentPort.once("message", (names) => {
  for (const name of names) {
    const file = openSync(name, "w");
    writeSync(file, bytes);
    closeSync(file);
  }
  parentPort.postMessage(names.length);
});
parentPort.postMessage("ready");`;

async function plainFiles(): Promise<Measure> {
  const plain = fresh("plain");
  for (const side of ["in", "out"]) mkdirSync(join(plain, side), { recursive: true });
  const rows = recipeRows(recipe);
  const bytes = 44 + 2 * recipe.duration * recipe.sampleRate;
  const threads = Array.from({ length: workers }, () => new Worker(CREATE, { eval: true, workerData: { bytes } }));
  const reply = (thread: Worker): Promise<number> => new Promise((resolve) => thread.once("message", resolve));
  await Promise.all(threads.map(reply));
  const measured = await measure(async () => {
    const counts = threads.map((thread, k) => {
      const part = rows.slice((k * pairs) / workers, ((k + 1) * pairs) / workers);
      const count = reply(thread);
      thread.postMessage(part.flatMap((row) => [join(plain, "in", row.input), join(plain, "out", row.target)]));
      return count;
    });
    return (await Promise.all(counts)).reduce((a, b) => a + b, 0);
  });
  await Promise.all(threads.map((thread) => thread.terminate()));
  return measured;
}

let records = "";
async function toRecords(): Promise<Measure> {
  // A few files: their memory, not new memory, takes the next ones.
  rmSync(records, { recursive: true, force: true });
  records = fresh("records");
  await settle();
  return measure(async () => {
    const plan = await planRecords(records, "dataset", recipe);
    const manifest = await buildRecords(records, plan, { onProgress: false });
    return 2 * manifest.examples;
  });
}

/** The work is the same: every file of the sample equals sox's within its dither. */
function checkSample(): void {
  for (const { file } of sampleFiles) {
    const a = decodeWav(readFileSync(join(ours, file)), file).samples;
    const b = decodeWav(readFileSync(join(folder, "sox", file)), file).samples;
    if (a.length !== b.length || a.some((value, i) => Math.abs(value - b[i]!) > 2)) {
      throw new Error(`${file}: differs from sox's by more than 2 steps, expected its dither alone`);
    }
  }
}

async function main(): Promise<void> {
  const work = `${pairs} pairs of 1 s at 16 kHz`;
  const peer = "one sox process per file, 2 jobs";
  const details = {
    versions: { sox: execFileSync("sox", ["--version"], { encoding: "utf8" }).trim() },
    files: 2 * pairs,
    // Its time is that of this many files, scaled by their share of all.
    soxFiles: sampleFiles.length,
  };
  await compare({ name: "generate-wavs", work: `${work} to wav files`, peer, target: 30, details }, toWavs, sox);
  checkSample();
  await compare(
    {
      name: "generate-files",
      work: `${work} to wav files`,
      peer: `${workers} threads that create the same number of files of that size and do nothing else`,
      target: 0.7,
      details: { files: 2 * pairs },
    },
    toWavs,
    plainFiles,
  );
  await compare(
    { name: "generate-records", work: `${work} to records, no files`, peer, target: 100, details },
    toRecords,
    sox,
  );
}

main().finally(() => rmSync(folder, { recursive: true, force: true }));
