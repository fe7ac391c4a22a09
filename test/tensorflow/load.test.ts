import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { gpuFacts } from "../../dist/tensorflow/device.js";
import { python, root } from "../support/python.js";

const node = (
  code: string,
  env: NodeJS.ProcessEnv = {},
  cwd = root,
): { stdout: string; stderr: string; status: number | null } =>
  spawnSync(process.execPath, ["-e", code], { cwd, encoding: "utf8", env: { ...process.env, ...env } });

const LIBRARY = JSON.stringify(join(root, "dist", "tensorflow", "load.js"));
const DEVICE = JSON.stringify(join(root, "dist", "tensorflow", "device.js"));
const PREPARE = JSON.stringify(join(root, "dist", "tensorflow", "prepare.js"));

test("native TensorFlow is the one of the Python environment", () => {
  const run = node(`console.log(JSON.stringify(require(${DEVICE}).deviceInfo()))`);
  assert.equal(run.status, 0, run.stderr);
  const info = JSON.parse(run.stdout);
  assert.equal(info.native, true);
  assert.equal(info.version, python("import tensorflow as tf\nprint(json.dumps(tf.__version__))"));
  assert.ok(info.memoryBytes > 1e8 && info.name.length > 2, run.stdout);
});

test("a program that loads tfjs itself, first or later, shares the instance", () => {
  for (const order of [0, 1]) {
    const calls = [`const a = require("@tensorflow/tfjs-node-gpu")`, `const b = require(${LIBRARY}).loadTensorFlow()`];
    const code = `require("util").isNullOrUndefined ??= (v) => v == null;${(order ? calls.reverse() : calls).join(";")};
      if (a !== b) throw new Error("two instances");
      const x = b.tidy(() => a.tensor1d([1, 2]).add(b.tensor1d([3, 4])).sum().dataSync()[0]);
      console.log(x, b.memory().numTensors)`;
    const run = node(code);
    assert.equal(run.stdout, "10 0\n", run.stderr);
  }
});

test("a worker thread is refused with a readable error", () => {
  const run = node(`const { Worker } = require("worker_threads");
    new Worker(\`require(${LIBRARY.replaceAll("\\", "\\\\")}).loadTensorFlow()\`, { eval: true })
      .on("error", (e) => console.log(e.code, e.message))`);
  assert.match(run.stdout, /^ENVIRONMENT TensorFlow: loaded in a worker thread, expected the main thread only/);
});

test("without the addon: one warning, then the plain JavaScript backend; with a broken one: an error", () => {
  const folder = mkdtempSync(join(tmpdir(), "tensorflow-"));
  try {
    const scope = join(folder, "node_modules", "@tensorflow");
    const copy = join(scope, "tfjs-node-gpu");
    mkdirSync(scope, { recursive: true });
    cpSync(join(root, "dist"), join(folder, "dist"), { recursive: true });
    const source = join(root, "node_modules", "@tensorflow");
    for (const name of ["dist", "package.json"]) {
      cpSync(join(source, "tfjs-node-gpu", name), join(copy, name), { recursive: true });
    }
    for (const name of [
      "tfjs",
      "tfjs-core",
      "tfjs-layers",
      "tfjs-data",
      "tfjs-converter",
      "tfjs-backend-cpu",
      "tfjs-backend-webgl",
    ]) {
      symlinkSync(join(source, name), join(scope, name));
    }
    const env = { NODE_PATH: join(root, "node_modules") };
    const code = `const { loadTensorFlow } = require(${JSON.stringify(join(folder, "dist", "tensorflow", "load.js"))});
      const { deviceInfo } = require(${JSON.stringify(join(folder, "dist", "tensorflow", "device.js"))});
      const tf = loadTensorFlow(); loadTensorFlow();
      tf.ready().then(() => console.log(tf.getBackend(), deviceInfo().native, tf.tensor1d([1, 2]).sum().dataSync()[0]))`;
    const plain = node(code, env, folder);
    assert.equal(plain.stdout, "cpu false 3\n", plain.stderr);
    const warnings = plain.stderr.split("\n").filter((line) => line.includes("SLOW_BACKEND"));
    assert.equal(warnings.length, 1, plain.stderr);
    assert.match(warnings[0]!, /500 times as long to train .* run `npm start`/);

    mkdirSync(join(copy, "lib", "napi-v8"), { recursive: true });
    writeFileSync(join(copy, "lib", "napi-v8", "tfjs_binding.node"), "not a library");
    const broken = node(
      `try { require(${JSON.stringify(join(folder, "dist", "tensorflow", "load.js"))}).loadTensorFlow() }
      catch (e) { console.log(e.code, e.message) }`,
      env,
      folder,
    );
    assert.match(
      broken.stdout,
      /^ENVIRONMENT TensorFlow: its addon does not load: .*tfjs_binding\.node.*run `npm start`/,
      broken.stderr,
    );
    const doctor = `console.log(JSON.stringify(require(${JSON.stringify(join(folder, "dist", "doctor.js"))}).examine()))`;
    const examined = node(doctor, env, folder);
    const found = JSON.parse(examined.stdout || "[]") as { part: string; ok: boolean; fix: string }[];
    const device = found.find(({ part }) => part === "Device");
    assert.equal(device?.ok, false, examined.stderr);
    assert.match(device.fix, /^TensorFlow: its addon does not load: .*; delete .*napi-v8, then run `npm start`/);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test("a GPU's memory is taken as needed, and what the user has set stays", () => {
  const code = `require(${PREPARE}).prepareTensorFlow(); console.log(process.env.TF_FORCE_GPU_ALLOW_GROWTH, process.env.TF_CPP_MIN_LOG_LEVEL)`;
  const clean = { TF_FORCE_GPU_ALLOW_GROWTH: undefined, TF_CPP_MIN_LOG_LEVEL: undefined };
  const { TF_FORCE_GPU_ALLOW_GROWTH: _, TF_CPP_MIN_LOG_LEVEL: __, ...env } = { ...process.env, ...clean };
  assert.equal(execFileSync(process.execPath, ["-e", code], { encoding: "utf8", env }), "true 2\n");
  const set = { ...env, TF_FORCE_GPU_ALLOW_GROWTH: "false", TF_CPP_MIN_LOG_LEVEL: "0" };
  assert.equal(execFileSync(process.execPath, ["-e", code], { encoding: "utf8", env: set }), "false 0\n");
});

test("a GPU without nvidia-smi is one whose name isn't known", () => {
  assert.deepEqual(gpuFacts("no-such-program"), {
    name: "GPU (no-such-program not found, so its name and memory are not known)",
    memoryBytes: 0,
  });
  const folder = mkdtempSync(join(tmpdir(), "smi-"));
  const program = join(folder, "nvidia-smi");
  // What the program prints for two H200.
  writeFileSync(program, "#!/bin/sh\necho 'NVIDIA H200, 143771'\necho 'NVIDIA H200, 143771'\n", { mode: 0o755 });
  assert.deepEqual(gpuFacts(program), { name: "NVIDIA H200", memoryBytes: 143771 * 2 ** 20 });
  rmSync(folder, { recursive: true });
});
