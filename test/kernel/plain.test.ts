import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { TSLAB_VERSION } from "../../dist/kernel/patch-tslab.js";
import { root } from "../support/python.js";
import { type Cell, drive, errorsOf, textOf } from "./drive.js";

const send = (...cells: string[]): unknown[][] => cells.flatMap((code) => [["send", code], ["wait"]]);

/** What plain tslab does as well: results, output, displays, awaiting, errors that name their cell, interrupts. */
const CELLS = [
  "const three: number = 1 + 2;\nthree",
  'console.log("said");\nawait new Promise<void>((resolve) => setTimeout(resolve, 20));\nconsole.log(three + 1);',
  'throw new RangeError("out of range");',
  'const n: number = "text";',
  `import { waveform, loadTensorFlow } from "deep-audio-dataset";\nwaveform(new Float32Array(100), { sampleRate: 100 });`,
  "const tf = loadTensorFlow();\nconsole.log(tf.tensor1d([1, 2]).sum().dataSync()[0]);",
];
const STEPS = [
  ...send(...CELLS),
  ["send", 'console.log("running"); while (true) {}'],
  ["text"],
  ["interrupt"],
  ["wait"],
  ["send", 'console.log("running"); await new Promise(() => {});'],
  ["text"],
  ["interrupt"],
  ["wait"],
  ...send("console.log(three)"),
];

function assertWorks(cells: Cell[]): void {
  const result = cells[0]!.outputs.find(({ type }) => type === "execute_result");
  assert.equal(result?.data["text/plain"], "3");
  assert.equal(textOf(cells[1]), "said\n4\n");
  const [thrown] = errorsOf(cells[2]);
  assert.equal(thrown!.ename, "RangeError");
  assert.equal(thrown!.evalue, "out of range");
  assert.match(thrown!.traceback, /^RangeError: out of range\n[\s\S]*at cell \[3\]/);
  assert.match(errorsOf(cells[3])[0]!.evalue, /Type 'string' is not assignable to type 'number'/);
  const shown = cells[4]!.outputs.find(({ type }) => type === "display_data");
  assert.match(shown?.data["text/html"], /^<div><img alt="Waveform: 1\.000 s/);
  assert.equal(textOf(cells[5]), "3\n");
  for (const cell of [cells[6], cells[7]]) {
    assert.equal(errorsOf(cell)[0]!.ename, "Interrupted");
    assert.ok(cell!.seconds < 6, String(cell!.seconds));
  }
  assert.equal(textOf(cells[8]), "3\n");
}

test("with DEEP_AUDIO_PLAIN_TSLAB cells run, without a word", async () => {
  const { cells } = await drive(STEPS, undefined, { DEEP_AUDIO_PLAIN_TSLAB: "1", DEEP_AUDIO_PLAIN_TFJS: "1" });
  assertWorks(cells);
  assert.equal(cells.map((cell) => textOf(cell, "stderr")).join(""), "");
});

test("another version of tslab is named in the first cell, once, and cells run", async () => {
  const folder = mkdtempSync(join(tmpdir(), "tslab-"));
  try {
    const preload = join(folder, "version.cjs");
    const manifest = JSON.stringify(join(root, "node_modules", "tslab", "package.json"));
    writeFileSync(preload, `require(${manifest}).version = "1.0.21";`);
    const { cells } = await drive(STEPS, undefined, { NODE_OPTIONS: `--require ${preload}` });
    assertWorks(cells);
    assert.equal(
      cells.map((cell) => textOf(cell, "stderr")).join(""),
      "tslab 1.0.21, expected 1.0.22. Cells run as plain tslab runs them: errors point into the compiled code; " +
        "install tslab@1.0.22, or set DEEP_AUDIO_PLAIN_TSLAB=1 to keep this version without the warning.\n",
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  const { dependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  assert.equal(dependencies.tslab, TSLAB_VERSION);
});
