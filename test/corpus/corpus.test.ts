import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { ended, start } from "../support/processes.js";
import { missing } from "../support/programs.js";
import { root } from "../support/python.js";

// `npm run corpus` reads all of them.
test("a part of other people's audio files equals soundfile or FFmpeg, or fails as they do", {
  skip: missing("apt-get", "ffmpeg"),
}, async () => {
  const args = ["--import", "tsx", join(__dirname, "main.ts"), "--tenth"];
  const run = await ended(start(process.execPath, args, { cwd: root }));
  assert.equal(run.status, 0, (run.stdout + run.stderr).slice(-4000));
  const [, files] = /^corpus: (\d+) files;.* 0 wrong$/m.exec(run.stdout) ?? [];
  assert.ok(Number(files) >= 40, run.stdout.slice(-1000));
});
