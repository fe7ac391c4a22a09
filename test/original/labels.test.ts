import assert from "node:assert/strict";
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import {
  AudioClassificationDataset,
  AudioDataset,
  RegressionDataset,
  SimpleAudioClassificationDataset,
} from "../../dist/dataset.js";
import { DatasetError } from "../../dist/core/error.js";
import { fromCsv } from "../../dist/sources/from-csv.js";
import { OCTAVE_UP, pairBy } from "../../dist/sources/from-names.js";
import { openRecords } from "../../dist/records/open-records.js";
import { writeIndex } from "../../dist/sources/write-index-csv.js";
import { python, root } from "../support/python.js";
import { readExample } from "../../dist/records/read-example.js";

// The numbers are those of the list of bugs found in the original Python program.

const quiet = { onProgress: false as const, workers: 2 };
const original = join(root, "test/fixtures/original");

function empty(): string {
  return mkdtempSync(join(tmpdir(), "bugs-"));
}

/** A copy of one of the original's datasets without its records and sidecar. */
function sources(name: string): string {
  const directory = empty();
  const keep = (path: string): boolean => !/\.tfrecord$|dataset\.txt$/.test(path);
  cpSync(join(original, name), directory, { recursive: true, filter: keep });
  return directory;
}

/** Writes sines with soundfile: [name, seconds, rate, channels, subtype]. */
function sounds(
  directory: string,
  files: [name: string, seconds: number, rate: number, channels: number, subtype: string][],
): void {
  python(
    `
import numpy as np, soundfile as sf, os
for name, seconds, rate, channels, subtype in input["files"]:
    path = os.path.join(input["directory"], name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    t = np.arange(round(seconds * rate))[:, None] / rate
    sf.write(path, 0.4 * np.sin(2 * np.pi * t * 110 * (1 + np.arange(channels))), rate, subtype=subtype)
print(0)`,
    { directory, files },
  );
}

async function refusal(work: Promise<unknown>): Promise<DatasetError> {
  try {
    await work;
  } catch (error) {
    assert.ok(error instanceof DatasetError, String(error));
    return error;
  }
  return assert.fail("expected a DatasetError");
}

const written = (directory: string): string[] =>
  readdirSync(directory).filter((f) => /tfrecord|manifest|\.index$/.test(f));

test("bug 6: time stamps count, rows are compared with frames, a header is demanded, columns must agree", async () => {
  const directory = sources("frames");
  const dataset = new AudioClassificationDataset(directory, "dataset");
  // In seconds they are 0, 0.032, …: as frames they make no sense, and nothing is built.
  const wrongUnit = await refusal(dataset.generateRecords(quiet));
  assert.match(wrongUnit.message, /time stamp 0\.032: not a whole number of frames; pass timeUnit: "seconds"/);
  const unit = { ...quiet, timeUnit: "seconds" as const, inputSize: 256 };
  const lines = readFileSync(join(directory, "s0_key.csv"), "utf8").trimEnd().split("\n");
  const frameRows = lines.slice(1, 6).map((line, k) => `${k},${line.split(",").slice(1).join(",")}`);
  const few = empty();
  mkdirSync(join(few, "in"));
  cpSync(join(directory, "in/s0.wav"), join(few, "in/s0.wav"));
  writeFileSync(join(few, "dataset"), "s0.wav,k.csv\n");
  const build = async (key: string[]): Promise<DatasetError> => {
    writeFileSync(join(few, "k.csv"), `${key.join("\n")}\n`);
    return refusal(new AudioClassificationDataset(few, "dataset").generateRecords({ ...quiet, inputSize: 256 }));
  };
  assert.match(
    (await build(["t,a,b,c", ...frameRows])).message,
    /rows: 5, expected 8, one per frame of 256 samples; .* \(k\.csv:6\)/,
  );
  assert.match(
    (await build(frameRows)).message,
    /header: numbers, expected names .* the first row would be lost \(k\.csv:1\)/,
  );
  assert.match((await build(["t,a,b", ...frameRows])).message, /columns: 4, expected 3 as in the header \(k\.csv:2\)/);
  assert.deepEqual(written(few), []);
  await dataset.generateRecords(unit);
  const records = await openRecords(directory, "dataset");
  const { events } = await readExample(records, 0);
  // The second row of s0 begins at 0.032 s, sample 256.
  assert.ok(Array.from(events?.on ?? []).includes(256) || Array.from(events?.off ?? []).includes(256));
});

