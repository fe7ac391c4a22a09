import { join } from "node:path";
import { createPipeline, loadTensorFlow, type Pipeline } from "../dist/index.js";
import { root } from "./harness.js";

/** Of what the pipeline hears, in Hz. */
export const RATE = 16000;

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

/** Log-mel of 80 bands of every second, three 2-D convolutions, ten classes. */
export function heardPipeline(): Pipeline {
  return createPipeline(net(), {
    ...({ kind: "classes", sampleRate: RATE, window: { length: RATE } } as const),
    features: { kind: "logMel", frameLength: 1024, frameStep: 256, fftLength: 1024, melBins: 80 },
  });
}

/** The same in Python: soundfile, librosa and Keras with the weights that were saved to `folder`. */
export function heardPeer(folder: string): string {
  return `
import sys, os
sys.path.insert(0, ${JSON.stringify(join(root, "python"))})
import librosa, numpy as np, soundfile
from tfjs_to_keras import load_model
model = load_model(${JSON.stringify(folder)})
def log_mel(x):
    mel = librosa.feature.melspectrogram(y=x, sr=16000, n_fft=1024, hop_length=256, n_mels=80)
    return librosa.power_to_db(mel).T
def run(path):
    x, _ = soundfile.read(path, dtype="float32")
    x = x.reshape(-1, 16000)
    scores = [model.predict_on_batch(np.stack([log_mel(one) for one in x[at:at + 32]])) for at in range(0, len(x), 32)]
    return np.concatenate(scores).mean(0).tolist()
`;
}
