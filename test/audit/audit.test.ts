import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { audit } from "../../dist/audit/audit.js";
import { encodeWav } from "../../dist/format/wav.js";
import { readIndex } from "../../dist/sources/index-csv.js";
import { planRecords } from "../../dist/build/plan-records.js";
import { planRecipe } from "../../dist/generate/recipe.js";
import { buildRecords } from "../../dist/build/build-records.js";
import { openRecords, type Records } from "../../dist/records/open-records.js";
import { random } from "../../dist/signal/random.js";
import { correlate } from "../../dist/signal/similarity.js";
import { explicitSplit, splitExamples } from "../../dist/split/split.js";
import { missing } from "../support/programs.js";
import { python } from "../support/python.js";

const RATE = 16000;
const quiet = { onProgress: false } as const;

/** A second of something like a sound: a few notes with envelopes and vibrato over filtered noise. */
function sound(seed: number): Int16Array {
  const draw = random(seed);
  const notes = Array.from({ length: 3 + draw.below(4) }, () => ({
    f: 80 * 2 ** (5 * draw.uniform()),
    from: draw.uniform() * 0.6,
    length: 0.1 + draw.uniform() * 0.6,
    level: 0.05 + 0.15 * draw.uniform(),
    vibrato: draw.uniform() * 0.01,
  }));
  const colour = draw.uniform();
  let low = 0;
  return Int16Array.from({ length: RATE }, (_, i) => {
    const t = i / RATE;
    low = colour * low + (1 - colour) * draw.gaussian();
    let v = 0.02 * low;
    for (const { f, from, length, level, vibrato } of notes) {
      if (t < from || t > from + length) continue;
      const x = (t - from) / length;
      v += level * Math.sin(Math.PI * x) * Math.sin(2 * Math.PI * f * (t + vibrato * Math.sin(30 * t)));
    }
    return Math.round(Math.max(-1, Math.min(1, v)) * 32767);
  });
}

/** A dataset of single files with their names as given. */
async function dataset(
  files: Record<string, Int16Array>,
): Promise<{ folder: string; records: () => Promise<Records> }> {
  const folder = mkdtempSync(join(tmpdir(), "audit-"));
  mkdirSync(join(folder, "in"));
  for (const [name, samples] of Object.entries(files)) {
    writeFileSync(join(folder, "in", name), encodeWav({ sampleRate: RATE, channels: 1, samples }));
  }
  const records = async (): Promise<Records> => {
    const { readdirSync } = await import("node:fs");
    const names = readdirSync(join(folder, "in")).sort();
    writeFileSync(join(folder, "set"), names.map((name) => `${name},0\n`).join(""));
    await buildRecords(folder, await planRecords(folder, "set", await readIndex(folder, "set", "values")), quiet);
    return openRecords(folder, "set");
  };
  return { folder, records };
}

test("the correlation of two signals and its shift are numpy's", () => {
  const copied = sound(1);
  const a = Float32Array.from(copied);
  const b = Float32Array.from(sound(2), (v, i) => v / 3 + (copied[i - 77] ?? 0));
  const [score, shift] = python(
    `
import numpy as np
a, b = np.array(input[0]), np.array(input[1])
def score(s):
    x, y = (a[:len(a) - s], b[s:]) if s >= 0 else (a[-s:], b[:s])
    return abs(x @ y) / np.sqrt(max(x @ x, a @ a / 2) * max(y @ y, b @ b / 2))
scores = [score(s) for s in range(-500, 501)]
print(json.dumps([float(max(scores)), int(np.argmax(scores) - 500)]))`,
    [Array.from(a), Array.from(b)],
  ) as [number, number];
  const mine = correlate(a, b, 500);
  assert.equal(mine.shift, shift);
  assert.equal(shift, 77);
  assert.ok(Math.abs(mine.score - score) < 1e-5);
});

