import { type PrecisionRecall, precisionRecall } from "./precision-recall.js";

/** A note or another stretch of a label, in seconds. */
export interface ScoredNote {
  onset: number;
  offset: number;
  /** Number of the label; two notes are the same where it is equal. */
  feature: number;
  /** From 0 to 127. */
  velocity: number;
}

/** Scores of the notes of one recording, as mir_eval's `transcription` and `transcription_velocity` have them. */
export interface NoteScores {
  /** The onset is right to 50 ms. */
  onset: PrecisionRecall;
  /** The offset too, to 50 ms or a fifth of the note's length, whichever is more. */
  offset: PrecisionRecall;
  /** The velocity too, to a tenth of the range, after a line is fitted to those of the notes that match. */
  velocity: PrecisionRecall;
}

const ONSET = 0.05;
const OFFSET = 0.05;
const OFFSET_SHARE = 0.2;
const VELOCITY = 0.1;

/** Compares notes with those that are true. */
export function noteScores(truth: readonly ScoredNote[], said: readonly ScoredNote[]): NoteScores {
  const offset = matchNotes(truth, said, true);
  const of = (matches: number): PrecisionRecall => precisionRecall(matches, said.length, truth.length);
  return {
    onset: of(matchNotes(truth, said, false).length),
    offset: of(offset.length),
    velocity: of(rightVelocities(truth, said, offset)),
  };
}

/** Pairs of a true note and one that was said, as many as can be. */
function matchNotes(
  truth: readonly ScoredNote[],
  said: readonly ScoredNote[],
  offsets: boolean,
): [truth: number, said: number][] {
  const byFeature = new Map<number, number[]>();
  said.forEach(({ feature }, j) => void (byFeature.get(feature) ?? mapNew(byFeature, feature)).push(j));
  const near = (a: number, b: number, most: number): boolean => Math.round(Math.abs(a - b) * 1e4) / 1e4 <= most;
  const edges = new Map<number, number[]>();
  truth.forEach((one, i) => {
    const tolerance = Math.max(OFFSET_SHARE * (one.offset - one.onset), OFFSET);
    for (const j of byFeature.get(one.feature) ?? []) {
      const other = said[j]!;
      if (!near(one.onset, other.onset, ONSET)) continue;
      if (offsets && !near(one.offset, other.offset, tolerance)) continue;
      (edges.get(j) ?? mapNew(edges, j)).push(i);
    }
  });
  return [...largestMatching(edges)].sort(([a], [b]) => a - b);
}

function mapNew(map: Map<number, number[]>, key: number): number[] {
  const list: number[] = [];
  map.set(key, list);
  return list;
}

function rightVelocities(
  truth: readonly ScoredNote[],
  said: readonly ScoredNote[],
  matching: readonly [number, number][],
): number {
  const n = matching.length;
  if (n === 0) return 0;
  let [least, most] = [Infinity, -Infinity];
  for (const { velocity } of truth) [least, most] = [Math.min(least, velocity), Math.max(most, velocity)];
  const range = Math.max(1, most - least);
  const pairs = matching.map(([i, j]) => [said[j]!.velocity, (truth[i]!.velocity - least) / range] as const);
  const meanX = pairs.reduce((sum, [x]) => sum + x, 0) / n;
  const meanY = pairs.reduce((sum, [, y]) => sum + y, 0) / n;
  const spread = pairs.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0);
  const slope = spread > 0 ? pairs.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0) / spread : 0;
  return pairs.filter(([x, y]) => Math.abs(meanY + slope * (x - meanX) - y) < VELOCITY).length;
}

/**
 * A largest set of edges of which no two meet, in a graph of left vertices with their right neighbours: right vertex to
 * left one. Hopcroft and Karp's algorithm in the order of D. Eppstein's program, which mir_eval uses: of several largest sets it is
 * the same.
 */
function largestMatching(edges: ReadonlyMap<number, readonly number[]>): Map<number, number> {
  const matching = new Map<number, number>();
  for (const [left, rights] of edges) {
    const free = rights.find((right) => !matching.has(right));
    if (free !== undefined) matching.set(free, left);
  }
  const FIRST = -1;
  for (;;) {
    // Neighbours in the layer before: one for each left vertex, a list for each right one.
    const before = new Map<number, readonly number[]>();
    const parent = new Map<number, number>();
    const unmatched: number[] = [];
    const matched = new Set(matching.values());
    for (const left of edges.keys()) if (!matched.has(left)) parent.set(left, FIRST);
    let layer = [...parent.keys()];
    while (layer.length > 0 && unmatched.length === 0) {
      const next = new Map<number, number[]>();
      for (const left of layer) {
        for (const right of edges.get(left)!) {
          if (!before.has(right)) (next.get(right) ?? mapNew(next, right)).push(left);
        }
      }
      layer = [];
      for (const [right, lefts] of next) {
        before.set(right, lefts);
        const left = matching.get(right);
        if (left === undefined) unmatched.push(right);
        else {
          layer.push(left);
          parent.set(left, right);
        }
      }
    }
    if (unmatched.length === 0) return matching;
    const extend = (right: number): boolean => {
      const lefts = before.get(right) ?? [];
      before.delete(right);
      for (const left of lefts) {
        const up = parent.get(left);
        if (up === undefined) continue;
        parent.delete(left);
        if (up !== FIRST && !extend(up)) continue;
        matching.set(right, left);
        return true;
      }
      return false;
    };
    for (const right of unmatched) extend(right);
  }
}
