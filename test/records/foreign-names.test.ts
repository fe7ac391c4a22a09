import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { buildOneShard, buildRecords } from "../../dist/build/build-records.js";
import { openRecords } from "../../dist/records/open-records.js";
import type { Manifest } from "../../dist/records/manifest.js";
import { openManifest } from "../../dist/records/read-stored.js";
import type { BuildPlan } from "../../dist/records/plan.js";
import { repair } from "../../dist/repair/repair.js";
import { verify } from "../../dist/repair/verify.js";
import { sealedText } from "../../dist/system/sealed-json.js";
import { copyFixture, folder, plan, quiet } from "../support/records.js";

/** Records in a folder, with their manifest and plan as values, and a file outside that nothing may touch. */
async function dataset(
  t: TestContext,
): Promise<{ directory: string; manifest: Manifest; built: BuildPlan; secret: string; out: string }> {
  const directory = copyFixture(t, "pairs", false);
  const built = await plan(directory, "pairs", { examplesPerFile: 8 });
  const { shards, ...head } = await buildRecords(directory, built, quiet);
  const stored = await openManifest(directory, "dataset");
  const whole = shards.map(async (shard, k) => ({ ...shard, sources: (await stored!.sources(k))! }));
  // In one piece, as earlier versions wrote it.
  const manifest = { ...head, shards: await Promise.all(whole) };
  const outside = folder(t);
  writeFileSync(join(outside, "x0.tfrecord"), "precious");
  return { directory, manifest, built, secret: join(outside, "x0.tfrecord"), out: `../${outside.split("/").at(-1)}` };
}

const untouched = (secret: string): void => {
  assert.equal(readFileSync(secret, "utf8"), "precious");
  assert.deepEqual(readdirSync(join(secret, "..")), ["x0.tfrecord"]);
};

test("a journal moves and removes shards of its own dataset alone", async (t) => {
  const { directory, manifest, built, secret, out } = await dataset(t);
  const journal = join(directory, ".dataset.build/publish.json");
  mkdirSync(join(directory, ".dataset.build"));
  const named = (file: string): RegExp =>
    new RegExp(
      `^journal: file "${file}", expected dataset<k>.tfrecord or its index \\(${journal}\\); delete its folder`,
    );
  for (const file of [`${out}/x0.tfrecord`, "in/saw_min7_200_00.wav", "dataset", "dataset0", "dataset-1.tfrecord"]) {
    for (const files of [
      { move: [file], remove: [] },
      { move: [], remove: [file] },
    ]) {
      writeFileSync(journal, sealedText({ format: 1, manifest, ...files }));
      const rejected = { name: "DatasetError", code: "RECORD", message: named(file.replaceAll(".", "\\.")) };
      await assert.rejects(openRecords(directory, "dataset"), rejected);
      await assert.rejects(buildRecords(directory, built, quiet), rejected);
      await assert.rejects(repair(directory, "dataset", quiet), rejected);
      untouched(secret);
    }
  }
  for (const [fields, message] of [
    [{ manifest: { ...manifest, name: `${out}/x` } }, /^journal: name .*, expected "dataset"/],
    [{ plan: { ...built, name: `${out}/x` } }, /^journal: name .*, expected "dataset"/],
    [{ move: "x" }, /^journal: files "x", expected a list/],
    [{ sidecar: 1 }, /^journal: sidecar/],
    [{ manifest: null }, /^journal: no manifest/],
    [{ format: undefined }, /^journal: format missing, expected 1/],
    [{ manifest: { ...manifest, examples: 99 } }, /^journal: examples 99, expected \d+, those of all shards together/],
  ] as const) {
    const sound: object = { format: 1, manifest, move: [], remove: [] };
    writeFileSync(journal, sealedText({ ...sound, ...fields }));
    await assert.rejects(openRecords(directory, "dataset"), { name: "DatasetError", code: "RECORD", message });
  }
});

