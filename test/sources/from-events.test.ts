// Tables of events, as the tools and libraries of their formats write them, and as sets have them.
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import {
  AudioClassificationDataset,
  encodeWav,
  formatEvents,
  type DatasetIndex,
  fromCsv,
  fromFolder,
  type FromEventsOptions,
  fromEvents,
  fromManifest,
  joinIndexes,
  loadTensorFlow,
} from "../../dist/index.js";
import { gzipSync } from "node:zlib";
import { WaveFile } from "wavefile";
import { python, root } from "../support/python.js";
import { folder, quiet } from "../support/records.js";

/** A folder of sounds of two seconds at 8 kHz, and texts. */
function set(t: TestContext, sounds: readonly string[], texts: Record<string, string | Uint8Array> = {}): string {
  const directory = folder(t);
  const put = (name: string, data: string | Uint8Array): void => {
    mkdirSync(dirname(join(directory, name)), { recursive: true });
    writeFileSync(join(directory, name), data);
  };
  for (const [k, name] of sounds.entries()) {
    const samples = Int16Array.from({ length: 16000 }, (_, i) => 9000 * Math.sin((i * (k + 1)) / 20));
    put(name, encodeWav({ sampleRate: 8000, channels: 1, samples }));
  }
  for (const [name, text] of Object.entries(texts)) put(name, text);
  return directory;
}

type Found = [sound: string, onset: number, offset: number, label: string][];

async function found(directory: string, events: string, options: FromEventsOptions = {}): Promise<Found> {
  const { rows, labels } = await fromEvents(directory, events, options);
  return rows.flatMap(({ input, events: own }) =>
    own!.map(([onset, offset, k]): Found[number] => [input, onset, offset, labels![k]!]),
  );
}

const near = (a: Found, b: Found): void => {
  assert.deepEqual(
    a.map(([sound, , , label]) => [sound, label]),
    b.map(([sound, , , label]) => [sound, label]),
  );
  for (const [i, [, on, off]] of a.entries()) {
    assert.ok(Math.abs(on - b[i]![1]) < 1e-9 && Math.abs(off - b[i]![2]) < 1e-9, `${a[i]}, expected ${b[i]}`);
  }
};

