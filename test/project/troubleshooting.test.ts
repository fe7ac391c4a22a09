// Every message of docs/troubleshooting.md is one that the library gives: most are provoked here, the others stand in the source.
import assert from "node:assert/strict";
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import ts from "typescript";
import { folderInfo } from "../../dist/check/folder-info.js";
import * as library from "../../dist/index.js";
import { withLock } from "../../dist/system/lock.js";
import { outOfMemory } from "../../dist/train/fit-summary.js";
import { root } from "../support/python.js";
import { filesIn } from "../support/snippets.js";

const { AudioDataset, SimpleAudioClassificationDataset, AudioClassificationDataset, fit, judge, encodeWav } = library;
const tf = library.loadTensorFlow();
const QUIET = { onProgress: false } as const;
const work = mkdtempSync(join(tmpdir(), "trouble-"));

const wav = (seed: string, sampleRate = 16000): Uint8Array => {
  const { gaussian } = library.random(seed);
  return encodeWav({ sampleRate, channels: 1, samples: Float32Array.from({ length: 4000 }, () => 0.1 * gaussian()) });
};

/** A new folder of twelve sounds of two classes, recorded, and its dataset. */
let made = 0;
async function sounds(prepare: (folder: string) => void = () => {}): Promise<{
  folder: string;
  dataset: InstanceType<typeof SimpleAudioClassificationDataset>;
}> {
  const folder = join(work, String(made++));
  for (let i = 0; i < 12; i++) {
    const kind = i % 2 ? "dog" : "rain";
    mkdirSync(join(folder, kind), { recursive: true });
    writeFileSync(join(folder, kind, `${i}.wav`), wav(`${i}`));
  }
  prepare(folder);
  const dataset = new SimpleAudioClassificationDataset(folder, "set");
  await dataset.generateRecords({ index: await library.fromFolder(folder), ...QUIET });
  return { folder, dataset };
}

/** The problems of a folder of pairs with one of them spoilt. */
async function checked(spoil: (file: string) => void): Promise<never> {
  const folder = join(work, String(made++));
  mkdirSync(folder);
  for (const name of ["a", "b", "c", "d"]) writeFileSync(join(folder, `${name}.wav`), wav(name));
  writeFileSync(join(folder, "set"), "a.wav,b.wav\nc.wav,d.wav\n");
  spoil(join(folder, "a.wav"));
  throw (await new AudioDataset(folder, "set").check(QUIET)).toError();
}

function modelOf(loss = "categoricalCrossentropy", rate = 0.1): ReturnType<typeof tf.sequential> {
  const model = tf.sequential({ layers: [tf.layers.dense({ inputShape: [4000], units: 2, activation: "softmax" })] });
  model.compile({ optimizer: tf.train.sgd(rate), loss });
  return model;
}