test("bugs 10, 11: stereo and other sample rates are never taken for mono of one rate", async () => {
  const directory = empty();
  const files = [
    ["in/a.wav", 1, 8000, 1, "PCM_16"],
    ["in/b.wav", 1, 8000, 2, "PCM_16"],
    ["in/c.wav", 1, 16000, 1, "PCM_16"],
    ["in/d.wav", 1, 8000, 1, "PCM_16"],
  ] as const;
  sounds(
    directory,
    files.map((file) => [...file]),
  );
  writeFileSync(join(directory, "dataset"), "a.wav,1\nb.wav,0\nc.wav,1\nd.wav,0\n");
  const error = await refusal(new SimpleAudioClassificationDataset(directory, "dataset").generateRecords(quiet));
  assert.deepEqual(
    error.problems.map((p) => `${p.kind} ${p.file}`),
    ["sampleRate in/c.wav", "channels in/b.wav"],
  );
  assert.deepEqual(written(directory), []);
  writeFileSync(join(directory, "stereo"), "b.wav,1\n");
  await new SimpleAudioClassificationDataset(directory, "stereo").generateRecords(quiet);
  const { manifest } = await openRecords(directory, "stereo");
  assert.deepEqual([manifest.channels, manifest.sampleRate], [2, 8000]);
});

test("convert resamples and mixes what doesn't agree", async () => {
  const directory = empty();
  sounds(directory, [
    ["in/a.wav", 1, 8000, 1, "PCM_16"],
    ["in/b.wav", 1, 44100, 2, "PCM_16"],
    ["in/c.flac", 1, 16000, 1, "PCM_16"],
  ]);
  writeFileSync(join(directory, "dataset"), "a.wav,1\nb.wav,0\nc.flac,1\n");
  const dataset = new SimpleAudioClassificationDataset(directory, "dataset");
  await dataset.generateRecords({ ...quiet, convert: { sampleRate: 16000, channels: 1 }, encoding: "float32" });
  const records = await openRecords(directory, "dataset");
  assert.deepEqual([records.manifest.sampleRate, records.manifest.channels], [16000, 1]);
  const theirs: number[][] = python(
    `
import soundfile as sf, soxr
out = []
for name in ["a.wav", "b.wav", "c.flac"]:
    x, rate = sf.read(input + "/in/" + name, always_2d=True)
    out.append(soxr.resample(x.mean(1), rate, 16000, quality="VHQ").tolist())
print(json.dumps(out))`,
    directory,
  );
  for (const [i, expected] of theirs.entries()) {
    const { input } = await readExample(records, i);
    assert.equal(input.length, 16000);
    for (let k = 1000; k < 15000; k++)
      assert.ok(Math.abs(input[k]! - expected[k]!) < 1e-4, `example ${i}, sample ${k}`);
  }
});

test("bug 12: a missing file stops the build before anything is written; 24 bits and floats are read", async () => {
  const directory = empty();
  sounds(directory, [
    ["in/a.wav", 0.5, 8000, 1, "PCM_16"],
    ["in/b.wav", 0.5, 8000, 1, "PCM_24"],
    ["in/c.wav", 0.5, 8000, 1, "FLOAT"],
  ]);
  writeFileSync(join(directory, "dataset"), "a.wav,1\ngone.wav,0\nb.wav,1\nc.wav,1\n");
  const dataset = new SimpleAudioClassificationDataset(directory, "dataset");
  const error = await refusal(dataset.generateRecords(quiet));
  assert.match(error.message, /file: not found, expected it in the folder \(in\/gone\.wav, dataset:2\)/);
  assert.deepEqual(written(directory), []);
  assert.ok(existsSync(join(directory, "in/a.wav")));
  await dataset.generateRecords({ ...quiet, onProblem: "skip" });
  const records = await openRecords(directory, "dataset");
  assert.deepEqual(records.names, ["a.wav", "b.wav", "c.wav"]);
  const theirs: number[][] = python(
    "import soundfile as sf\nprint(json.dumps([sf.read(input + f'/in/{n}.wav', dtype='float32')[0].tolist() for n in 'abc']))",
    directory,
  );
  for (const [i, expected] of theirs.entries()) assert.deepEqual([...(await readExample(records, i)).input], expected);
});

