import { total } from "./vector";

/**
 * `count` outputs of a rational resampler: each the sum of `bytes / 4` products of input with the coefficients of its phase,
 * which start at address 0. Per output the phase moves on by `rest` of `up` and the input by `whole` samples, and by one
 * more where the phase comes round. `bytes` is a multiple of 32. Returns the phase after the last output.
 *
 * Outputs `up` apart have the same phase, so four of them are made at a time with the coefficients loaded once.
 */
export function polyphase(
  input: usize,
  output: usize,
  count: i32,
  up: i32,
  whole: i32,
  rest: i32,
  bytes: i32,
  phase: i32,
): i32 {
  const down = <usize>(4 * (whole * up + rest));
  const apart = <usize>up << 2;
  for (; count >= 4 * up; count -= 4 * up) {
    for (let i = 0; i < up; i++) {
      four(input, down, output, apart, <usize>(phase * bytes), <usize>bytes);
      output += 4;
      phase += rest;
      const carry = <i32>(phase >= up);
      phase -= carry * up;
      input += <usize>((whole + carry) << 2);
    }
    output += 3 * apart;
    input += 3 * down;
  }
  for (; count > 0; count--) {
    store<f32>(output, one(input, <usize>(phase * bytes), <usize>bytes));
    output += 4;
    phase += rest;
    const carry = <i32>(phase >= up);
    phase -= carry * up;
    input += <usize>((whole + carry) << 2);
  }
  return phase;
}

/** Four outputs, `apart` from one another, whose inputs are `down` apart. */
// @ts-ignore: decorator
@inline
function four(x: usize, down: usize, out: usize, apart: usize, h: usize, bytes: usize): void {
  let a = f32x4.splat(0);
  let b = a;
  let c = a;
  let d = a;
  const end = h + bytes;
  // More sums at once would be too many for the registers.
  do {
    const v = v128.load(h);
    a = f32x4.add(a, f32x4.mul(v128.load(x), v));
    b = f32x4.add(b, f32x4.mul(v128.load(x + down), v));
    c = f32x4.add(c, f32x4.mul(v128.load(x + 2 * down), v));
    d = f32x4.add(d, f32x4.mul(v128.load(x + 3 * down), v));
    x += 16;
    h += 16;
  } while (h < end);
  // The sums of the four numbers of each, side by side.
  const ab = f32x4.add(f32x4.shuffle(a, b, 0, 1, 4, 5), f32x4.shuffle(a, b, 2, 3, 6, 7));
  const cd = f32x4.add(f32x4.shuffle(c, d, 0, 1, 4, 5), f32x4.shuffle(c, d, 2, 3, 6, 7));
  const sums = f32x4.add(f32x4.shuffle(ab, cd, 0, 2, 4, 6), f32x4.shuffle(ab, cd, 1, 3, 5, 7));
  v128.store_lane<f32>(out, sums, 0);
  v128.store_lane<f32>(out + apart, sums, 1);
  v128.store_lane<f32>(out + 2 * apart, sums, 2);
  v128.store_lane<f32>(out + 3 * apart, sums, 3);
}

// @ts-ignore: decorator
@inline
function one(x: usize, h: usize, bytes: usize): f32 {
  let low = f32x4.splat(0);
  let high = low;
  for (const end = h + bytes; h < end; h += 32, x += 32) {
    low = f32x4.add(low, f32x4.mul(v128.load(x), v128.load(h)));
    high = f32x4.add(high, f32x4.mul(v128.load(x, 16), v128.load(h, 16)));
  }
  return total(f32x4.add(low, high));
}
