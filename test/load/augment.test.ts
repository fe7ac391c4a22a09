import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describe, it } from "node:test";
import {
  type Augment,
  AudioClassificationDataset,
  AudioDataset,
  type Dataset,
  encodeWav,
  type LoadOptions,
} from "../../dist/index.js";
import { checkAugment } from "../../dist/load/augment.js";
import { loadTensorFlow } from "../../dist/tensorflow/load.js";

const tf = loadTensorFlow();
const EPOCHS = 12;

/** A folder of 16-bit wavs at 8 kHz, and its index. */
function folderOf(files: Record<string, Int16Array>, index: string, channels = 1): string {
  const folder = mkdtempSync(join(tmpdir(), "augment-"));
  for (const [file, samples] of Object.entries(files)) {
    const path = join(folder, file);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, encodeWav({ samples, sampleRate: 8000, channels }));
  }
  writeFileSync(join(folder, "set"), index);
  return folder;
}

/** The train batches of some epochs, in the order of the index, with and without `augment`. */
async function read(dataset: Dataset, augment: Augment, options: LoadOptions = {}): Promise<[Arrays[], Arrays]> {
  await dataset.generateRecords({ onProgress: false });
  const load = async (more: LoadOptions, epochs: number): Promise<Arrays[]> => {
    const whole = { trainSplit: 1, valSplit: 0, testSplit: 0, batchSize: 8, shuffle: false } as const;
    await dataset.load({ ...whole, ...options, ...more });
    const { train } = dataset;
    const out: Arrays[] = [];
    for (let epoch = 0; epoch < epochs; epoch++) {
      await train.forEachAsync(({ xs, ys }) => {
        out.push({ x: xs.arraySync() as never, y: ys.arraySync() as never });
        tf.dispose([xs, ys]);
      });
    }
    return out;
  };
  const [plain] = await load({}, 1);
  return [await load({ augment }, EPOCHS), plain!];
}

interface Arrays {
  // biome-ignore lint/suspicious/noExplicitAny: nested as deep as the tensors
  x: any[];
  // biome-ignore lint/suspicious/noExplicitAny: nested as deep as the tensors
  y: any[];
}

const ramp = (samples: number): Int16Array => Int16Array.from({ length: samples }, (_, i) => 1000 + i);
const full = (samples: number): Int16Array => new Int16Array(samples).fill(16384);

describe("examples of different lengths", () => {
  const sides = { "in/a.wav": ramp(100), "out/a.wav": ramp(200), "in/b.wav": ramp(300), "out/b.wav": ramp(150) };

  it("both sides of a pair change over their own length", async () => {
    const folder = folderOf(sides, "a.wav,a.wav\nb.wav,b.wav\n");
    const [changed, plain] = await read(new AudioDataset(folder, "set"), { gain: [20, 20], shift: 40 });
    for (const { x, y } of changed) {
      for (const [row, lengths] of [
        [100, 200],
        [300, 150],
      ].entries()) {
        const moved = (by: number): boolean =>
          [x, y].every((side, k) => {
            const before: number[] = [plain.x, plain.y][k]![row];
            return side[row].every((value: number, i: number) => {
              const from = i - by;
              const there = i < lengths[k]! && from >= 0 && from < lengths[k]!;
              return Math.abs(value - (there ? 10 * before[from]! : 0)) < 1e-5;
            });
          });
        assert.ok(Array.from({ length: 81 }, (_, i) => i - 40).some(moved), `row ${row}`);
      }
    }
  });

  it("what is mixed into a shorter example gets the same gain", async () => {
    const folder = folderOf(
      { "in/a.wav": full(100), "out/a.wav": full(100), "in/b.wav": full(300), "out/b.wav": full(300) },
      "a.wav,a.wav\nb.wav,b.wav\n",
    );
    const mix = { probability: 1, weight: [0.5, 0.5] as [number, number] };
    const [[changed]] = await read(new AudioDataset(folder, "set"), { mix, gain: [20, 20] });
    for (const side of [changed!.x, changed!.y]) {
      const expected = Array.from({ length: 300 }, (_, i) => (i < 100 ? 5 : 2.5));
      assert.ok(side[0].every((value: number, i: number) => Math.abs(value - expected[i]!) < 1e-5));
    }
  });

  it("labels per frame move with the sound, and not beyond its end", async () => {
    const files = { "a.wav": full(400), "b.wav": full(800) };
    const folder = folderOf(files, "a.wav,a_key.csv\nb.wav,b_key.csv\n");
    for (const key of ["a_key.csv", "b_key.csv"]) writeFileSync(join(folder, key), "TIME STAMP,on\n0,1\n");
    const dataset = new AudioClassificationDataset(folder, "set");
    const [changed] = await read(dataset, { shift: 250 }, { inputSize: 100 });
    let shifted = 0;
    for (const { x, y } of changed) {
      for (const [row, frames] of x.entries()) {
        const sounds = frames.map((frame: number[]) => Number(frame.some((value) => value !== 0)));
        assert.deepEqual(
          y[row].map(([label]: number[]) => label),
          sounds,
        );
        if (sounds[0] === 0) shifted++;
      }
    }
    assert.ok(shifted > 0);
  });
});

