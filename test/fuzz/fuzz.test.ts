import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { missing } from "../support/programs.js";
import { ended, start } from "../support/processes.js";
import { root } from "../support/python.js";

const programs = { skip: missing("ffmpeg", "sox", "flac") };

test("a minute of mutated inputs gives values or clear errors, of every reader", programs, async () => {
  const main = join(__dirname, "main.ts");
  const run = await ended(start(process.execPath, ["--import", "tsx", main, "--minutes", "1"], { cwd: root }));
  assert.equal(run.status, 0, run.stdout + run.stderr);
  const tried = [...run.stdout.matchAll(/^(\w+) +([\d,]+) inputs/gm)].map(([, name, n]) => [
    name,
    Number(n!.replaceAll(",", "")),
  ]);
  assert.ok(tried.length >= 17 && tried.every(([, inputs]) => Number(inputs) > 0), run.stdout);
});

test("what isn't the library's own error is found and saved", async () => {
  const main = join(__dirname, "main.ts");
  const options = { cwd: root, env: { ...process.env, FUZZ_FAULT: "1" } };
  const run = await ended(
    start(process.execPath, ["--import", "tsx", main, "--minutes", "0.1", "--only", "keys"], options),
  );
  assert.equal(run.status, 1, run.stdout + run.stderr);
  assert.match(run.stdout, /build\/fuzz\/keys-\d+: Error: planted/);
});
