// What is written, soundfile reads: samples, form, tags and cue points.
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import {
  type AudioEncoding,
  encodeWav,
  random,
  readAudio,
  writeAudio,
  type WriteAudioOptions,
} from "../../dist/index.js";
import { python } from "../support/python.js";

const folder = mkdtempSync(join(tmpdir(), "write-"));
const at = (name: string): string => join(folder, name);
after(() => rmSync(folder, { recursive: true, force: true }));

interface Read {
  rate: number;
  shape: [number, number];
  format: string;
  subtype: string;
  title: string;
  artist: string;
  cues: [number, string][];
}

/** What soundfile finds in a file; its samples as doubles are written beside it. */
function bySoundfile(path: string): Read & { samples: Float64Array } {
  const read = python(
    `
import soundfile as sf, struct
with sf.SoundFile(input) as f:
    x = f.read(always_2d=True)
    x.tofile(input + ".f64")
    count = sf._ffi.new("uint32_t*")
    cues = []
    if sf._snd.sf_command(f._file, 0x10CD, count, 4):  # SFC_GET_CUE_COUNT
        buffer = sf._ffi.new("char[]", 4 + 280 * count[0])
        sf._snd.sf_command(f._file, 0x10CE, buffer, len(buffer))  # SFC_GET_CUE
        raw = bytes(sf._ffi.buffer(buffer))
        for k in range(count[0]):
            at = 4 + 280 * k
            cues.append([struct.unpack_from("iIiiiI", raw, at)[5], raw[at + 24:at + 280].split(b"\\0")[0].decode()])
    print(json.dumps({"rate": f.samplerate, "shape": x.shape, "format": f.format, "subtype": f.subtype, "title": f.title, "artist": f.artist, "cues": cues}))`,
    path,
  ) as Read;
  return { ...read, samples: new Float64Array(new Uint8Array(readFileSync(`${path}.f64`)).buffer) };
}

const noise = random("write");
const floats = Float32Array.from({ length: 2 * 30000 }, () => 2 * noise.uniform() - 1);
floats.set([1, -1, 0.5, -0.5, 2 ** -15, -(2 ** -23)]);

test("wav and FLAC of every encoding have the values that readAudio makes of them", async () => {
  const subtypes = { pcm16: "PCM_16", pcm24: "PCM_24", pcm32: "PCM_32", float32: "FLOAT" };
  for (const [name, format, encodings] of [
    ["a.wav", "WAV", ["pcm16", "pcm24", "pcm32", "float32"]],
    ["a.FLAC", "FLAC", ["pcm16", "pcm24"]],
  ] as [string, string, AudioEncoding[]][]) {
    for (const encoding of encodings) {
      await writeAudio(at(name), floats, { sampleRate: 22050, channels: 2, encoding });
      const { rate, shape, samples, ...read } = bySoundfile(at(name));
      assert.deepEqual([rate, shape, read.format, read.subtype], [22050, [30000, 2], format, subtypes[encoding]]);
      const scale = encoding === "float32" ? 0 : 2 ** (Number(encoding.slice(3)) - 1);
      for (const [i, value] of floats.entries()) {
        const expected = scale ? Math.min(scale - 1, Math.round(value * scale)) / scale : value;
        assert.ok(samples[i] === expected, `${name} ${encoding} ${i}: ${samples[i]}, expected ${expected}`);
      }
      const ours = await readAudio(at(name));
      assert.deepEqual(ours.samples, Float32Array.from(samples), encoding);
      // Again from what was read: nothing changes.
      await writeAudio(at("again.wav"), ours.samples, { sampleRate: 22050, channels: 2, encoding });
      assert.deepEqual(bySoundfile(at("again.wav")).samples, samples, encoding);
    }
  }
  const integers = Int16Array.from(floats, (value) => Math.max(-32768, Math.min(32767, Math.round(value * 32768))));
  for (const name of ["i.wav", "i.flac"]) {
    await writeAudio(at(name), integers, { sampleRate: 8000 });
    const { samples, subtype } = bySoundfile(at(name));
    assert.equal(subtype, "PCM_16");
    assert.deepEqual(
      samples,
      Float64Array.from(integers, (value) => value / 32768),
    );
  }
  const first = readFileSync(at("i.wav"));
  await writeAudio(at("i.wav"), integers, { sampleRate: 8000 });
  assert.ok(first.equals(readFileSync(at("i.wav"))), "equal sounds make equal files");
});

test("Ogg Vorbis sounds like what was written", async () => {
  const tone = Float32Array.from({ length: 44100 * 40 }, (_, i) => 0.5 * Math.sin(i * 0.05));
  await writeAudio(at("a.ogg"), tone, { sampleRate: 44100 });
  const { samples, format, subtype, shape } = bySoundfile(at("a.ogg"));
  assert.deepEqual([format, subtype, shape], ["OGG", "VORBIS", [tone.length, 1]]);
  let error = 0;
  for (let i = 0; i < tone.length; i++) error += (samples[i]! - tone[i]!) ** 2;
  assert.ok(Math.sqrt(error / tone.length) < 0.02, `${Math.sqrt(error / tone.length)}`);
});

