import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { ratioChart } from "../../bench/charts.js";
import { root } from "../support/python.js";

const skip = process.env.CI ? false : "takes some minutes and packages of its own; run npm run bench -- --tiny";

test("every benchmark does the same work on both sides, at its smallest size", { skip }, () => {
  // Ray's needs a cluster of its own, which test/ray starts already.
  const files = readdirSync(join(root, "bench")).filter((file) => /^(?!harness|report|charts|ray).*\.ts$/.test(file));
  const run = spawnSync("npm", ["run", "bench", "--", "--tiny", ...files], { cwd: root, encoding: "utf8" });
  assert.equal(run.status, 0, run.stdout.slice(-5000) + run.stderr.slice(-5000));
  const lines = readFileSync(join(root, "build/bench/results.jsonl"), "utf8").trim().split("\n");
  const results = lines.map((line) => JSON.parse(line) as { name: string; ratio?: number });
  assert.ok(results.length >= files.length, `${results.length} results of ${files.length} benchmarks`);
  for (const { name, ratio } of results) assert.ok(ratio === undefined || ratio > 0, name);
  assert.match(run.stdout, /\| work \| compared with \| speed-up \|/);
});

test("a comparison without a goal is an error", () => {
  const result = { name: "decode", peer: "soundfile", ratio: 2, spread: [1, 3] as [number, number] };
  assert.match(ratioChart([{ ...result, target: 1 }]), /^<svg/);
  assert.throws(
    () => ratioChart([{ ...result, target: 0 }]),
    /^Error: decode \/ soundfile: 2, goal 0; expected both above 0/,
  );
});
