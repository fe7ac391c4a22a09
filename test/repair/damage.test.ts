import assert from "node:assert/strict";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { planRecipe } from "../../dist/generate/write-wavs.js";
import { planRecords } from "../../dist/build/plan-records.js";
import { savePlan } from "../../dist/records/plan.js";
import { buildRecords } from "../../dist/build/build-records.js";
import { openRecords } from "../../dist/records/open-records.js";
import { repair } from "../../dist/repair/repair.js";
import { random } from "../../dist/signal/random.js";
import { verify } from "../../dist/repair/verify.js";
import { copyFixture, folder, plan, quiet, shardHashes } from "../support/records.js";
import { readExample } from "../../dist/records/read-example.js";

test("repair rebuilds a lost manifest: from the sources, from the recipe, or from plan and indexes alone", async (t) => {
  const manifest = "dataset.manifest.json";
  const recipe = planRecipe(200, 800, 20, { waves: ["sin"], duration: 0.1, sampleRate: 8000 });
  for (const [from, encoding] of [
    ["sources", "pcm16"],
    ["recipe", "pcm16"],
    ["indexes", "pcm16"],
    ["indexes", "float16"],
  ] as const) {
    const directory = from === "recipe" ? folder(t) : copyFixture(t, "simple", false);
    const built =
      from === "recipe"
        ? await planRecords(directory, "dataset", recipe, { examplesPerFile: 10 })
        : await plan(directory, "classes", { examplesPerFile: 3, encoding });
    await buildRecords(directory, built, quiet);
    const hashes = shardHashes(directory);
    const { manifest: before, mtimes: _then, ...records } = await openRecords(directory, "dataset");
    if (from === "indexes") rmSync(join(directory, "in"), { recursive: true });
    rmSync(join(directory, manifest));
    await assert.rejects(openRecords(directory, "dataset"), { code: "RECORD", message: /call repair/ });
    assert.equal((await verify(directory, "dataset", quiet)).problems[0]!.kind, "manifest");
    const { rebuilt, salvaged, recovered } = await repair(directory, "dataset", quiet);
    assert.equal(recovered, true);
    const files = built.shards.map((s) => s.file);
    assert.deepEqual(rebuilt, from === "sources" ? files : []);
    assert.deepEqual(
      salvaged.map(({ file, lost }) => [file, lost]),
      from === "indexes" ? files.map((file) => [file, 0]) : [],
    );
    assert.deepEqual(shardHashes(directory), hashes);
    assert.deepEqual((await verify(directory, "dataset", quiet)).problems, []);
    const { manifest: after, mtimes: _now, ...again } = await openRecords(directory, "dataset");
    assert.deepEqual(again, records);
    const bare = (m: typeof after) => ({ ...m, shards: m.shards.map(({ sources: _s, key: _k, ...shard }) => shard) });
    assert.deepEqual(bare(after), bare(before));
  }
  // Indexes of other records don't vouch for the plan.
  const directory = copyFixture(t, "simple", false);
  await buildRecords(directory, await plan(directory, "classes"), quiet);
  await savePlan(directory, await plan(directory, "classes", { encoding: "float16" }));
  rmSync(join(directory, manifest));
  await assert.rejects(repair(directory, "dataset", quiet), { code: "RECORD", message: /damaged or not found/ });
});

for (const [set, kind, options] of [
  ["pairs", "pairs", { examplesPerFile: 8 }],
  ["simple", "classes", { examplesPerFile: 3 }],
  ["frames", "frames", { examplesPerFile: 3, timeUnit: "seconds" }],
  ["simple", "classes", { examplesPerFile: 3, encoding: "float16" }],
] as const) {
  test(`whatever byte of shard, index or manifest flips is named, never loaded, and fixed (${JSON.stringify({ kind, ...options })})`, async (t) => {
    const directory = copyFixture(t, set, false);
    await buildRecords(directory, await plan(directory, kind, options), quiet);
    const hashes = shardHashes(directory);
    const read = async (): Promise<unknown> => {
      const opened = await openRecords(directory, "dataset");
      const examples = Array.from({ length: opened.count }, (_, i) => readExample(opened, i));
      const { manifest: _manifest, mtimes: _mtimes, ...records } = opened;
      return { records, examples: await Promise.all(examples) };
    };
    const right = await read();
    const draw = random(7);
    for (const file of ["dataset1.tfrecord", "dataset1.index", "dataset.manifest.json"]) {
      const path = join(directory, file);
      for (let round = 0; round < 8; round++) {
        const bytes = readFileSync(path);
        const at = draw.below(bytes.length);
        const was = bytes[at]!;
        // Also digit for digit and letter for letter, which leaves json what it is.
        bytes[at] = round % 2 ? was ^ (1 << draw.below(8)) : was === 57 || was === 122 ? was - 1 : was + 1;
        writeFileSync(path, bytes);
        const what = `byte ${at} of ${file}: ${was}, now ${bytes[at]}`;
        const report = await verify(directory, "dataset", quiet);
        assert.ok(
          report.problems.some((p) => p.file === file),
          `${what}: ${JSON.stringify(report.problems)}`,
        );
        try {
          assert.deepEqual(await read(), right, what);
          // Only an index may be rebuilt silently.
          assert.equal(file, "dataset1.index", what);
        } catch (error) {
          assert.equal((error as { code?: string }).code, "RECORD", `${what}: ${error}`);
        }
        await repair(directory, "dataset", quiet);
        assert.deepEqual(await read(), right, what);
        assert.deepEqual(shardHashes(directory), hashes, what);
      }
    }
  });
}
