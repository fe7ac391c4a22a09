import assert from "node:assert/strict";
import { cpSync, mkdirSync, mkdtempSync, renameSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { DatasetError } from "../../dist/core/error.js";
import { fromCsv } from "../../dist/sources/from-csv.js";
import { joinIndexes } from "../../dist/sources/join-indexes.js";
import { fromFolder } from "../../dist/sources/from-folder.js";
import { readIndex } from "../../dist/sources/index-csv.js";
import { OCTAVE_UP, pairBy } from "../../dist/sources/from-names.js";
import { writeIndex } from "../../dist/sources/write-index-csv.js";
import { root } from "../support/python.js";
import type { DatasetIndex } from "../../dist/core/rows.js";

/** A folder with these files: a name alone is an empty file, a pair has its text. */
function layout(files: (string | [string, string])[]): string {
  const directory = mkdtempSync(join(tmpdir(), "layout-"));
  for (const file of files) {
    const [name, text] = typeof file === "string" ? [file, ""] : file;
    mkdirSync(dirname(join(directory, name)), { recursive: true });
    writeFileSync(join(directory, name), text);
  }
  return directory;
}

async function failure(work: Promise<unknown>): Promise<DatasetError> {
  try {
    await work;
  } catch (error) {
    assert.ok(error instanceof DatasetError, String(error));
    return error;
  }
  return assert.fail("expected a DatasetError");
}

/** What is read back after writing the index as the dataset's csv. */
async function roundTrip(directory: string, index: DatasetIndex): Promise<DatasetIndex> {
  await writeIndex(directory, "set", index);
  return readIndex(directory, "set", index.kind);
}

test("the octave rule finds the pairs of the original's PianoDataset", async () => {
  const original = join(root, "test/fixtures/original/piano");
  const directory = mkdtempSync(join(tmpdir(), "piano-"));
  cpSync(join(original, "in"), join(directory, "in"), { recursive: true });
  const index = await pairBy(directory, OCTAVE_UP, { unpaired: "skip", group: "{prefix}" });
  const theirs = (await readIndex(original, "dataset", "pairs")).rows.map((row) => `${row.input} ${row.target}`).sort();
  assert.deepEqual(index.rows.map((row) => `${row.input} ${row.target}`).sort(), theirs);
  assert.equal(index.targetFolder, "in");
  assert.equal(index.rows[0]?.group, "mypiano_v01_");
  assert.deepEqual(
    (await roundTrip(directory, index)).rows.map((row) => [row.input, row.target, row.group]),
    index.rows.map((row) => [row.input, row.target, row.group]),
  );
});

test("names of any length, one-digit notes, spaces, hidden files: nothing breaks, a missing target is said", async () => {
  const directory = layout([
    "in/a 1_5.wav",
    "in/a 1_17.wav",
    "in/05.wav",
    "in/017.wav",
    "in/17.wav",
    "in/.hidden_5.wav",
    "in/notes.txt",
    "in/nothing.wav",
  ]);
  const index = await pairBy(directory, OCTAVE_UP, { unpaired: "skip" });
  assert.deepEqual(
    index.rows.map((row) => [row.input, row.target]),
    [
      ["05.wav", "17.wav"],
      ["a 1_5.wav", "a 1_17.wav"],
    ],
  );
  const error = await failure(pairBy(directory, OCTAVE_UP));
  assert.equal(error.code, "INDEX");
  assert.match(error.message, /target "29\.wav": not found \(of 17\.wav\); pass unpaired: "skip"/);
  assert.equal(error.problems.length, 3);
});

test("patterns and functions pair any names", async () => {
  const directory = layout([
    "in/noisy_s1_a.wav",
    "in/noisy_s2_b.wav",
    "in/clean_x.wav",
    "out/clean_s1_a.wav",
    "out/clean_s2_b.wav",
  ]);
  const byPattern = await pairBy(
    directory,
    { input: "noisy_{speaker}_{id}.wav", target: "clean_{speaker}_{id}.wav" },
    { group: "{speaker}" },
  );
  assert.deepEqual(
    byPattern.rows.map((row) => [row.input, row.target, row.group]),
    [
      ["noisy_s1_a.wav", "clean_s1_a.wav", "s1"],
      ["noisy_s2_b.wav", "clean_s2_b.wav", "s2"],
    ],
  );
  const byFunction = await pairBy(directory, (name) =>
    name.startsWith("noisy") ? name.replace("noisy", "clean") : undefined,
  );
  assert.deepEqual(
    byFunction.rows.map((row) => row.target),
    byPattern.rows.map((row) => row.target),
  );
  assert.equal((await failure(pairBy(directory, { input: "x", target: "y" }))).code, "OPTION");
  assert.equal((await failure(pairBy(directory, { input: "{a}.wav", target: "{b}.wav" }))).code, "OPTION");
  assert.match(
    (await failure(pairBy(directory, { input: "no{n}.flac", target: "{n}.flac" }))).message,
    /none of 3 files fits/,
  );
  assert.equal((await failure(pairBy(directory, (name) => `../${name}`))).problems[0]?.kind, "outside");
});

test("Speech Commands: classes by folder, the publisher's lists as splits, speakers as groups", async () => {
  const directory = layout([
    "yes/0a7c2a8d_nohash_0.wav",
    "yes/0a7c2a8d_nohash_1.wav",
    "yes/1bc45db9_nohash_0.wav",
    "no/0a7c2a8d_nohash_0.wav",
    "no/3cdecb0b_nohash_0.wav",
    "_background_noise_/white_noise.wav",
    ["README.md", "words"],
    ["validation_list.txt", "yes/1bc45db9_nohash_0.wav\n"],
    ["testing_list.txt", "no/3cdecb0b_nohash_0.wav\n"],
  ]);
  const splits = { validate: "validation_list.txt", test: "testing_list.txt" };
  const group = (file: string): string => file.split("/")[1]!.split("_")[0]!;
  const index = await fromFolder(directory, { splits, group });
  assert.deepEqual(index.labels, ["no", "yes"]);
  assert.deepEqual(
    index.warnings?.map(({ message }) => message),
    [
      "files: 1 left out, in folders whose names begin with _, which are classes where `classes` names them (_background_noise_/white_noise.wav)",
    ],
  );
  assert.deepEqual(
    index.rows.map((row) => [row.input, row.values, row.split, row.group]),
    [
      ["no/0a7c2a8d_nohash_0.wav", [1, 0], "train", "0a7c2a8d"],
      ["no/3cdecb0b_nohash_0.wav", [1, 0], "test", "3cdecb0b"],
      ["yes/0a7c2a8d_nohash_0.wav", [0, 1], "train", "0a7c2a8d"],
      ["yes/0a7c2a8d_nohash_1.wav", [0, 1], "train", "0a7c2a8d"],
      ["yes/1bc45db9_nohash_0.wav", [0, 1], "validate", "1bc45db9"],
    ],
  );
  const read = await roundTrip(directory, index);
  assert.deepEqual(read.rows, index.rows);
  assert.deepEqual(read.labels, index.labels);
  writeFileSync(join(directory, "testing_list.txt"), "no/gone.wav\nyes/1bc45db9_nohash_0.wav\n");
  const error = await failure(fromFolder(directory, { splits }));
  assert.deepEqual(
    error.problems.map((p) => p.message),
    [
      'file "no/gone.wav": not found, expected one of a class (testing_list.txt:1)',
      'file "yes/1bc45db9_nohash_0.wav": is in validate already, expected once (testing_list.txt:2)',
    ],
  );
});

test("GTZAN: folders of genres, or its table of features", async () => {
  const header = "filename,length,chroma_stft_mean,tempo,label";
  const csv = `${header}\nblues.00000.wav,661794,0.35008,123.04,blues\njazz.00054.wav,661794,0.3,99.3,jazz\n`;
  const directory = layout([
    "genres_original/blues/blues.00000.wav",
    "genres_original/jazz/jazz.00054.wav",
    ["features_30_sec.csv", csv],
  ]);
  const folders = await fromFolder(directory, { folder: "genres_original" });
  const table = await fromCsv(directory, "features_30_sec.csv", {
    file: "genres_original/{label}/{filename}",
    label: "label",
  });
  assert.deepEqual(folders.labels, ["blues", "jazz"]);
  assert.deepEqual(table.rows, folders.rows);
  assert.deepEqual(table.labels, folders.labels);
  const tempo = await fromCsv(directory, "features_30_sec.csv", {
    file: "genres_original/{label}/{filename}",
    values: ["tempo", "length"],
  });
  assert.deepEqual(tempo.rows[0]?.values, [123.04, 661794]);
  assert.deepEqual((await roundTrip(directory, tempo)).labels, ["tempo", "length"]);
  const some = await fromFolder(directory, { folder: "genres_original", classes: ["jazz", "blues"] });
  assert.deepEqual(some.rows[0]?.values, [0, 1]);
});

test("ESC-50: one class a file, its five folds as groups", async () => {
  const csv = `filename,fold,target,category,esc10,src_file,take
1-100032-A-0.wav,1,0,dog,True,100032,A
1-100038-A-14.wav,1,14,chirping_birds,False,100038,A
2-100648-A-43.wav,2,43,car_horn,False,100648,A
`;
  const directory = layout([
    ["meta/esc50.csv", csv],
    "audio/1-100032-A-0.wav",
    "audio/1-100038-A-14.wav",
    "audio/2-100648-A-43.wav",
  ]);
  const index = await fromCsv(directory, "meta/esc50.csv", {
    file: "audio/{filename}",
    label: "category",
    group: "fold",
  });
  assert.deepEqual(index.labels, ["car_horn", "chirping_birds", "dog"]);
  assert.deepEqual(
    index.rows.map((row) => [row.input, row.values, row.group]),
    [
      ["audio/1-100032-A-0.wav", [0, 0, 1], "1"],
      ["audio/1-100038-A-14.wav", [0, 1, 0], "1"],
      ["audio/2-100648-A-43.wav", [1, 0, 0], "2"],
    ],
  );
  const small = await fromCsv(directory, "meta/esc50.csv", {
    file: "audio/{filename}",
    label: "category",
    where: (row) => row.esc10 === "True",
  });
  assert.deepEqual(small.labels, ["dog"]);
  assert.deepEqual(
    (await roundTrip(directory, index)).rows.map((row) => row.group),
    ["1", "1", "2"],
  );
});

test("FSD50K: several classes a file, two tables joined", async () => {
  const dev = `fname,labels,mids,split
64760,"Electric_guitar,Guitar,Plucked_string_instrument,Musical_instrument,Music","/m/02sgy,/m/0342h,/m/0fx80y,/m/04szw,/m/04rlf",train
16399,"Electric_guitar,Guitar","/m/02sgy,/m/0342h",val
`;
  const evaluation = `fname,labels,mids\n37199,"Electric_guitar,Thump_and_thud","/m/02sgy,/m/07qnq_y"\n`;
  const directory = layout([
    ["FSD50K.ground_truth/dev.csv", dev],
    ["FSD50K.ground_truth/eval.csv", evaluation],
  ]);
  const index = joinIndexes(
    await fromCsv(directory, "FSD50K.ground_truth/dev.csv", {
      file: "FSD50K.dev_audio/{fname}.wav",
      labels: "labels",
      split: "split",
    }),
    await fromCsv(directory, "FSD50K.ground_truth/eval.csv", {
      file: "FSD50K.eval_audio/{fname}.wav",
      labels: "labels",
      side: "test",
    }),
  );
  assert.deepEqual(index.labels, [
    "Electric_guitar",
    "Guitar",
    "Music",
    "Musical_instrument",
    "Plucked_string_instrument",
    "Thump_and_thud",
  ]);
  assert.deepEqual(
    index.rows.map((row) => [row.id, row.input, row.values, row.split]),
    [
      [0, "FSD50K.dev_audio/64760.wav", [1, 1, 1, 1, 1, 0], "train"],
      [1, "FSD50K.dev_audio/16399.wav", [1, 1, 0, 0, 0, 0], "validate"],
      [2, "FSD50K.eval_audio/37199.wav", [1, 0, 0, 0, 0, 1], "test"],
    ],
  );
  const read = await roundTrip(directory, index);
  assert.deepEqual(
    read.rows.map((row) => [row.values, row.split]),
    index.rows.map((row) => [row.values, row.split]),
  );
});

test("MAESTRO: a MIDI file beside each recording", async () => {
  const csv = `canonical_composer,canonical_title,split,year,midi_filename,audio_filename,duration
Alban Berg,Sonata Op. 1,train,2018,2018/a.midi,2018/a.wav,698.66
Alexander Scriabin,"24 Preludes Op. 11, No. 13-24",validation,2004,2004/b.midi,2004/b.wav,759.51
`;
  const directory = layout([["maestro-v3.0.0.csv", csv]]);
  const index = await fromCsv(directory, "maestro-v3.0.0.csv", {
    file: "audio_filename",
    keys: "midi_filename",
    split: "split",
    group: "canonical_title",
  });
  assert.deepEqual(index.rows[1], {
    id: 1,
    line: 3,
    input: "2004/b.wav",
    keys: "2004/b.midi",
    group: "24 Preludes Op. 11, No. 13-24",
    split: "validate",
  });
  assert.equal(index.kind, "frames");
});

test("every bad row of a csv is reported at once", async () => {
  const csv =
    "file;class;where\na.wav;dog;train\n../b.wav;cat;train\na.wav;cat;test\nc.wav;;test\nd.wav;cat;nowhere\ne.wav;cat\n";
  const directory = layout([["t.csv", csv]]);
  const error = await failure(
    fromCsv(directory, "t.csv", { file: "file", label: "class", split: "where", delimiter: ";" }),
  );
  assert.deepEqual(error.problems.map((p) => `${p.line} ${p.kind}`).sort(), [
    "3 outside",
    "4 duplicate",
    "5 labels",
    "6 split",
    "7 columns",
  ]);
  assert.match(
    (await failure(fromCsv(directory, "t.csv", { file: "file", label: "class" }))).message,
    /column "file": not in t\.csv, expected one of file;class;where/,
  );
  assert.equal((await failure(fromCsv(directory, "t.csv", { file: "file" }))).code, "OPTION");
  assert.equal(
    (await failure(fromCsv(directory, "t.csv", { file: "file", label: "a", values: ["b"] }))).code,
    "OPTION",
  );
  assert.equal((await failure(fromCsv(directory, "gone.csv", { file: "file", label: "a" }))).code, "FILE");
  const bare = layout([["v.csv", "a.wav,dog\nb.wav,cat\n"]]);
  const index = await fromCsv(bare, "v.csv", { columns: ["f", "c"], file: "f", label: "c" });
  assert.deepEqual(index.labels, ["cat", "dog"]);
  const unknown = await failure(
    fromCsv(bare, "v.csv", { columns: ["f", "c"], file: "f", label: "c", classes: ["dog"] }),
  );
  assert.match(unknown.message, /class "cat": unknown, expected one of the 1 given \(v\.csv:2\)/);
});

test("of the publisher's lists, lines of classes that weren't chosen are skipped and counted", async () => {
  const words = ["yes", "no", "bed"].flatMap((word) => [0, 1].map((k) => `${word}/a${k}_nohash_0.wav`));
  const list = ["yes/a1_nohash_0.wav", "bed/a1_nohash_0.wav", "bed/a0_nohash_0.wav"];
  const directory = layout([...words, ["list.txt", `${list.join("\n")}\n`]]);
  const index = await fromFolder(directory, { classes: ["yes", "no"], splits: { validate: "list.txt" } });
  assert.deepEqual(
    index.rows.map((row) => [row.input, row.split]),
    [
      ["no/a0_nohash_0.wav", "train"],
      ["no/a1_nohash_0.wav", "train"],
      ["yes/a0_nohash_0.wav", "train"],
      ["yes/a1_nohash_0.wav", "validate"],
    ],
  );
  assert.deepEqual(
    index.warnings?.map(({ kind, line, message }) => [kind, line, message]),
    [["skipped", 2, "files of other classes: 2 lines, not taken (list.txt:2)"]],
  );
});

test("Common Voice: quotes are text where asked for, and the error says so", async () => {
  const rows = ['s1\ta.wav\tHe said "no" to it\tmale', 's2\tb.wav\t"No," he said.\tfemale'];
  const directory = layout([["train.tsv", `client_id\tpath\tsentence\tgender\n${rows.join("\n")}\n`]]);
  const options = { file: "clips/{path}", label: "gender", delimiter: "\t" };
  const index = await fromCsv(directory, "train.tsv", { ...options, quote: false });
  assert.deepEqual(
    index.rows.map((row) => [row.input, row.values]),
    [
      ["clips/a.wav", [0, 1]],
      ["clips/b.wav", [1, 0]],
    ],
  );
  const { message } = await failure(fromCsv(directory, "train.tsv", options));
  assert.match(message, /quote.*\(train\.tsv:2\); if quotes are text in it, pass quote: false$/);
});

test("a cell that holds a list is no class name", async () => {
  const directory = layout([
    ["t.csv", `f,c\na.wav,"['abcd']"\nb.wav,"['abcd', 'e']"\nc.wav,[live]\nd.wav,"('abcd',)"\n`],
  ]);
  const error = await failure(fromCsv(directory, "t.csv", { file: "f", label: "c" }));
  assert.deepEqual(
    error.problems.map((p) => p.message),
    [
      `label "['abcd']": a list, expected one class name; pass labels: "c" in the place of label (t.csv:2)`,
      `label "['abcd', 'e']": a list, expected one class name; pass labels: "c" in the place of label (t.csv:3)`,
      `label "('abcd',)": a list, expected one class name; pass labels: "c" in the place of label (t.csv:5)`,
    ],
  );
  const index = await fromCsv(directory, "t.csv", { file: "f", labels: "c", where: ({ f }) => f !== "c.wav" });
  assert.deepEqual(index.labels, ["abcd", "e"]);
});

test("what every object has is a name like any other: in cells of split, class and group, and in columns", async () => {
  const odd = ["__proto__", "constructor", "toString", "hasOwnProperty"];
  const csv = `file,class,__proto__,where\n${odd.map((text, i) => `${i}.wav,${text},${text},${text}\n`).join("")}`;
  const directory = layout([["t.csv", csv]]);
  const columns = { file: "file", label: "class", group: "__proto__" };
  const { rows, labels } = await fromCsv(directory, "t.csv", columns);
  assert.deepEqual(labels, [...odd].sort());
  assert.deepEqual(
    rows.map((row) => row.group),
    odd,
  );
  for (const [i, row] of rows.entries()) assert.equal(labels?.[row.values?.indexOf(1) ?? -1], odd[i]);
  const error = await failure(fromCsv(directory, "t.csv", { ...columns, split: "where" }));
  assert.deepEqual(
    error.problems.map((p) => `${p.line} ${p.kind}`),
    ["2 split", "3 split", "4 split", "5 split"],
  );
});

test("where audio lies under `in`, names are relative to it", async () => {
  const directory = layout(["in/x/a.wav", "in/y/b.wav", ["list.csv", "file,class\nx/a.wav,x\n"]]);
  assert.deepEqual(
    (await fromFolder(directory)).rows.map((row) => row.input),
    ["x/a.wav", "y/b.wav"],
  );
  const index = await fromCsv(directory, "list.csv", { file: "file", label: "class" });
  assert.equal(index.inputFolder, "in");
  renameSync(join(directory, "in"), join(directory, "audio"));
  assert.equal((await failure(writeIndex(directory, "set", index))).code, "OPTION");
});