describe("files that other programs wrote", () => {
  it("TextGrids of Praat's, long and short, UTF-8 and UTF-16", async (t) => {
    const directory = set(t, ["a.wav", "b.wav", "c.wav"]);
    const expected: Found = python(
      `
import parselmouth
from parselmouth.praat import call
out = []
for k, (name, how) in enumerate([("a", "Save as text file"), ("b", "Save as short text file"), ("c", "Save as text file")]):
    if name == "c": parselmouth.praat.run('Text writing preferences: "UTF-16"')
    grid = call("Create TextGrid", 0, 2, "words marks", "marks")
    for at in (0.25, 0.7 + k / 10, 1.5): call(grid, "Insert boundary", 1, at)
    for i, text in enumerate(["", 'a "b" 1 [2]', "été", "x = 3"]): call(grid, "Set interval text", 1, i + 1, text)
    call(grid, "Insert point", 2, 1.25, "here")
    call(grid, how, f"{input}/{name}.TextGrid")
    again = call("Read from file", f"{input}/{name}.TextGrid")
    again = parselmouth.read(f"{input}/{name}.TextGrid")
    rows = []
    for i in range(1, int(call(again, "Get number of intervals", 1)) + 1):
        text = call(again, "Get label of interval", 1, i)
        if text: rows.append([name + ".wav", call(again, "Get starting point", 1, i), call(again, "Get end point", 1, i), text])
    at = call(again, "Get time of point", 2, 1)
    rows.append([name + ".wav", at, at, call(again, "Get label of point", 2, 1)])
    out += sorted(rows, key=lambda r: r[1])
print(json.dumps(out))`,
      directory,
    );
    const labels = [...new Set(expected.map(([, , , label]) => label))].sort((a, b) => (a < b ? -1 : 1));
    const order = (rows: Found): Found =>
      [...rows].sort((a, b) =>
        a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : a[1] - b[1] || labels.indexOf(a[3]) - labels.indexOf(b[3]),
      );
    near(await found(directory, "{name}.TextGrid"), order(expected));
    const words = expected.filter(([, onset, offset]) => onset < offset);
    near(await found(directory, "{name}.TextGrid", { tier: "words" }), order(words));
    await assert.rejects(fromEvents(directory, "{name}.TextGrid", { tier: "phones" }), {
      code: "LABEL",
      message: /tier "phones": not found, expected one of words, marks \(a\.TextGrid:1\)/,
    });
  });

  it("JAMS of its own library: tags and notes", async (t) => {
    const directory = set(t, ["a.wav"]);
    python(
      `
import jams
j = jams.JAMS(); j.file_metadata.duration = 2
a = jams.Annotation(namespace="tag_open", duration=2)
for time, duration, value in [(0.1, 0.4, "dog"), (0.5, 0.25, "cat")]: a.append(time=time, duration=duration, value=value, confidence=0.5)
n = jams.Annotation(namespace="note_midi", duration=2)
for time, duration, value in [(0.0, 1.0, 60.0), (0.5, 0.5, 64.0)]: n.append(time=time, duration=duration, value=value, confidence=1)
j.annotations.append(a); j.annotations.append(n)
j.save(input + "/a.jams")
print(0)`,
      directory,
    );
    near(await found(directory, "{name}.jams", { tier: "tag_open" }), [
      ["a.wav", 0.1, 0.5, "dog"],
      ["a.wav", 0.5, 0.75, "cat"],
    ]);
    near(await found(directory, "{name}.jams", { tier: "note_midi" }), [
      ["a.wav", 0, 1, "C4"],
      ["a.wav", 0.5, 1, "E4"],
    ]);
    const { rows } = await fromEvents(directory, "{name}.jams", { tier: "tag_open", values: true });
    assert.deepEqual(
      rows[0]!.events!.map((event) => event[3]),
      [0.5, 0.5],
    );
  });

  it("RTTM of pyannote's", async (t) => {
    const directory = set(t, ["rec/a.wav", "rec/b.wav"]);
    const expected: Found = python(
      `
from pyannote.core import Annotation, Segment
out = []
with open(input + "/set.rttm", "w") as f:
    for name in ("a", "b"):
        x = Annotation(uri=name)
        for k, (s, e, who) in enumerate([(0.0, 0.75, "alice"), (0.5, 1.25, "bob")]):
            x[Segment(s, e), k] = who
            out.append([f"rec/{name}.wav", s, e, who])
        x.write_rttm(f)
print(json.dumps(out))`,
      directory,
    );
    near(await found(directory, "set.rttm"), expected);
  });

  it("label tracks of Audacity's and MAPS's tables as mir_eval reads them", async (t) => {
    const directory = set(t, ["a.wav"], {
      "a.txt": "0.100000\t0.400000\tdog\n\\\t200.0\t4000.0\n0.500000\t0.500000\tclick here\n",
      "maps/a.txt": "OnsetTime\tOffsetTime\tMidiPitch\n0.500004\t0.98203\t60\n0.75\t1.5\t64\n",
    });
    const [tracks, notes] = python(
      `
import mir_eval, io
text = "".join(l for l in open(input + "/a.txt") if not l.startswith("\\\\"))
i, l = mir_eval.io.load_labeled_intervals(io.StringIO(text), delimiter="\\t")
n, p = mir_eval.io.load_valued_intervals(io.StringIO(open(input + "/maps/a.txt").read().split("\\n", 1)[1]))
print(json.dumps([[[*a, b] for a, b in zip(i.tolist(), l)], [[*a, b] for a, b in zip(n.tolist(), p.tolist())]]))`,
      directory,
    );
    near(
      await found(directory, "{name}.txt"),
      tracks.map(([a, b, label]: [number, number, string]) => ["a.wav", a, b, label]),
    );
    const names: Record<number, string> = { 60: "C4", 64: "E4" };
    near(
      await found(directory, "maps/{base}.txt"),
      notes.map(([a, b, p]: [number, number, number]) => ["a.wav", a, b, names[p]!]),
    );
  });

  it("cue points and labelled regions inside a wav, written chunk by chunk", async (t) => {
    const directory = set(t, []);
    python(
      `
import struct
def chunk(name, data): return name + struct.pack("<I", len(data)) + data + (b"\\0" if len(data) % 2 else b"")
points = [(1, 800), (2, 4000)]
cue = struct.pack("<I", 2) + b"".join(struct.pack("<II4sIII", i, at, b"data", 0, 0, at) for i, at in points)
labl = lambda i, text: chunk(b"labl", struct.pack("<I", i) + text.encode() + b"\\0")
ltxt = chunk(b"ltxt", struct.pack("<II4sHHHH", 2, 2000, b"rgn ", 0, 0, 0, 0))
adtl = chunk(b"LIST", b"adtl" + labl(1, "clap") + labl(2, "dog barks") + ltxt)
fmt = chunk(b"fmt ", struct.pack("<HHIIHH", 1, 1, 8000, 16000, 2, 16))
body = b"WAVE" + fmt + chunk(b"LIST", b"INFO") * 40 + chunk(b"data", b"\\1\\0" * 16000) + chunk(b"cue ", cue) + adtl
open(input + "/a.wav", "wb").write(chunk(b"RIFF", body))
print(0)`,
      directory,
    );
    near(await found(directory, "{name}.wav"), [
      ["a.wav", 0.1, 0.1, "clap"],
      ["a.wav", 0.5, 0.75, "dog barks"],
    ]);
  });
});

