import { createHash } from "node:crypto";
import { allot, allotFolds, type AllotOptions, exactCounts, type Stratum } from "./stratify.js";
import { DatasetError } from "../core/error.js";
import { checkKnown, type OptionNames } from "../core/known-options.js";
import { numbersTo } from "../core/numbers.js";
import { splitNames } from "../core/split-name.js";
import { random } from "../signal/random.js";

export type { Stratum };

/** Which examples (by their number, ascending) are for training, validation and testing. */
export interface Split {
  train: Uint32Array;
  validate: Uint32Array;
  test: Uint32Array;
}

/** Options of `splitExamples`; `groups` and `strata` may be used together. */
export interface SplitOptions extends AllotOptions {
  /** Shares of train, validate and test, summing to 1 within rounding. Default 0.7, 0.15 and 0.15; a share of 0 leaves that split out. */
  trainSplit?: number;
  valSplit?: number | undefined;
  testSplit?: number;
  /** Default 0. The same seed, examples and options give the same split everywhere. */
  seed?: number;
}

const FOLD_OPTIONS: OptionNames<Omit<SplitOptions, "trainSplit" | "testSplit">> = {
  ...{ valSplit: true, seed: true, groups: true, strata: true },
};

/** The names of the options of `splitExamples`. */
export const SPLIT_OPTIONS: OptionNames<SplitOptions> = { ...FOLD_OPTIONS, trainSplit: true, testSplit: true };

/**
 * Divides examples 0 … `count` − 1 once and for all, before anything is shuffled: no example is in two splits.
 *
 * The numbers are exact (largest remainder). With `groups` they are as near as whole groups allow.
 *
 * @throws DatasetError "SPLIT" when the shares don't sum to 1 or a split with a share would be empty.
 * @example
 * splitExamples(20, { seed: 1 }).test.length // 3
 * splitExamples(songs.length, { groups: songs.map((s) => s.singer), strata: songs.map((s) => s.genre) });
 */
export function splitExamples(count: number, options: SplitOptions = {}): Split {
  checkKnown("splitExamples", options, SPLIT_OPTIONS);
  const shares = [options.trainSplit ?? 0.7, options.valSplit ?? 0.15, options.testSplit ?? 0.15];
  checkShares(shares);
  checkLengths(count, options);
  const parts = allot(count, exactCounts(count, shares), options, random(options.seed ?? 0));
  return checkedSplit(count, parts, shares, options);
}

/**
 * `folds` splits; each example is in `test` exactly once. By group, stratified, or both, like `splitExamples`.
 * `valSplit` (default 0) is the share of the other examples that is set aside for validation in each fold.
 *
 * @throws DatasetError "SPLIT" when there are fewer examples, or groups, than folds.
 * @example for (const fold of kfold(100, 5, { seed: 1 })) console.log(fold.test.length) // 20, five times
 */
export function kfold(
  count: number,
  folds: number,
  options: Omit<SplitOptions, "trainSplit" | "testSplit"> = {},
): Split[] {
  checkKnown("kfold", options, FOLD_OPTIONS);
  if (!Number.isInteger(folds) || folds < 2) {
    throw new DatasetError("SPLIT", `folds: ${folds}, expected a whole number of 2 or more`);
  }
  checkLengths(count, options);
  const { seed = 0, valSplit = 0 } = options;
  const parts = allotFolds(count, folds, options, random(seed));
  return Array.from({ length: folds }, (_, fold) => {
    const test = where(parts, (part) => part === fold);
    const rest = where(parts, (part) => part !== fold);
    if (test.length === 0 || rest.length === 0) {
      const of = options.groups ? `${new Set(options.groups).size} groups` : `${count} examples`;
      throw new DatasetError(
        "SPLIT",
        `fold ${fold + 1} of ${folds}: empty, from ${of}; expected no more folds than that`,
      );
    }
    if (valSplit === 0) return { train: rest, validate: new Uint32Array(0), test };
    const pick = <T>(all?: readonly T[]): T[] | undefined => all && Array.from(rest, (i) => all[i]!);
    const inner = splitExamples(rest.length, {
      trainSplit: 1 - valSplit,
      valSplit,
      testSplit: 0,
      seed: seed + fold,
      groups: pick(options.groups),
      strata: pick(options.strata),
    });
    const back = (numbers: Uint32Array): Uint32Array => numbers.map((i) => rest[i]!);
    return { train: back(inner.train), validate: back(inner.validate), test };
  });
}

