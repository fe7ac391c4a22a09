// Manifests in json: of lhotse as it wrote them, of NeMo, Hugging Face and NSynth, and of one's own.
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { gzipSync } from "node:zlib";
import {
  AudioClassificationDataset,
  encodeWav,
  fromManifest,
  type DatasetIndex,
  SimpleAudioClassificationDataset,
} from "../../dist/index.js";
import { root } from "../support/python.js";
import { folder, quiet } from "../support/records.js";

/** A folder of ramps of two seconds at 8 kHz, as test/fixtures/lhotse/record.py makes them, and files. */
function set(t: TestContext, sounds: readonly string[], files: Record<string, string | Uint8Array>): string {
  const directory = folder(t);
  const put = (name: string, data: string | Uint8Array): void => {
    mkdirSync(dirname(join(directory, name)), { recursive: true });
    writeFileSync(join(directory, name), data);
  };
  for (const [k, name] of sounds.entries()) {
    const samples = Int16Array.from({ length: 16000 }, (_, i) => ((i * (k + 1)) % 2000) - 1000);
    put(name, encodeWav({ sampleRate: 8000, channels: 1, samples }));
  }
  for (const [name, data] of Object.entries(files)) put(name, data);
  return directory;
}

const lines = (entries: readonly object[]): string => entries.map((entry) => `${JSON.stringify(entry)}\n`).join("");
const rowsOf = ({ rows }: DatasetIndex): unknown[] => rows.map(({ input, start, end }) => [input, start, end]);
const classesOf = ({ rows, labels }: DatasetIndex): string[][] =>
  rows.map(({ values }) => labels!.filter((_, k) => values![k] === 1));

