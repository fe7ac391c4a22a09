// Formats that libsndfile and FFmpeg's program read for us, parts of files, blocks, and conversion.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import {
  decodeAudio,
  encodeWav,
  fromFolder,
  readAudio,
  readAudioBlocks,
  readAudioInfo,
  SimpleAudioClassificationDataset,
  writeIndex,
} from "../../dist/index.js";
import { checkFiles } from "../../dist/check/check-files.js";
import { missing } from "../support/programs.js";
import { python } from "../support/python.js";

const folder = mkdtempSync(join(tmpdir(), "formats-"));
const at = (name: string): string => join(folder, name);
const floats = (path: string): Float32Array => new Float32Array(new Uint8Array(readFileSync(path)).buffer);
after(() => rmSync(folder, { recursive: true, force: true }));

interface Case {
  name: string;
  rate: number;
  shape: [number, number];
}
let cases: Case[] = [];

before(() => {
  cases = python(
    `
import numpy as np, soundfile as sf, os
rng = np.random.default_rng(4)
cases = []
for format, subtype in [("AIFF", "PCM_16"), ("AIFF", "PCM_24"), ("AIFF", "FLOAT"), ("AIFF", "ULAW"), ("AIFF", "PCM_S8"),
        ("AU", "PCM_16"), ("AU", "ALAW"), ("AU", "DOUBLE"), ("CAF", "PCM_24"), ("CAF", "ALAC_16"), ("CAF", "ALAC_24"), ("W64", "PCM_16"),
        ("W64", "FLOAT"), ("NIST", "PCM_16"), ("NIST", "ULAW"), ("WAV", "IMA_ADPCM"), ("WAV", "MS_ADPCM"), ("WAV", "GSM610"),
        ("AIFF", "IMA_ADPCM"), ("WAV", "PCM_16"), ("FLAC", "PCM_24"), ("MP3", "MPEG_LAYER_III"), ("OGG", "VORBIS"), ("OGG", "OPUS")]:
    name = f"{format}-{subtype}"
    path = os.path.join(input, name)
    channels = 1 if subtype in ("GSM610", "IMA_ADPCM") else 2
    rate = 48000 if subtype == "OPUS" else 22050
    sf.write(path, rng.uniform(-0.5, 0.5, (70001, channels)), rate, format=format, subtype=subtype)
    y, rate = sf.read(path, dtype="float32", always_2d=True)
    y.tofile(path + ".f32")
    cases.append({"name": name, "rate": rate, "shape": y.shape})
print(json.dumps(cases))`,
    folder,
  );
});

test("every format has soundfile's values", async () => {
  assert.equal(cases.length, 24);
  for (const { name, rate, shape } of cases) {
    const { sampleRate, channels, samples, warnings } = await readAudio(at(name));
    assert.deepEqual([sampleRate, channels, samples.length / channels], [rate, shape[1], shape[0]], name);
    const expected = floats(at(`${name}.f32`));
    // mpg123 rounds otherwise after a seek, which soundfile does before reading.
    if (/OPUS|MPEG/.test(name)) {
      for (const [i, value] of samples.entries()) assert.ok(Math.abs(value - expected[i]!) < 1e-4, name);
    } else assert.deepEqual(samples, expected, name);
    assert.deepEqual(warnings, [], name);
    const info = await readAudioInfo(at(name));
    assert.deepEqual([info.sampleRate, info.channels, info.frames], [rate, shape[1], shape[0]], name);
    const audio = await decodeAudio(readFileSync(at(name)), name);
    assert.equal(audio.samples instanceof Int16Array, /PCM_16|ALAC_16/.test(name), name);
    assert.equal(audio.samples.length, samples.length, name);
  }
});

test("a part of a file is what the whole file has there", async () => {
  for (const { name, rate, shape } of cases) {
    const whole = (await readAudio(at(name))).samples;
    for (const [start, duration] of [
      [0, 0.5],
      [1.25, 0.25],
      [1.3, 100],
    ] as const) {
      const part = await readAudio(at(name), { start, duration });
      const [from, to] = [Math.round(start * rate), Math.min(shape[0], Math.round((start + duration) * rate))];
      const expected = whole.subarray(from * shape[1], to * shape[1]);
      assert.equal(part.samples.length, expected.length, name);
      let worst = 0;
      for (let i = 0; i < expected.length; i++) worst = Math.max(worst, Math.abs(part.samples[i]! - expected[i]!));
      assert.ok(worst <= (/MP3|OGG/.test(name) ? 1e-4 : 0), `${name} from ${start}: differs by ${worst}`);
    }
    await assert.rejects(readAudio(at(name), { start: 99 }), {
      code: "OPTION",
      message: /^start: 99 s, expected at most/,
    });
  }
});

