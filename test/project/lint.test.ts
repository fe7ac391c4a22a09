import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { layerOverrides, layers } from "../support/layers.js";
import { root } from "../support/python.js";

const biome = (args: string[], cwd = root) =>
  spawnSync(process.execPath, [join(root, "node_modules/@biomejs/biome/bin/biome"), ...args], {
    cwd,
    encoding: "utf8",
  });

test("the code is formatted, has no cycles, and each folder imports only what its row of the table lists", () => {
  // By folder: of the whole, links in .venv that lead through several others are warned about.
  const run = biome(["check", "--error-on-warnings", "src", "test", "bench"]);
  assert.equal(run.status, 0, run.stdout + run.stderr);
});

test("the table lists every folder once, above those that import it, and is what the linter enforces", () => {
  const rows = layers().map(({ folder }) => folder);
  const sources = (readdirSync(join(root, "src"), { recursive: true }) as string[]).filter((file) =>
    file.endsWith(".ts"),
  );
  const folders = new Set(sources.map((file) => dirname(file)).filter((folder) => folder !== "." && folder !== "wasm"));
  assert.deepEqual([...rows].sort(), [...folders].sort());
  for (const [k, { folder, imports }] of layers().entries()) {
    assert.deepEqual(
      imports.filter((name) => rows.indexOf(name) >= k || !rows.includes(name)),
      [],
      `${folder} imports what lies below it`,
    );
  }
  const { overrides } = JSON.parse(readFileSync(join(root, "biome.json"), "utf8"));
  assert.deepEqual(overrides, layerOverrides(), "biome.json differs from CONTRIBUTING.md: run `npm run layers`");
});

test("the linter refuses an import from a folder that isn't in the row", () => {
  const folder = mkdtempSync(join(tmpdir(), "lint-"));
  cpSync(join(root, "biome.json"), join(folder, "biome.json"));
  const refused = {
    "src/format/wav.ts": "../records/manifest.js",
    "src/records/manifest.ts": "../build/build-records.js",
    "src/tensorflow/kernels/adam.ts": "../load.js",
    "src/figure/bars.ts": "../signal/fft.js",
    "src/load/batches.ts": "../worker.js",
    "src/signal/fft.ts": "node:fs",
  };
  const files = { ...refused, "src/build/build-records.ts": "../records/manifest.js" };
  for (const [file, imported] of Object.entries(files)) {
    mkdirSync(join(folder, dirname(file)), { recursive: true });
    writeFileSync(join(folder, file), `import "${imported}";\n`);
  }
  const { diagnostics } = JSON.parse(biome(["lint", "--reporter=json", "src"], folder).stdout) as {
    diagnostics: { category: string; location: { path: string | { file: string } } }[];
  };
  const found = diagnostics
    .filter(({ category }) => category === "lint/style/noRestrictedImports")
    .map(({ location: { path } }) => (typeof path === "string" ? path : path.file));
  assert.deepEqual(found.sort(), Object.keys(refused).sort());
});
