import { random } from "./signal/random.js";

/** Vectors, row after row, and the part that each belongs to. */
export interface SimilarTask {
  vectors: Float32Array;
  size: number;
  parts: Uint8Array;
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
 * Pairs of vectors of different parts that point nearly the same way: `[a, b, a, b, …]`.
 *
 * Vectors are centred and scaled, then put into buckets by the side on which they lie of random planes (Charikar 2002),
 * about 8 to a bucket, 24 times over. In a bucket they are sorted along one more direction and compared with those that
 * follow, so that time and memory grow near-linearly.
 */
export function similarPairs(task: SimilarTask): Uint32Array {
  const { size, parts } = task;
  const count = parts.length;
  const vectors = normalised(task);
  // By vector and part of the others: 256 parts at most.
  const best = new Map<number, { other: number; cosine: number }[]>();
  const look = (a: number, b: number): void => {
    if (parts[a] === parts[b]) return;
    let cosine = 0;
    for (let d = 0; d < size; d++) cosine += vectors[a * size + d]! * vectors[b * size + d]!;
    if (cosine < LEAST_COSINE) return;
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
      const { order, keys } = bucketOrder(vectors, count, size, table);
      for (let i = 0; i < count; i++) {
        const a = order[i]!;
        for (let j = i + 1; j < Math.min(count, i + BUCKET_LIMIT) && keys[order[j]!] === keys[a]; j++)
          look(a, order[j]!);
      }
    }
  }
  const pairs = new Set<number>();
  for (const [place, list] of best) {
    const a = Math.floor(place / 256);
    for (const { other } of list) pairs.add(Math.min(a, other) * count + Math.max(a, other));
  }
  return Uint32Array.from([...pairs].flatMap((pair) => [Math.floor(pair / count), pair % count]));
}

/** The vectors' numbers sorted by bucket and, inside, along a random direction. */
function bucketOrder(
  vectors: Float32Array,
  count: number,
  size: number,
  table: number,
): { order: Uint32Array; keys: Int32Array } {
  const bits = Math.max(1, Math.min(30, Math.ceil(Math.log2(count)) - 3));
  const draw = random(`plane ${table}`);
  const planes = Float32Array.from({ length: (bits + 1) * size }, () => draw.gaussian());
  const keys = new Int32Array(count);
  const along = new Float32Array(count);
  for (let i = 0; i < count; i++) {
    for (let bit = 0; bit <= bits; bit++) {
      let dot = 0;
      for (let d = 0; d < size; d++) dot += vectors[i * size + d]! * planes[bit * size + d]!;
      if (bit === bits) along[i] = dot;
      else keys[i] = (keys[i]! << 1) | (dot > 0 ? 1 : 0);
    }
  }
  const order = Uint32Array.from({ length: count }, (_, i) => i);
  return { order: order.sort((a, b) => keys[a]! - keys[b]! || along[a]! - along[b]! || a - b), keys };
}

/** Centred on the mean, scaled by each number's spread, of length 1. */
function normalised({ vectors, size, parts }: SimilarTask): Float32Array {
  const count = parts.length;
  const mean = new Float64Array(size);
  const spread = new Float64Array(size);
  for (let i = 0; i < vectors.length; i++) mean[i % size] = mean[i % size]! + vectors[i]! / count;
  for (let i = 0; i < vectors.length; i++) {
    spread[i % size] = spread[i % size]! + (vectors[i]! - mean[i % size]!) ** 2 / count;
  }
  // Numbers that hardly differ are noise: their spread counts as at least a third of the usual one.
  const floor = Math.sqrt(spread.reduce((a, b) => a + b, 0) / size) / 3 || 1;
  const scale = spread.map((v) => 1 / Math.max(floor, Math.sqrt(v)));
  const out = new Float32Array(vectors.length);
  for (let i = 0; i < count; i++) {
    let square = 0;
    for (let d = 0; d < size; d++) {
      const v = (vectors[i * size + d]! - mean[d]!) * scale[d]!;
      out[i * size + d] = v;
      square += v * v;
    }
    const norm = Math.sqrt(square) || 1;
    for (let d = 0; d < size; d++) out[i * size + d] = out[i * size + d]! / norm;
  }
  return out;
}
