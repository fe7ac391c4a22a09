// The script of docs/scale.md for Slurm, with a stand-in for `sbatch` that runs an array's tasks as processes.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { test } from "node:test";
import { AudioDataset } from "../../dist/dataset.js";
import { openRecords } from "../../dist/records/open-records.js";
import { root } from "../support/python.js";
import { copyFixture, folder, quiet, shardHashes } from "../support/records.js";

/** Runs the command of a job at once, once for each task of an array, two at a time; a job that waits for others is last anyway. */
const SBATCH = `#!/bin/sh
for option in "$@"; do
  case "$option" in
    --array=0-*) last=\${option#--array=0-} ;;
  esac
  command=$option
done
if [ -z "$last" ]; then sh -c "$command" >&2 || exit 1
else seq 0 "$last" | xargs -P2 -I{} env SLURM_ARRAY_TASK_ID={} sh -c "$command" >&2 || exit 1; fi
echo 42
`;

test("a job array builds what generateRecords builds", async (t) => {
  const [script] = /```sh\n(#!\/bin\/sh[\s\S]*?)```/.exec(readFileSync(join(root, "docs/scale.md"), "utf8"))!.slice(1);
  const work = folder(t);
  const bin = join(work, "bin");
  mkdirSync(bin);
  writeFileSync(join(bin, "sbatch"), SBATCH);
  chmodSync(join(bin, "sbatch"), 0o755);
  writeFileSync(join(work, "build.sh"), script!.replace("--json)", "--json --examples-per-file 2)"));
  const together = copyFixture(t, "pairs", false);
  const apart = copyFixture(t, "pairs", false);
  await new AudioDataset(together, "dataset").generateRecords({ ...quiet, examplesPerFile: 2 });
  const ran = spawnSync("sh", [join(work, "build.sh"), apart, "dataset", "3"], {
    cwd: root,
    encoding: "utf8",
    env: { ...process.env, PATH: `${bin}${delimiter}${process.env.PATH}` },
  });
  assert.equal(ran.status, 0, ran.stderr);
  assert.ok((await openRecords(apart, "dataset")).manifest.shards.length > 1);
  assert.deepEqual(shardHashes(apart), shardHashes(together));
});
