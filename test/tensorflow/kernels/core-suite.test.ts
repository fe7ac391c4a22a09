import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { bundleSuite } from "./core-suite.js";
import { deviceInfo } from "../../../dist/tensorflow/device.js";

const UNWEIGHTED = "TensorFlow counts without weights only on a GPU, and says so";
const ADADELTA =
  "expects steps divided by the mean before the step; Zeiler 2012 and TensorFlow divide by the one after it";

/** Specs of tfjs-core that fail on native TensorFlow with this library's kernels, each with the reason. */
const EXPLAINED: Record<string, string> = {
  "AdadeltaOptimizer test-tensorflow {} basic": ADADELTA,
  "AdadeltaOptimizer test-tensorflow {} Save, load weights and continue training": ADADELTA,
  ...(deviceInfo().device === "GPU" && {
    "bincount test-tensorflow {} with 1d float weights.": UNWEIGHTED,
    "bincount test-tensorflow {} with 1d float weights and number out of range.": UNWEIGHTED,
    "depthwiseConv2d gradients test-tensorflow {} throws error on dilations > 1": "throws as well, in other words",
    "exp test-tensorflow {} int32": "the nearest float32 but one",
  }),
};

test(`tfjs-core's own tests pass on the addon, Node ${process.versions.node}`, async () => {
  const folder = mkdtempSync(join(tmpdir(), "suite-"));
  const script = await bundleSuite();
  try {
    const report = join(folder, "report.json");
    // Its status is 1 where a spec fails; the report says which.
    spawnSync(process.execPath, [script], { env: { ...process.env, SUITE_REPORT: report }, stdio: "ignore" });
    const { run: specs, failed } = JSON.parse(readFileSync(report, "utf8"));
    const names = failed.map(({ name }: { name: string }) => name);
    assert.deepEqual(names.sort(), Object.keys(EXPLAINED).sort(), JSON.stringify(failed, null, 2));
    assert.equal(specs, 3878);
  } finally {
    rmSync(folder, { recursive: true, force: true });
    rmSync(script);
  }
});
