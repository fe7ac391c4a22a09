// The displays in Deno's kernel, which takes whole bundles by its own call: the same calls, the same outputs.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { pythonPath, root } from "../support/python.js";

const CHART = ["application/vnd.plotly.v1+json", "text/html", "text/plain"];
const HTML = ["text/html", "text/plain"];
// Deno sends what is shown while its event loop runs; on a busy machine a cell may end before that.
const TURN = "await new Promise((resolve) => setTimeout(resolve, 200));";

/** Each cell with the MIME types of what it must show. */
const CELLS: { source: string; shows: string[][] }[] = [
  {
    source: `import * as show from "deep-audio-dataset";
const samples = Float32Array.from({ length: 8000 }, (_, i) => 0.4 * Math.sin(i / 10));
const sound = { input: samples, target: samples, sampleRate: 16000, name: "a.wav" };`,
    shows: [],
  },
  { source: `show.waveform(samples, { sampleRate: 16000, title: "deno" });`, shows: [CHART] },
  { source: `show.spectrogram(sound);`, shows: [CHART] },
  { source: `show.player(sound);`, shows: [HTML] },
  { source: `show.pair(sound);`, shows: [HTML, CHART] },
  {
    source: `const live = show.liveHistory({ epochs: 2 });
for (const epoch of [0, 1]) {
  await live.onEpochBegin(epoch);
  await new Promise((resolve) => setTimeout(resolve, 250));
  await live.onEpochEnd(epoch, { loss: 1 / (epoch + 1) });
}
await live.onTrainEnd();`,
    shows: [CHART],
  },
  {
    source: `const dataset = new show.AudioDataset("data", "tones");
await dataset.generate(100, 200, 10, { waves: ["sin"], duration: 0.1, removeWav: true });
await show.summary(dataset);`,
    shows: [HTML, HTML], // the bar of the records, the card
  },
];

test("Deno's kernel shows what tslab's shows", () => {
  const folder = join(root, "build", "deno-test");
  const kernel = join(folder, "jupyter", "kernels", "deno");
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(kernel, { recursive: true });
  const deno = join(dirname(pythonPath), "deno");
  const argv = [deno, "jupyter", "--kernel", "--conn", "{connection_file}"];
  writeFileSync(join(kernel, "kernel.json"), JSON.stringify({ argv, display_name: "Deno", language: "typescript" }));
  copyFileSync(join(root, "notebooks", "package.json"), join(folder, "package.json"));
  const cells = CELLS.map(({ source }, i) => ({
    cell_type: "code",
    id: `cell-${i}`,
    metadata: {},
    execution_count: null,
    outputs: [],
    source: `${source}\n${TURN}`,
  }));
  const kernelspec = { display_name: "Deno", language: "typescript", name: "deno" };
  const file = join(folder, "deno.ipynb");
  writeFileSync(file, JSON.stringify({ cells, metadata: { kernelspec }, nbformat: 4, nbformat_minor: 5 }));
  execFileSync(pythonPath, ["-m", "nbconvert", "--to", "notebook", "--inplace", "--execute", file], {
    cwd: folder,
    env: { ...process.env, JUPYTER_PATH: join(folder, "jupyter") },
    stdio: "pipe",
  });
  const ran = JSON.parse(readFileSync(file, "utf8")) as { cells: { outputs: { data?: Record<string, unknown> }[] }[] };
  ran.cells.forEach(({ outputs }, i) => {
    const shown = outputs.filter((output) => output.data).map((output) => Object.keys(output.data!).sort());
    assert.deepEqual(shown, CELLS[i]!.shows, CELLS[i]!.source);
  });
  const [live] = ran.cells[5]!.outputs;
  assert.match(String(live!.data!["text/plain"]), /over 2 epochs: loss 0\.5; best epoch 2/, "replaced in place");
});
