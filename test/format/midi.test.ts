import assert from "node:assert/strict";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { DatasetError } from "../../dist/core/error.js";
import { denseLabels, eventsOf } from "../../dist/format/keys.js";
import { pitchName } from "../../dist/core/pitch.js";
import { labelsToMidi, midiLabels, noteLabels, readLabels } from "../../dist/format/labels.js";
import { type Note, readMidi } from "../../dist/format/midi.js";
import { python } from "../support/python.js";
import { writeNotes } from "../../dist/format/write-midi.js";

/** A track's bytes from [delta ticks, bytes…] events. */
function track(...events: number[][]): number[] {
  const body = events.flatMap(([delta = 0, ...bytes]) => [
    ...(delta >= 128 ? [128 | (delta >> 7), delta & 127] : [delta]),
    ...bytes,
  ]);
  body.push(0, 0xff, 0x2f, 0);
  return [...chunk("MTrk", body)];
}

function chunk(id: string, body: number[]): number[] {
  const size = body.length;
  return [...Buffer.from(id), (size >> 24) & 255, (size >> 16) & 255, (size >> 8) & 255, size & 255, ...body];
}

function midi(division: number, ...tracks: number[][]): Uint8Array {
  const head = chunk("MThd", [0, tracks.length > 1 ? 1 : 0, 0, tracks.length, (division >> 8) & 255, division & 255]);
  return new Uint8Array([...head, ...tracks.flat()]);
}

const short = (notes: readonly Note[]): [number, number, number][] =>
  notes.map((n) => [n.pitch, Math.round(n.onset * 1e6) / 1e6, Math.round(n.offset * 1e6) / 1e6]);

const ON = (pitch: number, velocity = 100): number[] => [0x90, pitch, velocity];
const OFF = (pitch: number): number[] => [0x80, pitch, 0];
const PEDAL = (value: number): number[] => [0xb0, 64, value];

test("notes of files written by mido are pretty_midi's notes: tempo changes, several tracks, velocity 0 as note-off", () => {
  const folder = mkdtempSync(join(tmpdir(), "midi-"));
  const files: { bytes: number[]; notes: [number, number, number, number][] }[] = python(
    `
import mido, pretty_midi, random, os, warnings
warnings.simplefilter("ignore")
r = random.Random(3)
out = []
for k in range(12):
    m = mido.MidiFile(type=1, ticks_per_beat=r.choice([96, 220, 480, 960]))
    meta = mido.MidiTrack(); m.tracks.append(meta)
    for _ in range(r.randint(0, 8)):
        meta.append(mido.MetaMessage("set_tempo", tempo=r.randint(200000, 900000), time=r.randint(0, 900)))
    meta.append(mido.MetaMessage("marker", text="x" * 300, time=5))
    for t in range(3):
        track = mido.MidiTrack(); m.tracks.append(track)
        track.append(mido.Message("program_change", program=t, channel=t))
        edges = []
        for _ in range(60):
            pitch, start = r.randint(30, 40) + 12 * t, r.randint(0, 8000)
            edges.append((start, "note_on", pitch, r.randint(1, 127)))
            edges.append((start + r.randint(1, 900), r.choice(["note_off", "note_on"]), pitch, 0))
        edges.sort()
        now = 0
        for tick, kind, pitch, velocity in edges:
            track.append(mido.Message(kind, note=pitch, velocity=velocity, channel=t, time=tick - now)); now = tick
    path = os.path.join(input, f"{k}.mid")
    m.save(path)
    p = pretty_midi.PrettyMIDI(path)
    notes = sorted((n.pitch, n.start, n.end, n.velocity) for i in p.instruments for n in i.notes)
    out.append({"bytes": list(open(path, "rb").read()), "notes": notes})
print(json.dumps(out))`,
    folder,
  );
  assert.equal(files.length, 12);
  for (const { bytes, notes } of files) {
    assert.ok(notes.length > 60);
    const { notes: found, duration } = readMidi(Uint8Array.from(bytes), "x.mid");
    // pretty_midi drops what is never ended.
    const ended = found.filter(
      (n) => n.offset < duration || notes.some(([p, , end]) => p === n.pitch && end >= duration - 1e-9),
    );
    const ours = ended
      .map((n) => [n.pitch, n.onset, n.offset, n.velocity])
      .sort((a, b) => a[0]! - b[0]! || a[1]! - b[1]! || a[2]! - b[2]!);
    const missing = notes.filter(
      ([p, s, e, v]) =>
        !ours.some((o) => o[0] === p && Math.abs(o[1]! - s) < 1e-9 && Math.abs(o[2]! - e) < 1e-9 && o[3] === v),
    );
    assert.deepEqual(missing, []);
    assert.equal(ours.length, notes.length);
  }
});

