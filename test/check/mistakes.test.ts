import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, it } from "node:test";
import {
  AudioClassificationDataset,
  AudioDataset,
  DatasetError,
  encodeWav,
  fromCsv,
  type GenerateRecordsOptions,
  SimpleAudioClassificationDataset,
  writeNotes,
} from "../../dist/index.js";
import { folder } from "../support/records.js";
import { find } from "../support/programs.js";

// Mistakes that people make, and what each is told: it must say what to do.

type Files = Record<string, string | Uint8Array>;

const tone = Int16Array.from({ length: 800 }, (_, i) => 8000 * Math.sin(i / 3));
const wav = encodeWav({ sampleRate: 8000, channels: 1, samples: tone });
const stereo = encodeWav({ sampleRate: 8000, channels: 2, samples: tone });
const midi = writeNotes([{ pitch: 60, velocity: 90, onset: 0.01, offset: 0.05 }]);
const pair: Files = { "in/a.wav": wav, "out/a.wav": wav };
const kinds = {
  pairs: AudioDataset,
  classes: SimpleAudioClassificationDataset,
  frames: AudioClassificationDataset,
};

interface Mistake {
  kind: keyof typeof kinds;
  files: Files;
  options?: GenerateRecordsOptions;
  told: string;
}

const MISTAKES: Record<string, Mistake> = {
  "the folder in front of the names": {
    kind: "pairs",
    files: { ...pair, set: "in/a.wav,out/a.wav\n" },
    told: "file: not found, expected it in the folder; did you mean out/a.wav? (out/out/a.wav, set:1)",
  },
  "another case": {
    kind: "pairs",
    files: { "in/a.wav": wav, "out/A.WAV": wav, set: "a.wav,a.wav\n" },
    told: "file: not found, expected it in the folder; did you mean out/A.WAV? (out/a.wav, set:1)",
  },
  "no extension": {
    kind: "classes",
    files: { "in/a.wav": wav, "in/b.wav": wav, set: "a,1\nb,0\n" },
    told: "file: not found, expected it in the folder; did you mean in/a.wav? (in/a, set:1)",
  },
  "a target that isn't there, where the input has the same name": {
    kind: "pairs",
    files: { "in/a.wav": wav, "out/b.wav": wav, set: "a.wav,a.wav\n" },
    told: "file: not found, expected it in the folder (out/a.wav, set:1)",
  },
  "a key file that lies with the audio": {
    kind: "frames",
    files: { "in/a.wav": wav, "in/a_key.csv": "t,C4\n0,1\n", set: "a.wav,a_key.csv\n" },
    told: "file: not found, expected it in the folder; did you mean in/a_key.csv? (a_key.csv, set:1)",
  },
  "no key file": {
    kind: "frames",
    files: { "in/a b.wav": wav, set: "a b.wav\n" },
    told: 'key file of "a b.wav": none beside it, expected a b.mid, a b.csv or a b_key.csv, or one named in the line (set:1)',
  },
  "a header and nothing else": {
    kind: "pairs",
    files: { ...pair, set: "a,a\n" },
    told: "no rows below the header `a,a`, expected one line per example such as `input.wav,target.wav` (set:1)",
  },
  "semicolons in the index": {
    kind: "pairs",
    files: { ...pair, set: "a.wav;a.wav\n" },
    told: 'columns: 1, expected `input.wav,target.wav`; the line is separated by ";", expected commas (set:1)',
  },
  "labels for a dataset of pairs": {
    kind: "pairs",
    files: { ...pair, set: "a.wav,0,1\n" },
    told: "columns: 3, expected `input.wav,target.wav`; a line of that form is for SimpleAudioClassificationDataset (set:1)",
  },
  "pairs for a dataset of labels": {
    kind: "classes",
    files: { ...pair, set: "a.wav,a.wav\n" },
    told: 'label 1 is "a.wav", expected a number; a line of that form is for AudioDataset (set:1)',
  },
  "key files for a dataset of labels": {
    kind: "classes",
    files: { "in/a.wav": wav, set: "a.wav,a.mid\n" },
    told: 'label 1 is "a.mid", expected a number; a line of that form is for AudioClassificationDataset (set:1)',
  },
  "class names instead of numbers": {
    kind: "classes",
    files: { "in/a.wav": wav, set: "a.wav,dog\n" },
    told: 'label 1 is "dog", expected a number; for class names in a column use fromCsv (set:1)',
  },
  "a unit that doesn't exist": {
    kind: "frames",
    files: { "in/a.wav": wav, "a.csv": "t,C4\n0,1\n", set: "a.wav,a.csv\n" },
    options: { timeUnit: "second" as "seconds" },
    told: 'timeUnit: "second", expected frames, seconds, milliseconds, samples',
  },
  "samples taken for frames": {
    kind: "frames",
    files: { "in/a.wav": wav, "a.csv": "t,C4\n0,1\n400,0\n", set: "a.wav,a.csv\n" },
    options: { inputSize: 100 },
    told: 'time stamp 400: after the end of the audio at 8 frames; pass timeUnit: "milliseconds", "samples" or "seconds" if that is what it counts (a.csv:3)',
  },
  "semicolons in a key csv": {
    kind: "frames",
    files: { "in/a.wav": wav, "a.csv": "t;C4\n0;1\n1;0\n", set: "a.wav,a.csv\n" },
    told: 'check of set: 1 problem\n  header: 1 column, expected a time stamp and at least one feature; the line is separated by ";", expected commas (a.csv:1)',
  },
  "MIDI beside csvs that count frames": {
    kind: "frames",
    files: { ...pair, "in/b.wav": wav, "a.mid": midi, "b.csv": "t,C4\n0,1\n", set: "a.wav,a.mid\nb.wav,b.csv\n" },
    options: { pitches: [60, 60] },
    told: 'time stamps: in frames, expected samples as in most key files; MIDI and csv files can be combined with timeUnit: "seconds" or "samples" (b.csv)',
  },
  "a kind of note label that doesn't exist": {
    kind: "frames",
    files: { "in/a.wav": wav, "a.mid": midi, set: "a.wav,a.mid\n" },
    options: { targets: ["onset" as "onsets"] },
    told: 'targets: ["onset"], expected some of frames, onsets, offsets, each once',
  },
  M4A: {
    kind: "classes",
    files: { "in/a.m4a": Buffer.from("00000020667479704d344120", "hex"), set: "a.m4a,1\n" },
    told: find("ffmpeg")
      ? "file: FFmpeg can't read it: mov,mp4,m4a,3gp,3g2,mj2: error reading header (in/a.m4a)"
      : "format: MP4 or M4A, expected wav, FLAC, Ogg or MP3 (in/a.m4a); install FFmpeg's program, which reads it, or convert it first, for example: ffmpeg -i FILE out.wav",
  },
  "a page saved as a wav": {
    kind: "classes",
    files: { "in/a.wav": "<!DOCTYPE html>\n<title>404</title>", set: "a.wav,1\n" },
    told: 'format: text "<!DOCTYPE html>\\n<title>4", expected wav, FLAC, Ogg or MP3 (in/a.wav)',
  },
  "a rate as text": {
    kind: "classes",
    files: { "in/a.wav": wav, set: "a.wav,1\n" },
    options: { convert: { sampleRate: "16000" as unknown as number } },
    told: 'convert.sampleRate: "16000", expected a whole number above 0',
  },
  "two channels to three": {
    kind: "classes",
    files: { "in/a.wav": stereo, set: "a.wav,1\n" },
    options: { convert: { channels: 3 } },
    told: "channels: 2 to 3, expected a change to 1, from 1, or from 6 (5.1) to 2 (in/a.wav)",
  },
  "nothing left after skipping": {
    kind: "classes",
    files: { "in/a.wav": "", set: "a.wav,1\n" },
    options: { onProblem: "skip" },
    told: "check of set: 1 problem\n  file: empty, expected audio (in/a.wav)",
  },
  "an index of another kind": {
    kind: "pairs",
    files: pair,
    options: { index: { kind: "values", file: "some.csv", rows: [{ id: 0, line: 2, input: "a.wav", values: [1] }] } },
    told: "index some.csv: kind values, expected pairs; pass it to a RegressionDataset",
  },
};

