// A block of float64 numbers lies at address 0; its length is a multiple of 8, and loops may go on to the next such multiple.
// Each loop makes eight points one sample apart, which lie at `points`, then moves all of them on by eight samples.

/** Adds scale · sine: the points (x, y), first the eight x, turn by eight samples' angle (cosine c, sine s) a step. */
export function addSine(points: usize, c: f64, s: f64, count: usize): void {
  const cosine = f64x2.splat(c);
  const sine = f64x2.splat(s);
  let xa = v128.load(points);
  let xb = v128.load(points, 16);
  let xc = v128.load(points, 32);
  let xd = v128.load(points, 48);
  let ya = v128.load(points, 64);
  let yb = v128.load(points, 80);
  let yc = v128.load(points, 96);
  let yd = v128.load(points, 112);
  const end = count << 3;
  for (let at: usize = 0; at < end; at += 64) {
    add(at, ya);
    add(at + 16, yb);
    add(at + 32, yc);
    add(at + 48, yd);
    const a = f64x2.sub(f64x2.mul(xa, cosine), f64x2.mul(ya, sine));
    const b = f64x2.sub(f64x2.mul(xb, cosine), f64x2.mul(yb, sine));
    const e = f64x2.sub(f64x2.mul(xc, cosine), f64x2.mul(yc, sine));
    const f = f64x2.sub(f64x2.mul(xd, cosine), f64x2.mul(yd, sine));
    ya = f64x2.add(f64x2.mul(xa, sine), f64x2.mul(ya, cosine));
    yb = f64x2.add(f64x2.mul(xb, sine), f64x2.mul(yb, cosine));
    yc = f64x2.add(f64x2.mul(xc, sine), f64x2.mul(yc, cosine));
    yd = f64x2.add(f64x2.mul(xd, sine), f64x2.mul(yd, cosine));
    xa = a;
    xb = b;
    xc = e;
    xd = f;
  }
}

// @ts-ignore: decorator
@inline
function add(at: usize, value: v128): void {
  v128.store(at, f64x2.add(v128.load(at), value));
}

// The other waves' points are places in the cycle, from 0 to `cycle`, which may be any number.

/** A place `step` further on. */
// @ts-ignore: decorator
@inline
function moved(place: v128, step: v128, cycle: v128): v128 {
  const next = f64x2.add(place, step);
  return f64x2.sub(next, v128.and(f64x2.ge(next, cycle), cycle));
}

/**
 * Adds +scale in the first half of each cycle, -scale in the second. Returns whether a place but the first eight comes as
 * near as `edge` to a jump, where rounding may have put it on the wrong side.
 */
export function addSquare(points: usize, step: f64, cycle: f64, edge: f64, scale: f64, count: usize): bool {
  const by = f64x2.splat(step);
  const whole = f64x2.splat(cycle);
  const half = f64x2.splat(cycle / 2);
  const value = f64x2.splat(scale);
  const sign = f64x2.splat(-0.0);
  let a = v128.load(points);
  let b = v128.load(points, 16);
  let c = v128.load(points, 32);
  let d = v128.load(points, 48);
  // Negative in the first half.
  let e = f64x2.sub(a, half);
  let f = f64x2.sub(b, half);
  let g = f64x2.sub(c, half);
  let h = f64x2.sub(d, half);
  let least = f64x2.splat(cycle / 4);
  let most = least;
  const end = count << 3;
  for (let at: usize = 0; at < end; at += 64) {
    add(at, v128.xor(value, v128.andnot(sign, e)));
    add(at + 16, v128.xor(value, v128.andnot(sign, f)));
    add(at + 32, v128.xor(value, v128.andnot(sign, g)));
    add(at + 48, v128.xor(value, v128.andnot(sign, h)));
    a = moved(a, by, whole);
    b = moved(b, by, whole);
    c = moved(c, by, whole);
    d = moved(d, by, whole);
    e = f64x2.sub(a, half);
    f = f64x2.sub(b, half);
    g = f64x2.sub(c, half);
    h = f64x2.sub(d, half);
    least = f64x2.pmin(least, f64x2.pmin(f64x2.pmin(f64x2.abs(e), f64x2.abs(f)), f64x2.pmin(f64x2.abs(g), f64x2.abs(h))));
    most = f64x2.pmax(most, f64x2.pmax(f64x2.pmax(f64x2.abs(e), f64x2.abs(f)), f64x2.pmax(f64x2.abs(g), f64x2.abs(h))));
  }
  const far = f64x2.splat(cycle / 2 - edge);
  return v128.any_true(v128.or(f64x2.lt(least, f64x2.splat(edge)), f64x2.gt(most, far)));
}