test("a manifest's names stay in its folder", async (t) => {
  const { directory, manifest, built, secret, out } = await dataset(t);
  const path = join(directory, "dataset.manifest.json");
  const [shard, ...others] = manifest.shards as [Manifest["shards"][0], ...Manifest["shards"]];
  const withShard = (fields: object): object => ({ ...manifest, shards: [{ ...shard, ...fields }, ...others] });
  const sources = { ...shard.sources!, path: [`${out}/x0.tfrecord`, ...shard.sources!.path.slice(1)] };
  for (const [wrong, message] of [
    [withShard({ file: `${out}/x0.tfrecord` }), /shard "\.\.\/.*x0\.tfrecord", expected dataset<k>\.tfrecord/],
    [withShard({ file: secret }), /shard ".*", expected dataset<k>\.tfrecord/],
    [withShard({ file: 3 }), /shard 3, expected/],
    [withShard({ sources }), /name "\.\.\/.*", expected one that stays in the dataset's folder/],
    [withShard({ sources: { path: "x" } }), /sources of dataset0\.tfrecord/],
    [withShard({ bytes: -1 }), /entry of dataset0\.tfrecord/],
    [{ ...manifest, name: `${out}/x` }, /name "\.\.\/.*", expected "dataset"/],
    [{ ...manifest, inputFolder: out }, /name "\.\.\/.*", expected one that stays/],
    [{ ...manifest, listing: { folders: [".."], unused: [] } }, /name "\.\.", expected one that stays/],
    [{ ...manifest, indexFiles: [{ file: "/etc/passwd", sha256: "" }] }, /name "\/etc\/passwd", expected one that/],
    [{ ...manifest, shards: [null] }, /shard missing, expected dataset<k>\.tfrecord/],
    [{ ...manifest, encoding: "toString" }, /encoding "toString", expected pcm16/],
    [{ ...manifest, examples: null }, /examples null, expected a whole number/],
  ] as const) {
    writeFileSync(path, sealedText(wrong));
    const rejected = { name: "DatasetError", code: "RECORD", message };
    await assert.rejects(openRecords(directory, "dataset"), rejected);
    const report = await verify(directory, "dataset", quiet);
    assert.match(report.problems[0]!.message, message);
    untouched(secret);
  }
  // A rebuild replaces such a manifest without deleting what it names.
  writeFileSync(
    path,
    sealedText({ ...manifest, shards: [...manifest.shards, { ...shard, file: `${out}/x0.tfrecord` }] }),
  );
  assert.deepEqual((await buildRecords(directory, built, quiet)).fingerprint, manifest.fingerprint);
  untouched(secret);
});

test("a plan's names stay in its folder; one of an earlier version, without a checksum, is read", async (t) => {
  const { directory, built, secret, out } = await dataset(t);
  const path = join(directory, "dataset.plan.json");
  assert.ok("rows" in built.source);
  const { source } = built;
  const row = source.rows[0]!;
  const shard = built.shards[0]!;
  for (const [wrong, message] of [
    [{ ...built, name: "../x" }, /name "\.\.\/x", expected one that stays/],
    [{ ...built, shards: [{ ...shard, file: `${out}/x0.tfrecord` }] }, /shard ".*", expected dataset<k>\.tfrecord/],
    [
      { ...built, shards: [{ ...shard, to: 1e9 }] },
      /rows of dataset0\.tfrecord \[0,1000000000\], expected from and to/,
    ],
    [{ ...built, source: { ...source, inputFolder: out } }, /name ".*", expected one that stays/],
    [
      { ...built, source: { ...source, rows: [{ ...row, input: `../${out}/x0.tfrecord` }] } },
      /name ".*", expected one/,
    ],
    [{ ...built, source: { ...source, rows: [{ ...row, target: 1 }] } }, /row .*, expected its number and files/],
    [{ ...built, source: null }, /source null, expected rows or a recipe/],
  ] as const) {
    for (const text of [JSON.stringify(wrong), sealedText(wrong)]) {
      writeFileSync(path, text);
      await assert.rejects(buildOneShard(path, 0), { name: "DatasetError", code: "RECORD", message });
      untouched(secret);
    }
  }
  writeFileSync(path, JSON.stringify(built));
  assert.equal((await buildOneShard(path, 0)).file, "dataset0.tfrecord");
});

test("a staging folder that is a link is refused: what is in it would be deleted", async (t) => {
  const { directory, built, secret } = await dataset(t);
  symlinkSync(join(secret, ".."), join(directory, ".dataset.build"));
  const rejected = { code: "FILE", message: /\.dataset\.build: a symbolic link, expected a folder/ };
  await assert.rejects(buildRecords(directory, built, quiet), rejected);
  await assert.rejects(repair(directory, "dataset", quiet), rejected);
  untouched(secret);
  assert.equal(existsSync(join(directory, "dataset0.tfrecord")), true);
});

test("an index whose places lie outside its shard is made again, and never read by", async (t) => {
  const { directory } = await dataset(t);
  const path = join(directory, "dataset0.index");
  const right = readFileSync(path, "utf8");
  const { checksum, ...index } = JSON.parse(right);
  assert.ok(checksum);
  for (const wrong of [
    { length: -1 },
    { offset: -1 },
    { length: 2 ** 40 },
    { inputAt: index.bytes },
    { inputBytes: 2 ** 53 - 1 },
    { targetBytes: -5 },
    { labelAt: -2 },
  ]) {
    const [[column, value]] = Object.entries(wrong) as [[string, number]];
    writeFileSync(path, sealedText({ ...index, [column]: [value, ...index[column].slice(1)] }));
    await openRecords(directory, "dataset");
    assert.deepEqual(JSON.parse(readFileSync(path, "utf8"))[column], index[column], column);
  }
});
