/**
 * `count` pairs of outputs of a rational resampler: each output the sum of products of input with its coefficients. Both of
 * a pair use the same input, `taps` samples, and have their coefficients side by side, four of each in turn, which takes
 * `8 · taps` bytes; those of `pairs` pairs start at address 0, and come again `down` inputs later. Per pair the phase moves
 * on by `rest` of `up` and the input by `whole` samples, and by one more where the phase comes round. The first pair is
 * number `first` with the phase `start`; `taps` is a multiple of 4.
 *
 * Four pairs that have the same coefficients are made at a time: six numbers are loaded for eight products.
 */
export function polyphase(
  input: usize,
  output: usize,
  count: i32,
  up: i32,
  whole: i32,
  rest: i32,
  pairs: i32,
  down: i32,
  taps: i32,
  first: i32,
  start: i32,
): void {
  const bytes = <usize>(8 * taps);
  const tableEnd = <usize>pairs * bytes;
  const apart = <usize>(8 * pairs);
  const downBytes = <usize>(4 * down);
  let h = <usize>first * bytes;
  let phase = start;
  while (count > 0) {
    const tiled = count >= 4 * pairs;
    const end = tiled ? pairs : count;
    for (let i = 0; i < end; i++) {
      if (tiled) four(input, downBytes, output, apart, h, bytes);
      else one(input, output, h, bytes);
      output += 8;
      h += bytes;
      if (h == tableEnd) h = 0;
      phase += rest;
      const carry = <i32>(phase >= up);
      phase -= carry * up;
      input += <usize>((whole + carry) << 2);
    }
    count -= tiled ? 4 * pairs : count;
    output += 3 * apart;
    input += 3 * downBytes;
  }
}

/** Four pairs of outputs, `apart` from one another, whose inputs are `down` apart. */
// @ts-ignore: decorator
@inline
function four(x: usize, down: usize, out: usize, apart: usize, h: usize, bytes: usize): void {
  let a = f32x4.splat(0);
  let b = a;
  let c = a;
  let d = a;
  let e = a;
  let f = a;
  let g = a;
  let k = a;
  const end = h + bytes;
  do {
    const v = v128.load(h);
    const w = v128.load(h, 16);
    let s = v128.load(x);
    a = f32x4.add(a, f32x4.mul(s, v));
    e = f32x4.add(e, f32x4.mul(s, w));
    s = v128.load(x + down);
    b = f32x4.add(b, f32x4.mul(s, v));
    f = f32x4.add(f, f32x4.mul(s, w));
    s = v128.load(x + 2 * down);
    c = f32x4.add(c, f32x4.mul(s, v));
    g = f32x4.add(g, f32x4.mul(s, w));
    s = v128.load(x + 3 * down);
    d = f32x4.add(d, f32x4.mul(s, v));
    k = f32x4.add(k, f32x4.mul(s, w));
    x += 16;
    h += 32;
  } while (h < end);
  const ab = totals(a, e, b, f);
  v128.store64_lane(out, ab, 0);
  v128.store64_lane(out + apart, ab, 1);
  const cd = totals(c, g, d, k);
  v128.store64_lane(out + 2 * apart, cd, 0);
  v128.store64_lane(out + 3 * apart, cd, 1);
}

/** As one of `four`. */
// @ts-ignore: decorator
@inline
function one(x: usize, out: usize, h: usize, bytes: usize): void {
  let a = f32x4.splat(0);
  let e = a;
  for (const end = h + bytes; h < end; h += 32, x += 16) {
    const s = v128.load(x);
    a = f32x4.add(a, f32x4.mul(s, v128.load(h)));
    e = f32x4.add(e, f32x4.mul(s, v128.load(h, 16)));
  }
  v128.store64_lane(out, totals(a, e, a, e), 0);
}

/** The sums of the four numbers of each, side by side. */
// @ts-ignore: decorator
@inline
function totals(a: v128, b: v128, c: v128, d: v128): v128 {
  const ab = f32x4.add(f32x4.shuffle(a, b, 0, 1, 4, 5), f32x4.shuffle(a, b, 2, 3, 6, 7));
  const cd = f32x4.add(f32x4.shuffle(c, d, 0, 1, 4, 5), f32x4.shuffle(c, d, 2, 3, 6, 7));
  return f32x4.add(f32x4.shuffle(ab, cd, 0, 2, 4, 6), f32x4.shuffle(ab, cd, 1, 3, 5, 7));
}