test("planted copies are found, among 400 files of which none is falsely accused", {
  skip: missing("sox", "ffmpeg"),
}, async () => {
  const sounds = Object.fromEntries(
    Array.from({ length: 400 }, (_, i) => [`base${String(i).padStart(3, "0")}.wav`, sound(i)]),
  );
  const { folder, records } = await dataset(sounds);
  const source = (i: number): string => join(folder, "in", `base${String(i).padStart(3, "0")}.wav`);
  const planted: string[] = [];
  const plant = (kind: string, i: number, run: (from: string, to: string) => void): void => {
    const name = `copy_${kind}_${String(i).padStart(3, "0")}.wav`;
    run(source(i), join(folder, "in", name));
    planted.push(name);
  };
  const sox =
    (...effects: string[]) =>
    (from: string, to: string) =>
      void execFileSync("sox", ["-D", from, to, ...effects], { stdio: "pipe" });
  const coded = (codec: string[], kind: string) => (from: string, to: string) => {
    const middle = join(folder, `coded.${kind}`);
    const ffmpeg = (...args: string[]) => execFileSync("ffmpeg", ["-y", "-v", "error", ...args]);
    ffmpeg("-i", from, ...codec, middle);
    ffmpeg("-i", middle, "-ar", String(RATE), "-ac", "1", "-t", "1", "-c:a", "pcm_s16le", to);
  };
  for (let i = 0; i < 12; i++) {
    plant("same", i, sox());
    plant("quiet", i + 20, sox("vol", "0.3"));
    plant("inverted", i + 40, sox("vol", "-0.8"));
    plant("shifted", i + 60, sox("pad", "0.05", "trim", "0", "1"));
    plant("earlier", i + 80, sox("trim", "0.1"));
    plant("mp3", i + 100, coded(["-b:a", "64k"], "mp3"));
    plant("ogg", i + 120, coded(["-c:a", "libvorbis", "-q:a", "3"], "ogg"));
    plant("opus", i + 140, coded(["-c:a", "libopus", "-b:a", "32k"], "opus"));
    plant("resampled", i + 160, sox("rate", "11025", "rate", "16000"));
    plant("later", i + 180, sox("pad", "0.2", "trim", "0", "1"));
    plant("muchearlier", i + 10, sox("trim", "0.24"));
  }
  const opened = await records();
  const train = opened.names.flatMap((name, i) => (name.startsWith("base") ? [i] : []));
  const copies = opened.names.flatMap((name, i) => (name.startsWith("copy") ? [i] : []));
  // Half of the originals' neighbours are in validation, so that there is something to accuse falsely.
  const split = explicitSplit(opened.count, { train: train.slice(0, 200), validate: train.slice(200), test: copies });
  const report = await audit(opened, split, quiet);
  const found = new Map(report.findings.map((f) => [f.b.name, f]));
  const missed = planted.filter((name) => !found.has(name));
  assert.ok(missed.length <= 0.03 * planted.length, `not found: ${missed}`);
  for (const name of planted) {
    const finding = found.get(name);
    if (!finding) continue;
    assert.equal(finding.a.name, name.replace(/copy_\w+_/, "base"), finding.message);
    assert.equal(finding.kind, name.includes("same") ? "identical" : "nearDuplicate", finding.message);
  }
  assert.equal(report.findings.length, planted.length - missed.length, String(report));
  assert.equal(report.matrix.identical["train/test"], 12);
  assert.equal(report.matrix.nearDuplicate["train/test"], 120 - missed.length);
  assert.equal(report.matrix.nearDuplicate["train/validate"], 0);
});

