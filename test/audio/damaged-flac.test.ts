import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { type ReadAudioOptions, readAudio, readAudioInfo } from "../../dist/index.js";
import { checkDataset } from "../../dist/check/check.js";
import { missing } from "../support/programs.js";
import { python } from "../support/python.js";

const folder = mkdtempSync(join(tmpdir(), "damaged-"));
after(() => rmSync(folder, { recursive: true, force: true }));
const at = (name: string): string => join(folder, name);
const bytes = (name: string): Buffer => readFileSync(at(name));
const skip = missing("flac", "ffmpeg");
/** Samples per channel of each file, and of its blocks. */
const SAMPLES = 30001;
const BLOCK = 4096;
const FILES = ["PCM_S8.flac", "PCM_16.flac", "PCM_24.flac"];

before(() => {
  python(
    `
import numpy as np, soundfile as sf
rng = np.random.default_rng(5)
x = np.cumsum(rng.normal(0, 1, (${SAMPLES}, 2)), 0)
x -= x.mean(0)
x *= 0.8 / abs(x).max()
for form in ("PCM_S8", "PCM_16", "PCM_24"):
    sf.write(f"{input}/{form}.flac", x, 16000, subtype=form)
    sf.read(f"{input}/{form}.flac", dtype="float32")[0].tofile(f"{input}/{form}.flac.f32")
sf.write(f"{input}/a.wav", x, 16000, subtype="PCM_16")
sf.write(f"{input}/odd.wav", x[:, 0], 16000, subtype="PCM_U8")
print(0)`,
    folder,
  );
});

/** soundfile's samples of a file. */
const right = (name: string): Float32Array => new Float32Array(new Uint8Array(bytes(`${name}.f32`)).buffer);

/** Where each frame begins, as flac says. */
function framesOf(name: string): number[] {
  execFileSync("flac", ["-s", "-f", "-a", at(name), "-o", at("analysis")]);
  return Array.from(
    bytes("analysis")
      .toString()
      .matchAll(/^frame=\d+\toffset=(\d+)/gm),
    ([, offset]) => Number(offset),
  );
}

async function read(content: Uint8Array, options: ReadAudioOptions = {}): ReturnType<typeof readAudio> {
  writeFileSync(at("x"), content);
  return await readAudio(at("x"), options);
}

const BOTH = ["error", "warn"] as const;

/** Flips every bit of the headers of some frames: the error names the frame. */
async function flipHeaders(content: Buffer, frames: readonly number[], before = 0): Promise<void> {
  for (const k of [0, 1, frames.length >> 1, frames.length - 2, frames.length - 1]) {
    for (let bit = 0; bit < 8 * 7; bit++) {
      const damaged = Buffer.from(content);
      damaged[before + frames[k]! + (bit >> 3)]! ^= 1 << (bit & 7);
      const message = `FLAC: frame ${k} at byte ${before + frames[k]!}: wrong, the file is damaged: copy it again (${at("x")})`;
      for (const onDamaged of BOTH) await assert.rejects(read(damaged, { onDamaged }), { code: "FORMAT", message });
    }
  }
}

test("any wrong bit of a frame's header is an error that names the frame, whatever the option", { skip }, async () => {
  for (const name of FILES) {
    const frames = framesOf(name);
    assert.equal(frames.length, Math.ceil(SAMPLES / BLOCK));
    await flipHeaders(bytes(name), frames);
  }
  const id3 = Buffer.from([0x49, 0x44, 0x33, 4, 0, 0, 0, 0, 0, 100, ...Array(100).fill(65)]);
  await flipHeaders(Buffer.concat([id3, bytes(FILES[1]!)]), framesOf(FILES[1]!), id3.length);
});