test("bugs 20, 21: files of different length are recorded and loaded, no sidecar is written by hand", async () => {
  const directory = empty();
  sounds(directory, [
    ["in/a.wav", 1.5, 8000, 1, "PCM_16"],
    ["in/b.wav", 0.3, 8000, 1, "PCM_16"],
    ["out/a.wav", 1.5, 8000, 1, "PCM_16"],
    ["out/b.wav", 0.3, 8000, 1, "PCM_16"],
  ]);
  writeFileSync(join(directory, "dataset"), "a.wav,a.wav\nb.wav,b.wav\n");
  const dataset = new AudioDataset(directory, "dataset");
  await dataset.generateRecords(quiet);
  const records = await openRecords(directory, "dataset");
  assert.deepEqual(
    [(await readExample(records, 0)).input.length, (await readExample(records, 1)).input.length],
    [12000, 2400],
  );
});

test("bugs 22, 24: whole-file labels are recorded, one label or several, and none at all", async () => {
  const directory = sources("simple");
  await new SimpleAudioClassificationDataset(directory, "dataset").generateRecords(quiet);
  const records = await openRecords(directory, "dataset");
  const rows = readFileSync(join(directory, "dataset"), "utf8")
    .trim()
    .split("\n")
    .map((line) => line.split(",").slice(1).map(Number));
  assert.equal(records.count, rows.length);
  for (const [i, row] of rows.entries()) {
    assert.deepEqual([...((await readExample(records, i)).values ?? [])], row.map(Math.fround));
  }
});

test("bug 23: rows of different length are a clear error, not a broken array", async () => {
  const directory = sources("simple");
  appendFileSync(join(directory, "dataset"), "\na0.wav,1,0\n");
  const error = await refusal(new SimpleAudioClassificationDataset(directory, "dataset").generateRecords(quiet));
  assert.match(error.message, /labels: 2, expected 5 as in the first line \(dataset:\d+\)/);
});

test("bug 25: the octave pairs of a piano can be made; missing notes, short numbers, hidden files, spaces are no trouble", async () => {
  const directory = empty();
  const name = (n: number): string => `in/my piano_${n}.wav`;
  sounds(
    directory,
    [5, 17, 29, 60, 61, 72].map((n) => [name(n), 0.2, 8000, 1, "PCM_16"]),
  );
  writeFileSync(join(directory, "in/.hidden_48.wav"), "");
  const index = await pairBy(directory, OCTAVE_UP, { unpaired: "skip" });
  await writeIndex(directory, "dataset", index);
  await new AudioDataset(directory, "dataset").generateRecords(quiet);
  const records = await openRecords(directory, "dataset");
  assert.deepEqual([...records.names].sort(), ["my piano_17.wav", "my piano_5.wav", "my piano_60.wav"]);
});

test("bug 27: empty indexes and blank lines", async () => {
  const directory = sources("pairs");
  writeFileSync(join(directory, "none"), "\n\n");
  const error = await refusal(new AudioDataset(directory, "none").generateRecords(quiet));
  assert.match(error.message, /no rows, expected one line per example such as `input\.wav,target\.wav`/);
  const text = readFileSync(join(directory, "dataset"), "utf8");
  writeFileSync(join(directory, "gaps"), `\n${text.replaceAll("\n", "\r\n\r\n")}\n\n`);
  await new AudioDataset(directory, "gaps").generateRecords(quiet);
  assert.equal((await openRecords(directory, "gaps")).count, 24);
  const frames = sources("frames");
  appendFileSync(join(frames, "s1_key.csv"), "\n\n");
  await new AudioClassificationDataset(frames, "dataset").generateRecords({
    ...quiet,
    timeUnit: "seconds",
    inputSize: 256,
  });
  const keys = readFileSync(join(frames, "s1_key.csv"), "utf8").trimEnd().split("\n");
  keys.splice(3, 0, "");
  writeFileSync(join(frames, "s1_key.csv"), keys.join("\n"));
  const blank = await refusal(
    new AudioClassificationDataset(frames, "dataset")
      .check({ ...quiet, timeUnit: "seconds" })
      .then((r) => Promise.reject(r.toError())),
  );
  assert.match(blank.message, /line: blank, expected a row; delete it \(s1_key\.csv:4\)/);
});

test("bug 29: with one of the folders there, the other is made", async () => {
  const directory = empty();
  mkdirSync(join(directory, "in"));
  await new AudioDataset(directory, "dataset").generate(100, 200, 2, {
    ...quiet,
    waves: ["sin"],
    chords: ["pure"],
    duration: 0.1,
    sampleRate: 8000,
  });
  assert.equal(readdirSync(join(directory, "in")).length, 2);
  assert.equal(readdirSync(join(directory, "out")).length, 2);
});

