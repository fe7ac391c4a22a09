/** How well scores rank examples that have a label above those that don't, as scikit-learn computes them; NaN where that can't be said. */
export interface Ranking {
  /** Mean precision over the examples that have the label, each cut where it stands. */
  averagePrecision: number;
  /** Chance that an example with the label has a higher score than one without. */
  rocAuc: number;
  /** The same as the distance of two normal distributions in their standard deviations: √2 Φ⁻¹(rocAuc). */
  dPrime: number;
}

/** The ranking of label `k` in rows of `width` numbers; a label is there from a true value of one half. */
export function ranking(truth: ArrayLike<number>, scores: ArrayLike<number>, k = 0, width = 1): Ranking {
  const order = Uint32Array.from({ length: truth.length / width }, (_, i) => i * width + k);
  order.sort((a, b) => scores[b]! - scores[a]!);
  const positives = order.reduce((n, at) => n + (truth[at]! >= 0.5 ? 1 : 0), 0);
  const negatives = order.length - positives;
  let [hits, misses, precision, area] = [0, 0, 0, 0];
  for (let i = 0; i < order.length; ) {
    const before = [hits, misses] as const;
    // Examples of the same score have no order.
    const score = scores[order[i]!];
    for (; i < order.length && scores[order[i]!] === score; i++) {
      if (truth[order[i]!]! >= 0.5) hits++;
      else misses++;
    }
    precision += ((hits - before[0]) * hits) / (hits + misses);
    area += ((misses - before[1]) * (hits + before[0])) / 2;
  }
  const rocAuc = area / (positives * negatives);
  return { averagePrecision: precision / positives, rocAuc, dPrime: Math.SQRT2 * inverseNormal(rocAuc) };
}

/** The mean of the numbers that are some; NaN where none is. */
export function meanOf(values: readonly number[]): number {
  const some = values.filter((value) => !Number.isNaN(value));
  return some.reduce((sum, value) => sum + value, 0) / some.length;
}

// Coefficients of M. J. Wichura's algorithm AS 241 (PPND16), from the highest power down.
const MIDDLE = [
  [2509.0809287301227, 33430.57558358813, 67265.7709270087, 45921.95393154987],
  [13731.69376550946, 1971.5909503065513, 133.14166789178438, 3.3871328727963665],
  [5226.495278852546, 28729.085735721943, 39307.89580009271, 21213.794301586597],
  [5394.196021424751, 687.1870074920579, 42.31333070160091, 1],
];
const NEAR = [
  [0.0007745450142783414, 0.022723844989269184, 0.2417807251774506, 1.2704582524523684],
  [3.6478483247632045, 5.769497221460691, 4.630337846156546, 1.4234371107496835],
  [1.0507500716444169e-9, 0.0005475938084995345, 0.015198666563616457, 0.14810397642748008],
  [0.6897673349851, 1.6763848301838038, 2.053191626637759, 1],
];
const FAR = [
  [2.0103343992922881e-7, 0.000027115555687434876, 0.0012426609473880784, 0.026532189526576124],
  [0.29656057182850487, 1.7848265399172913, 5.463784911164114, 6.657904643501103],
  [2.0442631033899397e-15, 1.421511758316446e-7, 0.000018463183175100548, 0.0007868691311456133],
  [0.014875361290850615, 0.1369298809227358, 0.599832206555888, 1],
];

/** The number below which a standard normal variable is with a chance of `p`. Wichura, Applied Statistics 37 (1988), 477–484. */
export function inverseNormal(p: number): number {
  const q = p - 0.5;
  if (Math.abs(q) <= 0.425) return q * quotient(MIDDLE, 0.180625 - q * q);
  const tail = Math.min(p, 1 - p);
  if (!(tail > 0)) return tail === 0 ? Math.sign(q) * Infinity : Number.NaN;
  const r = Math.sqrt(-Math.log(tail));
  return Math.sign(q) * (r <= 5 ? quotient(NEAR, r - 1.6) : quotient(FAR, r - 5));
}

/** The quotient of two polynomials of degree 7. */
function quotient([a, b, c, d]: readonly (readonly number[])[], x: number): number {
  const polynomial = (coefficients: readonly number[]): number => coefficients.reduce((sum, one) => sum * x + one, 0);
  return polynomial([...a!, ...b!]) / polynomial([...c!, ...d!]);
}
