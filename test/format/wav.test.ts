import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import fc from "fast-check";
import { WaveFile } from "wavefile";
import { DatasetError } from "../../dist/core/error.js";
import { type Audio, decodeWav, encodeWav, readWavInfo, toFloat32, wavHeaderBytes } from "../../dist/format/wav.js";
import { missing } from "../support/programs.js";
import { python } from "../support/python.js";

const folder = mkdtempSync(join(tmpdir(), "wav-"));
after(() => rmSync(folder, { recursive: true, force: true }));

interface Peer {
  error?: string;
  rate: number;
  channels: number;
  frames: number;
  /** Little-endian float32, base64. */
  samples: string;
}

/** What libsndfile reads from each file. */
function soundfile(paths: string[]): Peer[] {
  return python(
    `
import soundfile, base64
out = []
for path in input:
    try:
        x, rate = soundfile.read(path, dtype="float32", always_2d=True)
        out.append(dict(rate=rate, channels=x.shape[1], frames=x.shape[0], samples=base64.b64encode(x.tobytes()).decode()))
    except Exception as e:
        out.append(dict(error=str(e)))
print(json.dumps(out))`,
    paths,
  );
}

function assertEqualToPeer(audio: Audio, peer: Peer, name: string): void {
  assert.equal(peer.error, undefined, name);
  assert.equal(audio.sampleRate, peer.rate, name);
  assert.equal(audio.channels, peer.channels, name);
  assert.equal(audio.samples.length, peer.frames * peer.channels, name);
  const floats = toFloat32(audio.samples);
  // Zeros are compared as numbers: -0 and 0 are the same sample.
  const expected = new Float32Array(Uint8Array.from(Buffer.from(peer.samples, "base64")).buffer);
  for (let i = 0; i < floats.length; i++) {
    if (floats[i] !== expected[i]) assert.fail(`${name}: sample ${i} is ${floats[i]}, soundfile reads ${expected[i]}`);
  }
}

function read(path: string, options?: { allowTruncated?: boolean }): Audio {
  return decodeWav(readFileSync(path), path, options);
}

describe("the corpus that scipy ships", () => {
  const corpus: string = python(
    "import scipy.io, os; print(json.dumps(os.path.join(os.path.dirname(scipy.io.__file__), 'tests/data')))",
  );
  const paths = readdirSync(corpus)
    .filter((f) => f.endsWith(".wav"))
    .map((f) => join(corpus, f));
  const peers = soundfile(paths);
  test("is there", () => assert.ok(paths.length >= 20));
  for (const [i, path] of paths.entries()) {
    const name = path.slice(corpus.length + 1);
    test(name, () => {
      const peer = peers[i]!;
      if (peer.error === undefined) assertEqualToPeer(read(path, { allowTruncated: true }), peer, name);
      else {
        assert.throws(
          () => read(path, { allowTruncated: true }),
          (e) =>
            e instanceof DatasetError && e.code === "FORMAT" && e.message.includes(name) && /expected/.test(e.message),
        );
      }
    });
  }
});

