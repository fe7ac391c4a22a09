import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { exactCounts } from "../../dist/split/stratify.js";
import { explicitSplit, kfold, type Split, splitExamples } from "../../dist/split/split.js";
import { loadSplit, saveSplit } from "../../dist/split/saved-split.js";
import { python } from "../support/python.js";

const parts = (split: Split): Uint32Array[] => [split.train, split.validate, split.test];
const sizes = (split: Split): number[] => parts(split).map((p) => p.length);

/** Which part every example is in; throws when one is in none or in two. */
function owners(count: number, split: Split): number[] {
  const owner = new Array<number>(count).fill(-1);
  for (const [part, examples] of parts(split).entries()) {
    for (const i of examples) {
      assert.equal(owner[i], -1, `example ${i} is in two splits`);
      owner[i] = part;
    }
  }
  assert.ok(!owner.includes(-1), "an example is in no split");
  return owner;
}

const shares = fc
  .tuple(fc.integer({ min: 1, max: 100 }), fc.integer({ min: 1, max: 100 }), fc.integer({ min: 1, max: 100 }))
  .map(([a, b, c]) => ({ trainSplit: a / (a + b + c), valSplit: b / (a + b + c), testSplit: c / (a + b + c) }));

test("splits are disjoint, cover everything, and have exact numbers", () => {
  fc.assert(
    fc.property(fc.integer({ min: 300, max: 2000 }), fc.integer(), shares, (count, seed, options) => {
      const split = splitExamples(count, { ...options, seed });
      owners(count, split);
      const wanted = Object.values(options).map((s) => s * count);
      for (const [i, n] of sizes(split).entries()) assert.ok(Math.abs(n - wanted[i]!) < 1);
    }),
  );
});

test("the largest remainder gets the odd examples", () => {
  assert.deepEqual(exactCounts(20, [0.7, 0.15, 0.15]), [14, 3, 3]);
  assert.deepEqual(exactCounts(5, [0.7, 0.15, 0.15]), [3, 1, 1]);
  assert.deepEqual(exactCounts(10, [1 / 3, 1 / 3, 1 / 3]), [4, 3, 3]);
});

test("the seed alone decides", () => {
  assert.deepEqual(splitExamples(500, { seed: 7 }), splitExamples(500, { seed: 7 }));
  assert.notDeepEqual(splitExamples(500, { seed: 7 }), splitExamples(500, { seed: 8 }));
});

test("groups stay whole, whatever they are stratified by", () => {
  const labelled = fc.record({ group: fc.integer({ min: 0, max: 30 }), label: fc.integer({ min: 0, max: 3 }) });
  fc.assert(
    fc.property(fc.array(labelled, { minLength: 200, maxLength: 400 }), fc.boolean(), (rows, stratify) => {
      const groups = rows.map((r) => `song${r.group}`);
      const split = splitExamples(rows.length, { groups, strata: stratify ? rows.map((r) => r.label) : undefined });
      const owner = owners(rows.length, split);
      const home = new Map<string, number>();
      for (const [i, group] of groups.entries()) {
        assert.equal(home.get(group) ?? owner[i], owner[i], `${group} is on both sides`);
        home.set(group, owner[i]!);
      }
    }),
  );
});

test("examples without a group are groups of their own and are split exactly", () => {
  assert.deepEqual(sizes(splitExamples(100, { groups: new Array<string>(100).fill("") })), [70, 15, 15]);
});

test("stratified: exact in number, and every class within one example of its share", () => {
  const classes = fc.array(fc.integer({ min: 0, max: 6 }), { minLength: 100, maxLength: 300 });
  fc.assert(
    fc.property(classes, fc.integer(), shares, (strata, seed, options) => {
      fc.pre(Math.min(...Object.values(options)) * strata.length > 2);
      const split = splitExamples(strata.length, { ...options, seed, strata });
      owners(strata.length, split);
      const plain = sizes(splitExamples(strata.length, { ...options, seed }));
      assert.deepEqual(sizes(split), plain);
      for (const label of new Set(strata)) {
        const all = strata.filter((s) => s === label).length;
        for (const [j, part] of parts(split).entries()) {
          const have = part.reduce((n, i) => n + (strata[i] === label ? 1 : 0), 0);
          const want = (all * plain[j]!) / strata.length;
          assert.ok(Math.abs(have - want) <= 1 + 1e-9, `class ${label}, part ${j}: ${have}, expected about ${want}`);
        }
      }
    }),
  );
});