test("Ogg: a part from anywhere, the ends of all pages above all, is what soundfile's whole has there", async () => {
  const files: { name: string; rate: number; channels: number; starts: number[] }[] = python(
    `
import numpy as np, soundfile as sf, os, struct
rng = np.random.default_rng(6)
def granules(path):
    data, at = open(path, "rb").read(), 0
    while at < len(data):
        table = data[at + 27:at + 27 + data[at + 26]]
        yield struct.unpack_from("<q", data, at + 6)[0]
        at += 27 + len(table) + sum(table)
files = []
for subtype, level, channels, seconds in [("VORBIS", 0, 1, 20), ("VORBIS", 1, 1, 20), ("VORBIS", 0.6, 2, 3), ("VORBIS", 0, 6, 4), ("VORBIS", 1, 2, 0.3),
        ("OPUS", 0.5, 2, 8), ("OPUS", 1, 1, 6), ("OPUS", 1, 2, 5), ("OPUS", 1, 6, 2)]:
    name = f"{subtype}-{level}-{channels}-{seconds}.ogg"
    path = os.path.join(input, name)
    rate = 48000 if subtype == "OPUS" else 44100
    t = np.arange(int(seconds * rate) + 1237)[:, None] / rate
    x = 0.3 * np.sin(2 * np.pi * (150 + 40 * np.sin(t)) * t) * (np.sin(9 * t) > -0.5) + 0.1 * rng.uniform(-1, 1, (len(t), channels)) * np.sin(3 * t)
    with sf.SoundFile(path, "w", rate, channels, format="OGG", subtype=subtype, compression_level=level) as file:
        for at in range(0, len(x), 4096):
            file.write(x[at:at + 4096])
    y, _ = sf.read(path, dtype="float32", always_2d=True)
    if channels == 6:
        y = y[:, [0, 2, 1, 5, 3, 4]]
    y.tofile(path + ".f32")
    ends = [g for g in granules(path) if g > 0]
    near = [-9000, -1025, -513, -1, 0, 1, 513, 1025]
    starts = {end + d for end in ends[::len(ends) // 12 + 1] + ends[-3:] for d in near} | {len(y) * k // 24 for k in range(24)} | {len(y) - 1}
    files.append({"name": name, "rate": rate, "channels": channels, "starts": sorted(int(s) for s in starts if 0 < s < len(y))})
print(json.dumps(files))`,
    folder,
  );
  for (const { name, rate, channels, starts } of files) {
    const whole = floats(at(`${name}.f32`));
    const compare = (actual: Float32Array, start: number, what: string): void => {
      const expected = whole.subarray(start * channels, (start + 200) * channels);
      assert.equal(actual.length, expected.length, `${name} from ${start}, ${what}`);
      let worst = 0;
      for (const [i, value] of expected.entries()) worst = Math.max(worst, Math.abs(actual[i]! - value));
      assert.ok(worst <= 1e-6, `${name} from ${start}, ${what}: differs by ${worst}`);
    };
    for (const start of starts) {
      const part = { start: start / rate, duration: 200 / rate };
      compare((await readAudio(at(name), part)).samples, start, "part");
      if (start < whole.length / channels - 5000) continue;
      for await (const { samples } of readAudioBlocks(at(name), part)) compare(samples, start, "block");
    }
    const converted = await readAudio(at(name), { sampleRate: 16000 });
    const start = Math.floor(converted.samples.length / channels) - 2000;
    const tail = (await readAudio(at(name), { sampleRate: 16000, start: start / 16000 })).samples;
    const expected = converted.samples.subarray(start * channels);
    assert.equal(tail.length, expected.length, name);
    for (const [i, value] of expected.entries()) assert.ok(Math.abs(tail[i]! - value) <= 1e-6, `${name}, converted`);
  }
});

test("an Ogg file that is cut before its first sample gives the header's form", async () => {
  for (const [name, sampleRate, channels] of [
    ["OGG-VORBIS", 22050, 2],
    ["OGG-OPUS", 48000, 2],
  ] as const) {
    const bytes = readFileSync(at(name));
    // The whole first page is there, and half of the second.
    writeFileSync(at("headers.ogg"), bytes.subarray(0, bytes.indexOf("OggS", 4) + 40));
    const audio = await readAudio(at("headers.ogg"), { onDamaged: "warn" });
    assert.deepEqual([audio.sampleRate, audio.channels, audio.samples.length], [sampleRate, channels, 0], name);
    assert.match(audio.warnings.join(), /^Ogg: no end after byte \d+$/);
    await assert.rejects(readAudio(at("headers.ogg")), { code: "FORMAT", message: /cut short: copy it again/ });
  }
});