test("so it is without the MD5, from a pipe, and in a part", { skip }, async () => {
  const frames = framesOf("PCM_24.flac");
  await flipHeaders(bytes("PCM_24.flac").fill(0, 26, 42), frames);
  const damaged = bytes("PCM_24.flac");
  damaged[frames[3]! + 1]! ^= 2;
  const second = (k: number): number => (k * BLOCK) / 16000;
  for (const onDamaged of BOTH) {
    const part = await read(damaged, { onDamaged, start: second(1), duration: second(2) });
    assert.deepEqual(part.samples, right("PCM_24.flac").subarray(2 * BLOCK, 6 * BLOCK));
    for (const start of [0, second(2), second(2.5), second(3)]) {
      const wanted = { onDamaged, start, duration: second(4) };
      await assert.rejects(read(damaged, wanted), { code: "FORMAT", message: /^FLAC: / }, `${start}`);
    }
  }
  const piped = execFileSync("ffmpeg", ["-v", "error", "-i", at("PCM_16.flac"), "-f", "flac", "-"]);
  writeFileSync(at("piped.flac"), piped);
  const begins = framesOf("piped.flac");
  for (const k of [1, begins.length >> 1, begins.length - 2]) {
    const broken = Buffer.from(piped);
    broken[begins[k]! + 2]! ^= 4;
    const message = new RegExp(`^FLAC: frame ${k} at byte ${begins[k]}: wrong`);
    for (const onDamaged of BOTH) await assert.rejects(read(broken, { onDamaged }), { code: "FORMAT", message });
  }
});

test("a FLAC cut anywhere, in a header too, is cut: its whole frames are left", { skip }, async () => {
  for (const name of FILES) {
    const whole = bytes(name);
    const frames = framesOf(name);
    for (const k of [1, 3, frames.length - 1]) {
      const inside = [...Array(18).keys(), 40, Math.floor(((frames[k + 1] ?? whole.length) - frames[k]!) / 2)];
      for (const more of inside) {
        const cut = whole.subarray(0, frames[k]! + more);
        await assert.rejects(read(cut), { code: "FORMAT", message: /; the file is cut short: copy it again/ });
        const { samples, warnings } = await read(cut, { onDamaged: "warn" });
        assert.deepEqual(warnings, [`samples: ${k * BLOCK}, expected ${SAMPLES} according to the header`]);
        assert.deepEqual(samples, right(name).subarray(0, 2 * k * BLOCK), `${name}: ${k} and ${more} bytes`);
      }
    }
  }
});

test("another file behind a FLAC or a wav is told, tags, zeros and padding are not", async () => {
  const flac = bytes("PCM_16.flac");
  const wav = bytes("a.wav");
  const tag = Buffer.concat([Buffer.from("TAG"), Buffer.alloc(125)]);
  const told = async (...parts: Uint8Array[]): Promise<readonly string[]> =>
    (await read(Buffer.concat(parts))).warnings;
  const { length } = flac;
  assert.deepEqual(await told(flac, flac), [`FLAC: ${length} bytes after the last frame, skipped`]);
  assert.deepEqual(await told(flac, Buffer.from("junk")), ["FLAC: 4 bytes after the last frame, skipped"]);
  assert.deepEqual(await told(flac, Buffer.alloc(5000)), []);
  assert.deepEqual(await told(flac, tag), ["FLAC: 128 bytes of tags after the end, skipped"]);
  assert.deepEqual((await read(Buffer.concat([flac, flac]))).samples, right("PCM_16.flac"));
  const twice = [`wav: ${wav.length} bytes after the end, skipped`];
  assert.deepEqual(await told(wav, wav), twice);
  assert.deepEqual((await readAudioInfo(at("x"))).warnings, twice);
  for (const behind of [Buffer.from("x"), Buffer.alloc(5000), tag]) assert.deepEqual(await told(wav, behind), []);
  const odd = bytes("odd.wav");
  const least = odd.subarray(0, 44 + SAMPLES);
  for (const one of [odd, least]) assert.deepEqual(await told(one), []);
  // Sizes of the whole that programs write that stream: there is no end to be behind.
  for (const size of [0, 0x7fffffff, 0x80000000, 0xffffffff]) {
    const streamed = Buffer.from(wav);
    streamed.writeUInt32LE(size, 4);
    assert.deepEqual(await told(streamed, wav), [], size.toString(16));
  }
  for (const side of ["in", "out"]) mkdirSync(at(side));
  writeFileSync(at("in/a.flac"), Buffer.concat([flac, flac]));
  writeFileSync(at("out/a.wav"), Buffer.concat([wav, wav]));
  writeFileSync(at("dataset"), "a.flac,a.wav\n");
  const { problems } = await checkDataset(folder, "dataset", "pairs", { onProgress: false, workers: 1 });
  const notes = [`FLAC: ${length} bytes after the last frame, skipped (in/a.flac)`, `${twice[0]} (out/a.wav)`];
  assert.deepEqual(
    problems.map(({ kind, message }) => `${kind} ${message}`),
    notes.map((note) => `damaged ${note}`),
  );
});
