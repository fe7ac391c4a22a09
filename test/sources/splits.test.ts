import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { WaveFile } from "wavefile";
import { checkDataset } from "../../dist/check/check.js";
import { folderInfo } from "../../dist/check/folder-info.js";
import { fromCsv, fromFolder, joinIndexes, SimpleAudioClassificationDataset } from "../../dist/index.js";
import { readIndex } from "../../dist/sources/index-csv.js";
import { folder } from "../support/records.js";

// The splits that sets come with: which side a name means, and what is said where they can't be used.

/** A folder of small sounds and texts. */
function set(t: TestContext, sounds: readonly string[], texts: Record<string, string>): string {
  const directory = folder(t);
  for (const [k, name] of sounds.entries()) {
    const wav = new WaveFile();
    wav.fromScratch(
      1,
      8000,
      "16",
      Array.from({ length: 100 }, (_, i) => Math.round(9000 * Math.sin((i * (k + 1)) / 30))),
    );
    mkdirSync(dirname(join(directory, name)), { recursive: true });
    writeFileSync(join(directory, name), wav.toBuffer());
  }
  for (const [name, text] of Object.entries(texts)) writeFileSync(join(directory, name), text);
  return directory;
}

const LABELS = "s0.wav,1,0\ns1.wav,0,1\ns2.wav,1,0\n";
const three = (end = "wav", before = ""): string[] => [0, 1, 2].map((i) => `${before}s${i}.${end}`);

describe("names of splits", () => {
  const cases: [names: string[], sides: string[]][] = [
    [
      ["train", "dev", "test"],
      ["train", "validate", "test"],
    ],
    [
      ["Training", "Development", "eval"],
      ["train", "validate", "test"],
    ],
    [
      ["dev", "eval", "dev"],
      ["train", "test", "train"],
    ],
    [
      ["dev", "val", "test"],
      ["train", "validate", "test"],
    ],
  ];
  for (const [names, sides] of cases) {
    it(`${names} is ${sides}`, async (t) => {
      const rows = names.map((name, i) => `s${i}.wav,a,${name}\n`).join("");
      const directory = set(t, [], { "m.csv": `path,label,split\n${rows}` });
      const index = await fromCsv(directory, "m.csv", { file: "path", label: "label", split: "split" });
      assert.deepEqual(
        index.rows.map(({ split }) => split),
        sides,
      );
    });
  }

  it("what every object has is no split", async (t) => {
    const directory = set(t, [], { "m.csv": "path,label,split\ns0.wav,a,constructor\ns1.wav,a,__proto__\n" });
    const options = { file: "path", label: "label", split: "split" };
    await assert.rejects(fromCsv(directory, "m.csv", options), {
      code: "INDEX",
      message: /split "constructor": expected train, validate or test.*\(m\.csv:2\)\n.*split "__proto__".*\(m\.csv:3\)/,
    });
  });
});

