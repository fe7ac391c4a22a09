// The pages of docs/guides: the blocks of each, and the files that its reader has.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { encodeWav, random, writeNotes } from "../../dist/index.js";
import { root } from "./python.js";
import { filesIn, type Snippet } from "./snippets.js";

/** A block of code with what it prints, where the page says it: a `text` block right after it. */
export interface Block {
  language: "ts" | "sh" | "python";
  code: string;
  prints?: string;
}

export const guides: readonly string[] = filesIn("docs/guides", ".md").map((file) => basename(file, ".md"));

export function blocksOf(guide: string): Block[] {
  const text = readFileSync(join(root, "docs/guides", `${guide}.md`), "utf8");
  const fences = /^```(ts|sh|python)\n(.*?)^```\n(?:\n```text\n(.*?)^```$)?/gms;
  return [...text.matchAll(fences)].map(([, language, code, prints]) => ({
    language: language as Block["language"],
    code: code!,
    ...(prints === undefined ? {} : { prints }),
  }));
}

/** Each guide's TypeScript as the one program that it is. */
export function guidePrograms(): Snippet[] {
  return guides.map((guide) => {
    const blocks = blocksOf(guide).filter(({ language }) => language === "ts");
    return { where: `docs/guides/${guide}.md`, code: blocks.map(({ code }) => code).join("\n") };
  });
}

const RATE = 16000;

function put(file: string, data: string | Uint8Array): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, data);
}

/** A sound of so many seconds from its samples by time and by what is random in it. */
function sound(seed: string, seconds: number, sample: (t: number, gaussian: () => number) => number): Float32Array {
  const { gaussian } = random(seed);
  return Float32Array.from({ length: seconds * RATE }, (_, i) => sample(i / RATE, gaussian));
}
const putWav = (file: string, samples: Float32Array, sampleRate = RATE): void =>
  put(file, encodeWav({ sampleRate, channels: 1, samples: Int16Array.from(samples, (v) => 32767 * v) }));

const sine = (hertz: number, t: number): number => Math.sin(2 * Math.PI * hertz * t);

/** Half a second of something that is known by its sound. */
function clip(kind: string, seed: string): Float32Array {
  const { uniform } = random(seed);
  if (kind === "rain") return sound(seed, 0.5, (_t, gaussian) => 0.1 * gaussian());
  const hertz = (kind === "dog" ? 300 : 1200) * (0.8 + 0.4 * uniform());
  const partials = Array.from({ length: 4 }, (_, k) => ({
    multiple: k + 1,
    level: 0.2 * uniform(),
    decay: 12 * uniform(),
  }));
  return sound(seed, 0.5, (t, gaussian) =>
    partials.reduce(
      (sum, p) => sum + p.level * Math.exp(-p.decay * t) * sine(p.multiple * hertz, t),
      0.005 * gaussian(),
    ),
  );
}

/** A melody, and its notes. */
function song(seed: string, notes: number): { samples: Float32Array; notes: Parameters<typeof writeNotes>[0] } {
  const { uniform } = random(`notes ${seed}`);
  const played = Array.from({ length: notes }, (_, i) => ({
    pitch: 60 + Math.floor(12 * uniform()),
    velocity: 90,
    onset: 0.32 * i,
    offset: 0.32 * (i + 1),
  }));
  const samples = sound(seed, 0.32 * notes, (t, gaussian) => {
    const { pitch, onset } = played[Math.min(notes - 1, Math.floor(t / 0.32))]!;
    return 0.3 * Math.exp(-3 * (t - onset)) * sine(440 * 2 ** ((pitch - 69) / 12), t) + 0.003 * gaussian();
  });
  return { samples, notes: played };
}

/** A recording in which a bird (a rising whistle) and a frog (a low tone) are heard at these seconds. */
function field(seed: string, seconds: number, heard: readonly { label: string; onset: number; offset: number }[]) {
  return sound(seed, seconds, (t, gaussian) => {
    const now = heard.filter(({ onset, offset }) => t >= onset && t < offset);
    const voices = now.map(({ label, onset }) => 0.3 * sine(label === "bird" ? 2500 + 400 * (t - onset) : 400, t));
    return voices.reduce((a, b) => a + b, 0.02 * gaussian());
  });
}

/** Calls of a bird and a frog, one every two seconds. */
const calls = (seed: string, count: number): { label: string; onset: number; offset: number }[] => {
  const { uniform } = random(`calls ${seed}`);
  return Array.from({ length: count }, (_, i) => {
    const onset = 2 * i + Math.round(100 * uniform()) / 100;
    return { label: uniform() < 0.5 ? "bird" : "frog", onset, offset: onset + 0.8 };
  });
};