/**
 * A split from lists of your own, checked: whole numbers below `count`, none twice. Lists left out are empty.
 *
 * @throws DatasetError "SPLIT" naming the first number that is out of range or in two splits.
 * @example explicitSplit(4, { train: [0, 1], test: [3] }).train // 0 1
 */
export function explicitSplit(count: number, lists: { [name in keyof Split]?: ArrayLike<number> }): Split {
  checkKnown("split", lists, { train: true, validate: true, test: true });
  // Which split has an example: 1 for the first, 0 for none.
  const owner = new Uint8Array(count);
  const take = (name: keyof Split): Uint32Array => {
    const numbers = lists[name] ?? [];
    for (let at = 0; at < numbers.length; at++) {
      const i = numbers[at]!;
      if (!Number.isInteger(i) || i < 0 || i >= count) {
        throw new DatasetError("SPLIT", `${name}: example ${i}, expected a whole number from 0 to ${count - 1}`);
      }
      const other = splitNames[owner[i]! - 1];
      if (other) throw new DatasetError("SPLIT", `${name}: example ${i} is also in ${other}, expected it in one split`);
      owner[i] = 1 + splitNames.indexOf(name);
    }
    return Uint32Array.from(numbers).sort();
  };
  return { train: take("train"), validate: take("validate"), test: take("test") };
}

/**
 * The split that a dataset's publisher made, as `Manifest.sides` holds it: examples that it doesn't name train.
 * @param ids each example's id
 */
export function publishedSplit(ids: ArrayLike<number>, sides: { validate: number[]; test: number[] }): Split {
  const side = new Map<number, keyof Split>();
  for (const name of ["validate", "test"] as const) for (const id of sides[name]) side.set(id, name);
  const on = (name: keyof Split): Uint32Array => where(ids, (id) => (side.get(id) ?? "train") === name);
  return explicitSplit(ids.length, { train: on("train"), validate: on("validate"), test: on("test") });
}

/** What identifies a dataset for a saved split: which examples there are and how long. `Records` is one. */
export interface SplitSource {
  count: number;
  ids: ArrayLike<number>;
  names: readonly string[];
  /** The name of example `i`, where all of them in an array would be large. Default: out of `names`. */
  nameOf?(i: number): string;
}

/** SHA-256 over every example's id and name, independent of shards and encoding. */
export function splitFingerprint(source: SplitSource): string {
  const hash = createHash("sha256");
  const { ids, nameOf = (i) => source.names[i] ?? "" } = source;
  const order = numbersTo(source.count);
  if (!isAscending(ids)) order.sort((a, b) => ids[a]! - ids[b]!);
  for (const i of order) hash.update(`${ids[i]}\0${nameOf(i)}\n`);
  return hash.digest("hex");
}

/** A split as plain data, to be saved and shared: ids of examples rather than places in shards. */
export interface SavedSplit {
  format: 1;
  fingerprint: string;
  train: number[];
  validate: number[];
  test: number[];
}

/** The split as plain data with the fingerprint of the dataset it belongs to. */
export function packSplit(split: Split, source: SplitSource): SavedSplit {
  const ids = (numbers: Uint32Array): number[] => Array.from(numbers, (i) => source.ids[i]!).sort((a, b) => a - b);
  return {
    format: 1,
    fingerprint: splitFingerprint(source),
    train: ids(split.train),
    validate: ids(split.validate),
    test: ids(split.test),
  };
}