describe("columns of splits", () => {
  for (const column of ["split", "Split", "subset", "set", "partition", "Fold", "usage"]) {
    it(`${column} is used without being named`, async (t) => {
      const rows = "s0.wav,a,train\ns1.wav,b,dev\ns2.wav,a,test\n";
      const directory = set(t, three(), { "m.csv": `path,label,${column}\n${rows}` });
      const index = await fromCsv(directory, "m.csv", { file: "path", label: "label" });
      assert.deepEqual(
        index.rows.map(({ split }) => split),
        ["train", "validate", "test"],
      );
      assert.equal(index.warnings, undefined);
    });
  }

  for (const [column, cells, sides] of [
    ["is_test", ["0", "1", "0"], ["train", "test", "train"]],
    ["isTrain", ["true", "False", "true"], ["train", "test", "train"]],
    ["is_validation", ["yes", "no", "no"], ["validate", "train", "train"]],
  ] as const) {
    it(`${column} of ${cells} is used, named or not, in a table and in metadata`, async (t) => {
      const rows = cells.map((cell, i) => `s${i}.wav,${i % 2 ? "a" : "b"},${cell}\n`).join("");
      const directory = set(t, three(), { "m.csv": `path,label,${column}\n${rows}` });
      const options = { file: "path", label: "label" };
      for (const each of [options, { ...options, split: column }]) {
        const index = await fromCsv(directory, "m.csv", each);
        assert.deepEqual(
          index.rows.map(({ split }) => split),
          sides,
        );
        assert.equal(index.warnings, undefined);
      }
      const { split } = await folderInfo(directory);
      assert.deepEqual(
        split,
        Object.fromEntries(["train", "validate", "test"].map((side) => [side, sides.filter((s) => s === side).length])),
      );
    });
  }

  it("two of ones and zeros are named in a warning, since one alone doesn't tell three sides", async (t) => {
    const rows = "s0.wav,a,0,0\ns1.wav,b,1,0\ns2.wav,a,0,1\n";
    const directory = set(t, three(), { "m.csv": `path,label,is_val,is_test\n${rows}` });
    const index = await fromCsv(directory, "m.csv", { file: "path", label: "label" });
    assert.match(index.warnings![0]!.message, /^column "is_val": "0", "1", expected train, validate or test/);
  });

  it("one of fold numbers is named in the report with what to pass; as the group it is used", async (t) => {
    const rows = "s0.wav,a,1\ns1.wav,b,2\ns2.wav,a,10\n";
    const directory = set(t, three(), { "m.csv": `path,label,fold\n${rows}` });
    const index = await fromCsv(directory, "m.csv", { file: "path", label: "label" });
    const report = await new SimpleAudioClassificationDataset(directory, "m").check({ index: joinIndexes(index) });
    assert.equal(report.ok, true);
    assert.deepEqual(
      report.warnings.map(({ message }) => message),
      [
        'column "fold": "1", "2", "10", expected train, validate or test (m.csv:1); if they are folds, pass group: "fold"',
      ],
    );
    const grouped = await fromCsv(directory, "m.csv", { file: "path", label: "label", group: "fold" });
    assert.equal(grouped.warnings, undefined);
  });

  it("one of something else is left alone", async (t) => {
    const directory = set(t, [], {
      "m.csv": "path,label,subset,set,by\ns0.wav,a,small,A,train\ns1.wav,b,large,B,train\n",
    });
    const index = await fromCsv(directory, "m.csv", { file: "path", label: "label" });
    assert.deepEqual([index.warnings, index.rows[0]!.split], [undefined, undefined]);
  });

  it("metadata's are used by the same names", async (t) => {
    const directory = set(t, [], {
      dataset: LABELS,
      "meta.csv": "file,Subset\ns0.wav,train\ns1.wav,dev\ns2.wav,test\n",
    });
    const { rows, warnings } = await readIndex(directory, "dataset", "classes", { metadata: "meta.csv" });
    assert.deepEqual(
      rows.map(({ split }) => split),
      ["train", "validate", "test"],
    );
    assert.equal(warnings, undefined);
  });
});

