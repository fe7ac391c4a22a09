// A mistake in any file of labels is told with the line that it stands in.
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, it } from "node:test";
import fc from "fast-check";
import { DatasetError, encodeWav, fromCsv, fromEvents, fromManifest } from "../../dist/index.js";
import { readIndex } from "../../dist/sources/index-csv.js";
import { readMetadata } from "../../dist/sources/metadata.js";
import { jsonLine, jsonLines } from "../../dist/format/json-lines.js";
import { folder } from "../support/records.js";

type Read = (directory: string, file: string) => Promise<unknown>;
const events: Read = (directory, file) => fromEvents(directory, file);
const audacity: Read = (directory, file) => fromEvents(directory, file, { format: "audacity", columns: { file: "3" } });
const manifest: Read = (directory, file) => fromManifest(directory, file, { label: "label" });
const table: Read = (directory, file) => fromCsv(directory, file, { file: "file", label: "label" });
const metadata: Read = (directory, file) => readMetadata(directory, file, "");
const index: Read = (directory, file) => readIndex(directory, file.replace(/\.csv$/, ""), "classes");

const grid = (...lines: string[]): string =>
  `File type = "ooTextFile"\nObject class = "TextGrid"\n\n0\n2\n<exists>\n1\n"IntervalTier"\n"t"\n0\n2\n${lines.join("\n")}\n`;
const note = { note: 1, pitch: 60, velocity: 9, label: "x" };
const jams = (...data: object[]): string =>
  JSON.stringify(
    {
      annotations: [
        { namespace: "tag", data: [] },
        { namespace: "beat", data },
      ],
    },
    null,
    1,
  );
const good = { time: 0, duration: 1, value: "a", confidence: null };

/** What is read how, the file, the line of the mistake, and what the message says of it. */
const MISTAKES: Record<string, [Read, string, string | Uint8Array, number, RegExp]> = {
  DCASE: [events, "t.tsv", "filename\tonset\toffset\tevent_label\na\t0\t1\tx\na\tzero\t1\tx\n", 3, /onset/],
  "a table without onsets": [events, "t.tsv", "\n# made by hand\nfilename\tkind\na\tx\n", 3, /header/],
  MusicNet: [events, "t.csv", "file,start_time,end_time,instrument,note,start_beat\na,0,9,1,200,0\n", 2, /pitch/],
  Audacity: [audacity, "t.txt", "0\t1\ta\n\\\t200\t300\n1\t0.5\ta\n", 3, /offset/],
  Raven: [events, "t.txt", "Begin File\tfile\tBegin Time (s)\tEnd Time (s)\tAnnotation\nx\ta\t0\tx\ty\n", 2, /offset/],
  RTTM: [
    events,
    "t.rttm",
    ";; speakers\n\nSPEAKER a 1 0 1 <NA> <NA> s <NA>\nSPEAKER a 1 0 -1 <NA> <NA> s <NA>\n",
    4,
    /offset/,
  ],
  CTM: [events, "t.ctm", "a 1 0.5 0.25 yes\na 1 x 0.25 no\n", 2, /onset/],
  TextGrid: [events, "{name}.TextGrid", grid("2", "0", "1", '"a"', "1", '"b"', '"c"'), 17, /xmax/],
  "TextGrid, cut short": [events, "{name}.TextGrid", grid("2", "0", "1", '"a"'), 16, /time: missing/],
  "TextGrid, kind of tier": [events, "{name}.TextGrid", grid().replace("IntervalTier", "Tier"), 8, /tier: "Tier"/],
  "TextGrid in UTF-8, damaged": [
    ...([
      events,
      "{name}.TextGrid",
      Buffer.concat([Buffer.from(grid("1", "0", "1")), Buffer.from([0x22, 0xff])]),
    ] as const),
    ...([15, /encoding/] as const),
  ],
  "JAMS, an entry": [events, "{name}.jams", jams(good, { ...good, time: -1 }), 16, /entry 2: time -1/],
  "JAMS, a value": [events, "{name}.jams", jams(good, good, { ...good, value: {} }), 22, /entry 3: value/],
  "JAMS in columns": [
    ...([
      events,
      "{name}.jams",
      '{"annotations": [\n{"namespace": "x",\n"data": {"time": [0,\n1,\n"2"], "duration": [0, 0, 0],',
    ] as const),
    ...([5, /JSON/] as const),
  ],
  "JAMS in columns, an entry": [
    ...([
      events,
      "{name}.jams",
      '{"annotations": [\n{"namespace": "x", "data": {"time": [0,\n"1"], "value": ["a", "b"]}}]}',
    ] as const),
    ...([3, /entry 2: time "1"/] as const),
  ],
  "JAMS, no json": [events, "{name}.jams", '{\n"annotations": [\n}\n]}', 3, /expected json/],
  "Kaldi's segments": [events, "segments", "u1 a 0 1\nu2 a 1 x\n", 2, /end/],
  "json lines": [
    manifest,
    "m.jsonl",
    '{"file_name": "a.wav", "label": "x"}\n\n{"file_name" "b.wav"}\n',
    3,
    /expected json/,
  ],
  "metadata.csv": [manifest, "metadata.csv", "file_name,label\na.wav,x\nb.wav,x,y\n", 3, /columns: 3, expected 2/],
  "metadata.csv, no such sound": [manifest, "metadata.csv", "file_name,label\na.wav,x\nc.wav,x\n", 3, /sound "c\.wav"/],
  "NSynth's examples.json": [
    manifest,
    "examples.json",
    JSON.stringify({ a: note, gone: note }, null, 2),
    8,
    /gone\.wav/,
  ],
  "a list in json": [
    manifest,
    "m.json",
    '[\n{"file_name": "a.wav", "label": "x"},\n{"file_name": "c.wav",\n"label": "x"}]',
    3,
    /c\.wav/,
  ],
  "a list in json, no object": [manifest, "m.json", '[\n{"file_name": "a.wav"},\n\n7]', 4, /7, expected an object/],
  "a list that is no json": [manifest, "m.json", '[\n{"file_name": "a.wav"},\n{"file_name":\n]', 4, /expected json/],
  "lhotse's supervisions in a list": [
    ...([(d, f) => fromManifest(d, f, { label: "id", recordings: "r.json" }), "s.json"] as [Read, string]),
    ...(['[\n{"id": 1, "recording_id": "x", "start": 0, "duration": 1}]', 2, /recording "x"/] as const),
  ],
  NeMo: [
    manifest,
    "n.json",
    '{"audio_filepath": "a.wav", "label": "x"}\n{"audio_filepath": 1, "label": "x"}\n',
    2,
    /file: 1/,
  ],
  "NeMo, times in quotes": [
    ...([manifest, "n.json"] as const),
    ...([
      '{"audio_filepath": "a.wav", "label": "x"}\n{"audio_filepath": "b.wav", "offset": "0.25", "label": "x"}\n',
      2,
    ] as const),
    /offset: "0\.25", expected a number of seconds/,
  ],
  csv: [table, "t.csv", "file,label\na.wav,x\nb.wav,\n", 3, /label: empty/],
  "csv, quotes": [table, "t.csv", 'file,label\na.wav,x\nb.wav,"x" y\n', 3, /quote/i],
  "csv, a column twice": [table, "t.csv", "\nfile,label,label\na.wav,x,y\n", 2, /twice/],
  "csv, Latin-1": [table, "t.csv", Buffer.from("file,label\na.wav,x\nb.wav,\u00e4\n", "latin1"), 3, /not UTF-8/],
  "metadata in json": [metadata, "m.json", '{"a.wav": {"artist": "x"},\n\n"b.wav": 1}', 3, /metadata of "b\.wav"/],
  "metadata that is no json": [
    metadata,
    "m.json",
    '{"a.wav": {"artist": "x"},\n"b.wav": {\'a\': 1}}',
    2,
    /expected json/,
  ],
  "metadata in csv": [metadata, "m.csv", "file,artist\na.wav,x\n\na.wav,y\n", 4, /twice and not the same/],
  "metadata in csv, quotes": [metadata, "m.csv", 'file,artist\na.wav,x\nb.wav,"x" y\n', 3, /quote/i],
  "an index of classes": [index, "set.csv", "file,dog\na.wav,1\nb.wav,x\n", 3, /label 1 is "x"/],
};