test("folds stratified no worse than scikit-learn's StratifiedKFold and StratifiedGroupKFold", () => {
  const rows = Array.from({ length: 600 }, (_, i) => ({
    label: [0, 0, 0, 0, 0, 1, 1, 1, 2, 3][(i * 7919) % 10]!,
    group: (i * 31) % 83,
  }));
  const labels = rows.map((r) => r.label);
  const groups = rows.map((r) => String(r.group));
  const theirs = python(
    `
import numpy as np
from sklearn.model_selection import StratifiedKFold, StratifiedGroupKFold
y, g = np.array(input["labels"]), np.array(input["groups"])
worst = lambda folds: max(abs(np.bincount(y[t], minlength=4) - np.bincount(y) / 5).max() for _, t in folds)
total = lambda folds: max(abs(len(t) - len(y) / 5) for _, t in folds)
plain = list(StratifiedKFold(5, shuffle=True, random_state=0).split(y, y))
grouped = [list(StratifiedGroupKFold(5, shuffle=True, random_state=s).split(y, y, g)) for s in range(5)]
print(json.dumps([float(worst(plain)), float(np.median([worst(f) for f in grouped])), float(np.median([total(f) for f in grouped]))]))`,
    { labels, groups },
  ) as [number, number, number];
  const worst = (folds: Split[]): number =>
    Math.max(
      ...folds.flatMap(({ test }) =>
        [0, 1, 2, 3].map((l) =>
          Math.abs(test.filter((i) => labels[i] === l).length - labels.filter((x) => x === l).length / 5),
        ),
      ),
    );
  const median = (xs: number[]): number => xs.sort((a, b) => a - b)[Math.floor(xs.length / 2)]!;
  assert.ok(worst(kfold(600, 5, { strata: labels })) <= Math.max(1, theirs[0]));
  const grouped = [0, 1, 2, 3, 4].map((seed) => kfold(600, 5, { strata: labels, groups, seed }));
  assert.ok(median(grouped.map(worst)) <= theirs[1], `${grouped.map(worst)} against ${theirs[1]}`);
  const total = (folds: Split[]): number => Math.max(...folds.map((f) => Math.abs(f.test.length - 120)));
  assert.ok(median(grouped.map(total)) <= theirs[2] + 1, `${grouped.map(total)} against ${theirs[2]}`);
});

test("folds hold as many of each label as scikit-learn's, one each of a label of as many examples as folds", () => {
  const labels = [...new Array(5).fill(2), ...new Array(61).fill(0), ...new Array(5).fill(3), ...new Array(26).fill(1)];
  const shuffled = labels.map((_, i) => labels[(i * 31) % labels.length] as number);
  for (const [folds, list] of [
    [5, labels],
    [5, shuffled],
    [7, [...shuffled, 4, 4, 4, 4, 4, 4, 4]],
  ] as const) {
    const theirs = python(
      `
import numpy as np, warnings
from sklearn.model_selection import StratifiedKFold
warnings.simplefilter("ignore")
y = np.array(input["list"])
print(json.dumps([np.bincount(y[t], minlength=5).tolist() for _, t in StratifiedKFold(input["folds"]).split(y, y)]))`,
      { folds, list },
    ) as number[][];
    for (const seed of [0, 1]) {
      const ours = kfold(list.length, folds, { strata: list, seed }).map(({ test }) =>
        [0, 1, 2, 3, 4].map((label) => test.filter((i) => list[i] === label).length),
      );
      assert.deepEqual(ours, theirs);
    }
  }
});

