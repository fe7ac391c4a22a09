import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { bytesSource } from "../../dist/format/byte-source.js";
import { decodeFlacBlocks, FlacBlocks, flacSizes, readFlacHead } from "../../dist/format/flac.js";
import { missing } from "../support/programs.js";
import { python } from "../support/python.js";

const folder = mkdtempSync(join(tmpdir(), "flac-"));
after(() => rmSync(folder, { recursive: true, force: true }));

before(() => {
  // Every kind of subframe: constant, verbatim, fixed and linear prediction, wasted bits, the four forms of stereo, escape codes.
  python(
    `
import numpy as np, soundfile as sf
rng = np.random.default_rng(3)
def put(name, x, level):
    sf.write(f"{input}/{name}-{level}.flac", x, 16000, subtype="PCM_16", compression_level=level)
    # The lower 8 bits, which nothing predicts, for some.
    y = (x.astype("int32") << 16) + (0 if name in ("wasted", "constant") else rng.integers(0, 256, x.shape) << 8)
    sf.write(f"{input}/{name}-{level}.24.flac", y.astype("int32"), 16000, subtype="PCM_24", compression_level=level)
n = 20001
t = np.arange(n) / 16000
tone = 12000 * np.sin(2 * np.pi * 440 * t) + 3000 * np.sin(2 * np.pi * 2100 * t)
noise = rng.normal(0, 1, n)
voice = np.convolve(noise, np.exp(-np.arange(60) / 9) * np.cos(np.arange(60) / 3), "same") * 900
click = np.zeros(n); click[::5003] = 32767; click[1::5003] = -32768
sounds = {
    "silence": np.zeros(n), "constant": np.full(n, -77), "tone": tone, "noise": rng.integers(-32768, 32768, n), "voice": voice,
    "wasted": np.round(tone / 64) * 64, "click": click, "full": np.where(rng.random(n) < .5, -32768, 32767), "ramp": np.arange(n) % 251,
    "same": np.stack([tone, tone], 1), "near": np.stack([tone, tone + noise * 5], 1), "left": np.stack([voice, voice * .9 + noise], 1),
    "opposite": np.stack([tone, -tone], 1), "loud": np.stack([rng.integers(-32768, 32768, n), -click], 1),
}
for c in range(3, 9): sounds[f"channels{c}"] = np.stack([np.roll(tone, k) + noise * k for k in range(c)], 1)
for k in (1, 2, 15, 17, 191, 192, 4095, 4096, 4097): sounds[f"length{k}"] = voice[:k]
for name, x in sounds.items():
    for level in (0, .5, 1): put(name, np.clip(np.round(x), -32768, 32767).astype("int16"), level)
print(0)`,
    folder,
  );
});

/** Samples of every file as soundfile decodes them, in hexadecimal: 16 bits, or 24 in the upper ones of 32. */
function soundfile(): Record<string, string> {
  const names = readdirSync(folder).filter((name) => name.endsWith(".flac"));
  return python(
    `
import soundfile as sf
def read(path): return sf.read(path, dtype="int32" if sf.info(path).subtype == "PCM_24" else "int16", always_2d=True)[0]
print(json.dumps({name: read(input[0] + "/" + name).tobytes().hex() for name in input[1]}))`,
    [folder, names],
  );
}

/** Decodes every file block by block, from its beginning, and from the others on after a search for each. */
function compareBlocks(): void {
  for (const [name, expected] of Object.entries(soundfile())) {
    const source = bytesSource(readFileSync(join(folder, name)));
    const head = readFlacHead(source, [16, 24])!;
    assert.ok(head, name);
    const right = Buffer.from(expected, "hex");
    const bytes = (head.bits === 16 ? 2 : 4) * head.channels * head.block;
    const count = Math.ceil(head.samples / head.block);
    const [all, other] = [new FlacBlocks(source, head), new FlacBlocks(source, head)];
    const few = count > 20 ? [1, 7, count >> 1, count - 1] : Array.from({ length: count }, (_, k) => k);
    const check = (block: Int16Array | Int32Array | undefined, k: number): void => {
      assert.ok(block, `${name}: block ${k}`);
      const got = Buffer.from(block.buffer, block.byteOffset, block.byteLength);
      assert.ok(got.equals(right.subarray(k * bytes, (k + 1) * bytes)), `${name}: block ${k}`);
    };
    for (let k = 0; k < count; k++) {
      check(all.next(), k);
      // Each takes the memory from the other.
      if (!few.includes(count - 1 - k)) continue;
      assert.ok(other.seek(count - 1 - k), name);
      check(other.next(), count - 1 - k);
    }
    assert.equal(all.next(), undefined, name);
    assert.equal(other.seek(count), false, name);
  }
}