test("parts and blocks are converted as the whole file is", async () => {
  for (const name of ["WAV-PCM_16", "FLAC-PCM_24", "AIFF-FLOAT"]) {
    for (const convert of [
      { sampleRate: 16000, channels: 1 },
      { sampleRate: 48000 },
      { sampleRate: 8000 },
      { channels: 1 },
    ]) {
      const whole = await readAudio(at(name), convert);
      const frames = whole.samples.length / whole.channels;
      const blocks: number[] = [];
      for await (const block of readAudioBlocks(at(name), { ...convert, blockFrames: 5000 })) {
        assert.equal(block.sampleRate, whole.sampleRate);
        blocks.push(...block.samples);
      }
      assert.deepEqual(Float32Array.from(blocks), whole.samples, name);
      const part = await readAudio(at(name), { ...convert, start: 1.1, duration: 0.7 });
      const from = Math.round(1.1 * whole.sampleRate);
      const to = Math.min(frames, Math.round((1.1 + 0.7) * whole.sampleRate));
      assert.deepEqual(part.samples, whole.samples.slice(from * whole.channels, to * whole.channels), name);
      const out = new Float32Array(whole.samples.length);
      assert.deepEqual((await readAudio(at(name), { ...convert, out })).samples, whole.samples);
    }
  }
  await assert.rejects(readAudio(at("WAV-PCM_16"), { rate: 3 } as object), {
    code: "OPTION",
    message: 'readAudio: option "rate", expected one of onDamaged, start, duration, sampleRate, channels, out',
  });
});

test("5.1 becomes stereo as in ffmpeg, by ITU-R BS.775", { skip: missing("ffmpeg") }, async () => {
  const samples = Float32Array.from({ length: 6 * 1000 }, (_, i) => Math.sin(i * 1.7) * 0.5);
  python(
    `
import numpy as np, soundfile as sf
path, values = input
sf.write(path, np.array(values, np.float32).reshape(-1, 6), 48000, format="WAVEX", subtype="FLOAT")
print("null")`,
    [at("surround.wav"), Array.from(samples)],
  );
  const { samples: ours } = await readAudio(at("surround.wav"), { channels: 2 });
  const layout = ["-channel_layout", "5.1"];
  const raw = execFileSync("ffmpeg", [
    ...["-v", "error", "-f", "f32le", "-ar", "48000", "-ac", "6", ...layout, "-i", put("surround.f32", samples)],
    ...["-ac", "2", "-f", "f32le", "-"],
  ]);
  const theirs = new Float32Array(new Uint8Array(raw).buffer);
  assert.equal(ours.length, theirs.length);
  for (const [i, value] of ours.entries())
    assert.ok(Math.abs(value - theirs[i]!) < 1e-6, `${i}: ${value} ${theirs[i]}`);
});

test("channels of Ogg files are in the order of wav, as in ffmpeg", { skip: missing("ffmpeg") }, async () => {
  for (const [channels, layout] of [
    [3, "3.0"],
    [5, "5.0"],
    [6, "5.1"],
    [7, "6.1"],
    [8, "7.1"],
  ] as const) {
    const tones = Float32Array.from({ length: 48000 * channels }, (_, i) => {
      const c = i % channels;
      return 0.1 * (c + 1) * Math.sin(((i - c) / channels) * 0.01 * (c + 2));
    });
    const raw = ["-f", "f32le", "-ar", "48000", "-ac", String(channels), "-channel_layout", layout];
    for (const [name, codec] of [
      ["many.ogg", "libvorbis"],
      ["many.opus", "libopus"],
    ] as const) {
      if (codec === "libopus" && channels === 3) continue;
      const input = [...raw, "-i", put("many.f32", tones)];
      execFileSync("ffmpeg", ["-y", "-v", "error", ...input, "-c:a", codec, "-b:a", "700k", at(name)]);
      const bytes = execFileSync("ffmpeg", ["-v", "error", "-i", at(name), "-f", "f32le", "-"], { maxBuffer: 1 << 28 });
      const theirs = new Float32Array(new Uint8Array(bytes).buffer);
      const { samples } = await readAudio(at(name));
      // Each channel has a level of its own.
      const level = (all: Float32Array, c: number): number => {
        let sum = 0;
        for (let i = c; i < all.length; i += channels) sum += all[i]! ** 2;
        return Math.sqrt((sum / all.length) * channels);
      };
      for (let c = 0; c < channels; c++) {
        const [ours, right] = [level(samples, c), level(theirs, c)];
        assert.ok(Math.abs(ours - right) < 0.01, `${name} of ${channels} channels, ${c}: ${ours}, expected ${right}`);
      }
    }
  }
});

