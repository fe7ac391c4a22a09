// What the leak audit finds of copies of real music, four of each change that it claims to see, and that it accuses no
// neighbouring clip of the same music.
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type AuditOptions, type AuditReport, audit } from "../dist/audit/audit.js";
import { buildRecords } from "../dist/build/build-records.js";
import { planRecords } from "../dist/build/plan-records.js";
import { openRecords, type Records } from "../dist/records/open-records.js";
import { random } from "../dist/signal/random.js";
import { readIndex } from "../dist/sources/index-csv.js";
import { explicitSplit, type Split } from "../dist/split/split.js";
import { measure, report, tiny } from "./harness.js";
import { musicFiles } from "./harness-music.js";

const RATE = Number(process.env.BENCH_RATE ?? 22050);
const EACH = 4;
/** From this correlation on two clips of a tune are the same bars played again. */
const REPEATED = 0.97;
/** A clip whose level is below that isn't copied: noise 30 dB below it would be less than a 16-bit step. */
const AUDIBLE = 0.01;
/** Of a tune at most this many seconds become clips. */
const CLIPPED_SECONDS = 100;

const sox =
  (...effects: string[]) =>
  (from: string, to: string): void =>
    void execFileSync("sox", ["-D", from, to, ...effects], { stdio: ["ignore", "ignore", "pipe"] });
const ffmpeg = (...args: string[]): void => void execFileSync("ffmpeg", ["-y", "-v", "error", ...args]);
const coded =
  (extension: string, ...codec: string[]) =>
  (from: string, to: string): void => {
    ffmpeg("-i", from, ...codec, `${to}.${extension}`);
    ffmpeg("-i", `${to}.${extension}`, "-ar", String(RATE), "-ac", "1", "-c:a", "pcm_s16le", to);
    rmSync(`${to}.${extension}`);
  };
function levelOf(file: string): number {
  const stat = execFileSync("sh", ["-c", 'sox "$0" -n trim 0 10 stat 2>&1', file], { encoding: "utf8" });
  return Number(/RMS\s+amplitude:\s+(\S+)/.exec(stat)![1]);
}
/** White noise this many dB below the sound. */
const noise =
  (db: number) =>
  (from: string, to: string): void => {
    const level = levelOf(from) * 10 ** (-db / 20);
    // White noise of sox is spread evenly over −1 to 1: its own level is 1/√3.
    const made = `${to}.noise.wav`;
    execFileSync("sox", ["-R", from, made, "synth", "whitenoise", "vol", String(level * Math.sqrt(3))]);
    execFileSync("sox", ["-D", "-m", "-v", "1", from, "-v", "1", made, to]);
    rmSync(made);
  };

const CHANGES: Record<string, (from: string, to: string) => void> = {
  same: sox(),
  "gain -3 dB": sox("gain", "-3"),
  "gain -12 dB": sox("gain", "-12"),
  inverted: sox("vol", "-0.9"),
  "later by 0.3 s": sox("pad", "0.3", "reverse", "trim", "0.3", "reverse"),
  "later by 1 s": sox("pad", "1", "reverse", "trim", "1", "reverse"),
  "start trimmed by 0.3 s": sox("trim", "0.3"),
  "start trimmed by 1 s": sox("trim", "1"),
  "end trimmed by 0.5 s": sox("reverse", "trim", "0.5", "reverse"),
  "end trimmed by 1 s": sox("reverse", "trim", "1", "reverse"),
  "both trimmed by 0.7 s": sox("trim", "0.7", "reverse", "trim", "0.7", "reverse"),
  "1 s of silence before": sox("pad", "1"),
  "1 s of silence after": sox("pad", "0", "1"),
  "MP3 64k": coded("mp3", "-b:a", "64k"),
  "Ogg q1": coded("ogg", "-c:a", "libvorbis", "-q:a", "1"),
  "Opus 32k": coded("opus", "-c:a", "libopus", "-b:a", "32k"),
  "noise at 30 dB": noise(30),
  "noise at 20 dB": noise(20),
  "low-pass 2 kHz": sox("gain", "-3", "lowpass", "2000"),
  "bass +10 dB": sox("gain", "-12", "bass", "+10"),
  "through 8 kHz": sox("gain", "-3", "rate", "8000", "rate", String(RATE)),
  echo: sox("gain", "-3", "echo", "0.8", "0.88", "60", "0.4"),
  "fade in and out of 1 s": sox("fade", "t", "1", "-0", "1"),
  "trimmed by 0.6 s, MP3 64k": (from, to) => {
    sox("trim", "0.6")(from, `${to}.cut.wav`);
    coded("mp3", "-b:a", "64k")(`${to}.cut.wav`, to);
    rmSync(`${to}.cut.wav`);
  },
  "later by 0.7 s, -6 dB": sox("gain", "-6", "pad", "0.7", "reverse", "trim", "0.7", "reverse"),
};

interface Planted {
  records: Records;
  split: Split;
  /** Original and kind of each copy, by its name. */
  truth: Map<string, { of: string; kind: string }>;
}