/** What provokes each message, by its heading's beginning. */
const PROVOKED: Readonly<Record<string, () => unknown>> = {
  "index of dataset": () => new AudioDataset(work, "nothing").check(QUIET),
  "file: not found": () => checked((file) => rmSync(file)),
  "samples: ": () => checked((file) => truncateSync(file, 5000)),
  "sample rate: ": () => checked((file) => writeFileSync(file, wav("a", 22050))),
  "format: ": () => library.decodeAudio(Buffer.from("<!doctype html><p>Not found"), "a.wav"),
  "folder ": () => {
    mkdirSync(join(work, "bare"));
    writeFileSync(join(work, "bare/a.wav"), wav("a"));
    return folderInfo(join(work, "bare"));
  },
  "event at ": async () => {
    const { folder } = await sounds((folder) => {
      writeFileSync(join(folder, "events.tsv"), "filename\tonset\toffset\tevent_label\ndog/1.wav\t100\t200\tbark\n");
    });
    const index = await library.fromEvents(folder, "events.tsv");
    throw (await new AudioClassificationDataset(folder, "events").check({ index, ...QUIET })).toError();
  },
  'records of "…": none': () => new AudioDataset(work, "nothing").load(),
  "dataset ": () => new AudioDataset(work, "nothing").train,
  'records of "…": stale': async () => {
    const { folder, dataset } = await sounds();
    writeFileSync(join(folder, "dog/1.wav"), wav("another"));
    await dataset.load();
  },
  'records of "…": kind': async () => new AudioDataset((await sounds()).folder, "set").load(),
  'records of "…": held': async () => {
    const { folder, dataset } = await sounds();
    const index = await library.fromFolder(folder);
    await withLock(folder, "set", () => dataset.generateRecords({ index, encoding: "float32", ...QUIET }));
  },
  "data checksum: ": async () => {
    const { folder, dataset } = await sounds();
    const shard = openSync(join(folder, "set0.tfrecord"), "r+");
    writeSync(shard, "X", 500);
    closeSync(shard);
    throw new Error((await dataset.verify(QUIET)).problems[0]!.message);
  },
  "trainSplit + ": async () => (await sounds()).dataset.load({ trainSplit: 0.9 }),
  "… split: empty": async () => (await sounds()).dataset.load({ groupBy: () => "one" }),
  "audit: ": async () => {
    const { dataset } = await sounds((folder) => {
      for (let i = 0; i < 12; i++) writeFileSync(join(folder, i % 2 ? "dog" : "rain", `${i}.wav`), wav("the same"));
    });
    await dataset.load();
    await dataset.audit({ failOn: true, ...QUIET });
  },
  "inputSize: ": async () => {
    const { folder } = await sounds((folder) => {
      writeFileSync(join(folder, "events.tsv"), "filename\tonset\toffset\tevent_label\ndog/1.wav\t0.1\t0.2\tbark\n");
    });
    const dataset = new AudioClassificationDataset(folder, "events");
    await dataset.generateRecords({ index: await library.fromEvents(folder, "events.tsv"), ...QUIET });
    await dataset.load({ trainSplit: 1, valSplit: 0, testSplit: 0 });
  },
  '…: option "': async () => (await sounds()).dataset.load({ batchsize: 8 } as object),
  "model: ": async () => {
    const { dataset } = await sounds();
    await dataset.load();
    const model = tf.sequential({ layers: [tf.layers.dense({ inputShape: [4000], units: 2 })] });
    await fit(model, dataset, { epochs: 1, ...QUIET });
  },
  "Error when checking": () => modelOf().predict(tf.zeros([1, 3000])),
  "trainSteps: ": async () => {
    const [fold] = await (await sounds()).dataset.kfold(2);
    await fit(modelOf(), { train: fold!.train } as never, { epochs: 1, ...QUIET });
  },
  "loss: NaN": async () => {
    const { dataset } = await sounds();
    await dataset.load({ batchSize: 2 });
    await fit(modelOf("meanSquaredError", Number.NaN), dataset, { epochs: 2, ...QUIET });
  },
  "training: out of memory": () => {
    throw outOfMemory(new Error("OOM when allocating tensor with shape[64,1000] and type float"));
  },
  "loss: …, expected": async () => {
    const { dataset } = await sounds();
    await dataset.load();
    await judge(modelOf("meanSquaredError"), dataset.test);
  },
  "features of pairs": async () => {
    const folder = join(work, "pairs");
    mkdirSync(folder);
    await new AudioDataset(folder, "set").generate(100, 200, 12, { duration: 0.25, ...QUIET });
    const dataset = new AudioDataset(folder, "set");
    await dataset.load({ features: { kind: "logMel", frameLength: 256, frameStep: 128 } });
    library.createPipeline(modelOf(), dataset);
  },
  "sound: ": () => {
    writeFileSync(join(work, "song.flac"), "fLaC and more");
    library.show.player(join(work, "song.flac"));
  },
};

const page = readFileSync(join(root, "docs/troubleshooting.md"), "utf8");
const messages = [...page.matchAll(/^### (.*)$/gm)].map((heading) => heading[1]!);

/** A message of the page as a pattern: `…` stands for anything. */
const patternOf = (message: string): RegExp =>
  new RegExp(
    message
      .split("…")
      .map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"))
      .join("[^]*"),
  );

describe("messages of the page of troubleshooting", () => {
  before(() => library.show.displayFile(join(work, "displays.html")));
  after(() => rmSync(work, { recursive: true, force: true }));

  it("each is provoked or stands in the source", () => {
    const texts = filesIn("src", ".ts", true).flatMap((file) => textsOf(file));
    const others = messages.filter((message) => !Object.keys(PROVOKED).some((start) => message.startsWith(start)));
    assert.ok(others.length <= 5, others.join("\n"));
    assert.deepEqual(
      others.filter((message) => !texts.some((text) => patternOf(message).test(text))),
      [],
    );
  });

  for (const [start, provoke] of Object.entries(PROVOKED)) {
    it(start, async () => {
      const own = messages.filter((message) => message.startsWith(start));
      assert.equal(own.length, 1, `${own.length} headings begin so`);
      await assert.rejects(
        async () => void (await provoke()),
        (error: Error) => {
          assert.match(error.message, patternOf(own[0]!));
          return true;
        },
      );
    });
  }
});

/** The texts of a file's literals, templates with `…` for what is filled in. */
function textsOf(file: string): string[] {
  const source = ts.createSourceFile(file, readFileSync(join(root, file), "utf8"), ts.ScriptTarget.ES2022, true);
  const texts: string[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isStringLiteral(node) || ts.isNoSubstitutionTemplateLiteral(node)) texts.push(node.text);
    if (ts.isTemplateExpression(node))
      texts.push(node.head.text + node.templateSpans.map(({ literal }) => `…${literal.text}`).join(""));
    ts.forEachChild(node, visit);
  };
  visit(source);
  return texts;
}
