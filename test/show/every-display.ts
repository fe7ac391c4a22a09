const HOSTILE = "<img src=x onerror=alert(1)>.wav";

/** What the displays show, as the first cell of a notebook. */
export const SETUP = `import * as show from "deep-audio-dataset";
const rate = 16000;
const samples = new Float32Array(3 * rate);
for (let i = 0; i < samples.length; i++) samples[i] = 0.4 * Math.sin(i * (0.05 + 3e-6 * i)) * (i % 16000 < 12000 ? 1 : 0.2);
const half = samples.map((v) => v / 2);
const label = [{ onset: 0.2, offset: 0.9, row: 60 }, { onset: 0.5, offset: 1.5, row: 64 }, { onset: 1.2, offset: 2.5, row: 67 }];
const prediction = [{ onset: 0.25, offset: 0.9, row: 60 }, { onset: 0.5, offset: 1.3, row: 64 }, { onset: 0.1, offset: 0.4, row: 66 }];
const clip = (i: number) => ({ input: samples.slice(i * 4000, i * 4000 + 16000), sampleRate: rate, name: i + " ${HOSTILE}" });
const judged = [0, 1, 2, 3].map((i) => ({ example: clip(i), loss: 0.3 * i, label: "sin", predicted: "saw", split: i % 2 ? "train" : "test" }));
const matrix = { matrix: [[48, 2, 0], [5, 45, 3], [0, 1, 30]], labels: ["sin", "square", "triangle"] };`;

/** One line for each display, and what must be seen of it. */
export const DISPLAYS: Record<
  string,
  { line: string; sees: ("chart" | "player" | "table" | "picture" | "progress")[] }
