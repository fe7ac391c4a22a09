import { DatasetError } from "../core/error.js";
import { spread } from "../core/numbers.js";
import type { Kind } from "../core/rows.js";
import type { SplitName } from "../core/split-name.js";
import { denseLabels, UNTIL_END } from "../format/events.js";
import type { Audio } from "../format/wav.js";
import { type LongOptions, track } from "../notebook/progress.js";
import type { DatasetExample } from "../records/read-example.js";
import { type ClassScore, classScores, countsOf, type LabelCounts } from "../statistics/class-scores.js";
import { type NoteScores, noteScores, type ScoredNote } from "../statistics/note-scores.js";
import { type PrecisionRecall, precisionRecall } from "../statistics/precision-recall.js";
import { meanOf, ranking } from "../statistics/ranking.js";
import { type SoundScores, soundScores } from "../statistics/sound-scores.js";
import { confusionMatrix, labelCounts } from "../train/judge.js";
import type { JudgedDataset } from "../train/judge-examples.js";
import type { PipelineDescription } from "./description.js";
import {
  type FramePrediction,
  labelNames,
  type Prediction,
  type SoundPrediction,
  thresholdsOf,
} from "./predictions.js";

/** Options of `Pipeline.evaluate`. */
export interface EvaluateOptions extends LongOptions {
  /** Default "test". */
  split?: SplitName;
  /** Most examples, spread evenly over the split. Default: all of it. */
  limit?: number;
  /** As for `predict`. */
  batchSize?: number;
  workers?: number;
}

/** Kind classes. Labels that no example has, or all have, count in no mean where they can't be ranked (NaN). */
export interface ClassEvaluation {
  kind: "classes";
  examples: number;
  labels: string[];
  /** Right and wrong decisions, and precision, recall and F1 of each label with their means, as `judge` gives them. */
  counts: LabelCounts[];
  scores: ClassScore[];
  /** Exclusive classes: rows are true labels, columns predicted ones; `show.confusion(evaluation)` shows it. */
  matrix?: number[][];
  /** Exclusive classes: the share of examples that are right. */
  accuracy?: number;
  /** Of each label: how well the scores rank the examples. */
  averagePrecision: number[];
  dPrime: number[];
  meanAveragePrecision: number;
  meanDPrime: number;
}

/** Kind frames: means over the examples; `perExample` has each. */
export interface FrameEvaluation {
  kind: "frames";
  examples: number;
  labels: string[];
  /** Over all frames of all examples, for each label. */
  counts: LabelCounts[];
  scores: ClassScore[];
  frames: FrameScores;
  /** `velocity` only where the labels' values differ. */
  notes: Partial<NoteScores>;
  perExample: ({ name: string; frames: FrameScores } & NoteScores)[];
}

/** Scores of labels in frames, as mir_eval's `multipitch` has them. */
export interface FrameScores extends PrecisionRecall {
  /** Right ones over all that are true or were said. */
  accuracy: number;
}

/** Kind pairs: means over the examples in dB; `perExample` has each. */
export interface SoundEvaluation extends SoundScores {
  kind: "pairs";
  examples: number;
  /** The same of the input that the model was given. */
  input: SoundScores;
  perExample: ({ name: string } & SoundScores)[];
}

/** Kind values: errors of each label. */
export interface ValueEvaluation {
  kind: "values";
  examples: number;
  labels: string[];
  meanAbsoluteError: number[];
  rootMeanSquareError: number[];
}

/** What `Pipeline.evaluate` gives, by the pipeline's kind. */
export type Evaluation = ClassEvaluation | FrameEvaluation | SoundEvaluation | ValueEvaluation;

/** Takes the examples of a split with their predictions, one after the other. */
interface Scorer {
  add(example: DatasetExample, prediction: Prediction): void;
  result(): Evaluation;
}

/** What predicts, a `Pipeline`. */
interface Predictor {
  readonly description: PipelineDescription;
  predict(audio: Audio, options: Omit<EvaluateOptions, "split" | "limit">): Promise<Prediction>;
}

