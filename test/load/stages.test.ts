// The stages that `batches` is made of, each alone.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Epochs } from "../../dist/load/epochs.js";
import { type Cursor, iterateEpoch } from "../../dist/load/iterate.js";
import { type EpochShape, type Place, placeOf, stateAt } from "../../dist/load/load-state.js";
import type { RawBatch, ReadAhead } from "../../dist/load/read-ahead.js";

const shape: EpochShape = { seed: 7, items: 25, batchSize: 10, size: 3 };

test("a state names the place it was made at; behind the last batch it is the next epoch's beginning", () => {
  fc.assert(
    fc.property(fc.nat(1e6), fc.nat(3), (epoch, batch) => {
      const state = stateAt({ epoch, batch }, shape);
      assert.deepEqual(placeOf(state, shape), batch === 3 ? { epoch: epoch + 1, batch: 0 } : { epoch, batch });
      assert.deepEqual(JSON.parse(JSON.stringify(state)), state);
    }),
  );
});

test("a state of different data, or of a place that there isn't, is refused by name", () => {
  const state = stateAt({ epoch: 2, batch: 1 }, shape);
  for (const [change, message] of [
    [{ seed: 8 }, "state: seed 8, expected 7: it was saved for different data"],
    [{ items: 24 }, "state: items 24, expected 25: it was saved for different data"],
    [{ batchSize: 5 }, "state: batchSize 5, expected 10: it was saved for different data"],
    [{ batch: 4 }, "state: batch 4, expected a whole number from 0 to 3"],
    [{ epoch: 0.5 }, "state: epoch 0.5, expected a whole number from 0 on"],
  ] as const) {
    assert.throws(() => placeOf({ ...state, ...change }, shape), { code: "OPTION", message });
  }
});

/** Epochs of three batches whose reading is written down; a batch is its place. */
function recorded(): { epochs: Epochs; log: string[] } {
  const log: string[] = [];
  const read = ({ epoch, batch }: Place): ReadAhead => {
    log.push(`read ${epoch}.${batch}`);
    let at = batch;
    const raw = (): RawBatch => ({ examples: Uint32Array.of(epoch, at++) }) as unknown as RawBatch;
    return {
      begin: () => void log.push(`begin ${epoch}`),
      next: async () => (at < shape.size ? raw() : undefined),
      release: ({ examples }) => void log.push(`release ${examples[0]}.${examples[1]}`),
    };
  };
  return { epochs: { shape, values: () => undefined, read }, log };
}

async function all(epochs: Epochs, cursor: Cursor): Promise<string[]> {
  const iterator = iterateEpoch(epochs, cursor, ({ examples }) => examples.join("."));
  const found: string[] = [];
  for (let result = await iterator.next(); !result.done; result = await iterator.next()) found.push(result.value);
  return found;
}

test("epochs follow each other, each batch once; the next one's first batches are read with the last of this one", async () => {
  const { epochs, log } = recorded();
  const start = { epoch: 0, batch: 0 };
  const cursor: Cursor = { next: start, now: start };
  // Made and never read: no epoch of its own.
  iterateEpoch(epochs, cursor, () => "");
  assert.deepEqual(await all(epochs, cursor), ["0.0", "0.1", "0.2"]);
  assert.deepEqual(cursor.now, { epoch: 1, batch: 0 });
  assert.deepEqual(await all(epochs, cursor), ["1.0", "1.1", "1.2"]);
  assert.deepEqual(
    log.filter((line) => !line.startsWith("release")),
    ["read 0.0", "read 1.0", "begin 1", "read 2.0", "begin 2"],
  );
  assert.equal(log.filter((line) => line.startsWith("release")).length, 6);
});

test("a place in the middle is where the next iterator begins, and what was read ahead of it is dropped", async () => {
  const { epochs } = recorded();
  const start = { epoch: 0, batch: 0 };
  const cursor: Cursor = { next: start, now: start };
  await all(epochs, cursor);
  cursor.next = placeOf({ ...stateAt({ epoch: 4, batch: 2 }, shape) }, shape);
  assert.deepEqual(await all(epochs, cursor), ["4.2"]);
  assert.deepEqual(await all(epochs, cursor), ["5.0", "5.1", "5.2"]);
});

test("calls that don't wait get their batches in order", async () => {
  const { epochs } = recorded();
  const start = { epoch: 0, batch: 0 };
  const iterator = iterateEpoch(epochs, { next: start, now: start }, ({ examples }) => examples.join("."));
  const results = await Promise.all([1, 2, 3, 4].map(() => iterator.next()));
  assert.deepEqual(
    results.map(({ done, value }) => (done ? "end" : value)),
    ["0.0", "0.1", "0.2", "end"],
  );
});
