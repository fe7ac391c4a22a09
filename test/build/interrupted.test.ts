import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { planRecipe } from "../../dist/generate/write-wavs.js";
import { sealedText } from "../../dist/system/sealed-json.js";
import { withLock } from "../../dist/system/lock.js";
import { planRecords } from "../../dist/build/plan-records.js";
import { publish, stageManifest } from "../../dist/records/publish.js";
import { savePlan } from "../../dist/records/plan.js";
import { buildOneShard, buildRecords } from "../../dist/build/build-records.js";
import { openRecords } from "../../dist/records/open-records.js";
import { ended, start } from "../support/processes.js";
import { root } from "../support/python.js";
import { copyFixture, folder, plan, quiet, shardHashes } from "../support/records.js";

const recipe = planRecipe(200, 800, 100, { waves: ["sin", "saw"], duration: 0.5, sampleRate: 16000 });
const options = { examplesPerFile: 10 };

/** A script that builds the recipe's records in a folder; prints "building" once workers are at it, then what happened. */
const SCRIPT = `
const { planRecords } = require(${JSON.stringify(join(root, "dist/build/plan-records.js"))});
const { buildRecords } = require(${JSON.stringify(join(root, "dist/build/build-records.js"))});
const [directory, recipe, options] = JSON.parse(process.argv[1]);
const onProgress = (p) => p.done > 0 && console.log("building");
planRecords(directory, "dataset", recipe, options)
  .then((plan) => buildRecords(directory, plan, { ...options, workers: 2, onProgress }))
  .then(() => console.log("built"), (e) => console.log(JSON.stringify({ code: e.code, message: e.message })));
`;

function argument(directory: string): string {
  return JSON.stringify([directory, recipe, options]);
}

async function complete(t: TestContext): Promise<Record<string, string>> {
  const directory = folder(t);
  await buildRecords(directory, await planRecords(directory, "dataset", recipe, options), quiet);
  return shardHashes(directory);
}

/** Builds in a child process and kills it as soon as `ready` says so. */
async function killWhen(directory: string, ready: () => boolean): Promise<void> {
  const child = start(process.execPath, ["-e", SCRIPT, argument(directory)], { stdio: ["ignore", "pipe", "inherit"] });
  const end = ended(child);
  let running = true;
  void end.then(() => {
    running = false;
  });
  while (running && !ready()) await new Promise((resolve) => setTimeout(resolve, 1));
  child.kill("SIGKILL");
  await end;
}

const list = (path: string): string[] => (existsSync(path) ? readdirSync(path) : []);

test("killed at any moment, the same call ends with the same bytes and builds only what is missing", async (t) => {
  const whole = await complete(t);
  const directory = folder(t);
  const staging = join(directory, ".dataset.build");
  const finished = (): string[] => list(staging).filter((file) => file.endsWith(".tfrecord.json"));
  for (const shards of [0, 1, 4, 9]) {
    await killWhen(directory, () => existsSync(staging) && finished().length >= shards);
    assert.equal(existsSync(join(directory, "dataset.manifest.json")), false);
    await assert.rejects(openRecords(directory, "dataset"), { code: "RECORD" });
  }
  assert.ok(existsSync(join(directory, ".dataset.lock")), "the killed builder's lock is left behind");
  const done = finished();
  assert.ok(done.length >= 9);
  // A shard that is there must not be touched: made unlike anything the builder would write, it is published as it is.
  const marked = done[0]!.slice(0, -".json".length);
  const bytes = readFileSync(join(staging, marked));
  bytes[0]! ^= 255;
  writeFileSync(join(staging, marked), bytes);
  await buildRecords(directory, await planRecords(directory, "dataset", recipe, options), quiet);
  const hashes = shardHashes(directory);
  assert.deepEqual(
    Object.keys(hashes).filter((file) => hashes[file] !== whole[file]),
    [marked],
  );
  assert.equal(existsSync(staging), false);
  assert.equal(existsSync(join(directory, ".dataset.lock")), false);
});

test("killed at random moments until it is through, a build ends with the same bytes", async (t) => {
  const whole = await complete(t);
  const directory = folder(t);
  let seed = 1;
  for (let round = 0; round < 6 && !existsSync(join(directory, "dataset.manifest.json")); round++) {
    seed = (seed * 16807) % 2147483647;
    const until = performance.now() + 300 + (seed % 1200);
    await killWhen(directory, () => performance.now() > until);
  }
  await buildRecords(directory, await planRecords(directory, "dataset", recipe, options), quiet);
  assert.deepEqual(shardHashes(directory), whole);
  assert.equal((await openRecords(directory, "dataset")).count, 200);
});

