// Several processes that read the same epochs: what each gets, as PyTorch's DistributedSampler hands it out.
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import fc from "fast-check";
import { replicaOrder } from "../../dist/load/replica.js";
import {
  type Batches,
  encodeWav,
  fromCsv,
  loadTensorFlow,
  type LoadOptions,
  SimpleAudioClassificationDataset,
} from "../../dist/index.js";
import { folder, quiet } from "../support/records.js";

test("shares are those of torch.utils.data.DistributedSampler", () => {
  const order = Uint32Array.from([4, 1, 7, 5, 3, 9, 0, 8, 6, 2]);
  const shares = (count: number, drop: boolean): number[][] =>
    Array.from({ length: count }, (_, index) => Array.from(replicaOrder(order, { index, count }, drop)));
  // `list(DistributedSampler(order, num_replicas, rank, shuffle=False, drop_last))` of torch 2.13, as places in the order.
  const places = (share: number[][]): number[][] => share.map((items) => items.map((item) => order.indexOf(item)));
  assert.deepEqual(places(shares(4, false)), [
    [0, 4, 8],
    [1, 5, 9],
    [2, 6, 0],
    [3, 7, 1],
  ]);
  assert.deepEqual(places(shares(4, true)), [
    [0, 4],
    [1, 5],
    [2, 6],
    [3, 7],
  ]);
});

test("shares of any order are equally long, together all of it, and disjoint but for what fills them up", () => {
  fc.assert(
    fc.property(fc.nat(50), fc.integer({ min: 1, max: 12 }), fc.boolean(), (items, count, drop) => {
      const order = Uint32Array.from({ length: items }, (_, i) => items - 1 - i);
      const shares = Array.from({ length: count }, (_, index) => replicaOrder(order, { index, count }, drop));
      const each = drop ? Math.floor(items / count) : Math.ceil(items / count);
      assert.ok(shares.every((share) => share.length === each));
      const found = new Set(shares.flatMap((share) => Array.from(share)));
      assert.equal(found.size, drop ? each * count : items);
    }),
  );
});

/** A set of 22 sounds as one of several processes loads it; the first sample of example i is i + 1. */
async function set(t: TestContext): Promise<(options: LoadOptions) => Promise<SimpleAudioClassificationDataset>> {
  const directory = folder(t);
  mkdirSync(join(directory, "in"));
  let csv = "f,c\n";
  for (let i = 0; i < 22; i++) {
    const samples = new Int16Array(50).fill(i + 1);
    writeFileSync(join(directory, `in/${i}.wav`), encodeWav({ sampleRate: 8000, channels: 1, samples }));
    csv += `${i}.wav,${i % 2 ? "a" : "b"}\n`;
  }
  writeFileSync(join(directory, "t.csv"), csv);
  const index = await fromCsv(directory, "t.csv", { file: "f", label: "c" });
  await new SimpleAudioClassificationDataset(directory, "set").generateRecords({ ...quiet, index });
  return async (options) => {
    const dataset = new SimpleAudioClassificationDataset(directory, "set", { seed: 5 });
    await dataset.load({ batchSize: 3, trainSplit: 1, valSplit: 0, testSplit: 0, ...options });
    return dataset;
  };
}

async function examples(batches: Batches, most = Infinity): Promise<number[]> {
  const tf = loadTensorFlow();
  const found: number[] = [];
  const iterator = await batches.iterator();
  for (let n = 0; n < most; n++) {
    const { value, done } = await iterator.next();
    if (done) break;
    for (const row of (await value.xs.array()) as number[][]) found.push(Math.round(row[0]! * 32768) - 1);
    tf.dispose([value.xs, value.ys]);
  }
  return found;
}

test("three processes read each epoch together, in equally many batches, and resume", async (t) => {
  const load = await set(t);
  const alone = await load({});
  const three = await Promise.all([0, 1, 2].map((index) => load({ replica: { index, count: 3 } })));
  assert.deepEqual(
    three.map(({ train }) => train.size),
    [3, 3, 3],
  );
  for (let epoch = 0; epoch < 2; epoch++) {
    const order = await examples(alone.train);
    const padded = [...order, ...order.slice(0, 2)];
    for (const [rank, { train }] of three.entries())
      assert.deepEqual(
        await examples(train),
        padded.filter((_, k) => k % 3 === rank),
      );
  }
  const dropped = await load({ replica: { index: 2, count: 3 }, dropRemainder: true });
  assert.equal(dropped.train.size, 2);

  const begun = await load({ replica: { index: 1, count: 3 } });
  const whole = await examples((await load({ replica: { index: 1, count: 3 } })).train);
  assert.deepEqual(await examples(begun.train, 1), whole.slice(0, 3));
  const state = JSON.parse(JSON.stringify(begun.train.state()));
  const resumed = await load({ replica: { index: 1, count: 3 } });
  resumed.train.resume(state);
  assert.deepEqual(await examples(resumed.train), whole.slice(3));
  assert.throws(() => alone.train.resume(state), {
    code: "OPTION",
    message: "state: replicas 3, expected undefined: it was saved for different data",
  });
});

test("a replica that can't be, and one that is spelled wrong, are errors", async (t) => {
  const load = await set(t);
  await assert.rejects(load({ replica: { index: 3, count: 3 } }), {
    code: "OPTION",
    message: "replica: index 3 of count 3, expected a count above 0 and an index from 0 to below it",
  });
  const wrong = { index: 0, count: 2, rank: 1 } as { index: number; count: number };
  await assert.rejects(load({ replica: wrong }), {
    code: "OPTION",
    message: /^replica: option "rank", expected one of/,
  });
  const misspelled = { replcia: { index: 0, count: 2 } } as LoadOptions;
  await assert.rejects(load(misspelled), { code: "OPTION", message: /option "replcia".*did you mean replica\?/ });
});
