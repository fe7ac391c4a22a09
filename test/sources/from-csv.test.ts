// Csvs as they are met: comments, decimal commas, lists in cells, sentences where classes are expected.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { encodeWav, fromCsv, type FromCsvOptions, SimpleAudioClassificationDataset } from "../../dist/index.js";
import { folder, quiet } from "../support/records.js";

function table(t: TestContext, text: string, name = "t.csv"): string {
  const directory = folder(t);
  writeFileSync(join(directory, name), text);
  return directory;
}

async function classes(directory: string, options: FromCsvOptions, name = "t.csv"): Promise<string[][]> {
  const { rows, labels } = await fromCsv(directory, name, options);
  return rows.map(({ values }) => labels!.filter((_, k) => values![k] === 1));
}

describe("fromCsv", () => {
  it("AudioSet's: comments before the rows, lists in quotes after a space", async (t) => {
    const text =
      "# Segments csv created Sun Mar 5 10:54:25 2017\n# num_ytids=20383\n# YTID, start_seconds, end_seconds, positive_labels\n" +
      '--4gqARaEJE, 0.000, 10.000, "/m/068hy,/m/07q6cd_"\n--BfvyPmVMo, 20.000, 30.000, "/m/03l9g"\n';
    const directory = table(t, text);
    const columns = ["YTID", "start_seconds", "end_seconds", "positive_labels"];
    const options = { file: "{YTID}.wav", labels: "positive_labels", columns, comment: "#" };
    assert.deepEqual(await classes(directory, options), [["/m/068hy", "/m/07q6cd_"], ["/m/03l9g"]]);
    await assert.rejects(fromCsv(directory, "t.csv", { file: "YTID", labels: "positive_labels" }), {
      code: "OPTION",
      message: /pass comment: "#"/,
    });
    const inside = table(t, "file,label\na.wav,C#\n#b.wav,D\n");
    assert.deepEqual(await classes(inside, { file: "file", label: "label", comment: "#" }), [["C#"]]);
  });

  it("decimal commas, by an option or with a word about it", async (t) => {
    const directory = table(t, "file;level\na.wav;0,5\nb.wav;-1\n");
    const options = { file: "file", values: ["level"], delimiter: ";" };
    const { rows } = await fromCsv(directory, "t.csv", { ...options, decimal: "," });
    assert.deepEqual(
      rows.map(({ values }) => values),
      [[0.5], [-1]],
    );
    await assert.rejects(fromCsv(directory, "t.csv", options), {
      message: /level: "0,5", expected a number; if its comma is a decimal one, pass decimal: "," \(t\.csv:2\)/,
    });
    await assert.rejects(fromCsv(directory, "t.csv", { ...options, decimal: ";" as never }), { code: "OPTION" });
  });

  it("lists as Python and json write them", async (t) => {
    const text = 'file\ttags\na.wav\t[\'abc\', "d\'ef"]\nb.wav\t["x, y", "z"]\nc.wav\t[]\n';
    const options = { file: "file", labels: "tags", quote: false };
    const directory = table(t, text, "t.tsv");
    await assert.rejects(classes(directory, options, "t.tsv"), { message: /label: empty.*\(t\.tsv:4\)/ });
    const full = table(t, text.replace("[]", "q"), "t.tsv");
    assert.deepEqual(await classes(full, options, "t.tsv"), [["abc", "d'ef"], ["x, y", "z"], ["q"]]);
  });

  it("rows without a class are errors that say what to pass, or left out and counted", async (t) => {
    const directory = table(t, "file,label\na.wav,x\nb.wav,\nc.wav,y\n");
    const options = { file: "file", label: "label" };
    await assert.rejects(fromCsv(directory, "t.csv", options), {
      message: /label: empty, expected a class name; pass unlabelled: "skip" to leave such rows out \(t\.csv:3\)/,
    });
    const { rows, warnings } = await fromCsv(directory, "t.csv", { ...options, unlabelled: "skip" });
    assert.deepEqual(
      rows.map(({ id, input }) => [id, input]),
      [
        [0, "a.wav"],
        [1, "c.wav"],
      ],
    );
    assert.deepEqual(
      warnings!.map(({ message }) => message),
      ["rows without a class: 1, not taken (t.csv)"],
    );
    await assert.rejects(fromCsv(directory, "t.csv", { ...options, unlabelled: "empty" as never }), {
      code: "OPTION",
      message: /^unlabelled: "empty", expected "error" or "skip"/,
    });
  });

  it("sentences are no classes, and no numbers", async (t) => {
    const rows = Array.from({ length: 20 }, (_, i) => `${i}.wav,this is sentence ${i}\n`).join("");
    const directory = table(t, `file,sentence\n${rows}`);
    await assert.rejects(fromCsv(directory, "t.csv", { file: "file", label: "sentence" }), {
      code: "OPTION",
      message:
        /^column "sentence": 20 texts in 20 rows, such as "this is sentence 0", ….*texts can't be targets, name a column of classes/,
    });
    await assert.rejects(fromCsv(directory, "t.csv", { file: "file", values: ["sentence"] }), {
      message:
        /sentence: "this is sentence 0", expected a number; for class names pass label or labels; texts can't be targets/,
    });
  });

  it("names in another Unicode form, or with what can't be seen, are told from missing ones", async (t) => {
    const directory = table(t, "file,label\ne\u0301t\u00e9.wav,x\na\u200b.wav,x\n");
    const wav = encodeWav({ sampleRate: 8000, channels: 1, samples: new Int16Array(800).fill(5) });
    for (const name of ["\u00e9t\u00e9.wav", "a.wav"]) writeFileSync(join(directory, name), wav);
    const index = await fromCsv(directory, "t.csv", { file: "file", label: "label" });
    const { errors } = await new SimpleAudioClassificationDataset(directory, "t").check({ index, ...quiet });
    assert.deepEqual(
      errors.map(({ message }) => /did you mean (\S+)\?/.exec(message)?.[1]),
      ["\u00e9t\u00e9.wav", "a.wav"],
    );
  });
});
