// A block of float64 numbers lies at address 0; its length is a multiple of 8, and loops may go on to the next such multiple.

/** Adds scale · sine: four points (x, y), one sample apart, each turned by four samples' angle (cosine c, sine s) a step. */
export function addSine(
  c: f64,
  s: f64,
  x0: f64,
  y0: f64,
  x1: f64,
  y1: f64,
  x2: f64,
  y2: f64,
  x3: f64,
  y3: f64,
  count: usize,
): void {
  const cosine = f64x2.splat(c);
  const sine = f64x2.splat(s);
  let xa = f64x2(x0, x1);
  let ya = f64x2(y0, y1);
  let xb = f64x2(x2, x3);
  let yb = f64x2(y2, y3);
  const end = count << 3;
  for (let at: usize = 0; at < end; at += 32) {
    v128.store(at, f64x2.add(v128.load(at), ya));
    v128.store(at, f64x2.add(v128.load(at, 16), yb), 16);
    const a = f64x2.sub(f64x2.mul(xa, cosine), f64x2.mul(ya, sine));
    const b = f64x2.sub(f64x2.mul(xb, cosine), f64x2.mul(yb, sine));
    ya = f64x2.add(f64x2.mul(xa, sine), f64x2.mul(ya, cosine));
    yb = f64x2.add(f64x2.mul(xb, sine), f64x2.mul(yb, cosine));
    xa = a;
    xb = b;
  }
}

/** The phases, from 0 to 1, of the samples number `n`. */
// @ts-ignore: decorator
@inline
function phases(n: v128, f: v128, rate: v128): v128 {
  const cycles = f64x2.div(f64x2.mul(f, n), rate);
  return f64x2.sub(cycles, f64x2.floor(cycles));
}

/** Adds +scale in the first half of each cycle, -scale in the second. */
export function addSquare(f: f64, rate: f64, scale: f64, start: f64, count: usize): void {
  const high = f64x2.splat(scale);
  const low = f64x2.splat(-scale);
  const half = f64x2.splat(0.5);
  let n = f64x2(start, start + 1);
  const end = count << 3;
  for (let at: usize = 0; at < end; at += 16) {
    const first = f64x2.lt(phases(n, f64x2.splat(f), f64x2.splat(rate)), half);
    v128.store(at, f64x2.add(v128.load(at), v128.bitselect(high, low, first)));
    n = f64x2.add(n, f64x2.splat(2));
  }
}

/** Adds a ramp from -scale to scale each cycle. */
export function addSaw(f: f64, rate: f64, scale: f64, start: f64, count: usize): void {
  const one = f64x2.splat(1);
  let n = f64x2(start, start + 1);
  const end = count << 3;
  for (let at: usize = 0; at < end; at += 16) {
    const p = phases(n, f64x2.splat(f), f64x2.splat(rate));
    const value = f64x2.mul(f64x2.splat(scale), f64x2.sub(f64x2.add(p, p), one));
    v128.store(at, f64x2.add(v128.load(at), value));
    n = f64x2.add(n, f64x2.splat(2));
  }
}

/** Adds a ramp from -scale to scale and back each cycle. */
export function addTriangle(f: f64, rate: f64, scale: f64, start: f64, count: usize): void {
  const one = f64x2.splat(1);
  let n = f64x2(start, start + 1);
  const end = count << 3;
  for (let at: usize = 0; at < end; at += 16) {
    const p = phases(n, f64x2.splat(f), f64x2.splat(rate));
    const away = f64x2.abs(f64x2.sub(p, f64x2.splat(0.5)));
    const value = f64x2.mul(f64x2.splat(scale), f64x2.sub(one, f64x2.mul(f64x2.splat(4), away)));
    v128.store(at, f64x2.add(v128.load(at), value));
    n = f64x2.add(n, f64x2.splat(2));
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
 * Two rounded numbers, as integers in the low halves of their lanes: added to 1.5 · 2^52, a whole number fills the last bits
 * of the sum.
 */
// @ts-ignore: decorator
@inline
function whole(at: usize): v128 {
  const rounded = f64x2.floor(f64x2.add(v128.load(at), f64x2.splat(0.5)));
  return f64x2.add(rounded, f64x2.splat(6755399441055744));
}