test("tags and cue points of a wav are soundfile's too, beside the same samples", async () => {
  for (const encoding of ["pcm16", "pcm24", "pcm32", "float32"] as const) {
    const options = { sampleRate: 8000, channels: 2, encoding };
    await writeAudio(at("plain.wav"), floats, options);
    const tags = { INAM: "Étude", IART: "Anna" };
    const cues = [{ time: 0.5, label: "half" }, { time: 2.25 }];
    await writeAudio(at("marked.wav"), floats, { ...options, tags, cues });
    const marked = bySoundfile(at("marked.wav"));
    assert.deepEqual(marked.samples, bySoundfile(at("plain.wav")).samples, encoding);
    assert.deepEqual(
      [marked.title, marked.artist, marked.cues],
      [
        "Étude",
        "Anna",
        [
          [4000, "half"],
          [18000, ""],
        ],
      ],
      encoding,
    );
    assert.deepEqual((await readAudio(at("marked.wav"))).samples, (await readAudio(at("plain.wav"))).samples);
  }
});

test("what would make a bad file is refused, and nothing is written", async () => {
  const cases: [string, unknown, unknown, RegExp][] = [
    [
      "a.wav",
      new Float64Array(4),
      { sampleRate: 8000 },
      /^samples: Float64Array, expected a Float32Array or an Int16Array \(/,
    ],
    ["a.wav", [0, 0], { sampleRate: 8000 }, /^samples: Array/],
    ["a.wav", floats, { sampleRate: 2 ** 31 }, /^sampleRate: 2147483648, expected at most 2147483647 for .wav/],
    ["a.ogg", floats, { sampleRate: 200001 }, /^sampleRate: 200001, expected at most 200000 for .ogg/],
    ["a.ogg", new Float32Array(256), { sampleRate: 8000, channels: 256 }, /^channels: 256, expected at most 255/],
    ["a.flac", new Float32Array(9), { sampleRate: 8000, channels: 9 }, /^channels: 9, expected at most 8 for .flac/],
    ["a.flac", new Float32Array(0), { sampleRate: 8000 }, /^samples: none, expected some for .flac/],
    ["a.wav", floats, {}, /^sampleRate: undefined, expected a whole number/],
    ["a.wav", floats, { sampleRate: 44100.5 }, /^sampleRate: 44100.5/],
    [
      "a.wav",
      new Float32Array(5),
      { sampleRate: 8000, channels: 2 },
      /^samples: 5, expected a multiple of the 2 channels/,
    ],
    ["a.wav", Float32Array.of(0, Number.NaN), { sampleRate: 8000 }, /^sample of frame 1: NaN/],
    [
      "a.wav",
      Float32Array.of(0, 1.5),
      { sampleRate: 8000, encoding: "pcm16" },
      /^sample of frame 1: 1.5, expected -1 to 1; pass outOfRange/,
    ],
    ["a.ogg", Float32Array.of(0, 1.5), { sampleRate: 8000 }, /^sample of frame 1: 1.5/],
    ["a.mp3", floats, { sampleRate: 8000 }, /^ending ".mp3", expected .wav, .flac or .ogg/],
    [
      "a.flac",
      floats,
      { sampleRate: 8000, encoding: "float32" },
      /^encoding: "float32", expected pcm16 or pcm24 for FLAC/,
    ],
    ["a.ogg", floats, { sampleRate: 8000, encoding: "pcm16" }, /^encoding: "pcm16", expected none/],
    [
      "a.wav",
      floats,
      { sampleRate: 8000, encoding: "pcm8" },
      /^encoding: "pcm8", expected pcm16, pcm24, pcm32, float32/,
    ],
    ["a.flac", floats, { sampleRate: 8000, tags: { INAM: "x" } }, /^tags and cues, expected them for a .wav alone/],
    ["a.wav", floats, { sampleRate: 8000, tags: { title: "x" } }, /^tag "title": "x", expected four capital letters/],
    ["a.wav", floats, { sampleRate: 8000, cues: [{ time: 99 }] }, /^cue: 99 s, expected a time within the 7.5 s/],
    ["a.wav", floats, { sampleRate: 8000, bits: 16 }, /^writeAudio: option "bits", expected/],
    ["a.wav", floats, { sampleRate: 8000, outOfRange: "wrap" }, /^outOfRange: "wrap", expected "refuse" or "clip"/],
  ];
  const before = readdirSync(folder);
  for (const [name, samples, options, message] of cases) {
    await assert.rejects(writeAudio(at(`no ${name}`), samples as Float32Array, options as WriteAudioOptions), {
      code: "OPTION",
      message,
    });
  }
  await assert.rejects(writeAudio(at("none/a.wav"), floats, { sampleRate: 8000 }), { code: "FILE" });
  assert.deepEqual(readdirSync(folder), before);
  assert.ok(!existsSync(at("none")));
  assert.throws(() => encodeWav({ sampleRate: 8000, channels: 1, samples: new Float64Array(3) as never }), {
    code: "OPTION",
    message: "samples: Float64Array, expected a Float32Array or an Int16Array",
  });
});

test("floats beyond full scale are clipped where that is asked for, or stay in float files", async () => {
  const loud = Float32Array.of(0, 1.5, -7, 0.25);
  await writeAudio(at("clip.wav"), loud, { sampleRate: 8000, encoding: "pcm16", outOfRange: "clip" });
  assert.deepEqual([...bySoundfile(at("clip.wav")).samples], [0, 32767 / 32768, -1, 0.25]);
  await writeAudio(at("loud.wav"), loud, { sampleRate: 8000 });
  assert.deepEqual([...bySoundfile(at("loud.wav")).samples], [0, 1.5, -7, 0.25]);
});