test("several labels: far nearer to each label's share than scikit-learn's ShuffleSplit, exact in number", () => {
  const strata = Array.from({ length: 400 }, (_, i) => {
    const labels = [`common${i % 2}`];
    if (i % 7 === 0) labels.push("rare");
    if ((i * i) % 11 === 3) labels.push("odd");
    if (i % 53 === 0) labels.push("rarest");
    return labels;
  });
  const names = ["common0", "common1", "rare", "odd", "rarest"];
  const table = strata.map((s) => names.map((n) => Number(s.includes(n))));
  const random = python(
    `
import numpy as np
from sklearn.model_selection import ShuffleSplit
y = np.array(input)
print(json.dumps(float(np.mean([abs(y[t].sum(0) - y.sum(0) * 0.3).mean() for _, t in ShuffleSplit(20, test_size=0.3, random_state=0).split(y)]))))`,
    table,
  ) as number;
  const split = splitExamples(400, { strata, trainSplit: 0.7, valSplit: 0, testSplit: 0.3 });
  assert.deepEqual(sizes(split), [280, 0, 120]);
  const off = names.map((_, l) => {
    const count = (rows: Iterable<number>): number => [...rows].reduce((n, i) => n + table[i]![l]!, 0);
    return Math.abs(count(split.test) - 0.3 * count(strata.keys()));
  });
  const mean = off.reduce((a, b) => a + b, 0) / off.length;
  assert.ok(mean < random / 3, `${mean} off on average, random splits ${random}`);
  assert.ok(Math.max(...off) <= 1.5, `${off}`);
});

test("several labels: disjoint, covering and exact for any labels", () => {
  const labelled = fc.array(fc.uniqueArray(fc.integer({ min: 0, max: 8 }), { maxLength: 4 }), {
    minLength: 50,
    maxLength: 200,
  });
  fc.assert(
    fc.property(labelled, fc.integer(), (strata, seed) => {
      const split = splitExamples(strata.length, { strata, seed });
      owners(strata.length, split);
      assert.deepEqual(sizes(split), sizes(splitExamples(strata.length)));
    }),
  );
});

test("every example is tested in exactly one fold, and validation is taken from the rest", () => {
  const groups = Array.from({ length: 97 }, (_, i) => `g${i % 20}`);
  for (const options of [{}, { groups }, { valSplit: 0.2 }, { groups, valSplit: 0.2 }]) {
    const folds = kfold(97, 5, { ...options, seed: 3 });
    assert.deepEqual(
      folds.flatMap((f) => [...f.test]).sort((a, b) => a - b),
      Array.from({ length: 97 }, (_, i) => i),
    );
    for (const fold of folds) {
      owners(97, fold);
      if (!("groups" in options)) continue;
      const tested = new Set([...fold.test].map((i) => groups[i]));
      assert.ok(![...fold.train, ...fold.validate].some((i) => tested.has(groups[i]!)));
    }
  }
});

test("what cannot be split says why", () => {
  const message = (pattern: RegExp) => ({ name: "DatasetError", code: "SPLIT", message: pattern });
  assert.throws(
    () => splitExamples(100, { trainSplit: 0.8 }),
    message(/0\.8 \+ 0\.15 \+ 0\.15 = 1\.1, expected .* sum to 1/),
  );
  assert.throws(
    () => splitExamples(100, { trainSplit: 1.2, valSplit: -0.2, testSplit: 0 }),
    message(/shares of 0 or more/),
  );
  assert.throws(() => splitExamples(100, { trainSplit: Number.NaN }), message(/NaN/));
  assert.throws(
    () => splitExamples(3),
    message(/validate split: empty|test split: empty \(share 0\.15 of 3 examples\)/),
  );
  assert.throws(
    () => splitExamples(40, { groups: Array.from({ length: 40 }, (_, i) => `g${i % 2}`) }),
    message(/40 examples in 2 groups/),
  );
  assert.throws(
    () => splitExamples(10, { groups: ["a"] }),
    message(/groups: 1 entries, expected one per example \(10\)/),
  );
  assert.throws(() => kfold(3, 5), message(/fold 4 of 5: empty, from 3 examples/));
  assert.throws(() => kfold(30, 1), message(/folds: 1, expected a whole number of 2 or more/));
  assert.throws(() => explicitSplit(5, { train: [0, 1], test: [1] }), message(/test: example 1 is also in train/));
  assert.throws(
    () => explicitSplit(5, { train: [5] }),
    message(/train: example 5, expected a whole number from 0 to 4/),
  );
});