function put(name: string, samples: Float32Array): string {
  writeFileSync(at(name), new Uint8Array(samples.buffer));
  return at(name);
}

test("MP2 has ffmpeg's samples", { skip: missing("ffmpeg") }, async () => {
  execFileSync("ffmpeg", ["-v", "error", "-i", at("WAV-PCM_16"), "-c:a", "mp2", "-ar", "48000", at("x.mp2")]);
  const raw = execFileSync("ffmpeg", ["-v", "error", "-i", at("x.mp2"), "-f", "f32le", "-"], { maxBuffer: 1 << 28 });
  const theirs = new Float32Array(new Uint8Array(raw).buffer);
  const { samples } = await readAudio(at("x.mp2"));
  assert.equal(samples.length, theirs.length);
  let worst = 0;
  for (let i = 0; i < samples.length; i++) worst = Math.max(worst, Math.abs(samples[i]! - theirs[i]!));
  assert.ok(worst < 1e-4, `differs by ${worst}`);
});

test("M4A, ALAC, WebM and WMA by FFmpeg's program", { skip: missing("ffmpeg") }, async () => {
  for (const [name, ...codec] of [
    ["aac.m4a", "-c:a", "aac"],
    ["alac.m4a", "-c:a", "alac"],
    ["opus.webm", "-c:a", "libopus"],
    ["x.wma", "-c:a", "wmav2"],
    ["x.aac", "-c:a", "aac"],
  ] as [string, ...string[]][]) {
    execFileSync("ffmpeg", ["-v", "error", "-i", at("WAV-PCM_16"), ...codec, at(name)]);
    const raw = execFileSync("ffmpeg", ["-v", "error", "-i", at(name), "-f", "f32le", "-"], { maxBuffer: 1 << 28 });
    const expected = new Float32Array(new Uint8Array(raw).buffer);
    assert.deepEqual((await readAudio(at(name))).samples, expected, name);
    assert.deepEqual((await decodeAudio(readFileSync(at(name)), name)).samples, expected, name);
  }
  const tag = Buffer.concat([Buffer.from([0x49, 0x44, 0x33, 4, 0, 0, 0, 0, 1, 0]), Buffer.alloc(128)]);
  const tagged = Buffer.concat([tag, readFileSync(at("x.aac"))]);
  assert.deepEqual((await decodeAudio(tagged, "tagged.aac")).samples, (await readAudio(at("x.aac"))).samples);
  const cut = readFileSync(at("aac.m4a")).subarray(0, 5000);
  await assert.rejects(decodeAudio(cut, "cut.m4a"), { code: "FORMAT", message: /FFmpeg .*\(cut\.m4a\)/ });
  const empty = Buffer.from("fff1406400062035620e", "hex");
  const message = /^file: FFmpeg can't read it: (?!.*deep-audio-).+ \(x\.aac\)$/;
  await assert.rejects(decodeAudio(empty, "x.aac"), { code: "FORMAT", message });
});

