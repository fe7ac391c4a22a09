// Weighted and class-balanced epochs: how often each example comes, that seed and epoch alone decide, and that they resume.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { balancedSampling, drawnOrder, itemWeights } from "../../dist/load/sampling.js";
import type { LoadOptions, SimpleAudioClassificationDataset } from "../../dist/index.js";
import type { TestContext } from "node:test";
import { numberedSet, numbersIn as drawn } from "../support/numbered-set.js";

/** A set of 8 dogs, 3 cats and a bird. */
async function set(t: TestContext, options: LoadOptions = {}): Promise<SimpleAudioClassificationDataset> {
  const load = await numberedSet(t, [...Array(8).fill("dog"), ...Array(3).fill("cat"), "bird"]);
  return load({ batchSize: 4, ...options });
}

describe("sampling", () => {
  it("balanced: each class as often as any other, in every epoch", async (t) => {
    const dataset = await set(t, { sampling: "balanced" });
    const epochs: number[][] = [];
    for (let epoch = 0; epoch < 3; epoch++) epochs.push(await drawn(dataset.train));
    for (const order of epochs) {
      const count = (from: number, to: number): number => order.filter((i) => i >= from && i < to).length;
      assert.deepEqual([order.length, count(11, 12)], [12, 4]);
      for (const found of [count(0, 8), count(8, 11)]) assert.ok(Math.abs(found - 4) <= 2, String(order));
    }
    assert.notDeepEqual(epochs[0], epochs[1]);
    // Validation and batches of one's own choice stay as they are.
    assert.deepEqual(await drawn(dataset.batchesOf([3, 1, 2])), [3, 1, 2]);
  });

  it("by weights; the same for any number of workers; resumes where it was", async (t) => {
    const sampling = (name: string): number => (name === "5.wav" ? 11 : name < "2" ? 1 : 0);
    const dataset = await set(t, { sampling, seed: 3 });
    const state = dataset.train.state();
    const all = [await drawn(dataset.train), await drawn(dataset.train)];
    for (const order of all)
      assert.ok(
        order.every((i) => i === 5 || `${i}.wav` < "2"),
        String(order),
      );
    assert.ok(all.flat().filter((i) => i === 5).length >= 17, String(all));
    const { records, split, loadOptions } = dataset;
    await dataset.load({ ...loadOptions, workers: 3 });
    assert.deepEqual(await drawn(dataset.train), all[0]);
    dataset.train.resume(state);
    assert.deepEqual(await drawn(dataset.train, 1), all[0]!.slice(0, 4));
    const place = dataset.train.state();
    assert.equal(place.batch, 1);
    dataset.train.resume(place);
    assert.deepEqual(await drawn(dataset.train), all[0]!.slice(4));
    await dataset.load({ ...loadOptions, sampling: () => 1 });
    assert.throws(() => dataset.train.resume(place), { code: "OPTION", message: /drawn .*saved for different data/ });
    assert.ok(records.count === split.train.length);
  });

  it("each item comes as often as its weight says, rounded down or up", () => {
    const weights = fc
      .array(fc.double({ min: 0, max: 100, noNaN: true }), { minLength: 1, maxLength: 60 })
      .filter((list) => list.some((w) => w > 1e-3));
    const property = fc.property(weights, fc.integer(), fc.nat(9), (list, seed, epoch) => {
      const order = drawnOrder(Float64Array.from(list), seed, epoch);
      const sum = list.reduce((a, b) => a + b, 0);
      for (const [i, weight] of list.entries()) {
        const exact = (weight / sum) * list.length;
        const found = order.filter((k) => k === i).length;
        assert.ok(found >= Math.floor(exact - 1e-6) && found <= Math.ceil(exact + 1e-6), `${found}, expected ${exact}`);
      }
    });
    fc.assert(property, { numRuns: 500 });
  });

  it("an example of several classes counts for each, one without is a class of its own; windows share a weight", () => {
    const classes = [[0], [0, 1], [], [1]];
    assert.deepEqual([...balancedSampling(classes, Uint32Array.from([0, 1, 2, 3]))], [0.5, 1, 1, 0.5]);
    assert.deepEqual([...itemWeights([1, 3], Uint32Array.from([4, 7]), Uint32Array.from([4, 7, 7, 7]))], [1, 1, 1, 1]);
  });

  it("what can't be weights is refused", async (t) => {
    const dataset = await set(t);
    const refused = (sampling: LoadOptions["sampling"], message: RegExp): Promise<void> =>
      assert.rejects(dataset.load({ ...dataset.loadOptions, sampling: sampling! }), { code: "OPTION", message });
    await refused(() => -1, /^weight of example 0: -1, expected a number of at least 0/);
    await refused(() => 0, /^weights: all 0/);
    await refused("even" as never, /^sampling: "even", expected "balanced" or a function/);
  });
});
