/** How many of what was said are right, how many of what is there were said, and their harmonic mean; 0 where there are none. */
export interface PrecisionRecall {
  precision: number;
  recall: number;
  f1: number;
}

/** A part of a whole; 0 of nothing. */
export const ratio = (part: number, whole: number): number => (whole > 0 ? part / whole : 0);

/** The scores for `matches` of `said` things where `there` are. */
export function precisionRecall(matches: number, said: number, there: number): PrecisionRecall {
  return { precision: ratio(matches, said), recall: ratio(matches, there), f1: ratio(2 * matches, said + there) };
}
