import assert from "node:assert/strict";
import { appendFileSync, cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { type CheckReport, check, checkDataset } from "../../dist/check/check.js";
import { SimpleAudioClassificationDataset } from "../../dist/dataset.js";
import { encodeWav } from "../../dist/format/wav.js";
import { readIndex } from "../../dist/sources/index-csv.js";
import { python, root } from "../support/python.js";

const quiet = { onProgress: false as const, workers: 2 };

/** Python writes a folder full of faults with soundfile. */
function faulty(): string {
  const directory = mkdtempSync(join(tmpdir(), "check-"));
  python(
    `
import numpy as np, soundfile as sf, os
d = input
os.makedirs(d + "/in/deep"); os.makedirs(d + "/out")
t = np.arange(8000) / 8000
tone = 0.3 * np.sin(2 * np.pi * 220 * t)
def write(path, x, rate=8000, subtype="PCM_16", **k): sf.write(os.path.join(d, path), x, rate, subtype=subtype, **k)
for k in range(6): write(f"in/good{k}.wav", tone); write(f"out/good{k}.wav", tone)
write("in/fast.wav", np.repeat(tone, 2), 16000)
write("in/stereo.wav", np.stack([tone, tone], 1))
write("in/deep24.wav", tone, subtype="PCM_24")
write("in/short.wav", tone[:4000])
write("in/silent.wav", tone * 0)
write("in/clipped.wav", np.clip(tone * 10, -1, 1))
write("in/loudest.wav", np.sin(2 * np.pi * 1000.3 * t))
write("in/none.wav", tone[:0])
write("in/extra.wav", tone)
write("in/deep/extra.flac", tone)
open(d + "/in/zero.wav", "wb").close()
open(d + "/in/text.wav", "w").write("this is no audio file at all")
whole = open(d + "/in/good0.wav", "rb").read()
open(d + "/in/cut.wav", "wb").write(whole[:9000])
sf.write(d + "/in/cut.flac", tone, 8000)
flac = open(d + "/in/cut.flac", "rb").read()
open(d + "/in/cut.flac", "wb").write(flac[:len(flac) // 2])
open(d + "/in/.hidden.wav", "wb").close()
names = ["good%d.wav" % k for k in range(6)] + ["fast.wav", "stereo.wav", "deep24.wav", "short.wav", "silent.wav", "clipped.wav", "loudest.wav", "none.wav", "zero.wav", "text.wav", "cut.wav", "cut.flac", "gone.wav"]
rows = [f"{n},good{k % 6}.wav" for k, n in enumerate(names)] + ["good0.wav,good0.wav", "../x.wav,good0.wav", "good1.wav"]
open(d + "/dataset", "w").write("\\n".join(rows) + "\\n")
print("0")`,
    directory,
  );
  return directory;
}

const found = (report: CheckReport): string[] =>
  report.problems.map((p) => `${p.kind} ${p.file}${p.line ? `:${p.line}` : ""}`).sort();

test("every problem of a set is found at once", async () => {
  const directory = faulty();
  const report = await checkDataset(directory, "dataset", "pairs", quiet);
  assert.deepEqual(
    found(report),
    [
      "bits in/deep24.wav",
      "channels in/stereo.wav",
      "clipped in/clipped.wav",
      "columns dataset:22",
      "duplicate dataset:20",
      "empty in/none.wav",
      "empty in/zero.wav",
      "length in/fast.wav",
      "length in/short.wav",
      "length out/good3.wav",
      "missing in/gone.wav",
      "outside dataset:21",
      "sampleRate in/fast.wav",
      "silent in/silent.wav",
      "truncated in/cut.flac",
      "truncated in/cut.wav",
      "unlisted in/deep/extra.flac",
      "unlisted in/extra.wav",
      "unreadable in/text.wav",
    ].sort(),
  );
  assert.equal(report.ok, false);
  assert.equal(report.errors.length + report.warnings.length, report.problems.length);
  assert.deepEqual(
    report.sound.rows.map((row) => row.input),
    [
      "good0.wav",
      "good1.wav",
      "good2.wav",
      "good3.wav",
      "good4.wav",
      "good5.wav",
      "deep24.wav",
      "short.wav",
      "silent.wav",
      "clipped.wav",
      "loudest.wav",
    ],
  );
  const messages = report.problems.map((p) => p.message).join("\n");
  assert.match(
    messages,
    /sample rate: 16000, expected 8000 as in \d+ files; pass convert: \{ sampleRate \} \(in\/fast\.wav\)/,
  );
  assert.match(messages, /channels: 2, expected 1 as in \d+ files; pass convert: \{ channels \} \(in\/stereo\.wav\)/);
  assert.match(messages, /file: not found, expected it in the folder \(in\/gone\.wav, dataset:19\)/);
  assert.match(messages, /samples: 8000, expected 4000 as in in\/short\.wav \(out\/good3\.wav, dataset:10\)/);
  assert.match(
    messages,
    /samples: \d+ in a row at full scale, expected none; record it at a lower level \(in\/clipped\.wav\)/,
  );
  const error = report.toError();
  assert.equal(error.code, "CHECK");
  assert.match(error.message, /^check of dataset: 11 problems\n/);
  const text = String(report);
  assert.match(text, /^dataset: 18 rows|^dataset: 19 rows/);
  assert.match(text, /error {4}missing +1\n {2}file: not found/);
  assert.match(text, /warning {2}silent +1\n/);
});

test("convert makes other rates and channels sound", async () => {
  const directory = faulty();
  const report = await checkDataset(directory, "dataset", "pairs", {
    ...quiet,
    convert: { sampleRate: 16000, channels: 1 },
  });
  assert.equal(report.counts.sampleRate, undefined);
  assert.equal(report.counts.channels, undefined);
  const wide = await checkDataset(directory, "dataset", "pairs", { ...quiet, convert: { channels: 3 } });
  assert.match(
    wide.problems.map((p) => p.message).join("\n"),
    /channels: 2 to 3, expected a change to 1, from 1, or from 6/,
  );
});

test("without reading the samples, headers alone tell all but silence and clipping", async () => {
  const directory = faulty();
  const [deep, flat] = await Promise.all(
    [true, false].map((d) => checkDataset(directory, "dataset", "pairs", { ...quiet, deep: d })),
  );
  const kinds = found(deep!).filter((p) => !/^(silent|clipped)/.test(p) && !p.includes("cut.flac"));
  assert.deepEqual(
    found(flat!).filter((p) => !p.includes("cut.flac")),
    kinds,
  );
  assert.ok(flat!.files.every((file) => file.peak === undefined));
});

test("headers and peaks are soundfile's", async () => {
  const directory = faulty();
  const report = await checkDataset(directory, "dataset", "pairs", quiet);
  const sound = report.files.filter((file) => file.problems.every((p) => p.kind === "silent" || p.kind === "clipped"));
  const theirs = python(
    `
import soundfile as sf, numpy as np
out = []
for f in input["files"]:
    i = sf.info(input["d"] + "/" + f); x = sf.read(input["d"] + "/" + f, dtype="float64")[0]
    out.append([f, i.samplerate, i.channels, {"PCM_16": 16, "PCM_24": 24}[i.subtype], i.frames, float(np.abs(x).max())])
print(json.dumps(out))`,
    { d: directory, files: sound.map((f) => f.file) },
  );
  assert.ok(sound.length >= 17);
  assert.deepEqual(
    sound.map((f) => [f.file, f.sampleRate, f.channels, f.bitsPerSample, f.frames, f.peak]),
    theirs,
  );
});

test("label files are checked against the audio they label", async () => {
  const directory = mkdtempSync(join(tmpdir(), "check-"));
  cpSync(join(root, "test/fixtures/original/frames"), directory, { recursive: true });
  const options = { ...quiet, timeUnit: "seconds" as const, inputSize: 256 };
  const fine = await checkDataset(directory, "dataset", "frames", options);
  assert.deepEqual(fine.problems, []);
  assert.equal(fine.ok, true);
  assert.match(String(fine), /^dataset: 8 rows, 8 files, 0\.0 min of sound; 0 errors, 0 warnings$/);
  appendFileSync(join(directory, "s0_key.csv"), "\n0.5,1,0,0\n");
  writeFileSync(join(directory, "s1_key.csv"), "TIME STAMP,A,B\n0,1,0\n");
  rmSync(join(directory, "s2_key.csv"));
  const report = await checkDataset(directory, "dataset", "frames", options);
  const messages = report.problems.map((p) => p.message);
  assert.equal(messages.length, 4);
  assert.match(messages.join("\n"), /line: blank, expected a row; delete it \(s0_key\.csv:11\)/);
  assert.match(messages.join("\n"), /time stamp 0\.5: after the end of the audio at 0\.256 seconds \(s0_key\.csv:12\)/);
  assert.match(messages.join("\n"), /features: 2, expected the 3 of s3_key\.csv \(s1_key\.csv:1\)/);
  assert.match(messages.join("\n"), /file: not found, expected it in the folder \(s2_key\.csv, dataset:3\)/);
  assert.deepEqual(
    report.sound.rows.map((row) => row.id),
    [3, 4, 5, 6, 7],
  );
});

test("a check can be aborted and its report is the same for any number of workers", async () => {
  const directory = faulty();
  const index = await readIndex(join(root, "test/fixtures/original/pairs"), "dataset", "pairs");
  const abort = AbortSignal.abort();
  await assert.rejects(check(directory, index, { ...quiet, signal: abort }), { code: "ABORTED" });
  const one = await checkDataset(directory, "dataset", "pairs", { ...quiet, workers: 1 });
  const two = await checkDataset(directory, "dataset", "pairs", { ...quiet, workers: 2 });
  assert.equal(JSON.stringify(one.problems), JSON.stringify(two.problems));
});

test("many files, each once, with progress up to the last", async () => {
  const directory = mkdtempSync(join(tmpdir(), "check-"));
  mkdirSync(join(directory, "in"));
  const samples = Int16Array.from({ length: 400 }, (_, i) => (i % 40) * 300);
  const bytes = encodeWav({ sampleRate: 8000, channels: 1, samples });
  for (let i = 0; i < 500; i++) writeFileSync(join(directory, "in", `f${i}.wav`), bytes);
  writeFileSync(join(directory, "dataset"), Array.from({ length: 500 }, (_, i) => `f${i}.wav,1,0\n`).join(""));
  let last = 0;
  const report = await checkDataset(directory, "dataset", "classes", {
    workers: 2,
    onProgress: ({ done }) => {
      last = done;
    },
  });
  assert.equal(last, 500);
  assert.equal(report.files.length, 500);
  assert.deepEqual(report.problems, []);
});

test("NaN and infinity in a float wav are errors, and never reach the records", async () => {
  const directory = mkdtempSync(join(tmpdir(), "finite-"));
  python(
    `
import numpy as np, soundfile as sf, os
os.makedirs(input + "/in")
x = (0.3 * np.sin(np.arange(1600) / 9)).astype("float32").reshape(800, 2)
sf.write(input + "/in/fine.wav", x, 8000, subtype="FLOAT")
for name, place, value in [("nan", 401, np.nan), ("inf", 20, np.inf), ("minus", 1599, -np.inf)]:
    broken = x.copy().reshape(-1); broken[place] = value
    sf.write(input + f"/in/{name}.wav", broken.reshape(800, 2), 8000, subtype="FLOAT")
print("0")`,
    directory,
  );
  writeFileSync(join(directory, "dataset"), "fine.wav,1,0\nnan.wav,0,1\ninf.wav,1,0\nminus.wav,0,1\n");
  const report = await checkDataset(directory, "dataset", "classes", quiet);
  assert.deepEqual(report.errors.map(({ message }) => message).sort(), [
    "sample of frame 10: Infinity, expected a finite number; export the file again (in/inf.wav)",
    "sample of frame 200: NaN, expected a finite number; export the file again (in/nan.wav)",
    "sample of frame 799: -Infinity, expected a finite number; export the file again (in/minus.wav)",
  ]);
  const dataset = new SimpleAudioClassificationDataset(directory, "dataset");
  for (const encoding of ["pcm16", "float32"] as const) {
    await assert.rejects(dataset.generateRecords({ ...quiet, encoding }), {
      message: /sample of frame \d+: -?(NaN|Infinity)/,
    });
  }
  assert.ok(!existsSync(join(directory, "dataset.manifest.json")));
});
