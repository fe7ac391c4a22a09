import type { Random } from "../signal/random.js";
import { numbersTo } from "../core/numbers.js";

/** What an example is stratified by: one label, or several. */
export type Stratum = string | number | readonly (string | number)[];

/** What `allot` keeps together and what it keeps in proportion. */
export interface AllotOptions {
  /** One name per example; examples of one name stay in one part. An empty name is a group of its own. */
  groups?: readonly string[] | undefined;
  /** One label, or a list of labels, per example; every part gets its share of each. */
  strata?: readonly Stratum[] | undefined;
}

/**
 * Whole numbers that sum to `total` and are as near as can be to `total × shares`: the largest remainder method.
 *
 * @example exactCounts(20, [0.7, 0.15, 0.15]) // [14, 3, 3]
 */
export function exactCounts(total: number, shares: readonly number[]): number[] {
  const sum = shares.reduce((a, b) => a + b, 0);
  // Rounded to a millionth, so that 0.15 × 20 is 3 and not 2.9999999999999996.
  const exact = shares.map((share) => Math.round((total * share * 1e6) / sum) / 1e6);
  const counts = exact.map(Math.floor);
  const order = shares.map((_, i) => i).sort((a, b) => exact[b]! - counts[b]! - (exact[a]! - counts[a]!) || a - b);
  const missing = total - counts.reduce((a, b) => a + b, 0);
  for (let i = 0; i < missing; i++) counts[order[i]!]!++;
  return counts;
}

/**
 * The part each of `count` examples goes to, part `j` taking `quotas[j]` of them.
 *
 * The numbers are exact unless groups stand in the way; then they are as near as the groups allow.
 */
export function allot(count: number, quotas: readonly number[], options: AllotOptions, random: Random): Uint16Array {
  const order = random.shuffle(numbersTo(count));
  const labels = options.strata && labelLists(options.strata);
  if (options.groups) return allotGroups(order, quotas, options.groups, labels, random);
  if (!labels) return allotPlain(order, quotas);
  return labels.every((l) => l.length === 1) ? allotClasses(order, quotas, labels) : allotLabels(order, quotas, labels);
}

/**
 * As `allot`, for `folds` equal parts. One label each: the examples, label after label, are dealt to one fold after the
 * other, as scikit-learn's StratifiedKFold does; a label of as many examples as folds is in each of them.
 */
export function allotFolds(count: number, folds: number, options: AllotOptions, random: Random): Uint16Array {
  const labels = options.strata && labelLists(options.strata);
  if (options.groups || !labels?.every((l) => l.length === 1)) {
    return allot(count, exactCounts(count, new Array<number>(folds).fill(1)), options, random);
  }
  const parts = new Uint16Array(count);
  const order = membersOf(random.shuffle(numbersTo(count)), labels).flat();
  for (const [at, example] of order.entries()) parts[example] = at % folds;
  return parts;
}

function allotPlain(order: Uint32Array, quotas: readonly number[]): Uint16Array {
  const parts = new Uint16Array(order.length);
  let at = 0;
  for (const [part, quota] of quotas.entries()) for (let i = 0; i < quota; i++) parts[order[at++]!] = part;
  return parts;
}

/**
 * One label each: a table labels × parts whose rows and columns sum exactly, each entry within one of its share.
 * The floors are given first; what a row lacks then goes to the parts that lack most (Gale and Ryser's construction).
 */
function allotClasses(order: Uint32Array, quotas: readonly number[], labels: number[][]): Uint16Array {
  const members = membersOf(order, labels);
  const table = members.map((m) => quotas.map((q) => Math.floor((m.length * q) / order.length)));
  const lack = quotas.map((q, j) => q - table.reduce((sum, row) => sum + row[j]!, 0));
  const rowLack = members.map((m, l) => m.length - table[l]!.reduce((a, b) => a + b, 0));
  const rows = members.map((_, l) => l).sort((a, b) => rowLack[b]! - rowLack[a]!);
  for (const l of rows) {
    const neediest = quotas.map((_, j) => j).sort((a, b) => lack[b]! - lack[a]!);
    for (const j of neediest.slice(0, rowLack[l])) {
      table[l]![j]!++;
      lack[j]!--;
    }
  }
  const parts = new Uint16Array(order.length);
  for (const [l, row] of table.entries()) {
    let at = 0;
    for (const [part, n] of row.entries()) for (let i = 0; i < n; i++) parts[members[l]![at++]!] = part;
  }
  return parts;
}

