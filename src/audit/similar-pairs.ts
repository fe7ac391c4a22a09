import { createMemory, type Loops, loopsIn } from "../core/wasm-loops.js";
import { random } from "../signal/random.js";

/** Some vectors of those that lie row after row, and the part that each belongs to. */
export interface SimilarTask {
  vectors: Uint16Array;
  size: number;
  rows: Uint32Array;
  parts: Uint8Array;
  /** Rows are of as many views, equally many of each, one view after the other: pairs are of two views, if there are several. */
  views: number;
}

const TABLES = 24;
/** In one bucket each vector is compared with as many that follow it. */
const BUCKET_LIMIT = 32;
/** Per vector and other part, as many pairs are kept, the most similar. */
const KEPT = 2;
/** Pairs are proposed from this cosine on; of few vectors, where that costs little, from a lower one. */
const LEAST_COSINE = 0.7;
const LEAST_COSINE_OF_FEW = 0.5;
/** Up to this many vectors every pair is compared. */
const ALL_PAIRS = 600;

/**
 * Pairs of vectors of different parts that point nearly the same way: `[a, b, a, b, …]`, as numbers of a view's rows.
 *
 * Vectors are centred and scaled, then put into buckets by the side on which they lie of random planes (Charikar 2002),
 * about 8 to a bucket, 24 times over. In a bucket they are sorted along one more direction and compared with those that
 * follow, so that time and memory grow near-linearly.
 */
export function similarPairs(task: SimilarTask): Uint32Array {
  const { parts, views } = task;
  const count = parts.length;
  const each = count / views;
  const vectors = new Vectors(task);
  const { lengths } = vectors;
  const best = new Best(parts);
  const least = each <= ALL_PAIRS ? LEAST_COSINE_OF_FEW : LEAST_COSINE;
  const comparable = (a: number, b: number): boolean =>
    parts[a] !== parts[b] && (views === 1 || Math.floor(a / each) !== Math.floor(b / each));
  const followers = new Uint32Array(ALL_PAIRS);
  /** Compares a vector with those that follow it in an order, up to `end`. */
  const look = (order: Uint32Array, i: number, end: number): void => {
    const a = order[i]!;
    let found = 0;
    for (let j = i + 1; j < end; j++) if (comparable(a, order[j]!)) followers[found++] = order[j]!;
    const dots = vectors.dots(a, followers.subarray(0, found));
    for (let k = 0; k < found; k++) {
      const b = followers[k]!;
      const cosine = dots[k]! / (lengths[a]! * lengths[b]!);
      if (!(cosine >= least)) continue;
      best.add(a, b, cosine);
      best.add(b, a, cosine);
    }
  };
  if (count <= ALL_PAIRS) {
    const all = Uint32Array.from({ length: count }, (_, i) => i);
    for (let i = 0; i < count; i++) look(all, i, count);
  } else {
    for (let table = 0; table < TABLES; table++) {
      const { order, keys } = bucketOrder(vectors, table);
      for (let i = 0, bucketEnd = 0; i < count; i++) {
        while (bucketEnd < count && (bucketEnd <= i || keys[order[bucketEnd]!] === keys[order[i]!])) bucketEnd++;
        look(order, i, Math.min(bucketEnd, i + BUCKET_LIMIT));
      }
    }
  }
  return distinctPairs([best.pairs().map((n) => n % each)], each);
}

/** Per vector and part of the others, the most similar ones. */
class Best {
  private readonly groups: number;
  private readonly others: Uint32Array;
  private readonly cosines: Float64Array;

  constructor(private readonly parts: Uint8Array) {
    this.groups = 1 + parts.reduce((a, b) => Math.max(a, b), 0);
    this.others = new Uint32Array(parts.length * this.groups * KEPT);
    this.cosines = new Float64Array(this.others.length).fill(-1);
  }

  /** Takes `other` among those of `one` where it is one of the most similar; of equals the lower number. */
  add(one: number, other: number, cosine: number): void {
    const { others, cosines } = this;
    const from = (one * this.groups + this.parts[other]!) * KEPT;
    const end = from + KEPT;
    // Tables find the same pairs again.
    for (let k = from; k < end; k++) if (cosines[k]! >= 0 && others[k] === other) return;
    for (let k = from; k < end; k++) {
      if (cosine < cosines[k]! || (cosine === cosines[k] && other > others[k]!)) continue;
      others.copyWithin(k + 1, k, end - 1);
      cosines.copyWithin(k + 1, k, end - 1);
      others[k] = other;
      cosines[k] = cosine;
      return;
    }
  }

  /** `[one, other, one, other, …]` */
  pairs(): number[] {
    const found: number[] = [];
    for (const [k, cosine] of this.cosines.entries()) {
      if (cosine >= 0) found.push(Math.floor(k / (this.groups * KEPT)), this.others[k]!);
    }
    return found;
  }
}

