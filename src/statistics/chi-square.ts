/** A chi-square test of a table of counts: do the columns have the same make-up in every row? */
export interface ChiSquare {
  statistic: number;
  degrees: number;
  /** Chance of a difference at least this large where the make-up is the same. 1: as balanced as can be. */
  p: number;
}

/**
 * Pearson's chi-square test of independence (no continuity correction). Empty rows and columns are left out.
 *
 * @example
 * show.chiSquare([[50, 50], [10, 20]]).p.toFixed(4); // 0.1083
 */
export function chiSquare(table: readonly (readonly number[])[]): ChiSquare {
  const rows = table.map((row) => row.reduce((a, b) => a + b, 0));
  const columns = (table[0] ?? []).map((_, c) => table.reduce((sum, row) => sum + (row[c] ?? 0), 0));
  const total = rows.reduce((a, b) => a + b, 0);
  let statistic = 0;
  table.forEach((row, r) => {
    columns.forEach((column, c) => {
      const expected = (rows[r]! * column) / total;
      if (expected > 0) statistic += ((row[c] ?? 0) - expected) ** 2 / expected;
    });
  });
  const used = (sums: readonly number[]): number => sums.filter((sum) => sum > 0).length;
  const degrees = Math.max(0, (used(rows) - 1) * (used(columns) - 1));
  return { statistic, degrees, p: degrees === 0 ? 1 : upperGamma(degrees / 2, statistic / 2) };
}

/**
 * The regularised upper incomplete gamma function Q(a, x): a series below a + 1, Lentz's continued fraction above.
 * Press et al., Numerical Recipes, 3rd edition, section 6.2.
 */
function upperGamma(a: number, x: number): number {
  if (x <= 0) return 1;
  const front = Math.exp(a * Math.log(x) - x - logGamma(a));
  if (x < a + 1) {
    let term = 1 / a;
    let sum = term;
    for (let n = a + 1; Math.abs(term) > Math.abs(sum) * 1e-16; n++) {
      term *= x / n;
      sum += term;
    }
    return 1 - front * sum;
  }
  let b = x + 1 - a;
  let c = 1e300;
  let d = 1 / b;
  let h = d;
  for (let i = 1; i < 10_000; i++) {
    const factor = i * (a - i);
    b += 2;
    d = 1 / (factor * d + b);
    c = b + factor / c;
    h *= d * c;
    if (Math.abs(d * c - 1) < 1e-15) break;
  }
  return front * h;
}

/** log Γ for the halves and wholes that degrees of freedom give: Γ(a + 1) = a · Γ(a). */
function logGamma(a: number): number {
  let sum = Number.isInteger(a) ? 0 : 0.5 * Math.log(Math.PI);
  for (let at = Number.isInteger(a) ? 1 : 0.5; at < a; at++) sum += Math.log(at);
  return sum;
}
