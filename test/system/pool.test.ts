import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { AudioDataset, computeFeatures } from "../../dist/index.js";
import { workerCount } from "../../dist/system/pool.js";
import { root } from "../support/python.js";

test("a number of workers is a whole number of at least 1", async () => {
  for (const workers of [0, -1, 1.5, Number.NaN, "2"] as number[]) {
    const error = { code: "OPTION", message: /^workers: .*, expected a whole number of at least 1$/ };
    assert.throws(() => workerCount(workers), error);
    const dataset = new AudioDataset(tmpdir(), "none");
    await assert.rejects(dataset.generate(100, 200, 2, { waves: ["sin"], workers, onProgress: false }), error);
    await assert.rejects(
      computeFeatures(new Float32Array(9000), { kind: "power", sampleRate: 8000 }, { workers }),
      error,
    );
  }
  assert.ok(workerCount() >= 1);
});

test("where many tasks fail at once the first one's error is thrown, and nothing comes after it", () => {
  const code = `
const { withPool } = require(${JSON.stringify(join(root, "dist/system/pool.js"))});
const { runTask } = require(${JSON.stringify(join(root, "dist/system/task.js"))});
async function main() {
  const messages = new Set();
  for (let i = 0; i < 60; i++) {
    const all = (pool) => Promise.all(Array.from({ length: 40 }, () => runTask(pool, "compareSources", { directory: "." })));
    await withPool(4, all).catch(({ message }) => messages.add(message));
  }
  console.log([...messages].join());
}
main();`;
  const { status, stdout, stderr } = spawnSync(process.execPath, ["-e", code], { encoding: "utf8" });
  assert.equal(stderr, "");
  assert.match(stdout, /^Cannot read properties of undefined \(reading 'path'\)\n$/);
  assert.equal(status, 0);
});