describe("mistakes", () => {
  for (const [title, { kind, files, options, told }] of Object.entries(MISTAKES)) {
    it(title, async (t) => {
      const directory = folder(t);
      for (const [file, content] of Object.entries(files)) {
        mkdirSync(dirname(join(directory, file)), { recursive: true });
        writeFileSync(join(directory, file), content);
      }
      const dataset = new kinds[kind](directory, "set");
      await assert.rejects(dataset.generateRecords({ onProgress: false, workers: 1, ...options }), (error) => {
        assert.ok(error instanceof DatasetError, String(error));
        const lines = told.includes("\n") ? error.message : error.message.split("\n").map((line) => line.trim());
        assert.ok(lines.includes(told), `${error.message}\n\nexpected\n${told}`);
        return true;
      });
    });
  }

  it("a table whose cells are separated by something else", async (t) => {
    const directory = folder(t);
    writeFileSync(join(directory, "x.csv"), "filename;label\na.wav;dog\n");
    await assert.rejects(fromCsv(directory, "x.csv", { file: "filename", label: "label" }), {
      code: "OPTION",
      message:
        'column "filename": not in x.csv, expected one of filename;label; if cells are separated by ";", pass it as delimiter',
    });
    const index = await fromCsv(directory, "x.csv", { file: "filename", label: "label", delimiter: ";" });
    assert.deepEqual(index.labels, ["dog"]);
  });
});
