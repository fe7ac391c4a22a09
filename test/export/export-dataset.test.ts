// A loaded dataset as lhotse's manifests and as Hugging Face's AudioFolder: what those libraries read of it.
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import {
  AudioClassificationDataset,
  AudioDataset,
  encodeWav,
  exportDataset,
  type ExportOptions,
  fromCsv,
  fromEvents,
  fromManifest,
  SimpleAudioClassificationDataset,
} from "../../dist/index.js";
import { python, root } from "../support/python.js";
import { folder, quiet } from "../support/records.js";

const ramp = (slope: number): number[] => Array.from({ length: 1000 }, (_, i) => slope * i);

/** A folder with ramps of 1,000 samples at 8 kHz, and a table. */
function set(t: TestContext, names: readonly string[], table: string): string {
  const directory = folder(t);
  mkdirSync(join(directory, "s"));
  for (const [k, name] of names.entries()) {
    const samples = Int16Array.from(ramp(k + 1));
    writeFileSync(join(directory, "s", name), encodeWav({ sampleRate: 8000, channels: 1, samples }));
  }
  writeFileSync(join(directory, "t.csv"), table);
  return directory;
}

const TABLE = "file,kind,split,who\ns/a.wav,dog,train,x\ns/b c.wav,cat,train,y\ns/d.wav,dog,test,z\n";

async function classes(t: TestContext): Promise<[string, SimpleAudioClassificationDataset]> {
  const directory = set(t, ["a.wav", "b c.wav", "d.wav"], TABLE);
  const dataset = new SimpleAudioClassificationDataset(directory, "set");
  const index = await fromCsv(directory, "t.csv", { file: "file", label: "kind", group: "who" });
  await dataset.generateRecords({ ...quiet, index });
  await dataset.load();
  return [directory, dataset];
}

async function frames(t: TestContext): Promise<[string, AudioClassificationDataset]> {
  const table = "file,onset,offset,label\na,0.025,0.05,dog\na,0.05,0.1,cat\nb,,,\n";
  const directory = set(t, ["a.wav", "b.wav"], table);
  const dataset = new AudioClassificationDataset(directory, "set");
  await dataset.generateRecords({ ...quiet, index: await fromEvents(directory, "t.csv") });
  await dataset.load({ inputSize: 100, trainSplit: 1, valSplit: 0, testSplit: 0 });
  return [directory, dataset];
}

const read = (...path: string[]): string => readFileSync(join(...path), "utf8");

