import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { buildOneShard, finishPlan } from "../../dist/build/build-records.js";
import { savePlan } from "../../dist/records/plan.js";
import { copyFixture, folder, plan } from "../support/records.js";
import { root } from "../support/python.js";

test("a task reads its own rows and sources, finish none of them", async (t) => {
  const directory = copyFixture(t, "pairs", false);
  const file = await savePlan(directory, await plan(directory, "pairs", { examplesPerFile: 6 }));
  const sound = readFileSync(file, "utf8");
  const { rows, shards } = JSON.parse(sound);
  assert.deepEqual([rows.length, shards.length], [4, 4]);
  for (const k of [0, 2, 3]) {
    // The rows of the other shards are damaged, and their sources gone.
    const lines = sound.split("\n");
    for (const other of [0, 1, 2, 3]) if (other !== k) lines[1 + other] = lines[1 + other]!.replace(/\d/, "x");
    writeFileSync(file, lines.join("\n"));
    assert.equal((await buildOneShard(file, k)).examples, 6);
    const message = /^plan: checksum \d+ of the rows of line 1, expected \d+ \(.*; save it again$/;
    await assert.rejects(buildOneShard(file, 1), { code: "RECORD", message });
    for (const { input } of rows[k]) rmSync(join(directory, "in", input));
  }
  await assert.rejects(finishPlan(file), { code: "RECORD", message: /shards: 3 built, expected 4 .* these first: 1$/ });
  writeFileSync(file, sound);
  await buildOneShard(file, 1);
  const damaged = sound.split("\n");
  damaged[1] = damaged[1]!.replace(/\d/, "x");
  writeFileSync(file, damaged.join("\n"));
  assert.equal((await finishPlan(file)).examples, 24);
});

/** Plans, builds, finishes and loads shards of one pair each, and reads all of them in random order. */
const MANY = `
const library = require(${JSON.stringify(join(root, "dist/index.js"))});
const { buildSomeShards } = require(${JSON.stringify(join(root, "dist/build/build-records.js"))});
const { planRecipe } = require(${JSON.stringify(join(root, "dist/generate/recipe.js"))});
const { verify } = require(${JSON.stringify(join(root, "dist/repair/verify.js"))});
const [directory] = process.argv.slice(1);
(async () => {
  const recipe = planRecipe(200, 800, 150, { waves: ["sin", "saw"], duration: 0.01, sampleRate: 8000 });
  const file = await library.savePlan(directory, await library.planRecords(directory, "set", recipe, { examplesPerFile: 1 }));
  await buildSomeShards(file, 0, 300);
  const { shards } = await library.finishPlan(file, { verify: true });
  const { sound } = await verify(directory, "set", { onProgress: false });
  const records = await library.openRecords(directory, "set");
  const all = Uint32Array.from({ length: records.count }, (_, i) => i);
  let read = 0;
  await library.batches(records, all, { batchSize: 10, workers: 4, seed: 1 }).forEachAsync(({ xs }) => { read += xs.shape[0]; });
  console.log(JSON.stringify([shards.length, sound, read]));
})().catch((error) => { console.log(String(error)); process.exit(1); });`;

test("300 shards are built, verified and read in random order by four threads where a process may open 256 files", (t) => {
  const command = `ulimit -n 256; exec "$0" -e "$1" "$2"`;
  const { stdout, stderr } = spawnSync("sh", ["-c", command, process.execPath, MANY, folder(t)], { encoding: "utf8" });
  assert.equal(stdout.trim(), "[300,true,300]", stderr);
});
