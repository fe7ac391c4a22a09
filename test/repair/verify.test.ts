import assert from "node:assert/strict";
import { existsSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { planRecipe } from "../../dist/generate/write-wavs.js";
import { planRecords } from "../../dist/build/plan-records.js";
import { buildRecords } from "../../dist/build/build-records.js";
import { openRecords } from "../../dist/records/open-records.js";
import { sealedText } from "../../dist/system/sealed-json.js";
import { repair } from "../../dist/repair/repair.js";
import { verify } from "../../dist/repair/verify.js";
import { copyFixture, folder, plan, quiet, shardHashes } from "../support/records.js";
import { readExample } from "../../dist/records/read-example.js";

function damage(path: string, change: (bytes: Buffer) => Buffer | undefined): void {
  const bytes = readFileSync(path);
  writeFileSync(path, change(bytes) ?? bytes);
}

test("verify finds nothing in sound records, ours or the original's", async (t) => {
  const ours = copyFixture(t, "simple", false);
  const manifest = await buildRecords(ours, await plan(ours, "classes", { examplesPerFile: 3 }), quiet);
  const bytes = manifest.shards.reduce((sum, s) => sum + s.bytes, 0);
  assert.deepEqual(await verify(ours, "dataset", quiet), { sound: true, shards: 3, examples: 8, bytes, problems: [] });
  const theirs = copyFixture(t, "pairs", true);
  assert.deepEqual((await verify(theirs, "dataset", quiet)).problems, []);
  assert.equal((await verify(theirs, "dataset", quiet)).examples, 24);
  await assert.rejects(verify(theirs, "nothing", quiet), { code: "RECORD", message: /^records of "nothing": none/ });
});

test("verify names every break by shard, example and byte; repair rebuilds from the sources, byte for byte", async (t) => {
  const directory = copyFixture(t, "pairs", false);
  await buildRecords(directory, await plan(directory, "pairs", { examplesPerFile: 4 }), quiet);
  const hashes = shardHashes(directory);
  const { offset, inputAt } = await openRecords(directory, "dataset");
  const at = (k: number): string => join(directory, `dataset${k}.tfrecord`);
  damage(at(0), (bytes) => {
    bytes[inputAt[1]! + 100]! ^= 1; // a sample of example 1
    bytes[offset[2]!]! ^= 8; // the length of example 2
    return undefined;
  });
  damage(at(1), (bytes) => bytes.subarray(0, bytes.length - 7));
  rmSync(at(2));
  rmSync(join(directory, "dataset3.index"));
  damage(join(directory, "dataset4.index"), (bytes) => {
    const { checksum: _, ...index } = JSON.parse(bytes.toString());
    index.inputAt[3] += 2;
    return Buffer.from(sealedText(index));
  });
  const report = await verify(directory, "dataset", quiet);
  assert.equal(report.sound, false);
  assert.equal(report.examples, 24 - 2 - 1 - 4);
  assert.deepEqual(
    report.problems.map(({ kind, file, example, offset }) => [kind, file, example, offset]),
    [
      ["data", "dataset0.tfrecord", 1, offset[1]],
      ["length", "dataset0.tfrecord", 2, offset[2]],
      ["cut", "dataset1.tfrecord", 3, offset[7]],
      ["bytes", "dataset1.tfrecord", undefined, undefined],
      ["missing", "dataset2.tfrecord", undefined, undefined],
      ["index", "dataset3.index", undefined, undefined],
      ["index", "dataset4.index", 3, undefined],
    ],
  );
  assert.match(
    report.problems[0]!.message,
    new RegExp(`^data checksum: 0x.*\\(dataset0.tfrecord, example 1, byte ${offset[1]}\\)$`),
  );
  await assert.rejects(openRecords(directory, "dataset"), {
    code: "RECORD",
    message: /shard dataset1.tfrecord: \d+ bytes, expected \d+ bytes .* call repair$/,
  });

  const repaired = await repair(directory, "dataset", quiet);
  assert.deepEqual(repaired.rebuilt, ["dataset0.tfrecord", "dataset1.tfrecord", "dataset2.tfrecord"]);
  assert.deepEqual(repaired.indexed, ["dataset3.tfrecord", "dataset4.tfrecord"]);
  assert.deepEqual(repaired.salvaged, []);
  assert.deepEqual(shardHashes(directory), hashes);
  assert.deepEqual((await verify(directory, "dataset", quiet)).problems, []);
  assert.equal((await openRecords(directory, "dataset")).count, 24);
});

test("bytes that belong to another build are found by the manifest's hash; a generated set is rebuilt from its recipe", async (t) => {
  const recipe = planRecipe(200, 800, 20, { waves: ["sin"], duration: 0.1, sampleRate: 8000 });
  const directory = folder(t);
  const other = folder(t);
  const options = { examplesPerFile: 10 };
  await buildRecords(directory, await planRecords(directory, "dataset", recipe, options), quiet);
  await buildRecords(other, await planRecords(other, "dataset", { ...recipe, volume: 0.2 }, options), quiet);
  const hashes = shardHashes(directory);
  writeFileSync(join(directory, "dataset1.tfrecord"), readFileSync(join(other, "dataset1.tfrecord")));
  const { problems } = await verify(directory, "dataset", quiet);
  assert.deepEqual(
    problems.map((p) => p.kind),
    ["sha256"],
  );
  assert.match(
    problems[0]!.message,
    /^sha256: [0-9a-f]{64}, expected [0-9a-f]{64} as in the manifest \(dataset1.tfrecord\)$/,
  );
  assert.deepEqual((await repair(directory, "dataset", quiet)).rebuilt, ["dataset1.tfrecord"]);
  assert.deepEqual(shardHashes(directory), hashes);
});

for (const encoding of ["pcm16", "float16"] as const) {
  test(`without the sources repair keeps the intact examples (${encoding}); with them back the next build is whole`, async (t) => {
    const directory = copyFixture(t, "simple", false);
    const options = { examplesPerFile: 3, encoding };
    await buildRecords(directory, await plan(directory, "classes", options), quiet);
    const hashes = shardHashes(directory);
    const before = await openRecords(directory, "dataset");
    damage(join(directory, "dataset0.tfrecord"), (bytes) => {
      bytes[before.inputAt[1]!]! ^= 1;
      return undefined;
    });
    rmSync(join(directory, "dataset2.tfrecord"));
    renameSync(join(directory, "in"), join(directory, "away"));
    const repaired = await repair(directory, "dataset", quiet);
    assert.deepEqual(repaired.salvaged, [
      { file: "dataset0.tfrecord", kept: 2, lost: 1 },
      { file: "dataset2.tfrecord", kept: 0, lost: 2 },
    ]);
    assert.deepEqual((await verify(directory, "dataset", quiet)).problems, []);
    const records = await openRecords(directory, "dataset");
    const kept = [0, 2, 3, 4, 5];
    assert.deepEqual(
      records.names,
      kept.map((i) => before.names[i]),
    );
    assert.deepEqual(Array.from(records.ids), kept);
    for (const [i, old] of kept.entries()) {
      const example = await readExample(records, i);
      assert.deepEqual(example.values, before.values!.slice(old * 5, old * 5 + 5));
    }
    renameSync(join(directory, "away"), join(directory, "in"));
    await buildRecords(directory, await plan(directory, "classes", options), quiet);
    assert.deepEqual(shardHashes(directory), hashes);
  });
}

test("an index that is missing or of another shard is rebuilt from the shard alone, as the builder wrote it", async (t) => {
  for (const [set, kind, options] of [
    ["pairs", "pairs", { encoding: "float16" }],
    ["simple", "classes", {}],
    ["frames", "frames", { timeUnit: "seconds" }],
    ["frames", "frames", { timeUnit: "seconds", encoding: "float16", inputSize: 256 }],
  ] as const) {
    const directory = copyFixture(t, set, false);
    await buildRecords(directory, await plan(directory, kind, { examplesPerFile: 5, ...options }), quiet);
    const index = join(directory, "dataset0.index");
    const written = readFileSync(index, "utf8");
    const open = async (): Promise<unknown> => ({ ...(await openRecords(directory, "dataset")), mtimes: undefined });
    const records = await open();
    rmSync(index);
    assert.deepEqual(await open(), records);
    assert.deepEqual(JSON.parse(readFileSync(index, "utf8")), JSON.parse(written));
    writeFileSync(index, readFileSync(join(directory, "dataset1.index")));
    assert.deepEqual(await open(), records);
    const { mtimeMs } = statSync(index);
    utimesSync(join(directory, "dataset0.tfrecord"), 5, 5);
    assert.deepEqual(await open(), records);
    assert.equal(statSync(index).mtimeMs, mtimeMs);
  }
});

test("a damaged manifest is an error that says so; without one our shards aren't taken for the original's", async (t) => {
  const directory = copyFixture(t, "pairs", false);
  const built = await plan(directory, "pairs");
  await buildRecords(directory, built, quiet);
  const manifest = join(directory, "dataset.manifest.json");
  const text = readFileSync(manifest, "utf8");
  const { checksum: _, ...sound } = JSON.parse(text);
  for (const [damaged, message] of [
    [
      text.slice(0, 100),
      /^manifest: no head, expected one in its last line \(.*; call repair, or rebuild the records$/,
    ],
    [sealedText({ ...sound, format: 2 }), /^manifest: format 2, expected 1/],
    [
      text.replace('"sampleRate":4000', '"sampleRate":4001'),
      /^manifest: checksum [0-9a-f]{64}, expected [0-9a-f]{64} as/,
    ],
    [JSON.stringify(sound), /^manifest: no checksum, expected one at its end/],
    [sealedText({ ...sound, examples: 25 }), /^manifest: examples 25, expected 24, those of all shards together/],
  ] as const) {
    writeFileSync(manifest, damaged);
    await assert.rejects(openRecords(directory, "dataset"), { code: "RECORD", message });
    const [problem] = (await verify(directory, "dataset", quiet)).problems;
    assert.deepEqual([problem!.kind, problem!.file], ["manifest", "dataset.manifest.json"]);
    assert.match(problem!.message, message);
    await buildRecords(directory, built, quiet);
    assert.equal((await openRecords(directory, "dataset")).manifest.sampleRate, 4000);
  }
  rmSync(manifest);
  await assert.rejects(openRecords(directory, "dataset"), {
    code: "RECORD",
    message: /^manifest dataset.manifest.json: not found, expected it beside dataset0.tfrecord/,
  });
  assert.deepEqual(
    (await verify(directory, "dataset", quiet)).problems.map(({ kind, file }) => [kind, file]),
    [["manifest", "dataset.manifest.json"]],
  );
  rmSync(join(directory, "dataset.plan.json"));
  await assert.rejects(repair(directory, "dataset", quiet), {
    code: "RECORD",
    message: /^manifest dataset.manifest.json: damaged or not found/,
  });
  await buildRecords(directory, built, { ...quiet, overwrite: true });
  assert.ok(existsSync(manifest));
});

test("a damaged plan stops nothing: an index is rebuilt without it, and the next build writes it again", async (t) => {
  const directory = copyFixture(t, "pairs", false);
  const built = await plan(directory, "pairs", { encoding: "float16" });
  await buildRecords(directory, built, quiet);
  const path = join(directory, "dataset.plan.json");
  const text = readFileSync(path, "utf8");
  for (const damage of [() => writeFileSync(path, text.slice(0, 100)), () => rmSync(path)]) {
    damage();
    rmSync(join(directory, "dataset0.index"));
    assert.equal((await openRecords(directory, "dataset")).count, 24);
    await repair(directory, "dataset", quiet);
    await buildRecords(directory, built, quiet);
    assert.equal(readFileSync(path, "utf8"), text);
    assert.ok((await verify(directory, "dataset", quiet)).sound);
  }
});

test("many shards are verified without a warning of Node's", async (t) => {
  const directory = copyFixture(t, "pairs", false);
  await buildRecords(directory, await plan(directory, "pairs", { examplesPerFile: 1 }), quiet);
  const warnings: string[] = [];
  const note = (warning: Error): void => void warnings.push(warning.message);
  process.on("warning", note);
  t.after(() => process.off("warning", note));
  assert.equal((await verify(directory, "dataset", quiet)).shards, 24);
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(warnings, []);
});