test("a publication that was cut short is finished by the next reader or builder", async (t) => {
  const directory = copyFixture(t, "pairs", false);
  const first = await buildRecords(directory, await plan(directory, "pairs", { examplesPerFile: 8 }), quiet);
  const old = shardHashes(directory);
  for (const moved of [0, 1, 3]) {
    const other = copyFixture(t, "pairs", false);
    const next = await buildRecords(
      other,
      await plan(other, "pairs", { examplesPerFile: 6, encoding: "float32" }),
      quiet,
    );
    const fresh = shardHashes(other);
    // As after a kill between the journal and the manifest: some shards have moved, the others are in the staging folder.
    const torn = folder(t);
    const staging = join(torn, ".dataset.build");
    mkdirSync(staging);
    const move = next.shards.flatMap((s) => [s.file, s.file.replace("tfrecord", "index")]);
    for (const file of first.shards.map((s) => s.file))
      writeFileSync(join(torn, file), readFileSync(join(directory, file)));
    writeFileSync(join(torn, "dataset.manifest.json"), sealedText(first));
    for (const [i, file] of move.entries()) {
      writeFileSync(join(i < moved * 2 ? torn : staging, file), readFileSync(join(other, file)));
    }
    writeFileSync(
      join(staging, "publish.json"),
      sealedText({
        format: 1,
        manifest: { ...next, shards: next.shards.map(({ sources: _, ...s }) => s) },
        move,
        remove: [],
      }),
    );
    const records = await openRecords(torn, "dataset");
    assert.equal(records.manifest.encoding, "float32");
    assert.equal(records.count, 24);
    assert.deepEqual(shardHashes(torn), fresh);
    assert.equal(existsSync(staging), false);
  }
  assert.deepEqual(shardHashes(directory), old);
  const { shards, examples: _e, samples: _s, fingerprint: _f, ...facts } = first;
  await stageManifest(directory, facts, shards);
  await withLock(directory, "dataset", (lock) => publish(directory, "dataset", { move: [], remove: [] }, lock));
  assert.equal((await openRecords(directory, "dataset")).count, 24);
});

test("a second builder is told who holds the records; a dead holder's lock is taken over", async (t) => {
  const directory = folder(t);
  const lock = join(directory, ".dataset.lock");
  const built = await planRecords(directory, "dataset", recipe, options);
  await withLock(directory, "dataset", async () => {
    await assert.rejects(buildRecords(directory, built, quiet), {
      code: "LOCKED",
      message: new RegExp(
        `^records of "dataset": held by process ${process.pid} on ${hostname()} since .*, expected nobody \\(${lock}\\)`,
      ),
    });
    const { stdout } = spawnSync(process.execPath, ["-e", SCRIPT, argument(directory)], { encoding: "utf8" });
    assert.match(stdout, new RegExp(`"LOCKED".*held by process ${process.pid} `));
  });
  assert.equal(existsSync(lock), false);
  const dies = `require(${JSON.stringify(join(root, "dist/system/lock.js"))}).withLock(process.argv[1], "dataset", async () => process.kill(process.pid, "SIGKILL"))`;
  spawnSync(process.execPath, ["-e", dies, directory]);
  assert.equal(readdirSync(lock).length, 1);
  assert.equal((await buildRecords(directory, built, quiet)).examples, 200);
  assert.equal(existsSync(lock), false);
});

/** Takes the lock twenty times and says so, and where another had it too. */
const CONTENDER = `
const { withLock } = require(${JSON.stringify(join(root, "dist/system/lock.js"))});
const fs = require("node:fs");
const [directory, seed] = process.argv.slice(1);
const mark = directory + "/inside";
const alive = (pid) => { try { process.kill(pid, 0); return true; } catch { return false; } };
(async () => {
  let had = 0;
  while (had < 20) {
    try {
      await withLock(directory, "dataset", async () => {
        if (fs.existsSync(mark) && alive(Number(fs.readFileSync(mark, "utf8")))) console.log("two");
        fs.writeFileSync(mark, String(process.pid));
        await new Promise((resolve) => setTimeout(resolve, 1));
        if (++had === Number(seed) * 5) process.kill(process.pid, "SIGKILL");
        fs.rmSync(mark);
      });
    } catch (error) {
      if (error.code !== "LOCKED") throw error;
    }
  }
  console.log("had", had);
})();`;

