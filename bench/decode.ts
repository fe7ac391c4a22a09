import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readAudio } from "../dist/index.js";
import { SOUND } from "./harness-sounds.js";
import { compare, type Measure, measure, type PythonPeer, pythonPeer, tiny } from "./harness.js";

const RATE = 48000;
const folder = mkdtempSync(join(tmpdir(), "bench-decode-"));

/** soundfile's container and encoding of each form. */
const FORMS: Record<string, readonly [container: string, encoding: string, ending: string]> = {
  "wav 16-bit": ["WAV", "PCM_16", "wav"],
  "wav 24-bit": ["WAV", "PCM_24", "wav"],
  "wav float": ["WAV", "FLOAT", "wav"],
  "FLAC 16-bit": ["FLAC", "PCM_16", "flac"],
  "FLAC 24-bit": ["FLAC", "PCM_24", "flac"],
  MP3: ["MP3", "MPEG_LAYER_III", "mp3"],
  "Ogg Vorbis": ["OGG", "VORBIS", "ogg"],
  Opus: ["OGG", "OPUS", "opus"],
};

/** Both sides of a comparison read a file `times` times, whole or a part; Python also makes the files. */
const SOUNDFILE = `
import soundfile
import numpy as np
out = np.zeros(0, np.float32)
${SOUND}def run(input):
    global out
    if "make" in input:
        n, rate = input["frames"], input["rate"]
        x = sound(input["sound"], n, rate)
        for path, container, encoding in input["make"]:
            with soundfile.SoundFile(path, "w", rate, 2, encoding, format=container) as f:
                for at in range(0, n, rate): f.write(x[at:at + rate])
        return None
    part = {"start": input["start"], "frames": input["frames"]} if "start" in input else {}
    if out.size < input["samples"]: out = np.zeros(input["samples"], np.float32)
    for _ in range(input["times"]):
        place = out[:input["samples"]].reshape(-1, 2) if input["samples"] else None
        x, rate = soundfile.read(input["path"], dtype="float32", always_2d=True, out=place, **part)
    return [rate, x.size, float(abs(x).sum(dtype="float64"))]
`;

async function decode(path: string, times: number, options: Parameters<typeof readAudio>[1]): Promise<number[]> {
  let audio = await readAudio(path, options);
  for (let i = 1; i < times; i++) audio = await readAudio(path, options);
  const { samples, sampleRate } = audio;
  let sum = 0;
  for (let i = 0; i < samples.length; i++) sum += Math.abs(samples[i]!);
  return [sampleRate, samples.length, sum];
}

const same = (a: unknown, b: unknown): boolean => {
  const [[rate, size, sum], [peerRate, peerSize, peerSum]] = [a, b] as [number[], number[]];
  return rate === peerRate && size === peerSize && Math.abs(sum! / peerSum! - 1) < 1e-4;
};

/** What the system takes to hand out the pages of a new array of that many floats, in seconds. */
function newPages(floats: number): number {
  const start = performance.now();
  const array = new Float32Array(floats);
  for (let i = 0; i < floats; i += 1024) array[i] = 1;
  return (performance.now() - start) / 1000;
}

interface Job {
  form: string;
  sound: string;
  seconds: number;
  path: string;
}

const GOALS = { "the same array": 0.8, "new arrays": 0.6 };

async function compareJob(peer: PythonPeer, { form, sound, seconds, path }: Job): Promise<void> {
  const frames = seconds * RATE;
  const times = tiny ? 1 : Math.max(3, Math.round(20 / seconds));
  const of = sound === "noise" ? "" : ` of ${sound}`;
  const length = seconds === LONG ? "" : `, ${seconds} s`;
  for (const place of ["the same array", "new arrays"] as const) {
    const out = place === "the same array" ? new Float32Array(2 * frames) : undefined;
    const about = {
      name: `decode ${form}${of}${length}, ${place}`,
      work: `${form}${of}, stereo at 48 kHz, ${times} × ${seconds} s, from file to float32 in ${place}`,
      peer: "soundfile",
      target: GOALS[place],
      packages: ["soundfile"],
      ...(out ? {} : { details: { newPagesSeconds: times * newPages(2 * frames) } }),
    };
    const ours = (): Promise<Measure> => measure(() => decode(path, times, { out }));
    await compare(about, ours, () => peer.run({ path, times, samples: out?.length ?? 0 }), { same });
  }
}

async function comparePart(peer: PythonPeer, { form, path, seconds }: Job): Promise<void> {
  const times = tiny ? 1 : 20;
  const start = seconds / 2;
  const frames = Math.min(RATE, start * RATE);
  const about = {
    name: `decode ${form}, one part`,
    work: `${form}, stereo at 48 kHz, ${times} times 1 s out of ${seconds} s, new arrays`,
    peer: "soundfile",
    target: GOALS["new arrays"],
    packages: ["soundfile"],
    details: { newPagesSeconds: times * newPages(2 * frames) },
  };
  const ours = (): Promise<Measure> => measure(() => decode(path, times, { start, duration: frames / RATE }));
  const theirs = (): Promise<Measure> => peer.run({ path, times, samples: 0, start: start * RATE, frames });
  await compare(about, ours, theirs, { same });
}

const LONG = tiny ? 2 : 60;

async function main(): Promise<void> {
  const peer = pythonPeer(SOUNDFILE);
  const sounds = ["noise", "music", "speech", "tones"];
  for (const sound of sounds) {
    for (const seconds of sound === "noise" ? [LONG, 1] : [LONG]) {
      const jobs = Object.keys(FORMS).map((form): Job => {
        const path = join(folder, `${form} ${sound} ${seconds}.${FORMS[form]![2]}`);
        return { form, sound, seconds, path };
      });
      const make = jobs.map(({ form, path }) => [path, ...FORMS[form]!.slice(0, 2)]);
      await peer.run({ make, sound, frames: seconds * RATE, rate: RATE });
      // A wav's bytes are as long whatever they sound like.
      for (const job of jobs) if (sound === "noise" || !job.form.startsWith("wav")) await compareJob(peer, job);
      if (sound === "noise" && seconds === LONG) for (const job of jobs) await comparePart(peer, job);
    }
  }
  peer.close();
}

main().finally(() => rmSync(folder, { recursive: true, force: true }));
