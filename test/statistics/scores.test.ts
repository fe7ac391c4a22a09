// Notes, frames, rankings and sounds are scored as mir_eval, scikit-learn and numpy score them.
import assert from "node:assert/strict";
import { test } from "node:test";
import { noteScores, type ScoredNote } from "../../dist/statistics/note-scores.js";
import { inverseNormal, ranking } from "../../dist/statistics/ranking.js";
import { soundScores } from "../../dist/statistics/sound-scores.js";
import { random } from "../../dist/signal/random.js";
import { python } from "../support/python.js";

const near = (found: number, expected: number | null, tolerance: number, what: string): void => {
  if (expected === null) assert.ok(Number.isNaN(found), `${what}: ${found}, expected none`);
  else assert.ok(Math.abs(found - expected) <= tolerance, `${what}: ${found}, expected ${expected}`);
};

/** Notes of a few pitches, close together, so that several can match one; and a version of them with mistakes. */
function recordings(): [truth: ScoredNote[], said: ScoredNote[]][] {
  const noise = random("notes");
  return Array.from({ length: 60 }, (_, k) => {
    const crowded = k % 3 === 0 ? 0.05 : 1;
    const truth = Array.from({ length: noise.below(40) + 1 }, (): ScoredNote => {
      const onset = Math.round(noise.uniform() * crowded * 10_000) / 1000;
      const velocity = k % 5 === 0 ? 64 : noise.below(127) + 1;
      return { onset, offset: onset + 0.02 + noise.uniform(), feature: noise.below(k % 2 === 0 ? 2 : 12), velocity };
    });
    const said = truth
      .filter(() => noise.uniform() < 0.9)
      .map((one) => {
        const onset = Math.max(0, one.onset + 0.04 * noise.gaussian());
        const offset = Math.max(onset + 0.01, one.offset + 0.1 * noise.gaussian());
        const feature = noise.uniform() < 0.9 ? one.feature : noise.below(12);
        const velocity = k % 7 === 0 ? 100 : Math.max(1, Math.min(127, one.velocity * 0.8 + 15 * noise.gaussian()));
        return { onset, offset, feature, velocity };
      });
    return [truth, k === 11 ? [] : said];
  });
}

test("notes by onset, offset and velocity are mir_eval's", () => {
  const cases = recordings();
  const expected: number[][][] = python(
    `
import warnings, numpy as np
from mir_eval import transcription as t, transcription_velocity as v
warnings.simplefilter("ignore")
def split(notes):
    a = np.array([[n["onset"], n["offset"], n["feature"], n["velocity"]] for n in notes], float).reshape(-1, 4)
    return a[:, :2], 440 * 2 ** ((a[:, 2] + 60 - 69) / 12), a[:, 3]
out = []
for truth, said in input:
    (ri, rp, rv), (ei, ep, ev) = split(truth), split(said)
    out.append([
        t.precision_recall_f1_overlap(ri, rp, ei, ep, offset_ratio=None)[:3],
        t.precision_recall_f1_overlap(ri, rp, ei, ep)[:3],
        v.precision_recall_f1_overlap(ri, rp, rv, ei, ep, ev)[:3],
    ])
print(json.dumps(out))`,
    cases,
  );
  let different = 0;
  for (const [k, [truth, said]] of cases.entries()) {
    const { onset, offset, velocity } = noteScores(truth, said);
    for (const [i, found] of [onset, offset, velocity].entries()) {
      const [precision, recall, f1] = expected[k]![i]!;
      near(found.precision, precision!, 1e-12, `precision ${i} of ${k}`);
      near(found.recall, recall!, 1e-12, `recall ${i} of ${k}`);
      near(found.f1, f1!, 1e-12, `F1 ${i} of ${k}`);
    }
    if (velocity.f1 < offset.f1 && offset.f1 < onset.f1) different++;
  }
  assert.ok(different > 20, `${different} recordings whose three scores differ`);
});