describe("tables of sets", () => {
  const dcase =
    "filename\tonset\toffset\tevent_label\nb.wav\t0.5\t1.0\tdog\na.wav\t0.0\t0.25\tcat\na.wav\t0.1\t0.3\tdog\nc.wav\t\t\t\n";

  it("DCASE: one table, sounds with nothing in them are kept; frames as numpy makes them", async (t) => {
    const directory = set(t, ["a.wav", "b.wav", "c.wav", "d.wav"], { "meta.tsv": dcase });
    const index = await fromEvents(directory, "meta.tsv");
    assert.deepEqual(index.labels, ["cat", "dog"]);
    assert.deepEqual(
      index.rows.map(({ input, events }) => [input, events!.length]),
      [
        ["a.wav", 2],
        ["b.wav", 1],
        ["c.wav", 0],
      ],
    );
    assert.match(index.warnings![0]!.message, /^sounds without a row: 1, not taken; pass unnamed: "empty"/);
    const dataset = new AudioClassificationDataset(directory, "set");
    const report = await dataset.check({ index, ...quiet });
    assert.ok(report.ok, String(report));
    await dataset.generateRecords({ index, ...quiet });
    await dataset.load({ inputSize: 100, batchSize: 1, trainSplit: 1, valSplit: 0, testSplit: 0 });
    assert.deepEqual(dataset.labels, ["cat", "dog"]);
    const expected: number[][] = python(
      `
import numpy as np, io, csv
out = []
rows = list(csv.DictReader(io.StringIO(input), delimiter="\\t"))
for name in ("a.wav", "b.wav", "c.wav"):
    y = np.zeros((160, 2))
    for r in rows:
        if r["filename"] == name and r["onset"]:
            y[round(float(r["onset"]) * 80):round(float(r["offset"]) * 80), ["cat", "dog"].index(r["event_label"])] = 1
    out.append(y.ravel().tolist())
print(json.dumps(out))`,
      dcase,
    );
    const tf = loadTensorFlow();
    for (const [i, right] of expected.entries()) {
      const iterator = await dataset.batchesOf([i]).iterator();
      const { xs, ys } = (await iterator.next()).value;
      assert.deepEqual(ys.shape, [1, 160, 2]);
      assert.deepEqual([...ys.dataSync()], right);
      tf.dispose([xs, ys]);
    }
  });

  it("AudioSet, MusicNet, BirdNET, Raven and tables with names of their own need no options", async (t) => {
    const directory = set(t, ["YT1_30000.wav", "2303.wav"], {
      "strong.tsv": "segment_id\tstart_time_seconds\tend_time_seconds\tlabel\nYT1_30000\t0.5\t1.25\t/m/09x0r\n",
      "train_labels/2303.csv":
        "start_time,end_time,instrument,note,start_beat,end_beat,note_value\n9182,90078,43,53,4.0,1.5,Dotted Quarter\n",
      "birds.csv":
        "Start (s),End (s),Scientific name,Common name,Confidence\n0.0,1.0,Turdus merula,Blackbird,0.9\n1.0,2.0,Parus major,Great Tit,0.2\n",
      "raven.txt":
        "Selection\tView\tChannel\tBegin Time (s)\tEnd Time (s)\tLow Freq (Hz)\tHigh Freq (Hz)\tSpecies\n1\tSpectrogram 1\t1\t0.25\t0.75\t100\t900\twren\n",
      "own.csv": "Recording,Start Time (ms),Duration (ms),Class\n2303.wav,250,500,hum\n",
    });
    near(await found(directory, "strong.tsv"), [["YT1_30000.wav", 0.5, 1.25, "/m/09x0r"]]);
    near(await found(directory, "train_labels/{base}.csv", { missing: "skip" }), [
      ["2303.wav", 9182 / 44100, 90078 / 44100, "F3"],
    ]);
    near(await found(directory, "own.csv"), [["2303.wav", 0.25, 0.75, "hum"]]);
    const one = set(t, ["b.wav"], {
      "b.csv":
        "Start (s),End (s),Scientific name,Common name,Confidence\n0.0,1.0,Turdus merula,Blackbird,0.9\n1.0,2.0,Parus major,Great Tit,0.2\n",
      "b.raven.txt":
        "Selection\tView\tChannel\tBegin Time (s)\tEnd Time (s)\tLow Freq (Hz)\tHigh Freq (Hz)\tSpecies\n1\tSpectrogram 1\t1\t0.25\t0.75\t100\t900\twren\n",
    });
    near(await found(one, "{name}.csv", { minConfidence: 0.5 }), [["b.wav", 0, 1, "Blackbird"]]);
    near(await found(one, "{name}.raven.txt"), [["b.wav", 0.25, 0.75, "wren"]]);
  });

  it("a table for each side: their pitches are joined", async (t) => {
    const table = (pitch: number): string => `start_time,end_time,note,start_beat\n4410,8820,${pitch},0\n`;
    const directory = set(t, ["train_data/1727.wav", "test_data/1759.wav"], {
      "train_labels/1727.csv": table(60),
      "test_labels/1759.csv": table(59),
    });
    const sides = { train: "train_labels/{base}.csv", test: "test_labels/{base}.csv" };
    const { labels, rows } = await fromEvents(directory, sides, { missing: "skip" });
    assert.deepEqual(labels, ["B3", "C4"]);
    assert.deepEqual(
      rows.map(({ id, input, split, events }) => [id, input, split, events]),
      [
        [0, "train_data/1727.wav", "train", [[0.1, 0.2, 1, 1]]],
        [1, "test_data/1759.wav", "test", [[0.1, 0.2, 0, 1]]],
      ],
    );
    await assert.rejects(fromEvents(directory, sides, { missing: "skip", side: "test" }), { code: "OPTION" });
  });

  it("classes are chosen, renamed and counted; names are found without folder or ending", async (t) => {
    const directory = set(t, ["x/a.wav", "y/b.wav", "y/c.wav"], {
      "t.csv": "file,start,end,label\na,0,1,dog\nb.flac,0,1,puppy\ny/c.wav,0,1,cat\n",
    });
    const index = await fromEvents(directory, "t.csv", { classes: ["dog"], rename: { puppy: "dog" } });
    assert.deepEqual(
      index.rows.map(({ input, events }) => [input, events]),
      [
        ["x/a.wav", [[0, 1, 0, 1]]],
        ["y/b.wav", [[0, 1, 0, 1]]],
        ["y/c.wav", []],
      ],
    );
    assert.match(index.warnings![0]!.message, /^rows of other classes or less confidence: 1, not taken/);
  });

  it("every bad row is named at once; what can't be found says what to pass", async (t) => {
    const directory = set(t, ["a.wav", "b/x.wav", "c/x.wav"], {
      "bad.csv":
        'file,onset,offset,label\na.wav,0,1,dog\na.wav,1,0.5,dog\na.wav,x,2,dog\na.wav,1,2,\na.wav,"1,5",2,dog\na.wav,0,1,"dog\n',
      "gone.csv": "file,onset,offset,label\nz.wav,0,1,dog\nx.wav,0,1,dog\n",
      "none.csv": "a,b\n1,2\n",
      "alone.csv": "onset,offset,label\n0,1,dog\n",
      "late.csv": "file,onset,offset,label\na.wav,500,900,dog\n",
      "bad.TextGrid":
        'File type = "ooTextFile"\nObject class = "TextGrid"\n0\n2\n<exists>\n1\n"IntervalTier"\n"w"\n0\n2\n1\n0\nx\n',
    });
    const messages = async (events: string, options: FromEventsOptions = {}): Promise<string[]> => {
      try {
        await fromEvents(directory, events, options);
      } catch (error) {
        const { problems, message } = error as { problems: { message: string }[]; message: string };
        return problems.length > 0 ? problems.map((p) => p.message) : [message];
      }
      return assert.fail("expected an error");
    };
    assert.deepEqual(await messages("bad.csv"), [
      "offset: 0.5, expected the onset, 1, or more (bad.csv:3)",
      'onset: "x", expected a number (bad.csv:4)',
      'onset: "1,5", expected a number; if its comma is a decimal one, pass decimal: "," (bad.csv:6)',
      "quotes: they don't match, expected one at each end of a cell (bad.csv:7)",
    ]);
    assert.deepEqual(await messages("gone.csv"), [
      'sound "z.wav": not found, expected a sound of that name (gone.csv:2)',
      'sound "x.wav": means b/x.wav and c/x.wav, expected one sound; give its path (gone.csv:3)',
    ]);
    assert.match(
      (await messages("none.csv"))[0]!,
      /^header: "a,b", expected a header with an onset and an offset or a duration; .*\(none\.csv:1\)/,
    );
    assert.match((await messages("alone.csv"))[0]!, /no column that names the sound; pass columns: \{ file: "…" \}/);
    assert.match(
      (await messages("bad.TextGrid", { format: "textgrid" }))[0]!,
      /TextGrid: xmax: missing, expected a number \(bad\.TextGrid:\d+\)/,
    );
    assert.match((await messages("x.tsv"))[0]!, /^events x\.tsv: not found/);
    assert.match(
      (await messages("bad.csv", { format: "csv" as never }))[0]!,
      /^format: "csv", expected one of dcase, audioset/,
    );
    assert.match(
      (await messages("gone.csv", { columns: { label: "name" } }))[0]!,
      /^column "name" for label: not found, expected one of file, onset/,
    );
    const index = await fromEvents(directory, "late.csv");
    const report = await new AudioClassificationDataset(directory, "set").check({ index, ...quiet });
    assert.match(report.errors[0]!.message, /^event at 500 s: after the end of the sound at 2\.000 s; pass the unit/);
  });
});

