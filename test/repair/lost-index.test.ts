import assert from "node:assert/strict";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { buildRecords } from "../../dist/build/build-records.js";
import { openRecords } from "../../dist/records/open-records.js";
import { repair } from "../../dist/repair/repair.js";
import { verify } from "../../dist/repair/verify.js";
import { copyFixture, plan, quiet, shardHashes } from "../support/records.js";

for (const examplesPerFile of [3, 100]) {
  test(`manifest and an index both gone are repaired from plan and sources (${examplesPerFile} per shard)`, async (t) => {
    const directory = copyFixture(t, "simple", false);
    const before = await buildRecords(directory, await plan(directory, "classes", { examplesPerFile }), quiet);
    const hashes = shardHashes(directory);
    rmSync(join(directory, "dataset.manifest.json"));
    rmSync(join(directory, "dataset0.index"));
    const { recovered, salvaged } = await repair(directory, "dataset", quiet);
    assert.equal(recovered, true);
    assert.deepEqual(salvaged, []);
    assert.deepEqual(shardHashes(directory), hashes);
    const { manifest } = await openRecords(directory, "dataset");
    assert.deepEqual([manifest.fingerprint, manifest.samples], [before.fingerprint, before.samples]);
    assert.deepEqual((await verify(directory, "dataset", quiet)).problems, []);
  });
}

test("whatever byte of plan or sidecar changes is named, and a rebuild writes it again", async (t) => {
  const directory = copyFixture(t, "simple", false);
  const built = await plan(directory, "classes");
  await buildRecords(directory, built, quiet);
  assert.deepEqual((await verify(directory, "dataset", quiet)).problems, []);
  for (const [file, kind] of [
    ["dataset.plan.json", "plan"],
    ["dataset.txt", "sidecar"],
  ] as const) {
    const path = join(directory, file);
    const right = readFileSync(path);
    // The seal, the last numbers of the sidecar, and the beginning of both.
    const places = [0, 1, ...[2, 3, 20, 60, 70, 79].map((back) => right.length - back)];
    for (const at of places.filter((place) => place >= 0)) {
      const wrong = Buffer.from(right);
      wrong[at]! ^= 1;
      writeFileSync(path, wrong);
      const { problems } = await verify(directory, "dataset", quiet);
      assert.deepEqual([problems.map((p) => p.kind), at], [[kind], at]);
    }
    const cut = right.subarray(0, right.length - 5);
    writeFileSync(path, cut);
    assert.equal((await verify(directory, "dataset", quiet)).problems[0]?.kind, kind);
    await buildRecords(directory, built, quiet);
    assert.deepEqual(readFileSync(path), right);
  }
});
