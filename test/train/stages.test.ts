// What `fit` keeps of a training, alone: means over an epoch's batches, places in the order, the best epoch.
import assert from "node:assert/strict";
import { test } from "node:test";
import { addBatch, endEpoch, isBetter, placeIn, type TrainingState } from "../../dist/train/training-state.js";

test("an epoch's numbers are means over its examples, also where it was begun before an interrupt", () => {
  const state: TrainingState = { epoch: 0, history: {} };
  addBatch(state, { batch: 0, size: 30, loss: 1 });
  // As a checkpoint keeps it in between.
  const later = JSON.parse(JSON.stringify(state)) as TrainingState;
  addBatch(later, { batch: 1, size: 10, loss: 5 });
  // tfjs itself knows the batches after the interrupt alone.
  assert.deepEqual(endEpoch(later, 0, { loss: 5, val_loss: 3 }), { loss: (30 * 1 + 10 * 5) / 40, val_loss: 3 });
  assert.deepEqual(later, { epoch: 1, history: { loss: [2], val_loss: [3] } });
});

test("an epoch whose batches are all trained on is over when it was validated too", () => {
  assert.deepEqual(placeIn({ epoch: 3, batch: 0 }, 2, 5), { epoch: 2, batch: 5 });
  assert.deepEqual(placeIn({ epoch: 3, batch: 0 }, 3, 5), { epoch: 3, batch: 0 });
  assert.deepEqual(placeIn({ epoch: 3, batch: 4 }, 3, 5), { epoch: 3, batch: 4 });
});

test("better is smaller or larger by more than the least change", () => {
  assert.deepEqual(
    [
      isBetter(0.9, 1, "min", 0),
      isBetter(1, 1, "min", 0),
      isBetter(0.95, 1, "min", 0.1),
      isBetter(1.2, 1, "max", 0.1),
      isBetter(1.05, 1, "max", 0.1),
    ],
    [true, false, false, true, false],
  );
});
