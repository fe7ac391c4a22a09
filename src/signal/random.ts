/** A stream of random numbers: the same seed gives the same stream on every machine. */
export interface Random {
  /** The next whole number in [0, 2³²). */
  uint32(): number;
  /** The next number in [0, 1), of 53 bits. */
  uniform(): number;
  /** A whole number in [0, n), each equally likely; n from 1 to 2³². */
  below(n: number): number;
  /** A number of the normal distribution with mean 0 and standard deviation 1. */
  gaussian(): number;
  /** Puts the array into a random order, in place, and returns it. */
  shuffle<T extends { readonly length: number; [i: number]: unknown }>(array: T): T;
}

/**
 * Random numbers by xoshiro128** (Blackman and Vigna, "Scrambled linear pseudorandom number generators", 2021), its
 * state filled by SplitMix64 from the seed, as its authors advise. Not for secrets.
 *
 * @param seed A whole number (its lowest 64 bits count), or a text (hashed with 64-bit FNV-1a).
 * @throws RangeError for a number that isn't whole.
 * @example random(1).below(6) + 1 // a die
 */
export function random(seed: number | string): Random {
  let [a, b, c, d] = splitMix(typeof seed === "string" ? fnv1a(seed) : BigInt(seed));
  const uint32 = (): number => {
    const five = Math.imul(b, 5);
    const result = Math.imul((five << 7) | (five >>> 25), 9) >>> 0;
    const t = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= t;
    d = (d << 11) | (d >>> 21);
    return result;
  };
  const uniform = (): number => ((uint32() >>> 5) * 67108864 + (uint32() >>> 6)) / 9007199254740992;
  const below = (n: number): number => {
    // Numbers beyond the last whole multiple of n would favour the small results: draw again.
    const limit = 4294967296 - (4294967296 % n);
    let drawn = uint32();
    while (drawn >= limit) drawn = uint32();
    return drawn % n;
  };
  let spare: number | undefined;
  const gaussian = (): number => {
    if (spare !== undefined) {
      const value = spare;
      spare = undefined;
      return value;
    }
    // Marsaglia's polar method: a point in the unit disc gives two independent values.
    let x: number;
    let y: number;
    let square: number;
    do {
      x = 2 * uniform() - 1;
      y = 2 * uniform() - 1;
      square = x * x + y * y;
    } while (square >= 1 || square === 0);
    const scale = Math.sqrt((-2 * Math.log(square)) / square);
    spare = y * scale;
    return x * scale;
  };
  const shuffle: Random["shuffle"] = (array) => {
    // Fisher and Yates: each of the n! orders is equally likely.
    const items = array as { readonly length: number; [i: number]: unknown };
    for (let i = items.length - 1; i > 0; i--) {
      const j = below(i + 1);
      const item = items[i];
      items[i] = items[j];
      items[j] = item;
    }
    return array;
  };
  return { uint32, uniform, below, gaussian, shuffle };
}

/** Two outputs of SplitMix64, as four words. */
function splitMix(seed: bigint): [number, number, number, number] {
  const mask = (1n << 64n) - 1n;
  let state = seed & mask;
  const next = (): [number, number] => {
    state = (state + 0x9e3779b97f4a7c15n) & mask;
    let z = state;
    z = ((z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n) & mask;
    z = ((z ^ (z >> 27n)) * 0x94d049bb133111ebn) & mask;
    z ^= z >> 31n;
    return [Number(z & 0xffffffffn) | 0, Number(z >> 32n) | 0];
  };
  return [...next(), ...next()];
}

function fnv1a(text: string): bigint {
  let hash = 0xcbf29ce484222325n;
  for (const byte of new TextEncoder().encode(text)) {
    hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  }
  return hash;
}
