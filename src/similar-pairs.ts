import { random } from "./signal/random.js";

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
const LEAST_COSINE = 0.8;
/** Up to this many vectors every pair is looked at. */
const ALL_PAIRS = 600;

/**
 * Pairs of vectors of different parts that point nearly the same way: `[a, b, a, b, …]`, as numbers of a view's rows.
 *
 * Vectors are centred and scaled, then put into buckets by the side on which they lie of random planes (Charikar 2002),
 * about 8 to a bucket, 24 times over. In a bucket they are sorted along one more direction and compared with those that
 * follow, so that time and memory grow near-linearly.
 */
export function similarPairs(task: SimilarTask): Uint32Array {
  const { size, parts, views } = task;
  const count = parts.length;
  const each = count / views;
  const { vectors, lengths } = normalised(task);
  // By vector and part of the others: 256 parts at most.
  const best = new Map<number, { other: number; cosine: number }[]>();
  const look = (a: number, b: number): void => {
    if (parts[a] === parts[b] || (views > 1 && Math.floor(a / each) === Math.floor(b / each))) return;
    let dot = 0;
    for (let d = 0; d < size; d++) dot += vectors[a * size + d]! * vectors[b * size + d]!;
    const cosine = dot / (lengths[a]! * lengths[b]!);
    if (!(cosine >= LEAST_COSINE)) return;
    for (const [from, to] of [
      [a, b],
      [b, a],
    ] as const) {
      const place = from * 256 + parts[to]!;
      const list = best.get(place) ?? [];
      best.set(place, list);
      // Tables find the same pairs again.
      if (list.some((known) => known.other === to)) continue;
      list.push({ other: to, cosine });
      if (list.length <= KEPT) continue;
      list.sort((p, q) => q.cosine - p.cosine || p.other - q.other);
      list.pop();
    }
  };
  if (count <= ALL_PAIRS) {
    for (let a = 0; a < count; a++) for (let b = a + 1; b < count; b++) look(a, b);
  } else {
    for (let table = 0; table < TABLES; table++) {
      const { order, keys } = bucketOrder(vectors, lengths, size, table);
      for (let i = 0; i < count; i++) {
        const a = order[i]!;
        for (let j = i + 1; j < Math.min(count, i + BUCKET_LIMIT) && keys[order[j]!] === keys[a]; j++)
          look(a, order[j]!);
      }
    }
  }
  const pairs: number[] = [];
  for (const [place, list] of best) {
    for (const { other } of list) pairs.push(Math.floor(place / 256) % each, other % each);
  }
  return distinctPairs([pairs], each);
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
function bucketOrder(
  vectors: Int8Array,
  lengths: Float32Array,
  size: number,
  table: number,
): { order: Uint32Array; keys: Int32Array } {
  const count = lengths.length;
  const bits = Math.max(1, Math.min(30, Math.ceil(Math.log2(count)) - 3));
  const draw = random(`plane ${table}`);
  const planes = Float32Array.from({ length: (bits + 1) * size }, () => draw.gaussian());
  const keys = new Int32Array(count);
  const along = new Float32Array(count);
  for (let i = 0; i < count; i++) {
    for (let bit = 0; bit <= bits; bit++) {
      let dot = 0;
      for (let d = 0; d < size; d++) dot += vectors[i * size + d]! * planes[bit * size + d]!;
      if (bit === bits) along[i] = dot / (lengths[i]! || 1);
      else keys[i] = (keys[i]! << 1) | (dot > 0 ? 1 : 0);
    }
  }
  const order = Uint32Array.from({ length: count }, (_, i) => i);
  return { order: order.sort((a, b) => keys[a]! - keys[b]! || along[a]! - along[b]! || a - b), keys };
}

/** Centred on the mean and scaled by each number's spread, in steps of a 127th of each vector's largest number. */
function normalised({ vectors, size, rows }: SimilarTask): { vectors: Int8Array; lengths: Float32Array } {
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
  const out = new Int8Array(count * size);
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
  return { vectors: out, lengths };
}
