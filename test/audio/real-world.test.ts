// Files as programs leave them: tags, junk, streamed headers, cut ends. What ffmpeg, flac and soundfile read is what we read.
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import fc from "fast-check";
import { decodeAudio, readAudio, readAudioInfo } from "../../dist/index.js";
import { firstBytes } from "../../dist/audio/wav-sound.js";
import { missing } from "../support/programs.js";
import { python, root } from "../support/python.js";

const folder = mkdtempSync(join(tmpdir(), "real-"));
const at = (name: string): string => join(folder, name);
const put = (name: string, ...parts: Uint8Array[]): string => {
  writeFileSync(at(name), Buffer.concat(parts));
  return at(name);
};
const bytes = (name: string): Buffer => readFileSync(at(name));

before(() => {
  python(
    `
import numpy as np, soundfile as sf, os
rng = np.random.default_rng(9)
def write(name, x, rate, format, subtype): sf.write(os.path.join(input, name), x, rate, format=format, subtype=subtype)
t = np.arange(32000) / 16000
tone = 0.4 * np.sin(2 * np.pi * 440 * t) + rng.uniform(-0.05, 0.05, t.size)
write("tone.wav", tone, 16000, "WAV", "PCM_16")
write("tone.flac", tone, 16000, "FLAC", "PCM_16")
write("six.flac", np.stack([np.roll(tone, k) for k in range(6)], 1), 16000, "FLAC", "PCM_16")
write("tone.mp3", tone, 16000, "MP3", "MPEG_LAYER_III")
write("tone.ogg", rng.uniform(-0.3, 0.3, 16000 * 8), 16000, "OGG", "VORBIS")
write("long.flac", rng.uniform(-0.5, 0.5, (2000000, 2)), 48000, "FLAC", "PCM_24")
silent = np.concatenate([tone[:16000], np.zeros(16000)])
write("silence after.flac", silent, 16000, "FLAC", "PCM_16")
write("silence.flac", np.zeros(16000), 16000, "FLAC", "PCM_16")
print("null")`,
    folder,
  );
});
after(() => rmSync(folder, { recursive: true, force: true }));

/** 16-bit samples as ffmpeg decodes them. */
function byFfmpeg(path: string): Int16Array {
  const out = execFileSync("ffmpeg", ["-v", "quiet", "-i", path, "-f", "s16le", "-"], { maxBuffer: 1 << 28 });
  return new Int16Array(new Uint8Array(out).buffer);
}

const id3 = (size: number): Buffer =>
  Buffer.concat([Buffer.from([0x49, 0x44, 0x33, 4, 0, 0, 0, 0, size >> 7, size & 127]), Buffer.alloc(size, 65)]);
const id3v1 = Buffer.concat([Buffer.from("TAG"), Buffer.alloc(125)]);
const ape = Buffer.alloc(32 + 20 + 32);
for (const [place, flags] of [
  [0, 0xa0000000],
  [52, 0x80000000],
] as const) {
  ape.write("APETAGEX", place);
  ape.writeUInt32LE(2000, place + 8);
  ape.writeUInt32LE(52, place + 12);
  ape.writeUInt32LE(flags, place + 20);
}

test("FLAC from a pipe, and with tags at its end, has all samples", { skip: missing("ffmpeg", "flac") }, async () => {
  const piped = execFileSync("ffmpeg", ["-v", "error", "-i", at("tone.wav"), "-f", "flac", "-"]);
  const files = {
    "piped.flac": put("piped.flac", piped),
    "id3v1.flac": put("id3v1.flac", bytes("tone.flac"), id3v1),
    "ape.flac": put("ape.flac", bytes("tone.flac"), ape),
    "piped id3v1.flac": put("piped id3v1.flac", piped, id3v1),
    "id3v2.flac": put("id3v2.flac", id3(300), bytes("tone.flac")),
  };
  for (const [name, path] of Object.entries(files)) {
    const { samples } = await decodeAudio(readFileSync(path), name);
    assert.deepEqual(samples, byFfmpeg(path), name);
    assert.equal((await readAudioInfo(path)).frames, 32000, name);
    const { warnings } = await readAudio(path);
    assert.match(warnings.join(), /v1|ape/.test(name) ? /of tags after the end, skipped/ : /^$/, name);
  }
  for (const name of ["silence after.flac", "silence.flac"]) {
    execFileSync("flac", ["-s", "-t", at(name)]);
    assert.deepEqual((await decodeAudio(bytes(name), name)).samples, byFfmpeg(at(name)), name);
  }
});

