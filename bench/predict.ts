/** An hour of sound through a pipeline, from the file to scores: log-mel of every second, a small 2-D convolutional net. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createPipeline, encodeWav, loadTensorFlow, random } from "../dist/index.js";
import { compare, measure, pythonPeer, root, tiny } from "./harness.js";

const RATE = 16000;
const SECONDS = tiny ? 4 : 3600;
const folder = mkdtempSync(join(process.env.BENCH_FOLDER ?? tmpdir(), "bench-predict-"));

const PEER = `
import sys, os
sys.path.insert(0, ${JSON.stringify(join(root, "python"))})
import librosa, numpy as np, soundfile
from tfjs_to_keras import load_model
model = load_model(${JSON.stringify(join(folder, "model"))})
def log_mel(x):
    mel = librosa.feature.melspectrogram(y=x, sr=16000, n_fft=1024, hop_length=256, n_mels=80)
    return librosa.power_to_db(mel).T
def run(path):
    x, _ = soundfile.read(path, dtype="float32")
    x = x.reshape(-1, 16000)
    scores = [model.predict_on_batch(np.stack([log_mel(one) for one in x[at:at + 32]])) for at in range(0, len(x), 32)]
    return np.concatenate(scores).mean(0).tolist()
`;

/** Three convolutions that halve both axes, the mean of what is left, ten classes. */
function net(): ReturnType<ReturnType<typeof loadTensorFlow>["sequential"]> {
  const tf = loadTensorFlow();
  const model = tf.sequential();
  model.add(tf.layers.reshape({ inputShape: [63, 80], targetShape: [63, 80, 1] }));
  for (const [seed, filters] of [16, 32, 64].entries()) {
    const kernelInitializer = tf.initializers.glorotUniform({ seed });
    model.add(tf.layers.conv2d({ filters, kernelSize: 3, strides: 2, activation: "relu", kernelInitializer }));
  }
  model.add(tf.layers.globalAveragePooling2d({}));
  const kernelInitializer = tf.initializers.glorotUniform({ seed: 9 });
  model.add(tf.layers.dense({ units: 10, activation: "softmax", kernelInitializer }));
  return model;
}

async function main(): Promise<void> {
  const noise = random(1);
  const samples = new Int16Array(SECONDS * RATE);
  for (let i = 0; i < samples.length; i++) {
    samples[i] = 9000 * Math.sin(i * (0.02 + i * 1e-9)) + 6000 * (noise.uniform() - 0.5);
  }
  const path = join(folder, "sound.wav");
  writeFileSync(path, encodeWav({ sampleRate: RATE, channels: 1, samples }));
  const pipeline = createPipeline(net(), {
    ...({ kind: "classes", sampleRate: RATE, window: { length: RATE } } as const),
    features: { kind: "logMel", frameLength: 1024, frameStep: 256, fftLength: 1024, melBins: 80 },
  });
  await pipeline.save(join(folder, "model"));
  const python = pythonPeer(PEER);
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
