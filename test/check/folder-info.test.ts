// What `info` says of folders laid out as public sets are, and that the lines it prints load them.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { transformSync } from "esbuild";
import { WaveFile } from "wavefile";
import { folderInfo, infoText } from "../../dist/check/folder-info.js";
import * as library from "../../dist/index.js";
import { root } from "../support/python.js";
import { folder } from "../support/records.js";

function set(
  t: TestContext,
  sounds: readonly string[],
  texts: Record<string, string | Uint8Array>,
  marked = false,
): string {
  const directory = join(folder(t), "my-set");
  const put = (name: string, data: string | Uint8Array): void => {
    mkdirSync(dirname(join(directory, name)), { recursive: true });
    writeFileSync(join(directory, name), data);
  };
  for (const [k, name] of sounds.entries()) {
    const samples = Int16Array.from({ length: 8000 }, (_, i) => 9000 * Math.sin((i * (k + 1)) / 30));
    const wav = new WaveFile(library.encodeWav({ sampleRate: 8000, channels: 1, samples }));
    if (marked) wav.setCuePoint({ position: 500, label: "dog" } as never);
    put(name, wav.toBuffer());
  }
  for (const [name, text] of Object.entries(texts)) put(name, text);
  return directory;
}

/** Runs the lines that were printed, all but the package's name as it stands, and returns the dataset. */
async function run(text: string): Promise<library.SimpleAudioClassificationDataset> {
  const lines = text.slice(text.indexOf("import {"));
  const code = `${lines.replaceAll("await dataset.generateRecords({ index })", "await dataset.generateRecords({ index, onProgress: false, workers: 1 })")}\nexport default dataset;`;
  const { code: js } = transformSync(
    `${code
      .replace(/export default (\w+);/, "return $1;")
      .replace(/import \{(.*)\} from "deep-audio-dataset";/, "const {$1} = library;")
      .replace(/^/, "async function main(library, console) {\n")}\n}`,
  );
  const quiet = { log: () => undefined };
  return await new Function("library", "console", `${js}; return main(library, console);`)(library, quiet);
}

const lines = (entries: readonly object[]): string => entries.map((entry) => `${JSON.stringify(entry)}\n`).join("");
const numbers = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

interface Layout {
  sounds: string[];
  texts?: Record<string, string | Uint8Array>;
  /** Whether the sounds get cue points, from the package `wavefile`. */
  marked?: boolean;
  /** What the first line says behind the folder. */
  what: string;
  call: RegExp;
  labels: string[];
  split?: string;
  /** How many of the sounds have labels. Default: all. */
  used?: number;
}