describe("masks of frequencies", () => {
  for (const kind of ["logMel", "stft"] as const) {
    it(`${kind} of two channels: whole bins, of all channels and parts`, async () => {
      const noise = (seed: number): Int16Array =>
        Int16Array.from({ length: 4000 }, (_, i) => 9000 * Math.sin(seed + i * i * 0.01));
      const sounds = { "in/a.wav": noise(1), "out/a.wav": noise(2) };
      const folder = folderOf(sounds, "a.wav,a.wav\n", 2);
      const features = {
        kind,
        frameLength: 64,
        frameStep: 32,
        fftLength: 64,
        ...(kind === "logMel" ? { melBins: 12 } : {}),
      };
      const [changed, plain] = await read(
        new AudioDataset(folder, "set"),
        { frequencyMask: { bins: 6 } },
        { features },
      );
      let most = 0;
      for (const { x } of changed) {
        const [before, after] = [plain.x[0], x[0]] as number[][][][];
        const hit = after![0]!.map((_, bin) =>
          after!.map((frame, t) => {
            const values = [frame[bin], before![t]![bin]].map((value) => (value as unknown[]).flat(2) as number[]);
            return values[0]!.map((value, i) => value !== values[1]![i]);
          }),
        );
        for (const frames of hit) {
          const all = frames.flat();
          assert.ok(all.every(Boolean) || !all.some(Boolean));
        }
        most = Math.max(most, hit.filter((frames) => frames[0]![0]).length);
      }
      assert.ok(most > 3 && most <= 6, `${most} bins`);
    });
  }
});

it("changes that can't be are refused, each with what it may be", () => {
  const refused = (options: object, message: string): void =>
    assert.throws(() => checkAugment(options, true), { code: "OPTION", message });
  refused({ gain: [3, -3] }, "augment.gain: [3,-3], expected [least, most] in dB");
  refused({ noise: [0, Infinity] }, "augment.noise: [0,null], expected [least, most] in dB");
  refused({ mix: {} }, "augment.mix.probability: missing, expected a fraction from 0 to 1");
  refused({ mix: { probability: 1, weight: [0, 2] } }, "augment.mix.weight: [0,2], expected [least, most] from 0 to 1");
  refused({ polarity: 2 }, "augment.polarity: 2, expected a fraction from 0 to 1");
  refused({ shift: 0.5 }, "augment.shift: 0.5, expected a whole number from 0 on");
  refused({ timeMask: {} }, "augment.timeMask.length: missing, expected a whole number from 0 on");
  const masks = { timeMask: { length: 1, count: -1 } };
  refused(masks, "augment.timeMask.count: -1, expected a whole number from 0 on");
  checkAugment({ gain: [-3, 3], mix: { probability: 1, weight: [0, 1] }, timeMask: { length: 0, count: 2 } }, false);
});