describe("names in metadata", () => {
  for (const [what, names] of [
    ["the inputs' folder before the name", three("wav", "in/")],
    ["no extension", ["s0", "s1", "s2"]],
    ["another extension", three("mp3")],
  ] as const) {
    it(`${what}: the same file is meant`, async (t) => {
      const sides = ["train", "val", "test"];
      const rows = names.map((name, i) => `${name},${sides[i]}\n`).join("");
      const directory = set(t, three("wav", "in/"), { dataset: LABELS, "meta.csv": `file,split\n${rows}` });
      const report = await checkDataset(directory, "dataset", "classes", { metadata: "meta.csv" });
      assert.deepEqual(
        report.sound.rows.map(({ split }) => split),
        ["train", "validate", "test"],
      );
      assert.deepEqual(report.counts, {});
    });
  }

  it("none is an input: an error with the nearest", async (t) => {
    const rows = "X9,train\n/data/clips/S1.wav,train\nX7,test\nX6,test\n";
    const directory = set(t, three("wav", "in/"), { dataset: LABELS, "meta.csv": `file,split\n${rows}` });
    const report = await checkDataset(directory, "dataset", "classes", { metadata: "meta.csv" });
    assert.equal(
      report.errors.map(({ message }) => message).join("\n"),
      'metadata: 4 of 4 names are no input: "X9", "/data/clips/S1.wav", "X7", …; ' +
        'expected the inputs\' names such as "s0.wav" (meta.csv); did you mean "s1.wav" by "/data/clips/S1.wav"?',
    );
    await assert.rejects(readIndex(directory, "dataset", "classes", { metadata: "meta.csv" }), { code: "INDEX" });
  });

  it("some are no input, some inputs have none: warnings", async (t) => {
    const meta = { "s0.wav": { split: "train" }, "s1.wav": { group: "g" }, "X2.wav": { split: "test" } };
    const directory = set(t, three(), { dataset: LABELS, "dataset.metadata.json": JSON.stringify(meta) });
    const report = await checkDataset(directory, "dataset", "classes");
    assert.equal(report.ok, true);
    assert.deepEqual(
      report.warnings.map(({ kind, message }) => `${kind} ${message}`),
      [
        'unmatched metadata: 1 of 3 names are no input: "X2.wav"; expected the inputs\' names such as "s0.wav" (dataset.metadata.json)',
        'unmatched inputs: 1 of 3 without metadata: "s2.wav"; expected all (dataset.metadata.json)',
        "split split: none for 2 of 3 inputs, expected one for all (dataset.metadata.json); without one they train",
      ],
    );
    assert.equal((await readIndex(directory, "dataset", "classes")).rows.length, 3);
  });

  it("a name or a field twice is an error, unless both lines say the same", async (t) => {
    const read = (text: string): Promise<unknown> => {
      const directory = set(t, three(), { dataset: LABELS, "meta.csv": text });
      return readIndex(directory, "dataset", "classes", { metadata: "meta.csv" });
    };
    await assert.rejects(read("file,split\ns0.wav,train\ns1.wav,test\ns2.wav,test\ns0.wav,test\n"), {
      code: "INDEX",
      message: 'metadata of "s0.wav": twice and not the same, expected one line (meta.csv:5)',
    });
    await assert.rejects(read("file,split,split\ns0.wav,train,test\n"), {
      message: 'metadata meta.csv: field "split" twice, expected once (meta.csv:1)',
    });
    await read("file,split\ns0.wav,train\ns1.wav,test\ns2.wav,test\ns0.wav,train\n");
  });

  it("folds by number are named with what to pass", async (t) => {
    const directory = set(t, three(), { dataset: LABELS, "meta.csv": "file,fold\ns0.wav,1\ns1.wav,2\ns2.wav,1\n" });
    const report = await checkDataset(directory, "dataset", "classes", { metadata: "meta.csv" });
    assert.deepEqual(
      report.warnings.map(({ message }) => message),
      ['field "fold": "1", "2", expected train, validate or test (meta.csv); if they are folds, pass groupBy: "fold"'],
    );
    assert.ok((await checkDataset(directory, "dataset", "classes", { metadata: "meta.csv", groupBy: "fold" })).ok);
  });
});

it("folders of splits with the classes below", async (t) => {
  const files = ["train/cat/x.wav", "train/dog/x.wav", "dev/dog/x.wav", "test/cat/x.wav"];
  const index = await fromFolder(set(t, files, {}));
  assert.deepEqual(index.labels, ["cat", "dog"]);
  assert.deepEqual(
    index.rows.map(({ input, split, values }) => [input, split, values]),
    [
      ["dev/dog/x.wav", "validate", [0, 1]],
      ["test/cat/x.wav", "test", [1, 0]],
      ["train/cat/x.wav", "train", [1, 0]],
      ["train/dog/x.wav", "train", [0, 1]],
    ],
  );
});