const SETS: Record<string, Layout> = {
  "ESC-50": {
    sounds: numbers(20).map((i) => `audio/${i}.wav`),
    texts: {
      "meta/esc50.csv": `filename,fold,target,category\n${numbers(20)
        .map((i) => `${i}.wav,${i % 5},${i % 2},${i % 2 ? "dog" : "rain"}\n`)
        .join("")}`,
    },
    what: "ESC-50",
    call: /fromCsv\(D, "meta\/esc50\.csv", \{ file: "audio\/\{filename\}", label: "category", group: "fold" \}\)/,
    labels: ["dog", "rain"],
  },
  UrbanSound8K: {
    sounds: numbers(20).map((i) => `audio/fold${1 + (i % 10)}/${i}.wav`),
    texts: {
      "metadata/UrbanSound8K.csv": `slice_file_name,fsID,start,end,fold,classID,class\n${numbers(20)
        .map((i) => `${i}.wav,${i},0,1,${1 + (i % 10)},${i % 2},${i % 2 ? "siren" : "drilling"}\n`)
        .join("")}`,
    },
    what: "UrbanSound8K",
    call: /fromCsv\(D, "metadata\/UrbanSound8K\.csv", \{ file: "audio\/fold\{fold\}\/\{slice_file_name\}", label: "class", group: "fold" \}\)/,
    labels: ["drilling", "siren"],
  },
  "FSD50K, dev and eval": {
    sounds: [...numbers(6).map((i) => `FSD50K.dev_audio/${i}.wav`), "FSD50K.eval_audio/10.wav"],
    texts: {
      "FSD50K.ground_truth/dev.csv": `fname,labels,mids,split\n${numbers(6)
        .map((i) => `${i},"Dog,Animal","/m/1,/m/2",${i < 4 ? "train" : "val"}\n`)
        .join("")}`,
      "FSD50K.ground_truth/eval.csv": 'fname,labels,mids\n10,"Cat,Animal","/m/3,/m/2"\n',
    },
    what: "FSD50K, with eval for testing",
    call: /= joinIndexes\(await fromCsv\(D, "FSD50K\.ground_truth\/dev\.csv", \{ file: "FSD50K\.dev_audio\/\{fname\}\.wav", labels: "labels", split: "split" \}\), await fromCsv\(D, "FSD50K\.ground_truth\/eval\.csv", \{ file: "FSD50K\.eval_audio\/\{fname\}\.wav", labels: "labels", side: "test" \}\)\);/,
    labels: ["Animal", "Cat", "Dog"],
    split: "train 4, validate 2, test 1",
  },
  "Common Voice": {
    sounds: numbers(6).map((i) => `clips/${i}.wav`),
    texts: Object.fromEntries(
      ["train", "dev", "test"].map((side, k) => [
        `${side}.tsv`,
        `client_id\tpath\tsentence\tgender\ns${k}\t${2 * k}.wav\t"No," he said\tmale\ns${k}\t${2 * k + 1}.wav\tyes\tfemale\n`,
      ]),
    ),
    what: "Common Voice's tables, a table for each side",
    call: /fromCsv\(D, \{ train: "train\.tsv", validate: "dev\.tsv", test: "test\.tsv" \}, \{ file: "clips\/\{path\}", label: "gender", group: "client_id", quote: false \}\)/,
    labels: ["female", "male"],
    split: "train 2, validate 2, test 2",
  },
  "URBAN-SED": {
    sounds: ["train", "validate", "test"].flatMap((side) =>
      [0, 1].map((i) => `audio/${side}/soundscape_${side}_${i}.wav`),
    ),
    texts: Object.fromEntries(
      ["train", "validate", "test"].flatMap((side) =>
        [0, 1].map((i) => [`annotations/${side}/soundscape_${side}_${i}.txt`, "0.1\t0.3\tcar_horn\n0.2\t0.9\tsiren\n"]),
      ),
    ),
    what: "a table of events for each sound, in a folder for each side",
    call: /fromEvents\(D, \{ train: "annotations\/train\/\{base\}\.txt", validate: "annotations\/validate\/\{base\}\.txt", test: /,
    labels: ["car_horn", "siren"],
    split: "train 2, validate 2, test 2",
  },
  "events in folders of training, development and evaluation": {
    sounds: ["training", "development", "evaluation"].map((side, i) => `audio/${side}/${i}.wav`),
    texts: Object.fromEntries(
      ["training", "development", "evaluation"].map((side, i) => [`meta/${side}/${i}.txt`, "0.1\t0.3\tdog\n"]),
    ),
    what: "a table of events for each sound, in a folder for each side",
    call: /train: "meta\/training\/\{base\}\.txt", validate: "meta\/development\/\{base\}\.txt", test: "meta\/evaluation\//,
    labels: ["dog"],
    split: "train 1, validate 1, test 1",
  },
  "Speech Commands": {
    sounds: ["yes/a_nohash_0.wav", "yes/b_nohash_0.wav", "no/a_nohash_0.wav", "no/c_nohash_0.wav"],
    texts: { "validation_list.txt": "yes/b_nohash_0.wav\n", "testing_list.txt": "no/c_nohash_0.wav\n" },
    what: "Speech Commands",
    call: /fromFolder\(D, \{ splits: \{ validate: "validation_list\.txt", test: "testing_list\.txt" \} \}\)/,
    labels: ["no", "yes"],
    split: "train 2, validate 1, test 1",
  },
  "folders of classes below folders of splits": {
    sounds: ["train/dog/1.wav", "train/cat/2.wav", "test/dog/3.wav", "validation/cat/4.wav"],
    what: "a folder for each class",
    call: /fromFolder\(D\)/,
    labels: ["cat", "dog"],
    split: "train 2, validate 1, test 1",
  },
  "folders of classes in one folder": {
    sounds: numbers(20).map((i) => `genres_original/${i % 2 ? "blues" : "jazz"}/${i}.wav`),
    what: "a folder for each class",
    call: /fromFolder\(D, \{ folder: "genres_original" \}\)/,
    labels: ["blues", "jazz"],
  },
  RAVDESS: {
    sounds: numbers(20).map(
      (i) => `Actor_0${1 + (i % 5)}/03-01-0${1 + (i % 2)}-01-01-0${1 + (i >> 2)}-0${1 + (i % 5)}.wav`,
    ),
    what: "RAVDESS",
    call: /fromFolder\(D, \{ label: "\{modality\}/,
    labels: ["01", "02"],
  },
  NSynth: {
    sounds: numbers(20).map((i) => `audio/bass_${i}.wav`),
    texts: {
      "examples.json": JSON.stringify(
        Object.fromEntries(
          numbers(20).map((i) => [
            `bass_${i}`,
            {
              note: i,
              pitch: 60,
              qualities_str: i % 2 ? ["dark"] : [],
              velocity: 9,
              instrument_str: `bass_${i}`,
              instrument_family_str: i % 2 ? "bass" : "organ",
            },
          ]),
        ),
      ),
    },
    what: "NSynth (examples.json)",
    call: /fromManifest\(D, "examples\.json", \{ label: "instrument_family_str", group: "instrument_str" \}\)/,
    labels: ["bass", "organ"],
  },
  MusicNet: {
    sounds: ["train_data/1727.wav", "train_data/1728.wav", "test_data/1759.wav"],
    texts: Object.fromEntries(
      ["train_labels/1727.csv", "train_labels/1728.csv", "test_labels/1759.csv"].map((file, k) => [
        file,
        `start_time,end_time,instrument,note,start_beat,end_beat,note_value\n4410,8820,1,${60 + k},0,1,Quarter\n`,
      ]),
    ),
    what: "a table of events for each sound, in a folder for each side",
    call: /fromEvents\(D, \{ train: "train_labels\/\{base\}\.csv", test: "test_labels\/\{base\}\.csv" \}, \{ missing: "skip" \}\)/,
    labels: ["C4", "C#4", "D4"],
    split: "train 2, validate 0, test 1",
  },
  "AudioSet, strong labels": {
    sounds: numbers(10).map((i) => `audio/a${i}_30000.wav`),
    texts: {
      "strong.tsv": `segment_id\tstart_time_seconds\tend_time_seconds\tlabel\n${numbers(11)
        .map((i) => `a${i}_30000\t0.1\t0.5\t/m/${1 + (i % 2)}\n`)
        .join("")}`,
    },
    what: "AudioSet's strong labels (strong.tsv)",
    call: /fromEvents\(D, "strong\.tsv", \{ missing: "skip" \}\)/,
    labels: ["/m/1", "/m/2"],
  },
  "Hugging Face's metadata in each side": {
    sounds: ["train/a.wav", "train/b.wav", "test/a.wav"],
    texts: {
      "train/metadata.jsonl": lines([
        { file_name: "a.wav", label: "cat" },
        { file_name: "b.wav", label: "dog" },
      ]),
      "test/metadata.jsonl": lines([{ file_name: "a.wav", label: "dog" }]),
    },
    what: "Hugging Face's metadata, a manifest for each side",
    call: /fromManifest\(D, \{ train: "train\/metadata\.jsonl", test: "test\/metadata\.jsonl" \}, \{ label: "label" \}\)/,
    labels: ["cat", "dog"],
    split: "train 2, validate 0, test 1",
  },
  "lhotse's cuts with several supervisions": {
    sounds: numbers(10).map((i) => `wavs/${i}.wav`),
    texts: {
      "cuts.jsonl": lines(
        numbers(10).map((i) => ({
          id: `cut-${i}`,
          start: 0,
          duration: 1,
          supervisions: ["x", "y"].map((speaker, k) => ({ id: speaker, start: k / 4, duration: 0.25, speaker })),
          recording: { id: `rec-${i}`, sources: [{ type: "file", source: `wavs/${i}.wav` }], duration: 1 },
        })),
      ),
    },
    what: "lhotse's cuts (cuts.jsonl)",
    call: /fromManifest\(D, "cuts\.jsonl", \{ events: "speaker" \}\)/,
    labels: ["x", "y"],
  },
  "lhotse's supervisions": {
    sounds: ["wavs/a.wav", "wavs/b.wav"],
    texts: {
      "recordings.jsonl": lines(
        ["a", "b"].map((id) => ({
          id,
          sources: [{ type: "file", channels: [0], source: `wavs/${id}.wav` }],
          duration: 1,
        })),
      ),
      "supervisions.jsonl": lines(
        numbers(20).map((i) => ({
          id: `${i}`,
          recording_id: i % 2 ? "a" : "b",
          start: i / 40,
          duration: 0.5,
          speaker: `s${i % 4}`,
          custom: { label: i % 3 ? "x" : "y" },
        })),
      ),
    },
    what: "lhotse's supervisions (supervisions.jsonl)",
    call: /fromManifest\(D, "supervisions\.jsonl", \{ label: "custom\.label", group: "speaker" \}\)/,
    labels: ["x", "y"],
  },
  "a table of events": {
    sounds: numbers(10).map((i) => `audio/${i}.wav`),
    texts: {
      "meta.tsv": `filename\tonset\toffset\tevent_label\n${numbers(10)
        .map((i) => `${i}.wav\t0.25\t0.5\t${i % 2 ? "dog" : "cat"}\n`)
        .join("")}`,
    },
    what: "a table of events (meta.tsv)",
    call: /fromEvents\(D, "meta\.tsv", \{ missing: "skip" \}\)/,
    labels: ["cat", "dog"],
  },
  "Common Voice with clips of nobody's gender": {
    sounds: numbers(6).map((i) => `clips/${i}.wav`),
    texts: Object.fromEntries(
      ["train", "dev", "test"].map((side, k) => [
        `${side}.tsv`,
        `client_id\tpath\tsentence\tgender\ns${k}\t${2 * k}.wav\tno\tmale\ns${k}\t${2 * k + 1}.wav\tyes\t${k ? "" : "female"}\n`,
      ]),
    ),
    what: "Common Voice's tables, a table for each side",
    call: /label: "gender", group: "client_id", unlabelled: "skip" \}\);/,
    labels: ["female", "male"],
    split: "train 2, validate 1, test 1",
    used: 4,
  },
  "VoxCeleb: speakers, their videos below": {
    sounds: numbers(20).map((i) => `wav/id1000${i % 2}/v${i % 5}/0000${i}.wav`),
    what: "a folder for each class, with groups below",
    call: /= await fromFolder\(D, \{ folder: "wav", label: "\{class\}\/\{group\}\/\{name\}\.wav" \}\);/,
    labels: ["id10000", "id10001"],
  },
  "VoxConverse: RTTM for each sound, dev and test": {
    sounds: ["wav/dev/a.wav", "wav/dev/b.wav", "wav/test/c.wav"],
    texts: Object.fromEntries(
      ["dev/a", "dev/b", "test/c"].map((name, k) => [
        `rttm/${name}.rttm`,
        `SPEAKER ${name.at(-1)} 1 0.1 0.3 <NA> <NA> spk0${k} <NA> <NA>\n`,
      ]),
    ),
    what: "a table of events for each sound, in a folder for each side",
    call: /fromEvents\(D, \{ train: "rttm\/dev\/\{base\}\.rttm", test: "rttm\/test\/\{base\}\.rttm" \}, \{ missing: "skip" \}\)/,
    labels: ["spk00", "spk01", "spk02"],
    split: "train 2, validate 0, test 1",
  },
  "cue points inside the sounds": {
    sounds: numbers(10).map((i) => `rec/${i}.wav`),
    marked: true,
    what: "wavs with cue points inside",
    call: /= await fromEvents\(D, "\{name\}\.wav", \{ format: "cues" \}\);/,
    labels: ["dog"],
  },
  "TextGrids beside the sounds": {
    sounds: numbers(10).map((i) => `rec/${i}.wav`),
    texts: Object.fromEntries(
      numbers(10).map((i) => [
        `rec/${i}.TextGrid`,
        library.formatEvents([{ onset: 0, offset: 0.5, label: "a" }], "textgrid", { duration: 1 }),
      ]),
    ),
    what: "a table of events for each sound ({name}.TextGrid)",
    call: /fromEvents\(D, "\{name\}\.TextGrid"\)/,
    labels: ["a"],
  },
};

describe("info", () => {
  for (const [name, { sounds, texts = {}, marked, what, call, labels, split, used = sounds.length }] of Object.entries(
    SETS,
  )) {
    it(name, async (t) => {
      const directory = set(t, sounds, texts, marked);
      const text = infoText(await folderInfo(directory));
      const [first] = text.split("\n");
      assert.equal(first, `${directory}: ${what}`, text);
      assert.match(text.split("\n").find((line) => line.startsWith("const index = "))!, call);
      const count = used === sounds.length ? String(used) : `${used} of ${sounds.length}`;
      assert.ok(text.includes(`sounds   ${count}, ${(used / 3600).toFixed(2)} hours, 8000 Hz`), text);
      assert.ok(text.includes(`classes  ${labels.length}: ${labels[0]} `), text);
      assert.ok(text.includes(`split    ${split ?? "none; load makes one"}`), text);
      const dataset = await run(text);
      assert.deepEqual(dataset.labels, labels);
      assert.ok(dataset.trainSteps > 0);
    });
  }

  it("as a command; a folder of something else is told what is missing", (t) => {
    const program = join(root, "node_modules/.bin/deep-audio-dataset");
    const known = set(t, ["a/1.wav", "b/2.wav"], {});
    const info = (directory: string): { status: number | null; stdout: string; stderr: string } =>
      spawnSync(program, ["info", directory], { cwd: root, encoding: "utf8" });
    const { status, stdout } = info(known);
    assert.equal(status, 0);
    assert.match(stdout, /: a folder for each class\nsounds {3}2, /);
    const unknown = info(set(t, ["1.wav"], { "notes.txt": "hello" }));
    assert.equal(unknown.status, 1);
    assert.match(
      unknown.stderr,
      /1 sounds and no labels that are known, expected a table, a manifest or a folder for each class/,
    );
    assert.equal(info(join(known, "nowhere")).status, 1);
    assert.match(info("--help").stdout, /^ {2}info DIR /m);
  });
});