describe("events are written so that others and we read them back", () => {
  const events = [
    { onset: 0.1, offset: 0.30000000000000004, label: "dog" },
    { onset: 0.25, offset: 1.2345678901234567, label: "cat" },
    { onset: 1.5, offset: 1.5, label: "dog" },
  ];
  const expected = events.map(({ onset, offset, label }): Found[number] => ["a.wav", onset, offset, label]);

  for (const format of ["audacity", "dcase", "rttm", "textgrid", "jams"] as const) {
    it(format, async (t) => {
      const text = formatEvents(events, format, { file: "a.wav", duration: 2 });
      const ending = { audacity: "txt", dcase: "tsv", rttm: "rttm", textgrid: "TextGrid", jams: "jams" }[format];
      const one = format === "dcase" || format === "rttm";
      const directory = set(t, ["a.wav"], { [`a.${ending}`]: text });
      const read = await found(directory, one ? `a.${ending}` : `{name}.${ending}`);
      assert.deepEqual(read, expected);
    });
  }

  it("Praat, JAMS's schema and mir_eval take them", async (t) => {
    const directory = set(t, [], {
      "a.TextGrid": formatEvents(events, "textgrid", { duration: 2 }),
      "a.jams": formatEvents(events, "jams", { duration: 2 }),
      "n.jams": formatEvents([{ onset: 0, offset: 1, label: "C4", score: 0.5 }], "jams", { duration: 2 }),
      "a.txt": formatEvents(events, "audacity"),
    });
    const [grid, tags, notes, track] = python(
      `
import parselmouth, jams, mir_eval
from parselmouth.praat import call
g = parselmouth.read(input + "/a.TextGrid")
names = [call(g, "Get tier name", k + 1) for k in range(int(call(g, "Get number of tiers")))]
a = jams.load(input + "/a.jams", validate=True, strict=True).annotations[0]
n = jams.load(input + "/n.jams", validate=True, strict=True).annotations[0]
i, l = mir_eval.io.load_labeled_intervals(input + "/a.txt", delimiter="\\t")
rows = lambda x: [[o.time, o.duration, o.value] for o in x]
print(json.dumps([names, rows(a), rows(n), [[*x, y] for x, y in zip(i.tolist(), l)]]))`,
      directory,
    );
    assert.deepEqual(grid, ["cat", "dog", "dog"]);
    assert.deepEqual(
      tags,
      events.map(({ onset, offset, label }) => [onset, offset - onset, label]),
    );
    assert.deepEqual(notes, [[0, 1, 60]]);
    assert.deepEqual(
      track,
      events.map(({ onset, offset, label }) => [onset, offset, label]),
    );
  });

  it("what a format has no word for is refused", () => {
    const refused = (
      format: Parameters<typeof formatEvents>[1],
      list: Parameters<typeof formatEvents>[0],
      message: RegExp,
    ): void =>
      assert.throws(() => formatEvents(list, format, { file: "a b.wav", duration: 1 }), { code: "OPTION", message });
    refused("rttm", [{ onset: 0, offset: 1, label: "x" }], /^name "a b\.wav": has a space/);
    refused("textgrid", [{ onset: 0, offset: 2, label: "x" }], /^duration: 1 s, expected at least 2 s/);
    refused(
      "textgrid",
      [0, 0.5].map((onset) => ({ onset, offset: onset + 0.5001, label: "x" })).slice(0, 2),
      /^label "x" at 0\.5 s: overlaps|^duration/,
    );
    refused("audacity", [{ onset: 1, offset: 0, label: "x" }], /expected onset ≤ offset/);
    refused("audacity", [{ onset: 0, offset: 1, label: "a\tb" }], /a label in one line/);
    assert.throws(() => formatEvents([], "dcase"), { code: "OPTION", message: /^file: missing/ });
    assert.throws(() => formatEvents([], "midi" as never), {
      code: "OPTION",
      message: /^format: "midi", expected one of audacity/,
    });
  });
});

