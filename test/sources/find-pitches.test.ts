import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { AudioClassificationDataset } from "../../dist/dataset.js";
import { findPitches } from "../../dist/sources/find-pitches.js";
import { openRecords } from "../../dist/records/open-records.js";
import { python } from "../support/python.js";
import { readExample } from "../../dist/records/read-example.js";

/** mido writes two songs and soundfile their audio; one note lies below a piano's keys. */
function songs(): string {
  const directory = mkdtempSync(join(tmpdir(), "songs-"));
  mkdirSync(join(directory, "in"));
  python(
    `
import mido, numpy as np, soundfile as sf
for name, notes in {"a": [(15, 0, 480), (60, 480, 960)], "b": [(72, 0, 240)]}.items():
    m = mido.MidiFile(type=0, ticks_per_beat=480); t = mido.MidiTrack(); m.tracks.append(t)
    edges = sorted([(on, 1, p) for p, on, off in notes] + [(off, 0, p) for p, on, off in notes])
    now = 0
    for tick, on, p in edges:
        t.append(mido.Message("note_on" if on else "note_off", note=p, velocity=64, time=tick - now)); now = tick
    m.save(f"{input}/in/{name}.mid")
    sf.write(f"{input}/in/{name}.wav", 0.3 * np.sin(np.arange(8000)), 8000, subtype="PCM_16")
print(0)`,
    directory,
  );
  writeFileSync(join(directory, "dataset"), "a.wav\nb.wav\n");
  return directory;
}

test("MIDI files beside the audio become records, their pitches found", async () => {
  const directory = songs();
  const dataset = new AudioClassificationDataset(directory, "dataset");
  await assert.rejects(
    dataset.generateRecords({ onProgress: false }),
    /pass `pitches: \[15, 108\]` or more \(in\/a\.mid\)/,
  );
  const pitches = await findPitches(directory, await dataset.readIndex());
  assert.deepEqual(pitches, [15, 72]);
  await dataset.generateRecords({ pitches, velocity: true, onProgress: false });
  const records = await openRecords(directory, "dataset");
  assert.equal(records.manifest.labels?.length, 58);
  assert.equal(records.manifest.timeUnit, "samples");
  const { events } = await readExample(records, 0);
  // 120 beats a minute: 480 ticks are half a second, 4,000 samples.
  assert.deepEqual(
    [events?.on, events?.off, events?.feature].map((list) => Array.from(list ?? [])),
    [
      [0, 4000],
      [4000, 8000],
      [0, 45],
    ],
  );
  assert.deepEqual(Array.from(events?.value ?? []), [64 / 127, 64 / 127].map(Math.fround));
});

test("files that can't be read, or hold no note, are said", async () => {
  const directory = songs();
  const index = await new AudioClassificationDataset(directory, "dataset").readIndex();
  writeFileSync(join(directory, "in/a.mid"), "no midi");
  await assert.rejects(findPitches(directory, index), { code: "LABEL", message: /MIDI header: none.*\(in\/a\.mid\)/ });
  await assert.rejects(findPitches(directory, { ...index, rows: [] }), {
    code: "LABEL",
    message: /none, expected at least one/,
  });
});
