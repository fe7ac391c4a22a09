// Frames of FLAC (RFC 9639, section 9). The bits are read 32 at a time into the upper end of a word.
import { checksum } from "./checksum";

/** The bits that come next, from the highest on; those behind the `held` ones are 0. */
let word: u64 = 0;
let held: i32 = 0;
/** Where the bits behind them are, and how far they may be taken from. */
let next: usize = 0;
let limit: usize = 0;
let broken: bool = false;

/** Bytes at the beginning of `work` that hold coefficients. */
const COEFFICIENTS: usize = 128;

/**
 * Decodes the frame at `at`, which ends before `end`, to samples of `bits` bits at `out`, channels interleaved: 16 bits as they are,
 * others in the upper bits of 32; up to 15 samples more are written. `work` has room for 128 bytes and for `channels · (block + 4)` integers. Behind `end` 16 bytes can be read.
 * @returns its samples per channel, at most `block`; 0 where it is damaged or of another form
 */
export function flacFrame(at: usize, end: usize, channels: i32, bits: i32, block: i32, work: usize, out: usize): i32 {
  const size = header(at, end, channels, bits);
  const assignment = assigned;
  if (broken || size < 1 || size > block) return 0;
  const apart = <usize>(4 * (block + 4));
  const first = work + COEFFICIENTS;
  for (let c = 0; c < channels; c++) {
    const side = (assignment == 9 && c == 0) || ((assignment == 8 || assignment == 10) && c == 1);
    subframe(first + <usize>c * apart, size, bits + <i32>side, work);
    if (broken) return 0;
  }
  take(held & 7);
  take(16);
  if (next - <usize>(held >> 3) > end) return 0;
  if (assignment >= 8) decorrelate(first, first + apart, size, assignment);
  if (bits == 16) interleave(first, apart, size, channels, out);
  else interleaveWide(first, apart, size, channels, 32 - bits, out);
  return size;
}

/** Where the frame decoded last ends. */
export function flacEnd(): usize {
  return next - <usize>(held >> 3);
}

/** Whether the frame at `at`, the one decoded last, has that number and is as its checksums say; CRC-16's tables lie at 0 (`checksum`). */
export function flacIntact(at: usize, number: u32): bool {
  if (numbered != number || crc8(at, headerEnd) != 0) return false;
  const end = flacEnd();
  const rest = at + ((end - at) & ~15);
  let c = checksum(0, at, rest);
  for (let i = rest; i < end; i++) c = load<u32>(((c ^ <u32>load<u8>(i)) & 255) << 2) ^ (c >> 8);
  return c == 0;
}

/** The number of the frame whose header is at `at`, with room for it before `end`; -1 where there is none. */
export function flacNumber(at: usize, end: usize, channels: i32, bits: i32): i32 {
  const size = header(at, end, channels, bits);
  return broken || size < 1 || headerEnd > end || crc8(at, headerEnd) != 0 ? -1 : <i32>numbered;
}

/** CRC-8 of a frame's header, which is 0 with its own at the end. */
function crc8(at: usize, end: usize): u32 {
  let c: u32 = 0;
  for (; at < end; at++) {
    c ^= load<u8>(at);
    for (let bit = 0; bit < 8; bit++) c = ((c << 1) ^ (c & 128 ? 7 : 0)) & 255;
  }
  return c;
}

/** The frame's number, and where its header ends. */
let numbered: u32 = 0;
let headerEnd: usize = 0;

/** How the channels of the frame are stored: 0 to 7 each for itself, 8 to 10 as a difference. */
let assigned: i32 = 0;