describe("the line of a mistake", () => {
  const sound = encodeWav({ sampleRate: 8000, channels: 1, samples: new Int16Array(8000).fill(9) });
  for (const [name, [read, file, text, line, message]] of Object.entries(MISTAKES)) {
    it(name, async (t) => {
      const directory = folder(t);
      const named = file.replace("{name}", "a");
      const files = { "a.wav": sound, "b.wav": sound, "audio/a.wav": sound, utt2spk: "u1 s\nu2 s\n", "r.json": "[{}]" };
      if (name.startsWith("NSynth")) Object.assign(files, { "a.wav": "", "b.wav": "" });
      for (const [path, data] of Object.entries({ ...files, [named]: text })) {
        mkdirSync(dirname(join(directory, path)), { recursive: true });
        if (data !== "") writeFileSync(join(directory, path), data);
      }
      await assert.rejects(read(directory, file), (error: unknown) => {
        assert.ok(error instanceof DatasetError, String(error));
        assert.match(error.message, message);
        assert.ok(error.message.includes(`(${named}:${line})`), `${error.message}: expected line ${line}`);
        for (const problem of error.problems) assert.equal(problem.line, line, problem.message);
        return true;
      });
    });
  }

  it("in json: where values begin, and where JSON.parse stops, of any json", () => {
    // One value or bracket a line, as JSON.stringify indents: the line of a value is told by the text before it.
    const json = fc.jsonValue({ maxDepth: 4 });
    fc.assert(
      fc.property(json, fc.nat(), fc.constantFrom("\n", "\r\n"), (value, cut, end) => {
        const text = JSON.stringify(value, null, 1).replaceAll("\n", end);
        if (typeof value === "object" && value !== null) {
          const lines = text.split(end);
          const starts = lines.flatMap((line, i) => (/^ [^ \]}]/.test(line) ? [i + 1] : []));
          const empty = Object.keys(value).length === 0;
          assert.deepEqual([...jsonLines(text).values()], empty ? [] : starts);
          Object.keys(value).forEach((key, i) => {
            assert.equal(jsonLine(text, [Array.isArray(value) ? i : key]), starts[i]);
          });
        }
        // Something that stands nowhere in json, in the place of one character outside of strings.
        const outside = [...text.replace(/"(?:[^"\\]|\\.)*"/g, (string) => "s".repeat(string.length))].map(
          (c) => c !== "s",
        );
        const at = cut % text.length;
        const broken = `${text.slice(0, at)}\u0001${text.slice(at)}`;
        if (!outside[at]) return;
        assert.throws(() => JSON.parse(broken) as unknown);
        assert.equal(jsonLine(broken), text.slice(0, at).split(/\r\n|\n|\r/).length);
      }),
      { numRuns: 500 },
    );
  });
});
