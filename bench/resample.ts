import { resample } from "../dist/signal/resample.js";
import { compare, measure, pythonPeer, tiny } from "./harness.js";

const peer = pythonPeer(`
import numpy as np, soxr
signals = {}
def run(input):
    # Made in the warm-up run, as ours is before it.
    n = input["samples"]
    if n not in signals: signals[n] = ((np.arange(n) * 0.37 % 1) - 0.5).astype(np.float32)
    return len(soxr.resample(signals[n], input["from"], input["to"], quality="HQ"))
`);

async function main(): Promise<void> {
  const seconds = tiny ? 1 : 120;
  for (const [from, to] of [
    [44100, 16000],
    [48000, 16000],
    [16000, 44100],
    [44100, 48000],
  ] as const) {
    const samples = from * seconds;
    const signal = Float32Array.from({ length: samples }, (_, i) => ((i * 0.37) % 1) - 0.5);
    const work = `${seconds} s of one channel from ${from} to ${to} Hz, one thread, flat to 0.9 of the band`;
    await compare(
      {
        name: `resample ${from} to ${to}`,
        work,
        peer: "soxr, quality HQ",
        target: 0.5,
        packages: ["soxr"],
        details: { seconds },
      },
      () => measure(() => resample(signal, from, to).length),
      () => peer.run({ samples, from, to }),
    );
  }
  peer.close();
}

void main();
