// Copies as sox and ffmpeg make them of music; what isn't one, though it sounds alike.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { type AuditReport, audit } from "../../dist/audit/audit.js";
import { buildRecords } from "../../dist/build/build-records.js";
import { planRecords } from "../../dist/build/plan-records.js";
import { encodeWav } from "../../dist/format/wav.js";
import { openRecords } from "../../dist/records/open-records.js";
import { likeness } from "../../dist/signal/likeness.js";
import { random } from "../../dist/signal/random.js";
import { readIndex } from "../../dist/sources/index-csv.js";
import { explicitSplit } from "../../dist/split/split.js";
import { missing } from "../support/programs.js";
import { python } from "../support/python.js";
import { folder, quiet } from "../support/records.js";

const RATE = 16000;

/** Seconds `from` to `to` of a tune: eight notes a second of a scale, three voices, over a little noise. */
function music(seed: number, from: number, to: number): Float32Array {
  const out = new Float32Array(Math.round((to - from) * RATE));
  const draw = random(seed);
  const scale = [0, 2, 4, 5, 7, 9, 11].map((step) => 110 * 2 ** ((step + draw.below(12)) / 12));
  for (let note = 0; note < to * 8; note++) {
    const f = scale[draw.below(scale.length)]! * 2 ** draw.below(4);
    const [level, decay] = [0.05 + 0.2 * draw.uniform(), 2 + 6 * draw.uniform()];
    const start = Math.round((note / 8 + 0.03 * draw.uniform() - from) * RATE);
    for (let i = Math.max(0, start); i < Math.min(out.length, start + RATE); i++) {
      const t = (i - start) / RATE;
      const tone = [1, 2, 3, 5].reduce((sum, h) => sum + Math.sin(2 * Math.PI * f * h * t) / h, 0);
      out[i] = out[i]! + level * Math.exp(-decay * t) * tone * 0.3;
    }
  }
  return out.map((v) => v + 0.002 * draw.gaussian());
}

const wav = (samples: Float32Array): Uint8Array =>
  encodeWav({ sampleRate: RATE, channels: 1, samples: Int16Array.from(samples, (v) => Math.round(v * 32767)) });

const sox =
  (...effects: string[]) =>
  (from: string, to: string) =>
    void execFileSync("sox", ["-D", from, to, ...effects], { stdio: "pipe" });

const coded =
  (extension: string, ...codec: string[]) =>
  (from: string, to: string) => {
    const middle = `${to}.${extension}`;
    const ffmpeg = (...args: string[]) => execFileSync("ffmpeg", ["-y", "-v", "error", ...args]);
    ffmpeg("-i", from, ...codec, middle);
    ffmpeg("-i", middle, "-ar", String(RATE), "-ac", "1", "-c:a", "pcm_s16le", to);
    rmSync(middle);
  };

const COPIES: Record<string, (from: string, to: string) => void> = {
  quiet: sox("gain", "-12"),
  inverted: sox("vol", "-0.9"),
  later: sox("pad", "1", "reverse", "trim", "1", "reverse"),
  start: sox("trim", "1"),
  end: sox("reverse", "trim", "1", "reverse"),
  both: sox("trim", "0.7", "reverse", "trim", "0.7", "reverse"),
  before: sox("pad", "1"),
  after: sox("pad", "0", "1"),
  mp3: coded("mp3", "-b:a", "64k"),
  ogg: coded("ogg", "-c:a", "libvorbis", "-q:a", "1"),
  opus: coded("opus", "-c:a", "libopus", "-b:a", "32k"),
  lowpass: sox("lowpass", "2000"),
  bass: sox("gain", "-10", "bass", "+8"),
  eight: sox("gain", "-3", "rate", "8000", "rate", String(RATE)),
  echo: sox("gain", "-3", "echo", "0.8", "0.88", "60", "0.4"),
  fade: sox("fade", "t", "1", "-0", "1"),
};

async function auditOf(directory: string, isTest: (name: string) => boolean): Promise<AuditReport> {
  const names = readdirSync(join(directory, "in")).sort();
  writeFileSync(join(directory, "set"), names.map((name) => `${name},0\n`).join(""));
  await buildRecords(
    directory,
    await planRecords(directory, "set", await readIndex(directory, "set", "values")),
    quiet,
  );
  const records = await openRecords(directory, "set");
  const of = (test: (name: string, i: number) => boolean): number[] =>
    records.names.flatMap((name, i) => (test(name, i) ? [i] : []));
  const split = explicitSplit(records.count, {
    train: of((name, i) => !isTest(name) && i % 2 === 0),
    validate: of((name, i) => !isTest(name) && i % 2 === 1),
    test: of(isTest),
  });
  return audit(records, split, quiet);
}

