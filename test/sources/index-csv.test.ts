import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { DatasetError } from "../../dist/core/error.js";
import { fromCsv } from "../../dist/sources/from-csv.js";
import { joinIndexes } from "../../dist/sources/join-indexes.js";
import { readIndex, scanIndex } from "../../dist/sources/index-csv.js";
import { indexText, writeIndex } from "../../dist/sources/write-index-csv.js";
import { root } from "../support/python.js";
import type { Kind } from "../../dist/core/rows.js";

/** A dataset folder with `in`, `out` and the given index. */
function folder(index: string | Uint8Array, name = "dataset"): string {
  const directory = mkdtempSync(join(tmpdir(), "pair-"));
  mkdirSync(join(directory, "in"));
  mkdirSync(join(directory, "out"));
  writeFileSync(join(directory, name), index);
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

test("reads the original's own indexes of every kind", async () => {
  const original = join(root, "test/fixtures/original");
  const pairs = await readIndex(join(original, "pairs"), "dataset", "pairs");
  assert.equal(pairs.rows.length, 24);
  assert.deepEqual(
    pairs.rows.map((row) => row.id),
    Array.from({ length: 24 }, (_, i) => i),
  );
  const simple = await readIndex(join(original, "simple"), "dataset", "classes");
  assert.deepEqual(simple.rows[0], { id: 0, line: 1, input: "a0.wav", values: [0, 0, 0, 1, 0] });
  const frames = await readIndex(join(original, "frames"), "dataset", "frames");
  assert.deepEqual(frames.rows[7], { id: 7, line: 8, input: "s7.wav", keys: "s7_key.csv" });
  const values = await readIndex(join(original, "head"), "reg", "values");
  assert.deepEqual(values.rows[0]?.values, [-1.405, -1.798]);
  const piano = await readIndex(join(original, "piano"), "dataset", "pairs");
  assert.equal(piano.targetFolder, "in");
  const digits = await readIndex(join(original, "head"), "ml.csv", "classes", {
    digits: true,
    metadata: "metadata.json",
    groupBy: "artist",
  });
  assert.deepEqual(digits.rows[0], { id: 0, line: 1, input: "a0.wav", values: [0, 0, 1, 0, 0, 1], group: "Artist 0" });
});

test("takes byte order mark, CRLF, spaces, quotes, blank lines and a header", async () => {
  const directory = folder('\uFEFFinput,target\r\n\r\n"a, b.wav" , c d.wav\r\n   \r\nå.wav,"q""r.wav"\r\n');
  const { rows } = await readIndex(directory, "dataset", "pairs");
  assert.deepEqual(rows, [
    { id: 0, line: 3, input: "a, b.wav", target: "c d.wav" },
    { id: 1, line: 5, input: "å.wav", target: 'q"r.wav' },
  ]);
});

test("the header of classes names them; without a header the first row is data", async () => {
  const named = await readIndex(folder("file,dog,cat\na.wav,1,0\nb.wav,0,1\n"), "dataset", "classes");
  assert.deepEqual(named.labels, ["dog", "cat"]);
  assert.deepEqual(named.rows[0], { id: 0, line: 2, input: "a.wav", values: [1, 0] });
  const digits = await readIndex(folder("file,0,1\na.wav,1,0\n"), "dataset", "classes");
  assert.deepEqual(digits.labels, ["0", "1"]);
  const bare = await readIndex(folder("a.wav,1,0.5\nb.wav,0,-1e-3\n"), "dataset", "values");
  assert.equal(bare.labels, undefined);
  assert.deepEqual(
    bare.rows.map((row) => row.values),
    [
      [1, 0.5],
      [0, -1e-3],
    ],
  );
  const extensionless = await readIndex(folder("a,1,0\nb,0,1\n"), "dataset", "classes");
  assert.equal(extensionless.rows.length, 2);
});

test("reports every problem of a pairs index at once, with its line", async () => {
  const directory = folder(
    'a.wav,b.wav\nonly.wav\na.wav,b.wav,c.wav\n../x.wav,b.wav\n/etc/passwd,b.wav\na.wav,b.wav\n,b.wav\nsub/../../y.wav,b.wav\n"open.wav,b.wav\nsemi.wav;b.wav\nC:\\x.wav,b.wav\nz.wav,..\\..\\y.wav\n',
  );
  const error = await failure(readIndex(directory, "dataset", "pairs"));
  assert.equal(error.code, "INDEX");
  assert.match(error.message, /^index dataset: 11 problems\n/);
  const found = error.problems
    .map((p) => `${p.line} ${p.kind}`)
    .sort((a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10));
  assert.deepEqual(found, [
    "2 columns",
    "3 columns",
    "4 outside",
    "5 outside",
    "6 duplicate",
    "7 outside",
    "8 outside",
    "9 quotes",
    "10 columns",
    "11 outside",
    "12 outside",
  ]);
  const messages = error.problems.map((p) => p.message).join("\n");
  assert.match(messages, /columns: 1, expected `input\.wav,target\.wav` \(dataset:2\)/);
  assert.match(messages, /separated by ";", expected commas \(dataset:10\)/);
  assert.match(messages, /pair "a\.wav", "b\.wav" is already in line 1, expected once \(dataset:6\)/);
  const scan = await scanIndex(directory, "dataset", "pairs");
  assert.deepEqual(scan.index.rows, [{ id: 0, line: 1, input: "a.wav", target: "b.wav" }]);
});

test("reports labels that don't fit", async () => {
  const error = await failure(
    readIndex(
      folder("file,dog,dog\na.wav,1,0\nb.wav,1\nc.wav,1,x\nd.wav,1,\ne.wav,0x10,1\na.wav,0,1\nf.wav,1,nan\n"),
      "dataset",
      "classes",
    ),
  );
  assert.deepEqual(
    error.problems.map((p) => `${p.line} ${p.kind}`),
    ["1 labels", "3 columns", "4 number", "5 number", "6 number", "8 number", "7 duplicate"],
  );
  assert.match(
    error.message,
    /label 2 is "x", expected a number; for class names in a column use fromCsv \(dataset:4\)/,
  );
  const named = await failure(readIndex(folder("a.wav,dog\nb.wav,cat\n"), "dataset", "classes"));
  assert.equal(named.problems[0]?.line, 1);
});

test("links out of the folder are refused, links inside it are fine", async () => {
  const directory = folder("ok.wav,a.wav\nout.wav,a.wav\nsub/deep.wav,a.wav\n");
  const outside = mkdtempSync(join(tmpdir(), "outside-"));
  for (const path of [join(outside, "secret.wav"), join(directory, "in/real.wav"), join(directory, "out/a.wav")])
    writeFileSync(path, "");
  writeFileSync(join(outside, "deep.wav"), "");
  symlinkSync(join(directory, "in/real.wav"), join(directory, "in/ok.wav"));
  symlinkSync(join(outside, "secret.wav"), join(directory, "in/out.wav"));
  symlinkSync(outside, join(directory, "in/sub"));
  const error = await failure(readIndex(directory, "dataset", "pairs"));
  assert.deepEqual(
    error.problems.map((p) => `${p.line} ${p.kind}`),
    ["2 outside", "3 outside"],
  );
});

test("a name with a NUL character is named, also in the first row", async () => {
  const directory = mkdtempSync(join(tmpdir(), "index-"));
  for (const row of ["a\0.wav,b.wav", "x.wav,y.wav\na.wav,b\0.wav"]) {
    writeFileSync(join(directory, "nul"), row);
    await assert.rejects(readIndex(directory, "nul", "pairs"), { code: "INDEX", message: /contains a NUL character/ });
  }
});

test("missing or unreadable indexes say what to do", async () => {
  const directory = folder("a.wav,b.wav\n", "set.csv");
  assert.equal((await readIndex(directory, "set", "pairs")).file, "set.csv");
  assert.match(
    (await failure(readIndex(directory, "none", "pairs"))).message,
    /not found, expected a csv .*none \(no extension\) or none\.csv/,
  );
  assert.match(
    (await failure(readIndex(join(directory, "nowhere"), "x", "pairs"))).message,
    /dataset folder .*nowhere: not found/,
  );
  assert.equal((await failure(readIndex(directory, "../x", "pairs"))).code, "OPTION");
  assert.match(
    (await failure(readIndex(folder("\n\n"), "dataset", "pairs"))).message,
    /no rows, expected one line per example/,
  );
  assert.match(
    (await failure(readIndex(folder(new Uint8Array([0xff, 0xfe, 0x41, 0])), "dataset", "pairs"))).message,
    /not UTF-8/,
  );
});

test("a frames row without keys takes the file of the same name beside the audio", async () => {
  const directory = folder("a.wav\nb.wav\nc.wav\n");
  writeFileSync(join(directory, "in/a.mid"), "");
  writeFileSync(join(directory, "b_key.csv"), "");
  const { index, problems } = await scanIndex(directory, "dataset", "frames");
  assert.deepEqual(
    index.rows.map((row) => row.keys),
    ["in/a.mid", "b_key.csv"],
  );
  assert.deepEqual(
    problems.map((p) => p.line),
    [3],
  );
});

test("without folders in and out the names are relative to the dataset's folder", async () => {
  const directory = mkdtempSync(join(tmpdir(), "pair-"));
  writeFileSync(join(directory, "dataset"), "audio/a.wav,1,0\n");
  const index = await readIndex(directory, "dataset", "classes");
  assert.deepEqual([index.inputFolder, index.targetFolder], ["", ""]);
});

test("groups and splits come from the metadata", async () => {
  const directory = folder("a.wav,1\nb.wav,0\n");
  writeFileSync(
    join(directory, "dataset.metadata.json"),
    '{"a.wav": {"group": "s1", "split": "val"}, "b.wav": {"split": "test"}}',
  );
  assert.deepEqual(
    (await readIndex(directory, "dataset", "classes")).rows.map((row) => [row.group, row.split]),
    [
      ["s1", "validate"],
      [undefined, "test"],
    ],
  );
  writeFileSync(join(directory, "people.csv"), "file,artist\na.wav,A\n");
  const error = await failure(
    readIndex(directory, "dataset", "classes", { metadata: "people.csv", groupBy: "artist" }),
  );
  assert.match(error.message, /metadata of "b\.wav" has no "artist".* \(dataset:2\)/);
  writeFileSync(join(directory, "bad.json"), "[]");
  assert.equal((await failure(readIndex(directory, "dataset", "classes", { metadata: "bad.json" }))).code, "INDEX");
});

test("metadata belongs to a file however its name is spelled; null is no group, nor is what every object has", async () => {
  const directory = folder("x\\a.wav,1\n./b.wav,0\nc.wav,1\n");
  const metadata = { "x\\a.wav": { group: "g", split: "test" }, "b.wav": { group: "h" }, "./c.wav": { group: null } };
  writeFileSync(join(directory, "dataset.metadata.json"), JSON.stringify(metadata));
  const { rows } = await readIndex(directory, "dataset", "classes");
  assert.deepEqual(
    rows.map((row) => [row.group, row.split]),
    [
      ["g", "test"],
      ["h", undefined],
      [undefined, undefined],
    ],
  );
  const error = await failure(readIndex(directory, "dataset", "classes", { groupBy: "constructor" }));
  assert.match(error.message, /has no "constructor"/);
});

test("a first row whose file name was mistyped is no header", async () => {
  for (const [text, kind] of [
    ["dog1,0,1\ndog2.wav,1,0\n", "classes"],
    ["a,0.5\nb.wav,0.7\n", "values"],
  ] as const) {
    const { rows } = await readIndex(folder(text), "dataset", kind);
    assert.equal(rows.length, 2, text);
  }
  // Classes may be called by numbers, below a name that such a column has.
  for (const name of ["file", "filename", "fname", "audio_path", "slice_file_name", ""]) {
    const { rows, labels } = await readIndex(folder(`${name},0,1\nb.wav,1,0\n`), "dataset", "classes");
    assert.deepEqual([rows.length, labels], [1, ["0", "1"]], name);
  }
});

test("a first row that names a file without an extension is no header", async () => {
  const directory = folder("take,take\nb.wav,b.wav\n");
  assert.equal((await readIndex(directory, "dataset", "pairs")).rows.length, 1);
  writeFileSync(join(directory, "in/take"), "");
  const { rows } = await readIndex(directory, "dataset", "pairs");
  assert.deepEqual(
    rows.map(({ input }) => input),
    ["take", "b.wav"],
  );
});

test("numbers that float32 doesn't hold are refused", async () => {
  const error = await failure(readIndex(folder("a.wav,1\nb.wav,-1e39\n"), "dataset", "values"));
  assert.match(error.message, /label 1 is "-1e39", expected a number; float32 holds none beyond 3\.4e38 \(dataset:2\)/);
});

test("a file under two spellings is the same file in tables and joined indexes; so is a column", async () => {
  const directory = folder("file,label\na.wav,dog\n./a.wav,cat\n", "set.csv");
  const columns = { file: "file", label: "label" };
  assert.match((await failure(fromCsv(directory, "set.csv", columns))).message, /"\.\/a\.wav" is already in line 2/);
  writeFileSync(join(directory, "one.csv"), "file,label\na.wav,dog\n");
  writeFileSync(join(directory, "two.csv"), "file,label\n./a.wav,dog\n");
  const [one, two] = [await fromCsv(directory, "one.csv", columns), await fromCsv(directory, "two.csv", columns)];
  assert.throws(() => joinIndexes(one, two), { code: "INDEX", message: /in two indexes/ });
  writeFileSync(join(directory, "twice.csv"), "file,label,label\na.wav,dog,cat\n");
  assert.match(
    (await failure(fromCsv(directory, "twice.csv", columns))).message,
    /column "label": twice in twice\.csv/,
  );
});

test("what writeIndex writes, readIndex reads: any names, values, groups", async () => {
  const name = fc
    .string({ unit: "grapheme", minLength: 1, maxLength: 8 })
    .map((s) => `${s.replace(/[\p{C}\p{Z}/\\:\0]/gu, "_")}.wav`)
    .filter((s) => !s.startsWith("."));
  const most = 3.4028234663852886e38;
  const value = fc.double({ noNaN: true, min: -most, max: most }).map((x) => (Object.is(x, -0) ? 0 : x));
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom<Kind>("pairs", "values"),
      fc.uniqueArray(fc.tuple(name, name, value, value, fc.option(name, { nil: undefined })), {
        minLength: 1,
        maxLength: 5,
        selector: (t) => t[0],
      }),
      async (kind, tuples) => {
        const rows = tuples.map(([input, target, x, y, group], id) => ({
          id,
          line: id + (kind === "values" ? 2 : 1),
          input,
          ...(kind === "pairs" ? { target } : { values: [x, y] }),
          ...(group === undefined ? {} : { group }),
        }));
        const directory = folder("");
        const labels = kind === "values" ? { labels: ["valence, mean", 'the "other"'] } : {};
        await writeIndex(directory, "dataset", { kind, file: "dataset", rows, ...labels }, { overwrite: true });
        const read = await readIndex(directory, "dataset", kind);
        assert.deepEqual(read.rows, rows);
        assert.deepEqual(read.labels, labels.labels);
      },
    ),
    { numRuns: 100 },
  );
});

