import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { planRecords } from "../dist/build/plan-records.js";
import { AudioDataset } from "../dist/dataset.js";
import { encodeWav } from "../dist/format/wav.js";
import { planRecipe } from "../dist/generate/recipe.js";
import { savePlan } from "../dist/records/plan.js";
import { findingsText } from "../dist/doctor.js";
import { drive } from "./kernel/drive.js";
import { python, root } from "./support/python.js";
import { folder } from "./support/records.js";

interface Ran {
  status: number | null;
  stdout: string;
  stderr: string;
}

function command(...args: string[]): Ran {
  return commandWith({}, ...args);
}

function commandWith(env: NodeJS.ProcessEnv, ...args: string[]): Ran {
  const program = join(root, "node_modules/.bin/deep-audio-dataset");
  return spawnSync(program, args, { cwd: root, encoding: "utf8", env: { ...process.env, ...env } });
}

test("--help and -h say what help says, before and behind a command", () => {
  const { status, stdout } = command("help");
  assert.equal(status, 0);
  assert.match(stdout, /^deep-audio-dataset COMMAND\n/);
  for (const args of [["--help"], ["-h"], ["predict", "--help"]]) {
    const asked = command(...args);
    assert.deepEqual([asked.status, asked.stdout, asked.stderr], [0, stdout, ""], args.join(" "));
  }
});

test("doctor finds everything that the set-up made, in Python's own words", () => {
  const { status, stdout } = command("doctor");
  assert.equal(status, 0);
  const versions = python(
    "import importlib.metadata as m, sys\nprint(json.dumps([m.version('jupyterlab'), m.version('plotly'), sys.version.split()[0]]))",
  );
  for (const text of [process.versions.node, ...versions, "TensorFlow 2.21.0"])
    assert.ok(stdout.includes(text), stdout);
  assert.match(stdout, /^ok {3}tslab +1\.0\.22, patched$/m);
  assert.match(stdout, /^ok {3}TensorFlow\.js +4\.22\.0, patched$/m);
  assert.equal(stdout.trim().split("\n").length, 11);
  assert.ok(!stdout.includes("FIX "), stdout);
});

test("info and doctor give json; an option that a command doesn't have is refused", (t) => {
  const directory = folder(t);
  const wav = encodeWav({ sampleRate: 8000, channels: 1, samples: new Int16Array(4000).fill(900) });
  for (const name of ["cat", "dog"]) {
    mkdirSync(join(directory, name));
    for (let i = 0; i < 3; i++) writeFileSync(join(directory, name, `${i}.wav`), wav);
  }
  const info = JSON.parse(command("info", directory, "--json").stdout);
  const { what, sounds, seconds, sampleRates, classes, code } = info;
  assert.deepEqual([what, sounds, seconds, sampleRates], ["a folder for each class", 6, 3, [8000]]);
  assert.deepEqual(classes, [
    { name: "cat", examples: 3 },
    { name: "dog", examples: 3 },
  ]);
  assert.ok(command("info", directory).stdout.includes(code.join("\n")));
  const parts = JSON.parse(command("doctor", "--json").stdout).map(({ part }: { part: string }) => part);
  assert.ok(parts.includes("Node") && parts.includes("Device"), parts.join());
  for (const [args, message] of [
    [["help", "--json"], "help: option --json, expected none\n"],
    [["verify", directory, "x", "--kind", "frames"], "verify: option --kind, expected --json\n"],
    [["check", directory, "x", "--out", "y"], "check: option --out, expected --kind, --json\n"],
  ] as const) {
    const { status, stdout, stderr } = command(...args);
    assert.deepEqual([status, stdout, stderr], [1, "", message]);
  }
});

test("doctor says what is left unpatched on purpose", () => {
  const { stdout } = commandWith({ DEEP_AUDIO_PLAIN_TFJS: "1", DEEP_AUDIO_PLAIN_TSLAB: "1" }, "doctor");
  assert.match(stdout, /^ok {3}tslab +not patched: DEEP_AUDIO_PLAIN_TSLAB is set$/m);
  assert.match(stdout, /^ok {3}TensorFlow\.js +not patched: DEEP_AUDIO_PLAIN_TFJS is set$/m);
});

