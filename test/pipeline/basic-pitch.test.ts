// Spotify's basic-pitch, the model that its npm package ships, as a pipeline described by hand; its values are those of PyPI's basic-pitch
// (fixtures/basic-pitch/record.py).
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { createPipeline, loadPipeline, loadTensorFlow, type Pipeline, readAudio, readMidi } from "../../dist/index.js";
import { pitchOf } from "../../dist/core/pitch.js";
import { python } from "../support/python.js";
import { quiet } from "../support/records.js";

const directory = mkdtempSync(join(tmpdir(), "basic-pitch-"));
after(() => rmSync(directory, { recursive: true }));
const fixtures = join(__dirname, "../fixtures/basic-pitch");
const song = join(fixtures, "song.flac");
/** A row of labels, and what each piece predicts, in rows. */
const FRAME = 256;
const ROWS = 141;
const OUTPUTS = { contour: ["Identity", 264], onset: ["Identity_2", 88], note: ["Identity_1", 88] } as const;

const recorded = (name: string): Float32Array => {
  const bytes = readFileSync(join(fixtures, name));
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
};

let model: Awaited<ReturnType<ReturnType<typeof loadTensorFlow>["loadGraphModel"]>>;

before(async () => {
  const place = join(directory, "package");
  mkdirSync(place);
  const [file] = execFileSync("npm", ["pack", "--silent", "@spotify/basic-pitch@1.0.1"], {
    cwd: place,
    encoding: "utf8",
  })
    .trim()
    .split("\n");
  execFileSync("tar", ["xzf", file!, "package/model"], { cwd: place });
  model = await loadTensorFlow().loadGraphModel(`file://${join(place, "package/model/model.json")}`);
});

const pitchNames = Array.from({ length: 88 }, (_, k) => {
  const names = ["A", "A#", "B", "C", "C#", "D", "D#", "E", "F", "F#", "G", "G#"];
  return `${names[k % 12]}${Math.floor((k + 9) / 12)}`;
});

function heard(output: keyof typeof OUTPUTS): Pipeline {
  const [name, width] = OUTPUTS[output];
  return createPipeline(model, {
    ...{ kind: "frames", sampleRate: 22050, inputSize: FRAME, input: "samples", output: name, thresholds: 0.3 },
    window: { length: 43844, context: 15 * FRAME },
    ...(width === 88 ? { labels: pitchNames } : {}),
  });
}

test("outputs are those of PyPI's basic-pitch", async () => {
  const whole = recorded("whole.f32");
  const first = recorded("first.f32");
  const width = 264 + 88 + 88;
  let column = 0;
  for (const [output, [, own]] of Object.entries(OUTPUTS)) {
    const prediction = await heard(output as keyof typeof OUTPUTS).predict(song, quiet);
    assert.ok(prediction.kind === "frames" && prediction.features === own);
    const rows = prediction.values.length / own;
    assert.equal(Math.ceil(rows / 8), whole.length / width);
    for (let row = 0; row < rows; row += 8) {
      for (let k = 0; k < own; k++) {
        const found = prediction.values[row * own + k]!;
        const at = (row / 8) * width + column + k;
        for (const expected of row < ROWS ? [whole[at]!, first[at]!] : [whole[at]!]) {
          assert.ok(Math.abs(found - expected) <= 1e-5, `${output}, row ${row}, ${k}: ${found}, expected ${expected}`);
        }
      }
    }
    column += own;
  }
});

test("its notes are those of the MIDI file that was rendered", async () => {
  const prediction = await heard("note").predict(song, quiet);
  assert.ok(prediction.kind === "frames");
  const played = readMidi(readFileSync(join(fixtures, "song.mid")), "song.mid").notes;
  const { f1 } = python(
    `
import numpy as np
from mir_eval.transcription import precision_recall_f1_overlap as score
from mir_eval.util import midi_to_hz
side = lambda notes: (np.array([n[:2] for n in notes]), midi_to_hz(np.array([n[2] for n in notes])))
print(json.dumps({"f1": score(*side(input["played"]), *side(input["heard"]), offset_ratio=None)[2]}))`,
    {
      played: played.map(({ onset, offset, pitch }) => [onset, offset, pitch]),
      heard: prediction.events.map(({ onset, offset, label }) => [onset, offset, pitchOf(label)]),
    },
  ) as { f1: number };
  assert.ok(f1 >= 0.7, `F1 ${f1}, expected at least 0.7`);
  assert.ok(readMidi(prediction.toMidi(), "predicted").notes.length >= 6);
});

test("a stream gives the same, and so does the saved pipeline", async () => {
  const pipeline = heard("onset");
  const prediction = await pipeline.predict(song, quiet);
  assert.ok(prediction.kind === "frames");
  const { samples } = await readAudio(song);
  const stream = pipeline.stream();
  assert.equal(stream.latency, (43844 - 15 * FRAME) / 22050);
  const pieces = [];
  for (let at = 0; at < samples.length; at += 10000) {
    const part = samples.subarray(at, at + 10000);
    pieces.push(...(await stream.push(Float32Array.from(part))));
  }
  pieces.push(...(await stream.end()));
  const values = pieces.flatMap((piece) => [...piece.values]).slice(0, prediction.values.length);
  for (const [i, value] of values.entries()) assert.ok(Math.abs(value - prediction.values[i]!) <= 1e-5, `value ${i}`);
  assert.deepEqual(
    pieces.map(({ start }) => start),
    pieces.map((_, k) => (k * ROWS * FRAME) / 22050),
  );
  const place = join(directory, "saved");
  await pipeline.save(place);
  const again = await (await loadPipeline(place)).predict(song, quiet);
  assert.deepEqual(again.kind === "frames" && again.values, prediction.values);
});

test("an output or a context that can't be is refused", () => {
  const described = heard("note").description;
  for (const [change, message] of [
    [{ output: "notes" }, /^output: "notes", expected one of Identity, Identity_1, Identity_2$/],
    [{ window: { length: 43844, context: 100 } }, /^context: 100, expected whole rows of labels/],
    [{ input: "rows" }, /^model input: \[batch, 43844, 1\], expected \[batch, 172, 256\]/],
  ] as const) {
    assert.throws(() => createPipeline(model, { ...described, ...change }), { code: "OPTION", message });
  }
});
