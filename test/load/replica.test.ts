// Several processes that read the same epochs: what each gets, as PyTorch's DistributedSampler hands it out.
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import fc from "fast-check";
import { replicaOrder } from "../../dist/load/replica.js";
import type { LoadOptions, SimpleAudioClassificationDataset } from "../../dist/index.js";
import { numberedSet, numbersIn as examples } from "../support/numbered-set.js";

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

/** A set of 22 sounds as one of several processes loads it. */
async function set(t: TestContext): Promise<(options: LoadOptions) => Promise<SimpleAudioClassificationDataset>> {
  const load = await numberedSet(
    t,
    Array.from({ length: 22 }, (_, i) => (i % 2 ? "a" : "b")),
  );
  return (options) => load({ batchSize: 3, seed: 5, ...options });
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