test("a split with a share of 0 is left out, and as few groups as splits get one each", () => {
  assert.deepEqual(sizes(splitExamples(10, { trainSplit: 1, valSplit: 0, testSplit: 0 })), [10, 0, 0]);
  const groups = Array.from({ length: 30 }, (_, i) => `g${i % 3}`);
  assert.deepEqual(sizes(splitExamples(30, { groups })), [10, 10, 10]);
});

// Number 1: shuffling comes before take and skip, again in every iteration, so the splits are drawn from each other.
test("1: the original's own order of steps leaks, measured with the real tf.data; here it is 0", () => {
  const leak = python(`
import tensorflow as tf
items = tf.data.Dataset.range(200).shuffle(1024)
train, rest = items.take(140), items.skip(140)
test = rest.take(30)
seen = set(int(x) for x in train)
print(json.dumps(sum(int(x) in seen for x in test)))`) as number;
  assert.ok(leak >= 5, `${leak} of 30 test examples were trained on`);
  for (let seed = 0; seed < 50; seed++) {
    const split = splitExamples(200, { seed });
    const trained = new Set([...split.train, ...split.validate]);
    assert.equal(split.test.filter((i) => trained.has(i)).length, 0);
  }
});

test("2: validation has its own share and shares nothing with test", () => {
  const split = splitExamples(200, { trainSplit: 0.5, valSplit: 0.1, testSplit: 0.4 });
  assert.deepEqual(sizes(split), [100, 20, 80]);
  owners(200, split);
});

test("17: every split of two decimals that sums to 1 on paper is accepted", () => {
  let rejectedByEquality = 0;
  for (let a = 1; a <= 98; a++) {
    for (let b = 1; a + b <= 99; b++) {
      const [train, validate, testShare] = [a / 100, b / 100, (100 - a - b) / 100];
      if (train + validate + testShare !== 1) rejectedByEquality++;
      const split = splitExamples(100, { trainSplit: train, valSplit: validate, testSplit: testShare });
      assert.deepEqual(sizes(split), [a, b, 100 - a - b]);
    }
  }
  assert.equal(rejectedByEquality, 204);
});

test("18: a set too small to split says so at once instead of hanging later", () => {
  assert.deepEqual(sizes(splitExamples(5)), [3, 1, 1]);
  assert.throws(() => splitExamples(4), {
    code: "SPLIT",
    message: /test split: empty \(share 0\.15 of 4 examples\), expected at least one/,
  });
});

test("a saved split comes back, also when the records were rebuilt in another order", async () => {
  const file = join(mkdtempSync(join(tmpdir(), "split-")), "split.json");
  const source = {
    count: 40,
    ids: Array.from({ length: 40 }, (_, i) => i),
    names: Array.from({ length: 40 }, (_, i) => `a${i}.wav`),
  };
  const split = splitExamples(40, { seed: 4 });
  await saveSplit(file, split, source);
  assert.deepEqual(await loadSplit(file, source), split);
  const reversed = { count: 40, ids: [...source.ids].reverse(), names: [...source.names].reverse() };
  const again = await loadSplit(file, reversed);
  assert.deepEqual(
    [...again.test].map((i) => reversed.ids[i]).sort(),
    [...split.test].map((i) => source.ids[i]).sort(),
  );
  await assert.rejects(loadSplit(file, { ...source, names: source.names.map((n) => `b${n}`) }), {
    code: "SPLIT",
    message: /made for another dataset .*40 examples\), expected/,
  });
  await assert.rejects(loadSplit(`${file}x`, source), { code: "FILE" });
  for (const wrong of [
    { fingerprint: null },
    { fingerprint: 7 },
    { test: undefined },
    { train: [0.5] },
    { validate: "0" },
  ]) {
    writeFileSync(`${file}.wrong`, JSON.stringify({ ...JSON.parse(readFileSync(file, "utf8")), ...wrong }));
    await assert.rejects(loadSplit(`${file}.wrong`, source), { code: "SPLIT", message: /not one saved by saveSplit/ });
  }
  writeFileSync(file, "{");
  await assert.rejects(loadSplit(file, source), { code: "SPLIT", message: /not json/ });
});