test("careless files give pretty_midi's notes: note-offs alone, notes struck twice, notes of no length", () => {
  const files: { bytes: number[]; notes: [number, number, number, number][] }[] = python(
    `
import mido, pretty_midi, random, os, warnings
warnings.simplefilter("ignore")
out = []
for k in range(60):
    r = random.Random(k)
    m = mido.MidiFile(type=1, ticks_per_beat=r.choice([96, 480]))
    for t in range(r.randint(1, 3)):
        track = mido.MidiTrack(); m.tracks.append(track)
        for _ in range(r.randint(0, 80)):
            kind = r.choice(["note_on", "note_on", "note_off", "control_change"])
            time = r.choice([0, 0, 1, r.randint(0, 600)])
            channel = r.choice([0, 1])
            if kind == "control_change": track.append(mido.Message(kind, control=r.choice([7, 64]), value=r.randint(0, 127), channel=channel, time=time))
            else: track.append(mido.Message(kind, note=r.randint(60, 63), velocity=r.choice([0, 1, 90]), channel=channel, time=time))
    path = os.path.join(input, f"{k}.mid")
    m.save(path)
    p = pretty_midi.PrettyMIDI(path)
    out.append({"bytes": list(open(path, "rb").read()), "notes": [(n.pitch, n.start, n.end, n.velocity) for i in p.instruments for n in i.notes]})
print(json.dumps(out))`,
    mkdtempSync(join(tmpdir(), "midi-")),
  );
  const form = ([pitch, onset, offset, velocity]: [number, number, number, number]): string =>
    `${pitch} ${onset.toFixed(9)} ${offset.toFixed(9)} ${velocity}`;
  let count = 0;
  for (const [k, { bytes, notes }] of files.entries()) {
    const { notes: found, duration } = readMidi(Uint8Array.from(bytes), `${k}.mid`);
    const theirs = notes.map(form).sort();
    const ours = found.map((n): [number, number, number, number] => [n.pitch, n.onset, n.offset, n.velocity]);
    // pretty_midi drops what is never ended; here that sounds to the end.
    const held = ours.filter(([, , offset]) => offset === duration).map(form);
    for (const note of theirs) if (held.includes(note)) held.splice(held.indexOf(note), 1);
    const all = ours.map(form).sort();
    for (const note of held) all.splice(all.indexOf(note), 1);
    assert.deepEqual(all, theirs, `${k}.mid`);
    count += theirs.length;
  }
  assert.ok(count > 800, `${count} notes`);
  const graceNote = midi(480, track([96, ...ON(60)], [0, ...OFF(60)], [96, ...ON(64)], [96, ...OFF(64)]));
  assert.deepEqual(short(readMidi(graceNote, "x").notes), [[64, 0.2, 0.3]]);
});

test("tens of thousands of notes that nobody ends are read, and counted where they do not fit", () => {
  const strikes = Array.from({ length: 60_000 }, () => [1, ...ON(60)]);
  const { notes } = readMidi(midi(480, track(...strikes, [1, ...OFF(60)])), "x", { sustain: true });
  assert.equal(notes.length, 60_000);
  assert.ok(notes.every(({ offset }) => Math.abs(offset - 60_001 / 960) < 1e-9));
  assert.throws(() => midiLabels([...notes, ...notes, ...notes], "x", { sampleRate: 8000, pitches: [61, 62] }), {
    message: /notes outside 61 to 62: 180000, expected none; pass `pitches: \[60, 62\]` or more/,
  });
});

