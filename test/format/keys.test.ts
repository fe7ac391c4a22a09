import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { DatasetError } from "../../dist/core/error.js";
import { denseLabels, eventsOf, type KeyOptions, parseKeys, UNTIL_END } from "../../dist/format/keys.js";
import { python, root } from "../support/python.js";
import { formatKeys } from "../../dist/format/format-keys.js";

function problems(text: string, options: KeyOptions = {}): string[] {
  try {
    parseKeys(text, "k.csv", options);
  } catch (error) {
    assert.ok(error instanceof DatasetError && error.code === "LABEL", String(error));
    return error.problems.map((p) => p.message);
  }
  return [];
}

test("the original's key csvs give the labels of the original's records", () => {
  const folder = join(root, "test/fixtures/original/frames");
  const expected = JSON.parse(readFileSync(join(folder, "expected.json"), "utf8"));
  const stored = new Map<string, string>();
  for (const record of expected.records) stored.set(record.source_a_in[0], record.features.b_val.sha256_f32le);
  assert.equal(expected.files.length, 8);
  for (const { wav, csv, samples, frames } of expected.files) {
    const text = readFileSync(join(folder, csv), "utf8");
    const options = { timeUnit: "seconds" as const, sampleRate: 8000, samples, inputSize: expected.input_size };
    const keys = parseKeys(text, csv, options);
    assert.deepEqual(keys.labels, ["FEATURE 1", "FEATURE 2", "FEATURE 3"]);
    assert.equal(keys.rows, frames);
    const dense = denseLabels(keys.events, { frames, features: 3, inputSize: 256, timeUnit: keys.timeUnit });
    const bytes = new Uint8Array(dense.buffer);
    assert.equal(createHash("sha256").update(bytes).digest("hex"), stored.get(wav), csv);
  }
});

test("a row holds until the next, in frames, samples, seconds and milliseconds", () => {
  const frames = parseKeys("t,a,b\n0,0,0\n2,1,0.5\n3,1,0\n5,0,0\n", "k.csv");
  assert.deepEqual(frames.events, { on: [2, 2], off: [5, 3], feature: [0, 1], value: [1, 0.5] });
  assert.equal(frames.timeUnit, "frames");
  const wanted = [0, 0, 0, 0, 1, 0.5, 1, 0, 1, 0, 0, 0, 0, 0];
  const shape = { frames: 7, features: 2, inputSize: 100 };
  assert.deepEqual([...denseLabels(frames.events, { ...shape, timeUnit: "frames" })], wanted);
  const samples = parseKeys("t,a,b\n0,0,0\n200,1,0.5\n300,1,0\n500,0,0\n", "k.csv", { timeUnit: "samples" });
  assert.deepEqual([...denseLabels(samples.events, { ...shape, timeUnit: "samples" })], wanted);
  const seconds = parseKeys("t,a,b\n0.0,0,0\n0.0249,1,0.5\n0.0376,1,0\n0.0625,0,0\n", "k.csv", {
    timeUnit: "seconds",
    sampleRate: 8000,
  });
  assert.equal(seconds.timeUnit, "samples");
  assert.deepEqual([...denseLabels(seconds.events, { ...shape, timeUnit: "samples" })], wanted);
  const text = "t,a,b\n0,0,0\n24.9,1,0.5\n37.6,1,0\n62.5,0,0\n";
  const milliseconds = parseKeys(text, "k.csv", { timeUnit: "milliseconds", sampleRate: 8000 });
  assert.deepEqual(milliseconds.events, seconds.events);
});

test("the last row holds to the end of the audio", () => {
  const text = "t,a\n1,1\n";
  assert.deepEqual(parseKeys(text, "k.csv").events.off, [UNTIL_END]);
  const options = { samples: 1100, timeUnit: "samples" as const };
  const { events } = parseKeys("t,a,b\n250,1,0\n800,1,1\n", "k.csv", options);
  assert.deepEqual(events.off, [UNTIL_END, UNTIL_END]);
  const dense = denseLabels(events, { frames: 5, features: 2, inputSize: 256, timeUnit: "samples" });
  assert.deepEqual([...dense], [0, 0, 1, 0, 1, 0, 1, 1, 1, 1]);
});