test("generated pairs: neighbours, and targets that are another row's input, on both sides", async () => {
  const folder = mkdtempSync(join(tmpdir(), "audit-"));
  // 13 steps over an octave: a target, an octave up, is never an input; over two octaves half of them are.
  const recipe = planRecipe(200, 800, 25, { waves: ["sin"], chords: ["pure"], duration: 0.25, sampleRate: 8000 });
  await buildRecords(folder, await planRecords(folder, "tones", recipe), quiet);
  const records = await openRecords(folder, "tones");
  const split = splitExamples(records.count, { seed: 3 });
  const report = await audit(records, split, quiet);
  const owner = (i: number): number => [split.train, split.validate, split.test].findIndex((part) => part.includes(i));
  const neighbours = new Set<string>();
  for (let i = 0; i + 1 < 25; i++) {
    const [a, b] = [owner(i), owner(i + 1)];
    if (a !== b) neighbours.add(`${a < b ? i + 1 : i} ${Math.min(a, b)}`);
  }
  const found = report.findings.filter((f) => f.kind === "neighbour");
  assert.deepEqual(
    new Set(found.map((f) => `${f.b.example} ${["train", "validate", "test"].indexOf(f.a.split)}`)),
    neighbours,
  );
  // Frequencies descend by a 12th of two octaves: the target of row i is the input of row i − 12.
  const reused = new Set<string>();
  for (let i = 12; i < 25; i++) {
    const [a, b] = [owner(i), owner(i - 12)];
    if (a !== b) reused.add(`${a < b ? i - 12 : i} ${Math.min(a, b)}`);
  }
  const targets = report.findings.filter((f) => f.kind === "targetIsInput");
  assert.deepEqual(
    new Set(targets.map((f) => `${f.b.example} ${["train", "validate", "test"].indexOf(f.a.split)}`)),
    reused,
  );
  assert.equal(report.matrix.identical["train/test"], 0);
});

test("the same input on both sides shows, also where it is a target beside the one and near copies are elsewhere", async () => {
  const folder = mkdtempSync(join(tmpdir(), "audit-"));
  for (const side of ["in", "out"]) mkdirSync(join(folder, side));
  const put = (path: string, samples: Int16Array): void =>
    writeFileSync(join(folder, path), encodeWav({ sampleRate: RATE, channels: 1, samples }));
  const [a, b, c, d] = [1, 2, 3, 4].map(sound);
  for (const [row, input, target] of [
    [1, a, b],
    [2, b, c],
    [3, b, d],
  ] as const) {
    put(`in/${row}.wav`, input!);
    put(`out/${row}.wav`, target!);
  }
  writeFileSync(join(folder, "set"), "1.wav,1.wav\n2.wav,2.wav\n3.wav,3.wav\n");
  await buildRecords(folder, await planRecords(folder, "set", await readIndex(folder, "set", "pairs")), quiet);
  const records = await openRecords(folder, "set");
  const split = explicitSplit(records.count, { train: [0, 1], validate: [], test: [2] });
  const report = await audit(records, split, quiet);
  const kinds = report.findings.map(({ kind, a, b }) => [kind, a.name, a.side, b.name, b.side]);
  assert.ok(kinds.some((found) => found.join() === "identical,2.wav,input,3.wav,input"));
  assert.ok(kinds.some((found) => found.join() === "targetIsInput,1.wav,target,3.wav,input"));
});

test("near copies between two splits show, however many a third one has", async () => {
  const draw = random(8);
  const near = (level: number): Int16Array => sound(99).map((v) => Math.round(v * level + 20 * draw.gaussian()));
  const files = Object.fromEntries(Array.from({ length: 10 }, (_, i) => [`other${i}.wav`, sound(i)]));
  const copies = Object.fromEntries([0.9, 0.8, 0.7, 0.6, 0.5].map((level, i) => [`z${i}.wav`, near(level)]));
  const records = await (await dataset({ ...files, ...copies })).records();
  const number = (name: string): number => records.names.indexOf(name);
  const [validate, test] = [[number("z3.wav")], [number("z4.wav")]];
  const train = Array.from({ length: records.count }, (_, i) => i).filter((i) => ![...validate, ...test].includes(i));
  const { findings } = await audit(records, explicitSplit(records.count, { train, validate, test }), quiet);
  const sides = findings.filter(({ kind }) => kind === "nearDuplicate").map(({ a, b }) => `${a.split}/${b.split}`);
  assert.deepEqual(sides.sort(), ["train/test", "train/validate", "validate/test"]);
});

