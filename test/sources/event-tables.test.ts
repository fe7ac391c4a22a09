// What tables of events may hold beside onset, offset and label, Kaldi's files, and labels that are written and read back.
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import fc from "fast-check";
import { encodeWav, formatEvents, fromEvents, type FromEventsOptions, writeCues } from "../../dist/index.js";
import { readCues } from "../../dist/format/cues.js";
import { findLayout, readEventTable } from "../../dist/format/event-table.js";
import { readJams } from "../../dist/format/jams.js";
import { readTextGrid } from "../../dist/format/text-grid.js";
import { python } from "../support/python.js";
import { folder } from "../support/records.js";

const wav = encodeWav({ sampleRate: 8000, channels: 1, samples: new Int16Array(16001).fill(9) });

/** A folder with these texts, and sounds a.wav and b.wav of two seconds. */
function set(t: TestContext, texts: Record<string, string>): string {
  const directory = folder(t);
  for (const [name, text] of Object.entries({ "a.wav": wav, "b.wav": wav, ...texts })) {
    mkdirSync(dirname(join(directory, name)), { recursive: true });
    writeFileSync(join(directory, name), text);
  }
  return directory;
}

/** Sound, onset, offset, label and value of each event. */
async function found(directory: string, events: string, options: FromEventsOptions = {}): Promise<unknown[][]> {
  const { rows, labels } = await fromEvents(directory, events, options);
  return rows.flatMap(({ input, events: own }) =>
    own!.length === 0 ? [[input]] : own!.map(([on, off, k, value]) => [input, on, off, labels![k], value]),
  );
}