/** Reads the header of the frame at `at` and returns its samples per channel. */
function header(at: usize, end: usize, channels: i32, bits: i32): i32 {
  word = 0;
  held = 0;
  next = at;
  // Up to 63 bits are held.
  limit = end + 8;
  broken = false;
  const sync = take(15);
  take(1);
  const sizeCode = <i32>take(4);
  const rateCode = <i32>take(4);
  assigned = <i32>take(4);
  const depth = take(3);
  // As STREAMINFO says.
  const expected = bits < 16 ? bits / 4 - 1 : bits / 4;
  if (sync != 0x7ffc || (depth != 0 && depth != <u32>expected) || assigned > 10) broken = true;
  if ((assigned < 8 ? assigned + 1 : 2) != channels) broken = true;
  if (take(1) == 1 || rateCode == 15) broken = true;
  // The frame's number, coded as in UTF-8.
  const lead = take(8);
  const ones = <i32>clz(~(lead << 24));
  numbered = lead & (127 >> ones);
  for (let more = ones - 1; more > 0; more--) numbered = (numbered << 6) | (take(8) & 63);
  let size = 0;
  if (sizeCode == 1) size = 192;
  else if (sizeCode >= 2 && sizeCode <= 5) size = 144 << sizeCode;
  else if (sizeCode == 6) size = <i32>take(8) + 1;
  else if (sizeCode == 7) size = <i32>take(16) + 1;
  else if (sizeCode >= 8) size = 1 << sizeCode;
  if (rateCode == 12) take(8);
  else if (rateCode == 13 || rateCode == 14) take(16);
  take(8);
  headerEnd = flacEnd();
  return size;
}

/** Decodes one channel of `size` samples of `bits` bits to integers at `out`. */
function subframe(out: usize, size: i32, bits: i32, coefficients: usize): void {
  const type = <i32>take(7);
  const wasted = take(1) == 1 ? unary() + 1 : 0;
  const width = bits - wasted;
  if (width < 1) broken = true;
  if (broken) return;
  const end = out + <usize>(4 * size);
  if (type == 0) {
    const value = signed(width);
    for (let at = out; at < end; at += 4) store<i32>(at, value);
  } else if (type == 1) {
    for (let at = out; at < end; at += 4) store<i32>(at, signed(width));
  } else if ((type >= 8 && type <= 12) || (type >= 32 && type < 64)) {
    predicted(out, size, width, type, coefficients);
  } else broken = true;
  if (wasted > 0) for (let at = out; at < end; at += 4) store<i32>(at, load<i32>(at) << wasted);
}

/** A channel whose samples are predicted from those before them; `type` says how, and from how many. */
function predicted(out: usize, size: i32, width: i32, type: i32, coefficients: usize): void {
  const linear = type >= 32;
  const order = linear ? type - 31 : type - 8;
  if (order > size) broken = true;
  for (let k = 0; k < order && !broken; k++) store<i32>(out + <usize>(4 * k), signed(width));
  const precision = linear ? <i32>take(4) + 1 : 4;
  const shift = linear ? signed(5) : 0;
  if (precision == 16 || shift < 0) broken = true;
  for (let k = 0; k < order; k++) {
    store<i32>(coefficients + <usize>(4 * k), linear ? signed(precision) : polynomial(order, k));
  }
  const end = out + <usize>(4 * size);
  // Sums of products that fit into 32 bits, as those of nearly every encoder's 16-bit samples do.
  const small = width + precision + 32 - <i32>clz(order - 1) <= 32;
  const w = word;
  const h = held;
  const from = next;
  if (order <= 18 && !broken) {
    if (small && width <= 17 && fused<i32>(out, size, coefficients, order, shift)) return;
    if (!small && order > 4 && fused<i64>(out, size, coefficients, order, shift)) return;
  }
  // Not of 16 bits, as the difference of two channels may be.
  word = w;
  held = h;
  next = from;
  residual(out, size, order);
  if (small) predict(out, end, coefficients, order, shift);
  else predictWide(out, end, coefficients, order, shift);
}

/** Coefficient `k` of FLAC's fixed polynomials: binomial ones, whose sign alternates. */
function polynomial(order: i32, k: i32): i32 {
  let value = -1;
  for (let i = 0; i <= k; i++) value = -(value * (order - i)) / (i + 1);
  return value;
}

/** The form of what is left of the prediction: bits of a parameter, and samples of each partition. */
let parameterBits: i32 = 0;
let partition: i32 = 0;

