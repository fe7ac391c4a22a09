import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { root } from "../support/python.js";

const biome = (...args: string[]) =>
  spawnSync(process.execPath, [join(root, "node_modules/@biomejs/biome/bin/biome"), ...args], {
    cwd: root,
    encoding: "utf8",
  });

test("the code is formatted, has no cycles, and its layers import downwards only", () => {
  // By folder: of the whole, links in .venv that lead through several others are warned about.
  const run = biome("check", "--error-on-warnings", "src", "test", "bench");
  assert.equal(run.status, 0, run.stdout + run.stderr);
});

test("a noun that imports a stage is found", () => {
  const file = join(root, "src/format/probe-of-the-lint.ts");
  try {
    writeFileSync(file, 'export { readManifest } from "../records/manifest.js";\n');
    const run = biome("lint", file);
    assert.match(run.stdout + run.stderr, /noRestrictedImports|import no stage/);
  } finally {
    rmSync(file);
  }
});
