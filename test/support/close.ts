import assert from "node:assert/strict";

/** Fails where |actual − expected| > atol + rtol · |expected|, showing the numbers around the first such place. */
export function close(actual: ArrayLike<number>, expected: ArrayLike<number>, atol: number, rtol: number): void {
  assert.equal(actual.length, expected.length, "number of values");
  for (let i = 0; i < actual.length; i++) {
    if (Math.abs(actual[i]! - expected[i]!) <= atol + rtol * Math.abs(expected[i]!)) continue;
    const around = (values: ArrayLike<number>): string =>
      Array.from(values)
        .slice(Math.max(0, i - 2), i + 3)
        .join(" ");
    assert.fail(`value ${i} of ${actual.length}: ${around(actual)}, expected ${around(expected)}`);
  }
}
