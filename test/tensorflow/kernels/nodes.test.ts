import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { nodeBinary, VERSIONS } from "../../support/nodes.js";
import { root } from "../../support/python.js";

const TESTS = [
  "tensorflow/load",
  "tensorflow/quiet",
  "tensorflow/kernels/gradients",
  "tensorflow/kernels/begin",
  "tensorflow/kernels/core-suite",
  "train/train",
];

for (const version of VERSIONS) {
  test(`TensorFlow's tests pass on Node ${version}`, () => {
    const binary = nodeBinary(version);
    assert.equal(execFileSync(binary, ["--version"], { encoding: "utf8" }), `v${version}\n`);
    // The runner of this file would be taken for that of those.
    const { NODE_TEST_CONTEXT: _, ...env } = process.env;
    const files = TESTS.map((name) => join("test", `${name}.test.ts`));
    // Node from 22 on says nothing of a file that isn't there.
    for (const file of files) assert.ok(existsSync(join(root, file)), file);
    const run = spawnSync(binary, ["--import", "tsx", "--test", ...files], { cwd: root, encoding: "utf8", env });
    assert.equal(run.status, 0, run.stdout.slice(-20000));
    const passed = Number(/^[#ℹ] pass (\d+)$/m.exec(run.stdout)?.[1]);
    assert.ok(passed >= 20, run.stdout.slice(-2000));
  });
}