/** Clips of 5 to 10 s side by side, in train and validate in turn, some files of minutes, and copies in test. */
async function plant(folder: string): Promise<Planted> {
  const draw = random("copies");
  mkdirSync(join(folder, "in"));
  const path = (name: string): string => join(folder, "in", name);
  const cut = (from: string, to: string, at: number, seconds: number): void =>
    ffmpeg(
      "-ss",
      String(at),
      "-t",
      String(seconds),
      "-i",
      from,
      "-ar",
      String(RATE),
      "-ac",
      "1",
      "-c:a",
      "pcm_s16le",
      to,
    );
  const tunes = tiny ? plucked(folder) : musicFiles();
  const lengths = tunes.map((tune) =>
    Number(
      execFileSync("ffprobe", ["-v", "error", "-show_entries", "format=duration", "-of", "csv=p=0", tune], {
        encoding: "utf8",
      }),
    ),
  );
  const clips: string[] = [];
  const long: string[] = [];
  for (const [t, tune] of tunes.entries()) {
    // Every fourth of the longer tunes is a file of minutes, the others are cut.
    if (t % 4 === 3 && lengths[t]! > 60) {
      long.push(`long${String(t).padStart(2, "0")}.wav`);
      cut(tune, path(long.at(-1)!), 0, 150);
      continue;
    }
    for (let at = 0, n = 0; ; n++) {
      const seconds = 5 + 5 * draw.uniform();
      if (at + seconds > Math.min(CLIPPED_SECONDS, lengths[t]!)) break;
      clips.push(`clip${String(t).padStart(2, "0")}-${String(n).padStart(2, "0")}.wav`);
      cut(tune, path(clips.at(-1)!), at, seconds);
      at += seconds;
    }
  }
  const audible = clips.filter((clip) => levelOf(path(clip)) > AUDIBLE);
  const truth: Planted["truth"] = new Map();
  for (const [kind, change] of Object.entries(CHANGES)) {
    for (let i = 0; i < EACH; i++) {
      const from = i === 0 && long.length > 0 ? long : audible;
      const of = from[draw.below(from.length)]!;
      const name = `test-${kind.replace(/\W+/g, "-")}-${i}.wav`;
      change(path(of), path(name));
      truth.set(name, { of, kind });
    }
  }
  const names = readdirSync(join(folder, "in")).sort();
  writeFileSync(join(folder, "set"), names.map((name) => `${name},0\n`).join(""));
  const quiet = { onProgress: false } as const;
  await buildRecords(folder, await planRecords(folder, "set", await readIndex(folder, "set", "values")), quiet);
  const records = await openRecords(folder, "set");
  const where = (test: (name: string, i: number) => boolean): number[] =>
    Array.from(records.names, (name, i) => (test(name, i) ? i : -1)).filter((i) => i >= 0);
  // A clip's neighbours are on the other side of the split.
  const even = (name: string): boolean => Number(/(\d)\.wav$/.exec(name)![1]) % 2 === 0;
  const split = explicitSplit(records.count, {
    train: where((name) => !truth.has(name) && even(name)),
    validate: where((name) => !truth.has(name) && !even(name)),
    test: where((name) => truth.has(name)),
  });
  return { records, split, truth };
}

/** Something to try the bench with where there is no music: a pluck a second. */
function plucked(folder: string): string[] {
  return [1, 2].map((seed) => {
    const file = join(folder, `${seed}.wav`);
    const notes = Array.from({ length: 30 }, (_, i) => ["synth", "1", "pluck", `%${((i * i * seed) % 23) - 12}`, ":"]);
    execFileSync("sox", ["-R", "-n", "-r", String(RATE), "-c", "1", file, ...notes.flat().slice(0, -1)]);
    return file;
  });
}

function results({ split, truth }: Planted, found: AuditReport): Record<string, unknown> {
  const sounds = found.findings.filter((f) => f.kind === "identical" || f.kind === "nearDuplicate");
  const missed = new Set(truth.keys());
  const falseAlarms: string[] = [];
  const repeats: string[] = [];
  for (const { a, b, score, message } of sounds) {
    if (truth.get(b.name)?.of === a.name) missed.delete(b.name);
    // Two copies of one original are copies of each other. Tracker modules repeat bars sample by sample: that is no mistake.
    else if (truth.get(b.name)?.of !== truth.get(a.name)?.of || !truth.has(a.name))
      (score > REPEATED ? repeats : falseAlarms).push(message);
  }
  return {
    name: "leak audit of music",
    work: `${split.train.length + split.validate.length} clips of 5 to 10 s and files of minutes, ${truth.size} copies`,
    found: truth.size - missed.size,
    of: truth.size,
    missed: [...missed],
    falseAlarms,
    repeats,
  };
}

async function main(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "bench-copies-"));
  try {
    const planted = await plant(folder);
    let found: AuditReport | undefined;
    const options: AuditOptions = { onProgress: false, workers: 2 };
    const { seconds } = await measure(async () => {
      found = await audit(planted.records, planted.split, options);
    });
    report({ ...results(planted, found!), seconds: Number(seconds.toFixed(2)) });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

void main();