test("an MP3's tags, zeros and junk before the first frame are skipped", { skip: missing("ffmpeg") }, async () => {
  const mp3 = bytes("tone.mp3");
  const right = (await readAudio(at("tone.mp3"))).samples;
  const [length] = python("import soundfile\nprint(json.dumps(soundfile.read(input)[0].shape))", at("tone.mp3"));
  assert.equal(right.length, length);
  const junk = Buffer.from(Array.from({ length: 700 }, (_, i) => (i * 31) % 251));
  for (const [name, ...parts] of [
    ["two tags.mp3", id3(100), id3(333), mp3],
    ["junk.mp3", id3(100), junk, mp3],
    ["zeros.mp3", Buffer.alloc(5000), mp3],
    ["all tags.mp3", id3(200), mp3, ape, id3v1],
  ] as [string, ...Buffer[]][]) {
    const { samples, warnings } = await readAudio(put(name, ...parts));
    assert.deepEqual(samples, right, name);
    const skipped = { "junk.mp3": 700, "zeros.mp3": 5000 }[name];
    assert.deepEqual(warnings, skipped ? [`MP3: ${skipped} bytes before the first frame, skipped`] : [], name);
  }
  const twice = (await readAudio(put("twice.mp3", mp3, id3v1, id3(50), mp3))).samples;
  assert.equal(twice.length, 2 * right.length);
  assert.deepEqual(twice.subarray(right.length), right);
});

test("MP3s without a Xing header have ffmpeg's samples", { skip: missing("ffmpeg") }, async () => {
  for (const [name, ...rate] of [["vbr.mp3", "-q:a", "5"], ["cbr.mp3"]] as [string, ...string[]][]) {
    const args = ["-v", "error", "-i", at("tone.wav"), "-c:a", "libmp3lame", ...rate, "-write_xing", "0", at(name)];
    execFileSync("ffmpeg", args);
    const { samples } = await readAudio(at(name));
    const right = byFfmpeg(at(name));
    assert.equal(samples.length, right.length, name);
    const worst = samples.reduce((most, value, i) => Math.max(most, Math.abs(value - right[i]! / 32768)), 0);
    assert.ok(worst < 1e-4, `${name}: differs by ${worst}`);
  }
});

