// Rows that are parts of longer files: cut out while recording, checked, planned, verified, found stale.
import assert from "node:assert/strict";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import {
  AudioDataset,
  encodeWav,
  fromCsv,
  type GenerateRecordsOptions,
  joinIndexes,
  readAudio,
  SimpleAudioClassificationDataset,
  writeIndex,
} from "../../dist/index.js";
import { python } from "../support/python.js";
import { folder, quiet } from "../support/records.js";

/** A folder with two sounds of two seconds, and a table of their parts. */
function set(t: TestContext, rows: string, texts: Record<string, string> = {}): string {
  const directory = folder(t);
  const put = (name: string, data: string | Uint8Array): void => {
    mkdirSync(dirname(join(directory, name)), { recursive: true });
    writeFileSync(join(directory, name), data);
  };
  for (const [k, name] of ["long/a.wav", "long/b.wav"].entries()) {
    const samples = Int16Array.from({ length: 32000 }, (_, i) => 9000 * Math.sin(((i >> 1) * (k + 1)) / 20) + (i % 2));
    put(name, encodeWav({ sampleRate: 8000, channels: 2, samples }));
  }
  put("t.csv", `file,start,end,class\n${rows}`);
  for (const [name, text] of Object.entries(texts)) put(name, text);
  return directory;
}

const PARTS =
  "long/a.wav,0.5,0.75,dog\nlong/a.wav,0.75,1.5,cat\nlong/b.wav,,0.1,dog\nlong/b.wav,1.9,,cat\nlong/a.wav,0,2,dog\n";
const WHOLE = { trainSplit: 1, valSplit: 0, testSplit: 0 } as const;
const OPTIONS = { file: "file", label: "class", start: "start", end: "end" };

async function recorded(
  t: TestContext,
  options: GenerateRecordsOptions = {},
): Promise<[string, SimpleAudioClassificationDataset]> {
  const directory = set(t, PARTS);
  const dataset = new SimpleAudioClassificationDataset(directory, "set");
  const index = await fromCsv(directory, "t.csv", OPTIONS);
  await dataset.generateRecords({ ...quiet, index, ...options });
  await dataset.load(WHOLE);
  return [directory, dataset];
}