describe("what tables hold", () => {
  it("Kaldi: segments with speakers or texts; wav.scp says which sound is meant", async (t) => {
    const directory = set(t, {
      "data/segments": "alice-1 rec1 0.25 1.5\nbob-1 rec1 1 2\nbob-2 rec2 0 0.5\n",
      "data/utt2spk": "alice-1 alice\nbob-1 bob\nbob-2 bob\n",
      "data/text": "alice-1 hello there\nbob-1\nbob-2 yes\n",
      "data/wav.scp": "rec1 /somewhere/else/a.wav\nrec2 sph2pipe -f wav -p b.wav |\n",
    });
    assert.deepEqual(await found(directory, "data/segments"), [
      ["a.wav", 0.25, 1.5, "alice", 1],
      ["a.wav", 1, 2, "bob", 1],
      ["b.wav", 0, 0.5, "bob", 1],
    ]);
    assert.deepEqual(await found(directory, "data/segments", { tier: "text" }), [
      ["a.wav", 0.25, 1.5, "hello there", 1],
      ["b.wav", 0, 0.5, "yes", 1],
    ]);
    const index = await fromEvents(directory, "data/segments");
    assert.deepEqual([index.file, index.besides], ["data/segments", ["data/utt2spk", "data/wav.scp"]]);
    await assert.rejects(fromEvents(directory, "data/segments", { tier: "utt2lang" }), {
      code: "FILE",
      message: /^data\/utt2lang: not found, expected the labels of data\/segments; name another file by tier: "text"/,
    });
    const bad = set(t, {
      segments: "u1 rec1 0 x\nu2 rec1 1 0.5\nu3 rec9 0 1\nu4 rec1 0 1\nu5 rec1 0\n",
      utt2spk: "u1 s\nu2 s\nu3 s\nu5 s\n",
      "wav.scp": "rec1 a.wav\n",
    });
    await assert.rejects(fromEvents(bad, "segments"), (error: { problems: { message: string }[] }) => {
      assert.deepEqual(
        error.problems.map(({ message }) => message),
        [
          'end: "x", expected a number (segments:1)',
          "end: 0.5, expected 0 ≤ start ≤ end; start is 1 (segments:2)",
          'recording "rec9": not in wav.scp (segments:3)',
          'utterance "u4": not in utt2spk, expected its label there (segments:4)',
          "columns: 3, expected 4 (segments:5)",
        ],
      );
      return true;
    });
  });

  it("further columns filter and weigh", async (t) => {
    const directory = set(t, {
      "a.csv":
        "start_time,end_time,instrument,note,start_beat,end_beat,note_value\n0,44100,41,60,0,1,Half\n0,44100,1,62,0,1,Half\n",
      "v.csv": "file,onset,offset,pitch,velocity\na.wav,0,1,60,127\na.wav,1,2,62,32\n",
      "w.ctm": "a 1 0 0.5 yes 0.75\na 1 1 0.5 no\n",
      "s.rttm": "SPEAKER a 1 0 1 <NA> <NA> x 0.25 <NA>\nSPEAKER a 1 1 1 <NA> <NA> y <NA> <NA>\n",
    });
    const violin = {
      missing: "skip",
      where: (row: Readonly<Record<string, string>>) => row.instrument === "41",
    } as const;
    assert.deepEqual(await found(directory, "{name}.csv", violin), [["a.wav", 0, 1, "C4", 1]]);
    const byInstrument = { missing: "skip", columns: { label: "instrument" } } as const;
    assert.deepEqual(
      (await found(directory, "{name}.csv", byInstrument)).map((event) => event[3]),
      ["1", "41"],
    );
    assert.deepEqual(await found(directory, "v.csv", { values: true }), [
      ["a.wav", 0, 1, "C4", 1],
      ["a.wav", 1, 2, "D4", 32 / 127],
    ]);
    assert.deepEqual(await found(directory, "v.csv", { minConfidence: 0.5 }), [["a.wav", 0, 1, "C4", 1]]);
    assert.deepEqual(await found(directory, "w.ctm", { values: true }), [
      ["a.wav", 0, 0.5, "yes", 0.75],
      ["a.wav", 1, 1.5, "no", 1],
    ]);
    assert.deepEqual(await found(directory, "s.rttm", { minConfidence: 0.5 }), [["a.wav", 1, 2, "y", 1]]);
  });

  it("TextGrid in UTF-16 without a byte order mark is read as what it is", () => {
    const text = formatEvents([{ onset: 0.25, offset: 0.5, label: "ä" }], "textgrid", { duration: 1 });
    const little = Buffer.from(text, "utf16le");
    for (const bytes of [little, Buffer.from(little).swap16()]) {
      assert.deepEqual(
        readTextGrid(bytes, "a.TextGrid").map(({ onset, offset, label }) => [onset, offset, label]),
        [[0.25, 0.5, "ä"]],
      );
    }
  });

  it("a row without a label is a sound with nothing in it; so is an empty table", async (t) => {
    const directory = set(t, {
      "t.tsv": "filename\tonset\toffset\tevent_label\na.wav\t0\t1\tdog\nb.wav\t0\t2\t\n",
      "tracks/a.txt": "0\t1\tdog\n",
      "tracks/b.txt": "",
    });
    const expected = [["a.wav", 0, 1, "dog", 1], ["b.wav"]];
    assert.deepEqual(await found(directory, "t.tsv"), expected);
    assert.deepEqual(await found(directory, "tracks/{name}.txt"), expected);
    const { warnings } = await fromEvents(directory, "t.tsv");
    assert.deepEqual(
      warnings!.map(({ message }) => message),
      ["rows without a label: 1, taken for sounds with nothing in them (t.tsv)"],
    );
  });

  it("units, separators, decimal commas, comments; words that an option doesn't know", async (t) => {
    const event = ["a.wav", 0.5, 1.25, "dog", 1];
    const directory = set(t, {
      "samples.csv": "file,onset (samples),offset,label\na.wav,4000,10000,dog\n",
      "ms.txt": "file onset_ms offset_ms label\na.wav 500 1250 dog\n",
      "commas.csv": "file;onset;offset;label\na.wav;0,5;1,25;dog\n",
      "lab/a.lab": "# times of a chord\n0.5 1.25 dog\n",
      "own.txt": "a.wav dog 0.5 1.25\n",
      "hash.csv": "# made by hand\nfile,onset,offset,label\n#1.wav,0,1,cat\na.wav,0.5,1.25,dog\n",
    });
    assert.deepEqual(await found(directory, "samples.csv", { sampleRate: 8000 }), [event]);
    assert.deepEqual(await found(directory, "ms.txt"), [event]);
    assert.deepEqual(await found(directory, "commas.csv", { decimal: "," }), [event]);
    assert.deepEqual(await found(directory, "lab/{name}.lab", { missing: "skip" }), [event]);
    const columns = { file: "1", label: "2", onset: "3", offset: "4" };
    assert.deepEqual(await found(directory, "own.txt", { columns }), [event]);
    // A line of as many cells as the header is a row, though it looks like a comment.
    await assert.rejects(fromEvents(directory, "hash.csv"), { message: /sound "#1\.wav": not found.*\(hash\.csv:3\)/ });
    await assert.rejects(fromEvents(directory, "commas.csv"), {
      message: /onset: "0,5", expected a number; if its comma is a decimal one, pass decimal: "," \(commas\.csv:2\)/,
    });
    await assert.rejects(fromEvents(directory, "ms.txt", { unit: "minutes" as never }), {
      code: "OPTION",
      message: /^unit: "minutes", expected one of "seconds", "milliseconds", "samples"/,
    });
    await assert.rejects(fromEvents(directory, "ms.txt", { label: "x" } as never), { code: "OPTION" });
  });
});