test("sizes that streaming programs write into a wav", async () => {
  const wav = bytes("tone.wav");
  const right = (await decodeAudio(wav, "tone.wav")).samples;
  const sizes = [0x7f000000, 0x7ffff000, 0x7fffffff - 36, 0x7fffffff, 0x80000000 - 44, 0x80000000];
  for (const size of [...sizes, 0xfffff000, 0xfffffffe, 0xffffffff - 36, 0xffffffff]) {
    wav.writeUInt32LE(size, 40);
    const path = put("streamed.wav", wav);
    const [frames] = python("import soundfile\nprint(json.dumps(soundfile.read(input)[0].shape))", path);
    assert.equal(frames, right.length);
    const { samples, warnings } = await readAudio(path);
    assert.deepEqual(
      samples,
      Float32Array.from(right, (value) => value / 32768),
      size.toString(16),
    );
    assert.match(warnings[0]!, /their number isn't in the header/);
  }
  wav.writeUInt32LE(2 * right.length + 2, 40);
  await assert.rejects(readAudio(put("cut.wav", wav)), {
    code: "FORMAT",
    message: /^samples: 32000 frames, expected 32001 according to the header; the file is cut short: copy it again \(/,
  });
});

test("what is lost of a file is an error, or a warning that says how much", { skip: missing("ffmpeg") }, async () => {
  const cut = (name: string, share: number): Buffer => bytes(name).subarray(0, Math.floor(share * bytes(name).length));
  for (const [name, warning] of [
    ["tone.wav", /^samples: 1\d+ frames, expected 32000/],
    ["tone.flac", /^samples: 1\d+, expected 32000/],
    ["six.flac", /^samples: 1\d+, expected 32000/],
    ["tone.mp3", /^MP3 frames: \d+, expected \d+/],
    ["tone.ogg", /^Ogg: no end after byte \d+/],
  ] as const) {
    const path = put(`half ${name}`, cut(name, 0.6));
    await assert.rejects(readAudio(path), { code: "FORMAT", message: /cut short: copy it again/ }, name);
    const { samples, warnings } = await readAudio(path, { onDamaged: "warn" });
    assert.match(warnings[0]!, warning);
    const whole = (await readAudio(at(name))).samples;
    assert.ok(samples.length > 0.3 * whole.length && samples.length < 0.75 * whole.length, `${name} ${samples.length}`);
    // What is there is what the whole file has there.
    const ends = name === "tone.ogg" || name === "tone.mp3" ? 3000 : 0;
    let worst = 0;
    for (let i = 0; i < samples.length - ends; i++) worst = Math.max(worst, Math.abs(samples[i]! - whole[i]!));
    assert.ok(worst < 1e-4, `${name}: differs by ${worst}`);
  }
  const tail = put("tail.ogg", bytes("tone.ogg"), Buffer.alloc(500, 7));
  const { samples, warnings } = await readAudio(tail);
  assert.deepEqual(samples, (await readAudio(at("tone.ogg"))).samples);
  assert.deepEqual(warnings, ["Ogg: 500 bytes after the end, skipped"]);
});

test("what a program did with koffi before, and ending it while a file is read, do no harm", () => {
  const script = (rest: string): string => `const koffi = require("koffi");
koffi.load(require(process.argv[1] + "/dist/audio/libsndfile.js").libsndfilePath()).func("const char *sf_version_string()")();
require(process.argv[1]).readAudio(process.argv[2]).then(({ samples }) => console.log(samples.length));
${rest}`;
  const run = (rest: string): { status: number | null; signal: string | null; stdout: string } => {
    const args = ["-e", script(rest), root, at("long.flac")];
    return spawnSync(process.execPath, args, { cwd: root, encoding: "utf8" });
  };
  const read = run("");
  assert.deepEqual([read.status, read.stdout], [0, "4000000\n"]);
  for (const delay of [1, 10, 30]) {
    const { status, signal } = run(`setTimeout(() => process.exit(7), ${delay})`);
    assert.deepEqual([status, signal], [7, null]);
  }
});

test("a checksum that is wrong is an error whatever the option", async () => {
  for (const [name, place] of [
    ["tone.flac", 20000],
    ["tone.ogg", 9000],
  ] as const) {
    const broken = bytes(name);
    broken[place]! ^= 255;
    for (const onDamaged of ["error", "warn"] as const) {
      await assert.rejects(decodeAudio(broken, name, { onDamaged }), { code: "FORMAT", message: /damaged/ }, name);
    }
  }
  await assert.rejects(readAudio(at("tone.wav"), { onDamaged: "ignore" as "warn" }), {
    code: "OPTION",
    message: 'onDamaged: "ignore", expected "error" or "warn"',
  });
});

test("long FLACs read at the same time have soundfile's values, and their MD5 is compared", async () => {
  const names = ["noise8.flac", "noise16.flac", "noise24.flac"];
  python(
    `
import numpy as np, soundfile as sf
x = np.random.default_rng(6).uniform(-0.5, 0.5, (300001, 2))
for bits, subtype in ((8, "PCM_S8"), (16, "PCM_16"), (24, "PCM_24")):
    sf.write(f"{input}/noise{bits}.flac", x, 44100, subtype)
    sf.read(f"{input}/noise{bits}.flac", dtype="float32")[0].tofile(f"{input}/noise{bits}.f32")
print("null")`,
    folder,
  );
  const arrays = [undefined, new Float32Array(600_002), new Float32Array(700_000).fill(7)];
  const jobs = names.flatMap((name) => arrays.map((out) => ({ name, out: out?.slice() })));
  const audios = await Promise.all(jobs.map(({ name, out }) => readAudio(at(name), { out })));
  for (const [i, { name, out }] of jobs.entries()) {
    const expected = new Float32Array(bytes(name.replace("flac", "f32")).buffer);
    assert.ok(Buffer.from(expected.buffer).equals(Buffer.from(audios[i]!.samples.slice().buffer)), name);
    assert.ok(out?.subarray(600_002).every((value) => value === 7) ?? true, name);
  }
  for (const name of names) {
    const broken = bytes(name);
    broken[26]! ^= 1;
    const path = put(`md5-${name}`, broken);
    for (const onDamaged of ["error", "warn"] as const) {
      const message = /checksum of the FLAC samples: wrong/;
      await assert.rejects(readAudio(path, { onDamaged }), { code: "FORMAT", message });
    }
  }
});

test("what a file gives depends on it alone, whatever is read before or beside it", async () => {
  const broken = bytes("tone.flac");
  broken[20000]! ^= 255;
  put("broken.flac", broken);
  put("piece.mp3", bytes("tone.mp3").subarray(3000, 9000));
  put("text.flac", Buffer.from("no sound at all, and long enough to be looked at"));
  const names = [
    "tone.wav",
    "tone.flac",
    "tone.mp3",
    "tone.ogg",
    "silence.flac",
    "broken.flac",
    "piece.mp3",
    "text.flac",
  ];
  const verdict = async (name: string): Promise<string | Float32Array> => {
    try {
      return (await readAudio(at(name))).samples.slice();
    } catch (error) {
      return (error as Error).message;
    }
  };
  const alone = new Map<string, unknown>();
  for (const name of names) alone.set(name, await verdict(name));
  await fc.assert(
    fc.asyncProperty(fc.shuffledSubarray(names, { minLength: 2 }), fc.boolean(), async (order, together) => {
      const got: unknown[] = [];
      if (together) got.push(...(await Promise.all(order.map(verdict))));
      else for (const name of order) got.push(await verdict(name));
      for (const [i, name] of order.entries()) assert.deepEqual(got[i], alone.get(name), `${name} in ${order.join()}`);
    }),
    { numRuns: 60, seed: 5 },
  );
});

test("a wav of thousands of tiny chunks takes few reads", () => {
  const wav = Buffer.alloc(200_000);
  wav.write("RIFF", 0);
  wav.write("WAVE", 8);
  let reads = 0;
  const read = (into: Uint8Array, from: number): number => {
    reads++;
    const part = wav.subarray(from, from + into.length);
    into.set(part);
    return part.length;
  };
  assert.equal(firstBytes({ size: wav.length, read }, true).length, wav.length);
  assert.ok(reads < 10, `${reads} reads`);
});

test("headers that contradict what follows are damage", async () => {
  const seven = bytes("tone.flac");
  // Three bits of byte 20: the channels less one.
  seven[20] = (seven[20]! & 0xf1) | (6 << 1);
  await assert.rejects(decodeAudio(seven, "seven.flac"), { code: "FORMAT", message: /\(seven\.flac\)/ });
  python(
    "import numpy as np, soundfile as sf\nsf.write(input, np.zeros(5000), 8000, format='W64', subtype='PCM_16')\nprint('null')",
    at("x.w64"),
  );
  const back = bytes("x.w64");
  // A chunk whose length sends the reader to before the file.
  back.writeBigInt64LE(-(2n ** 60n), 56);
  await assert.rejects(decodeAudio(back, "back.w64", { onDamaged: "warn" }), {
    code: "FORMAT",
    message: /\(back\.w64\)/,
  });
  python(
    "import numpy as np, soundfile as sf\nsf.write(input, np.zeros(5000), 8000, format='NIST', subtype='PCM_16')\nprint('null')",
    at("x.sph"),
  );
  const text = bytes("x.sph").toString("latin1");
  for (const [from, to, part] of [
    ["   1024\n", "   10\n", "length"],
    ["sample_count -i", "sample_cnt -i", "sample_count"],
    [/sample_coding -s\d+ /, "sample_coding -s ", "sample_coding"],
  ] as const) {
    const changed = Buffer.from(text.replace(from, to), "latin1");
    await assert.rejects(decodeAudio(changed, "x.sph"), {
      code: "FORMAT",
      message: `NIST SPHERE header: no ${part}, the file is damaged (x.sph)`,
    });
  }
});
