import assert from "node:assert/strict";
import { test } from "node:test";
import { bestThreshold, confusionMatrix, judge, labelCounts } from "../../dist/train/judge.js";
import { balancedWeights } from "../../dist/train/class-weights.js";
import { loadTensorFlow } from "../../dist/tensorflow/load.js";
import { close } from "../support/close.js";
import { python } from "../support/python.js";
import { classScores } from "../../dist/statistics/class-scores.js";

const tf = loadTensorFlow();
const LABELS = ["a", "b", "c", "d"];

/** Scores that are mostly right, some equal, and truth where one label is rare. */
function sample(rows: number): { truth: Float32Array; scores: Float32Array } {
  const truth = new Float32Array(rows * 4);
  const scores = new Float32Array(rows * 4);
  let state = 7;
  const random = (): number => {
    state = (state * 48271) % 2147483647;
    return state / 2147483647;
  };
  for (let i = 0; i < rows * 4; i++) {
    truth[i] = random() < [0.5, 0.3, 0.02, 0.1][i % 4]! ? 1 : 0;
    scores[i] = Math.fround(Math.round((0.35 * truth[i]! + 0.65 * random()) * 200) / 200);
  }
  return { truth, scores };
}

test("thresholds and scores of labels side by side equal scikit-learn's", () => {
  const { truth, scores } = sample(500);
  const thresholds = LABELS.map((_, k) => bestThreshold(truth, scores, k, 4));
  const mine = classScores(labelCounts(truth, scores, LABELS, thresholds));
  const expected = python(
    `import numpy as np
from sklearn.metrics import precision_recall_curve, precision_recall_fscore_support
t = np.array(input["truth"]).reshape(-1, 4); s = np.array(input["scores"], "f").reshape(-1, 4)
best = []
for k in range(4):
    p, r, th = precision_recall_curve(t[:, k], s[:, k])
    f = 2 * p * r / np.maximum(p + r, 1e-12)
    best.append([float(f[:-1].max()), float(th[np.flatnonzero(f[:-1] >= f[:-1].max() - 1e-12).max()])])
said = (s >= np.array([b[1] for b in best], "f")).astype(int)
each = precision_recall_fscore_support(t, said)
mean = lambda how: list(map(float, precision_recall_fscore_support(t, said, average=how)[:3]))
print(json.dumps({"best": best, "each": np.array(each).T.tolist(), "macro": mean("macro"), "weighted": mean("weighted")}))`,
    { truth: [...truth], scores: [...scores] },
  );
  close(
    thresholds,
    expected.best.map((b: number[]) => b[1]),
    1e-7,
    0,
  );
  mine.slice(0, 4).forEach((score, k) => {
    close([score.precision, score.recall, score.f1, score.support], expected.each[k], 1e-12, 1e-12);
    close([score.f1], [expected.best[k][0]], 1e-12, 1e-12);
  });
  for (const [i, how] of [
    [4, "macro"],
    [5, "weighted"],
  ] as const) {
    close([mine[i]!.precision, mine[i]!.recall, mine[i]!.f1], expected[how], 1e-12, 1e-12);
  }
});

test("the confusion of mutually exclusive labels equals scikit-learn's", () => {
  const { scores } = sample(300);
  const truth = new Float32Array(scores.length);
  for (let i = 0; i < 300; i++) truth[i * 4 + ((i * i) % 4)] = 1;
  const expected = python(
    `import numpy as np
from sklearn.metrics import confusion_matrix
t = np.array(input["truth"]).reshape(-1, 4); s = np.array(input["scores"]).reshape(-1, 4)
print(json.dumps(confusion_matrix(t.argmax(1), s.argmax(1), labels=range(4)).tolist()))`,
    { truth: [...truth], scores: [...scores] },
  );
  assert.deepEqual(confusionMatrix(truth, scores, 4), expected);
});

test("a label that never occurs has threshold 0.5 and scores 0", () => {
  const truth = new Float32Array([0, 0, 0]);
  const scores = new Float32Array([0.9, 0.1, 0.2]);
  assert.equal(bestThreshold(truth, scores), 0.5);
  const [score] = classScores(labelCounts(truth, scores, ["x"], [0.5]));
  assert.deepEqual(score, { label: "x", precision: 0, recall: 0, f1: 0, support: 0 });
});

test("a model is judged on labels per frame, with the thresholds of other data too", async () => {
  const { truth, scores } = sample(60);
  const model = tf.sequential({ layers: [tf.layers.activation({ inputShape: [5, 4], activation: "linear" })] });
  model.compile({ optimizer: "sgd", loss: "binaryCrossentropy" });
  // Batches of 5 and 1 rows of 10 frames; the output is the input.
  const xs = tf.tensor(scores, [12, 5, 4]);
  const ys = tf.tensor(truth, [12, 5, 4]);
  const data = (
    tf.data.zip({ xs: tf.data.array(xs.unstack()), ys: tf.data.array(ys.unstack()) }) as never as {
      batch(n: number): never;
    }
  ).batch(5);
  const judged = await judge(model, data, { labels: LABELS });
  const thresholds = LABELS.map((_, k) => bestThreshold(truth, scores, k, 4));
  assert.deepEqual(judged.thresholds, thresholds);
  assert.deepEqual(judged.counts, labelCounts(truth, scores, LABELS, thresholds));
  const strict = await judge(model, data, { labels: LABELS, thresholds: [1, 1, 1, 1] });
  assert.equal(strict.counts[0]!.truePositives, labelCounts(truth, scores, LABELS, [1, 1, 1, 1])[0]!.truePositives);
  await assert.rejects(judge(model, data, { thresholds: [0.5] }), /thresholds: 1, expected 4, one for each output/);
  model.compile({ optimizer: "sgd", loss: "meanSquaredError" });
  await assert.rejects(judge(model, data), { code: "OPTION", message: /loss: meanSquaredError, expected/ });
});

test("balanced weights equal scikit-learn's", async () => {
  const classes = [0, 1, 1, 2, 2, 2, 1, 2, 2, 2, 0];
  const ys = tf.oneHot(tf.tensor1d(classes, "int32"), 3).toFloat();
  const data = tf.data.array(ys.unstack().map((y) => ({ xs: y.clone(), ys: y }))).batch(4);
  const expected = python(
    `import numpy as np
from sklearn.utils.class_weight import compute_class_weight
print(json.dumps(compute_class_weight("balanced", classes=np.unique(input), y=np.array(input)).tolist()))`,
    classes,
  );
  close(await balancedWeights(data as never), expected, 1e-9, 1e-7);
});
