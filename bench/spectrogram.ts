import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encodeWav } from "../dist/format/wav.js";
import { bundleBytes } from "../dist/show/bundle.js";
import { spectrogramBundle } from "../dist/show/spectrogram.js";
import { compare, measure, pythonPeer, tiny } from "./harness.js";

const sampleRate = 16000;
const folder = mkdtempSync(join(tmpdir(), "bench-spectrogram-"));

/** A slow sweep under hiss, which compresses badly. */
function wav(seconds: number): string {
  const samples = new Int16Array(seconds * sampleRate);
  let state = seconds;
  let phase = 0;
  for (let i = 0; i < samples.length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    phase += 0.05 + (2 * i) / samples.length;
    samples[i] = 8000 * Math.sin(phase) + 4000 * (state / 2 ** 32 - 0.5);
  }
  const file = join(folder, `${seconds}.wav`);
  writeFileSync(file, encodeWav({ sampleRate, channels: 1, samples }));
  return file;
}

/** librosa reads and transforms, matplotlib draws 720 × 286 pixels, as the usual notebook cell does. */
const PEER = `import base64, io
import librosa, librosa.display, matplotlib, numpy as np
matplotlib.use("Agg")
import matplotlib.pyplot as plt
def run(file):
    y, rate = librosa.load(file, sr=None)
    db = librosa.power_to_db(np.abs(librosa.stft(y, n_fft=1024, hop_length=256)) ** 2, ref=np.max)
    figure, axes = plt.subplots(figsize=(7.2, 2.86), dpi=100)
    image = librosa.display.specshow(db, sr=rate, hop_length=256, n_fft=1024, x_axis="time", y_axis="linear", ax=axes, cmap="viridis")
    figure.colorbar(image, ax=axes)
    out = io.BytesIO()
    figure.savefig(out, format="png")
    plt.close(figure)
    return len(base64.b64encode(out.getvalue()))
`;

/** Shows the file once and holds it to its budget. */
async function once(file: string): Promise<{ seconds: number; bytes: number }> {
  const { seconds, check } = await measure(() => bundleBytes(spectrogramBundle(file)));
  if (Number(check) > 300_000) throw new Error(`${file}: ${check} bytes, expected at most 300,000`);
  return { seconds, bytes: Number(check) };
}

(async () => {
  const python = pythonPeer(PEER);
  // The hour is shown by us alone: the peer would hold all of its frames, 20 GB.
  const hour = await once(wav(tiny ? 20 : 3600));
  for (const seconds of tiny ? [2] : [10, 600]) {
    const file = wav(seconds);
    const first = await once(file);
    await compare(
      {
        name: `spectrogram ${seconds} s`,
        work: `wav file of ${seconds} s at 16 kHz to a notebook output with axes and colour bar`,
        peer: "librosa + matplotlib",
        target: 1,
        packages: ["librosa", "matplotlib"],
        details: { first, hour, promised: { tenSeconds: 0.15, hour: 5, bytes: 300_000 } },
      },
      () => measure(() => bundleBytes(spectrogramBundle(file))),
      () => python.run(file),
      { same: false, pairs: seconds > 100 ? 2 : 5 },
    );
  }
  python.close();
  rmSync(folder, { recursive: true });
})();
