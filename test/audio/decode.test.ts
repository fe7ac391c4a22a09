import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { before, test } from "node:test";
import { Worker } from "node:worker_threads";
import fc from "fast-check";
import { DatasetError } from "../../dist/core/error.js";
import { type Audio, decodeAudio } from "../../dist/index.js";
import { bytesSource } from "../../dist/format/byte-source.js";
import { type CompressedInfo, readCompressedInfo } from "../../dist/format/compressed-info.js";
import { Verdict } from "../../dist/format/verdict.js";
import { python, root } from "../support/python.js";

const folder = mkdtempSync(join(tmpdir(), "audio-"));
const bytes = (name: string): Uint8Array => new Uint8Array(readFileSync(join(folder, name)));
const decode = (name: string): Promise<Audio> => decodeAudio(bytes(name), name);
const infoOf = (data: Uint8Array): CompressedInfo | undefined =>
  readCompressedInfo(bytesSource(data), new Verdict("x"))[0];

interface Case {
  name: string;
  rate: number;
  shape: [number, number];
  int16: boolean;
}
let cases: Case[] = [];

/** soundfile writes each format and what it reads back, as float32 (and int16 for 16-bit FLAC). */
before(() => {
  cases = python(
    `
import numpy as np, soundfile as sf, os
folder = input
rng = np.random.default_rng(5)
cases = []
def case(name, rate, channels, format, subtype, seconds=1.3):
    n = int(rate * seconds)
    t = np.arange(n)[:, None] / rate
    x = 0.5 * np.sin(2 * np.pi * t * (440 + 220 * np.arange(channels))) * np.linspace(0, 1, n)[:, None]
    x = x + rng.uniform(-0.05, 0.05, x.shape)
    if format == "FLAC": x[:6, 0] = [-1, 1, 0, 2 ** -15, -2 ** -15, 0.99]
    path = os.path.join(folder, name)
    sf.write(path, x, rate, format=format, subtype=subtype)
    y, r = sf.read(path, dtype="float32", always_2d=True)
    y.tofile(path + ".f32")
    if subtype == "PCM_16": sf.read(path, dtype="int16", always_2d=True)[0].tofile(path + ".i16")
    cases.append({"name": name, "rate": r, "shape": y.shape, "int16": subtype == "PCM_16"})
case("mono16.flac", 16000, 1, "FLAC", "PCM_16")
case("stereo16.flac", 44100, 2, "FLAC", "PCM_16")
case("six24.flac", 48000, 6, "FLAC", "PCM_24")
case("mono8.flac", 8000, 1, "FLAC", "PCM_S8")
case("mono.ogg", 16000, 1, "OGG", "VORBIS")
case("stereo.ogg", 44100, 2, "OGG", "VORBIS")
case("mono.opus", 16000, 1, "OGG", "OPUS")
case("stereo.opus", 48000, 2, "OGG", "OPUS")
case("short.opus", 48000, 2, "OGG", "OPUS", 0.4)
case("one.opus", 48000, 1, "OGG", "OPUS", 1 / 48000)
case("gain.opus", 48000, 1, "OGG", "OPUS", 0.6)
case("mono.mp3", 44100, 1, "MP3", "MPEG_LAYER_III")
case("stereo.mp3", 44100, 2, "MP3", "MPEG_LAYER_III")
case("low.mp3", 16000, 1, "MP3", "MPEG_LAYER_III")
case("lower.mp3", 8000, 2, "MP3", "MPEG_LAYER_III")
# Played 6 dB lower, as the header of Opus can ask for (RFC 7845, section 5.1).
path = os.path.join(folder, "gain.opus")
data = bytearray(open(path, "rb").read())
at = data.index(b"OpusHead") + 16
data[at:at + 2] = (-6 * 256).to_bytes(2, "little", signed=True)
end = data.index(b"OggS", 4)
data[22:26] = bytes(4)
crc = 0
for byte in data[:end]:
    crc ^= byte << 24
    for _ in range(8): crc = (crc << 1 ^ 0x104c11db7) if crc & 1 << 31 else crc << 1
data[22:26] = crc.to_bytes(4, "little")
open(path, "wb").write(data)
sf.read(path, dtype="float32", always_2d=True)[0].tofile(path + ".f32")
print(json.dumps(cases))`,
    folder,
  );
});