test("a note that no MIDI file can hold is refused", () => {
  const note = { pitch: 60, velocity: 90, onset: 0, offset: 1 };
  for (const [bad, message] of [
    [{ pitch: 128 }, /note 1: pitch 128, expected a whole number from 0 to 127/],
    [{ pitch: 60.5 }, /pitch 60\.5/],
    [{ onset: -0.1 }, /note 1: onset -0\.1, offset 1, expected seconds from 0/],
    [{ offset: Number.NaN }, /offset NaN/],
    [{ velocity: Number.NaN }, /velocity NaN, expected a number/],
    [{ onset: 0.5, offset: 0.2 }, /note 1: offset 0\.2, expected no less than its onset, 0\.5/],
  ] as const) {
    assert.throws(() => writeNotes([note, { ...note, ...bad }]), { code: "OPTION", message });
  }
  // 28 bits of ticks at 19200 a second
  assert.throws(() => writeNotes([note, { ...note, onset: 13983, offset: 13984 }]), {
    code: "OPTION",
    message: "notes: nothing begins or ends from 1 s to 13983 s, expected at most 13981 s between two",
  });
  assert.equal(readMidi(writeNotes([note, { ...note, onset: 13981, offset: 27962 }]), "x").duration, 27962);
});

test("a program that there isn't is refused, and so is a sixteenth note of one pitch at once", () => {
  const note = { pitch: 60, velocity: 90, onset: 0, offset: 1 };
  for (const program of [200, -1, 0.5]) {
    assert.throws(() => writeNotes([note], { program }), { code: "OPTION", message: /^program: .*from 0 to 127/ });
  }
  assert.equal(readMidi(writeNotes(Array(15).fill(note)), "x").notes.length, 15);
  assert.throws(() => writeNotes(Array(16).fill(note)), {
    code: "OPTION",
    message: "notes of pitch 60: more than 15 at once, expected at most that many, one per channel",
  });
});

test("notes that overlap, lie in each other, touch or have no length are all there for pretty_midi and for us", () => {
  const note = fc.record({
    pitch: fc.integer({ min: 60, max: 62 }),
    velocity: fc.integer({ min: 1, max: 127 }),
    onset: fc.integer({ min: 0, max: 20 }).map((n) => n / 8),
    length: fc.integer({ min: 0, max: 12 }).map((n) => n / 8),
  });
  const sets = fc
    .sample(fc.array(note, { minLength: 1, maxLength: 14 }), { numRuns: 60, seed: 1 })
    .map((notes) => notes.map(({ length, ...rest }) => ({ ...rest, offset: rest.onset + length })));
  const files = sets.map((notes) => writeNotes(notes, { program: 5 }));
  const read: [number, number, number, number][][] = python(
    `
import io, pretty_midi
out = []
for data in input:
    found = pretty_midi.PrettyMIDI(io.BytesIO(bytes(data)))
    assert all(i.program == 5 and not i.is_drum for i in found.instruments)
    out.append([[n.pitch, n.velocity, n.start, n.end] for i in found.instruments for n in i.notes])
print(json.dumps(out))`,
    files.map((file) => [...file]),
  );
  type Quad = readonly [number, number, number, number];
  const sorted = (notes: readonly Quad[]): string[] =>
    notes.map(([pitch, velocity, on, off]) => `${pitch} ${velocity} ${on.toFixed(3)} ${off.toFixed(3)}`).sort();
  for (const [k, notes] of sets.entries()) {
    const wanted = sorted(notes.map((n) => [n.pitch, n.velocity, n.onset, n.offset]));
    const ours = readMidi(files[k]!, "x").notes.map((n): Quad => [n.pitch, n.velocity, n.onset, n.offset]);
    assert.deepEqual(sorted(ours), wanted);
    assert.deepEqual(sorted(read[k]!), wanted);
  }
});

test("switching all notes of a channel off ends them, and those of no other channel", () => {
  for (const controller of [120, 123, 124, 125, 126, 127]) {
    const off = [480, 0xb0, controller, 0];
    const events = track([0, ...ON(60)], [0, 0x91, 64, 90], off, [480, 0x81, 64, 0], [480, ...OFF(60)]);
    const { notes, hanging } = readMidi(midi(480, events), "x");
    assert.deepEqual(short(notes), [
      [60, 0, 0.5],
      [64, 0, 1],
    ]);
    assert.equal(hanging, 0);
  }
});

