import assert from "node:assert/strict";
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { planRecords } from "../../dist/build/plan-records.js";
import type { Kind } from "../../dist/core/rows.js";
import { AudioDataset, encodeWav, RegressionDataset, SimpleAudioClassificationDataset } from "../../dist/index.js";
import { savePlan } from "../../dist/records/plan.js";
import { readIndex } from "../../dist/sources/index-csv.js";
import { openIndexParts } from "../../dist/sources/index-parts.js";
import { copyFixture, folder } from "../support/records.js";

const CLASSES = { pairs: AudioDataset, classes: SimpleAudioClassificationDataset, values: RegressionDataset };
type PlainKind = keyof typeof CLASSES;

/** The plan of a dataset's index in parts, and of all of it in memory. */
async function both(directory: string, kind: PlainKind, options: object = {}): Promise<[string, string]> {
  const { file } = await new CLASSES[kind](directory, "dataset").plan(options);
  const parts = readFileSync(file, "utf8");
  const whole = await planRecords(directory, "dataset", await readIndex(directory, "dataset", kind), options);
  await savePlan(directory, whole);
  return [parts, readFileSync(file, "utf8")];
}

const planned = async (directory: string, kind: Kind): Promise<(boolean | number)[]> => {
  const parts = await openIndexParts(directory, "dataset", kind, {});
  const found: (boolean | number)[] = [];
  for await (const part of parts?.parts(true) ?? []) found.push(part ? part.rows.length : false);
  return found;
};

/** 100 sounds on either side, each paired with each, in a csv of some megabytes. */
function many(t: TestContext): string {
  const directory = folder(t);
  const wav = encodeWav({ sampleRate: 8000, channels: 1, samples: new Int16Array(80) });
  const long = `${"x".repeat(200)}/${"y".repeat(200)}`;
  for (const side of ["in", "out"]) {
    mkdirSync(join(directory, side, long), { recursive: true });
    for (let i = 0; i < 100; i++) writeFileSync(join(directory, side, long, `${i}.wav`), wav);
  }
  const line = (_: unknown, i: number): string => `${long}/${i % 100}.wav,${long}/${Math.floor(i / 100)}.wav\r\n`;
  writeFileSync(join(directory, "dataset"), Array.from({ length: 10_000 }, line).join(""));
  return directory;
}

test("an index csv planned part by part gives the plan of the whole", async (t) => {
  const directory = many(t);
  const parts = await planned(directory, "pairs");
  assert.ok(parts.length === 2 && parts.every((rows) => Number(rows) > 1000), String(parts));
  const [found, expected] = await both(directory, "pairs");
  for (const [k, shard] of JSON.parse(found).shards.entries()) assert.deepEqual(shard, JSON.parse(expected).shards[k]);
  assert.ok(found === expected);
  for (const [set, kind, options] of [
    ["pairs", "pairs", { examplesPerFile: 5, encoding: "float32" }],
    ["simple", "classes", { convert: { sampleRate: 4000 } }],
    ["simple", "values", {}],
  ] as const) {
    const other = copyFixture(t, set, false);
    assert.ok((await planned(other, kind)).every(Boolean), kind);
    assert.deepEqual(...(await both(other, kind, options)));
  }
  // A header, a byte order mark, quotes and blank lines.
  writeFileSync(join(directory, "dataset"), `\uFEFFfile,a,b\n\n"${"x".repeat(200)}/${"y".repeat(200)}/1.wav",1,0\n`);
  assert.deepEqual(await planned(directory, "classes"), [1]);
  assert.deepEqual(...(await both(directory, "classes")));
});

test("what is unusual in one part is said by the check of the whole", async (t) => {
  const directory = copyFixture(t, "pairs", false);
  const file = join(directory, "dataset");
  const text = `${readFileSync(file, "utf8").trimEnd()}\n`;
  const lines = text.split("\n");
  symlinkSync("/etc/hostname", join(directory, "in", "out.wav"));
  for (const [last, message] of [
    [lines[7]!, /line 8|:8/],
    ["gone.wav,0.wav", /gone\.wav/],
    ["../a.wav,0.wav", /\.\.\/a\.wav/],
    ["out.wav,0.wav", /out\.wav/],
    ["a.wav", /columns: 1/],
    ['"a.wav,0.wav', /quotes/],
  ] as const) {
    writeFileSync(file, `${text}${last}\n`);
    await assert.rejects(new AudioDataset(directory, "dataset").plan(), { name: "DatasetError", message });
  }
  writeFileSync(file, Buffer.concat([Buffer.from(text), Buffer.from([0xff, 0x0a])]));
  await assert.rejects(new AudioDataset(directory, "dataset").plan(), { message: /not UTF-8/ });
});
