// From the start of a kernel to the first spectrogram on the screen's channel: this kernel beside ipykernel with librosa and matplotlib.
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encodeWav } from "../dist/format/wav.js";
import { kernelSpec } from "../dist/setup/build.js";
import { compare, type Measure, pythonPath, pythonPeer, root, tiny } from "./harness.js";

const RATE = 16000;
const seconds = tiny ? 1 : 10;

/** Starts a kernel by its entry, runs one cell and waits for its picture. */
const DRIVE = `
import shutil, tempfile, time
from jupyter_client.manager import KernelManager
from jupyter_client.kernelspec import KernelSpec
def run(input):
    manager = KernelManager()
    manager._kernel_spec = KernelSpec(**input["spec"])
    start = time.perf_counter()
    manager.start_kernel(cwd=input["folder"])
    client = manager.client()
    client.start_channels()
    client.wait_for_ready(timeout=60)
    ready = time.perf_counter()
    message = client.execute(input["code"])
    kinds, shown = [], None
    while shown is None:
        reply = client.get_iopub_msg(timeout=60)
        if reply["parent_header"].get("msg_id") != message: continue
        if reply["msg_type"] == "error": raise RuntimeError(reply["content"]["evalue"])
        if reply["msg_type"] == "display_data" and "image/png" in str(reply["content"]["data"]): shown = time.perf_counter()
    client.stop_channels()
    manager.shutdown_kernel(now=True)
    return [shown - start, ready - start]
`;

const PYTHON_CELL = (wav: string): string => `
%matplotlib inline
import librosa, librosa.display, numpy as np, matplotlib.pyplot as plt
y, rate = librosa.load(${JSON.stringify(wav)}, sr=None)
db = librosa.power_to_db(np.abs(librosa.stft(y, n_fft=1024, hop_length=256)) ** 2, ref=np.max)
figure, axes = plt.subplots()
image = librosa.display.specshow(db, sr=rate, hop_length=256, n_fft=1024, x_axis="time", y_axis="linear", ax=axes)
figure.colorbar(image, ax=axes)
plt.show()`;

const TYPESCRIPT_CELL = (wav: string): string => `
import { spectrogram } from "deep-audio-dataset";
spectrogram(${JSON.stringify(wav)});`;

async function main(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "bench-notebook-"));
  try {
    const samples = Int16Array.from({ length: RATE * seconds }, (_, i) => 9000 * Math.sin(i * (0.05 + i * 1e-7)));
    const wav = join(folder, "sweep.wav");
    writeFileSync(wav, encodeWav({ sampleRate: RATE, channels: 1, samples }));
    mkdirSync(join(folder, "node_modules"));
    symlinkSync(root, join(folder, "node_modules", "deep-audio-dataset"));
    const ipykernel = {
      argv: [pythonPath, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
      display_name: "Python",
      language: "python",
    };
    const peer = pythonPeer(DRIVE);
    const side = (spec: object, code: string) => async (): Promise<Measure> => {
      const measured = await peer.run({ spec, code, folder });
      const [shown] = measured.check as [number, number];
      return { ...measured, seconds: shown, check: true };
    };
    await compare(
      {
        name: "notebook",
        work: `kernel start to the first spectrogram, of a wav of ${seconds} s`,
        peer: "ipykernel, librosa, matplotlib",
        target: 1,
        packages: ["ipykernel", "librosa", "matplotlib"],
      },
      side(kernelSpec(), TYPESCRIPT_CELL(wav)),
      side(ipykernel, PYTHON_CELL(wav)),
    );
    peer.close();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

void main();
