// Publishing, killed before each single thing it does to the disk: renames, deletions, and every half-written file.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { planRecords } from "../../dist/build/plan-records.js";
import { savePlan } from "../../dist/records/plan.js";
import { planRecipe } from "../../dist/generate/recipe.js";
import { buildOneShard, buildRecords, finishPlan } from "../../dist/build/build-records.js";
import { openRecords } from "../../dist/records/open-records.js";
import { verify } from "../../dist/repair/verify.js";
import { root } from "../support/python.js";
import { folder, quiet, shardHashes } from "../support/records.js";

/** Finishes a plan, but kills itself at the n-th step; prints "done" where there are fewer. */
const SCRIPT = `
const files = require("node:fs/promises");
const [plan, last] = [process.argv[1], Number(process.argv[2])];
let steps = 0;
const step = () => void (++steps === last && process.kill(process.pid, "SIGKILL"));
for (const name of ["rename", "rm"]) {
  const real = files[name];
  files[name] = (...args) => (step(), real(...args));
}
const open = files.open;
files.open = async (path, flags, ...rest) => {
  if (flags !== "r") step();
  const file = await open(path, flags, ...rest);
  if (flags !== "r") file.writeFile = async (data) => {
    const bytes = Buffer.from(data);
    step();
    await file.write(bytes, 0, bytes.length >> 1);
    step();
    await file.write(bytes, bytes.length >> 1);
    step();
  };
  return file;
};
require(${JSON.stringify(join(root, "dist/build/build-records.js"))}).finishPlan(plan).then(() => console.log("done"));`;

test("a publication killed at any of its steps leaves the old records or the new, and the next call ends it", async (t) => {
  const recipe = planRecipe(200, 800, 6, { waves: ["sin"], duration: 0.05, sampleRate: 8000 });
  const start = folder(t);
  const before = await buildRecords(start, await planRecords(start, "set", recipe, { examplesPerFile: 2 }), quiet);
  const next = await planRecords(start, "set", { ...recipe, volume: 0.2 }, { examplesPerFile: 3 });
  const file = await savePlan(start, next);
  for (const k of next.shards.keys()) await buildOneShard(file, k);
  const whole = folder(t);
  const after = await buildRecords(whole, next, quiet);
  const seen = new Set<string>();
  for (let last = 1, done = false; !done; last++) {
    const directory = folder(t);
    cpSync(start, directory, { recursive: true });
    const plan = join(directory, "set.plan.json");
    done = spawnSync(process.execPath, ["-e", SCRIPT, plan, String(last)], { encoding: "utf8" }).stdout === "done\n";
    const copy = folder(t);
    cpSync(directory, copy, { recursive: true });
    const { fingerprint } = (await openRecords(copy, "set")).manifest;
    seen.add(fingerprint);
    assert.ok([before.fingerprint, after.fingerprint].includes(fingerprint), `step ${last}`);
    assert.deepEqual((await verify(copy, "set", quiet)).problems, [], `step ${last}`);
    await finishPlan(plan);
    assert.deepEqual(shardHashes(directory), shardHashes(whole), `step ${last}`);
    assert.deepEqual(readdirSync(directory).sort(), readdirSync(whole).sort(), `step ${last}`);
    assert.ok(last < 100);
  }
  assert.deepEqual(seen, new Set([before.fingerprint, after.fingerprint]));
});
