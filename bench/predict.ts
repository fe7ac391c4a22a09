/** An hour of sound through a pipeline, from the file to scores: log-mel of every second, a small 2-D convolutional net. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encodeWav, random } from "../dist/index.js";
import { heardPeer, heardPipeline, RATE } from "./harness-heard.js";
import { compare, measure, pythonPeer, tiny } from "./harness.js";

const SECONDS = tiny ? 4 : 3600;
const folder = mkdtempSync(join(process.env.BENCH_FOLDER ?? tmpdir(), "bench-predict-"));

async function main(): Promise<void> {
  const noise = random(1);
  const samples = new Int16Array(SECONDS * RATE);
  for (let i = 0; i < samples.length; i++) {
    samples[i] = 9000 * Math.sin(i * (0.02 + i * 1e-9)) + 6000 * (noise.uniform() - 0.5);
  }
  const path = join(folder, "sound.wav");
  writeFileSync(path, encodeWav({ sampleRate: RATE, channels: 1, samples }));
  const pipeline = heardPipeline();
  await pipeline.save(join(folder, "model"));
  const python = pythonPeer(heardPeer(join(folder, "model")));
  const predict = async (): Promise<number[]> => {
    const prediction = await pipeline.predict(path, { onProgress: false });
    return prediction.kind === "classes" ? [...prediction.scores] : [];
  };
  const about = {
    name: "predict",
    work: `${SECONDS} s of 16 kHz wav, log-mel of 80 bands and three 2-D convolutions for every second, to scores`,
    peer: "soundfile, librosa, Keras predict_on_batch",
    target: 2,
    packages: ["librosa", "keras", "tensorflow"],
    details: { secondsOfSound: SECONDS },
  };
  await compare(
    about,
    () => measure(predict),
    () => python.run(path),
    {
      same: (a, b) => (a as number[]).every((value, k) => Math.abs(value - (b as number[])[k]!) <= 1e-3),
    },
  );
  python.close();
  await pipeline.dispose();
}

main().finally(() => rmSync(folder, { recursive: true, force: true }));
