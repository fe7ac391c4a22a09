import assert from "node:assert/strict";
import { mkdirSync, readdirSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, type TestContext, test } from "node:test";
import {
  CreateBucketCommand,
  DeleteObjectCommand,
  ListObjectsV2Command,
  ListObjectVersionsCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import { type DatasetError, encodeWav, RegressionDataset } from "../../dist/index.js";
import { s3Target } from "../../dist/storage/s3-target.js";
import { startS3 } from "../support/moto.js";
import { folder, quiet, shardHashes } from "../support/records.js";

let s3: { close: () => void };
let client: S3Client;
before(async () => {
  s3 = await startS3();
  client = new S3Client({ forcePathStyle: true });
  const CreateBucketConfiguration = { LocationConstraint: "eu-central-1" } as const;
  await client.send(new CreateBucketCommand({ Bucket: "built", CreateBucketConfiguration }));
  const VersioningConfiguration = { Status: "Enabled" } as const;
  await client.send(new PutBucketVersioningCommand({ Bucket: "built", VersioningConfiguration }));
});
after(() => s3.close());

/** Twenty sounds with a number each. */
function sources(t: TestContext): string {
  const directory = folder(t);
  mkdirSync(join(directory, "in"));
  for (let i = 0; i < 20; i++) writeSound(directory, i, i + 1);
  writeFileSync(join(directory, "set"), Array.from({ length: 20 }, (_, i) => `${i}.wav,${i}\n`).join(""));
  return directory;
}

function writeSound(directory: string, i: number, value: number): void {
  const samples = new Int16Array(100).fill(value);
  writeFileSync(join(directory, `in/${i}.wav`), encodeWav({ sampleRate: 8000, channels: 1, samples }));
}

const OPTIONS = { ...quiet, examplesPerFile: 5 };

async function keys(prefix: string): Promise<string[]> {
  const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket: "built", Prefix: `${prefix}/` }));
  return Contents.map(({ Key }) => Key!.slice(prefix.length + 1)).sort();
}

/** The first sample of every example, as it was written, by the example's number. */
async function values(t: TestContext, address: string): Promise<number[]> {
  const dataset = new RegressionDataset(address, "set");
  await dataset.load({ trainSplit: 1, valSplit: 0, testSplit: 0, cache: { folder: folder(t) } });
  const found: number[] = [];
  for (let i = 0; i < dataset.records.count; i++) found.push(Math.round((await dataset.example(i)).input[0]! * 32768));
  return found;
}

test("records built in a bucket are those built here, and are built again only where sources changed", async (t) => {
  const directory = sources(t);
  const dataset = new RegressionDataset(directory, "set");
  const to = "s3://built/first";
  await dataset.generateRecords({ ...OPTIONS, to });
  assert.deepEqual(
    readdirSync(directory).filter((file) => file.startsWith(".set.build") || file.endsWith(".tfrecord")),
    [],
    "nothing of them stays here",
  );
  assert.deepEqual(await keys("first"), [
    "set.manifest.json",
    ...[0, 1, 2, 3].flatMap((k) => [`set${k}.index`, `set${k}.tfrecord`]),
  ]);
  const there = new RegressionDataset(to, "set");
  await there.load({ cache: { folder: folder(t) } });
  const hashes = there.records.manifest.shards.map(({ file, sha256 }) => [file, sha256]);
  await dataset.generateRecords(OPTIONS);
  assert.deepEqual(Object.fromEntries(hashes), shardHashes(directory));
  assert.deepEqual(
    await values(t, to),
    Array.from({ length: 20 }, (_, i) => i + 1),
  );

  writeSound(directory, 7, 500);
  await dataset.generateRecords({ ...OPTIONS, to });
  assert.equal((await values(t, to))[7], 500);
  // A file that was touched has the same bytes.
  utimesSync(join(directory, "in/3.wav"), 1, 1);
  await dataset.generateRecords({ ...OPTIONS, to });
  assert.equal((await values(t, to))[3], 4);
  const { Versions = [] } = await client.send(new ListObjectVersionsCommand({ Bucket: "built", Prefix: "first/" }));
  const uploads = [0, 1, 2, 3].map((k) => Versions.filter(({ Key }) => Key === `first/set${k}.tfrecord`).length);
  assert.deepEqual(uploads, [1, 2, 1, 1]);
});

