import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { root } from "../support/python.js";

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
