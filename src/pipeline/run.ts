import type * as tfjs from "@tensorflow/tfjs-node-gpu";
import { DatasetError } from "../core/error.js";
import { concat } from "../core/numbers.js";
import { checkFeatures } from "../features/features.js";
import { featureRowsShape } from "../features/feature-rows.js";
import { type Cut, cutSound, OverlapAdd, PieceReader, predictedRows, type SoundReader } from "./cut.js";
import type { PipelineDescription } from "./description.js";
import type { HearTask } from "./hear.js";
import { framePrediction, type PredictedPiece, type Prediction, wholePrediction } from "./predictions.js";

/** A model as far as a pipeline uses it: of layers, or a graph. */
export type PipelineModel = Pick<tfjs.LayersModel | tfjs.GraphModel, "inputs" | "outputs" | "predict" | "dispose">;

/** The shape that a batch of pieces gets for the model. */
export function inputShape(description: PipelineDescription, rows: number, size: number): number[] {
  const { channels = 1, features, inputSize, kind, input } = description;
  if (features)
    return featureRowsShape(rows, size, features, channels, kind === "frames" ? size / inputSize! : undefined);
  if (input === "samples") return [rows, size, channels];
  const shape = inputSize ? [rows, size / inputSize, inputSize] : [rows, size];
  return channels > 1 ? [...shape, channels] : shape;
}

/**
 * Checks that the model takes what the description gives it, and gives what the description says.
 * @throws DatasetError "OPTION" with both shapes, or with features that can't be
 */
export function checkModel(model: PipelineModel, description: PipelineDescription): void {
  const wanted = model.inputs[0]?.shape ?? [];
  const { features, sampleRate } = description;
  if (features) checkFeatures(features, sampleRate);
  const fits = (shape: readonly number[]): boolean =>
    shape.length === wanted.length &&
    shape.every((n, i) => i === 0 || wanted[i] == null || wanted[i]! < 0 || wanted[i] === n);
  const { window, inputSize = 1, labels, kind } = description;
  const shape = inputShape(description, 1, cutSound(window?.length ?? inputSize, description).size);
  // The length of a whole sound isn't known yet: any is fine where the model takes any.
  if (!window) shape[1] = wanted[1] ?? shape[1]!;
  const text = (list: readonly (number | null)[]): string =>
    `[batch, ${list
      .slice(1)
      .map((n) => n ?? "any")
      .join(", ")}]`;
  if (!fits(shape)) {
    throw new DatasetError(
      "OPTION",
      `model input: ${text(wanted)}, expected ${text(shape)} as the pipeline describes it`,
    );
  }
  if (!window && wanted[1] != null && wanted[1]! > 0) {
    throw new DatasetError(
      "OPTION",
      `window: missing, expected the length of sound that fills the model's input ${text(wanted)}`,
    );
  }
  const given = model.outputs[outputOf(model, description)]?.shape;
  const width = given?.at(-1);
  if (kind !== "pairs" && labels && width != null && width > 0 && labels.length !== width) {
    throw new DatasetError("OPTION", `labels: ${labels.length}, expected ${width}, one for each output of the model`);
  }
  if (window && given?.slice(1).every((n) => n != null && n > 0)) {
    checkOutput([1, ...(given as number[]).slice(1)], cutSound(window.length, description), description);
  }
}

/**
 * Checks that the model's output is what the description says: sound as long as its input, rows of labels for all of it, or a number
 * per label.
 * @throws DatasetError "OPTION" with the sizes of a piece
 */
function checkOutput([, ...piece]: readonly number[], { size }: Cut, description: PipelineDescription): void {
  const { kind, channels = 1, inputSize = 1 } = description;
  const fail = (found: string | number, expected: string): never => {
    throw new DatasetError("OPTION", `model output: ${found} a piece, expected ${expected}`);
  };
  const room = piece.reduce((a, b) => a * b, 1);
  const rows = piece.slice(0, -1).reduce((a, b) => a * b, 1);
  const wanted = Math.ceil(size / inputSize);
  if (kind === "pairs" && room !== size * channels) fail(`${room} values`, `${size * channels}, its input's samples`);
  if (kind === "frames" && rows !== wanted)
    fail(`[${piece}]`, `[${wanted}, labels], a row per ${inputSize} samples of its input`);
  if ((kind === "classes" || kind === "values") && rows !== 1)
    fail(`[${piece}]`, "one number per label; pool or flatten in the model what it says over time");
}

/** Which of the model's outputs is the pipeline's. */
function outputOf(model: PipelineModel, { output }: PipelineDescription): number {
  if (output === undefined) return 0;
  const names = model.outputs.map(({ name }) => name);
  if (names.includes(output)) return names.indexOf(output);
  throw new DatasetError("OPTION", `output: ${JSON.stringify(output)}, expected one of ${names.join(", ")}`);
}

/** Puts what the model gives for pieces, in their order, together. */
export class Assembler {
  private readonly pieces: PredictedPiece[] = [];
  private readonly overlap: OverlapAdd | undefined;
  private readonly rows: Float32Array[] = [];
  private features = 0;