describe("parts of files", () => {
  it("are what soundfile reads of the files, named by their seconds, in the group of their file", async (t) => {
    const [directory, dataset] = await recorded(t);
    const expected: number[][] = python(
      `
import soundfile
out = []
for file, start, end in [("a", 0.5, 0.75), ("a", 0.75, 1.5), ("b", 0, 0.1), ("b", 1.9, 2), ("a", 0, 2)]:
    x, rate = soundfile.read(f"{input}/long/{file}.wav", start=round(start * 8000), stop=round(end * 8000), dtype="int16")
    out.append(x.ravel().tolist())
print(json.dumps(out))`,
      directory,
    );
    for (const [i, samples] of expected.entries()) {
      assert.deepEqual(
        Array.from((await dataset.example(i)).input, (x) => x * 32768),
        samples,
      );
    }
    assert.deepEqual(dataset.records.names, [
      "long/a.wav#t=0.5,0.75",
      "long/a.wav#t=0.75,1.5",
      "long/b.wav#t=0,0.1",
      "long/b.wav#t=1.9",
      "long/a.wav#t=0,2",
    ]);
    assert.deepEqual(
      dataset.records.groups,
      ["a", "a", "b", "b", "a"].map((name) => `long/${name}.wav`),
    );
    assert.equal(dataset.records.manifest.encoding, "pcm16");
    assert.equal((await dataset.verify(quiet)).sound, true);
  });

  it("of converted files are the parts that readAudio gives", async (t) => {
    const convert = { sampleRate: 6000, channels: 1 };
    const [directory, dataset] = await recorded(t, { convert, encoding: "float32" });
    const part = await readAudio(join(directory, "long/a.wav"), { start: 0.75, duration: 0.75, ...convert });
    assert.deepEqual((await dataset.example(1)).input, part.samples);
  });

  it("are the same for any number of workers, rebuilt as they were, and stale when their file or table changes", async (t) => {
    const [directory, dataset] = await recorded(t, { examplesPerFile: 2 });
    const { fingerprint } = dataset.records.manifest;
    const index = await fromCsv(directory, "t.csv", OPTIONS);
    await dataset.generateRecords({ onProgress: false, workers: 1, index, examplesPerFile: 2 });
    rmSync(join(directory, "set1.tfrecord"));
    assert.deepEqual((await dataset.repair(quiet)).rebuilt, ["set1.tfrecord"]);
    await dataset.load(WHOLE);
    assert.equal(dataset.records.manifest.fingerprint, fingerprint);
    writeFileSync(join(directory, "t.csv"), `file,start,end,class\n${PARTS.replace("0.75,1.5", "0.75,1.25")}`);
    await assert.rejects(dataset.load(WHOLE), { code: "STALE", message: /1 file changed: t\.csv/ });
    await dataset.generateRecords({ ...quiet, index: await fromCsv(directory, "t.csv", OPTIONS), examplesPerFile: 2 });
    await dataset.load(WHOLE);
    assert.equal((await dataset.example(1)).input.length, 2 * 4000);
    writeFileSync(
      join(directory, "long/b.wav"),
      encodeWav({ sampleRate: 8000, channels: 2, samples: new Int16Array(32000).fill(7) }),
    );
    await assert.rejects(dataset.load(WHOLE), { code: "STALE", message: /1 file changed: long\/b\.wav/ });
  });

  it("pairs are cut on both sides", async (t) => {
    const directory = set(t, "long/a.wav,0.5,1,long/b.wav\n");
    const index = await fromCsv(directory, "t.csv", { file: "file", target: "class", start: "start", end: "end" });
    const dataset = new AudioDataset(directory, "set");
    await dataset.generateRecords({ ...quiet, index });
    await dataset.load(WHOLE);
    const { target } = await dataset.example(0);
    assert.deepEqual(target, (await readAudio(join(directory, "long/b.wav"), { start: 0.5, duration: 0.5 })).samples);
  });

  it("beyond the sound are errors of their row alone; a little too long is a warning", async (t) => {
    const directory = set(
      t,
      "long/a.wav,2,3,dog\nlong/a.wav,1.5,2.5,cat\nlong/b.wav,0,1,dog\nlong/b.wav,1,1.00001,dog\n",
    );
    const index = await fromCsv(directory, "t.csv", OPTIONS);
    const dataset = new SimpleAudioClassificationDataset(directory, "set");
    const report = await dataset.check({ ...quiet, index: joinIndexes(index) });
    assert.deepEqual(
      report.problems.map(({ message }) => message),
      [
        "part 2 to 3: begins after the sound's end, expected it within the sound of 2.000 s (long/a.wav, t.csv:2)",
        "part 1.5 to 2.5: ends with the sound, expected it within the sound of 2.000 s (long/a.wav, t.csv:3)",
        "part 1 to 1.00001: shorter than a sample, expected a part of 2.000 s (long/b.wav, t.csv:5)",
      ],
    );
    assert.equal(report.errors.length, 2);
    await dataset.generateRecords({ ...quiet, index, onProblem: "skip" });
    await dataset.load({ trainSplit: 1, valSplit: 0, testSplit: 0, groupBy: false });
    assert.deepEqual(dataset.records.names, ["long/a.wav#t=1.5,2.5", "long/b.wav#t=0,1"]);
    assert.equal((await dataset.example(0)).input.length, 2 * 4000);
  });

  it("what can't be a part is named with its line", async (t) => {
    const directory = set(
      t,
      "long/a.wav,x,1,dog\nlong/a.wav,1,0.5,dog\nlong/a.wav,-1,1,dog\nlong/b.wav,0,1,dog\nlong/b.wav,0.0,1.0,cat\n",
    );
    await assert.rejects(fromCsv(directory, "t.csv", OPTIONS), (error: { problems: { message: string }[] }) => {
      assert.deepEqual(
        error.problems.map(({ message }) => message),
        [
          'start: "x", expected a number (t.csv:2)',
          "part: 1 to 0.5 s, expected its end behind its beginning (t.csv:3)",
          "start: -1, expected seconds of at least 0 (t.csv:4)",
          '"long/b.wav" is already in line 5, expected once (t.csv:6)',
        ],
      );
      return true;
    });
    await assert.rejects(fromCsv(directory, "t.csv", { file: "file", label: "class" }), {
      message: /already in line 2, expected once; if rows are parts of files, pass start: "start", end: "end"/,
    });
    await assert.rejects(fromCsv(directory, "t.csv", { ...OPTIONS, duration: "end" }), { code: "OPTION" });
    const good = set(t, PARTS);
    await assert.rejects(writeIndex(good, "set", await fromCsv(good, "t.csv", OPTIONS)), {
      code: "OPTION",
      message: /has parts of files, expected whole ones/,
    });
  });
});