test("doctor says what is missing, how to fix it, and fails", () => {
  const { status, stdout } = commandWith({ DEEP_AUDIO_VENV: "/nowhere" }, "doctor");
  assert.equal(status, 1);
  assert.match(stdout, /^ok {3}Node/);
  for (const part of ["Python", "Kernel", "JupyterLab", "Plotly in JupyterLab", "libsndfile", "TensorFlow in Python"]) {
    assert.match(stdout, new RegExp(`^FIX  ${part} +missing → .*run \`npm start\``, "m"));
  }
});

test("what is missing comes with the line that fixes it", () => {
  const text = findingsText([
    { part: "Node", found: "20.19.0", ok: true, fix: "" },
    { part: "JupyterLab", found: "missing", ok: false, fix: "run `npm start`" },
  ]);
  assert.equal(text, "ok   Node        20.19.0\nFIX  JupyterLab  missing → run `npm start`");
});

test("doctor() in a cell shows one table", async () => {
  const code = `const { doctor } = require("${root}/dist/doctor.js");\ndoctor();`;
  const { cells } = await drive([["send", code], ["wait"]]);
  const shown = cells[0]!.outputs.filter(({ type }) => type !== "execute_input");
  assert.deepEqual(
    shown.map(({ type }) => type),
    ["display_data"],
  );
  assert.match(shown[0]!.data["text/html"], /<table>.*JupyterLab.*<\/table>/s);
  assert.match(shown[0]!.data["text/plain"], /^ok {3}Node/);
});

test("check prints every problem and fails; a sound dataset passes", async () => {
  const folder = mkdtempSync(join(tmpdir(), "deep-audio-cli "));
  const options = { waves: ["sin"] as const, duration: 0.1, sampleRate: 8000, onProgress: false as const };
  await new AudioDataset(folder, "tones", { seed: 1 }).generate(100, 200, 4, { ...options, waves: [...options.waves] });
  assert.equal(command("check", folder, "tones").status, 0);
  const missing = command("check", folder, "nothing");
  assert.equal(missing.status, 1);
  assert.match(missing.stderr + missing.stdout, /nothing/);
});

test("shards of a plan are built in ranges, published, verified and repaired, in words and as json", async () => {
  const folder = mkdtempSync(join(tmpdir(), "deep-audio-cli-"));
  const recipe = planRecipe(100, 800, 4, { waves: ["sin"], duration: 0.1, sampleRate: 8000 });
  const plan = await savePlan(folder, await planRecords(folder, "tones", recipe, { examplesPerFile: 1 }));
  const json = (...args: string[]): unknown => JSON.parse(command(...args, "--json").stdout);
  assert.match(
    command("build-shards", plan, "0", "2").stdout,
    /^tones0\.tfrecord: 1 examples.*\ntones1\.tfrecord: 1 ex/,
  );
  const rest = json("build-shards", plan, "2", "4") as { file: string }[];
  assert.deepEqual(
    rest.map(({ file }) => file),
    ["tones2.tfrecord", "tones3.tfrecord"],
  );
  assert.match(command("build-shards", plan, "3", "2").stderr, /^build-shards: from 3 to 2, expected two numbers/);
  const { examples, shards } = json("finish", plan) as { examples: number; shards: number };
  assert.deepEqual([examples, shards], [4, 4]);
  assert.equal(command("verify", folder, "tones").stdout, "4 intact examples in 4 shards, 0 problems\n");
  const shard = join(folder, "tones1.tfrecord");
  const right = readFileSync(shard);
  const flipped = Buffer.from(right);
  flipped[200]! ^= 1;
  writeFileSync(shard, flipped);
  const wrong = command("verify", folder, "tones");
  assert.equal(wrong.status, 1);
  assert.match(wrong.stdout, /tones1\.tfrecord[\s\S]*\n3 intact examples in 4 shards, \d problems?/);
  assert.equal(
    command("verify-shards", folder, "tones", "2", "4").stdout,
    "2 intact examples in 2 shards, 0 problems\n",
  );
  assert.match(
    command("verify-shards", folder, "tones", "0", "2").stdout,
    /\n1 intact examples in 2 shards, 1 problems/,
  );
  assert.match(command("verify-shards", folder, "tones", "3", "5").stderr, /^shard: 4, expected 0 to 3/);
  const fixed = json("repair", folder, "tones") as { rebuilt: string[] };
  assert.deepEqual(fixed.rebuilt, ["tones1.tfrecord"]);
  assert.deepEqual(readFileSync(shard), right);
  assert.equal((json("verify", folder, "tones") as { sound: boolean }).sound, true);
});