test("a window starts anywhere, and a short event still marks one frame", () => {
  const events = { on: [0, 10, 700], off: [600, 20, 720], feature: [0, 1, 1], value: [1, 1, 1] };
  const at = (start: number, frames: number): number[] => [
    ...denseLabels(events, { frames, features: 2, inputSize: 100, timeUnit: "samples", start }),
  ];
  assert.deepEqual(at(0, 8), [1, 1, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 0, 0, 0, 1]);
  assert.deepEqual(at(500, 3), [1, 0, 0, 0, 0, 1]);
  assert.deepEqual(at(650, 1), [0, 0]);
  const whole = at(0, 8);
  for (let first = 0; first < 8; first++) assert.deepEqual(at(first * 100, 8 - first), whole.slice(2 * first));
});

test("CRLF, byte order mark, quotes and spaces are fine", () => {
  const { labels, events } = parseKeys(
    '\uFEFF"TIME STAMP", "note, low" ,B\r\n0 ,"1", 0\r\n1,1e0,.5\r\n\r\n\r\n',
    "k.csv",
  );
  assert.deepEqual(labels, ["note, low", "B"]);
  assert.deepEqual(events, { on: [0, 1], off: [UNTIL_END, UNTIL_END], feature: [0, 1], value: [1, 0.5] });
});

test("every bad line is reported at once, with file and line", () => {
  assert.deepEqual(problems("t,a,b\n0,1,0\n1,1\n\n2,x,0\n2,0,0\n2,0,0\n1,0,0\n3,0,0,0\n-1,0,0\n4.5,0,0\n5,,0\n"), [
    "columns: 2, expected 3 as in the header (k.csv:3)",
    "line: blank, expected a row; delete it (k.csv:4)",
    'column 2: "x", expected a number (k.csv:5)',
    "time stamp 2: repeats the row before, expected more than 2 (k.csv:7)",
    "time stamp 1: goes back, expected more than 2 (k.csv:8)",
    "columns: 4, expected 3 as in the header (k.csv:9)",
    "time stamp -1: negative, expected 0 or more (k.csv:10)",
    'time stamp 4.5: not a whole number of frames; pass timeUnit: "seconds" if that is what it counts (k.csv:11)',
    'column 2: "", expected a number (k.csv:12)',
  ]);
  assert.match(
    problems("0,1,0\n1,1,0\n")[0] ?? "",
    /header: numbers, expected names .* the first row would be lost \(k\.csv:1\)/,
  );
  assert.match(problems("")[0] ?? "", /file: empty, expected a header/);
  assert.match(problems("t,a\n")[0] ?? "", /rows: none/);
  assert.match(problems("t\n0\n")[0] ?? "", /header: 1 column, expected a time stamp and at least one feature/);
  assert.match(problems("t,a,a\n0,1,1\n")[0] ?? "", /feature name "a": appears twice/);
  assert.throws(() => parseKeys("t,a\n0,1\n", "k.csv", { timeUnit: "seconds" }), { code: "OPTION" });
});

test("the number of rows is compared with the number of frames", () => {
  const rows = (n: number, step = 1): string =>
    `t,a\n${Array.from({ length: n }, (_, i) => `${i * step},1`).join("\n")}\n`;
  const audio = { samples: 2048, inputSize: 256 };
  assert.deepEqual(problems(rows(8), audio), []);
  assert.deepEqual(problems(rows(9), audio), [], "the original wants one more row when the size divides the length");
  assert.match(problems(rows(5), audio)[0] ?? "", /rows: 5, expected 8, one per frame of 256 samples; .* \(k\.csv:6\)/);
  assert.match(
    problems(rows(10), audio)[0] ?? "",
    /time stamp 9: after the end of the audio at 8 frames; pass timeUnit: "milliseconds", "samples" or "seconds" .* \(k\.csv:11\)/,
  );
  assert.deepEqual(problems(rows(3, 2), audio), [], "rows with gaps hold");
  const late = problems("t,a\n0,1\n0.3,0\n", { ...audio, timeUnit: "seconds", sampleRate: 8000 });
  assert.deepEqual(late, ["time stamp 0.3: after the end of the audio at 0.256 seconds (k.csv:3)"]);
});