/** The reverse of `packSplit`. @throws DatasetError "SPLIT" when it was made for another dataset. */
export function unpackSplit(saved: SavedSplit, source: SplitSource, where: string): Split {
  const lists = splitNames.every((name) => Array.isArray(saved?.[name]) && saved[name].every(Number.isSafeInteger));
  if (saved?.format !== 1 || typeof saved.fingerprint !== "string" || !lists) {
    throw new DatasetError("SPLIT", `split: not one saved by saveSplit, expected format 1 (${where})`);
  }
  const fingerprint = splitFingerprint(source);
  if (saved.fingerprint !== fingerprint) {
    const total = saved.train.length + saved.validate.length + saved.test.length;
    throw new DatasetError(
      "SPLIT",
      `split: made for another dataset (fingerprint ${saved.fingerprint.slice(0, 12)}, ${total} examples), ` +
        `expected ${fingerprint.slice(0, 12)}, ${source.count} examples; make a new split (${where})`,
    );
  }
  const place = placesOf(source.ids);
  const numbers = (ids: number[]): number[] => ids.map(place);
  return explicitSplit(source.count, {
    train: numbers(saved.train),
    validate: numbers(saved.validate),
    test: numbers(saved.test),
  });
}

function isAscending(ids: ArrayLike<number>): boolean {
  for (let i = 1; i < ids.length; i++) if (ids[i - 1]! >= ids[i]!) return false;
  return true;
}

/** Finds the example of an id, or -1. */
function placesOf(ids: ArrayLike<number>): (id: number) => number {
  if (!isAscending(ids)) {
    const number = new Map(Array.from(ids, (id, i) => [id, i]));
    return (id) => number.get(id) ?? -1;
  }
  return (id) => {
    let [from, to] = [0, ids.length];
    while (from < to) {
      const middle = (from + to) >> 1;
      if (ids[middle]! < id) from = middle + 1;
      else to = middle;
    }
    return ids[from] === id ? from : -1;
  };
}

function checkShares(shares: readonly number[]): void {
  const sum = shares.reduce((a, b) => a + b, 0);
  if (shares.some((s) => !(s >= 0)) || !(Math.abs(sum - 1) <= 1e-6)) {
    throw new DatasetError(
      "SPLIT",
      `trainSplit + valSplit + testSplit: ${shares.join(" + ")} = ${Number(sum.toPrecision(9))}, expected shares of 0 or more that sum to 1`,
    );
  }
}

function checkLengths(count: number, options: AllotOptions): void {
  for (const name of ["groups", "strata"] as const) {
    const n = options[name]?.length ?? count;
    if (n !== count) throw new DatasetError("SPLIT", `${name}: ${n} entries, expected one per example (${count})`);
  }
}

function checkedSplit(count: number, parts: Uint16Array, shares: readonly number[], options: AllotOptions): Split {
  const numbers = shares.map((_, part) => where(parts, (p) => p === part));
  for (const [part, share] of shares.entries()) {
    if (share === 0 || numbers[part]!.length > 0) continue;
    const of = options.groups ? `${count} examples in ${new Set(options.groups).size} groups` : `${count} examples`;
    throw new DatasetError(
      "SPLIT",
      `${splitNames[part]} split: empty (share ${share} of ${of}), expected at least one example; ` +
        "add examples, raise its share, or set the share to 0 to do without it",
    );
  }
  return { train: numbers[0]!, validate: numbers[1]!, test: numbers[2]! };
}

/** The places of the values that pass. */
function where(values: ArrayLike<number>, test: (value: number) => boolean): Uint32Array {
  let count = 0;
  for (let i = 0; i < values.length; i++) if (test(values[i]!)) count++;
  const found = new Uint32Array(count);
  for (let i = values.length; i-- > 0; ) if (test(values[i]!)) found[--count] = i;
  return found;
}
