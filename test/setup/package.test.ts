// The library as npm users get it: packed, installed into an empty project from the registry alone, set up, used.
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, existsSync, lstatSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import ts from "typescript";
import { nodeBinary, VERSIONS } from "../support/nodes.js";
import { makePackage } from "../support/package.js";
import { root } from "../support/python.js";

describe("installed from npm", {
  skip: process.platform !== "linux" ? "the addon is compiled on Linux" : false,
}, () => {
  const work = mkdtempSync(join(tmpdir(), "installed-"));
  const project = join(work, "my-project");
  // The Python packages of this clone: they are the same, and take a gigabyte.
  const { NODE_TEST_CONTEXT: _, ...plain } = process.env;
  const env = { ...plain, DEEP_AUDIO_VENV: join(root, ".venv") };
  const run = (command: string, ...args: string[]): { status: number | null; out: string } => {
    const { status, stdout, stderr } = spawnSync(command, args, { cwd: project, encoding: "utf8", env });
    return { status, out: stdout + stderr };
  };
  const right = (command: string, ...args: string[]): string => {
    const { status, out } = run(command, ...args);
    assert.equal(status, 0, `${command} ${args.join(" ")}\n${out.slice(-3000)}`);
    return out;
  };

  before(() => {
    const folder = makePackage();
    const archive = execFileSync("npm", ["pack", "--silent", "--pack-destination", work], {
      cwd: folder,
      encoding: "utf8",
    }).trim();
    execFileSync(process.execPath, [join(folder, "src/cli.cjs"), "new", project]);
    const file = join(project, "package.json");
    const json = JSON.parse(readFileSync(file, "utf8"));
    assert.match(json.dependencies["deep-audio-dataset"], /^\^\d+\.\d+\.\d+$/);
    json.dependencies["deep-audio-dataset"] = `file:${join(work, archive)}`;
    writeFileSync(file, JSON.stringify(json));
    right("npm", "install", "--no-audit", "--no-fund", "--ignore-scripts=false");
  });
  after(() => rmSync(work, { recursive: true, force: true }));

  it("what only TensorFlow.js's own installation needs isn't there", () => {
    const all = readdirSync(join(project, "node_modules"), { recursive: true }) as string[];
    const packages = new Set(
      all.flatMap((path) => /(?:^|node_modules\/)((?:@[^/]+\/)?[^/]+)\/package\.json$/.exec(path)?.[1] ?? []),
    );
    for (const name of [
      "tar",
      "node-fetch",
      "https-proxy-agent",
      "core-js",
      "adm-zip",
      "rimraf",
      "@mapbox/node-pre-gyp",
    ]) {
      assert.ok(!packages.has(name), name);
    }
    assert.ok(packages.has("@tensorflow/tfjs-node-gpu"));
    const scripts = all.filter((path) => /@tensorflow\/[^/]+\/package\.json$/.test(path));
    for (const path of scripts)
      assert.ok(!("scripts" in JSON.parse(readFileSync(join(project, "node_modules", path), "utf8"))), path);
  });

  it("setup compiles the addon, and each version of Node trains with it", () => {
    assert.match(right("npx", "deep-audio-dataset", "setup"), /set up: npx deep-audio-dataset lab opens JupyterLab/);
    assert.ok(!existsSync(join(project, ".venv")), "another environment was made");
    const doctor = right("npx", "deep-audio-dataset", "doctor");
    assert.match(doctor, /ok +TensorFlow addon +compiled/);
    for (const version of VERSIONS) {
      const out = right(nodeBinary(version), "--test");
      assert.match(out, /^[#ℹ] pass 1$/m, version);
      assert.match(out, /^[#ℹ] fail 0$/m, version);
    }
  });

  it("CommonJS and ES modules share one TensorFlow.js, also by its own name", () => {
    assert.ok(lstatSync(join(project, "node_modules/@tensorflow/tfjs-node-gpu")).isSymbolicLink());
    const code = "console.log(tf === loadTensorFlow(), tf.getBackend(), tf.tensor([1, 2]).sum().dataSync()[0])";
    const names =
      "const { loadTensorFlow } = require('deep-audio-dataset'); const tf = require('@tensorflow/tfjs-node-gpu');";
    writeFileSync(join(project, "a.cjs"), `${names} ${code}`);
    writeFileSync(
      join(project, "a.mjs"),
      `import { loadTensorFlow } from "deep-audio-dataset"; const tf = loadTensorFlow(); ${code}`,
    );
    for (const file of ["a.cjs", "a.mjs"]) assert.match(right(process.execPath, file), /^true tensorflow 3$/m);
  });

  it("its declarations compile in strict projects, and so does the new project", () => {
    const code = `
      import { AudioDataset, createPipeline, fit, loadTensorFlow, type Prediction } from "deep-audio-dataset";
      import * as tf from "@tensorflow/tfjs-node-gpu";
      const model: tf.LayersModel = tf.sequential();
      const dataset = new AudioDataset("./data", "name");
      export const p: Promise<Prediction> = createPipeline(model, dataset).predict("x.wav");
      export const losses: Promise<number[] | undefined> = fit(model, dataset, { epochs: 1 }).then(({ history }) => history.loss);
      export const n: number = loadTensorFlow().memory().numTensors;
      // @ts-expect-error the types arrive
      export const wrong: number = dataset;`;
    const entry = join(project, "typed.ts");
    writeFileSync(entry, code);
    for (const [module, moduleResolution] of [
      [ts.ModuleKind.NodeNext, ts.ModuleResolutionKind.NodeNext],
      [ts.ModuleKind.ESNext, ts.ModuleResolutionKind.Bundler],
    ] as const) {
      const options = {
        module,
        moduleResolution,
        strict: true,
        exactOptionalPropertyTypes: true,
        noEmit: true,
        types: [],
      };
      const program = ts.createProgram([entry], { ...options, target: ts.ScriptTarget.ES2022 });
      // TensorFlow.js's and other packages' declarations have errors of their own under strict.
      const own = (file = ""): boolean => file === entry || file.includes("deep-audio-dataset/dist");
      const errors = ts.getPreEmitDiagnostics(program).filter(({ file }) => own(file?.fileName));
      assert.deepEqual(
        errors.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, " ")),
        [],
      );
    }
    rmSync(entry);
    right("npm", "run", "check");
  });

  it("a notebook runs in any folder, by the kernel that was installed", () => {
    const elsewhere = join(project, "notebooks/deeper");
    cpSync(join(project, "first-look.ipynb"), join(elsewhere, "first-look.ipynb"));
    const runner = join(project, "node_modules/deep-audio-dataset/python/run_notebook.py");
    const out = right(join(root, ".venv/bin/python"), runner, "--out", work, join(elsewhere, "first-look.ipynb"));
    assert.ok(existsSync(join(work, "first-look.html")), out);
  });

  it("new writes nothing over what is there", () => {
    const { status, out } = run("npx", "deep-audio-dataset", "new", project);
    assert.equal(status, 1);
    assert.match(out, /not empty, expected a new folder/);
  });
});
