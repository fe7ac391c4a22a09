// Audio files read to floats: values are soundfile's, for every form of wav and a compressed one.
import assert from "node:assert/strict";
import { appendFileSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { before, test } from "node:test";
import { encodeWav, readAudio } from "../../dist/index.js";
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

test("what can't be read is named", async () => {
  const path = join(folder, "none.wav");
  await assert.rejects(readAudio(path), { code: "FILE", message: /none\.wav: not found/ });
  writeFileSync(path, "");
  await assert.rejects(readAudio(path), { code: "FORMAT", message: /empty, expected audio \(.*none\.wav\)/ });
  writeFileSync(path, readFileSync(join(folder, "WAV-FLOAT")).subarray(0, 3000));
  await assert.rejects(readAudio(path), { code: "FORMAT", message: /the file is cut short/ });
});
