import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import fs, { mkdirSync, writeFileSync } from "node:fs";
import promises from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { savePlan } from "../../dist/records/plan.js";
import { buildOneShard, buildRecords } from "../../dist/build/build-records.js";
import { encodeWav } from "../../dist/format/wav.js";
import { openRecords } from "../../dist/records/open-records.js";
import { readExample } from "../../dist/records/read-example.js";
import { root } from "../support/python.js";
import { folder, plan, quiet } from "../support/records.js";

const COUNT = 8;

/** Pairs whose every sample is the same, by which any misplaced byte shows. */
function constant(directory: string): void {
  for (const side of ["in", "out"]) mkdirSync(join(directory, side));
  for (let i = 0; i < COUNT; i++) {
    const bytes = encodeWav({ sampleRate: 8000, channels: 1, samples: new Int16Array(200).fill(1000) });
    for (const side of ["in", "out"]) writeFileSync(join(directory, side, `${i}.wav`), bytes);
  }
  writeFileSync(join(directory, "dataset"), Array.from({ length: COUNT }, (_, i) => `${i}.wav,${i}.wav\n`).join(""));
}

/** Rebuilds a folder's records in every encoding and cut that is passed, one after the other. */
const REBUILD = `
const { planRecords } = require(${JSON.stringify(join(root, "dist/build/plan-records.js"))});
const { buildRecords } = require(${JSON.stringify(join(root, "dist/build/build-records.js"))});
const { readIndex } = require(${JSON.stringify(join(root, "dist/sources/index-csv.js"))});
const [directory, forms] = process.argv.slice(1);
(async () => {
  for (const form of JSON.parse(forms)) {
    const plan = await planRecords(directory, "dataset", await readIndex(directory, "dataset", "pairs"), form);
    await buildRecords(directory, plan, { onProgress: false, workers: 1 });
  }
})().catch((error) => { console.log(String(error)); process.exit(1); });`;

test("records that are rebuilt while they are opened are the new ones, whole", async (t) => {
  for (const examplesPerFile of [4, 8]) {
    const directory = folder(t);
    constant(directory);
    await buildRecords(directory, await plan(directory, "pairs", { examplesPerFile: 4 }), quiet);
    const { statSync } = fs;
    let rebuilt = 0;
    // The shards' times are noted last, after their indexes were read.
    const mock = t.mock.method(fs, "statSync", (path: string, ...more: []) => {
      if (path === join(directory, "dataset0.tfrecord") && rebuilt++ === 0) {
        const forms = JSON.stringify([{ encoding: "float32", examplesPerFile }]);
        const { status, stdout } = spawnSync(process.execPath, ["-e", REBUILD, directory, forms], { encoding: "utf8" });
        assert.equal(status, 0, stdout);
      }
      return statSync(path, ...more);
    });
    const records = await openRecords(directory, "dataset");
    mock.mock.restore();
    assert.ok(rebuilt > 1);
    assert.equal(records.manifest.encoding, "float32");
    assert.equal(records.paths.length, COUNT / examplesPerFile);
    for (let i = 0; i < COUNT; i++) {
      const { input } = await readExample(records, i);
      assert.deepEqual(new Set(input), new Set([1000 / 32768]));
    }
  }
});

test("beside constant rebuilding every opening is of one build, no reader and no builder is told to wait", async (t) => {
  const directory = folder(t);
  constant(directory);
  await buildRecords(directory, await plan(directory, "pairs", { examplesPerFile: 4 }), quiet);
  const forms = Array.from({ length: 12 }, (_, i) => ({
    encoding: i % 2 === 0 ? "float32" : "pcm16",
    examplesPerFile: [2, 4, 8][i % 3],
  }));
  const child = spawn(process.execPath, ["-e", REBUILD, directory, JSON.stringify(forms)]);
  let text = "";
  child.stdout.on("data", (chunk) => {
    text += chunk;
  });
  let code: number | null | undefined;
  child.on("close", (status) => {
    code = status;
  });
  let opened = 0;
  while (code === undefined) {
    const records = await openRecords(directory, "dataset");
    assert.equal(records.count, COUNT);
    opened++;
    try {
      for (let i = 0; i < COUNT; i++)
        assert.deepEqual(new Set((await readExample(records, i)).input), new Set([1000 / 32768]));
    } catch (error) {
      // Rebuilt since: said as such.
      assert.match(
        String(error),
        /^DatasetError: (shard: changed since it was opened|.*dataset\d\.tfrecord: not found)/,
      );
    }
  }
  assert.equal(code, 0, text);
  assert.ok(opened > 10, `${opened}`);
});

test("shard and index are on the disk before the entry says that they are complete", async (t) => {
  const directory = folder(t);
  constant(directory);
  const file = await savePlan(directory, await plan(directory, "pairs"));
  const synced: string[] = [];
  const { open } = promises;
  t.mock.method(promises, "open", async (path: string, ...more: []) => {
    const handle = await open(path, ...more);
    const { sync } = handle;
    handle.sync = async () => {
      synced.push(path.slice(directory.length + 1).replace(/\.json\..*/, ".json"));
      await sync.call(handle);
    };
    return handle;
  });
  await buildOneShard(file, 0);
  const staged = (name: string): string => join(".dataset.build", name);
  assert.deepEqual(synced.slice(0, 2).sort(), [staged("dataset0.index"), staged("dataset0.tfrecord")]);
  assert.equal(synced[2], staged("dataset0.tfrecord.json"));
});