> = {
  waveform: { line: `show.waveform(samples, { sampleRate: rate, title: "${HOSTILE}" });`, sees: ["chart"] },
  spectrogram: { line: `show.spectrogram(samples, { sampleRate: rate, title: "sweep" });`, sees: ["chart"] },
  "spectrogram-mel": {
    line: `show.spectrogram(samples, { sampleRate: rate, scale: "mel", colours: "magma" });`,
    sees: ["chart"],
  },
  "spectrogram-log": {
    line: `show.spectrogram(samples, { sampleRate: rate, scale: "log", colours: "grey" });`,
    sees: ["chart"],
  },
  overlay: {
    line: `show.spectrogram(samples, { sampleRate: rate, upperEdge: 2000, overlay: label, title: "notes over a sweep" });`,
    sees: ["chart"],
  },
  player: { line: `show.player(samples, { sampleRate: rate, title: "${HOSTILE}" });`, sees: ["player"] },
  pair: {
    line: `show.pair({ input: samples, target: half, sampleRate: rate, name: "sweep.wav" });`,
    sees: ["player", "chart"],
  },
  difference: {
    line: `show.pair({ input: samples, target: half, sampleRate: rate, name: "sweep.wav" }, { difference: true });`,
    sees: ["player", "chart"],
  },
  pianoRoll: { line: `show.pianoRoll(label, { prediction: prediction, names: "pitch" });`, sees: ["chart"] },
  predictions: {
    line: `show.predictions(samples, { sampleRate: rate, label: label, prediction: prediction, names: "pitch", title: "sweep" });`,
    sees: ["player", "picture"],
  },
  problems: {
    line: `const problem = (kind: string, i: number) => ({ kind, file: "in/" + i + ".wav", message: "file: not found, expected it in the folder (in/" + i + "${HOSTILE}, dataset:" + i + ")" });
show.problems({ errors: [1, 2, 3].map((i) => problem("missing", i)), warnings: [problem("unlisted", 4)], toString: () => "dataset: 80 rows, 120 files, 3.9 min of sound; 3 errors, 1 warning" });`,
    sees: ["table"],
  },
  example: {
    line: `show.example({ ...clip(0), id: 3, values: [0, 1] }, { labels: ["sin", "square"] });`,
    sees: ["player", "picture"],
  },
  table: {
    line: `show.show.table([{ file: "a.wav", seconds: 1.5, rate: 16000 }, { file: "${HOSTILE}", seconds: 12, label: ["dog"] }, ...Array.from({ length: 9 }, (_, i) => ({ file: i + ".wav", seconds: i / 7 }))], { rows: 6, title: "files" });`,
    sees: ["table"],
  },
  splits: {
    line: `show.splits({ splits: [{ name: "train", examples: 700, seconds: 700, classes: [300, 400] }, { name: "test", examples: 150, seconds: 150, classes: [75, 75] }], labels: ["sin", "square"], seed: 1 }, { audit: { matrix: { identical: { "train/test": 2 }, nearDuplicate: { "train/test": 5 } } } });`,
    sees: ["table", "picture"],
  },
  summary: {
    line: `show.summary({ name: "${HOSTILE}", kind: "pairs", examples: 4000, seconds: 4000, sampleRate: rate, state: "fresh", lengths: [0.5, 1, 1.2, 1.5, 3], levels: [-12, -9, -3, -1].map((peak) => ({ peak, rms: peak - 6 })), first: [clip(0)] });`,
    sees: ["table", "player", "picture"],
  },
  explore: { line: `show.explore(judged);`, sees: ["table", "player", "picture"] },
  leaks: {
    line: `const place = (split: "train" | "test", example: number) => ({ split, example, name: example + " ${HOSTILE}", side: "input" as const });
const finding = { kind: "nearDuplicate" as const, score: 0.98, a: place("train", 0), b: place("test", 1), message: "test: 1.wav (input) is a near-duplicate (correlation 0.980) of 0.wav (input) in train" };
const row = (n: number) => ({ "train/validate": 0, "train/test": n, "validate/test": 0 });
const report = { findings: [finding], examples: { train: 70, validate: 15, test: 15 }, matrix: { identical: row(0), targetIsInput: row(0), nearDuplicate: row(1), group: row(0), neighbour: row(0) }, clean: false };
await show.leaks(report, { example: (i: number) => Promise.resolve(clip(i)) });`,
    sees: ["table", "player"],
  },
  worst: { line: `show.worst(judged, 2);`, sees: ["player", "picture"] },
  confusion: { line: `show.confusion(matrix);`, sees: ["chart"] },
  classReport: { line: `show.classReport(matrix);`, sees: ["table"] },
  history: {
    line: `show.history({ loss: [1, 0.5, 0.3, 0.28], val_loss: [1.1, 0.6, 0.5, 0.55], acc: [0.2, 0.5, 0.8, 0.9], val_acc: [0.1, 0.4, 0.6, 0.65] });`,
    sees: ["chart"],
  },
  compared: {
    line: `show.history({ loss: [1, 0.3, 0.5, 0.1, 0.02], val_loss: [1.1, 0.6, 0.7, 0.4, 0.3], learningRate: [0.01, 0.01, 0.005, 0.005, 0.001] }, { log: true, smooth: 0.5, before: [{ loss: [1, 0.8, 0.6, 0.5, 0.45, 0.4] }] });`,
    sees: ["chart"],
  },
  liveHistory: {
    line: `async function train() {
  const live = show.liveHistory({ epochs: 3, title: "live" });
  for (let epoch = 0; epoch < 3; epoch++) {
    await live.onEpochBegin(epoch);
    await new Promise((resolve) => setTimeout(resolve, 250));
    await live.onEpochEnd(epoch, { loss: 1 / (epoch + 1), val_loss: 1.2 / (epoch + 1) });
  }
  await live.onTrainEnd();
}
await train();`,
    sees: ["chart"],
  },
  progress: {
    line: `await new show.AudioDataset("data", "tones").generate(100, 200, 2, { waves: ["sin"], duration: 0.1, removeWav: true });`,
    sees: ["progress"],
  },
};
