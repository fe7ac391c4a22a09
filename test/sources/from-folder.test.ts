// Classes by the names of files, symbolic links, and classes merged and dropped while recording.
import assert from "node:assert/strict";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import {
  AudioClassificationDataset,
  AudioDataset,
  encodeWav,
  type DatasetIndex,
  fromCsv,
  fromEvents,
  fromFolder,
  SimpleAudioClassificationDataset,
} from "../../dist/index.js";
import { folder, quiet } from "../support/records.js";

function set(t: TestContext, sounds: readonly string[], texts: Record<string, string> = {}): string {
  const directory = folder(t);
  const put = (name: string, data: string | Uint8Array): void => {
    mkdirSync(dirname(join(directory, name)), { recursive: true });
    writeFileSync(join(directory, name), data);
  };
  for (const [k, name] of sounds.entries()) {
    const samples = Int16Array.from({ length: 8000 }, (_, i) => 9000 * Math.sin((i * (k + 1)) / 30));
    put(name, encodeWav({ sampleRate: 8000, channels: 1, samples }));
  }
  for (const [name, text] of Object.entries(texts)) put(name, text);
  return directory;
}

const found = ({ rows, labels }: DatasetIndex): unknown[][] =>
  rows.map(({ input, values, group, split }) => [
    input,
    labels!.filter((_, k) => values![k] === 1).join(),
    ...(group === undefined ? [] : [group]),
    ...(split === undefined ? [] : [split]),
  ]);

describe("classes by the names of files", () => {
  const RAVDESS = "{modality}-{channel}-{class}-{intensity}-{statement}-{repetition}-{group}.wav";

  it("RAVDESS: the third number is the emotion, the last one the actor", async (t) => {
    const directory = set(t, [
      "Actor_01/03-01-06-01-02-01-01.wav",
      "Actor_02/03-01-01-01-01-01-02.wav",
      "Actor_02/notes.wav",
    ]);
    const index = await fromFolder(directory, { label: RAVDESS });
    assert.deepEqual(found(index), [
      ["Actor_01/03-01-06-01-02-01-01.wav", "06", "01"],
      ["Actor_02/03-01-01-01-01-01-02.wav", "01", "02"],
    ]);
    assert.match(index.warnings![0]!.message, /^files: 1 left out, expected names such as .*\(Actor_02\/notes\.wav\)/);
    const dataset = new SimpleAudioClassificationDataset(directory, "set");
    const names = { "06": "fearful", "01": "neutral" };
    await dataset.generateRecords({ ...quiet, index, classes: { merge: names } });
    await dataset.load({ trainSplit: 1, valSplit: 0, testSplit: 0 });
    assert.deepEqual(dataset.labels, ["neutral", "fearful"]);
  });

  it("a pattern of the path, a function, folders of splits above; mistakes", async (t) => {
    const directory = set(t, ["train/s1/dog_1.wav", "test/s2/cat_1.wav"]);
    assert.deepEqual(found(await fromFolder(directory, { label: "{side}/{group}/{class}_{n}.wav" })), [
      ["test/s2/cat_1.wav", "cat", "s2", "test"],
      ["train/s1/dog_1.wav", "dog", "s1", "train"],
    ]);
    const dogs = await fromFolder(directory, { label: (file) => /dog/.exec(file)?.[0] });
    assert.deepEqual(found(dogs), [["train/s1/dog_1.wav", "dog", "train"]]);
    await assert.rejects(fromFolder(directory, { label: "{name}.wav" }), { code: "OPTION", message: /no \{class\}/ });
    await assert.rejects(fromFolder(directory, { label: "{class}-{x}.wav" }), {
      code: "INDEX",
      message: /expected names such as/,
    });
  });
});

describe("symbolic links", () => {
  it("are followed within the folder; those out of it, broken ones and circles are reported", async (t) => {
    const directory = set(t, ["in/all/a.wav", "in/all/b.wav", "elsewhere/c.wav"]);
    const link = (target: string, name: string): void => {
      mkdirSync(dirname(join(directory, name)), { recursive: true });
      symlinkSync(target, join(directory, name));
    };
    link("../../all/a.wav", "in/classes/dog/a.wav");
    link("../all", "in/classes/all");
    link("../../../elsewhere/c.wav", "in/classes/dog/c.wav");
    link("nothing.wav", "in/classes/dog/d.wav");
    link("..", "in/classes/dog/up");
    link("self.wav", "in/classes/dog/self.wav");
    const index = await fromFolder(directory, { folder: "classes" });
    assert.deepEqual(found(index), [
      ["classes/all/a.wav", "all"],
      ["classes/all/b.wav", "all"],
      ["classes/dog/a.wav", "dog"],
    ]);
    assert.deepEqual(
      index.warnings!.map(({ message }) => message),
      [
        "files: 4 left out, symbolic links out of the folder, to nothing or in a circle, expected those within it (dog/c.wav, dog/d.wav, dog/self.wav, dog/up)",
      ],
    );
    const report = await new SimpleAudioClassificationDataset(directory, "set").check({ index, ...quiet });
    assert.ok(report.ok, String(report));
  });
});