test("average precision, area under the ROC curve and d′ are scikit-learn's and scipy's", () => {
  const noise = random("ranks");
  const cases = Array.from({ length: 40 }, (_, k) => {
    const truth = Array.from({ length: 2 + noise.below(60) }, () => (noise.uniform() < 0.3 ? 1 : 0));
    // Some with many equal scores.
    const score = (there: number): number => there + 1.5 * noise.gaussian();
    const scores = truth.map((there) => (k % 2 === 0 ? score(there) : Math.round(score(there))));
    return { truth, scores };
  });
  const chances = [1e-300, 1e-20, 1e-5, 0.01, 0.075, 0.2, 0.5, 0.7, 0.93, 0.999, 1 - 1e-12];
  const expected: { ranks: (number | null)[][]; normal: number[] } = python(
    `
import warnings, numpy as np
from scipy.stats import norm
from sklearn.metrics import average_precision_score, roc_auc_score
warnings.simplefilter("ignore")
def rank(c):
    t, s = c["truth"], c["scores"]
    if sum(t) == 0: return [None, None, None]
    if sum(t) == len(t): return [average_precision_score(t, s), None, None]
    auc = roc_auc_score(t, s)
    d = 2 ** 0.5 * norm.ppf(auc)
    return [average_precision_score(t, s), auc, d if np.isfinite(d) else 1e9 * np.sign(d)]
print(json.dumps({"ranks": [rank(c) for c in input["cases"]], "normal": norm.ppf(input["chances"]).tolist()}))`,
    { cases, chances },
  );
  for (const [k, { truth, scores }] of cases.entries()) {
    const { averagePrecision, rocAuc, dPrime } = ranking(truth, scores);
    const [average, area, distance] = expected.ranks[k]! as [number | null, number | null, number | null];
    near(averagePrecision, average, 1e-12, `average precision of ${k}`);
    near(rocAuc, area, 1e-12, `area of ${k}`);
    near(Math.max(-1e9, Math.min(1e9, dPrime)), distance, 1e-9, `d′ of ${k}`);
  }
  for (const [k, p] of chances.entries()) {
    const value = expected.normal[k]!;
    near(inverseNormal(p), value, 1e-12 * Math.max(1, Math.abs(value)), `quantile of ${p}`);
  }
});

test("SNR by its definition in numpy, SI-SDR as fast_bss_eval has it", () => {
  const noise = random("sounds");
  const target = Float32Array.from({ length: 4000 }, (_, i) => 0.4 * Math.sin(i / 7));
  const sound = target.map((value) => 0.8 * value + 0.05 * noise.gaussian());
  const expected: number[] = python(
    `
import numpy as np
from fast_bss_eval.numpy import si_sdr
s, e = [np.array(x, np.float32).astype(float).reshape(-1, 2) for x in input]
snr = [10 * np.log10((a @ a) / ((a - b) @ (a - b))) for a, b in zip(s.T, e.T)]
si = [si_sdr(a[None], b[None])[0] for a, b in zip(s.T, e.T)]
print(json.dumps([np.mean(snr), np.mean(si)]))`,
    [[...target], [...sound]],
  );
  const { snr, siSdr } = soundScores(target, sound, 2);
  near(snr, expected[0]!, 1e-9, "SNR");
  near(siSdr, expected[1]!, 1e-9, "SI-SDR");
  assert.ok(siSdr - snr > 1);
  assert.deepEqual(soundScores(target, target), { snr: Infinity, siSdr: Infinity });
  const scaled = soundScores(
    target,
    target.map((value) => value / 2),
  );
  assert.ok(scaled.snr < 7 && scaled.siSdr > 100, `${scaled.siSdr}`);
  const silent = soundScores(new Float32Array(4000), sound);
  assert.ok(Number.isNaN(silent.snr) && Number.isNaN(silent.siSdr));
});