/** Reads that form; `order` samples of the first partition are there already. */
function partitioning(size: i32, order: i32): void {
  const method = take(2);
  const partitions = <i32>take(4);
  parameterBits = method == 0 ? 4 : 5;
  partition = size >> partitions;
  if (method > 1 || partition << partitions != size || partition < order) broken = true;
}

/** Reads what is left of the prediction for all samples but the first `order`. */
function residual(out: usize, size: i32, order: i32): void {
  partitioning(size, order);
  const end = out + <usize>(4 * size);
  let at = out + <usize>(4 * order);
  for (let stop = out; at < end && !broken; at = stop) {
    stop += <usize>(4 * partition);
    const parameter = take(parameterBits);
    if (parameter == (1 << parameterBits) - 1) escaped(at, stop);
    else rice(at, stop, parameter);
  }
}

/** Reads numbers that are stored as they are. */
function escaped(at: usize, end: usize): void {
  const width = <i32>take(5);
  for (; at < end; at += 4) store<i32>(at, signed(width));
}

/** Reads Rice codes with `parameter` low bits each. */
function rice(at: usize, end: usize, parameter: u32): void {
  const k = <i32>parameter;
  let w = word;
  let h = held;
  let from = next;
  for (; at < end; at += 4) {
    if (from > limit) {
      broken = true;
      break;
    }
    // At least 56 bits, without a branch that nobody can foresee; bits of a byte that was taken in part are the same again.
    w |= reversed(from) >> h;
    from += (63 - h) >> 3;
    h |= 56;
    const zeros = <i32>clz<u64>(w);
    const bits = zeros + k + 1;
    let value: u32;
    if (bits <= h) {
      // The one that ends the zeros stands before the low bits and is taken off again.
      value = (<u32>(zeros - 1) << k) + <u32>((w << zeros) >> (63 - k));
      w <<= bits;
      h -= bits;
    } else {
      word = w;
      held = h;
      next = from;
      const high = <u32>unary();
      value = (high << k) | take(k);
      w = word;
      h = held;
      from = next;
      if (broken) break;
    }
    store<i32>(at, <i32>(value >> 1) ^ -(<i32>(value & 1)));
  }
  word = w;
  held = h;
  next = from;
}

/** Eight bytes as a number, the first as its highest. */
// @ts-ignore: decorator
@inline
function reversed(at: usize): u64 {
  const bytes = v128.load64_zero(at);
  return i64x2.extract_lane(i8x16.shuffle(bytes, bytes, 7, 6, 5, 4, 3, 2, 1, 0, 7, 6, 5, 4, 3, 2, 1, 0), 0);
}

/** Adds the linear prediction of the `order` samples before. */
function predict(out: usize, end: usize, coefficients: usize, order: i32, shift: i32): void {
  const bytes = <usize>(4 * order);
  for (let at = out + bytes; at < end; at += 4) {
    let sum = 0;
    // The newest sample comes last: the others don't wait for it.
    let from = at - bytes;
    for (let c = coefficients + bytes - 4; from < at; from += 4, c -= 4) sum += load<i32>(from) * load<i32>(c);
    store<i32>(at, load<i32>(at) + (sum >> shift));
  }
}

/**
 * Reads what is left of the prediction by up to 18 samples, and adds the prediction: the next code is read while a sample waits for
 * the one before. The two newest samples are taken one by one, those before them eight at a time: of 16 bits, with sums of 32, or (i64)
 * of 25 bits, in two parts.
 * @returns whether all samples have as many bits; of others they are wrong
 */