test("a file called __proto__ keeps its group, and what every object has is no split", async () => {
  const directory = folder("");
  const rows = [{ id: 0, line: 1, input: "__proto__", values: [1], group: "g" }];
  await writeIndex(directory, "dataset", { kind: "values", file: "dataset", rows }, { overwrite: true });
  assert.deepEqual((await readIndex(directory, "dataset", "values")).rows, rows);
  for (const split of ["__proto__", "constructor", "toString"]) {
    writeFileSync(join(directory, "dataset.metadata.json"), JSON.stringify({ ["__proto__"]: { split } }));
    const error = await failure(readIndex(directory, "dataset", "values"));
    assert.match(error.message, new RegExp(`split "${split}" of "__proto__", expected train, validate or test`));
  }
});

test("writeIndex keeps an index that is there and refuses other folders", async () => {
  const directory = folder("a.wav,b.wav\n");
  const index = { kind: "pairs" as const, file: "", rows: [{ id: 0, line: 1, input: "x.wav", target: "y.wav" }] };
  assert.match((await failure(writeIndex(directory, "dataset", index))).message, /exists, pass overwrite: true/);
  assert.equal((await failure(writeIndex(directory, "b", { ...index, inputFolder: "" }))).code, "OPTION");
  assert.equal(indexText(index), "x.wav,y.wav\n");
});