test("a tempo of zero, and one that the end of the track cuts, are damage", () => {
  const note = [
    [0, ...ON(60)],
    [100, ...OFF(60)],
  ] as const;
  const zero = midi(480, track(...note.map((event) => [...event]), [0, 0xff, 0x51, 3, 0, 0, 0]));
  assert.throws(() => readMidi(zero, "a.mid"), {
    code: "FORMAT",
    message: /tempo 0 microseconds per beat, expected more than 0, the file is damaged \(a\.mid\)/,
  });
  const cut = midi(480, chunk("MTrk", [0, 0x90, 60, 90, 100, 0x80, 60, 0, 0, 0xff, 0x51, 3, 7]));
  assert.throws(() => readMidi(cut, "a.mid"), { code: "FORMAT", message: /the file is damaged \(a\.mid\)/ });
});

test("labels say so where all notes are percussion, and where notes are never ended", () => {
  const warnings = (bytes: Uint8Array, options = {}): string[] =>
    (readLabels(bytes, "a.mid", { sampleRate: 8000, ...options }).warnings ?? []).map(({ message }) => message);
  const drums = midi(480, track([0, 0x99, 38, 90], [100, 0x89, 38, 0]));
  assert.deepEqual(warnings(drums), [
    "notes: none, expected at least one: every label is 0; all 1 are percussion (channel 10): pass percussion: true to keep them (a.mid)",
  ]);
  assert.deepEqual(warnings(drums, { percussion: true }), []);
  assert.deepEqual(warnings(midi(480, track())), ["notes: none, expected at least one: every label is 0 (a.mid)"]);
  assert.deepEqual(warnings(midi(480, track([0, ...ON(60)], [96, ...ON(64)], [384, ...OFF(64)]))), [
    "notes never ended: 1, expected none; they are held to the end of the file (a.mid)",
  ]);
});

test("SMPTE time: 25 frames of 40 ticks make a tick a millisecond; 29 stands for 29.97", () => {
  const notes = readMidi(midi(((256 - 25) << 8) | 40, track([100, ...ON(60)], [250, ...OFF(60)])), "x").notes;
  assert.deepEqual(short(notes), [[60, 0.1, 0.35]]);
  const drop = readMidi(midi(((256 - 29) << 8) | 100, track([30, ...ON(60)], [300, ...OFF(60)])), "x").notes;
  assert.ok(Math.abs(drop[0]!.onset - 0.01001) < 1e-9 && Math.abs(drop[0]!.offset - 0.11011) < 1e-9);
});

test("a note that is never ended sounds to the end of the file", () => {
  const notes = readMidi(midi(480, track([0, ...ON(60)], [96, ...ON(64)], [384, ...OFF(64)])), "x").notes;
  assert.deepEqual(short(notes), [
    [60, 0, 0.5],
    [64, 0.1, 0.5],
  ]);
});

test("the sustain pedal is an option", () => {
  const file = midi(
    480,
    track(
      [0, ...ON(60)],
      [96, ...PEDAL(127)],
      [96, ...OFF(60)],
      [0, ...ON(62)],
      [96, ...OFF(62)],
      [96, ...ON(62)],
      [96, ...PEDAL(0)],
      [96, ...OFF(62)],
    ),
  );
  assert.deepEqual(short(readMidi(file, "x").notes), [
    [60, 0, 0.2],
    [62, 0.2, 0.3],
    [62, 0.4, 0.6],
  ]);
  assert.deepEqual(short(readMidi(file, "x", { sustain: true }).notes), [
    [60, 0, 0.5],
    [62, 0.2, 0.4],
    [62, 0.4, 0.6],
  ]);
});

test("percussion is left out unless asked for", () => {
  const file = midi(480, track([0, 0x99, 36, 90], [96, 0x89, 36, 0]));
  assert.equal(readMidi(file, "x").notes.length, 0);
  assert.equal(readMidi(file, "x", { percussion: true }).notes.length, 1);
});

test("RIFF MIDI and unknown chunks are read", () => {
  const plain = midi(480, track([0, ...ON(60)], [480, ...OFF(60)]));
  const [head, tracks] = [plain.slice(0, 14), plain.slice(14)];
  const expected = readMidi(plain, "x");
  const strange = new Uint8Array([...head, ...chunk("XFIH", [1, 2, 3]), ...tracks, ...chunk("Junk", [9])]);
  assert.deepEqual(readMidi(strange, "x"), expected);
  const data = [...Buffer.from("data"), plain.length, 0, 0, 0, ...plain];
  const riff = new Uint8Array([...Buffer.from("RIFF"), 4 + data.length, 0, 0, 0, ...Buffer.from("RMID"), ...data]);
  assert.deepEqual(readMidi(riff, "x"), expected);
});

