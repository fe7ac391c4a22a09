/** `count` numbers spread evenly over 0 … `total` - 1; all of them where there are no more. */
export function spread(total: number, count: number): number[] {
  const most = Math.min(total, count);
  return Array.from({ length: most }, (_, k) => Math.floor((k * total) / most));
}

/** 0 … `count` − 1. */
export function numbersTo(count: number): Uint32Array {
  return Uint32Array.from({ length: count }, (_, i) => i);
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
