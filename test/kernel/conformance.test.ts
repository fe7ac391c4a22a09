import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { pythonPath, root } from "../support/python.js";

test("jupyter-kernel-test passes; what can't be met is what conformance.py lists", () => {
  const run = spawnSync(pythonPath, [join(root, "test/kernel/conformance.py"), "-v"], {
    cwd: join(root, "notebooks"),
    encoding: "utf8",
    // The kernel's own pipes: Node makes those it inherits non-blocking.
    stdio: ["ignore", "ignore", "pipe"],
  });
  assert.equal(run.status, 0, run.stderr);
  const skipped = [...run.stderr.matchAll(/^\s*(test_\w+) .*skipped/gm)].map((match) => match[1]);
  assert.deepEqual([...new Set(skipped)].sort(), ["test_clear_output", "test_pager"]);
});
