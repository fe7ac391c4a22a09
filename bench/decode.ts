import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readAudio } from "../dist/index.js";
import { compare, type Measure, measure, pythonPeer, tiny } from "./harness.js";

const seconds = tiny ? 1 : 60;
// As many as a small set has: the first few into new memory that the system has to hand out, the others into what was used.
const times = tiny ? 1 : 100;
const folder = mkdtempSync(join(tmpdir(), "bench-decode-"));

/** A stereo file at 44.1 kHz: noise under two sweeps, so that FLAC has the work it has with music. */
function make(name: string, ...format: string[]): string {
  const path = join(folder, name);
  const tones = ["sine", "100-8000", "sine", "9000-200", "vol", "0.4"];
  execFileSync("sox", ["-R", "-r", "44100", "-n", "-c", "2", ...format, path, "synth", String(seconds), ...tones]);
  return path;
}

const SOUNDFILE = `
import soundfile
import numpy as np
out = np.zeros(0, np.float32)
def run(input):
    global out
    if out.size < input["samples"]: out = np.zeros(input["samples"], np.float32)
    for _ in range(input["times"]):
        place = out[:input["samples"]].reshape(-1, 2) if input["samples"] else None
        x, rate = soundfile.read(input["path"], dtype="float32", always_2d=True, out=place)
    return [rate, x.size, float(abs(x[::101]).sum(dtype="float64"))]
`;

async function decode(path: string, out: Float32Array | undefined): Promise<number[]> {
  let audio = await readAudio(path, { out });
  for (let i = 1; i < times; i++) audio = await readAudio(path, { out });
  const { samples, sampleRate } = audio;
  let sum = 0;
  for (let i = 0; i < samples.length; i += 202) sum += Math.abs(samples[i]!) + Math.abs(samples[i + 1]!);
  return [sampleRate, samples.length, sum];
}

const same = (a: unknown, b: unknown): boolean => {
  const [[rate, size, sum], [peerRate, peerSize, peerSum]] = [a, b] as [number[], number[]];
  return rate === peerRate && size === peerSize && Math.abs(sum! / peerSum! - 1) < 1e-9;
};

async function main(): Promise<void> {
  const peer = pythonPeer(SOUNDFILE);
  const files: Record<string, string> = {
    "wav 16-bit": make("16.wav", "-b", "16"),
    "wav 24-bit": make("24.wav", "-b", "24"),
    "wav float": make("float.wav", "-e", "floating-point", "-b", "32"),
    "FLAC 16-bit": make("16.flac", "-b", "16"),
  };
  // Into an array that is there, as one reads a dataset, or into a new one for each file.
  const places = ["the same array", "new arrays"] as const;
  for (const [name, path] of Object.entries(files)) {
    for (const place of path.endsWith(".flac") ? places.slice(1) : places) {
      const out = place === "the same array" ? new Float32Array(2 * 44100 * seconds) : undefined;
      const about = {
        name: `decode ${name}, ${place}`,
        work: `${name}, stereo at 44.1 kHz, ${times} × ${seconds} s, from file to float32 in ${place}`,
        peer: "soundfile",
        target: 1,
        packages: ["soundfile"],
      };
      const ours = (): Promise<Measure> => measure(() => decode(path, out));
      await compare(about, ours, () => peer.run({ path, times, samples: out?.length ?? 0 }), { same });
    }
  }
  peer.close();
}

main().finally(() => rmSync(folder, { recursive: true, force: true }));