describe("manifests", () => {
  const lhotse = (file: string): Buffer => readFileSync(join(root, "test/fixtures/lhotse", file));

  for (const manifest of ["supervisions.jsonl.gz", "cuts.jsonl"]) {
    it(`lhotse's ${manifest}: the parts that lhotse reads`, async (t) => {
      const directory = set(t, ["wavs/a.wav", "wavs/b.wav"], {
        "recordings.jsonl.gz": gzipSync(lhotse("recordings.jsonl")),
        [manifest]: lhotse(manifest),
      });
      const index = await fromManifest(directory, manifest, { label: "custom.word", group: "speaker" });
      const dataset = new SimpleAudioClassificationDataset(directory, "set");
      await dataset.generateRecords({ ...quiet, index });
      await dataset.load({ trainSplit: 1, valSplit: 0, testSplit: 0 });
      const { cuts } = JSON.parse(lhotse("values.json").toString());
      const found = cuts.map(async (_: unknown, i: number) => {
        const { input, values } = await dataset.example(i);
        const samples = Array.from(input, (x) => x * 32768);
        return {
          speaker: dataset.records.groups![i],
          word: dataset.labels![values!.indexOf(1)],
          samples: samples.length,
          first: samples.slice(0, 5),
          sum: samples.reduce((a, b) => a + b, 0),
        };
      });
      assert.deepEqual(await Promise.all(found), cuts);
      // A supervision of all of a recording is the file itself.
      assert.equal(dataset.records.names[2], "wavs/b.wav");
    });
  }

  it("lhotse's cuts with several supervisions, or none: the events that lhotse sees in them", async (t) => {
    const nothing = { id: "n", start: 0.25, duration: 0.5, channel: 0, supervisions: [], type: "MonoCut" };
    const windows = lhotse("windows.jsonl").toString();
    const { recording } = JSON.parse(windows.split("\n")[0]!) as { recording: object };
    const directory = set(t, ["wavs/a.wav", "wavs/b.wav"], {
      "cuts.jsonl": windows + lines([{ ...nothing, recording }]),
      "supervisions.jsonl.gz": lhotse("supervisions.jsonl.gz"),
      "recordings.jsonl": lhotse("recordings.jsonl"),
    });
    const index = await fromManifest(directory, "cuts.jsonl", { events: "speaker" });
    const dataset = new AudioClassificationDataset(directory, "set");
    await dataset.generateRecords({ ...quiet, index });
    await dataset.load({ inputSize: 100, trainSplit: 1, valSplit: 0, testSplit: 0 });
    const found = index.rows.map(async ({ events }, i) => {
      const samples = Array.from((await dataset.example(i)).input, (x) => x * 32768);
      return {
        events: events!.map(([onset, offset, label]) => [onset, offset, index.labels![label]]),
        samples: samples.length,
        first: samples.slice(0, 5),
        sum: samples.reduce((a, b) => a + b, 0),
      };
    });
    const all = await Promise.all(found);
    assert.deepEqual(all.slice(0, -1), JSON.parse(lhotse("values.json").toString()).windows);
    assert.deepEqual([all.at(-1)!.events, all.at(-1)!.samples], [[], 4000]);
    assert.deepEqual(new Set(index.rows.map(({ group }) => group)), new Set(["wavs/a.wav", "wavs/b.wav"]));

    // Supervisions label their whole recordings.
    const whole = await fromManifest(directory, "supervisions.jsonl.gz", {
      events: "speaker",
      recordings: "recordings.jsonl",
      classes: ["bob", "alice"],
    });
    assert.deepEqual(
      whole.rows.map(({ input, start, events }) => [input, start, events]),
      [
        ["wavs/a.wav", undefined, [[0.25, 0.75, 1, 1], [0.75, 1.85, 0, 1]]], // biome-ignore format: a row each
        ["wavs/b.wav", undefined, [[0, 2, 1, 1]]],
      ],
    );

    // Of a whole cut what its supervisions say is several classes.
    const classes = { where: ({ id = "" }) => id !== "n" };
    const cuts = await fromManifest(directory, "cuts.jsonl", { ...classes, labels: "speaker" });
    assert.deepEqual(classesOf(cuts).slice(0, 2), [["alice", "bob"], ["bob"]]);
    await assert.rejects(fromManifest(directory, "cuts.jsonl", { ...classes, label: "speaker" }), {
      code: "INDEX",
      message: /a list, expected one class name; pass labels: "speaker".*\(cuts\.jsonl:1\)/,
    });
    await assert.rejects(
      fromManifest(directory, "cuts.jsonl", { ...classes, labels: "custom.word", group: "speaker" }),
      { code: "INDEX", message: /group .*a list, expected one name \(cuts\.jsonl:1\)/s },
    );
  });

  it("mistakes in labelled stretches are named with their line", async (t) => {
    const source = { id: "r", duration: 2, sources: [{ type: "file", source: "a.wav" }] };
    const cut = (...supervisions: object[]): object => ({
      id: "c",
      start: 0,
      duration: 2,
      supervisions,
      recording: source,
    });
    const good = { start: 0, duration: 1, speaker: "x" };
    const directory = set(t, ["a.wav"], {
      "bad.jsonl": lines([cut(good), cut(good, { start: "0", duration: 1 })]),
      "negative.json": lines([{ audio_filepath: "a.wav", offset: -1, duration: 1, label: "x" }]),
      "none.jsonl": lines([cut(good)]),
      "metadata.jsonl": lines([{ file_name: "a.wav", label: "x" }]),
    });
    const rejects = async (file: string, options: object, code: string, message: RegExp): Promise<void> =>
      await assert.rejects(fromManifest(directory, file, options), { code, message });
    await rejects(
      "bad.jsonl",
      { events: "speaker" },
      "INDEX",
      /start "0", duration 1, expected seconds \(bad\.jsonl:2\)/,
    );
    await rejects("negative.json", { events: "label" }, "INDEX", /onset: -1, expected 0 or more \(negative\.json:1\)/);
    await rejects("none.jsonl", { events: "speaker", label: "id" }, "OPTION", /events and label: both/);
    await rejects("none.jsonl", { events: "kind" }, "OPTION", /column "kind": not in none\.jsonl/);
    await rejects(
      "metadata.jsonl",
      { events: "label" },
      "OPTION",
      /events: of metadata\.jsonl, expected a manifest of lhotse's/,
    );
  });

  it("NeMo: labels, parts by offset and duration, absolute paths of another machine", async (t) => {
    const directory = set(t, ["clips/a.wav", "clips/b.wav"], {
      "train.json": lines([
        { audio_filepath: "/data/clips/a.wav", offset: 0.5, duration: 0.7, label: "go" },
        { audio_filepath: "clips/b.wav", duration: 2, label: "stop" },
      ]),
      "test.json": lines([{ audio_filepath: "a.wav", offset: 1.2, duration: 0.1, label: "go" }]),
    });
    const index = await fromManifest(directory, { train: "train.json", test: "test.json" }, { label: "label" });
    assert.deepEqual(rowsOf(index), [
      ["clips/a.wav", 0.5, 1.2],
      ["clips/b.wav", undefined, undefined],
      ["clips/a.wav", 1.2, 1.3],
    ]);
    assert.deepEqual(classesOf(index), [["go"], ["stop"], ["go"]]);
    assert.deepEqual(
      index.rows.map(({ split }) => split),
      ["train", "train", "test"],
    );
  });

  it("Hugging Face: metadata.jsonl and metadata.csv name files beside them; lists are several classes", async (t) => {
    const directory = set(t, ["train/x.wav", "test/x.wav"], {
      "train/metadata.jsonl": lines([{ file_name: "x.wav", tags: ["dog", "bark, loud"] }]),
      "test/metadata.csv": "file_name,tags\nx.wav,dog\n",
    });
    const tables = { train: "train/metadata.jsonl", test: "test/metadata.csv" };
    const index = await fromManifest(directory, tables, { labels: "tags" });
    assert.deepEqual(rowsOf(index), [
      ["train/x.wav", undefined, undefined],
      ["test/x.wav", undefined, undefined],
    ]);
    assert.deepEqual(classesOf(index), [["bark, loud", "dog"], ["dog"]]);
  });

  it("NSynth: examples.json beside audio", async (t) => {
    const note = {
      note: 1,
      pitch: 60,
      velocity: 100,
      instrument_str: "bass_1",
      instrument_family_str: "bass",
      qualities_str: ["dark"],
    };
    const examples = { "bass_1-060-100": note, "organ_2-060-100": { ...note, instrument_family_str: "organ" } };
    const directory = set(t, ["train/audio/bass_1-060-100.wav", "train/audio/organ_2-060-100.wav"], {
      "train/examples.json": JSON.stringify(examples),
    });
    const index = await fromManifest(directory, "train/examples.json", { label: "instrument_family_str" });
    assert.deepEqual(classesOf(index), [["bass"], ["organ"]]);
    assert.deepEqual(index.rows[1]!.input, "train/audio/organ_2-060-100.wav");
    const pitches = await fromManifest(directory, "train/examples.json", { values: ["pitch"] });
    assert.deepEqual([pitches.kind, pitches.rows[0]!.values], ["values", [60]]);
  });

  it("one's own: a field or a pattern names the sound; sounds that aren't there", async (t) => {
    const entries = [
      { id: "a", kind: "x", at: { from: 0.5, to: 1 } },
      { id: "gone", kind: "y", at: { from: 0, to: 1 } },
    ];
    const directory = set(t, ["in/a.wav"], {
      "own.json": JSON.stringify(entries),
      "bad.jsonl": '{"id": 1}\n{"id"\n',
      "list.json": "[1]",
    });
    const options = { file: "{id}.wav", label: "kind", start: "at.from", end: "at.to" };
    const index = await fromManifest(directory, "own.json", { ...options, missing: "skip" });
    assert.deepEqual(rowsOf(index), [["a.wav", 0.5, 1]]);
    assert.match(index.warnings![0]!.message, /^rows of sounds that aren't there: 1, not taken \(own\.json\)/);
    const refused = async (file: string, given: object, code: string, message: RegExp): Promise<void> =>
      assert.rejects(fromManifest(directory, file, given), { code, message });
    await refused("own.json", options, "INDEX", /sound "gone\.wav": not found, expected a sound of that name/);
    await refused("own.json", { label: "kind" }, "OPTION", /fields id, kind, at, expected those of lhotse.*pass file/);
    await refused(
      "own.json",
      { ...options, label: "sort" },
      "OPTION",
      /column "sort": not in own\.json, expected one of id, kind, at\.from/,
    );
    await refused("bad.jsonl", options, "INDEX", /expected json \(bad\.jsonl:2\)/);
    await refused("list.json", options, "INDEX", /1, expected an object/);
    await refused("gone.json", options, "FILE", /gone\.json: not found/);
    const lost = set(t, ["a.wav"], {
      "supervisions.jsonl": lines([{ id: "1", recording_id: "r", start: 0, duration: 1 }]),
    });
    await assert.rejects(fromManifest(lost, "supervisions.jsonl", { label: "id" }), {
      code: "OPTION",
      message: /^recordings: not found as recordings\.jsonl, expected those of supervisions\.jsonl; pass recordings/,
    });
  });
});

describe("Common Voice as published", () => {
  it("three tables with bare quotes are the three sides", async (t) => {
    const { fromCsv } = await import("../../dist/index.js");
    const row = (name: string, sentence: string, gender: string): string =>
      `s${name}\t${name}.wav\t${sentence}\t${gender}\n`;
    const header = "client_id\tpath\tsentence\tgender\n";
    const directory = set(t, ["clips/1.wav", "clips/2.wav", "clips/3.wav"], {
      "train.tsv": header + row("1", '"No," he said.', "male"),
      "dev.tsv": header + row("2", 'He said "no" to it', "female"),
      "test.tsv": header + row("3", '"', "male"),
    });
    const sides = { train: "train.tsv", validate: "dev.tsv", test: "test.tsv" };
    const options = { file: "clips/{path}", label: "gender", group: "client_id" };
    const index = await fromCsv(directory, sides, { ...options, quote: false });
    assert.deepEqual(
      index.rows.map(({ input, split, group }) => [input, split, group]),
      [
        ["clips/1.wav", "train", "s1"],
        ["clips/2.wav", "validate", "s2"],
        ["clips/3.wav", "test", "s3"],
      ],
    );
    await assert.rejects(fromCsv(directory, sides, options), { code: "INDEX", message: /pass quote: false/ });
    await assert.rejects(fromCsv(directory, { dev: "dev.tsv" } as never, options), {
      code: "OPTION",
      message: /^fromCsv: dev, expected tables by train, validate and test/,
    });
  });
});