describe("labels that are written", () => {
  const label = fc
    .string({ unit: "grapheme", minLength: 1, maxLength: 8 })
    .filter((text) => text === text.trim() && !/[\t\r\n\0]/.test(text) && text !== "");
  // Times as people and programs have them: of few decimals and of many.
  const time = fc.oneof(
    fc.integer({ min: 0, max: 1e7 }).map((n) => n / 1e4),
    fc.integer({ min: 0, max: 1e15 }).map((n) => n / 1e11),
  );
  const events = fc.array(
    fc
      .record({ a: time, b: time, label, score: fc.double({ min: 0, max: 1, noNaN: true }) })
      .map(({ a, b, ...rest }) => ({
        onset: Math.min(a, b) + 0,
        offset: Math.max(a, b) + 0,
        ...rest,
      })),
    { maxLength: 6 },
  );
  const times = (list: readonly { onset: number; offset: number; label: string }[]): string[] =>
    list.map(({ onset, offset, label: name }) => JSON.stringify([onset, offset, name])).sort();

  it("read back as they were, to the last bit", () => {
    const property = fc.property(events, (list) => {
      const table = formatEvents(list, "dcase", { file: "a.wav" });
      const sounding = readEventTable(table, "a.tsv", findLayout(table, "a.tsv")).filter((event) => event.label !== "");
      assert.deepEqual(times(sounding), times(list));
      const track = formatEvents(list, "audacity");
      const audacity = findLayout(track, "a.txt", { onset: "1", offset: "2", label: "3" });
      if (list.length > 0)
        assert.deepEqual(
          times(readEventTable(track, "a.txt", { ...audacity, delimiter: "\t", quote: false })),
          times(list),
        );
      const jams = readJams(formatEvents(list, "jams", { duration: 1e4 }), "a.jams");
      assert.deepEqual(times(jams), times(list));
      assert.deepEqual(jams.map(({ score }) => score).sort(), list.map(({ score }) => score).sort());
      const words = list.map((event) => ({ ...event, label: event.label.replace(/\s/g, "_") }));
      const rttm = formatEvents(words, "rttm", { file: "a" });
      const speakers = readEventTable(rttm, "a.rttm", findLayout(rttm, "a.rttm"));
      if (words.length > 0) assert.deepEqual(times(speakers), times(words));
      const apart = words.filter(({ label: name }, i) => words.findIndex((other) => other.label === name) === i);
      const grid = new TextEncoder().encode(formatEvents(apart, "textgrid", { duration: 1e4 }));
      assert.deepEqual(times(readTextGrid(grid, "a.TextGrid")), times(apart));
      const samples = list.map((event) => ({
        ...event,
        onset: Math.round(event.onset * 8000) / 8000,
        offset: Math.round(event.offset * 8000) / 8000,
      }));
      assert.deepEqual(times(readCues(writeCues(wav, samples), "a.wav")), times(samples));
    });
    fc.assert(property, { numRuns: 300 });
  });

  it("cue points: soundfile reads the same samples, every other chunk stays, and they are replaced", (t) => {
    const directory = folder(t);
    const marked = writeCues(wav, [
      { onset: 0.5, offset: 1, label: "dog" },
      { onset: 1, offset: 1, label: "Ä" },
    ]);
    const chunk = Buffer.from("own \x05\0\0\0hello\0");
    const own = Buffer.concat([wav, chunk]);
    own.writeUInt32LE(own.length - 8, 4);
    writeFileSync(join(directory, "a.wav"), writeCues(own, [{ onset: 0.5, offset: 1, label: "dog" }]));
    writeFileSync(join(directory, "plain.wav"), wav);
    const [same, chunks] = python(
      `
import soundfile, struct
a, b = soundfile.read(input + "/a.wav", dtype="int16")[0], soundfile.read(input + "/plain.wav", dtype="int16")[0]
data, at, chunks = open(input + "/a.wav", "rb").read(), 12, []
while at < len(data):
    size = struct.unpack("<I", data[at + 4:at + 8])[0]
    chunks.append([data[at:at + 4].decode(), size]); at += 8 + size + size % 2
print(json.dumps([(a == b).all().item(), chunks]))`,
      directory,
    ) as [boolean, [string, number][]];
    assert.ok(same);
    assert.deepEqual(chunks.slice(0, 4), [
      ["fmt ", 16],
      ["data", 32002],
      ["own ", 5],
      ["cue ", 28],
    ]);
    assert.deepEqual(Buffer.from(writeCues(marked, [])), Buffer.from(wav));
    assert.deepEqual(
      readCues(writeCues(marked, [{ onset: 0, offset: 0, label: "x" }]), "a.wav").map((cue) => cue.label),
      ["x"],
    );
    assert.throws(() => writeCues(wav.subarray(0, 60), []), { code: "FORMAT", message: /chunk "data" is cut short/ });
    assert.throws(() => writeCues(new Uint8Array(50), []), { code: "FORMAT", message: /^wav: none, expected RIFF/ });
  });

  it("unknown options and labels that no file can say are refused", () => {
    assert.throws(() => formatEvents([], "jams", { lenght: 2 } as never), {
      code: "OPTION",
      message: /option "lenght"/,
    });
    for (const label of [" dog", "", "a\nb"]) {
      assert.throws(() => formatEvents([{ onset: 0, offset: 1, label }], "audacity"), { code: "OPTION" });
    }
  });
});