test("an audit after the records were rebuilt hears the new ones", async () => {
  const { folder, records } = await dataset({ "a.wav": sound(1), "b.wav": sound(2) });
  const split = explicitSplit(2, { train: [0], test: [1] });
  assert.equal((await audit(await records(), split, { ...quiet, workers: 1 })).clean, true);
  copyFileSync(join(folder, "in/a.wav"), join(folder, "in/b.wav"));
  assert.equal((await audit(await records(), split, { ...quiet, workers: 1 })).matrix.identical["train/test"], 1);
});

test("clips of any length at 192 kHz are compared, a quieter copy among them found; shifts must be numbers", async () => {
  const directory = mkdtempSync(join(tmpdir(), "audit-"));
  mkdirSync(join(directory, "in"));
  const rate = 192000;
  const draw = random(1);
  const clips = [1, 2].map((k) =>
    Int16Array.from(
      { length: 6 * rate },
      (_, i) => 6000 * Math.sin(i * 0.01 * k * (1 + i / 3e6)) + 300 * draw.gaussian(),
    ),
  );
  clips.push(clips[0]!.map((v) => Math.round(v * 0.7)));
  for (const [i, samples] of clips.entries())
    writeFileSync(join(directory, `in/${i}.wav`), encodeWav({ sampleRate: rate, channels: 1, samples }));
  writeFileSync(join(directory, "set"), "0.wav,1,0\n1.wav,0,1\n2.wav,1,0\n");
  const plan = await planRecords(directory, "set", await readIndex(directory, "set", "classes"));
  await buildRecords(directory, plan, quiet);
  const records = await openRecords(directory, "set");
  const split = explicitSplit(3, { train: [0, 1], test: [2] });
  for (const maxShift of [0.25, 3, 20]) {
    const { findings } = await audit(records, split, { ...quiet, maxShift });
    assert.deepEqual(
      findings.map(({ kind, a, b }) => [kind, a.example, b.example]),
      [["nearDuplicate", 0, 2]],
    );
  }
  for (const maxShift of [Number.NaN, -1, Number.POSITIVE_INFINITY])
    await assert.rejects(audit(records, split, { ...quiet, maxShift }), { code: "OPTION", message: /^maxShift: / });
  await assert.rejects(audit(records, split, { ...quiet, threshold: Number.NaN }), { code: "OPTION" });
});

test("groups on two sides, and refusal on request", async () => {
  const { records } = await dataset(
    Object.fromEntries(Array.from({ length: 12 }, (_, i) => [`s${String(i).padStart(2, "0")}.wav`, sound(500 + i)])),
  );
  const opened = await records();
  const split = explicitSplit(12, { train: [0, 1, 2, 3, 4, 5], validate: [6, 7, 8], test: [9, 10, 11] });
  const groups = ["a", "a", "b", "b", "c", "", "b", "d", "", "a", "d", ""];
  const report = await audit(opened, split, { ...quiet, groups });
  assert.deepEqual(
    report.findings.map((f) => [f.kind, f.b.example, f.a.split]),
    [
      ["group", 6, "train"],
      ["group", 9, "train"],
      ["group", 10, "validate"],
    ],
  );
  assert.match(
    String(report),
    /audit of 6 train, 3 validate, 3 test examples: 3 findings[\s\S]*group +1 +1 +1[\s\S]*test: s09.wav \(input\) is in group "a", like s00.wav/,
  );
  await assert.rejects(
    audit(opened, split, { ...quiet, groups, failOn: ["group"] }),
    (error: Error & { code: string; problems: unknown[] }) => {
      assert.equal(error.code, "LEAK");
      assert.equal(error.problems.length, 3);
      assert.match(error.message, /audit: 3 leaks between splits, expected none of kind group/);
      return true;
    },
  );
  await audit(opened, split, { ...quiet, groups, failOn: ["identical", "nearDuplicate"] });
  const clean = await audit(opened, split, { ...quiet, failOn: true });
  assert.equal(clean.clean, true);
});