/** Predicts the examples of a split and scores them. */
export async function evaluatePipeline(
  pipeline: Predictor,
  dataset: Pick<JudgedDataset, "split" | "example">,
  options: EvaluateOptions,
): Promise<Evaluation> {
  const { split = "test", limit = Infinity, signal: _, onProgress: __, ...how } = options;
  if (!Object.hasOwn(dataset.split, split)) {
    const expected = Object.keys(dataset.split).join(", ");
    throw new DatasetError("OPTION", `split: ${JSON.stringify(split)}, expected one of ${expected}`);
  }
  const all = dataset.split[split];
  const chosen = spread(all.length, limit).map((k) => all[k]!);
  if (chosen.length === 0) throw new DatasetError("OPTION", `examples: none in ${split}, expected at least one`);
  const { description } = pipeline;
  return await track("evaluate", chosen.length, "examples", options, async ({ signal, tick }) => {
    const scorer = scorers[description.kind](description);
    for (const i of chosen) {
      const example = await dataset.example(i);
      const sampleRate = example.sampleRate || description.sampleRate;
      const audio = { samples: example.input, sampleRate, channels: example.channels };
      scorer.add(example, await pipeline.predict(audio, { ...how, signal, onProgress: false }));
      tick();
    }
    return scorer.result();
  });
}

const scorers: Readonly<Record<Kind, (description: PipelineDescription) => Scorer>> = {
  classes: classScorer,
  values: valueScorer,
  frames: frameScorer,
  pairs: soundScorer,
};

/** Numbers of whole sounds: what is true and what was said, a row per example. */
function rows(kind: "classes" | "values"): { add: Scorer["add"]; truth: number[]; said: number[]; count(): number } {
  const truth: number[] = [];
  const said: number[] = [];
  let count = 0;
  const add: Scorer["add"] = ({ values = new Float32Array(0), name }, prediction) => {
    const numbers = prediction.kind === "classes" ? prediction.scores : (prediction as { values: Float32Array }).values;
    if (values.length !== numbers.length) {
      const message = `labels: ${values.length} of kind ${kind}, expected ${numbers.length}, one for each output of the model (${name})`;
      throw new DatasetError("OPTION", message);
    }
    truth.push(...values);
    said.push(...numbers);
    count++;
  };
  return { add, truth, said, count: () => count };
}

function classScorer(description: PipelineDescription): Scorer {
  const { add, truth, said, count } = rows("classes");
  return {
    add,
    result: () => {
      const width = truth.length / count();
      const labels = labelNames(description, width);
      const [there, scored] = [Float32Array.from(truth), Float32Array.from(said)];
      const ranked = labels.map((_, k) => ranking(there, scored, k, width));
      const averagePrecision = ranked.map((one) => one.averagePrecision);
      const dPrime = ranked.map((one) => one.dPrime);
      const means = { meanAveragePrecision: meanOf(averagePrecision), meanDPrime: meanOf(dPrime) };
      const about = { kind: "classes" as const, examples: count(), labels, averagePrecision, dPrime, ...means };
      if (!description.exclusive) {
        const counts = labelCounts(there, scored, labels, thresholdsOf(description, width));
        return { ...about, counts, scores: classScores(counts) };
      }
      const matrix = confusionMatrix(there, scored, width);
      const right = matrix.reduce((sum, row, k) => sum + row[k]!, 0);
      const counts = countsOf({ matrix, labels });
      return { ...about, counts, scores: classScores(counts), matrix, accuracy: right / count() };
    },
  };
}

function valueScorer(description: PipelineDescription): Scorer {
  const { add, truth, said, count } = rows("values");
  return {
    add,
    result: () => {
      const width = truth.length / count();
      const labels = labelNames(description, width);
      const mean = (error: (difference: number) => number): number[] =>
        labels.map((_, k) => {
          let sum = 0;
          for (let at = k; at < truth.length; at += width) sum += error(said[at]! - truth[at]!);
          return sum / count();
        });
      const rootMeanSquareError = mean((difference) => difference ** 2).map(Math.sqrt);
      return { kind: "values", examples: count(), labels, meanAbsoluteError: mean(Math.abs), rootMeanSquareError };
    },
  };
}

function frameScorer(description: PipelineDescription): Scorer {
  const perExample: FrameEvaluation["perExample"] = [];
  let counts: LabelCounts[] | undefined;
  const velocities = new Set<number>();
  return {
    add: (example, prediction) => {
      const said = prediction as FramePrediction;
      const notes = trueNotes(example, description);
      const there = denseNotes(notes, said, description);
      const more = labelCounts(there, said.values, said.labels, thresholdsOf(description, said.features));
      counts = counts?.map((one, k) => added(one, more[k]!)) ?? more;
      for (const { velocity } of notes) velocities.add(velocity);
      const events = said.events.map((event) => ({ ...event, velocity: 127 * event.score }));
      perExample.push({ name: example.name, frames: frameScores(more), ...noteScores(notes, events) });
    },
    result: () => {
      const { labels, ...about } = { labels: counts!.map(({ label }) => label), examples: perExample.length };
      const { onset, offset, velocity } = {
        onset: meanScores(perExample.map((one) => one.onset)),
        offset: meanScores(perExample.map((one) => one.offset)),
        velocity: meanScores(perExample.map((one) => one.velocity)),
      };
      const frames = meanScores(perExample.map((one) => one.frames));
      const notes = { onset, offset, ...(velocities.size > 1 ? { velocity } : {}) };
      return {
        kind: "frames",
        ...about,
        labels,
        counts: counts!,
        scores: classScores(counts!),
        frames,
        notes,
        perExample,
      };
    },
  };
}