describe("exportDataset", () => {
  const seen = JSON.parse(read(root, "test/fixtures/lhotse/export.json"));

  // export.json is what lhotse itself read in these folders, by test/fixtures/lhotse/record.py.
  it("lhotse: what lhotse read of the same manifests, classes and events", async (t) => {
    const [directory, dataset] = await classes(t);
    const out = join(directory, "out");
    assert.equal(await exportDataset(dataset, out, { format: "lhotse", onProgress: false }), 3);
    assert.deepEqual(readdirSync(out).sort(), [
      "audio",
      "recordings_test.jsonl",
      "recordings_train.jsonl",
      "supervisions_test.jsonl",
      "supervisions_train.jsonl",
    ]);
    const [eventFolder, events] = await frames(t);
    await exportDataset(events, join(eventFolder, "out"), { format: "lhotse", onProgress: false });
    const text = (path: string, side: string): string =>
      read(path, `recordings_${side}.jsonl`) + read(path, `supervisions_${side}.jsonl`);
    assert.deepEqual(seen.manifests, {
      classes_train: text(out, "train"),
      classes_test: text(out, "test"),
      events_train: text(join(eventFolder, "out"), "train"),
    });
    const sum = (k: number): number => (k * 999 * 1000) / 2;
    const heard = (k: number): object => ({
      duration: 0.125,
      samples: 1000,
      first: [0, 1, 2, 3, 4].map((i) => i * k),
      sum: sum(k),
    });
    const whole = (label: string, group: string): unknown[] => [[0, 0.125, { label, group }, null]];
    assert.deepEqual(seen.cuts, {
      classes_train: [
        { id: "0", supervisions: whole("dog", "x"), ...heard(1) },
        { id: "1", supervisions: whole("cat", "y"), ...heard(2) },
      ],
      classes_test: [{ id: "2", supervisions: whole("dog", "z"), ...heard(3) }],
      events_train: [
        {
          id: "0",
          supervisions: [
            [0.025, 0.025, { label: "dog" }, null],
            [0.05, 0.05, { label: "cat" }, null],
          ],
          ...heard(1),
        },
        { id: "1", supervisions: [], ...heard(2) },
      ],
    });
    // And back.
    const again = await fromManifest(out, "supervisions_train.jsonl", { label: "custom.label" });
    assert.deepEqual(
      again.rows.map(({ input, start, values }) => [input, start, values]),
      [
        ["audio/s/a.wav", undefined, [0, 1]],
        ["audio/s/b-c.wav", undefined, [1, 0]],
      ],
    );
  });

  it("Hugging Face: datasets finds the sides, the files, their samples and the labels", async (t) => {
    const [directory, dataset] = await classes(t);
    const out = join(directory, "out");
    await exportDataset(dataset, out, { format: "audiofolder", onProgress: false });
    const [eventFolder, events] = await frames(t);
    await exportDataset(events, join(eventFolder, "out"), { format: "audiofolder", onProgress: false });
    // Decoding, and encoding one example, need PyTorch; its tables hold the bytes of each file without, and soundfile reads those.
    const [sides, timed] = python(
      `
import os, tempfile
os.environ["HF_HUB_OFFLINE"] = "1"; os.environ["HF_HOME"] = tempfile.mkdtemp()
import datasets, io, soundfile
from datasets.table import embed_table_storage
def load(folder):
    builder, found = datasets.load_dataset_builder("audiofolder", data_dir=folder), {}
    for split in builder._split_generators(datasets.DownloadManager()):
        assert isinstance(builder.info.features["audio"], datasets.Audio)
        rows = datasets.Dataset.from_list([row for _, row in builder._generate_examples(**split.gen_kwargs)])
        rows = rows.cast_column("audio", datasets.Audio(decode=False))
        found[split.name] = []
        for row in embed_table_storage(rows.data.table).to_pylist():
            audio = row.pop("audio")
            x, rate = soundfile.read(io.BytesIO(audio["bytes"]), dtype="int16")
            found[split.name].append([os.path.basename(audio["path"]), x.tolist(), rate, row])
    return found
print(json.dumps([load(folder) for folder in input]))`,
      [out, join(eventFolder, "out")],
    );
    assert.deepEqual(sides, {
      train: [
        ["a.wav", ramp(1), 8000, { label: "dog", group: "x" }],
        ["b-c.wav", ramp(2), 8000, { label: "cat", group: "y" }],
      ],
      test: [["d.wav", ramp(3), 8000, { label: "dog", group: "z" }]],
    });
    assert.deepEqual(timed, {
      train: [
        [
          "a.wav",
          ramp(1),
          8000,
          {
            events: [
              { onset: 0.025, offset: 0.05, label: "dog", value: 1 },
              { onset: 0.05, offset: 0.1, label: "cat", value: 1 },
            ],
          },
        ],
        ["b.wav", ramp(2), 8000, { events: [] }],
      ],
    });
    const again = await fromManifest(
      out,
      { train: "train/metadata.jsonl", test: "test/metadata.jsonl" },
      { label: "label" },
    );
    assert.deepEqual(
      again.rows.map(({ input, split }) => [input, split]),
      [
        ["train/s/a.wav", "train"],
        ["train/s/b-c.wav", "train"],
        ["test/s/d.wav", "test"],
      ],
    );
  });

  it("several classes, weights and parts; names that are the same for some systems", async (t) => {
    const table = "file,start,end,tags\ns/a.wav,0,0.05,dog cat\ns/a.wav,0.05,,\ns/A.flac.wav,,,dog\n".replace(
      ",,\n",
      ",,cat\n",
    );
    const directory = set(t, ["a.wav", "A.flac.wav"], table);
    const dataset = new SimpleAudioClassificationDataset(directory, "set");
    const options = { file: "file", labels: "tags", separator: " ", start: "start", end: "end" };
    await dataset.generateRecords({ ...quiet, index: await fromCsv(directory, "t.csv", options) });
    await dataset.load({ trainSplit: 1, valSplit: 0, testSplit: 0 });
    const out = join(directory, "out");
    await exportDataset(dataset, out, { format: "audiofolder", onProgress: false });
    const lines = read(out, "train/metadata.jsonl")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    assert.deepEqual(lines, [
      { file_name: "s/a_0-0.05.wav", labels: ["cat", "dog"], group: "s/a.wav" },
      { file_name: "s/a_0.05.wav", labels: ["cat"], group: "s/a.wav" },
      { file_name: "s/A.flac.wav", labels: ["dog"], group: "s/A.flac.wav" },
    ]);
  });

  it("refuses what it can't write, and leaves nothing behind", async (t) => {
    const [directory, dataset] = await classes(t);
    const refused = (given: object, code: string, message: RegExp, where = "out"): Promise<void> =>
      assert.rejects(exportDataset(dataset, join(directory, where), given as ExportOptions), { code, message });
    await refused({ format: "csv" }, "OPTION", /^format: "csv", expected one of lhotse, audiofolder/);
    await refused({ format: "lhotse", split: "train" }, "OPTION", /option "split"/);
    await refused({ format: "lhotse" }, "FILE", /is there, expected a new folder/, "s");
    await refused({ format: "lhotse", signal: AbortSignal.abort(), onProgress: false }, "ABORTED", /export/);
    assert.ok(!existsSync(join(directory, "out")) && !readdirSync(directory).some((name) => name.includes("out")));
    const pairs = new AudioDataset(folder(t), "p");
    await pairs.generate(500, 900, 4, { ...quiet, duration: 0.01, sampleRate: 8000 });
    await pairs.load({ trainSplit: 1, valSplit: 0, testSplit: 0 });
    await assert.rejects(exportDataset(pairs, join(directory, "out"), { format: "lhotse" }), {
      code: "OPTION",
      message: /kind pairs/,
    });
  });
});