function fused<T extends number>(out: usize, size: i32, coefficients: usize, order: i32, shift: i32): bool {
  for (let k = order; k < 18; k++) store<i32>(coefficients + <usize>(4 * k), 0);
  const c1 = load<i32>(coefficients);
  const c2 = load<i32>(coefficients, 4);
  const near = i16x8.narrow_i32x4_s(v128.load(coefficients, 8), v128.load(coefficients, 24));
  const far = i16x8.narrow_i32x4_s(v128.load(coefficients, 40), v128.load(coefficients, 56));
  const long = order > 10;
  const wide = sizeof<T>() == 8;
  const spare = wide ? 7 : 16;
  let old = i16x8.splat(0);
  let older = old;
  let oldHigh = old;
  let olderHigh = old;
  // The first samples, as if there were zeros before them.
  let a = 0;
  let b = 0;
  let beyond = 0;
  let at = out;
  for (const first = out + <usize>(4 * order); at < first; at += 4) {
    older = carried(older, old);
    old = shifted(old, wide ? b & 4095 : b);
    if (wide) {
      olderHigh = carried(olderHigh, oldHigh);
      oldHigh = shifted(oldHigh, b >> 12);
    }
    b = a;
    a = load<i32>(at);
    beyond |= a ^ ((a << spare) >> spare);
  }
  partitioning(size, order);
  const end = out + <usize>(4 * size);
  let stop = out;
  while (at < end && !broken) {
    stop += <usize>(4 * partition);
    const k = <i32>take(parameterBits);
    const coded = k != (1 << parameterBits) - 1;
    if (!coded) escaped(at, stop);
    let w = word;
    let h = held;
    let from = next;
    for (; at < stop; at += 4) {
      let rest: i32;
      if (coded) {
        if (from > limit) {
          broken = true;
          break;
        }
        // At least 56 bits, without a branch that nobody can foresee; bits of a byte that was taken in part are the same again.
        w |= reversed(from) >> h;
        from += (63 - h) >> 3;
        h |= 56;
        const zeros = <i32>clz<u64>(w);
        const bits = zeros + k + 1;
        let value: u32;
        if (bits <= h) {
          // The one that ends the zeros stands before the low bits and is taken off again.
          value = (<u32>(zeros - 1) << k) + <u32>((w << zeros) >> (63 - k));
          w <<= bits;
          h -= bits;
        } else {
          word = w;
          held = h;
          next = from;
          const high = <u32>unary();
          value = (high << k) | take(k);
          w = word;
          h = held;
          from = next;
          if (broken) break;
        }
        rest = <i32>(value >> 1) ^ -(<i32>(value & 1));
      } else rest = load<i32>(at);
      let sums = i32x4.dot_i16x8_s(old, near);
      let high = sums;
      if (wide) high = i32x4.dot_i16x8_s(oldHigh, near);
      if (long) {
        sums = i32x4.add(sums, i32x4.dot_i16x8_s(older, far));
        older = carried(older, old);
        if (wide) {
          high = i32x4.add(high, i32x4.dot_i16x8_s(olderHigh, far));
          olderHigh = carried(olderHigh, oldHigh);
        }
      }
      old = shifted(old, wide ? b & 4095 : b);
      let sum = <T>total(sums);
      if (wide) {
        oldHigh = shifted(oldHigh, b >> 12);
        sum += <T>total(high) << <T>12;
      }
      sum += <T>c2 * <T>b + <T>c1 * <T>a;
      b = a;
      a = rest + <i32>(sum >> <T>shift);
      beyond |= a ^ ((a << spare) >> spare);
      store<i32>(at, a);
    }
    word = w;
    held = h;
    next = from;
  }
  return beyond == 0;
}

/** Samples as 16 bits each, with a newer one in front. */
// @ts-ignore: decorator
@inline
function shifted(old: v128, newer: i32): v128 {
  return i16x8.replace_lane(i8x16.shuffle(old, old, 0, 1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13), 0, <i16>newer);
}

/** As `shifted`, with the one that falls out of `old` in front. */
// @ts-ignore: decorator
@inline
function carried(older: v128, old: v128): v128 {
  return i8x16.shuffle(old, older, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29);
}

// @ts-ignore: decorator
@inline
function total(sums: v128): i32 {
  const pairs = i32x4.add(sums, i8x16.shuffle(sums, sums, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7));
  return i32x4.extract_lane(pairs, 0) + i32x4.extract_lane(pairs, 1);
}

function predictWide(out: usize, end: usize, coefficients: usize, order: i32, shift: i32): void {
  const bytes = <usize>(4 * order);
  for (let at = out + bytes; at < end; at += 4) {
    let sum: i64 = 0;
    let from = at - bytes;
    for (let c = coefficients + bytes - 4; from < at; from += 4, c -= 4) {
      sum += <i64>load<i32>(from) * <i64>load<i32>(c);
    }
    store<i32>(at, load<i32>(at) + <i32>(sum >> shift));
  }
}