test("a shard of somebody else's is not replaced, unless that is asked for", async (t) => {
  const dataset = new RegressionDataset(sources(t), "set");
  const to = "s3://built/taken";
  await client.send(new PutObjectCommand({ Bucket: "built", Key: "taken/set2.tfrecord", Body: "mine" }));
  await assert.rejects(dataset.generateRecords({ ...OPTIONS, to }), (error: DatasetError) => {
    assert.equal(error.code, "RECORD");
    assert.match(error.message, /set2\.tfrecord: there already/);
    return true;
  });
  assert.ok(!(await keys("taken")).includes("set.manifest.json"));
  await dataset.generateRecords({ ...OPTIONS, to, overwrite: true });
  assert.equal((await values(t, to)).length, 20);
});

/** Builds until the second shard, in whose place something else is meanwhile: the first one is in the bucket then. */
async function begin(dataset: RegressionDataset, to: string): Promise<void> {
  const there = { Bucket: "built", Key: `${to.slice("s3://built/".length)}/set1.tfrecord` };
  await client.send(new PutObjectCommand({ ...there, Body: "other" }));
  await assert.rejects(dataset.generateRecords({ ...OPTIONS, to, workers: 1 }), { code: "RECORD" });
  await client.send(new DeleteObjectCommand(there));
  const signal = AbortSignal.abort();
  await assert.rejects(dataset.generateRecords({ ...OPTIONS, to, workers: 1, signal }), { code: "ABORTED" });
}

test("of two builders the first one publishes, and the other is told", async (t) => {
  const [first, second] = [sources(t), sources(t)];
  writeSound(second, 0, 900);
  const to = "s3://built/two";
  await begin(new RegressionDataset(first, "set"), to);
  const other = new RegressionDataset(second, "set").generateRecords({ ...OPTIONS, to });
  await assert.rejects(other, { code: "RECORD", message: /set0\.tfrecord: there already/ });
  await new RegressionDataset(first, "set").generateRecords({ ...OPTIONS, to });
  assert.equal((await values(t, to))[0], 1);
  // What both do at the end.
  const [file, target] = ["set.manifest.json", s3Target(to)];
  const { version } = (await target.look(file))!;
  assert.equal(await target.put(file, join(first, "set"), "0", "absent"), false);
  assert.equal(await target.put(file, join(first, "set"), "1", { version }), true);
  assert.equal(await target.put(file, join(first, "set"), "2", { version }), false);
  assert.equal((await target.look(file))!.sha256, "1");
});

test("an upload that was interrupted goes on with what is missing", async (t) => {
  const dataset = new RegressionDataset(sources(t), "set");
  const to = "s3://built/interrupted";
  await begin(dataset, to);
  const begun = await keys("interrupted");
  assert.ok(!begun.includes("set.manifest.json"));
  await dataset.generateRecords({ ...OPTIONS, to });
  assert.deepEqual(
    await values(t, to),
    Array.from({ length: 20 }, (_, i) => i + 1),
  );
  await client.send(new DeleteObjectCommand({ Bucket: "built", Key: "interrupted/set1.tfrecord" }));
  await dataset.generateRecords({ ...OPTIONS, to });
  assert.equal((await values(t, to)).length, 20, "a shard that is gone is built again");
});

test("a bucket that isn't there, or no bucket, is an error that shows no key", async (t) => {
  const dataset = new RegressionDataset(sources(t), "set");
  await assert.rejects(dataset.generateRecords({ ...OPTIONS, to: "https://host/set" }), { code: "OPTION" });
  await assert.rejects(dataset.generateRecords({ ...OPTIONS, to: "s3://absent/set" }), (error: DatasetError) => {
    assert.equal(error.code, "FILE");
    assert.doesNotMatch(error.message + String(error.stack), /s3cr3t|AKIATESTKEY/);
    return true;
  });
});
