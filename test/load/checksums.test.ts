// A flipped bit never reaches a tensor: records are compared with their checksums while they are read.
import assert from "node:assert/strict";
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import fc from "fast-check";
import { AudioClassificationDataset, AudioDataset, type Dataset } from "../../dist/dataset.js";
import { encodeWav } from "../../dist/format/wav.js";
import type { BatchOptions } from "../../dist/load/options.js";
import { loadTensorFlow } from "../../dist/tensorflow/load.js";

const directory = mkdtempSync(join(tmpdir(), "checksums-"));
after(() => rmSync(directory, { recursive: true }));
const tf = loadTensorFlow();
const quiet = { onProgress: false as const, workers: 1 };

/** Twelve sounds, as pairs and with labels per frame. */
async function made(kind: "pairs" | "frames"): Promise<{ dataset: Dataset; shard: string }> {
  const folder = join(directory, kind);
  mkdirSync(join(folder, "in"), { recursive: true });
  let index = "";
  for (let k = 0; k < 12; k++) {
    const samples = Int16Array.from({ length: 300 + 40 * k }, (_, i) => 1000 * k + i);
    writeFileSync(join(folder, `in/${k}.wav`), encodeWav({ sampleRate: 8000, channels: 1, samples }));
    writeFileSync(join(folder, `${k}.csv`), "TIME STAMP,a,b\n0,0,1\n2,1,0\n");
    index += kind === "pairs" ? `${k}.wav,${(k + 1) % 12}.wav\n` : `${k}.wav,${k}.csv\n`;
  }
  writeFileSync(join(folder, "set"), index);
  const dataset = kind === "pairs" ? new AudioDataset(folder, "set") : new AudioClassificationDataset(folder, "set");
  await dataset.generateRecords({ ...quiet, examplesPerFile: 12, inputSize: 100 });
  return { dataset, shard: join(folder, "set0.tfrecord") };
}

async function epoch(dataset: Dataset): Promise<number> {
  let sum = 0;
  await dataset.train.forEachAsync((batch) => {
    const { xs, ys } = batch as {
      xs: import("@tensorflow/tfjs-core").Tensor;
      ys: import("@tensorflow/tfjs-core").Tensor;
    };
    sum += tf.tidy(() => xs.sum().add(ys.sum()).dataSync()[0]!);
    tf.dispose([xs, ys]);
  });
  return sum;
}

/** The first batches of the second epoch may have been read with the last of the one before. */
async function twoEpochs(dataset: Dataset): Promise<void> {
  await epoch(dataset);
  await epoch(dataset);
}

const whole = { batchSize: 5, trainSplit: 1, valSplit: 0, testSplit: 0, inputSize: 100 };

/** Writes a shard with one bit flipped, or as it was, at the time it always had: a failing disk leaves no trace. */
function write(file: string, bytes: Buffer, flipped?: number): void {
  const stored = Buffer.from(bytes);
  if (flipped !== undefined) stored[flipped >> 3]! ^= 1 << (flipped & 7);
  writeFileSync(file, stored);
  utimesSync(file, 1_700_000_000, 1_700_000_000);
}

for (const kind of ["pairs", "frames"] as const) {
  test(`any flipped bit of a shard is found in the first epoch: ${kind}`, async () => {
    const { dataset, shard } = await made(kind);
    const bytes = readFileSync(shard);
    await dataset.load(whole);
    const right = await epoch(dataset);
    await fc.assert(
      fc.asyncProperty(fc.nat(8 * bytes.length - 1), async (bit) => {
        write(shard, bytes, bit);
        await dataset.load(whole);
        await assert.rejects(epoch(dataset), {
          code: "RECORD",
          message:
            /(checksum|record): .*, expected .* \(set0\.tfrecord, byte \d+\); verify\(\) says more, repair\(\) fixes it/,
        });
      }),
      { numRuns: 40, seed: 1 },
    );
    write(shard, bytes);
    await dataset.load(whole);
    assert.equal(await epoch(dataset), right);
  });
}

test("later epochs are checked where that is asked for, and none where it is switched off", async () => {
  const { dataset, shard } = await made("pairs");
  const bytes = readFileSync(shard);
  // The middle of the first example's samples.
  const bit = 8 * 200;
  const load = (checksums: NonNullable<BatchOptions["checksums"]>): Promise<unknown> =>
    dataset.load({ ...whole, shuffle: false, checksums });
  write(shard, bytes);
  await load("always");
  await epoch(dataset);
  write(shard, bytes, bit);
  await assert.rejects(twoEpochs(dataset), { code: "RECORD" });
  // Damaged before it is opened: batches of the next epoch are read ahead, and would see a file half written.
  await load("never");
  await twoEpochs(dataset);
  write(shard, bytes);
  await assert.rejects(dataset.load({ ...whole, checksums: "sometimes" as never }), {
    code: "OPTION",
    message: 'checksums: "sometimes", expected "first", "always" or "never"',
  });
});

test("a shard that is written to while it is open is noticed", async () => {
  const { dataset, shard } = await made("pairs");
  await dataset.load(whole);
  await epoch(dataset);
  const file = openSync(shard, "r+");
  writeSync(file, Uint8Array.of(255), 0, 1, 200);
  closeSync(file);
  utimesSync(shard, new Date(), new Date(Date.now() + 60_000));
  await assert.rejects(twoEpochs(dataset), { code: "RECORD", message: /shard: changed since it was opened/ });
});