/** Left and right of one of them, or their mean, and the difference; up to three more are changed behind their ends. */
function decorrelate(a: usize, b: usize, size: i32, assignment: i32): void {
  const end = a + <usize>(4 * size);
  const one = i32x4.splat(1);
  for (; a < end; a += 16, b += 16) {
    const x = v128.load(a);
    const y = v128.load(b);
    if (assignment == 8) v128.store(b, i32x4.sub(x, y));
    else if (assignment == 9) v128.store(a, i32x4.add(x, y));
    else {
      const sum = v128.or(i32x4.shl(x, 1), v128.and(y, one));
      v128.store(a, i32x4.shr_s(i32x4.add(sum, y), 1));
      v128.store(b, i32x4.shr_s(i32x4.sub(sum, y), 1));
    }
  }
}

function interleave(first: usize, apart: usize, size: i32, channels: i32, out: usize): void {
  if (channels > 2) {
    for (let c = 0; c < channels; c++) {
      let at = first + <usize>c * apart;
      const end = at + <usize>(4 * size);
      for (let to = out + <usize>(2 * c); at < end; at += 4, to += <usize>(2 * channels)) store<i16>(to, <i16>load<i32>(at));
    }
    return;
  }
  const end = first + <usize>(4 * size);
  for (let at = first; at < end; at += 16, out += <usize>(8 * channels)) {
    const a = v128.load(at);
    if (channels == 1) v128.store64_lane(out, i16x8.narrow_i32x4_s(a, a), 0);
    else {
      const both = i16x8.narrow_i32x4_s(a, v128.load(at + apart));
      v128.store(out, i8x16.shuffle(both, both, 0, 1, 8, 9, 2, 3, 10, 11, 4, 5, 12, 13, 6, 7, 14, 15));
    }
  }
}

function interleaveWide(first: usize, apart: usize, size: i32, channels: i32, shift: i32, out: usize): void {
  if (channels == 2) {
    const end = first + <usize>(4 * size);
    for (let at = first; at < end; at += 16, out += 32) {
      const a = i32x4.shl(v128.load(at), shift);
      const b = i32x4.shl(v128.load(at + apart), shift);
      v128.store(out, i8x16.shuffle(a, b, 0, 1, 2, 3, 16, 17, 18, 19, 4, 5, 6, 7, 20, 21, 22, 23));
      v128.store(out, i8x16.shuffle(a, b, 8, 9, 10, 11, 24, 25, 26, 27, 12, 13, 14, 15, 28, 29, 30, 31), 16);
    }
    return;
  }
  for (let c = 0; c < channels; c++) {
    let at = first + <usize>c * apart;
    const end = at + <usize>(4 * size);
    for (let to = out + <usize>(4 * c); at < end; at += 4, to += <usize>(4 * channels)) store<i32>(to, load<i32>(at) << shift);
  }
}

/** The next `count` bits, at most 32. */
function take(count: i32): u32 {
  if (held < count) refill();
  const value = <u32>((word >> 1) >> (63 - count));
  word <<= count;
  held -= count;
  return value;
}

function signed(count: i32): i32 {
  return count == 0 ? 0 : <i32>(take(count) << (32 - count)) >> (32 - count);
}

/** The number of zeros before the next one. */
function unary(): i32 {
  let zeros = 0;
  while (!broken) {
    const lead = <i32>clz<u64>(word);
    if (lead < held) {
      word <<= lead + 1;
      held -= lead + 1;
      return zeros + lead;
    }
    zeros += held;
    word = 0;
    held = 0;
    refill();
  }
  return 0;
}

/** 32 bits more; there are fewer than that. */
function refill(): void {
  if (next > limit) {
    broken = true;
    next = limit - 4;
  }
  word |= <u64>bswap<u32>(load<u32>(next)) << (32 - held);
  next += 4;
  held += 32;
}