describe("files of other programs", { skip: missing("sox", "ffmpeg") }, () => {
  const sox = (name: string, ...args: string[]): string => {
    const path = join(folder, name);
    execFileSync("sox", [
      "-D",
      "-R",
      "-r",
      "16000",
      "-n",
      ...args.slice(0, -1),
      path,
      "synth",
      "0.1",
      ...args.at(-1)!.split(" "),
    ]);
    return path;
  };
  const two = "sin 440 saw 333 vol 0.5";
  const files: Record<string, () => string> = {
    "8-bit": () => sox("8.wav", "-c", "2", "-b", "8", two),
    "16-bit": () => sox("16.wav", "-c", "2", "-b", "16", two),
    "24-bit": () => sox("24.wav", "-c", "2", "-b", "24", two),
    "32-bit": () => sox("32.wav", "-c", "2", "-b", "32", two),
    "float 32": () => sox("f32.wav", "-c", "2", "-e", "floating-point", "-b", "32", two),
    "float 64": () => sox("f64.wav", "-c", "2", "-e", "floating-point", "-b", "64", two),
    "A-law": () => sox("alaw.wav", "-c", "2", "-e", "a-law", two),
    "µ-law": () => sox("mulaw.wav", "-c", "2", "-e", "mu-law", two),
    "big-endian 16": () => sox("rifx16.wav", "-c", "2", "-b", "16", "-B", two),
    "big-endian float": () => sox("rifxf.wav", "-c", "2", "-e", "floating-point", "-b", "32", "-B", two),
    "eight channels": () => sox("8ch.wav", "-c", "8", "-b", "24", Array(8).fill("sin 100-4000").join(" ")),
    "odd-sized data": () => sox("odd.wav", "-c", "1", "-b", "8", "sin 440 trim 0s 1001s"),
  };
  const ffmpeg = (name: string, ...args: string[]): string => {
    const source = sox(`${name}.source.wav`, "-c", "2", "-b", "32", two);
    const path = join(folder, name);
    execFileSync("ffmpeg", ["-loglevel", "error", "-y", "-i", source, ...args, path]);
    return path;
  };
  files["ffmpeg RF64"] = () => ffmpeg("rf64.wav", "-c:a", "pcm_s24le", "-rf64", "always");
  files["ffmpeg tags and bext"] = () =>
    ffmpeg(
      "tags.wav",
      "-c:a",
      "pcm_s16le",
      "-metadata",
      "title=odd",
      "-metadata",
      "description=abc",
      "-write_bext",
      "1",
    );
  files["ffmpeg EXTENSIBLE float"] = () =>
    ffmpeg("extf.wav", "-c:a", "pcm_f32le", "-af", "pan=5.1|FL=c0|FR=c1|FC=c0|LFE=c1|BL=c0|BR=c1");
  for (const [name, make] of Object.entries(files)) {
    test(name, () => {
      const path = make();
      const [peer] = soundfile([path]);
      assertEqualToPeer(read(path), peer!, name);
      const info = readWavInfo(readFileSync(path), readFileSync(path).length, path);
      assert.equal(info.truncated, false);
      assert.equal(info.frames, peer!.frames);
    });
  }

  test("big-endian EXTENSIBLE, which libsndfile refuses, reads as its little-endian twin", () => {
    const [peer] = soundfile([sox("le24.wav", "-c", "2", "-b", "24", two)]);
    assertEqualToPeer(read(sox("be24.wav", "-c", "2", "-b", "24", "-B", two)), peer!, "big-endian 24");
  });

  test("streamed by sox and by ffmpeg, their sizes unknown", () => {
    const source = sox("stream.wav", "-c", "2", "-b", "16", two);
    const [peer] = soundfile([source]);
    const bySox = execFileSync("sox", [source, "-t", "wav", "-"]);
    const byFfmpeg = execFileSync("ffmpeg", ["-loglevel", "error", "-i", source, "-f", "wav", "-"]);
    for (const bytes of [bySox, byFfmpeg]) {
      assert.equal(readWavInfo(bytes, bytes.length, "pipe").truncated, false);
      assertEqualToPeer(decodeWav(bytes, "pipe"), peer!, "pipe");
    }
    // A recorder that was killed leaves zeros where the sizes belong.
    const killed = readFileSync(source);
    killed.writeUInt32LE(0, 4);
    killed.writeUInt32LE(0, 40);
    assertEqualToPeer(decodeWav(killed, "killed"), peer!, "killed");
  });

  test("ADPCM and GSM are refused by name, with what to do", () => {
    const source = sox("codec.wav", "-c", "1", "-b", "16", "sin 440");
    for (const [codec, name] of [
      ["ima-adpcm", "IMA ADPCM"],
      ["ms-adpcm", "Microsoft ADPCM"],
      ["gsm-full-rate", "GSM 6.10"],
    ]) {
      const path = join(folder, `${codec}.wav`);
      execFileSync("sox", [source, "-e", codec!, path]);
      assert.throws(() => read(path), {
        code: "FORMAT",
        message: `wav codec: ${name}, expected PCM of 8 to 32 bits, float, A-law or µ-law (${path}); convert it first, for example: sox in.wav -e signed-integer -b 16 out.wav`,
      });
    }
  });
});

/** A wav from parts: format chunk fields, chunks before and after the samples. */
function build(parts: {
  tag?: number;
  channels?: number;
  bits?: number;
  block?: number;
  extension?: Buffer;
  before?: Buffer[];
  data: Buffer;
  size?: number;
  after?: Buffer[];
  riff?: string;
}): Buffer {
  const { tag = 1, channels = 1, bits = 16, extension = Buffer.alloc(0), data } = parts;
  const fmt = Buffer.alloc(16);
  fmt.writeUInt16LE(tag, 0);
  fmt.writeUInt16LE(channels, 2);
  fmt.writeUInt32LE(8000, 4);
  fmt.writeUInt32LE(8000, 8);
  fmt.writeUInt16LE(parts.block ?? (channels * bits) / 8, 12);
  fmt.writeUInt16LE(bits, 14);
  const body = Buffer.concat([
    Buffer.from("WAVE"),
    ...(parts.before ?? []),
    chunk("fmt ", Buffer.concat([fmt, extension])),
    chunk("data", data, parts.size),
    ...(parts.after ?? []),
  ]);
  const head = Buffer.from(`${parts.riff ?? "RIFF"}....`);
  head.writeUInt32LE(body.length, 4);
  return Buffer.concat([head, body]);
}

