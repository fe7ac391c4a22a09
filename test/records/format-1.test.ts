import assert from "node:assert/strict";
import { cpSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { AudioDataset } from "../../dist/dataset.js";
import { buildOneShard, finishPlan } from "../../dist/build/build-records.js";
import { openRecords } from "../../dist/records/open-records.js";
import { verify } from "../../dist/repair/verify.js";
import { folder, quiet, shardHashes } from "../support/records.js";
import { python, root } from "../support/python.js";

// Written by version 0.1: manifest and plan in one piece.
const fixture = join(root, "test/fixtures/format-1");

test("records of version 0.1 open, verify, build and are published anew, with the same shards", async (t) => {
  const directory = folder(t);
  cpSync(fixture, directory, { recursive: true });
  const hashes = shardHashes(directory);
  const before = JSON.parse(readFileSync(join(directory, "set.manifest.json"), "utf8"));
  const records = await openRecords(directory, "set");
  assert.deepEqual([records.names, records.manifest.fingerprint], [before.shards.flatMap(inputs), before.fingerprint]);
  assert.ok((await verify(directory, "set", quiet)).sound);
  const plan = join(directory, "set.plan.json");
  assert.equal((await buildOneShard(plan, 1)).sha256, before.shards[1].sha256);
  assert.equal((await finishPlan(plan, { verify: true })).fingerprint, before.fingerprint);
  // The next build plans and publishes in the form of now.
  await new AudioDataset(directory, "set").generateRecords({ ...quiet, examplesPerFile: 1 });
  assert.equal((await openRecords(directory, "set")).manifest.fingerprint, before.fingerprint);
  assert.deepEqual(shardHashes(directory), hashes);
  const now = JSON.parse(readFileSync(join(directory, "set.manifest.json"), "utf8"));
  assert.deepEqual(
    now.sources.map(({ path, crc32c }: Sources) => [path, crc32c]),
    before.shards.map(({ sources }: { sources: Sources }) => [sources.path, sources.crc32c]),
  );
  const read = python(
    `sys.path.append(input["module"])
from deep_audio_dataset import read_manifest
print(json.dumps([read_manifest(path) for path in input["paths"]]))`,
    { module: join(root, "python"), paths: [fixture, directory].map((at) => join(at, "set.manifest.json")) },
  ) as [{ examples: number }, { file: string }[]][];
  for (const [manifest, shards] of read)
    assert.deepEqual([manifest.examples, shards.map(({ file }) => file)], [2, ["set0.tfrecord", "set1.tfrecord"]]);
});

interface Sources {
  path: string[];
  crc32c: number[];
}

const inputs = ({ sources }: { sources: Sources }): string[] => [sources.path[0]!.slice("in/".length)];
