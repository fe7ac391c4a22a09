/**
 * Dot products of the vector of number `one` with those of the numbers from `others` to `end`, in int32, one after the
 * other from `out` on. Vectors of `size` int8, a multiple of 16, lie one after the other at `vectors`.
 */
export function products(vectors: usize, size: usize, one: usize, others: usize, end: usize, out: usize): void {
  const first = vectors + one * size;
  for (; others < end; others += 4, out += 4) {
    const second = vectors + <usize>load<u32>(others) * size;
    let sum = i32x4.splat(0);
    for (let at: usize = 0; at < size; at += 16) {
      const a = v128.load(first + at);
      const b = v128.load(second + at);
      const low = i32x4.dot_i16x8_s(i16x8.extend_low_i8x16_s(a), i16x8.extend_low_i8x16_s(b));
      const high = i32x4.dot_i16x8_s(i16x8.extend_high_i8x16_s(a), i16x8.extend_high_i8x16_s(b));
      sum = i32x4.add(sum, i32x4.add(low, high));
    }
    const half = i32x4.add(sum, i32x4.shuffle(sum, sum, 2, 3, 0, 1));
    store<i32>(out, i32x4.extract_lane(half, 0) + i32x4.extract_lane(half, 1));
  }
}
