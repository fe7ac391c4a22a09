// The examples of everything that is exported run, one after the other, each in a folder of its own with small data. What
// they take as given has real values; examples of classifiers and of labels over time get a dataset and a model of that kind.
import assert from "node:assert/strict";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it, mock } from "node:test";
import ts from "typescript";
import * as library from "../../dist/index.js";
import { docExamples, exportsOf, library as names, type Snippet } from "../support/snippets.js";

type Kind = "pairs" | "classes" | "frames";

/** Examples that need another dataset than one of pairs. */
const KINDS: Readonly<Record<string, Kind>> = {
  balancedWeights: "classes",
  classReport: "classes",
  confusion: "classes",
  judge: "classes",
  judgeExamples: "classes",
  explore: "classes",
  exportDataset: "classes",
  findPitches: "frames",
  AudioClassificationDataset: "frames",
  pianoRoll: "frames",
  predictions: "frames",
};

/** Examples that need an empty folder. */
const ALONE = ["AudioDataset.generate", "AudioDataset"];

const CLASS = {
  pairs: library.AudioDataset,
  classes: library.SimpleAudioClassificationDataset,
  frames: library.AudioClassificationDataset,
};

const tf = library.loadTensorFlow();
const RATE = 16000;
const COUNT = 24;
const noise = (seed: string): Float32Array => {
  const { gaussian } = library.random(seed);
  return Float32Array.from({ length: RATE / 4 }, () => 0.1 * gaussian());
};
const wav = (seed: string): Uint8Array =>
  library.encodeWav({ sampleRate: RATE, channels: 1, samples: Int16Array.from(noise(seed), (v) => 32768 * v) });
const song = [0, 1, 2].map((i) => ({ pitch: 60 + i, velocity: 90, onset: i / 20, offset: (i + 1) / 20 }));

/** The folder that an example runs in: a dataset of `kind` in data/, and the files that examples name. */
function makeFolder(folder: string, kind: Kind): void {
  const put = (file: string, data: string | Uint8Array): void => {
    mkdirSync(join(folder, file, ".."), { recursive: true });
    writeFileSync(join(folder, file), data);
  };
  const rows = Array.from({ length: COUNT }, (_, i) => {
    put(`data/in/a${i}.wav`, wav(`in ${i}`));
    if (kind === "pairs") put(`data/out/b${i}.wav`, wav(`out ${i}`));
    if (kind === "frames") put(`data/a${i}.mid`, library.writeNotes(song));
    return `a${i}.wav,${{ pairs: `b${i}.wav`, classes: i % 2 ? "0,1" : "1,0", frames: `a${i}.mid` }[kind]}`;
  });
  put("data/dataset", `${rows.join("\n")}\n`);
  put("song.mid", library.writeNotes(song));
  // Files are known by what they contain, whatever their names.
  for (const file of ["in/a.wav", "in/a.flac", "out/a.wav", "data/in/a.wav", "song.wav", "song.flac"])
    put(file, wav(file));
  for (const pitch of [60, 61, 72]) put(`piano/piano_${pitch}.wav`, wav(`piano ${pitch}`));
  for (const side of ["noisy", "clean"]) put(`speech/${side}_0001.wav`, wav(side));
  for (const genre of ["blues", "jazz"]) put(`gtzan/genres_original/${genre}/${genre}.0.wav`, wav(genre));
  put("dcase/a.wav", wav("event"));
  put("dcase/meta.tsv", "filename\tonset\toffset\tevent_label\na.wav\t0.05\t0.1\tdog\n");
  put("nsynth/audio/bass_1.wav", wav("bass"));
  const note = { note: 1, pitch: 60, velocity: 100, instrument_str: "bass", instrument_family_str: "bass" };
  put("nsynth/examples.json", JSON.stringify({ bass_1: note }));
  put("esc50/audio/1.wav", wav("dog"));
  put("esc50/meta/esc50.csv", "filename,fold,category\n1.wav,1,dog\n");
}

