import assert from "node:assert/strict";
import { mkdirSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { WaveFile } from "wavefile";
import {
  fromCsv,
  fromFolder,
  joinIndexes,
  RegressionDataset,
  SimpleAudioClassificationDataset,
  type Split,
  writeIndex,
} from "../../dist/index.js";
import { folder } from "../support/records.js";

// Small sets laid out as the public ones are, from their own files to the splits that they prescribe.

const quiet = { onProgress: false, workers: 2 } as const;

function write(directory: string, files: Record<string, string | Uint8Array>): void {
  for (const [file, content] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, file)), { recursive: true });
    writeFileSync(join(directory, file), content);
  }
}

/** A folder with a tone of 100 samples in each of these files. */
function sounds(t: TestContext, files: readonly string[]): string {
  const directory = folder(t);
  for (const [k, name] of files.entries()) {
    const file = new WaveFile();
    const tone = Array.from({ length: 100 }, (_, i) => Math.round(9000 * Math.sin((i * (k + 1)) / 30)));
    file.fromScratch(1, 8000, "16", tone);
    write(directory, { [name]: file.toBuffer() });
  }
  return directory;
}

/** The file names on each side. */
function namesOf(dataset: SimpleAudioClassificationDataset, split: Split = dataset.split): string[][] {
  const { names } = dataset.records;
  return [split.train, split.validate, split.test].map((side) => Array.from(side, (i) => names[i]!).sort());
}