function folders(folder: string): void {
  for (const kind of ["dog", "rain", "rooster"])
    for (let i = 1; i <= 20; i++) putWav(join(folder, "animals", kind, `${kind}_${i}.wav`), clip(kind, `${kind} ${i}`));
}

function pairs(folder: string, count = 24): void {
  const index = Array.from({ length: count }, (_, i) => {
    const { samples } = song(`${i}`, 4);
    const hiss = sound(`hiss ${i}`, samples.length / RATE, (_t, gaussian) => 0.05 * gaussian());
    putWav(
      join(folder, `speech/in/noisy_${i}.wav`),
      samples.map((v, k) => v + hiss[k]!),
    );
    putWav(join(folder, `speech/out/clean_${i}.wav`), samples);
    return `noisy_${i}.wav,clean_${i}.wav\n`;
  });
  put(join(folder, "speech/pairs.csv"), index.join(""));
}

function songs(folder: string): void {
  for (let i = 1; i <= 20; i++) {
    const { samples, notes } = song(`song ${i}`, 10);
    putWav(join(folder, `songs/song_${i}.wav`), samples);
    put(join(folder, `songs/song_${i}.mid`), writeNotes(notes));
  }
}

function events(folder: string): void {
  const rows = Array.from({ length: 20 }, (_, i) => {
    const heard = calls(`${i}`, 3);
    putWav(join(folder, `pond/in/pond_${i}.wav`), field(`${i}`, 6, heard));
    return heard.map(({ label, onset, offset }) => `pond_${i}.wav\t${onset}\t${offset.toFixed(2)}\t${label}\n`);
  });
  put(join(folder, "pond/events.tsv"), `filename\tonset\toffset\tevent_label\n${rows.flat().join("")}`);
}

function longRecording(folder: string): void {
  const heard = calls("long", 60);
  putWav(join(folder, "lake/night.wav"), field("long", 120, heard));
  putWav(join(folder, "lake/other.wav"), field("other", 20, calls("other", 10)));
  const parts = heard.map(({ label, onset, offset }) => `night.wav,${label},${onset},${offset.toFixed(2)}\n`);
  put(join(folder, "lake/parts.csv"), `file,kind,start,end\n${parts.join("")}`);
}

function publicSet(folder: string): void {
  const rows = ["dog", "rooster", "rain"].flatMap((kind, k) =>
    Array.from({ length: 10 }, (_, i) => {
      const file = `${(i % 5) + 1}-${100 + i}-A-${k}.wav`;
      putWav(join(folder, "esc50/audio", file), clip(kind, `esc ${kind} ${i}`));
      return `${file},${(i % 5) + 1},${k},${kind}\n`;
    }),
  );
  put(join(folder, "esc50/meta/esc50.csv"), `filename,fold,target,category\n${rows.join("")}`);
}

function broken(folder: string): void {
  pairs(folder, 12);
  const wav = readFileSync(join(folder, "speech/in/noisy_3.wav"));
  put(join(folder, "speech/in/noisy_3.wav"), wav.subarray(0, wav.length / 2));
  putWav(join(folder, "speech/in/noisy_5.wav"), new Float32Array(1.28 * RATE));
  putWav(join(folder, "speech/out/clean_7.wav"), song("7", 4).samples, 22050);
  const index = readFileSync(join(folder, "speech/pairs.csv"), "utf8");
  put(join(folder, "speech/pairs.csv"), index.replace("noisy_9.wav", "noisy_90.wav"));
}

function speakers(folder: string): void {
  for (let speaker = 1; speaker <= 10; speaker++)
    for (const kind of ["dog", "rooster"])
      for (let take = 1; take <= 3; take++)
        putWav(join(folder, "calls", kind, `p${speaker}_${take}.wav`), clip(kind, `${kind} ${speaker} ${take}`));
  // Twice the same, in two files.
  putWav(join(folder, "calls/dog/p2_9.wav"), clip("dog", "dog 1 1"));
}

/** What the reader of each guide has. */
export const HAVE: Readonly<Record<string, (folder: string) => void>> = {
  "folder-of-classes": folders,
  pairs,
  midi: songs,
  events,
  "long-recording": longRecording,
  "public-set": publicSet,
  "check-and-fix": broken,
  splits: speakers,
  resume: folders,
  gpu: folders,
  "use-the-model": songs,
  python: folders,
  "many-machines": pairs,
};
