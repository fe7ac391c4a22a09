import { eventsOf } from "../format/events.js";
import { writeNotes } from "../format/write-midi.js";
import { formatCsv } from "../format/csv.js";
import { pitchOf } from "../core/pitch.js";
import type { PipelineDescription } from "./description.js";

/** What a model gives for one piece of a sound, in seconds from its beginning. */
export interface PredictedPiece {
  start: number;
  end: number;
  values: Float32Array;
}

/** Kind classes: scores of the whole sound, their mean over its pieces. */
export interface ClassPrediction {
  kind: "classes";
  labels: string[];
  /** One score per label. */
  scores: Float32Array;
  /** The labels that the sound has: the one with the highest score, or all that reach their thresholds. */
  present: string[];
  pieces: PredictedPiece[];
}

/** Kind values: the mean over the sound's pieces. */
export interface ValuePrediction {
  kind: "values";
  labels: string[];
  values: Float32Array;
  pieces: PredictedPiece[];
}

/** A stretch of a label, in seconds. */
export interface PredictedEvent {
  label: string;
  /** Number of the label. */
  feature: number;
  onset: number;
  offset: number;
  /** Highest score within it. */
  score: number;
}

/** Kind frames: `values[frame * features + feature]`. The displays take it as `prediction`. */
export interface FramePrediction {
  kind: "frames";
  labels: string[];
  values: Float32Array;
  features: number;
  secondsPerFrame: number;
  /** Stretches in which a label reaches its threshold, by their onset. */
  events: PredictedEvent[];
  /** The events as a MIDI file; labels that are no pitches (`C4`, `A#0`) are left out. */
  toMidi(): Uint8Array;
  /** The events as a csv `onset,offset,label`, times in seconds. */
  toCsv(): string;
}

/** Kind pairs: sound, as long as the input. */
export interface SoundPrediction {
  kind: "pairs";
  /** Full scale -1 to 1, channels interleaved. */
  samples: Float32Array;
  sampleRate: number;
  channels: number;
}

/** What `Pipeline.predict` gives, by the pipeline's kind. */
export type Prediction = ClassPrediction | ValuePrediction | FramePrediction | SoundPrediction;

/** Names of `count` labels: those described, or their numbers. */
export function labelNames({ labels }: PipelineDescription, count: number): string[] {
  return Array.from({ length: count }, (_, i) => labels?.[i] ?? String(i));
}

/** The mean over pieces, and for classes what it says. */
export function wholePrediction(
  description: PipelineDescription,
  pieces: PredictedPiece[],
): ClassPrediction | ValuePrediction {
  const width = pieces[0]!.values.length;
  const mean = new Float32Array(width);
  for (let k = 0; k < width; k++) mean[k] = pieces.reduce((sum, { values }) => sum + values[k]!, 0) / pieces.length;
  const labels = labelNames(description, width);
  if (description.kind === "values") return { kind: "values", labels, values: mean, pieces };
  const limits = thresholdsOf(description, width);
  const best = mean.indexOf(mean.reduce((a, b) => Math.max(a, b), -Infinity));
  const present = labels.filter((_, k) => (description.exclusive ? k === best : mean[k]! >= limits[k]!));
  return { kind: "classes", labels, scores: mean, present, pieces };
}

/** Labels per frame with their events. */
export function framePrediction(
  description: PipelineDescription,
  values: Float32Array,
  features: number,
): FramePrediction {
  const labels = labelNames(description, features);
  const secondsPerFrame = description.inputSize! / description.sampleRate;
  const events = frameEvents(values, features, thresholdsOf(description, features)).map(
    ({ feature, on, off, score }): PredictedEvent => ({
      label: labels[feature]!,
      feature,
      onset: on * secondsPerFrame,
      offset: off * secondsPerFrame,
      score,
    }),
  );
  return {
    kind: "frames",
    labels,
    values,
    features,
    secondsPerFrame,
    events,
    toMidi: () =>
      writeNotes(
        events.flatMap(({ label, onset, offset, score }) => {
          const pitch = pitchOf(label);
          const velocity = Math.max(1, Math.min(127, Math.round(score * 127)));
          return pitch === undefined ? [] : [{ pitch, onset, offset, velocity }];
        }),
      ),
    toCsv: () =>
      formatCsv([
        ["onset", "offset", "label"],
        ...events.map(({ label, onset, offset }) => [seconds(onset), seconds(offset), label]),
      ]),
  };
}

const seconds = (value: number): number => Number(value.toFixed(6));

/** Score from which each of `count` labels counts as present. */
export function thresholdsOf({ thresholds = 0.5 }: PipelineDescription, count: number): number[] {
  return Array.from({ length: count }, (_, k) =>
    typeof thresholds === "number" ? thresholds : (thresholds[k] ?? 0.5),
  );
}

function frameEvents(
  values: Float32Array,
  features: number,
  limits: readonly number[],
): { feature: number; on: number; off: number; score: number }[] {
  const decided = Float32Array.from(values, (value, i) => (value >= limits[i % features]! ? 1 : 0));
  const { on, off, feature } = eventsOf(decided, features);
  return Array.from(on, (from, i) => {
    const k = feature[i]!;
    let score = -Infinity;
    for (let t = from; t < off[i]!; t++) score = Math.max(score, values[t * features + k]!);
    return { feature: k, on: from, off: off[i]!, score };
  });
}