test("of many processes, some of them killed while they have it, never two have the lock", async (t) => {
  const directory = folder(t);
  // The first two die with the lock in their hands.
  const outs = await Promise.all(
    [1, 2, 0, 0, 0].map(async (seed) => {
      const child = start(process.execPath, ["-e", CONTENDER, directory, String(seed)], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      return (await ended(child)).stdout;
    }),
  );
  assert.ok(!outs.join("").includes("two"), outs.join(""));
  assert.deepEqual(outs.slice(2), Array(3).fill("had 20\n"));
});

test("a disk that takes no more, a folder that can't be written: a clear error, and the previous records stay usable", async (t) => {
  const directory = folder(t);
  const before = { ...recipe, duration: 0.05 };
  await buildRecords(directory, await planRecords(directory, "dataset", before, options), quiet);
  const hashes = shardHashes(directory);
  // No file may grow beyond 64 KiB; a shard of ten pairs is 320 KB.
  const limited = spawnSync(
    "bash",
    ["-c", `ulimit -f 64; exec "$0" -e "$1" "$2"`, process.execPath, SCRIPT, argument(directory)],
    { encoding: "utf8" },
  );
  assert.match(
    limited.stdout,
    /"code":"FILE","message":".*dataset\d+\.tfrecord: larger than the system allows, expected room for it/,
  );
  assert.deepEqual(shardHashes(directory), hashes);
  assert.equal((await openRecords(directory, "dataset")).count, 200);
  rmSync(join(directory, ".dataset.build"), { recursive: true });

  chmodSync(directory, 0o555);
  const asNobody = process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {};
  const { stdout } = spawnSync(process.execPath, ["-e", SCRIPT, argument(directory)], {
    encoding: "utf8",
    ...asNobody,
  });
  chmodSync(directory, 0o755);
  assert.match(
    stdout,
    /"code":"FILE","message":".*\.dataset\.lock: permission denied, expected a file or folder that this user may use"/,
  );
  assert.deepEqual(shardHashes(directory), hashes);
  await assert.rejects(
    planRecords(directory, "dataset", recipe, options).then((p) => buildRecords(join(directory, "nowhere"), p, quiet)),
    {
      code: "FILE",
      message: /nowhere.*not found, expected a file or folder/,
    },
  );
});

test("what another plan and a killed builder left in the way of a build is cleared away", async (t) => {
  const directory = folder(t);
  const staging = join(directory, ".dataset.build");
  const built = await planRecords(directory, "dataset", recipe, options);
  const other = await planRecords(directory, "dataset", { ...recipe, volume: 0.2 }, { examplesPerFile: 5 });
  const file = await savePlan(directory, other);
  for (const k of [0, 39]) await buildOneShard(file, k);
  writeFileSync(join(staging, "dataset7.tfrecord.elsewhere.1.tmp"), "x");
  const controller = new AbortController();
  const onProgress = (): void => controller.abort();
  await assert.rejects(buildRecords(directory, built, { signal: controller.signal, onProgress }), { code: "ABORTED" });
  const left = readdirSync(staging);
  assert.ok(!left.some((name) => name.startsWith("dataset39") || name.endsWith("1.tmp")), left.join(" "));
  await buildRecords(directory, built, quiet);
  assert.deepEqual(shardHashes(directory), await complete(t));
});

test("a source that vanishes while records are built is named, and the previous records stay usable", async (t) => {
  const directory = copyFixture(t, "pairs", false);
  await buildRecords(directory, await plan(directory, "pairs", { examplesPerFile: 8 }), quiet);
  const hashes = shardHashes(directory);
  const next = await plan(directory, "pairs", { examplesPerFile: 6 });
  rmSync(join(directory, "out/saw_min7_200_00.wav"));
  await assert.rejects(buildRecords(directory, next, quiet), {
    code: "FILE",
    message: new RegExp(`${directory}/out/saw_min7_200_00.wav: not found`),
  });
  assert.deepEqual(shardHashes(directory), hashes);
  assert.equal((await openRecords(directory, "dataset", { allowStale: true })).count, 24);
});

test("an abort stops the build; the same call goes on", async (t) => {
  const directory = folder(t);
  const controller = new AbortController();
  const built = await planRecords(directory, "dataset", recipe, options);
  const onProgress = (): void => controller.abort();
  await assert.rejects(buildRecords(directory, built, { signal: controller.signal, onProgress }), {
    code: "ABORTED",
    message: /^records: aborted after \d+ of 200 examples; run the same call again to resume$/,
  });
  assert.equal(existsSync(join(directory, ".dataset.lock")), false);
  const seen: number[] = [];
  await buildRecords(directory, built, { onProgress: (p) => void seen.push(p.done) });
  assert.equal(seen.at(-1), 200);
  assert.deepEqual(shardHashes(directory), await complete(t));
});
