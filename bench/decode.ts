import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readAudio } from "../dist/index.js";
import { compare, measure, pythonPeer, tiny } from "./harness.js";

const seconds = tiny ? 1 : 60;
const times = tiny ? 1 : 20;
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
def run(input):
    for _ in range(input["times"]):
        x, rate = soundfile.read(input["path"], dtype="float32", always_2d=True)
    return [rate, x.size, float(abs(x[::101]).sum(dtype="float64"))]
`;

async function main(): Promise<void> {
  const peer = pythonPeer(SOUNDFILE);
  const files: Record<string, string> = {
    "wav 16-bit": make("16.wav", "-b", "16"),
    "wav 24-bit": make("24.wav", "-b", "24"),
    "wav float": make("float.wav", "-e", "floating-point", "-b", "32"),
    "FLAC 16-bit": make("16.flac", "-b", "16"),
  };
  for (const [name, path] of Object.entries(files)) {
    await compare(
      {
        name: `decode-${name.replaceAll(" ", "-").toLowerCase()}`,
        work: `${name}, stereo at 44.1 kHz, ${times} × ${seconds} s, from file to float32`,
        peer: "soundfile",
        target: 1,
        packages: ["soundfile"],
      },
      () =>
        measure(async () => {
          let floats = new Float32Array();
          let rate = 0;
          for (let i = 0; i < times; i++) {
            const audio = await readAudio(path);
            floats = audio.samples as Float32Array<ArrayBuffer>;
            rate = audio.sampleRate;
          }
          let sum = 0;
          for (let i = 0; i < floats.length; i += 202) sum += Math.abs(floats[i]!) + Math.abs(floats[i + 1]!);
          return [rate, floats.length, sum];
        }),
      () => peer.run({ path, times }),
      {
        same: (a, b) => {
          const [[rate, size, sum], [peerRate, peerSize, peerSum]] = [a, b] as [number[], number[]];
          return rate === peerRate && size === peerSize && Math.abs(sum! / peerSum! - 1) < 1e-9;
        },
      },
    );
  }
  peer.close();
}

main().finally(() => rmSync(folder, { recursive: true, force: true }));
