/** 16-bit samples from `at` to `end` to floats of full scale -1 to 1; whole groups of 8, so up to 7 more. */
export function floatsOf16(at: usize, end: usize, out: usize): void {
  const scale = f32x4.splat(1.0 / 32768.0);
  for (; at < end; at += 16, out += 32) {
    const eight = v128.load(at);
    v128.store(out, f32x4.mul(f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(eight)), scale));
    v128.store(out, f32x4.mul(f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(eight)), scale), 16);
  }
}

/** As `floatsOf16`, of 24-bit samples; whole groups of 4. */
export function floatsOf24(at: usize, end: usize, out: usize): void {
  const scale = f32x4.splat(1.0 / 2147483648.0);
  const zero = i32x4.splat(0);
  for (; at < end; at += 12, out += 16) {
    // Each in the upper three bytes of a lane.
    const four = i8x16.shuffle(v128.load(at), zero, 16, 0, 1, 2, 16, 3, 4, 5, 16, 6, 7, 8, 16, 9, 10, 11);
    v128.store(out, f32x4.mul(f32x4.convert_i32x4_s(four), scale));
  }
}

/** As `floatsOf16`, of 32-bit samples; whole groups of 4. */
export function floatsOf32(at: usize, end: usize, out: usize): void {
  const scale = f32x4.splat(1.0 / 2147483648.0);
  for (; at < end; at += 16, out += 16) v128.store(out, f32x4.mul(f32x4.convert_i32x4_s(v128.load(at)), scale));
}

/** The upper three bytes of 32-bit samples from `at` to `end`; whole groups of 4, and writes up to 4 bytes more. */
export function pack24(at: usize, end: usize, out: usize): void {
  const zero = i32x4.splat(0);
  for (; at < end; at += 16, out += 12) {
    v128.store(out, i8x16.shuffle(v128.load(at), zero, 1, 2, 3, 5, 6, 7, 9, 10, 11, 13, 14, 15, 16, 16, 16, 16));
  }
}