describe("the lines of docs/labels.md", () => {
  const rows = [
    ...readFileSync(join(root, "docs/labels.md"), "utf8").matchAll(
      /^\| ([^|]+) \| `((?:await|joinIndexes)[^`]+)` \|/gm,
    ),
  ];
  const event = "0.25\t0.75\tdog\n";
  // Each set as it comes, in small.
  const sets: Record<string, Record<string, string | Uint8Array>> = {
    "meta.tsv": { "meta.tsv": `filename\tonset\toffset\tevent_label\na.wav\t${event}` },
    "strong.tsv": {
      "strong.tsv": "segment_id\tstart_time_seconds\tend_time_seconds\tlabel\na\t0\t1\t/m/1\ngone\t0\t1\t/m/1\n",
    },
    "train_labels/{base}.csv": {
      "train_labels/a.csv":
        "start_time,end_time,instrument,note,start_beat,end_beat,note_value\n0,4410,1,60,0,1,Half\n",
    },
    "maestro.csv": { "maestro.csv": "split,midi_filename,audio_filename\ntrain,a.mid,a.wav\n" },
    "{name}.txt": { "a.txt": "OnsetTime OffsetTime MidiPitch\n0.5 1 60\n" },
    "{name}.selections.txt": { "a.selections.txt": `Selection\tBegin Time (s)\tEnd Time (s)\tSpecies\n1\t${event}` },
    "{name}.csv": { "a.csv": "Start (s),End (s),Scientific name,Common name,Confidence\n0,1,x,wren,0.9\n" },
    audacity: { "a.txt": event },
    "{name}.TextGrid": {
      "a.TextGrid": formatEvents([{ onset: 0, offset: 1, label: "phones" }], "textgrid", { duration: 2 }),
    },
    "{name}.jams": { "a.jams": formatEvents([{ onset: 0, offset: 1, label: "C4" }], "jams", { duration: 2 }) },
    "data/segments": {
      "data/segments": "alice-1 rec 0.5 1.5\n",
      "data/utt2spk": "alice-1 alice\n",
      "data/wav.scp": "rec a.wav\n",
    },
    "all.rttm": { "all.rttm": formatEvents([{ onset: 0, offset: 1, label: "alice" }], "rttm", { file: "a" }) },
    "words.ctm": { "words.ctm": "a 1 0.25 0.5 yes 0.9\na 1 1 0.5 uh\n" },
    cues: {},
    "t.csv": { "t.csv": "file,onset,duration,kind\na.wav,250,500,dog\n" },
    genres_original: { "genres_original/blues/b.wav": "wav" },
    "fromFolder(D)": { "train/dog/b.wav": "wav", "test/dog/c.wav": "wav" },
    validation_list: {
      "yes/b.wav": "wav",
      "no/c.wav": "wav",
      "validation_list.txt": "yes/b.wav\n",
      "testing_list.txt": "no/c.wav\n",
    },
    "esc50.csv": { "meta/esc50.csv": "filename,fold,target,category\nb.wav,1,0,dog\n", "audio/b.wav": "wav" },
    "dev.csv": {
      "dev.csv": 'fname,labels,mids,split\n1,"Dog,Bark",m,train\n',
      "eval.csv": 'fname,labels,mids\n2,"Dog,Bark",m\n',
      "FSD50K.dev_audio/1.wav": "wav",
      "FSD50K.eval_audio/2.wav": "wav",
    },
    "train.tsv": {
      "train.tsv": 'client_id\tpath\tsentence\tgender\n1\tb.wav\tHe said "no" to it\tmale\n',
      "dev.tsv": "client_id\tpath\tsentence\tgender\n2\tc.wav\tyes\tmale\n",
      "test.tsv": 'client_id\tpath\tsentence\tgender\n3\td.wav\t"\tfemale\n',
    },
    "UrbanSound8K.csv": {
      "UrbanSound8K.csv":
        "slice_file_name,fsID,start,end,salience,fold,classID,class\n7-3-0-0.wav,7,0,1,1,5,3,dog_bark\n",
      "audio/fold5/7-3-0-0.wav": "wav",
    },
    "segments.csv": {
      "segments.csv": '# YTID, start_seconds, end_seconds, positive_labels\n--4g, 0.000, 10.000, "/m/1,/m/2"\n',
    },
    "birds.csv": {
      "birds.csv":
        "primary_label,secondary_labels,author,filename\nabethr1,\"['blbpuf2', 'x']\",Rolf,abethr1/XC1.ogg\n",
    },
    "{class}/{group}": { "wav/id10001/1zcIwhmdeo4/00001.wav": "wav" },
    modality: { "Actor_01/03-01-06-01-02-01-01.wav": "wav" },
    "examples.json": {
      "examples.json":
        '{"bass_1": {"note": 1, "pitch": 60, "velocity": 9, "instrument_str": "b", "instrument_family_str": "bass"}}',
      "audio/bass_1.wav": "wav",
    },
    "metadata.jsonl": {
      "train/metadata.jsonl": '{"file_name": "b.wav", "label": "dog"}\n',
      "test/metadata.csv": "file_name,label\nc.wav,cat\n",
      "train/b.wav": "wav",
      "test/c.wav": "wav",
    },
    "manifest.json": {
      "manifest.json": '{"audio_filepath": "/data/b.wav", "offset": 1, "duration": 0.5, "command": "go"}\n',
      "b.wav": "wav",
    },
    "supervisions.jsonl.gz": {
      "supervisions.jsonl.gz": readFileSync(join(root, "test/fixtures/lhotse/supervisions.jsonl.gz")),
      "recordings.jsonl.gz": gzipSync(readFileSync(join(root, "test/fixtures/lhotse/recordings.jsonl"))),
      "wavs/a.wav": "wav",
      "wavs/b.wav": "wav",
    },
    "cuts.jsonl": {
      "cuts.jsonl": readFileSync(join(root, "test/fixtures/lhotse/cuts.jsonl")),
      "wavs/a.wav": "wav",
      "wavs/b.wav": "wav",
    },
    "parts.csv": { "parts.csv": "file,start,end,kind\nb.wav,0,1.5,x\nb.wav,1.5,,y\n" },
  };
  it("each set of the table is tried", () => assert.ok(rows.length === Object.keys(sets).length, String(rows.length)));
  for (const [, what, line] of rows) {
    it(what!, async (t) => {
      const key = Object.keys(sets)
        .sort((a, b) => Number(line!.includes("format")) * (Number(/{/.test(a)) - Number(/{/.test(b))))
        .find((name) => line!.includes(name));
      assert.ok(key !== undefined, line);
      const folders = !line!.includes("fromEvents") && !line!.includes("maestro");
      const directory = set(t, folders ? [] : ["a.wav"], sets[key]);
      if (key === "cues") {
        const wav = new WaveFile();
        wav.fromScratch(1, 8000, "16", new Int16Array(16000));
        wav.setCuePoint({ position: 500, label: "dog" } as never);
        writeFileSync(join(directory, "a.wav"), wav.toBuffer());
      }
      const calls = { fromEvents, fromCsv, fromFolder, fromManifest, joinIndexes };
      const run = new Function("D", ...Object.keys(calls), `return (async () => ${line})()`);
      const index: DatasetIndex = await run(directory, ...Object.values(calls));
      assert.ok(index.rows.length > 0 && (index.kind === "frames" || index.labels!.length > 0));
      if (line!.includes("fromEvents")) assert.ok(index.rows.some(({ events }) => events!.length > 0));
    });
  }
});