const added = (a: LabelCounts, b: LabelCounts): LabelCounts => ({
  label: a.label,
  truePositives: a.truePositives + b.truePositives,
  falsePositives: a.falsePositives + b.falsePositives,
  falseNegatives: a.falseNegatives + b.falseNegatives,
});

function frameScores(counts: readonly LabelCounts[]): FrameScores {
  const sum = (key: "truePositives" | "falsePositives" | "falseNegatives"): number =>
    counts.reduce((total, one) => total + one[key], 0);
  const [right, wrong, missed] = [sum("truePositives"), sum("falsePositives"), sum("falseNegatives")];
  const all = right + wrong + missed;
  return { ...precisionRecall(right, right + wrong, right + missed), accuracy: all > 0 ? right / all : 0 };
}

function meanScores<T extends object>(list: readonly T[]): T {
  const keys = Object.keys(list[0]!) as (keyof T)[];
  return Object.fromEntries(keys.map((key) => [key, meanOf(list.map((one) => one[key] as number))])) as T;
}

/** The labels of an example as notes: velocities are values of 0 to 1 times 127. */
function trueNotes(example: DatasetExample, { labels }: PipelineDescription): ScoredNote[] {
  const { events, secondsPerUnit, name } = example;
  if (!events || secondsPerUnit === undefined) {
    throw new DatasetError(
      "OPTION",
      `labels: none with times, expected a dataset of kind frames that isn't float16 (${name})`,
    );
  }
  if (labels && example.labels && labels.join() !== example.labels.join()) {
    const message = `labels: ${example.labels.length} other ones, expected those of the pipeline: ${labels.slice(0, 20).join(", ")}`;
    throw new DatasetError("OPTION", `${message} (${name})`);
  }
  const end = example.input.length / example.channels / example.sampleRate;
  return Array.from(events.on, (on, i) => ({
    onset: on * secondsPerUnit,
    offset: events.off[i] === UNTIL_END ? end : Math.min(end, events.off[i]! * secondsPerUnit),
    feature: events.feature[i]!,
    velocity: 127 * events.value[i]!,
  })).filter(({ onset, offset }) => offset > onset);
}

/** The frames that notes are in, 1 in each, as in training. */
function denseNotes(
  notes: readonly ScoredNote[],
  said: FramePrediction,
  description: PipelineDescription,
): Float32Array {
  const { sampleRate, inputSize } = description;
  const events = {
    on: notes.map(({ onset }) => onset * sampleRate),
    off: notes.map(({ offset }) => offset * sampleRate),
    feature: notes.map(({ feature }) => feature),
    value: notes.map(() => 1),
  };
  const { features } = said;
  return denseLabels(events, {
    frames: said.values.length / features,
    features,
    inputSize: inputSize!,
    timeUnit: "samples",
  });
}

function soundScorer({ sampleRate, channels = 1 }: PipelineDescription): Scorer {
  const perExample: SoundEvaluation["perExample"] = [];
  const inputs: SoundScores[] = [];
  return {
    add: (example, prediction) => {
      const { target, name } = example;
      if (!target) throw new DatasetError("OPTION", `target: none, expected a dataset of kind pairs (${name})`);
      const form = `${example.sampleRate} Hz with ${example.channels} channels`;
      if (example.sampleRate !== sampleRate || example.channels !== channels) {
        const expected = `expected ${sampleRate} Hz with ${channels} as the pipeline`;
        throw new DatasetError("OPTION", `dataset: ${form}, ${expected} (${name})`);
      }
      perExample.push({ name, ...soundScores(target, (prediction as SoundPrediction).samples, channels) });
      inputs.push(soundScores(target, example.input, channels));
    },
    result: () => {
      const { snr, siSdr } = meanScores(perExample.map(({ name: _, ...one }) => one));
      return { kind: "pairs", examples: perExample.length, snr, siSdr, input: meanScores(inputs), perExample };
    },
  };
}