/**
 * Several labels each: iterative stratification (Sechidis, Tsoumakas and Vlahavas 2011), the rarest label first,
 * each example to the part that still wants most of it. A part that has its number takes no more, so counts are exact.
 */
function allotLabels(order: Uint32Array, quotas: readonly number[], labels: number[][]): Uint16Array {
  const members = membersOf(order, labels);
  const left = members.map((m) => m.length);
  const wish = members.map((m) => quotas.map((q) => (m.length * q) / order.length));
  const room = [...quotas];
  const parts = new Uint16Array(order.length);
  const placed = new Uint8Array(order.length);
  const place = (example: number, wanted: readonly number[]): void => {
    let best = -1;
    for (let j = 0; j < room.length; j++) {
      if (room[j]! <= 0) continue;
      if (best < 0 || wanted[j]! > wanted[best]! || (wanted[j] === wanted[best] && room[j]! > room[best]!)) best = j;
    }
    parts[example] = best;
    placed[example] = 1;
    room[best]!--;
    for (const l of labels[example]!) {
      wish[l]![best]!--;
      left[l]!--;
    }
  };
  for (;;) {
    let rarest = -1;
    for (const [l, n] of left.entries()) if (n > 0 && (rarest < 0 || n < left[rarest]!)) rarest = l;
    if (rarest < 0) break;
    for (const example of members[rarest]!) if (!placed[example]) place(example, wish[rarest]!);
  }
  for (const example of order) if (!placed[example]) place(example, room);
  return parts;
}

/**
 * Groups stay whole, the largest first, each to the part where it least disturbs the shares of examples and labels.
 * Disturbance is the growth of Σ (have − want)² / want; with groups of one example this gives exact counts.
 */
function allotGroups(
  order: Uint32Array,
  quotas: readonly number[],
  groups: readonly string[],
  labels: number[][] | undefined,
  random: Random,
): Uint16Array {
  const units = groupUnits(order, groups);
  const counts = [order.length, ...(labels ? membersOf(order, labels).map((m) => m.length) : [])];
  const want = quotas.map((q) => counts.map((n) => (n * q) / order.length));
  const have = quotas.map(() => counts.map(() => 0));
  const parts = new Uint16Array(order.length);
  const empty = new Set(quotas.flatMap((q, j) => (q > 0 ? [j] : [])));
  random.shuffle(units);
  for (const [at, unit] of units.sort((a, b) => b.length - a.length).entries()) {
    const adds = new Map([[0, unit.length]]);
    for (const example of unit) for (const l of labels?.[example] ?? []) adds.set(l + 1, (adds.get(l + 1) ?? 0) + 1);
    let best = -1;
    let least = Infinity;
    for (const [j, quota] of quotas.entries()) {
      if (quota === 0 || (units.length - at <= empty.size && !empty.has(j))) continue;
      let growth = 0;
      for (const [l, n] of adds) growth += (n * n + 2 * n * (have[j]![l]! - want[j]![l]!)) / want[j]![l]!;
      if (growth < least) [best, least] = [j, growth];
    }
    empty.delete(best);
    for (const [l, n] of adds) have[best]![l]! += n;
    for (const example of unit) parts[example] = best;
  }
  return parts;
}

function groupUnits(order: Uint32Array, groups: readonly string[]): number[][] {
  const named = new Map<string, number[]>();
  const units: number[][] = [];
  for (const example of order) {
    const name = groups[example]!;
    const unit = name === "" ? undefined : named.get(name);
    if (unit) unit.push(example);
    else {
      const fresh = [example];
      units.push(fresh);
      if (name !== "") named.set(name, fresh);
    }
  }
  return units;
}

function labelLists(strata: readonly Stratum[]): number[][] {
  const numbers = new Map<string, number>();
  const number = (label: string | number): number => {
    const key = String(label);
    const known = numbers.get(key);
    if (known !== undefined) return known;
    numbers.set(key, numbers.size);
    return numbers.size - 1;
  };
  return strata.map((s) => [...new Set((Array.isArray(s) ? s : [s]).map(number))]);
}

/** The examples of each label, in the order given. */
function membersOf(order: Uint32Array, labels: number[][]): number[][] {
  const members: number[][] = [];
  for (const example of order) {
    for (const l of labels[example]!) {
      members[l] ??= [];
      members[l].push(example);
    }
  }
  return members;
}
