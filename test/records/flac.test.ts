import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import {
  AudioClassificationDataset,
  AudioDataset,
  type Dataset,
  exportDataset,
  loadTensorFlow,
  type LoadOptions,
  RegressionDataset,
  SimpleAudioClassificationDataset,
} from "../../dist/index.js";
import { python, root } from "../support/python.js";
import { folder as folderOf, quiet, shardHashes } from "../support/records.js";

const tf = loadTensorFlow();
const folder = mkdtempSync(join(tmpdir(), "flac-records-"));
after(() => rmSync(folder, { recursive: true, force: true }));

const KINDS: Record<string, { index: (end: string) => string; make: (name: string) => Dataset }> = {
  pairs: {
    index: (end) => `a${end},b${end}\nb${end},a${end}\nc${end},c${end}\n`,
    make: (name) => new AudioDataset(folder, name),
  },
  classes: {
    index: (end) => `file,dog,cat\na${end},1,0\nb${end},0,1\nc${end},0,0.5\n`,
    make: (name) => new SimpleAudioClassificationDataset(folder, name),
  },
  values: {
    index: (end) => `a${end},0.1\nb${end},7\nc${end},-3\n`,
    make: (name) => new RegressionDataset(folder, name),
  },
  frames: {
    index: (end) => `a${end},k.csv\nb${end},k.csv\nc${end},k.csv\n`,
    make: (name) => new AudioClassificationDataset(folder, name),
  },
};

before(() => {
  // Shorter than a block of FLAC, several blocks, and a sound that is 24 bits: mono and stereo.
  python(
    `
import numpy as np, soundfile as sf, os
rng = np.random.default_rng(1)
for side in ("in", "out"):
    os.makedirs(f"{input}/{side}")
    for name, n in (("a", 30000), ("b", 1777), ("c", 21111)):
        t = np.arange(n) / 8000
        for end, shape in (("", (n, 1)), ("2", (n, 2))):
            x = 0.5 * np.sin(2 * np.pi * 300 * t)[:, None] + rng.normal(0, .02, shape)
            sf.write(f"{input}/{side}/{name}{end}.wav", x, 8000, subtype="PCM_24" if name == "c" else "PCM_16")
            sf.write(f"{input}/{side}/{name}{end}.flac", x, 8000, subtype="PCM_16")
print(0)`,
    folder,
  );
  writeFileSync(join(folder, "k.csv"), "t,c,d\n0,0,0\n100,1,0\n500,0.5,1\n1600,0,0\n");
});

async function record(kind: string, end: string, encoding: "pcm16" | "flac"): Promise<Dataset> {
  const name = `${kind}${end.replace(".", "-")}-${encoding}-`;
  const { index, make } = KINDS[kind]!;
  writeFileSync(join(folder, name), index(end));
  const dataset = make(name);
  const labels = kind === "frames" ? ({ timeUnit: "samples", inputSize: 200 } as const) : {};
  await dataset.generateRecords({ encoding, ...labels, ...quiet });
  return dataset;
}

const WHOLE = { trainSplit: 1, valSplit: 0, testSplit: 0, batchSize: 2 };

/** Every batch of two epochs, as shapes and values. */
async function epochs(dataset: Dataset, options: LoadOptions): Promise<unknown[]> {
  await dataset.load({ ...WHOLE, ...options });
  const all: unknown[] = [];
  for (let epoch = 0; epoch < 2; epoch++) {
    await dataset.train.forEachAsync(({ xs, ys }) => {
      for (const tensor of [xs, ys])
        all.push(tensor.shape, Buffer.from(tensor.dataSync().slice().buffer).toString("hex"));
      tf.dispose([xs, ys]);
    });
  }
  return all;
}

const FEATURES = { kind: "logMel", fftLength: 256, frameLength: 256, frameStep: 200, melBins: 8 } as const;
const LOADS: Record<string, LoadOptions> = {
  whole: {},
  frames: { inputSize: 200 },
  windows: { inputSize: 200, window: { length: 1000, step: 700 } },
  "windows at the end": { inputSize: 200, window: { length: 9000, padEnd: true }, checksums: "always" },
  "windows of one block and more": { window: { length: 4096, step: 4096 }, workers: 2 },
  augmented: {
    inputSize: 200,
    window: { length: 4000 },
    augment: { gain: [-6, 0], shift: 50, noise: [10, 20] },
    seed: 3,
  },
  features: { features: FEATURES, inputSize: 200 },
};