describe("classes while recording", () => {
  const sounds = ["s/dog/a.wav", "s/puppy/b.wav", "s/cat/c.wav", "s/noise/d.wav"];
  const classes = { merge: { puppy: "dog", cat: "feline" }, drop: ["noise"] };

  it("are merged, renamed and dropped; check and the manifest say so", async (t) => {
    const directory = set(t, sounds);
    const index = await fromFolder(directory, { folder: "s" });
    const dataset = new SimpleAudioClassificationDataset(directory, "set");
    const report = await dataset.check({ ...quiet, index, classes });
    assert.deepEqual(
      report.problems.map(({ message }) => message),
      ["sounds of classes that are dropped: 1, not taken (file names)"],
    );
    await dataset.generateRecords({ ...quiet, index, classes });
    await dataset.load({ trainSplit: 1, valSplit: 0, testSplit: 0 });
    assert.deepEqual(dataset.labels, ["feline", "dog"]);
    assert.deepEqual(dataset.records.names, ["s/cat/c.wav", "s/dog/a.wav", "s/puppy/b.wav"]);
    assert.deepEqual([...dataset.records.values!], [1, 0, 0, 1, 0, 1]);
  });

  it("of several a sound: those that are left stay, and unlabelled sounds are kept", async (t) => {
    const directory = set(t, sounds, { "m.csv": "f,tags\ns/dog/a.wav,dog puppy noise\ns/cat/c.wav,noise\n" });
    const index = await fromCsv(directory, "m.csv", { file: "f", labels: "tags", separator: " " });
    const dataset = new SimpleAudioClassificationDataset(directory, "set");
    await dataset.generateRecords({ ...quiet, index, classes: { merge: { puppy: "dog" }, drop: ["noise"] } });
    await dataset.load({ trainSplit: 1, valSplit: 0, testSplit: 0 });
    assert.deepEqual([dataset.labels, [...dataset.records.values!]], [["dog"], [1]]);
  });

  it("of events: their sounds stay", async (t) => {
    const directory = set(t, ["a.wav", "b.wav"], {
      "t.csv": "file,onset,offset,label\na.wav,0,0.5,dog\na.wav,0.5,1,puppy\nb.wav,0,1,noise\n",
    });
    const index = await fromEvents(directory, "t.csv");
    const dataset = new AudioClassificationDataset(directory, "set");
    await dataset.generateRecords({ ...quiet, index, classes: { merge: { puppy: "dog" }, drop: ["noise"] } });
    await dataset.load({ inputSize: 2000, trainSplit: 1, valSplit: 0, testSplit: 0 });
    const events = await Promise.all([0, 1].map(async (i) => [...(await dataset.example(i)).events!.on]));
    assert.deepEqual([dataset.labels, events], [["dog"], [[0, 4000], []]]);
  });

  it("that aren't there, or all of them, are refused, and so are sets without classes", async (t) => {
    const directory = set(t, sounds);
    const index = await fromFolder(directory, { folder: "s" });
    const refused = (given: object, message: RegExp): Promise<void> =>
      assert.rejects(
        new SimpleAudioClassificationDataset(directory, "set").generateRecords({ ...quiet, index, classes: given }),
        {
          code: "OPTION",
          message,
        },
      );
    await refused({ drop: ["dogs"] }, /^classes: "dogs", expected one of "cat", "dog", "noise", "puppy"/);
    await refused({ drop: ["dog", "puppy", "cat", "noise"] }, /^classes: all dropped/);
    await refused({ rename: {} }, /option "rename", expected one of merge, drop/);
    const pairs = await fromCsv(set(t, ["a.wav"], { "p.csv": "a,b\na.wav,a.wav\n" }), "p.csv", {
      file: "a",
      target: "b",
    });
    await assert.rejects(new AudioDataset(directory, "p").check({ index: pairs, classes }), {
      message: /kind pairs without names/,
    });
  });
});