/** Adds a ramp from -scale to scale each cycle. Returns what `addSquare` does. */
export function addSaw(points: usize, step: f64, cycle: f64, edge: f64, scale: f64, count: usize): bool {
  const by = f64x2.splat(step);
  const whole = f64x2.splat(cycle);
  const slope = f64x2.splat((2 * scale) / cycle);
  const start = f64x2.splat(scale);
  let a = v128.load(points);
  let b = v128.load(points, 16);
  let c = v128.load(points, 32);
  let d = v128.load(points, 48);
  let least = f64x2.splat(cycle / 2);
  let most = least;
  const end = count << 3;
  for (let at: usize = 0; at < end; at += 64) {
    add(at, f64x2.sub(f64x2.mul(a, slope), start));
    add(at + 16, f64x2.sub(f64x2.mul(b, slope), start));
    add(at + 32, f64x2.sub(f64x2.mul(c, slope), start));
    add(at + 48, f64x2.sub(f64x2.mul(d, slope), start));
    a = moved(a, by, whole);
    b = moved(b, by, whole);
    c = moved(c, by, whole);
    d = moved(d, by, whole);
    least = f64x2.pmin(least, f64x2.pmin(f64x2.pmin(a, b), f64x2.pmin(c, d)));
    most = f64x2.pmax(most, f64x2.pmax(f64x2.pmax(a, b), f64x2.pmax(c, d)));
  }
  const far = f64x2.splat(cycle - edge);
  return v128.any_true(v128.or(f64x2.lt(least, f64x2.splat(edge)), f64x2.gt(most, far)));
}

/** Adds a ramp from -scale to scale and back each cycle; it has no jumps. */
export function addTriangle(points: usize, step: f64, cycle: f64, scale: f64, count: usize): void {
  const by = f64x2.splat(step);
  const whole = f64x2.splat(cycle);
  const slope = f64x2.splat((4 * scale) / cycle);
  const top = f64x2.splat(scale);
  const half = f64x2.splat(cycle / 2);
  let a = v128.load(points);
  let b = v128.load(points, 16);
  let c = v128.load(points, 32);
  let d = v128.load(points, 48);
  const end = count << 3;
  for (let at: usize = 0; at < end; at += 64) {
    add(at, f64x2.sub(top, f64x2.mul(f64x2.abs(f64x2.sub(a, half)), slope)));
    add(at + 16, f64x2.sub(top, f64x2.mul(f64x2.abs(f64x2.sub(b, half)), slope)));
    add(at + 32, f64x2.sub(top, f64x2.mul(f64x2.abs(f64x2.sub(c, half)), slope)));
    add(at + 48, f64x2.sub(top, f64x2.mul(f64x2.abs(f64x2.sub(d, half)), slope)));
    a = moved(a, by, whole);
    b = moved(b, by, whole);
    c = moved(c, by, whole);
    d = moved(d, by, whole);
  }
}

/** Rounds the block to int16 at `out`: to the nearest, halves upwards, clipped to the range. */
export function quantize(count: usize, out: usize): void {
  const end = count << 3;
  for (let at: usize = 0; at < end; at += 64, out += 16) {
    const ab = i32x4.shuffle(whole(at), whole(at + 16), 0, 2, 4, 6);
    const cd = i32x4.shuffle(whole(at + 32), whole(at + 48), 0, 2, 4, 6);
    v128.store(out, i16x8.narrow_i32x4_s(ab, cd));
  }
}

/**
 * Two rounded numbers, as integers in the low halves of their lanes: added to 1.5 · 2^52, a number is rounded to the nearest
 * that is whole, which fills the last bits of the sum. Halves go up since they count as 2^-36 more.
 */
// @ts-ignore: decorator
@inline
function whole(at: usize): v128 {
  return f64x2.add(f64x2.add(v128.load(at), f64x2.splat(1.4551915228366852e-11)), f64x2.splat(6755399441055744));
}