test("damaged files are a DatasetError, whatever their bytes", () => {
  const plain = midi(480, track([0, ...ON(60)], [480, ...OFF(60)]));
  const refused = (bytes: Uint8Array, pattern: RegExp): void =>
    assert.throws(
      () => readMidi(bytes, "s.mid"),
      (error) => error instanceof DatasetError && error.code === "FORMAT" && pattern.test(error.message),
    );
  refused(plain.slice(0, plain.length - 3), /chunk at byte 14: incomplete, the file is cut short \(s\.mid\)/);
  refused(new Uint8Array(40), /MIDI header: none/);
  refused(
    Uint8Array.from(plain, (byte, i) => (i === 7 ? 1 : byte)),
    /MIDI header: 1 bytes, expected 6 \(s\.mid\)/,
  );
  // RIFF in RIFF, 20,000 times.
  const shell = [...Buffer.from("RIFF"), 0, 0, 0, 0, ...Buffer.from("RMIDdata"), 0xff, 0xff, 0xff, 0x7f];
  refused(
    Uint8Array.from({ length: 20_000 * 20 }, (_, i) => shell[i % 20]!),
    /MIDI header: none/,
  );
  refused(midi(480, track([0, 0xf4])), /MIDI: Unrecognised MIDI event type byte: 244, the file is damaged/);
  refused(midi(0, track([0, ...ON(60)])), /time division: 0/);
  // Lengths of five bytes, the largest that 32 bits with a sign turn into a way back; and those that lead out of the track.
  for (const id of [[0xff, 1], [0xff, 0x7f], [0xf0], [0xf7]]) {
    const after = (length: number[]): Uint8Array =>
      midi(480, chunk("MTrk", [0, ...ON(60), 0, ...id, ...length, 0, 0xff, 0x2f, 0]));
    refused(after([0x88, 0x80, 0x80, 0x80, 0]), /event at byte \d+ of its track: a number of more than 28 bits/);
    refused(after([0x8f, 0xff, 0xff, 0xff, 0x7f]), /a number of more than 28 bits, expected at most 28/);
    refused(after([0x81, 0]), /event at byte \d+ of its track: 128 bytes, expected at most the 4 that are left/);
  }
  refused(midi(480, chunk("MTrk", [0, ...ON(60), 0x88])), /no whole number, expected one before the track ends/);
  fc.assert(
    fc.property(fc.nat(plain.length - 1), fc.uint8Array({ minLength: 1, maxLength: 6 }), (at, noise) => {
      const broken = Uint8Array.from(plain);
      broken.set(noise.slice(0, plain.length - at), at);
      try {
        const { notes } = readMidi(broken, "x");
        for (const n of notes) assert.ok(n.offset >= n.onset && n.pitch <= 127, JSON.stringify(n));
      } catch (error) {
        assert.ok(error instanceof DatasetError, String(error));
      }
    }),
    { numRuns: 500 },
  );
});

test("labels agree with pretty_midi's piano roll at the frames' borders", () => {
  const notes = Array.from({ length: 50 }, (_, i) => ({
    pitch: 40 + ((i * 7) % 40),
    velocity: 30 + i,
    onset: i * 0.016 * 3,
    offset: (i * 3 + 2 + (i % 5)) * 0.016,
  }));
  const bytes = writeNotes(notes);
  const folder = mkdtempSync(join(tmpdir(), "midi-"));
  writeFileSync(join(folder, "a.mid"), bytes);
  // 62.5 frames a second; the roll is read in the middle of each frame, away from rounding.
  const roll: number[][] = python(
    `
import pretty_midi, numpy as np
m = pretty_midi.PrettyMIDI(input)
frames = 160
roll = m.get_piano_roll(fs=62.5 * 16)[:, 8::16][21:109, :frames]
print(json.dumps(np.pad(roll, ((0, 0), (0, frames - roll.shape[1]))).T.tolist()))`,
    join(folder, "a.mid"),
  );
  const keys = readLabels(bytes, "a.mid", { sampleRate: 16000, samples: 160 * 256, velocity: true });
  assert.equal(keys.labels.length, 88);
  assert.deepEqual([keys.labels[0], keys.labels[39], keys.labels[87]], ["A0", "C4", "C8"]);
  const dense = denseLabels(keys.events, { frames: 160, features: 88, inputSize: 256, timeUnit: keys.timeUnit });
  const ours = Array.from({ length: 160 }, (_, k) =>
    Array.from(dense.subarray(k * 88, k * 88 + 88), (v) => Math.round(v * 127)),
  );
  assert.deepEqual(ours, roll);
});

