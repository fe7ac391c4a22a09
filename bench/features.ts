import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { createPool } from "../dist/system/pool.js";
import type { Frames } from "../dist/signal/stft.js";
import { spectra } from "../dist/features/spectra.js";
import { compare, measure, pythonPeer, tiny } from "./harness.js";
import type { SpectraOptions } from "../dist/features/compute-spectra.js";

const sampleRate = 16000;
const shape = { frameLength: 1024, frameStep: 256, fftLength: 1024 };
const seconds = tiny ? 4 : 600;

/** Ten minutes of a sweep under hiss, whole or cut into clips of 1 s. */
const samples = new Float32Array(seconds * sampleRate);
let state = 1;
for (let i = 0; i < samples.length; i++) {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  samples[i] = 0.3 * Math.sin(i * (0.02 + i * 1e-8)) + 0.2 * (state / 2 ** 32 - 0.5);
}
const clips = Array.from({ length: seconds }, (_, i) => samples.subarray(i * sampleRate, (i + 1) * sampleRate));

const folder = mkdtempSync(join(tmpdir(), "bench-features-"));
const file = join(folder, "samples.f32");
writeFileSync(file, samples);

const PEER = `import librosa, numpy as np, tensorflow as tf
y = np.fromfile(${JSON.stringify(file)}, np.float32)
clips = y.reshape(-1, 16000)
cut = dict(n_fft=1024, hop_length=256)
bands = tf.constant(librosa.filters.mel(sr=16000, n_fft=1024, n_mels=80).T)
def by_librosa(kind, sounds):
    if kind == "stft":
        return [librosa.stft(s, **cut) for s in sounds]
    return [librosa.power_to_db(librosa.feature.melspectrogram(y=s, sr=16000, n_mels=80, **cut), top_db=None) for s in sounds]
@tf.function
def tf_stft(s):
    return tf.signal.stft(s, 1024, 256, 1024)
@tf.function
def tf_mel(s):
    z = tf.signal.stft(s, 1024, 256, 1024)
    power = tf.square(tf.math.real(z)) + tf.square(tf.math.imag(z))
    return tf.math.log(tf.maximum(tf.matmul(power, bands), 1e-10)) * (10 / np.log(10))
def check(arrays):
    # a few values of every result, so that the check costs next to nothing
    return float(sum(abs(a.ravel()[a.size // 2]) for a in arrays) / len(arrays))
def run(i):
    if i["peer"] == "librosa":
        return check(by_librosa(i["kind"], [y] if i["long"] else clips))
    r = (tf_stft if i["kind"] == "stft" else tf_mel)(y[None] if i["long"] else clips).numpy()
    return check([np.abs(x).T for x in r])
`;

const python = pythonPeer(PEER);
const pool = createPool(availableParallelism(), 600_000);

/** The value in the middle of each result, laid out [bins, frames] as librosa does. */
function check(results: readonly Frames[], kind: string): number {
  let sum = 0;
  for (const { data, frames, bins } of results) {
    const middle = Math.floor((frames * bins) / 2);
    const at = (middle % frames) * bins + Math.floor(middle / frames);
    sum += kind === "stft" ? Math.hypot(data[2 * at]!, data[2 * at + 1]!) : Math.abs(data[at]!);
  }
  return sum / results.length;
}

const near = (a: unknown, b: unknown): boolean => Math.abs(Number(a) - Number(b)) <= 1e-3 * Math.abs(Number(b)) + 1e-3;

(async () => {
  for (const kind of ["stft", "logMel"] as const) {
    for (const long of [true, false]) {
      for (const [peer, target] of [
        ["librosa", 2],
        ["tf.signal", 0.8],
      ] as const) {
        const options: SpectraOptions = {
          ...shape,
          kind,
          sampleRate,
          melBins: 80,
          topDb: Infinity,
          center: peer === "librosa",
        };
        const sounds = long ? [samples] : clips;
        await compare(
          {
            name: `features ${kind} ${long ? "long" : "clips"} ${peer}`,
            work: `${kind === "stft" ? "complex STFT" : "log-mel, 80 bands"} of ${long ? `${seconds} s of signal` : `${seconds} clips of 1 s`}, 16 kHz, 1024 samples every 256, in memory`,
            peer,
            target,
            packages: [peer === "librosa" ? "librosa" : "tensorflow"],
            details: { secondsOfSound: seconds, workers: availableParallelism() },
          },
          () => measure(async () => check(await spectra(sounds, options, { pool }), kind)),
          () => python.run({ peer, kind, long }),
          { same: near },
        );
      }
    }
  }
  python.close();
  await pool.destroy();
  rmSync(folder, { recursive: true });
})();