describe("public sets", () => {
  it("ESC-50: its five folds are those of kfold", async (t) => {
    const clips = Array.from({ length: 15 }, (_, i) => {
      const [fold, target] = [1 + (i % 5), i % 3];
      return {
        file: `${fold}-${1000 + i}-A-${target}.wav`,
        fold,
        target,
        category: ["dog", "rain", "clock_tick"][i % 3],
      };
    });
    const directory = sounds(
      t,
      clips.map(({ file }) => `audio/${file}`),
    );
    const lines = clips.map(
      ({ file, fold, target, category }, i) => `${file},${fold},${target},${category},False,${i},A`,
    );
    write(directory, {
      "meta/esc50.csv": `filename,fold,target,category,esc10,src_file,take\n${lines.join("\n")}\n`,
    });
    const dataset = new SimpleAudioClassificationDataset(directory, "esc50");
    const options = { file: "audio/{filename}", label: "category", group: "fold" };
    await dataset.generateRecords({ ...quiet, index: await fromCsv(directory, "meta/esc50.csv", options) });
    const folds = await dataset.kfold(5);
    await dataset.load();
    const tested = folds.map(({ split }) => namesOf(dataset, split)[2]!);
    assert.equal(tested.flat().length, 15);
    for (const names of tested) assert.equal(new Set(names.map((name) => name[6])).size, 1, names.join());
    assert.deepEqual(dataset.labels, ["clock_tick", "dog", "rain"]);
  });

  it("FSD50K: several classes a clip, and the publisher's own split, from two tables", async (t) => {
    const directory = sounds(t, [
      ...["64760", "16399", "21914"].map((name) => `FSD50K.dev_audio/${name}.wav`),
      ...["37199", "175151"].map((name) => `FSD50K.eval_audio/${name}.wav`),
    ]);
    write(directory, {
      "FSD50K.ground_truth/dev.csv": `fname,labels,mids,split
64760,"Electric_guitar,Guitar,Music","/m/02sgy,/m/0342h,/m/04rlf",train
16399,"Electric_guitar,Guitar","/m/02sgy,/m/0342h",val
21914,Rain,/m/06mb1,train
`,
      "FSD50K.ground_truth/eval.csv": `fname,labels,mids
37199,"Guitar,Music","/m/0342h,/m/04rlf"
175151,Rain,/m/06mb1
`,
    });
    const index = joinIndexes(
      await fromCsv(directory, "FSD50K.ground_truth/dev.csv", {
        file: "FSD50K.dev_audio/{fname}.wav",
        labels: "labels",
        split: "split",
      }),
      await fromCsv(directory, "FSD50K.ground_truth/eval.csv", {
        file: "FSD50K.eval_audio/{fname}.wav",
        labels: "labels",
        side: "test",
      }),
    );
    const dataset = new SimpleAudioClassificationDataset(directory, "fsd50k");
    await dataset.generateRecords({ ...quiet, index });
    await dataset.load({ batchSize: 8 });
    const sides = [
      ["FSD50K.dev_audio/21914.wav", "FSD50K.dev_audio/64760.wav"],
      ["FSD50K.dev_audio/16399.wav"],
      ["FSD50K.eval_audio/175151.wav", "FSD50K.eval_audio/37199.wav"],
    ];
    assert.deepEqual(namesOf(dataset), sides);
    assert.deepEqual(dataset.labels, ["Electric_guitar", "Guitar", "Music", "Rain"]);
    assert.deepEqual([...(await dataset.example(3)).values!], [0, 1, 1, 0]);
    assert.deepEqual(
      dataset.statistics().splits.map(({ classes }) => classes),
      [
        [1, 1, 1, 1],
        [1, 1, 0, 0],
        [0, 1, 1, 1],
      ],
    );
    // Shares of one's own come before the publisher's.
    await dataset.load({ trainSplit: 0.6, valSplit: 0.2, testSplit: 0.2, stratifyBy: false, seed: 1 });
    assert.deepEqual(
      namesOf(dataset).map(({ length }) => length),
      [3, 1, 1],
    );
    // By the index csv and its metadata it is the same set; another split is no reason to build anything again.
    const shard = join(directory, "fsd50k0.tfrecord");
    const { mtimeMs } = statSync(shard);
    index.rows[2]!.split = "validate";
    await writeIndex(directory, "fsd50k", index);
    await dataset.generateRecords(quiet);
    await dataset.load();
    assert.equal(statSync(shard).mtimeMs, mtimeMs);
    assert.deepEqual(namesOf(dataset), [sides[0]!.slice(1), [sides[1]![0]!, sides[0]![0]!], sides[2]!]);
  });

  it("Speech Commands: a folder a word, its two lists as validation and test", async (t) => {
    const directory = sounds(t, [
      "yes/0a7c2a8d_nohash_0.wav",
      "yes/1bc45db9_nohash_0.wav",
      "no/0a7c2a8d_nohash_0.wav",
      "no/3cdecb0b_nohash_0.wav",
      "_background_noise_/white_noise.wav",
    ]);
    write(directory, {
      "validation_list.txt": "yes/1bc45db9_nohash_0.wav\n",
      "testing_list.txt": "no/3cdecb0b_nohash_0.wav\n",
    });
    const splits = { validate: "validation_list.txt", test: "testing_list.txt" };
    const dataset = new SimpleAudioClassificationDataset(directory, "words");
    await dataset.generateRecords({ ...quiet, index: await fromFolder(directory, { splits }) });
    await dataset.load();
    assert.deepEqual(namesOf(dataset), [
      ["no/0a7c2a8d_nohash_0.wav", "yes/0a7c2a8d_nohash_0.wav"],
      ["yes/1bc45db9_nohash_0.wav"],
      ["no/3cdecb0b_nohash_0.wav"],
    ]);
  });

  it("GTZAN: its damaged file is named and left out; its table of numbers is a regression's target", async (t) => {
    const names = ["blues/blues.00000.wav", "blues/blues.00001.wav", "jazz/jazz.00053.wav", "jazz/jazz.00055.wav"];
    const directory = sounds(
      t,
      names.map((name) => `genres_original/${name}`),
    );
    write(directory, { "genres_original/jazz/jazz.00054.wav": "no audio" });
    const dataset = new SimpleAudioClassificationDataset(directory, "gtzan");
    const index = await fromFolder(directory, { folder: "genres_original" });
    await assert.rejects(dataset.generateRecords({ ...quiet, index }), { code: "CHECK", message: /jazz\.00054\.wav/ });
    await dataset.generateRecords({ ...quiet, index, onProblem: "skip" });
    await dataset.load({ trainSplit: 0.5, valSplit: 0, testSplit: 0.5 });
    assert.deepEqual(
      dataset.records.names,
      names.map((name) => `genres_original/${name}`),
    );
    const table = names.map((name, i) => `${name.split("/")[1]},661794,0.35,${100 + i}.5,${name.split("/")[0]}\n`);
    write(directory, { "features_30_sec.csv": `filename,length,chroma_stft_mean,tempo,label\n${table.join("")}` });
    const tempo = new RegressionDataset(directory, "tempo");
    const options = { file: "genres_original/{label}/{filename}", values: ["tempo"] };
    await tempo.generateRecords({ ...quiet, index: await fromCsv(directory, "features_30_sec.csv", options) });
    await tempo.load({ trainSplit: 0.5, valSplit: 0, testSplit: 0.5 });
    assert.deepEqual([...(await tempo.example(3)).values!], [103.5]);
    assert.deepEqual(tempo.labels, ["tempo"]);
  });
});
