import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { addonPath } from "../../dist/tensorflow/load.js";
import { quietly, startLines } from "../../dist/tensorflow/quiet.js";
import { root } from "../support/python.js";

const LIBRARY = JSON.stringify(join(root, "dist", "tensorflow", "load.js"));
const HELPER = join(dirname(addonPath()), "quiet.node");

function load(level?: string): string {
  const { TF_CPP_MIN_LOG_LEVEL: _, ...env } = process.env;
  const code = `const tf = require(${LIBRARY}).loadTensorFlow(); tf.matMul(tf.ones([9, 9]), tf.ones([9, 9])).dataSync()`;
  const run = spawnSync(process.execPath, ["-e", code], {
    encoding: "utf8",
    env: level ? { ...env, TF_CPP_MIN_LOG_LEVEL: level } : env,
  });
  assert.equal(run.status, 0, run.stderr);
  return run.stderr;
}

test("loading TensorFlow writes nothing, unless its messages are asked for", () => {
  assert.equal(load(), "");
  assert.match(load("0"), /This TensorFlow binary is optimized/);
});

test("a program that loads tfjs itself is as quiet once it asked for that, and says what else comes", () => {
  const quiet = JSON.stringify(join(root, "dist", "tensorflow", "quiet.js"));
  const load = `require("node:util").isNullOrUndefined = () => false; require("@tensorflow/tfjs-node-gpu")`;
  const ask = `require(${quiet}).quietImports(${JSON.stringify(HELPER)}, "@tensorflow/tfjs-node-gpu");`;
  // Not every processor has oneDNN on by default.
  const env = { ...process.env, TF_CPP_MIN_LOG_LEVEL: "0", TF_ENABLE_ONEDNN_OPTS: "1" };
  const run = (code: string): string =>
    spawnSync(process.execPath, ["-e", code], { encoding: "utf8", cwd: root, env }).stderr;
  assert.match(run(load), /oneDNN custom operations/);
  assert.doesNotMatch(run(ask + load), /oneDNN custom operations/);
  assert.match(run(ask + load), /This TensorFlow binary is optimized/);
});

test("where two are quiet at once, what is written follows when the outer one is done", () => {
  const code = `const { quietly } = require(${JSON.stringify(join(root, "dist", "tensorflow", "quiet.js"))});
    const { writeSync } = require("node:fs");
    quietly(${JSON.stringify(HELPER)}, () => {
      quietly(${JSON.stringify(HELPER)}, () => writeSync(2, "inner\\n"));
      writeSync(2, "oneDNN custom operations\\nport.cc:1] oneDNN custom operations are on\\n");
    });`;
  assert.equal(
    spawnSync(process.execPath, ["-e", code], { encoding: "utf8" }).stderr,
    "inner\noneDNN custom operations\n",
  );
});

test("the CUDA build without a GPU says one line", () => {
  // Written by TensorFlow 2.21's CUDA build on a machine without a GPU.
  const text = `WARNING: All log messages before absl::InitializeLog() is called are written to STDERR
I0000 00:00:1795477050.526356   17220 port.cc:153] oneDNN custom operations are on. You may see slightly different numerical results.
I0000 00:00:1795477050.533004   17220 cudart_stub.cc:31] Could not find cuda drivers on your machine, GPU will not be used.
E0000 00:00:1795477050.799107   17220 cuda_platform.cc:52] failed call to cuInit: INTERNAL: CUDA error: Failed call to cuInit: UNKNOWN ERROR (303)
`;
  const line = "TensorFlow: no GPU can be used (UNKNOWN ERROR (303)), so the CPU is; nvidia-smi says more\n";
  assert.equal(startLines(text), line);
  assert.equal(startLines(`${text}E0000 something else\n`), `${line}E0000 something else\n`);
});

test("what else is written while loading comes through, and stderr is itself again, also after an error", () => {
  const code = `const { quietly } = require(${JSON.stringify(join(root, "dist", "tensorflow", "quiet.js"))});
    const { writeSync } = require("node:fs");
    try { quietly(${JSON.stringify(HELPER)}, () => { writeSync(2, "during\\n"); throw new Error("x"); }) } catch (e) { writeSync(2, e.message + "\\n") }
    writeSync(2, "after\\n");`;
  assert.equal(spawnSync(process.execPath, ["-e", code], { encoding: "utf8" }).stderr, "during\nx\nafter\n");
  assert.equal(
    quietly("/no/helper.node", () => 7),
    7,
  );
});
