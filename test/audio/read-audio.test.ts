// Audio files read to floats: values are soundfile's, for every form of wav and a compressed one.
import assert from "node:assert/strict";
import { appendFileSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { before, test } from "node:test";
import { decodeAudio, encodeWav, readAudio } from "../../dist/index.js";
import { python } from "../support/python.js";

const folder = mkdtempSync(join(tmpdir(), "read-"));
let cases: { name: string; rate: number; shape: [number, number] }[] = [];

before(() => {
  cases = python(
    `
import numpy as np, soundfile as sf, os
rng = np.random.default_rng(3)
cases = []
for format, subtype in [("WAV", "PCM_U8"), ("WAV", "PCM_16"), ("WAV", "PCM_24"), ("WAV", "PCM_32"), ("WAV", "FLOAT"),
        ("WAV", "DOUBLE"), ("WAVEX", "FLOAT"), ("RF64", "FLOAT"), ("FLAC", "PCM_16")]:
    name = f"{format}-{subtype}"
    path = os.path.join(input, name)
    sf.write(path, rng.uniform(-1, 1, (90001, 2)), 22050, format=format, subtype=subtype)
    y, rate = sf.read(path, dtype="float32", always_2d=True)
    y.tofile(path + ".f32")
    cases.append({"name": name, "rate": rate, "shape": y.shape})
print(json.dumps(cases))`,
    folder,
  );
});

test("every form of wav, and FLAC, has soundfile's values", async () => {
  assert.equal(cases.length, 9);
  for (const { name, rate, shape } of cases) {
    const path = join(folder, name);
    const { sampleRate, channels, samples } = await readAudio(path);
    assert.deepEqual([sampleRate, channels, samples.length / channels], [rate, shape[1], shape[0]], name);
    const expected = new Float32Array(new Uint8Array(readFileSync(`${path}.f32`)).buffer);
    assert.deepEqual(samples, expected, name);
    const out = new Float32Array(expected.length + 5).fill(2);
    const placed = (await readAudio(path, { out })).samples;
    assert.equal(placed.buffer, out.buffer);
    assert.deepEqual(placed, expected, name);
    assert.deepEqual([...out.subarray(-5)], [2, 2, 2, 2, 2]);
    await assert.rejects(readAudio(path, { out: out.subarray(6) }), {
      code: "OPTION",
      message: /out: 180001 samples, expected at least 180002 \(/,
    });
  }
});

test("a wav whose samples begin far into the file, as with a picture in its tags", async () => {
  const expected = Float32Array.from({ length: 500 }, (_, i) => i / 500);
  const wav = encodeWav({ samples: expected, sampleRate: 8000, channels: 1 });
  for (const size of [10, 5001, 70_000]) {
    const tag = Buffer.alloc(8 + size + (size % 2));
    tag.write("LIST");
    tag.writeUInt32LE(size, 4);
    const path = join(folder, `tagged-${size}.wav`);
    writeFileSync(path, wav.subarray(0, 12));
    appendFileSync(path, tag);
    appendFileSync(path, wav.subarray(12));
    const { samples } = await readAudio(path);
    assert.deepEqual(samples, expected);
  }
});

test("a part of a cut FLAC that falls short is an error, or a warning that tells what is lost", async () => {
  python(
    `import numpy as np, soundfile as sf
sf.write(input, np.random.default_rng(1).uniform(-0.5, 0.5, 80000), 8000, format="FLAC")
print("1")`,
    join(folder, "long.flac"),
  );
  const whole = readFileSync(join(folder, "long.flac"));
  const cut = join(folder, "cut.flac");
  writeFileSync(cut, whole.subarray(0, whole.length / 2));
  const { samples: all } = await readAudio(join(folder, "long.flac"));
  assert.deepEqual((await readAudio(cut, { start: 1, duration: 1 })).samples, all.subarray(8000, 16000));
  for (const part of [{ start: 3, duration: 4 }, { start: 6 }, { start: 3, duration: 4, sampleRate: 4000 }]) {
    await assert.rejects(readAudio(cut, part), {
      code: "FORMAT",
      message:
        /^samples: \d+, expected 80000 according to the header; the file is cut short: copy it again \(.*cut\.flac\)$/,
    });
    const { samples, warnings, sampleRate } = await readAudio(cut, { ...part, onDamaged: "warn" });
    assert.equal(warnings.length, 1);
    const left = Number(/samples: (\d+), expected 80000/.exec(warnings[0]!)![1]);
    assert.ok(left > 30000 && left < 41000, `${left}`);
    if (sampleRate === 8000)
      assert.deepEqual(samples, all.subarray(8000 * part.start, Math.max(left, 8000 * part.start)));
  }
});

test("Ogg in a Buffer, and a damaged page behind a stream's end", async () => {
  const path = join(folder, "chained.ogg");
  const ends: number[] = python(
    `
import numpy as np, soundfile as sf
rng = np.random.default_rng(4)
ends = []
with open(input, "wb") as chained:
    for k in range(2):
        sf.write(input + ".one.ogg", rng.uniform(-0.5, 0.5, 20000), 20000)
        chained.write(open(input + ".one.ogg", "rb").read())
        ends.append(chained.tell())
print(json.dumps(ends))`,
    path,
  );
  const bytes = readFileSync(path);
  const before = Buffer.from(bytes);
  const { samples } = await decodeAudio(bytes, "chained.ogg");
  assert.equal(samples.length, 40000);
  assert.deepEqual(bytes, before);
  // The second stream's first page no longer looks as one.
  bytes[ends[0]!]! ^= 1;
  const message = new RegExp(`^Ogg: no page at byte ${ends[0]}, though one follows at byte \\d+`);
  await assert.rejects(decodeAudio(bytes, "chained.ogg"), { code: "FORMAT", message });
  writeFileSync(path, bytes);
  const left = await readAudio(path, { onDamaged: "warn" });
  assert.equal(left.samples.length, 20000);
  assert.match(left.warnings.join(), message);
});

test("a place for the samples is of floats, and exactly as long as they are", async () => {
  const path = join(folder, "constant.mp3");
  const frames: number = python(
    `
import numpy as np, soundfile as sf, subprocess
sf.write(input + ".wav", np.random.default_rng(4).uniform(-0.5, 0.5, 50000), 22050)
subprocess.run(["ffmpeg", "-loglevel", "error", "-y", "-i", input + ".wav", "-write_xing", "0", "-b:a", "64k", input], check=True)
raw = subprocess.run(["ffmpeg", "-loglevel", "error", "-i", input, "-f", "f32le", "-"], check=True, capture_output=True).stdout
print(len(raw) // 4)`,
    path,
  );
  assert.equal((await readAudio(path, { out: new Float32Array(frames) })).samples.length, frames);
  const short = new RegExp(`^out: ${frames - 1} samples, expected at least ${frames} `);
  await assert.rejects(readAudio(path, { out: new Float32Array(frames - 1) }), { code: "OPTION", message: short });
  for (const out of [new Uint8Array(1e6), new Int16Array(1e6), new Float64Array(1e6), { length: 1e6 }]) {
    const message = /^out: \[object \w+\], expected a Float32Array/;
    await assert.rejects(readAudio(path, { out: out as unknown as Float32Array }), { code: "OPTION", message });
  }
});

test("a start behind the end is an error in every format, also where only reading tells its length", async () => {
  const names: string[] = python(
    `
import numpy as np, soundfile as sf, subprocess, os
x = np.random.default_rng(4).uniform(-0.5, 0.5, 20000)
names = ["e.wav", "e.flac", "e.ogg", "e.mp3", "e.aiff"]
for name in names: sf.write(os.path.join(input, name), x, 20000 if name != "e.mp3" else 16000)
two = open(os.path.join(input, "e.ogg"), "rb").read()
open(os.path.join(input, "e2.ogg"), "wb").write(two + two)
subprocess.run(["ffmpeg", "-loglevel", "error", "-y", "-i", input + "/e.wav", "-c:a", "flac", input + "/e.oga"], check=True)
print(json.dumps(names + ["e2.ogg", "e.oga"]))`,
    folder,
  );
  for (const name of names) {
    const path = join(folder, name);
    for (const sampleRate of [undefined, 8000]) {
      const message = /^start: 100 s, expected at most the file's [\d.]+ s /;
      await assert.rejects(readAudio(path, { start: 100, sampleRate }), { code: "OPTION", message }, name);
    }
  }
});

test("what can't be read is named", async () => {
  const path = join(folder, "none.wav");
  await assert.rejects(readAudio(path), { code: "FILE", message: /none\.wav: not found/ });
  writeFileSync(path, "");
  await assert.rejects(readAudio(path), { code: "FORMAT", message: /empty, expected audio \(.*none\.wav\)/ });
  writeFileSync(path, readFileSync(join(folder, "WAV-FLOAT")).subarray(0, 3000));
  await assert.rejects(readAudio(path), { code: "FORMAT", message: /the file is cut short/ });
});
