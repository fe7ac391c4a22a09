import assert from "node:assert/strict";
import { test } from "node:test";
import { checkSchedule, rateAt, type RateSchedule } from "../../dist/train/rate-schedule.js";
import { close } from "../support/close.js";
import { python } from "../support/python.js";

const TOTAL = 40;

/** A schedule here, and Keras's that gives the rate of 1 changed so. */
const SCHEDULES: [RateSchedule, string][] = [
  [{ decay: "cosine" }, "CosineDecay(1.0, 40)"],
  [{ decay: "cosine", end: 0.1 }, "CosineDecay(1.0, 40, alpha=0.1)"],
  [{ warmup: 5, decay: "cosine", end: 0.2 }, "CosineDecay(0.0, 35, alpha=0.2, warmup_target=1.0, warmup_steps=5)"],
  [{ decay: "step", every: 15, factor: 0.5 }, "ExponentialDecay(1.0, 15, 0.5, staircase=True)"],
];

test("rates are Keras's", () => {
  const code = `
import keras
print(json.dumps([[float(eval("keras.optimizers.schedules." + s)(i)) for i in range(${TOTAL})] for s in input]))`;
  const expected = python(
    code,
    SCHEDULES.map(([, keras]) => keras),
  ) as number[][];
  for (const [i, [schedule]] of SCHEDULES.entries()) {
    checkSchedule(schedule, TOTAL);
    const rates = Array.from({ length: TOTAL }, (_, step) => rateAt(schedule, step, TOTAL));
    close(rates, expected[i]!, 1e-6, 1e-6);
  }
});

test("a schedule that can't be is refused", () => {
  for (const [schedule, message] of [
    [{ warmup: 40 }, /^schedule\.warmup: 40, expected a whole number of steps from 0 on, below all 40$/],
    [{ decay: "linear" }, /^schedule\.decay: linear, expected "cosine" or "step"$/],
    [{ decay: "cosine", end: 2 }, /^schedule\.end: 2, expected 0 to 1$/],
    [{ decay: "cosine", every: 2 }, /^schedule\.every: 2, expected none without decay "step"$/],
    [{ decay: "step" }, /^schedule\.every: undefined, expected a whole number of steps from 1 on$/],
    [{ rise: 3 }, /^schedule: option "rise", expected one of warmup, /],
  ] as const) {
    assert.throws(() => checkSchedule(schedule as RateSchedule, TOTAL), { code: "OPTION", message });
  }
});