test("copies of each kind are found by default, no neighbouring clip of the same tune is accused", {
  skip: missing("sox", "ffmpeg"),
}, async (t) => {
  const directory = folder(t);
  mkdirSync(join(directory, "in"));
  const path = (name: string): string => join(directory, "in", name);
  const clips: string[] = [];
  for (let tune = 0; tune < 5; tune++) {
    // Clips of 5 to 8 s side by side; the last of each tune is longer than what is compared.
    for (const [n, [from, to]] of [
      [0, 5],
      [5, 12],
      [12, 20],
      [20, 33],
    ].entries() as IterableIterator<[number, [number, number]]>) {
      clips.push(`clip${tune}${n}.wav`);
      writeFileSync(path(clips.at(-1)!), wav(music(tune, from, to)));
    }
  }
  const of = new Map<string, string>();
  for (const [i, [kind, change]] of Object.entries(COPIES).entries()) {
    for (const [k, clip] of [clips[i % clips.length]!, clips[(i + 7) % clips.length]!].entries()) {
      const name = `copy-${kind}${k}.wav`;
      change(path(clip), path(name));
      of.set(name, clip);
    }
  }
  const report = await auditOf(directory, (name) => of.has(name));
  const found = new Map(report.findings.map((finding) => [finding.b.name, finding]));
  assert.deepEqual(
    [...of.keys()].filter((name) => found.get(name)?.a.name !== of.get(name)),
    [],
  );
  assert.equal(report.findings.length, of.size, String(report));
  const moved = found.get("copy-before0.wav")!;
  assert.match(
    moved.message,
    /^test: copy-before0\.wav \(input\) is a near-duplicate of clip\d\d\.wav \(input\) in (train|validate) \(correlation [01]\.\d{3}, 1\.00 s later\)$/,
  );
  assert.match(found.get("copy-start0.wav")!.message, /, 1\.00 s earlier\)$/);
  assert.match(
    String(report),
    /\nnot looked for: another speed or pitch, mixes, shifts and cuts of over 1\.10 s, copies of what comes after the first 10 s$/,
  );
});

test("a sound that scipy filters is alike, though its correlation is low; another tune isn't, filtered or not", () => {
  const a = music(1, 0, 6);
  const [filtered, correlation] = python(
    `
import numpy as np
from scipy import signal
a = np.array(input)
b, c = signal.butter(4, [300, 2500], "bandpass", fs=${RATE})
filtered = signal.lfilter(b, c, a)
print(json.dumps([filtered.tolist(), float(abs(signal.correlate(a, filtered)).max() / np.sqrt(a @ a * (filtered @ filtered)))]))`,
    Array.from(a),
  ) as [number[], number];
  const alike = likeness(a, Float32Array.from(filtered), RATE, RATE, [false, false]);
  assert.ok(alike.score > 0.98 && alike.whole, JSON.stringify(alike));
  assert.ok(correlation < 0.85, String(correlation));
  for (const other of [music(2, 0, 6), music(1, 6, 12)]) {
    const found = likeness(other, Float32Array.from(filtered), RATE, RATE, [false, false]);
    assert.ok(found.score < 0.5, JSON.stringify(found));
  }
});

test("held tones of one pitch are no copies of each other, whatever filter would make one of the other", () => {
  const tone = (harmonics: number[]): Float32Array =>
    Float32Array.from({ length: 2 * RATE }, (_, i) =>
      harmonics.reduce((sum, level, h) => sum + 0.2 * level * Math.sin((2 * Math.PI * 220 * (h + 1) * i) / RATE), 0),
    );
  const sine = tone([1]);
  const saw = tone([1, 1 / 2, 1 / 3, 1 / 4, 1 / 5, 1 / 6, 1 / 7, 1 / 8]);
  const { score } = likeness(sine, saw, RATE, 0, [false, false]);
  // 1 / √(1 + 1/4 + … + 1/64)
  assert.ok(Math.abs(score - 0.809) < 0.001, String(score));
});

test("what goes on differently has to be more alike than a copy", () => {
  const whole = music(3, 0, 12);
  const at = (from: number, to: number): Float32Array => whole.slice(from * RATE, to * RATE);
  const look = (a: Float32Array, b: Float32Array, cut: [boolean, boolean]): boolean =>
    likeness(a, b, RATE, RATE, cut).whole;
  assert.equal(look(at(0, 6), at(1, 6), [false, false]), true);
  assert.equal(look(at(0, 6), at(1, 5), [false, false]), true);
  // Two windows of one recording; the second goes on behind what is compared of the first only where that is cut.
  assert.equal(look(at(0, 6), at(1, 7), [false, false]), false);
  assert.equal(look(at(0, 6), at(1, 7), [true, true]), true);
  // Three seconds are missing.
  assert.equal(look(at(0, 6), at(0, 3), [false, false]), false);
});