/** The pairs `[a, b, a, b, …]` of several lists, of numbers below `count`: each once, in order. */
export function distinctPairs(lists: readonly ArrayLike<number>[], count: number): Uint32Array {
  const pairs = new Set<number>();
  for (const list of lists) {
    for (let k = 0; k < list.length; k += 2) {
      const [a, b] = [list[k]!, list[k + 1]!];
      pairs.add(Math.min(a, b) * count + Math.max(a, b));
    }
  }
  return Uint32Array.from([...pairs].sort((a, b) => a - b).flatMap((pair) => [Math.floor(pair / count), pair % count]));
}

/** The vectors' numbers sorted by bucket and, inside, along a random direction. */
function bucketOrder(vectors: Vectors, table: number): { order: Uint32Array; keys: Int32Array } {
  const { count, lengths } = vectors;
  const bits = bucketBits(count);
  const keys = new Int32Array(count);
  const along = new Float32Array(count);
  const planes = Uint32Array.from({ length: bits + 1 }, (_, bit) => count + table * (bits + 1) + bit);
  for (let i = 0; i < count; i++) {
    const dots = vectors.dots(i, planes);
    for (let bit = 0; bit < bits; bit++) keys[i] = (keys[i]! << 1) | (dots[bit]! > 0 ? 1 : 0);
    along[i] = dots[bits]! / (lengths[i]! || 1);
  }
  const order = Uint32Array.from({ length: count }, (_, i) => i);
  return { order: order.sort((a, b) => keys[a]! - keys[b]! || along[a]! - along[b]! || a - b), keys };
}

/** This many planes split the vectors into buckets of about eight. */
function bucketBits(count: number): number {
  return Math.max(1, Math.min(30, Math.ceil(Math.log2(count)) - 3));
}

/** Vectors of int8 in the loops' memory, and behind them the directions that buckets are made by. */
class Vectors {
  readonly count: number;
  readonly lengths: Float32Array;
  private readonly numbers: Uint32Array;
  private readonly found: Int32Array;
  private readonly at: number;
  private readonly loops: Loops;
  private readonly size: number;

  constructor(task: SimilarTask) {
    this.size = task.size;
    this.count = task.rows.length;
    const directions = TABLES * (bucketBits(this.count) + 1);
    this.at = 8 * ALL_PAIRS;
    const memory = createMemory(this.at + (this.count + directions) * this.size);
    this.loops = loopsIn(memory);
    this.numbers = new Uint32Array(memory.buffer, 0, ALL_PAIRS);
    this.found = new Int32Array(memory.buffer, 4 * ALL_PAIRS, ALL_PAIRS);
    const all = new Int8Array(memory.buffer, this.at);
    this.lengths = fillNormalised(all, task);
    const draw = random("planes");
    const end = (this.count + directions) * this.size;
    for (let k = this.count * this.size; k < end; k++) {
      all[k] = Math.max(-127, Math.min(127, Math.round(32 * draw.gaussian())));
    }
  }

  /** Dot products of one with up to `ALL_PAIRS` others; the next call overwrites them. */
  dots(one: number, others: Uint32Array): Int32Array {
    this.numbers.set(others);
    this.loops.products(this.at, this.size, one, 0, 4 * others.length, this.found.byteOffset);
    return this.found;
  }
}

/** Centred on the mean and scaled by each number's spread, in steps of a 127th of each vector's largest number; gives their lengths. */
function fillNormalised(out: Int8Array, { vectors, size, rows }: SimilarTask): Float32Array {
  const count = rows.length;
  const mean = new Float64Array(size);
  const spread = new Float64Array(size);
  for (const row of rows) for (let d = 0; d < size; d++) mean[d] = mean[d]! + vectors[row * size + d]! / count;
  for (const row of rows) {
    for (let d = 0; d < size; d++) spread[d] = spread[d]! + (vectors[row * size + d]! - mean[d]!) ** 2 / count;
  }
  // Numbers that hardly differ are noise: their spread counts as at least a third of the usual one.
  const floor = Math.sqrt(spread.reduce((a, b) => a + b, 0) / size) / 3 || 1;
  const scale = spread.map((v) => 1 / Math.max(floor, Math.sqrt(v)));
  const lengths = new Float32Array(count);
  const one = new Float64Array(size);
  for (const [i, row] of rows.entries()) {
    let largest = 0;
    for (let d = 0; d < size; d++) {
      one[d] = (vectors[row * size + d]! - mean[d]!) * scale[d]!;
      largest = Math.max(largest, Math.abs(one[d]!));
    }
    let square = 0;
    for (let d = 0; d < size; d++) {
      const step = Math.round((127 * one[d]!) / (largest || 1));
      out[i * size + d] = step;
      square += step * step;
    }
    lengths[i] = Math.sqrt(square);
  }
  return lengths;
}