function chunk(id: string, content: Buffer, size = content.length): Buffer {
  const head = Buffer.from(`${id}....`);
  head.writeUInt32LE(size, 4);
  return Buffer.concat([head, content, Buffer.alloc(content.length % 2)]);
}

describe("headers", () => {
  const data = Buffer.from([0, 1, 255, 127, 0, 128, 3, 252]);
  const subformat = (tag: number, valid: number): Buffer => {
    const extension = Buffer.alloc(24);
    extension.writeUInt16LE(22, 0);
    extension.writeUInt16LE(valid, 2);
    extension.writeUInt16LE(tag, 8);
    Buffer.from("000000001000800000aa00389b71", "hex").copy(extension, 10);
    return extension;
  };
  const cases: Record<string, Buffer> = {
    "odd chunk with padding before the samples": build({ data, before: [chunk("LIST", Buffer.from("INFOabc"))] }),
    "unknown chunk after the samples": build({ data, after: [chunk("what", Buffer.from("abcd"))] }),
    "20 valid bits in 32": build({ tag: 0xfffe, bits: 32, extension: subformat(1, 20), data }),
    "EXTENSIBLE float": build({
      tag: 0xfffe,
      bits: 32,
      extension: subformat(3, 32),
      data: Buffer.from(Float32Array.of(0.5, -2).buffer),
    }),
    "EXTENSIBLE µ-law": build({ tag: 0xfffe, bits: 8, extension: subformat(7, 8), data }),
    "every A-law code": build({ tag: 6, bits: 8, data: Buffer.from(Array.from({ length: 256 }, (_, i) => i)) }),
    "every µ-law code": build({ tag: 7, bits: 8, data: Buffer.from(Array.from({ length: 256 }, (_, i) => i)) }),
    "float beyond full scale": build({ tag: 3, bits: 32, data: Buffer.from(Float32Array.of(3, -4.5).buffer) }),
    "12 bits in 16": build({ bits: 12, block: 2, data }),
    "half a frame at the end": build({ channels: 2, data: Buffer.concat([data, Buffer.from([1, 2])]) }),
    "an empty one with tags": build({ data: Buffer.alloc(0), after: [chunk("LIST", Buffer.from("INFOINAM\0\0\0\0"))] }),
  };
  const names = Object.keys(cases);
  const paths = names.map((name, i) => {
    const path = join(folder, `header${i}.wav`);
    writeFileSync(path, cases[name]!);
    return path;
  });
  const peers = soundfile(paths);
  for (const [i, name] of names.entries()) {
    test(name, () => {
      // libsndfile takes the tags behind no samples for samples; the RIFF size says that they are not.
      if (name === "an empty one with tags") assert.equal(read(paths[i]!).samples.length, 0);
      else assertEqualToPeer(read(paths[i]!), peers[i]!, name);
    });
  }

  test("an odd chunk whose writer forgot the padding, which libsndfile refuses", () => {
    const bytes = build({ data, before: [chunk("junk", Buffer.from("abc")).subarray(0, 11)] });
    assert.deepEqual(decodeWav(bytes, "a").samples, Int16Array.of(256, 32767, -32768, -1021));
  });

  test("the 16-bit samples are a view where they lie aligned, and right where they don't", () => {
    const bytes = new Uint8Array(build({ data }));
    assert.equal(decodeWav(bytes, "a").samples.buffer, bytes.buffer);
    const shifted = new Uint8Array(bytes.length + 1);
    shifted.set(bytes, 1);
    assert.deepEqual(decodeWav(shifted.subarray(1), "a").samples, decodeWav(bytes, "a").samples);
  });

  test("a truncated file says so and is refused unless allowed", () => {
    const whole = build({ data });
    const cut = whole.subarray(0, whole.length - 3);
    assert.equal(readWavInfo(cut, cut.length, "cut.wav").truncated, true);
    assert.throws(() => decodeWav(cut, "cut.wav"), {
      code: "FORMAT",
      message:
        "samples: 2 frames, expected more according to the header (cut.wav); the file is cut short: copy it again",
    });
    assert.equal(decodeWav(cut, "cut.wav", { allowTruncated: true }).samples.length, 2);
  });

  test("the header alone is enough, and wavHeaderBytes says how much of the file that is", () => {
    const bytes = build({ data, before: [chunk("bext", Buffer.alloc(5001))] });
    let head = bytes.subarray(0, 12);
    for (let reads = 0; wavHeaderBytes(head, bytes.length) > head.length; reads++) {
      assert.ok(reads < 5);
      head = bytes.subarray(0, wavHeaderBytes(head, bytes.length));
    }
    assert.deepEqual(readWavInfo(head, bytes.length, "a"), readWavInfo(bytes, bytes.length, "a"));
    assert.throws(() => readWavInfo(bytes.subarray(0, 100), bytes.length, "a"), /data chunk: none in the first 100 of/);
  });

  test("what is no wav file is named", () => {
    assert.throws(() => decodeWav(Buffer.from("OggS............"), "a.ogg"), {
      code: "FORMAT",
      message: 'wav header: starts with "OggS", expected RIFF … WAVE (a.ogg); is it another kind of audio file?',
    });
    assert.throws(
      () => decodeWav(Buffer.alloc(0), "empty.wav"),
      /wav header: 0 bytes, expected RIFF … WAVE \(empty.wav\)/,
    );
    assert.throws(() => decodeWav(build({ channels: 0, block: 2, data }), "a.wav"), /channels: 0 in the header/);
    assert.throws(() => decodeWav(build({ bits: 64, data }), "a.wav"), /64-bit int samples in 8 bytes each/);
  });

  test("any bytes give sound or a DatasetError, never another error", () => {
    const seedFile = build({ data, before: [chunk("LIST", Buffer.from("INFOabc"))] });
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(seedFile.length - 1), fc.nat(255)), { maxLength: 6 }),
        fc.nat(seedFile.length),
        (edits, length) => {
          const bytes = Uint8Array.from(seedFile.subarray(0, length));
          for (const [at, value] of edits) if (at < length) bytes[at] = value;
          try {
            decodeWav(bytes, "fuzz.wav");
          } catch (error) {
            assert.ok(error instanceof DatasetError, String(error));
          }
        },
      ),
      { numRuns: 3000 },
    );
  });
});