/** A compiled model for the batches of a dataset loaded with `LOAD`. */
function makeModel(kind: Kind): ReturnType<typeof tf.sequential> {
  const { dense } = tf.layers;
  const model = tf.sequential();
  if (kind === "pairs") model.add(dense({ inputShape: [null, 256] as number[], units: 256 }));
  if (kind === "classes") model.add(dense({ inputShape: [RATE / 4], units: 2, activation: "softmax" }));
  if (kind === "frames") model.add(dense({ inputShape: [null, 256] as number[], units: 88, activation: "sigmoid" }));
  const loss = { pairs: "meanSquaredError", classes: "categoricalCrossentropy", frames: "binaryCrossentropy" }[kind];
  model.compile({ optimizer: "adam", loss });
  return model;
}

/** Real values for the names of WORLD that are no imports. */
async function makeWorld(kind: Kind): Promise<Record<string, unknown>> {
  const dataset = new CLASS[kind]("./data", "dataset", { seed: 1 });
  await dataset.load({ ...(kind === "classes" ? {} : { inputSize: 256 }), batchSize: 8 });
  const model = makeModel(kind);
  const pipeline = library.createPipeline(model, dataset);
  await pipeline.save("models/notes");
  return {
    tf,
    readFile,
    readFileSync,
    writeFileSync,
    dataset,
    model,
    pipeline,
    records: dataset.records,
    split: dataset.split,
    samples: noise("samples"),
    judged:
      kind === "classes"
        ? await library.judgeExamples(model, dataset)
        : [{ loss: 1, example: await dataset.example(0) }],
    items: [await dataset.example(0)],
    notes: song.map(({ pitch, onset, offset }) => ({ row: pitch, onset, offset })),
    songs: Array.from({ length: 20 }, (_, i) => ({ singer: `s${i % 10}`, genre: i % 2 ? "pop" : "jazz" })),
    output: tf.ones([16, 88]),
    label: new Float32Array(16 * 88).fill(1),
    prediction: new Float32Array(16 * 88).fill(0.9),
    i: 0,
    bytes: readFileSync("in/a.wav"),
    index: await dataset.readIndex(),
  };
}

const exported = ({ name }: Snippet): boolean => names.has(name!.split(".")[0]!);

describe("examples of the exports run", () => {
  const work = mkdtempSync(join(tmpdir(), "examples-"));
  const home = process.cwd();
  before(async () => {
    for (const kind of ["pairs", "classes", "frames"] as const) {
      makeFolder(join(work, kind), kind);
      await new CLASS[kind](join(work, kind, "data"), "dataset").generateRecords();
    }
  });
  after(() => {
    process.chdir(home);
    rmSync(work, { recursive: true, force: true });
  });

  const snippets = docExamples().filter(exported);
  it("there are examples of what is used first", () => {
    assert.ok(new Set(snippets.map(({ name }) => name)).size >= 40, `${snippets.length} examples`);
  });

  for (const [k, { where, code, module, name }] of snippets.entries()) {
    it(`${name} (${where})`, async () => {
      const kind = KINDS[name!] ?? "pairs";
      const folder = join(work, String(k));
      cpSync(join(work, kind), folder, { recursive: true });
      process.chdir(folder);
      library.show.displayFile("displays.html");
      const world = await makeWorld(kind);
      if (ALONE.includes(name!)) rmSync("data", { recursive: true });
      const own = exportsOf(module!).length > 0 ? (require(`../../dist/${module}`) as object) : {};
      const scope: Record<string, unknown> = { ...own, ...library, ...world };
      const target = ts.ScriptTarget.ES2022;
      const text = ts.transpile(`async () => {{\n${code}\n}}`, { target, module: ts.ModuleKind.ESNext });
      const log = mock.method(console, "log", () => {});
      try {
        const run = new Function(...Object.keys(scope), `return ${text.trim().replace(/;$/, "")}`) as (
          ...values: unknown[]
        ) => () => Promise<void>;
        await run(...Object.values(scope))();
      } finally {
        log.mock.restore();
        process.chdir(home);
      }
    });
  }
});
