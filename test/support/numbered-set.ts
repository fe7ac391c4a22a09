import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TestContext } from "node:test";
import {
  type Batches,
  encodeWav,
  fromCsv,
  loadTensorFlow,
  type LoadOptions,
  SimpleAudioClassificationDataset,
} from "../../dist/index.js";
import { folder, quiet } from "./records.js";

/** A set of sounds of these classes, the first sample of example i being i + 1; what loads it, each time by itself. */
export async function numberedSet(
  t: TestContext,
  classes: readonly string[],
): Promise<(options: LoadOptions) => Promise<SimpleAudioClassificationDataset>> {
  const directory = folder(t);
  mkdirSync(join(directory, "in"));
  for (const i of classes.keys()) {
    const samples = new Int16Array(100).fill(i + 1);
    writeFileSync(join(directory, `in/${i}.wav`), encodeWav({ sampleRate: 8000, channels: 1, samples }));
  }
  writeFileSync(join(directory, "t.csv"), `f,c\n${classes.map((name, i) => `${i}.wav,${name}\n`).join("")}`);
  const index = await fromCsv(directory, "t.csv", { file: "f", label: "c" });
  await new SimpleAudioClassificationDataset(directory, "set").generateRecords({ ...quiet, index });
  return async (options) => {
    const dataset = new SimpleAudioClassificationDataset(directory, "set");
    await dataset.load({ trainSplit: 1, valSplit: 0, testSplit: 0, ...options });
    return dataset;
  };
}

/** The numbers of the examples that an epoch gives, from where the batches are; at most those of `most` batches. */
export async function numbersIn(batches: Batches, most = Infinity): Promise<number[]> {
  const tf = loadTensorFlow();
  const found: number[] = [];
  const iterator = await batches.iterator();
  for (let n = 0; n < most; n++) {
    const { value, done } = await iterator.next();
    if (done) break;
    for (const row of (await value.xs.array()) as number[][]) found.push(Math.round(row[0]! * 32768) - 1);
    tf.dispose([value.xs, value.ys]);
  }
  return found;
}