/** Decodes every file of 16 bits, whole and from a block in its middle on. */
function compareAll(): void {
  compareBlocks();
  for (const [name, expected] of Object.entries(soundfile())) {
    if (name.endsWith(".24.flac")) continue;
    const bytes = readFileSync(join(folder, name));
    const head = readFlacHead(bytes);
    assert.ok(head, name);
    const { samples, channels, block, first } = head;
    const right = Buffer.from(expected, "hex");
    const whole = new Int16Array(samples * channels);
    const sizes: number[] = [];
    assert.equal(decodeFlacBlocks(bytes, { ...head, from: first }, whole, sizes), bytes.length, name);
    assert.ok(Buffer.from(whole.buffer).equals(right), name);
    assert.deepEqual(flacSizes(bytes, head), sizes, name);
    assert.equal(sizes.length, Math.ceil(samples / block), name);
    const from = sizes.length >> 1;
    const skip = Math.min(5, samples - from * block - 1);
    const part = new Int16Array((samples - from * block - skip) * channels);
    const at = sizes.slice(0, from).reduce((sum, size) => sum + size, first);
    decodeFlacBlocks(bytes, { channels, block, from: at, skip }, part);
    const begin = 2 * (from * block + skip) * channels;
    assert.ok(Buffer.from(part.buffer).equals(right.subarray(begin)), `${name} from block ${from}`);
  }
}

test(
  "FLACs of every kind of sound, by soundfile, are decoded to soundfile's samples, whole and from any block on",
  compareAll,
);

test("FLACs by flac and FFmpeg, of large orders and other blocks, are too", {
  skip: missing("sox", "flac", "ffmpeg"),
}, () => {
  for (const [name, wide] of ["voice-1", "left-1"].flatMap((name) => [[name, ""] as const, [name, ".24"] as const])) {
    const wav = `${folder}/a.wav`;
    execFileSync("sox", [join(folder, `${name}${wide}.flac`), wav]);
    const encode = (form: string, ...args: string[]): unknown =>
      execFileSync("flac", ["-s", "-f", ...args, wav, "-o", join(folder, `${name}-${form}${wide}.flac`)]);
    encode("order32", "--lax", "-l", "32", "-b", "16384", "-e", "-p");
    encode("order15", "--lax", "-l", "15", "-b", "4608", "-q", "15");
    encode("block", "-b", "256", "-r", "8");
    encode("largest", "--lax", "-b", "65535", "-l", "12");
    const ffmpeg = ["-v", "error", "-i", wav, "-compression_level", "12", "-lpc_type", "cholesky"];
    execFileSync("ffmpeg", [...ffmpeg, join(folder, `${name}-ffmpeg${wide}.flac`)]);
  }
  compareAll();
});

test("a FLAC that is cut, or of other bits, is none; damage inside never reads or writes beyond what there is", () => {
  const bytes = readFileSync(join(folder, "left-1.flac"));
  const head = readFlacHead(bytes)!;
  assert.equal(flacSizes(bytes.subarray(0, -1), head), undefined);
  assert.equal(flacSizes(Buffer.concat([bytes, Buffer.alloc(1)]), head), undefined);
  assert.equal(readFlacHead(bytes.subarray(0, 41)), undefined);
  assert.equal(readFlacHead(bytes.subarray(0, head.first - 1)), undefined);
  const wide = Buffer.from(bytes);
  wide[21]! ^= 0x80;
  assert.equal(readFlacHead(wide), undefined);
  let found = 0;
  for (let i = 0; i < 3000; i++) {
    const damaged = Buffer.from(bytes);
    damaged[head.first + ((i * 7919) % (bytes.length - head.first))]! ^= 1 << (i % 8);
    if (flacSizes(damaged, head) === undefined) found++;
  }
  // A bit that moves those behind it is noticed; one that only changes a sample is not.
  assert.ok(found > 100, `${found}`);
});

test("a block of which any bit is wrong is none, nor one with another number", () => {
  for (const name of ["left-1.flac", "left-1.24.flac", "near-0.flac"]) {
    const bytes = readFileSync(join(folder, name));
    const head = readFlacHead(bytesSource(bytes), [16, 24])!;
    const sizes = (source: Uint8Array): number => {
      const blocks = new FlacBlocks(bytesSource(source), head);
      let count = 0;
      while (blocks.next()) count++;
      return count;
    };
    const whole = sizes(bytes);
    assert.equal(whole, Math.ceil(head.samples / head.block));
    for (let i = 0; i < 2000; i++) {
      const damaged = Buffer.from(bytes);
      const at = head.first + ((i * 7919) % (bytes.length - head.first));
      damaged[at]! ^= 1 << (i % 8);
      assert.ok(sizes(damaged) < whole, `${name}: byte ${at}`);
    }
  }
  // A file without its second block: what is behind isn't where it says.
  const bytes = readFileSync(join(folder, "left-1.flac"));
  const head = readFlacHead(bytes)!;
  const [first, second] = flacSizes(bytes, head)!;
  const cut = Buffer.concat([bytes.subarray(0, head.first + first!), bytes.subarray(head.first + first! + second!)]);
  const blocks = new FlacBlocks(bytesSource(cut), head);
  assert.ok(blocks.next());
  assert.equal(blocks.next(), undefined);
  assert.ok(blocks.seek(2));
  assert.ok(blocks.next());
  assert.equal(blocks.seek(1), false);
});
