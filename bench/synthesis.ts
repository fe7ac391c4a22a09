import { availableParallelism } from "node:os";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { planRecipe, type Recipe, recipeRows, recipeSize } from "../dist/generate/write-wavs.js";
import { compare, type Measure, measure, pythonPeer, root, tiny } from "./harness.js";

const recipe: Recipe = planRecipe(100, 1000, tiny ? 3 : 500);
const workers = availableParallelism();

/** Renders its share of the pairs into memory and returns the sum of the samples' sizes. */
const RENDER = `
const { parentPort, workerData } = require("node:worker_threads");
const { recipeRows } = require(${JSON.stringify(join(root, "dist", "generate", "recipe.js"))});
const { emptyRow, renderInto } = require(${JSON.stringify(join(root, "dist", "generate", "render-pair.js"))});
parentPort.on("message", ({ recipe, from, to }) => {
  const [input, target] = emptyRow(recipe);
  let sum = 0;
  for (const row of recipeRows(recipe, from, to)) {
    renderInto(recipe, row, input, target);
    for (let i = 0; i < input.length; i += 10) sum += Math.abs(input[i]) + Math.abs(target[i]);
  }
  parentPort.postMessage(sum);
});`;

/** The waves as scipy has them, which is what one writes in Python. */
const SCIPY_WAVES = `
from scipy import signal
def tone(wave, f, n, rate, volume):
    phase = 2 * np.pi * f * n / rate
    if wave == "sin": x = np.sin(phase)
    elif wave == "square": x = signal.square(phase)
    elif wave == "saw": x = signal.sawtooth(phase)
    else: x = signal.sawtooth(phase, 0.5)
    return np.rint(x * (volume * 32768)).astype(np.int16)`;

/** The waves vectorised by hand, with as few passes as numpy allows. */
const NUMPY_WAVES = `
def tone(wave, f, n, rate, volume):
    p = n * (f / rate)
    p -= np.floor(p)
    if wave == "sin": x = np.sin(2 * np.pi * p)
    elif wave == "square": x = np.where(p < 0.5, 1.0, -1.0)
    elif wave == "saw": x = 2 * p - 1
    else: x = 1 - 4 * np.abs(p - 0.5)
    x *= volume * 32768
    return np.rint(x, out=x).astype(np.int16)`;

const python = (waves: string): string => `
import multiprocessing, os
import numpy as np
${waves}
def part(task):
    rows, samples, rate, volume = task
    n = np.arange(samples, dtype=np.float64)
    total = 0
    for wave, a, b in rows:
        for f in (a, b):
            total += int(np.abs(tone(wave, f, n, rate, volume)[::10].astype(np.int32)).sum())
    return total
pool = multiprocessing.Pool(os.cpu_count())
def run(input):
    rows, k = input["rows"], os.cpu_count()
    tasks = [(rows[i * len(rows) // k:(i + 1) * len(rows) // k], input["samples"], input["rate"], input["volume"]) for i in range(k)]
    return sum(pool.map(part, tasks))
`;

async function main(): Promise<void> {
  const size = recipeSize(recipe);
  const threads = Array.from({ length: workers }, () => new Worker(RENDER, { eval: true }));
  const ours = (): Promise<Measure> =>
    measure(async () => {
      const sums = threads.map((thread, k) => {
        const sum = new Promise<number>((resolve) => thread.once("message", resolve));
        const [from, to] = [Math.floor((k * size) / workers), Math.floor(((k + 1) * size) / workers)];
        thread.postMessage({ recipe, from, to });
        return sum;
      });
      return (await Promise.all(sums)).reduce((a, b) => a + b, 0);
    });
  const rows = recipeRows(recipe).map((row) => [row.wave, row.frequency, row.targetFrequency]);
  const input = { rows, samples: recipe.sampleRate, rate: recipe.sampleRate, volume: recipe.volume };
  const samples = 2 * size * recipe.sampleRate;
  for (const [name, peerName, waves] of [
    ["synthesis", "numpy with scipy.signal", SCIPY_WAVES],
    ["synthesis-by-hand", "numpy, vectorised by hand", NUMPY_WAVES],
  ] as const) {
    const peer = pythonPeer(python(waves));
    await compare(
      {
        name,
        work: `${samples} samples of ${recipe.waves.join(", ")} as int16, in memory, ${workers} cores`,
        peer: `${peerName}, ${workers} processes`,
        target: 5,
        packages: ["numpy", "scipy"],
        details: { samples },
      },
      ours,
      () => peer.run(input),
      // Halves are rounded up here and to even in numpy, and the edges of its waves fall where its phase is rounded to.
      { same: (a, b) => Math.abs(Number(a) / Number(b) - 1) < 1e-3 },
    );
    peer.close();
  }
  await Promise.all(threads.map((thread) => thread.terminate()));
}

main();
