/** Ten seconds of sound through an exported page in Chromium, by TensorFlow.js's WebAssembly: from samples to scores. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { encodeWav, exportPage, random } from "../dist/index.js";
import { chromiumPath } from "../test/support/lab.js";
import { serve } from "../test/support/serve.js";
import { heardPeer, heardPipeline, RATE } from "./harness-heard.js";
import { compare, type Measure, pythonPeer } from "./harness.js";

const SECONDS = 10;
const folder = mkdtempSync(join(process.env.BENCH_FOLDER ?? tmpdir(), "bench-page-"));

/** What the page's script leaves to the browser's tools. */
interface Tools {
  deepAudio: { pipeline: { predict(audio: object): Promise<{ scores: Float32Array }> } };
}

async function main(): Promise<void> {
  const noise = random(1);
  const samples = Int16Array.from({ length: SECONDS * RATE }, () => 9000 * (noise.uniform() - 0.5));
  const path = join(folder, "sound.wav");
  writeFileSync(path, encodeWav({ sampleRate: RATE, channels: 1, samples }));
  const pipeline = heardPipeline();
  await exportPage(pipeline, folder);
  const server = await serve(folder);
  const args = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"];
  const browser = await chromium.launch({ executablePath: chromiumPath!, args });
  const usable: number[] = [];
  for (let run = 0; run < 5; run++) {
    const page = await (await browser.newContext()).newPage();
    const start = performance.now();
    await page.goto(`${server.address}/?backend=wasm`);
    await page.getByText("ready, by wasm").waitFor();
    usable.push((performance.now() - start) / 1000);
    await page.close();
  }
  const page = await browser.newPage();
  await page.goto(`${server.address}/?backend=wasm`);
  await page.getByText("ready, by wasm").waitFor();
  const ours = async (): Promise<Measure> => {
    const { seconds, scores } = await page.evaluate(
      async (audio) => {
        const { pipeline: heard } = (globalThis as unknown as Tools).deepAudio;
        const given = { ...audio, samples: Int16Array.from(audio.samples) };
        const start = performance.now();
        const prediction = await heard.predict(given);
        return { seconds: (performance.now() - start) / 1000, scores: [...prediction.scores] };
      },
      { sampleRate: RATE, channels: 1, samples: [...samples] },
    );
    return { seconds, cpuSeconds: seconds, peakMegabytes: 0, check: scores };
  };
  const python = pythonPeer(heardPeer(join(folder, "model")));
  await compare(
    {
      name: "page",
      work: `${SECONDS} s of sound on an exported page in Chromium, log-mel of 80 bands and three 2-D convolutions for every second`,
      peer: "soundfile, librosa, Keras predict_on_batch",
      target: 0.5,
      packages: ["librosa", "keras", "tensorflow"],
      details: { secondsOfSound: SECONDS, secondsUntilUsable: usable.sort((a, b) => a - b)[2]! },
    },
    ours,
    () => python.run(path),
    { same: (a, b) => (a as number[]).every((value, k) => Math.abs(value - (b as number[])[k]!) <= 1e-3) },
  );
  python.close();
  server.close();
  await browser.close();
  await pipeline.dispose();
}

main().finally(() => rmSync(folder, { recursive: true, force: true }));