test("without libsndfile and FFmpeg the error names the format and says what to do", () => {
  const script = `const { readAudio } = require(process.argv[1]);
readAudio(process.argv[2]).catch((e) => console.log(e.code, e.message));`;
  const env = { ...process.env, DEEP_AUDIO_VENV: at("none"), PATH: "" };
  const told = (name: string): string =>
    execFileSync(process.execPath, ["-e", script, join(__dirname, "../../dist/index.js"), at(name)], {
      env,
      encoding: "utf8",
    });
  assert.match(told("AIFF-PCM_16"), /^FORMAT format: AIFF, expected wav, FLAC, Ogg or MP3 \(.*\); run `npm start`/);
  assert.match(told("WAV-GSM610"), /^FORMAT wav codec: GSM 6\.10, expected PCM/);
  writeFileSync(at("x.m4a"), Buffer.from("00000020667479704d344120", "hex"));
  assert.match(told("x.m4a"), /^FORMAT format: MP4 or M4A, .*; install FFmpeg's program, which reads it/);
});

test("a cut AIFF, AU, CAF, W64 or NIST is an error, or a warning with what is left", async () => {
  for (const name of ["AIFF-PCM_16", "AU-PCM_16", "CAF-PCM_24", "W64-PCM_16", "NIST-PCM_16", "WAV-IMA_ADPCM"]) {
    const cut = at(`cut ${name}`);
    writeFileSync(cut, readFileSync(at(name)).subarray(0, 20000));
    await assert.rejects(readAudio(cut), { code: "FORMAT", message: /the file is cut short: copy it again/ }, name);
    // libsndfile reads no CAF that is cut.
    if (name.startsWith("CAF")) continue;
    const { samples, warnings } = await readAudio(cut, { onDamaged: "warn" });
    assert.equal(warnings.length, 1, name);
    // Of ADPCM the last block is cut.
    const sure = samples.length - (name.endsWith("ADPCM") ? 4096 : 0);
    assert.deepEqual(samples.subarray(0, sure), floats(at(`${name}.f32`)).subarray(0, sure), name);
    assert.ok(samples.length > 5000, name);
  }
});

test("a folder of mixed files: each is listed or named as left out", { skip: missing("ffmpeg") }, async () => {
  const directory = at("mixed");
  for (const label of ["a", "b"]) {
    mkdirSync(join(directory, "in", label), { recursive: true });
    for (const name of ["AIFF-PCM_16", "FLAC-PCM_24", "W64-FLOAT"]) {
      const [ending, subtype] = name.split("-") as [string, string];
      writeFileSync(join(directory, "in", label, `${subtype}.${ending.toLowerCase()}`), readFileSync(at(name)));
    }
    execFileSync("ffmpeg", ["-v", "error", "-i", at("WAV-PCM_16"), join(directory, "in", label, "x.m4a")]);
    writeFileSync(join(directory, "in", label, "cover.jpg"), "no sound");
  }
  const index = await fromFolder(directory);
  const names = ["FLOAT.w64", "PCM_16.aiff", "PCM_24.flac", "x.m4a"];
  assert.deepEqual(
    index.rows.map(({ input }) => input),
    ["a", "b"].flatMap((label) => names.map((name) => `${label}/${name}`)),
  );
  assert.deepEqual(
    index.warnings?.map(({ kind, message }) => [kind, message]),
    [["left out", "files: 2 left out, expected audio (a/cover.jpg, b/cover.jpg)"]],
  );
  const dataset = new SimpleAudioClassificationDataset(directory, "set");
  const report = await dataset.check({ index, onProgress: false, workers: 2 });
  const turned = { ...index, rows: [...index.rows].reverse() };
  for (const workers of [1, 3]) {
    const other = await dataset.check({ index: turned, onProgress: false, workers });
    assert.deepEqual([...other.files].reverse(), report.files);
  }
  assert.ok(report.ok, String(report));
  assert.equal(report.counts["left out"], 1);
  await writeIndex(directory, "set", index);
  await dataset.generateRecords({ onProgress: false, convert: { sampleRate: 8000, channels: 1 }, workers: 2 });
  await dataset.load({ batchSize: 2, trainSplit: 1, valSplit: 0, testSplit: 0 });
  const { samples } = await readAudio(join(directory, "in/a/PCM_16.aiff"), { sampleRate: 8000, channels: 1 });
  assert.deepEqual((await dataset.example(1)).input, samples);
});

test("a wav of more than 4 GB is read in parts and checked in constant memory", async () => {
  const directory = at("long");
  mkdirSync(join(directory, "in", "a"), { recursive: true });
  const path = join(directory, "in", "a", "long.wav");
  const wav = Buffer.from(encodeWav({ sampleRate: 48000, channels: 2, samples: new Int16Array(0) }));
  wav.writeUInt32LE(0xffffffff, 40);
  writeFileSync(path, wav);
  // Sparse: it takes no room on the disk.
  truncateSync(path, 44 + 4.5e9);
  const info = await readAudioInfo(path);
  assert.equal(info.frames, 4.5e9 / 4);
  const { samples } = await readAudio(path, { start: info.duration - 1 });
  assert.equal(samples.length, 96000);
  let frames = 0;
  const before = process.memoryUsage().rss;
  for await (const block of readAudioBlocks(path, { blockFrames: 1 << 20, duration: 600 }))
    frames += block.samples.length / 2;
  assert.equal(frames, 600 * 48000);
  await assert.rejects(readAudio(path), { code: "OPTION", message: /expected at most \d+ in one array; read a part/ });
  // More than a buffer holds.
  truncateSync(path, 44 + 2.2e9);
  const [checked] = await checkFiles({ directory, files: [{ audio: "in/a/long.wav" }], deep: true, labels: {} });
  assert.equal(checked!.frames, 2.2e9 / 4);
  assert.deepEqual(
    checked!.problems.map(({ kind }) => kind),
    ["silent", "damaged"],
  );
  assert.ok(process.memoryUsage().rss - before < 400e6);
});