test("files are planned, their shards built, moved away from them and published, and the split audited", async () => {
  const folder = mkdtempSync(join(tmpdir(), "deep-audio-cli-"));
  mkdirSync(join(folder, "in"));
  const samples = Int16Array.from({ length: 4000 }, (_, t) => 9000 * Math.sin(t * t * 1e-4));
  const lines = Array.from({ length: 30 }, (_, i) => {
    writeFileSync(join(folder, "in", `${i}.wav`), encodeWav({ sampleRate: 8000, channels: 1, samples }));
    return `${i}.wav,${i % 2},${1 - (i % 2)}\n`;
  });
  writeFileSync(join(folder, "set"), lines.join(""));
  const planned = JSON.parse(
    command("plan", folder, "set", "--kind", "classes", "--examples-per-file", "10", "--json").stdout,
  ) as {
    file: string;
    shards: number;
    examples: number;
  };
  assert.deepEqual([planned.examples, planned.file], [30, join(folder, "set.plan.json")]);
  const checked = command("check-shards", planned.file, "1", "2", "--json");
  assert.deepEqual([checked.status, JSON.parse(checked.stdout).files.length], [0, Math.ceil(30 / planned.shards)]);
  command("build-shards", planned.file, "0", String(planned.shards));
  renameSync(join(folder, "in"), join(folder, "elsewhere"));
  const staged = join(folder, ".set.build/set0.tfrecord");
  const bytes = readFileSync(staged);
  const flipped = Buffer.from(bytes);
  flipped[300]! ^= 4;
  writeFileSync(staged, flipped);
  assert.match(command("finish", planned.file, "--verify").stderr, /^shards: .* build these first: 0$/m);
  writeFileSync(staged, bytes);
  const foreign = join(folder, "set1.tfrecord");
  writeFileSync(foreign, "of another program");
  assert.match(command("finish", planned.file).stderr, /^shard set1\.tfrecord: exists without a manifest/);
  assert.match(command("finish", planned.file, "--overwrite").stdout, /^30 examples in/);
  assert.equal(command("verify", folder, "set").status, 0);
  assert.match(command("finish", planned.file, "--verify").stdout, /^30 examples in \d+ shards/);
  renameSync(join(folder, "elsewhere"), join(folder, "in"));
  assert.equal(command("stale-shards", folder, "set", "0", "2").stdout, "fresh\n");
  const last = join(folder, "in/29.wav");
  const sound = readFileSync(last);
  writeFileSync(last, Buffer.concat([sound, sound]));
  assert.equal(command("stale-shards", folder, "set", "0", "1").status, 0);
  const stale = command("stale-shards", folder, "set", "1", String(planned.shards));
  assert.deepEqual([stale.status, stale.stdout], [1, "changed in/29.wav\n"]);
  writeFileSync(last, sound);
  const audited = command("audit", folder, "set", "--json");
  const { examples, findings } = JSON.parse(audited.stdout) as { examples: Record<string, number>; findings: object[] };
  assert.equal(examples.train! + examples.validate! + examples.test!, 30);
  // All are one sound: each that isn't for training is a copy of one that is.
  assert.ok(findings.length >= examples.validate! + examples.test!);
  assert.equal(audited.status, 1);
});

test("an unknown command or kind says what there is", () => {
  const unknown = command("nonsense");
  assert.equal(unknown.status, 1);
  assert.match(unknown.stderr, /^command: nonsense, expected one of/);
  assert.match(
    command("check", ".", "x", "--kind", "songs").stderr,
    /^--kind: songs, expected one of pairs, classes, values, frames/,
  );
  assert.match(command("build-shard", "/nowhere/plan.json", "0").stderr, /plan/);
  assert.equal(command().status, 0);
});