test("FLAC, Ogg Vorbis, Opus and MP3 give soundfile's values", async () => {
  assert.equal(cases.length, 15);
  for (const { name, rate, shape, int16 } of cases) {
    const audio = await decode(name);
    const opus = name.endsWith(".opus");
    assert.equal(audio.sampleRate, opus ? 48000 : rate, name);
    assert.equal(audio.channels, shape[1], name);
    if (int16) {
      const raw = readFileSync(join(folder, `${name}.i16`));
      assert.ok(audio.samples instanceof Int16Array, name);
      assert.ok(
        raw.equals(Buffer.from(audio.samples.buffer, audio.samples.byteOffset, audio.samples.byteLength)),
        name,
      );
      continue;
    }
    assert.ok(audio.samples instanceof Float32Array, name);
    const expected = new Float32Array(new Uint8Array(readFileSync(join(folder, `${name}.f32`))).buffer);
    if (opus && rate !== 48000) {
      // soundfile decodes to the rate of the original; Opus itself knows 48 kHz alone.
      assert.equal(audio.samples.length, (expected.length * 48000) / rate, name);
      continue;
    }
    assert.equal(audio.samples.length, expected.length, name);
    // Integers are exact; the lossy decoders differ from soundfile's by the order in which they add.
    const tolerance = name.endsWith(".flac") ? 0 : opus ? 1e-4 : 2e-5;
    let worst = 0;
    for (let i = 0; i < expected.length; i++)
      worst = Math.max(worst, Math.abs((audio.samples[i] as number) - (expected[i] as number)));
    assert.ok(worst <= tolerance, `${name}: differs by ${worst}`);
  }
});

test("headers say the rate, channels, bits and length that decoding gives", async () => {
  for (const { name } of cases) {
    const info = infoOf(bytes(name));
    const audio = await decode(name);
    assert.equal(info?.sampleRate, audio.sampleRate, name);
    assert.equal(info?.channels, audio.channels, name);
    if (info?.frames !== undefined) assert.equal(info.frames, audio.samples.length / audio.channels, name);
    assert.equal(info?.frames === undefined, name.endsWith(".mp3"), name);
  }
  assert.equal(infoOf(bytes("six24.flac"))?.bitsPerSample, 24);
});

async function message(data: Uint8Array): Promise<string> {
  try {
    await decodeAudio(data, "x");
  } catch (error) {
    assert.ok(error instanceof DatasetError, String(error));
    assert.equal(error.code, "FORMAT");
    return error.message;
  }
  return "";
}

test("FLAC of every depth is checked against its checksum", async () => {
  for (const name of ["mono8.flac", "stereo16.flac", "six24.flac"]) {
    const flac = bytes(name).slice();
    flac[26]! ^= 1;
    assert.match(await message(flac), /checksum of the FLAC samples: wrong, the file is damaged/, name);
  }
});

test("Ogg files put one after the other are read as one", async () => {
  for (const name of ["mono.ogg", "mono.opus"]) {
    const one = bytes(name);
    const { samples } = await decode(name);
    const two = (await decodeAudio(Buffer.concat([one, one]), name)).samples;
    assert.equal(two.length, 2 * samples.length);
    assert.deepEqual(two.subarray(0, samples.length), samples);
    assert.deepEqual(two.subarray(samples.length), samples);
  }
  const other = Buffer.concat([bytes("mono.ogg"), bytes("stereo.ogg")]);
  assert.match(await message(other), /vorbis of 16000 Hz with 1 channels and vorbis of 44100 Hz with 2 channels/);
});

test("a file cut short anywhere is an error", async () => {
  for (const name of ["stereo16.flac", "stereo.ogg", "stereo.opus", "stereo.mp3"]) {
    const whole = bytes(name);
    for (const share of [0.02, 0.3, 0.5, 0.77, 0.999]) {
      // Of an MP3 a piece of the last frame: read, with a warning.
      if (name === "stereo.mp3" && share === 0.999) continue;
      assert.notEqual(await message(whole.slice(0, Math.floor(whole.length * share))), "", `${name} at ${share}`);
    }
  }
  assert.match(await message(bytes("mono.ogg").slice(0, 5000)), /the file is cut short: copy it again \(x\)/);
  assert.match(await message(new Uint8Array(0)), /file: empty, expected audio/);
  assert.match(
    await message(new TextEncoder().encode("no audio at all")),
    /format: text "no audio at all", expected wav, FLAC, Ogg or MP3 \(x\)/,
  );
  assert.match(await message(Uint8Array.of(0, 1, 2, 3)), /format: unknown, bytes 00010203, expected wav/);
});

test("an MP3 that ends within its Info header is cut short", async () => {
  const bytes = new Uint8Array(21);
  bytes.set([0xff, 0xf3, 0x18, 0xc4]);
  bytes.set(Buffer.from("Info"), 13);
  await assert.rejects(decodeAudio(bytes, "x.mp3"), { code: "FORMAT", message: /damaged|format/ });
});