  constructor(private readonly description: PipelineDescription) {
    if (description.kind === "pairs") this.overlap = new OverlapAdd(description.channels ?? 1);
  }

  /**
   * Takes the model's output for pieces `from` on: `values` of `shape`, one piece after the other. What lies behind `samples`, the
   * samples per channel that the sound has so far, is left out.
   */
  add(from: number, values: Float32Array, shape: readonly number[], cut: Cut, samples: number): void {
    const { description } = this;
    const { sampleRate, channels = 1, kind, inputSize = 1 } = description;
    const room = values.length / shape[0]!;
    for (let row = 0; row < shape[0]!; row++) {
      const output = values.subarray(row * room, (row + 1) * room);
      const start = (from + row) * cut.step;
      if (this.overlap) {
        this.overlap.add(start, output.subarray(0, Math.min(cut.length, samples - start) * channels));
      } else if (kind === "frames") {
        this.features = shape.at(-1)!;
        const frames = Math.ceil(Math.min(cut.step, samples - start) / inputSize);
        this.rows.push(
          predictedRows(output, this.features, cut, inputSize).slice(0, Math.max(0, frames) * this.features),
        );
      } else {
        const end = Math.min(samples, start + cut.length) / sampleRate;
        this.pieces.push({ start: start / sampleRate, end, values: output.slice() });
      }
    }
  }

  prediction(): Prediction {
    const { description } = this;
    const { sampleRate, channels = 1 } = description;
    if (this.overlap) return { kind: "pairs", samples: this.overlap.samples, sampleRate, channels };
    if (description.kind !== "frames") return wholePrediction(description, this.pieces);
    return framePrediction(description, concat(this.rows, Float32Array), this.features);
  }
}

/** Turns rows of samples into a model's input: here, or elsewhere. */
export type Hearing = (task: HearTask) => Promise<Float32Array> | Float32Array;

/** How samples are run through a model. */
export interface RunOptions {
  batchSize: number;
  hearing: Hearing;
  signal?: AbortSignal | undefined;
  /** Called with the number of pieces that were predicted. */
  onPieces?: ((pieces: number) => void) | undefined;
}

/** What TensorFlow.js is used for. */
export type Tensors = Pick<typeof tfjs, "tidy" | "tensor" | "Tensor">;

/**
 * What a model says of a sound as `hear` gives it. The next batch is read, and its features computed, while the model runs.
 * @throws DatasetError "OPTION" for a batch size or an output that doesn't fit, "ABORTED" when the signal aborts
 */
export async function predictSamples(
  tf: Tensors,
  model: PipelineModel,
  description: PipelineDescription,
  read: SoundReader,
  { batchSize, hearing, signal, onPieces }: RunOptions,
): Promise<Prediction> {
  if (!(Number.isInteger(batchSize) && batchSize > 0)) {
    throw new DatasetError("OPTION", `batchSize: ${batchSize}, expected a whole number above 0`);
  }
  const pieces = new PieceReader(read, description, batchSize);
  const assembler = new Assembler(description);
  const begin = async () => {
    const batch = await pieces.next();
    if (!batch) return undefined;
    const { rows, count, cut } = batch;
    const shape = inputShape(description, count, cut.size);
    const input = hearing({ rows, count, shape, description });
    // Where the model fails meanwhile, nobody waits for it.
    if (input instanceof Promise) input.catch(() => undefined);
    return { ...batch, shape, input };
  };
  let next = await begin();
  while (next) {
    const { from, count, cut, samples, shape, input } = next;
    const values = await input;
    if (signal?.aborted) throw new DatasetError("ABORTED", "predict: aborted; run the same call again");
    next = await begin();
    const output = await forward(tf, model, values, shape, cut, description);
    assembler.add(from, output.values, output.shape, cut, samples);
    onPieces?.(count);
  }
  return assembler.prediction();
}

/**
 * Runs the model on one batch.
 * @throws DatasetError "OPTION" for an output that the description doesn't fit
 */
export async function forward(
  tf: Tensors,
  model: PipelineModel,
  input: Float32Array,
  shape: readonly number[],
  cut: Cut,
  description: PipelineDescription,
): Promise<{ values: Float32Array; shape: number[] }> {
  const output = tf.tidy(() => {
    const predicted = model.predict(tf.tensor(input, [...shape], "float32")) as tfjs.Tensor | tfjs.Tensor[];
    if (predicted instanceof tf.Tensor) return predicted;
    if (description.output !== undefined) return predicted[outputOf(model, description)]!;
    const names = model.outputs.map(({ name }) => name).join(", ");
    throw new DatasetError("OPTION", `model output: ${names}, expected one; name it as output in the description`);
  });
  try {
    checkOutput(output.shape, cut, description);
    return { values: (await output.data()) as Float32Array, shape: [...output.shape] };
  } finally {
    output.dispose();
  }
}