test("onset and offset features mark one frame each", () => {
  const bytes = writeNotes([{ pitch: 60, velocity: 127, onset: 0.032, offset: 0.08 }]);
  const options = { sampleRate: 16000, pitches: [60, 61] as const, targets: ["frames", "onsets", "offsets"] as const };
  const keys = readLabels(bytes, "a.mid", options);
  assert.deepEqual(keys.labels, ["C4", "C#4", "C4 on", "C#4 on", "C4 off", "C#4 off"]);
  const dense = denseLabels(keys.events, { frames: 7, features: 6, inputSize: 256, timeUnit: "samples" });
  const column = (f: number): number[] => Array.from({ length: 7 }, (_, k) => dense[k * 6 + f]!);
  assert.deepEqual(column(0), [0, 0, 1, 1, 1, 0, 0]);
  assert.deepEqual(column(2), [0, 0, 1, 0, 0, 0, 0]);
  assert.deepEqual(column(4), [0, 0, 0, 0, 0, 1, 0]);
  assert.deepEqual(column(1), [0, 0, 0, 0, 0, 0, 0]);
});

test("notes that don't fit are reported", () => {
  const bytes = writeNotes([
    { pitch: 10, velocity: 90, onset: 0, offset: 1 },
    { pitch: 60, velocity: 90, onset: 3, offset: 4 },
  ]);
  try {
    readLabels(bytes, "a.mid", { sampleRate: 16000, samples: 16000 });
    assert.fail("expected an error");
  } catch (error) {
    assert.ok(error instanceof DatasetError && error.code === "LABEL", String(error));
    assert.deepEqual(
      error.problems.map((p) => p.message),
      [
        "notes outside 21 to 108: 1, expected none; pass `pitches: [10, 108]` or more (a.mid)",
        "note C4 at 3.000 s: after the end of the audio at 1.000 s (a.mid)",
      ],
    );
  }
  assert.throws(() => readLabels(bytes, "a.mid", {}), { code: "OPTION" });
  assert.throws(() => readLabels(bytes, "a.mid", { sampleRate: 8000, pitches: [60, 50] }), { code: "OPTION" });
});

test("predictions become a MIDI file that pretty_midi reads, and read back to the same labels", () => {
  const frames = 40;
  fc.assert(
    fc.property(fc.uint8Array({ minLength: frames * 3, maxLength: frames * 3, max: 1 }), (bits) => {
      const dense = Float32Array.from(bits);
      const bytes = labelsToMidi(eventsOf(dense, 3, 0.5), {
        timeUnit: "frames",
        inputSize: 160,
        sampleRate: 16000,
        lowest: 60,
      });
      const keys = readLabels(bytes, "p.mid", { sampleRate: 16000, pitches: [60, 62] });
      assert.deepEqual(denseLabels(keys.events, { frames, features: 3, inputSize: 160, timeUnit: "samples" }), dense);
    }),
    { numRuns: 50 },
  );
  const file = join(mkdtempSync(join(tmpdir(), "midi-")), "p.mid");
  const events = { on: [0, 4], off: [2, 8], feature: [0, 2], value: [0.5, 1] };
  writeFileSync(file, labelsToMidi(events, { timeUnit: "frames", inputSize: 160, sampleRate: 16000, lowest: 60 }));
  const notes = python(
    "import pretty_midi\nm = pretty_midi.PrettyMIDI(input)\nprint(json.dumps([[n.pitch, n.velocity, round(n.start, 4), round(n.end, 4)] for n in m.instruments[0].notes]))",
    file,
  );
  assert.deepEqual(notes, [
    [60, 64, 0, 0.02],
    [62, 127, 0.04, 0.08],
  ]);
});

test("names of pitches are those of librosa and of the features", () => {
  const names: string[] = python(
    "import librosa\nprint(json.dumps([librosa.midi_to_note(n, unicode=False) for n in range(128)]))",
  );
  assert.deepEqual(
    Array.from({ length: 128 }, (_, n) => pitchName(n)),
    names,
  );
  assert.deepEqual(noteLabels({ pitches: [0, 127] }), names);
});
