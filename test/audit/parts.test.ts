// Fingerprints that tasks have taken, shard by shard, give the report of an audit in one process, byte for byte.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdirSync, readdirSync, readFileSync, statSync, watch, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import {
  AudioDataset,
  type DatasetError,
  encodeWav,
  random,
  SimpleAudioClassificationDataset,
} from "../../dist/index.js";
import { root } from "../support/python.js";
import { folder, quiet } from "../support/records.js";

const SHARDS = 5;
const cli = join(root, "src/cli.cjs");

function command(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, [cli, ...args], { encoding: "utf8" });
}

/** Noisy tones of half a second to one second, every other one a copy of the one before, quieter and later. */
function writeSounds(path: string, count: number): void {
  mkdirSync(path);
  const draw = random("sounds");
  let last = new Int16Array(0);
  for (let i = 0; i < count; i++) {
    const copied = last;
    const pitch = 0.05 + 2 * draw.uniform();
    last = Int16Array.from({ length: 4000 + draw.below(4000) }, (_, k) =>
      i % 2 === 1 ? (copied[k - 100] ?? 0) / 2 : 6000 * Math.sin(pitch * k) + 1000 * draw.gaussian(),
    );
    writeFileSync(join(path, `${i}.wav`), encodeWav({ sampleRate: 8000, channels: 1, samples: last }));
  }
}

async function classes(t: TestContext): Promise<SimpleAudioClassificationDataset> {
  const directory = folder(t);
  writeSounds(join(directory, "in"), 30);
  const lines = Array.from({ length: 30 }, (_, i) => `${i}.wav,${i % 2},${1 - (i % 2)}\n`);
  writeFileSync(join(directory, "set"), lines.join(""));
  const dataset = new SimpleAudioClassificationDataset(directory, "set");
  await dataset.generateRecords({ ...quiet, examplesPerFile: 30 / SHARDS });
  return dataset;
}

test("tasks in any order, one of them killed, give the report of one process", async (t) => {
  const { directory } = await classes(t);
  const alone = command("audit", directory, "set", "--json");
  assert.equal(alone.status, 1);
  assert.ok(JSON.parse(alone.stdout).findings.length > 2);
  const parts = join(directory, ".set.audit");
  mkdirSync(parts);
  const watcher = watch(parts);
  const task = spawn(process.execPath, [cli, "audit-shards", directory, "set", "2", "5"]);
  const closed = once(task, "close");
  const made = (): string[] => readdirSync(parts).filter((file) => file.endsWith(".tfrecord.json"));
  watcher.on("change", () => made().length > 0 && task.kill("SIGKILL"));
  await closed;
  watcher.close();
  const before = made();
  assert.ok(before.length > 0);
  const inodes = before.map((file) => statSync(join(parts, file)).ino);
  const waiting = command("audit", directory, "set", "--parts");
  assert.deepEqual([waiting.status, waiting.stdout], [1, ""]);
  assert.match(waiting.stderr, /^audit: fingerprints of \d shards as they are now, expected of 5 .*first: 0 1\b/);
  const again = command("audit-shards", directory, "set", "2", "5", "--json");
  assert.deepEqual(
    JSON.parse(again.stdout).map(({ file, signals }: { file: string; signals: number }) => [file, signals]),
    [2, 3, 4].map((k) => [`set${k}.tfrecord`, 6]),
  );
  assert.deepEqual(
    before.map((file) => statSync(join(parts, file)).ino),
    inodes,
  );
  assert.match(command("audit-shards", directory, "set", "0", "2").stdout, /^set0\.tfrecord: 6 signals\nset1/);
  const together = command("audit", directory, "set", "--parts", "--json");
  assert.deepEqual([together.status, together.stdout], [1, alone.stdout]);
  assert.match(command("audit-shards", directory, "set", "3", "6").stderr, /^shard: 5, expected 0 to 4/);
});

test("parts of other records and damaged ones aren't taken", async (t) => {
  const dataset = await classes(t);
  const { directory } = dataset;
  command("audit-shards", directory, "set", "0", String(SHARDS));
  const changed = readFileSync(join(directory, "in/20.wav"));
  writeFileSync(join(directory, "in/20.wav"), changed.fill(1, changed.length - 100));
  await dataset.generateRecords({ ...quiet, examplesPerFile: 30 / SHARDS });
  await dataset.load();
  const missing = (error: DatasetError, shards: RegExp): true => {
    assert.deepEqual([error.code, shards.test(error.message)], ["RECORD", true], error.message);
    return true;
  };
  await assert.rejects(dataset.audit({ ...quiet, parts: true }), (error: DatasetError) =>
    missing(error, /of 4 shards .* first: 3$/),
  );
  command("audit-shards", directory, "set", "0", String(SHARDS));
  const report = await dataset.audit(quiet);
  assert.deepEqual(await dataset.audit({ ...quiet, parts: true }), report);
  // Of a split that leaves examples out too.
  const evens = Uint32Array.from({ length: 15 }, (_, k) => 2 * k);
  await dataset.load({ split: { train: evens, validate: Uint32Array.of(3, 9, 15), test: Uint32Array.of(7, 21) } });
  const some = await dataset.audit({ ...quiet, parts: true });
  assert.ok(some.findings.length > 2);
  assert.deepEqual(some, await dataset.audit(quiet));
  const part = join(directory, ".set.audit/set1.tfrecord.json");
  const bytes = readFileSync(part);
  bytes[bytes.length >> 1]! ^= 1;
  writeFileSync(part, bytes);
  await assert.rejects(dataset.audit({ ...quiet, parts: true }), (error: DatasetError) => missing(error, /first: 1$/));
  await assert.rejects(dataset.audit({ ...quiet, parts: true, maxShift: 0.5 }), { code: "OPTION" });
});

test("of pairs both sides are taken", async (t) => {
  const directory = folder(t);
  writeSounds(join(directory, "in"), 12);
  mkdirSync(join(directory, "out"));
  for (let i = 0; i < 12; i++) cpSync(join(directory, "in", `${(i * 5) % 12}.wav`), join(directory, "out", `${i}.wav`));
  writeFileSync(join(directory, "set"), Array.from({ length: 12 }, (_, i) => `${i}.wav,${i}.wav\n`).join(""));
  const dataset = new AudioDataset(directory, "set");
  await dataset.generateRecords({ ...quiet, examplesPerFile: 5 });
  assert.match(
    command("audit-shards", directory, "set", "0", "3").stdout,
    /^(set\d\.tfrecord: 10 signals\n){2}set2\.tfrecord: 4 signals\n$/,
  );
  const alone = command("audit", directory, "set", "--json").stdout;
  assert.ok(JSON.parse(alone).findings.some(({ kind }: { kind: string }) => kind === "targetIsInput"));
  assert.equal(command("audit", directory, "set", "--parts", "--json").stdout, alone);
});