for (const [kind, ends] of [
  ["pairs", [".wav", "2.wav", ".flac"]],
  ["classes", [".wav", "2.flac"]],
  ["values", ["2.wav"]],
  ["frames", [".wav", "2.wav"]],
] as const) {
  test(`kind ${kind}: flac gives pcm16's tensors, to the bit, whole, in windows, augmented and as features`, async () => {
    for (const end of ends) {
      const [pcm, flac] = [await record(kind, end, "pcm16"), await record(kind, end, "flac")];
      for (const [what, options] of Object.entries(LOADS)) {
        if (kind === "frames" && !options.inputSize) continue;
        const expected = await epochs(pcm, options);
        assert.ok(expected.length > 0);
        assert.deepEqual(await epochs(flac, options), expected, `${kind} ${end} ${what}`);
      }
      for (let i = 0; i < 3; i++) assert.deepEqual(await flac.example(i), await pcm.example(i));
      assert.deepEqual(flac.statistics(), pcm.statistics());
      assert.deepEqual(flac.records.manifest.samples, pcm.records.manifest.samples);
      assert.equal((await flac.verify()).sound, true);
    }
  });
}

test("an example is a FLAC file that soundfile reads from the bytes of its feature, with the source's samples", async () => {
  for (const end of [".wav", "2.wav", ".flac", "2.flac"]) {
    const dataset = await record("classes", end, "flac");
    await dataset.load(WHOLE);
    const differences = python(
      `
import io, numpy as np, soundfile as sf, tensorflow as tf
spec = {"a_in": tf.io.FixedLenFeature([], tf.string), "name": tf.io.FixedLenFeature([], tf.string)}
found = []
for record in tf.data.TFRecordDataset(input["paths"]):
    example = tf.io.parse_single_example(record, spec)
    with sf.SoundFile(io.BytesIO(example["a_in"].numpy())) as file:
        x = file.read(dtype="int16", always_2d=True)
        file.seek(min(1700, len(x)))
        rest = file.read(dtype="int16", always_2d=True)
    y, rate = sf.read(input["in"] + example["name"].numpy().decode(), dtype="float64", always_2d=True)
    right = np.clip(np.floor(y * 32768 + 0.5), -32768, 32767)
    found.append([file.format, file.subtype, file.samplerate, x.shape == y.shape, int(np.abs(x - right).max()), bool((x[1700:] == rest).all())])
print(json.dumps(found))`,
      { paths: dataset.records.paths, in: join(folder, "in/") },
    );
    assert.deepEqual(differences, Array(3).fill(["FLAC", "PCM_16", 8000, true, 0, true]), end);
  }
});

test("a FLAC of 16 bits that nothing is changed of is stored as it is; any number of workers makes the same bytes", async (t) => {
  const dataset = await record("classes", ".flac", "flac");
  await dataset.load(WHOLE);
  const [offset, bytes] = [dataset.records.inputAt[0]!, dataset.records.inputBytes[0]!];
  const stored = readFileSync(dataset.records.paths[0]!).subarray(offset, offset + bytes);
  const source = readFileSync(join(folder, "in/a.flac"));
  // STREAMINFO, and everything from the first frame's header on: libFLAC's frames are all of the form FF F8.
  assert.deepEqual(stored.subarray(8, 42), source.subarray(8, 42));
  assert.deepEqual(stored.subarray(42), source.subarray(-(bytes - 42)));
  assert.deepEqual([...stored.subarray(42, 44)], [0xff, 0xf8]);
  const copies = [1, 2, 3].map(() => folderOf(t));
  for (const [i, copy] of copies.entries()) {
    mkdirSync(join(copy, "in"));
    for (const file of readdirSync(join(folder, "in"))) copyFileSync(join(folder, "in", file), join(copy, "in", file));
    writeFileSync(join(copy, "set"), "a.wav,1\nb.wav,2\nc.wav,3\na2.wav,4\na.flac,1\n");
    const options = {
      ...quiet,
      encoding: "flac",
      convert: { channels: 1 },
      examplesPerFile: 1,
      workers: i + 1,
    } as const;
    await new RegressionDataset(copy, "set").generateRecords(options);
  }
  const [one, ...others] = copies.map(shardHashes);
  assert.equal(Object.keys(one!).length, 5);
  for (const other of others) assert.deepEqual(other, one);
});

