import { total } from "./vector";

// Every length is a multiple of 4 numbers, and at least 4.

/** out[i] = a[i] · b[i], for a from `a` to `end`. */
export function multiply(a: usize, b: usize, out: usize, end: usize): void {
  for (; a < end; a += 16, b += 16, out += 16) v128.store(out, f32x4.mul(v128.load(a), v128.load(b)));
}

/** out[i] = pairs[2i]² + pairs[2i + 1]², for pairs from `pairs` to `end`. */
export function power(pairs: usize, out: usize, end: usize): void {
  for (; pairs < end; pairs += 32, out += 16) {
    const a = v128.load(pairs);
    const b = v128.load(pairs, 16);
    const aa = f32x4.mul(a, a);
    const bb = f32x4.mul(b, b);
    v128.store(out, f32x4.add(f32x4.shuffle(aa, bb, 0, 2, 4, 6), f32x4.shuffle(aa, bb, 1, 3, 5, 7)));
  }
}

/**
 * For each entry (values, end) of the table: the sum of value · weight from `values` to `end`; the weights of one entry
 * follow those of the one before.
 */
export function bands(table: usize, tableEnd: usize, weights: usize, out: usize): void {
  for (; table < tableEnd; table += 8, out += 4) {
    let sum = f32x4.splat(0);
    const end = <usize>load<u32>(table, 4);
    for (let values = <usize>load<u32>(table); values < end; values += 16, weights += 16) {
      sum = f32x4.add(sum, f32x4.mul(v128.load(values), v128.load(weights)));
    }
    store<f32>(out, total(sum));
  }
}
