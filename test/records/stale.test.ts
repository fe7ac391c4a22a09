import assert from "node:assert/strict";
import { cpSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import {
  AudioDataset,
  type Dataset,
  fromCsv,
  fromFolder,
  PianoDataset,
  RegressionDataset,
  SimpleAudioClassificationDataset,
} from "../../dist/index.js";
import { copyFixture, fixtures, folder, quiet, shardHashes } from "../support/records.js";

const whole = { trainSplit: 1, valSplit: 0, testSplit: 0 };

async function stale(dataset: Dataset, differences: string): Promise<void> {
  await assert.rejects(dataset.load(whole), {
    code: "STALE",
    message: `records of "${dataset.name}": stale: ${differences} (${dataset.directory}); call generateRecords to rebuild the affected shards, or pass allowStale: true`,
  });
  await dataset.load({ ...whole, allowStale: true });
}

async function pairs(t: TestContext): Promise<{ dataset: AudioDataset; rows: string[] }> {
  const directory = copyFixture(t, "pairs", false);
  const dataset = new AudioDataset(directory, "dataset");
  await dataset.generateRecords({ examplesPerFile: 4, ...quiet });
  return { dataset, rows: readFileSync(join(directory, "dataset"), "utf8").trim().split("\n") };
}

/** Builds again and says which shards were. */
async function rebuilt(dataset: AudioDataset): Promise<number[]> {
  const inode = (k: number): number =>
    statSync(join(dataset.directory, `dataset${k}.tfrecord`), { throwIfNoEntry: false })?.ino ?? 0;
  const before = [0, 1, 2, 3, 4, 5, 6].map(inode);
  await dataset.generateRecords({ examplesPerFile: 4, ...quiet });
  await dataset.load(whole);
  return before.flatMap((was, k) => (inode(k) === was ? [] : [k]));
}

test("a source whose content alone changed, not its size and not its time, is found and its shard rebuilt", async (t) => {
  const { dataset, rows } = await pairs(t);
  const file = `in/${rows[9]!.split(",")[0]}`;
  const path = join(dataset.directory, file);
  utimesSync(path, 1000, 1000);
  assert.deepEqual(await rebuilt(dataset), [], "another time alone is no change");
  const before = shardHashes(dataset.directory);
  const bytes = readFileSync(path);
  bytes[1000]! ^= 1;
  writeFileSync(path, bytes);
  utimesSync(path, 1000, 1000);
  await stale(dataset, `1 file changed: ${file}`);
  assert.deepEqual(await rebuilt(dataset), [2]);
  bytes[1000]! ^= 1;
  writeFileSync(path, bytes);
  assert.deepEqual(await rebuilt(dataset), [2]);
  assert.deepEqual(shardHashes(dataset.directory), before);
});

test("rows and sources added, dropped and removed are named, metadata too", async (t) => {
  const { dataset, rows } = await pairs(t);
  const { directory } = dataset;
  const index = join(directory, "dataset");
  const metadata = join(directory, "dataset.metadata.json");
  const write = (lines: string[]): void => writeFileSync(index, `${lines.join("\n")}\n`);
  for (const side of ["in", "out"]) cpSync(join(directory, "in/sin_pure_400_00.wav"), join(directory, side, "new.wav"));
  await dataset.load(whole);
  write([...rows, "new.wav,new.wav"]);
  await stale(dataset, "1 file changed: dataset; 2 files added to the index: in/new.wav, out/new.wav");
  assert.deepEqual(await rebuilt(dataset), [6]);
  write(rows);
  await stale(dataset, "1 file changed: dataset; 2 files dropped from the index: in/new.wav, out/new.wav");
  assert.deepEqual(await rebuilt(dataset), [6]);
  writeFileSync(metadata, JSON.stringify({ [rows[5]!.split(",")[0]!]: { group: "a" } }));
  await stale(dataset, "1 file added: dataset.metadata.json");
  assert.deepEqual(await rebuilt(dataset), [1]);
  writeFileSync(metadata, JSON.stringify({ [rows[9]!.split(",")[0]!]: { group: "a" } }));
  await stale(dataset, "1 file changed: dataset.metadata.json");
  assert.deepEqual(await rebuilt(dataset), [1, 2]);
  rmSync(metadata);
  await stale(dataset, "1 file removed: dataset.metadata.json");
  assert.deepEqual(await rebuilt(dataset), [2]);
  const [first, second] = [rows[0], rows[1]].map((row) => `out/${row!.split(",")[1]}`) as [string, string];
  cpSync(join(directory, second), join(directory, first));
  rmSync(join(directory, second));
  await stale(dataset, `1 file changed: ${first}; 1 file removed: ${second}`);
});

test("where names make the rows, files that came since are named; those that made none before aren't", async (t) => {
  const directory = folder(t);
  cpSync(join(fixtures, "piano/in_original"), join(directory, "in"), { recursive: true });
  const piano = new PianoDataset(directory, "set");
  await piano.generateRecords(quiet);
  await piano.load(whole);
  for (const note of [62, 74]) {
    cpSync(join(directory, "in/mypiano_v01_60.wav"), join(directory, `in/mypiano_v01_${note}.wav`));
  }
  await stale(piano, "2 files added: in/mypiano_v01_62.wav, in/mypiano_v01_74.wav");
  const before = piano.records.count;
  await piano.generateRecords(quiet);
  await piano.load(whole);
  assert.ok(piano.records.count > before);

  const classes = folder(t);
  for (const [k, name] of ["sounds/a/0.wav", "sounds/b/1.wav", "sounds/_c/2.wav"].entries()) {
    cpSync(join(fixtures, `simple/in/a${k}.wav`), join(classes, name));
  }
  const set = new SimpleAudioClassificationDataset(classes, "set");
  await set.generateRecords({ index: await fromFolder(classes, { folder: "sounds" }), ...quiet });
  await set.load(whole);
  cpSync(join(classes, "sounds/a/0.wav"), join(classes, "elsewhere.wav"));
  await set.load(whole);
  cpSync(join(classes, "sounds/a/0.wav"), join(classes, "sounds/a/3.wav"));
  await stale(set, "1 file added: sounds/a/3.wav");
});

test("a csv of another form and metadata of another name are watched too", async (t) => {
  const directory = folder(t);
  cpSync(join(fixtures, "simple/in"), join(directory, "in"), { recursive: true });
  const csv = join(directory, "list.csv");
  writeFileSync(csv, "kind,file\nx,a0.wav\ny,a1.wav\n");
  const set = new SimpleAudioClassificationDataset(directory, "set");
  const index = () => fromCsv(directory, "list.csv", { file: "file", label: "kind" });
  await set.generateRecords({ index: await index(), ...quiet });
  await set.load(whole);
  writeFileSync(csv, "kind,file\nx,a0.wav\ny,a1.wav\nx,a2.wav\n");
  await stale(set, "1 file changed: list.csv");
  await set.generateRecords({ index: await index(), ...quiet });
  await set.load(whole);

  writeFileSync(join(directory, "set"), "a0.wav,1\na1.wav,2\n");
  writeFileSync(join(directory, "people.csv"), "file,group\na0.wav,p\na1.wav,q\n");
  const numbers = new RegressionDataset(directory, "set");
  const options = { metadata: "people.csv", overwrite: true, ...quiet };
  await numbers.generateRecords(options);
  await numbers.load(whole);
  writeFileSync(join(directory, "people.csv"), "file,group\na0.wav,p\na1.wav,p\n");
  await stale(numbers, "1 file changed: people.csv");
  await numbers.generateRecords(options);
  await numbers.load(whole);
  assert.deepEqual(numbers.records.groups, ["p", "p"]);
});