it("folders of splits below the classes", async (t) => {
  const index = await fromFolder(set(t, ["cat/train/x.wav", "cat/test/x.wav", "dog/dev/1/x.wav"], {}));
  assert.deepEqual(
    [index.labels, index.rows.map(({ input, split }) => [input, split])],
    [
      ["cat", "dog"],
      [
        ["cat/test/x.wav", "test"],
        ["cat/train/x.wav", "train"],
        ["dog/dev/1/x.wav", "validate"],
      ],
    ],
  );
  const one = await fromFolder(set(t, ["cat/train/x.wav", "dog/train/x.wav"], {}));
  assert.deepEqual([one.rows[0]!.split, one.warnings], [undefined, undefined]);
});

it("folders called as splits are with the files right in them are no classes, unless it is said", async (t) => {
  const directory = set(t, ["train/a_1.wav", "test/b_2.wav"], {});
  await assert.rejects(fromFolder(directory), {
    code: "INDEX",
    message:
      'folders "test", "train": splits, expected a folder per class in each (test/b_2.wav); ' +
      'pass label where the names of the files say the class, or pass classes: ["test","train"] if these are classes',
  });
  const named = await fromFolder(directory, { label: "{class}_{n}.wav" });
  assert.deepEqual(
    [named.labels, named.rows.map(({ split }) => split)],
    [
      ["a", "b"],
      ["test", "train"],
    ],
  );
  const meant = await fromFolder(directory, { classes: ["test", "train"] });
  assert.deepEqual([meant.labels, meant.warnings], [["test", "train"], undefined]);
});

it("a class that is called as a split is gets a warning; a train is a sound", async (t) => {
  const { labels, warnings } = await fromFolder(set(t, ["cat/x.wav", "Validation/x.wav"], {}));
  assert.deepEqual(labels, ["Validation", "cat"]);
  assert.deepEqual(
    warnings!.map(({ message }) => message),
    [
      'folders "Validation": names of splits, taken as classes; pass classes: ["Validation","cat"], with or without them',
    ],
  );
  assert.equal((await fromFolder(set(t, ["bus/x.wav", "train/x.wav"], {}))).warnings, undefined);
});

it("lists in cells are the classes in them", async (t) => {
  const rows = `s0.wav,"['abc', 'd, ef']"\ns1.wav,"[""abc""]"\n`;
  const { labels } = await fromCsv(set(t, [], { "m.csv": `file,tags\n${rows}` }), "m.csv", {
    file: "file",
    labels: "tags",
  });
  assert.deepEqual(labels, ["abc", "d, ef"]);
});

it("numbers of classes in one column are a warning with what to pass", async (t) => {
  const directory = set(t, three(), { dataset: "file,class\ns0.wav,0\ns1.wav,1\ns2.wav,2\n" });
  const { warnings } = await checkDataset(directory, "dataset", "classes");
  assert.match(
    String(warnings[0]?.message),
    /^label: whole numbers to 2 in one column, expected a column per class.*fromCsv/,
  );
});

it("a list of a side that is undefined is one that wasn't given", async (t) => {
  const directory = set(t, ["in/no/b.wav", "in/yes/c.wav", "in/yes/d.wav"], { "t.txt": "no/b.wav\n" });
  // As a plain JavaScript program may pass it.
  const splits = { validate: undefined, test: "t.txt" } as unknown as { test: string };
  const index = await fromFolder(directory, { splits });
  assert.deepEqual(
    index.rows.map(({ input, split }) => `${input} ${split}`),
    ["no/b.wav test", "yes/c.wav train", "yes/d.wav train"],
  );
  assert.deepEqual(index.besides, ["t.txt"]);
  const dataset = new SimpleAudioClassificationDataset(directory, "set");
  await dataset.generateRecords({ index, onProgress: false, workers: 1 });
});