test("damaged bytes never hang, print or throw anything but DatasetError", async () => {
  const printed: unknown[][] = [];
  const before = console.error;
  console.error = (...parts: unknown[]): void => void printed.push(parts);
  try {
    for (const name of ["mono16.flac", "mono.ogg", "mono.opus", "mono.mp3", "stereo.mp3"]) {
      const whole = bytes(name);
      let refused = 0;
      await fc.assert(
        fc.asyncProperty(
          fc.nat(whole.length - 101),
          fc.uint8Array({ minLength: 60, maxLength: 100 }),
          async (at, noise) => {
            const broken = whole.slice();
            broken.set(noise, at);
            if ((await message(broken)) !== "") refused++;
          },
        ),
        { numRuns: 25, seed: 11 },
      );
      assert.ok(
        refused >= (name.endsWith(".mp3") ? 1 : 23),
        `${name}: only ${refused} of 25 damaged files were refused`,
      );
    }
  } finally {
    console.error = before;
  }
  assert.deepEqual(printed, []);
});

test("ID3 tags before and after an MP3 are skipped", async () => {
  const tag = new Uint8Array(10 + 300);
  tag.set([0x49, 0x44, 0x33, 4, 0, 0, 0, 0, 2, 44]);
  const end = new Uint8Array(128);
  end.set([0x54, 0x41, 0x47]);
  const plain = bytes("mono.mp3");
  const tagged = new Uint8Array(Buffer.concat([tag, plain, end]));
  assert.deepEqual((await decodeAudio(tagged, "x")).samples, (await decodeAudio(plain, "x")).samples);
});

test("decodes in a worker thread", async () => {
  const code = `
const { parentPort, workerData } = require("node:worker_threads");
const { decodeAudio } = require(workerData.module);
Promise.all(workerData.files.map(async (f) => (await decodeAudio(new Uint8Array(require("node:fs").readFileSync(f)), f)).samples.length)).then((n) => parentPort.postMessage(n));`;
  const names = ["stereo16.flac", "stereo.ogg", "stereo.opus", "stereo.mp3"];
  const workerData = { module: join(root, "dist/index.js"), files: names.map((name) => join(folder, name)) };
  const worker = new Worker(code, { eval: true, workerData });
  const lengths = await new Promise((resolve, reject) => worker.once("message", resolve).once("error", reject));
  const here = await Promise.all(names.map(async (name) => (await decode(name)).samples.length));
  assert.deepEqual(lengths, here);
});

/** Runs a script without libsndfile, and returns what it printed. */
function withoutNative(script: string, ...args: string[]): string {
  const env = { ...process.env, DEEP_AUDIO_VENV: join(folder, "none") };
  return execFileSync(process.execPath, ["-e", script, ...args], { encoding: "utf8", env, maxBuffer: 1 << 28 });
}

test("without libsndfile the decoders in WebAssembly give the same samples", async () => {
  const script = `const { decodeAudio } = require(process.argv[1]);
(async () => {
  for (const path of process.argv.slice(2)) {
    const { samples } = await decodeAudio(require("node:fs").readFileSync(path), path);
    require("node:fs").writeFileSync(path + ".wasm", Buffer.from(samples.buffer, samples.byteOffset, samples.byteLength));
  }
})();`;
  withoutNative(script, join(root, "dist/index.js"), ...cases.map(({ name }) => join(folder, name)));
  for (const { name } of cases) {
    const { samples } = await decode(name);
    const raw = new Uint8Array(readFileSync(join(folder, `${name}.wasm`))).buffer;
    const other = samples instanceof Int16Array ? new Int16Array(raw) : new Float32Array(raw);
    assert.equal(other.length, samples.length, name);
    let worst = 0;
    for (let i = 0; i < samples.length; i++) worst = Math.max(worst, Math.abs(samples[i]! - other[i]!));
    assert.ok(worst <= (name.endsWith(".flac") ? 0 : 1e-4), `${name}: differs by ${worst}`);
  }
});

test("without the decoder the error says what to install", () => {
  // The built code alone, in a folder above which no package is installed.
  const bare = mkdtempSync(join(tmpdir(), "bare-"));
  cpSync(join(root, "dist"), join(bare, "dist"), { recursive: true });
  const script = `require(process.argv[1]).readAudio(process.argv[2]).catch((e) => console.log(e.code, e.message))`;
  const path = join(folder, "mono.mp3");
  const out = withoutNative(script, join(bare, "dist/audio/read-audio.js"), path);
  assert.equal(out.trim(), `ENVIRONMENT mp3 decoder: not installed, run \`npm install mpg123-decoder\` (${path})`);
});
