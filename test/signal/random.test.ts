import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { random } from "../../dist/signal/random.js";
import { python } from "../support/python.js";

/** The published algorithms once more, in Python's unbounded integers. */
const REFERENCE = `
M64, M32 = (1 << 64) - 1, (1 << 32) - 1
def splitmix(state):
    while True:
        state = (state + 0x9e3779b97f4a7c15) & M64
        z = state
        z = ((z ^ (z >> 30)) * 0xbf58476d1ce4e5b9) & M64
        z = ((z ^ (z >> 27)) * 0x94d049bb133111eb) & M64
        yield z ^ (z >> 31)
def fnv1a(text):
    h = 0xcbf29ce484222325
    for b in text.encode():
        h = ((h ^ b) * 0x100000001b3) & M64
    return h
def rotl(x, k): return ((x << k) | (x >> (32 - k))) & M32
def stream(seed):
    m = splitmix(fnv1a(seed) if isinstance(seed, str) else seed & M64)
    s = []
    for z in (next(m), next(m)): s += [z & M32, z >> 32]
    while True:
        yield (rotl((s[1] * 5) & M32, 7) * 9) & M32
        t = (s[1] << 9) & M32
        s[2] ^= s[0]; s[3] ^= s[1]; s[1] ^= s[2]; s[0] ^= s[3]; s[2] ^= t
        s[3] = rotl(s[3], 11)
`;

describe("random", () => {
  const seeds = [0, 1, -1, 42, 2 ** 40 + 7, Number.MAX_SAFE_INTEGER, "", "set A", "µ"];

  test("xoshiro128** seeded by SplitMix64, as published", () => {
    const expected: number[][] = python(
      `${REFERENCE}\nimport itertools\nprint(json.dumps([list(itertools.islice(stream(s), 2000)) for s in input]))`,
      seeds,
    );
    for (const [i, seed] of seeds.entries()) {
      const r = random(seed);
      assert.deepEqual(
        Array.from({ length: 2000 }, () => r.uint32()),
        expected[i],
        `seed ${seed}`,
      );
    }
  });

  test("uniform has 53 bits and the mean and variance of its kind", () => {
    const r = random(3);
    const values = Array.from({ length: 200000 }, () => r.uniform());
    assert.ok(values.every((x) => x >= 0 && x < 1));
    assert.ok(values.some((x) => (x * 2 ** 53) % 2 === 1));
    const p: number = python(
      "from scipy import stats\nprint(json.dumps(stats.kstest(input, 'uniform').pvalue))",
      values,
    );
    assert.ok(p > 0.001, `Kolmogorov–Smirnov p ${p}`);
  });

  test("gaussian passes scipy's test for the normal distribution", () => {
    const r = random("normal");
    const values = Array.from({ length: 100000 }, () => r.gaussian());
    const p: number = python("from scipy import stats\nprint(json.dumps(stats.kstest(input, 'norm').pvalue))", values);
    assert.ok(p > 0.001, `Kolmogorov–Smirnov p ${p}`);
  });

  test("below has no bias, even where n does not divide 2³²", () => {
    const n = 3 * 2 ** 30;
    const r = random(5);
    // Taking the remainder alone would put half of all results into the first third.
    let low = 0;
    for (let i = 0; i < 60000; i++) if (r.below(n) < 2 ** 30) low++;
    assert.ok(Math.abs(low - 20000) < 600, `${low} of 60000 in the first third`);
    assert.equal(random(1).below(1), 0);
    assert.ok(random(1).below(2 ** 32) >= 0);
  });

  test("shuffle keeps every element, and gives each order equally often", () => {
    fc.assert(
      fc.property(fc.uint32Array(), fc.integer(), (array, seed) => {
        const shuffled = random(seed).shuffle(array.slice());
        assert.deepEqual(shuffled.slice().sort(), array.slice().sort());
        assert.deepEqual(random(seed).shuffle(array.slice()), shuffled);
      }),
    );
    const r = random(9);
    const counts = new Map<string, number>();
    for (let i = 0; i < 24000; i++) {
      const order = r.shuffle(Uint32Array.of(0, 1, 2, 3)).join("");
      counts.set(order, (counts.get(order) ?? 0) + 1);
    }
    assert.equal(counts.size, 24);
    const p: number = python("from scipy import stats\nprint(json.dumps(stats.chisquare(input).pvalue))", [
      ...counts.values(),
    ]);
    assert.ok(p > 0.001, `chi-square p ${p}`);
  });

  test("a seed that isn't whole is refused", () => {
    assert.throws(() => random(0.5), RangeError);
  });
});