describe("encodeWav", () => {
  test("round trips", () => {
    const shape = { sampleRate: fc.integer({ min: 1, max: 400000 }), channels: fc.integer({ min: 1, max: 8 }) };
    const whole = (samples: Int16Array | Float32Array, channels: number): number =>
      samples.length - (samples.length % channels);
    fc.assert(
      fc.property(fc.record({ ...shape, samples: fc.oneof(fc.int16Array(), fc.float32Array()) }), (audio) => {
        const samples = audio.samples.slice(0, whole(audio.samples, audio.channels));
        assert.deepEqual(decodeWav(encodeWav({ ...audio, samples }), "a"), { ...audio, samples });
      }),
    );
  });

  test("libsndfile and scipy read the same samples", () => {
    const int = { sampleRate: 22050, channels: 2, samples: Int16Array.of(1, -1, 32767, -32768, 0, 1000) };
    const float = { sampleRate: 96000, channels: 3, samples: Float32Array.of(0.1, -0.2, 3, -1, 1e-20, 0) };
    const paths = [int, float].map((audio, i) => {
      const path = join(folder, `encoded${i}.wav`);
      writeFileSync(path, encodeWav(audio));
      return path;
    });
    assert.equal(readFileSync(paths[0]!).length, 44 + 12);
    const peers = soundfile(paths);
    assertEqualToPeer(int, peers[0]!, "int16");
    assertEqualToPeer(float, peers[1]!, "float32");
    const scipy = python(
      "from scipy.io import wavfile\nprint(json.dumps([[int(r), x.ravel().tolist()] for r, x in map(wavfile.read, input)]))",
      paths,
    );
    assert.deepEqual(
      scipy,
      [int, float].map((a) => [a.sampleRate, [...a.samples]]),
    );
  });
});

describe("beside the package wavefile", () => {
  const values = {
    "8": [0, 128, 255, 7],
    "16": [0, -32768, 32767, 5],
    "24": [0, -8388608, 8388607, 5],
    "32": [0, -(2 ** 31), 2 ** 31 - 1, 5],
  };
  for (const container of ["RIFF", "RIFX", "RF64"]) {
    for (const [depth, samples] of Object.entries(values)) {
      test(`reads the ${depth}-bit ${container} that it writes`, () => {
        const peer = new WaveFile();
        peer.fromScratch(2, 22050, depth, samples, { container });
        const audio = decodeWav(peer.toBuffer(), "wavefile");
        assert.deepEqual([audio.sampleRate, audio.channels], [22050, 2]);
        const half = 2 ** (Number(depth) - 1);
        const expected = samples.map((v) => Math.fround((depth === "8" ? v - half : v) / half));
        assert.deepEqual(Array.from(toFloat32(audio.samples)), expected);
      });
    }
  }

  test("writes what it reads", () => {
    const samples = Int16Array.of(1, -1, 32767, -32768, 0, 1000);
    const peer = new WaveFile(encodeWav({ sampleRate: 22050, channels: 2, samples }));
    assert.deepEqual(Array.from(peer.getSamples(true, Int16Array) as unknown as Int16Array), Array.from(samples));
  });
});
