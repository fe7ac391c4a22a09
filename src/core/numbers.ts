/** `count` numbers spread evenly over 0 … `total` - 1; all of them where there are no more. */
export function spread(total: number, count: number): number[] {
  const most = Math.min(total, count);
  return Array.from({ length: most }, (_, k) => Math.floor((k * total) / most));
}

/** 0 … `count` − 1. */
export function numbersTo(count: number): Uint32Array {
  const numbers = new Uint32Array(count);
  for (let i = 0; i < count; i++) numbers[i] = i;
  return numbers;
}

/** The arrays one after the other, in one. */
export function concat<T extends Float32Array | Float64Array>(parts: readonly T[], Type: new (length: number) => T): T {
  const all = new Type(parts.reduce((n, part) => n + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/**
 * The sum of two numbers as their shortest decimals say it: 0.1 and 0.2 give 0.3. Times that a file gives as an onset and a
 * duration end where they were meant to.
 */
export function addDecimals(a: number, b: number): number {
  if (!Number.isFinite(a + b)) return a + b;
  // Microseconds are whole numbers.
  const [x, y] = [Math.round(a * 1e6), Math.round(b * 1e6)];
  if (x / 1e6 === a && y / 1e6 === b && Number.isSafeInteger(x) && Number.isSafeInteger(y)) return (x + y) / 1e6;
  const [m, e] = decimalOf(a);
  const [n, f] = decimalOf(b);
  const least = Math.min(e, f);
  return Number(`${m * 10n ** BigInt(e - least) + n * 10n ** BigInt(f - least)}e${least}`);
}

/** Digits and exponent of the shortest decimal of a number. */
function decimalOf(value: number): [digits: bigint, exponent: number] {
  const [mantissa = "", exponent = "0"] = String(value).split("e");
  const [whole = "", fraction = ""] = mantissa.split(".");
  return [BigInt(whole + fraction), Number(exponent) - fraction.length];
}
