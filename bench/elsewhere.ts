/** An epoch of records in an S3 bucket (moto, on this machine) beside one from the disk: with everything kept here, and with nothing. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CreateBucketCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { AudioDataset, loadTensorFlow } from "../dist/index.js";
import { startS3 } from "../test/support/moto.js";
import { compare, measure, report, round, tiny } from "./harness.js";

const STEPS = tiny ? 4 : 160;
const EPOCHS = tiny ? 1 : 5;

async function main(folder: string): Promise<void> {
  loadTensorFlow();
  const made = new AudioDataset(join(folder, "set"), "tones");
  await made.generate(100, 1000, STEPS, {
    removeWav: true,
    dilation: 2,
    examplesPerFile: STEPS / 4,
    onProgress: false,
  });
  const s3 = await startS3();
  const client = new S3Client({ forcePathStyle: true });
  const Bucket = "bench";
  await client.send(
    new CreateBucketCommand({ Bucket, CreateBucketConfiguration: { LocationConstraint: "eu-central-1" } }),
  );
  let stored = 0;
  for (const name of readdirSync(made.directory).filter((name) => /\.(tfrecord|index|json)$/.test(name))) {
    const Body = readFileSync(join(made.directory, name));
    await client.send(new PutObjectCommand({ Bucket, Key: `set/${name}`, Body }));
    if (name.endsWith(".tfrecord")) stored += Body.length;
  }
  const open = async (directory: string, cache?: string): Promise<AudioDataset> => {
    const dataset = new AudioDataset(directory, "tones");
    const kept = cache === undefined ? {} : { cache: { folder: cache } };
    await dataset.load({ inputSize: 256, batchSize: 64, trainSplit: 1, valSplit: 0, testSplit: 0, ...kept });
    return dataset;
  };
  const epochs = (dataset: AudioDataset, count: number) => async (): Promise<number> => {
    let examples = 0;
    for (let epoch = 0; epoch < count; epoch++) {
      await dataset.train.forEachAsync(({ xs, ys }) => {
        examples += xs.shape[0]!;
        for (const tensor of [xs, ys]) tensor.dispose();
      });
    }
    return examples;
  };
  const local = await open(made.directory);
  const pairs = local.records.count;
  const work = `${pairs} pairs of 1 s, batches of 64, float32 on TensorFlow`;
  const warm = await open("s3://bench/set", join(folder, "warm"));
  await epochs(warm, 1)();
  await compare(
    {
      name: "epoch from s3://, all of it kept here",
      work: `${EPOCHS} epochs: ${work}`,
      peer: "this library from the disk",
      target: 0.9,
    },
    () => measure(epochs(warm, EPOCHS)),
    () => measure(epochs(local, EPOCHS)),
  );
  const cache = join(folder, "cold");
  const cold = await open("s3://bench/set", cache);
  const { seconds } = await measure(epochs(cold, 1));
  const kept = readdirSync(cache, { withFileTypes: true }).filter(({ name }) => /^[0-9a-f]{64}$/.test(name));
  const bytes = kept.reduce((sum, { name }) => sum + statSync(join(cache, name)).size, 0);
  const fetchedShare = round(bytes / stored);
  report({
    name: "first epoch from s3://",
    work,
    seconds,
    pairsPerSecond: Math.round(pairs / seconds),
    fetchedShare,
    tiny,
  });
  s3.close();
}

const folder = mkdtempSync(join(process.env.BENCH_FOLDER ?? tmpdir(), "bench-elsewhere-"));
main(folder).finally(() => rmSync(folder, { recursive: true, force: true }));