test("verify names the damaged example, loading refuses it, repair rebuilds it from its source or keeps the others", async () => {
  const dataset = await record("values", ".wav", "flac");
  await dataset.load(WHOLE);
  const { paths, inputAt, inputBytes } = dataset.records;
  const path = paths[0]!;
  const sound = readFileSync(path);
  const damaged = Buffer.from(sound);
  damaged[inputAt[1]! + inputBytes[1]! - 50]! ^= 1;
  writeFileSync(path, damaged);
  const { problems } = await dataset.verify();
  assert.deepEqual(
    problems.map(({ kind, example }) => [kind, example]),
    [["data", 1]],
  );
  await dataset.load({ ...WHOLE, shuffle: false });
  const iterator = await dataset.train.iterator();
  await assert.rejects(iterator.next(), /^DatasetError: data checksum.*verify\(\) says more, repair\(\) fixes it/);
  assert.deepEqual((await dataset.repair()).rebuilt, ["values-wav-flac-0.tfrecord"]);
  assert.deepEqual(readFileSync(path), sound);
  const source = join(folder, "in/b.wav");
  const kept = readFileSync(source);
  const index = path.replace(/tfrecord$/, "index");
  const text = readFileSync(index);
  rmSync(index);
  // The index alone is found again by reading the shard.
  assert.deepEqual((await dataset.repair()).indexed, ["values-wav-flac-0.tfrecord"]);
  assert.deepEqual(JSON.parse(readFileSync(index, "utf8")), JSON.parse(text.toString()));
  writeFileSync(path, damaged);
  rmSync(source);
  assert.deepEqual((await dataset.repair()).salvaged, [{ file: "values-wav-flac-0.tfrecord", kept: 2, lost: 1 }]);
  writeFileSync(source, kept);
  const pcm = await record("values", ".wav", "pcm16");
  await pcm.load(WHOLE);
  await dataset.load({ ...WHOLE, allowStale: true });
  assert.deepEqual((await dataset.example(1)).input, (await pcm.example(2)).input);
});

test("folds, the audit and the export are those of pcm16", async (t) => {
  const [flac, pcm] = [await record("pairs", ".wav", "flac"), await record("pairs", ".wav", "pcm16")];
  const reports: unknown[] = [];
  for (const dataset of [flac, pcm]) {
    await dataset.load({ split: { train: Uint32Array.of(0), test: Uint32Array.of(1, 2) } });
    const report = await dataset.audit(quiet);
    reports.push(JSON.parse(JSON.stringify(report.findings)));
    const folds = await dataset.kfold(3);
    assert.equal(
      folds.reduce((sum, fold) => sum + fold.test.size, 0),
      3,
    );
  }
  assert.ok((reports[0] as unknown[]).length > 0);
  assert.deepEqual(reports[0], reports[1]);
  const to = folderOf(t);
  for (const encoding of ["pcm16", "flac"] as const) {
    const dataset = await record("values", "2.wav", encoding);
    await dataset.load(WHOLE);
    await exportDataset(dataset, join(to, encoding), { format: "audiofolder", ...quiet });
  }
  const wavs = (of: string): string[] =>
    readdirSync(join(to, of), { recursive: true })
      .map(String)
      .filter((f) => /wav$/.test(f))
      .sort();
  assert.ok(wavs("pcm16").length > 0);
  assert.deepEqual(wavs("flac"), wavs("pcm16"));
  for (const file of wavs("pcm16"))
    assert.deepEqual(readFileSync(join(to, "flac", file)), readFileSync(join(to, "pcm16", file)));
});

test("a form that FLAC doesn't have, and a missing libsndfile, are said before anything is built", async (t) => {
  const copy = folderOf(t);
  mkdirSync(join(copy, "in"));
  python(
    `
import numpy as np, soundfile as sf
sf.write(input + "/in/a.wav", np.zeros((100, 9)) + .1, 8000)
sf.write(input + "/in/b.wav", np.zeros(100) + .1, 8000)
print(0)`,
    copy,
  );
  writeFileSync(join(copy, "nine"), "a.wav,1\n");
  writeFileSync(join(copy, "one"), "b.wav,1\n");
  const before = readdirSync(copy);
  await assert.rejects(
    new RegressionDataset(copy, "nine").generateRecords({ ...quiet, encoding: "flac" }),
    /^DatasetError: encoding "flac": 9 channels at 8000 Hz, expected at most 8 channels and 655,350 Hz \(dataset "nine"\); use "pcm16", or convert/,
  );
  const code = `
const { RegressionDataset } = require(process.argv[1]);
new RegressionDataset(process.argv[2], "one").generateRecords({ onProgress: false, encoding: "flac" }).catch((e) => console.log(e.code, e.message));`;
  const env = { ...process.env, DEEP_AUDIO_VENV: join(copy, "none") };
  const { stdout } = spawnSync(process.execPath, ["-e", code, join(root, "dist/index.js"), copy], {
    encoding: "utf8",
    env,
  });
  assert.match(
    stdout,
    /^ENVIRONMENT libsndfile: not found, expected the Python package soundfile in .venv \(dataset "one"\)/,
  );
  assert.deepEqual(readdirSync(copy), before);
});