test("bug 34: frame labels are stored as events, not as every value of every frame", async () => {
  const directory = empty();
  sounds(directory, [["in/song.wav", 60, 8000, 1, "PCM_16"]]);
  const frames = Math.ceil((60 * 8000) / 80);
  const header = `t,${Array.from({ length: 88 }, (_, f) => `n${f}`).join(",")}`;
  const rows = Array.from(
    { length: frames },
    (_, k) => `${k},${Array.from({ length: 88 }, (_, f) => (Math.floor(k / 50) % 88 === f ? 1 : 0)).join(",")}`,
  );
  writeFileSync(join(directory, "song_key.csv"), `${header}\n${rows.join("\n")}\n`);
  writeFileSync(join(directory, "dataset"), "song.wav,song_key.csv\n");
  await new AudioClassificationDataset(directory, "dataset").generateRecords({
    ...quiet,
    inputSize: 80,
  });
  const { manifest } = await openRecords(directory, "dataset");
  const labels = manifest.shards[0]!.bytes - 60 * 8000 * 2;
  assert.ok(labels < 10000, `${labels} bytes of labels for ${frames * 88} values`);
});

test("the later version's regression targets and metadata", async () => {
  const directory = empty();
  cpSync(join(original, "head/in"), join(directory, "in"), { recursive: true });
  cpSync(join(original, "head/reg.csv"), join(directory, "reg.csv"));
  cpSync(join(original, "head/metadata.json"), join(directory, "metadata.json"));
  const dataset = new RegressionDataset(directory, "reg");
  await dataset.generateRecords({ ...quiet, metadata: "metadata.json", groupBy: "artist" });
  const records = await openRecords(directory, "reg");
  assert.deepEqual(records.groups?.slice(0, 4), ["Artist 0", "Artist 1", "Artist 2", "Artist 0"]);
  assert.deepEqual([...((await readExample(records, 0)).values ?? [])], [-1.405, -1.798].map(Math.fround));
});

test("a table of a public set becomes records with its class names", async () => {
  const directory = empty();
  sounds(directory, [
    ["audio/1-1-A-0.wav", 0.2, 8000, 1, "PCM_16"],
    ["audio/1-2-A-14.wav", 0.2, 8000, 1, "PCM_16"],
  ]);
  mkdirSync(join(directory, "meta"));
  writeFileSync(
    join(directory, "meta/esc50.csv"),
    "filename,fold,target,category\n1-1-A-0.wav,1,0,dog\n1-2-A-14.wav,1,14,chirping_birds\n",
  );
  const index = await fromCsv(directory, "meta/esc50.csv", {
    file: "audio/{filename}",
    label: "category",
    group: "fold",
  });
  await writeIndex(directory, "esc50", index);
  await new SimpleAudioClassificationDataset(directory, "esc50").generateRecords(quiet);
  const records = await openRecords(directory, "esc50");
  assert.deepEqual(records.manifest.labels, ["chirping_birds", "dog"]);
  assert.deepEqual(records.groups, ["1", "1"]);
  assert.deepEqual([...(records.values ?? [])], [0, 1, 1, 0]);
});

test("the original's own frame labels come out of our records, byte for byte in its encoding", async () => {
  const directory = sources("frames");
  const options = { ...quiet, timeUnit: "seconds" as const, inputSize: 256, encoding: "float16" as const };
  await new AudioClassificationDataset(directory, "dataset").generateRecords(options);
  const expected = JSON.parse(readFileSync(join(original, "frames/expected.json"), "utf8"));
  const hashes = new Map<string, string>();
  for (const record of expected.records) hashes.set(record.features.a_in.sha256, record.features.b_val.sha256_f32le);
  const ours: Record<string, string>[] = python(
    `
import tensorflow as tf, hashlib, glob, numpy as np
out = []
for path in glob.glob(input + "/dataset*.tfrecord"):
    for record in tf.data.TFRecordDataset(path):
        f = tf.train.Example.FromString(record.numpy()).features.feature
        a = f["a_in"].bytes_list.value[0]
        b = np.array(f["b_val"].float_list.value, dtype="<f4").tobytes()
        out.append({"a": hashlib.sha256(a).hexdigest(), "b": hashlib.sha256(b).hexdigest(), "keys": ",".join(sorted(f))})
print(json.dumps(out))`,
    directory,
  );
  assert.equal(ours.length, 8);
  for (const { a = "", b, keys } of ours) {
    assert.equal(hashes.get(a), b);
    assert.equal(keys, "a_in,b_val");
  }
});