test("lines may end as on old Macs", () => {
  const [mac, unix] = ["t,a\r0,1\r3,0\r", "t,a\n0,1\n3,0\n"].map((text) => parseKeys(text, "k.csv"));
  assert.deepEqual(mac, unix);
});

const MAX_FLOAT32 = 3.4028234663852886e38;

test("numbers read as Python reads them, whatever their notation", () => {
  const number = fc.oneof(
    fc.double({ noNaN: true, min: -MAX_FLOAT32, max: MAX_FLOAT32 }).map(String),
    fc
      .tuple(fc.integer({ min: 0, max: 1e9 }), fc.integer({ min: 0, max: 12 }))
      .map(([n, d]) => (n / 10 ** d).toFixed(d)),
    fc.constantFrom("0", "-0", "1.", ".5", "+3", "00012", "1e-7", "0.1234567890123456789"),
  );
  const cells = fc.sample(number, { numRuns: 2000, seed: 7 });
  const text = `t,a\n${cells.map((cell, i) => `${i},${cell}`).join("\n")}\n`;
  const { events } = parseKeys(text, "k.csv");
  const ours = denseLabels(events, { frames: cells.length, features: 1, inputSize: 1, timeUnit: "frames" });
  const theirs: string[] = python(
    "import numpy as np, warnings\nwarnings.simplefilter('ignore')\nprint(json.dumps([np.float32(float(c)).tobytes().hex() for c in input]))",
    cells,
  );
  const hex = (x: number): string => Buffer.from(new Float32Array([x === 0 ? 0 : x]).buffer).toString("hex");
  theirs.forEach((bits, i) => {
    const expected = bits === "00000080" ? "00000000" : bits;
    assert.equal(hex(ours[i] as number), expected, cells[i]);
  });
  // Python's float32 would be infinite.
  assert.deepEqual(problems("t,a\n0,1e39\n", {}), [
    'column 2: "1e39", expected a number; float32 holds none beyond 3.4e38 (k.csv:2)',
  ]);
});

test("labels written as a key csv read back to the same float32 values", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 4 }).chain((features) =>
        fc.tuple(
          fc.constant(features),
          fc.array(
            fc.float({ noNaN: true, noDefaultInfinity: true }).map((x) => x + 0),
            { minLength: features, maxLength: 40 },
          ),
        ),
      ),
      fc.constantFrom("frames" as const, "seconds" as const, "milliseconds" as const, "samples" as const),
      ([features, values], timeUnit) => {
        const frames = Math.floor(values.length / features);
        const dense = Float32Array.from(values.slice(0, frames * features), (x) => (x === 0 ? 0 : x));
        const labels = Array.from({ length: features }, (_, i) => (i === 0 ? 'low, "C"' : `n${i}`));
        const audio = { timeUnit, inputSize: 300, sampleRate: 22050 };
        const keys = parseKeys(formatKeys(dense, { labels, ...audio }), "k.csv", audio);
        assert.deepEqual(keys.labels, labels);
        const shape = { frames, features, inputSize: 300, timeUnit: keys.timeUnit };
        assert.deepEqual(denseLabels(keys.events, shape), dense);
        assert.deepEqual(denseLabels(eventsOf(dense, features), { ...shape, timeUnit: "frames" }), dense);
      },
    ),
  );
});

test("a table of events is no key csv", () => {
  for (const header of [
    "onset,offset,pitch",
    "start_time,end_time,note",
    "OnsetTime,OffsetTime,MidiPitch",
    "start,stop,instrument",
    "begin_s,end_s,pitch",
    "time_start,time_end,label",
    "t_on,t_off,label",
    "t0,t1,label",
  ]) {
    const [, end] = header.split(",");
    assert.throws(() => parseKeys(`${header}\n0,1,60\n`, "k.csv"), {
      code: "LABEL",
      message: new RegExp(`feature "${end}": a table of events, expected a column per label; .* \\(k\\.csv:1\\)`),
    });
  }
  assert.deepEqual(parseKeys("time,pitch\n0,440\n", "k.csv").labels, ["pitch"]);
  assert.deepEqual(parseKeys("time,go,stop\n0,1,0\n", "k.csv").labels, ["go", "stop"]);
});
