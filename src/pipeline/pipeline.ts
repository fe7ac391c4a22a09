import type * as tfjs from "@tensorflow/tfjs-node-gpu";
import { convertAudio } from "../audio/convert.js";
import { readAudio } from "../audio/read-audio.js";
import { DatasetError } from "../core/error.js";
import { notFinite, toInt16 } from "../core/samples.js";
import { fromFloat16, toFloat16 } from "../original/float16.js";
import { type Audio, toFloat32 } from "../format/wav.js";
import { type LongOptions, throwIfAborted, track } from "../notebook/progress.js";
import { withPool, workerCount } from "../system/pool.js";
import { runTask } from "../system/task.js";
import { loadTensorFlow } from "../tensorflow/load.js";
import { type Cut, cutSound, pieceRows } from "./cut.js";
import type { PipelineDescription } from "./description.js";
import type { HearTask } from "./hear.js";
import type { Prediction } from "./predictions.js";
import { savePipeline } from "./save-pipeline.js";
import { Assembler, checkModel, inputShape, type PipelineModel } from "./run.js";

/** Options of `Pipeline.predict`. */
export interface PredictOptions extends LongOptions {
  /** Pieces that the model takes at once. Default 32. */
  batchSize?: number;
  /** Threads that compute features. Default: one per core. */
  workers?: number;
}

/** Where a sound comes from: a file of any format that `readAudio` reads, or samples with their rate and channels. */
export type PipelineSource = string | Audio;

/**
 * A model with everything that lies between a sound file and its input, and between its output and what it means.
 * `createPipeline` makes one of a trained model, `loadPipeline` reads a saved one.
 */
export class Pipeline {
  /** @throws DatasetError "OPTION" where the model doesn't take what the description gives it */
  constructor(
    readonly model: PipelineModel,
    readonly description: Readonly<PipelineDescription>,
  ) {
    checkModel(model, description);
  }

  /**
   * What the model says of a sound of any sample rate, number of channels and length.
   *
   * Kind classes and values: scores or numbers over time and for the whole; frames: events, MIDI and csv; pairs: sound as
   * long as the input. The sound is converted, cut and turned into features as the training data was, to the bit.
   *
   * @throws DatasetError "FILE" or "FORMAT" where the file can't be read, "CHECK" for samples that aren't finite, "ABORTED"
   * @example const prediction = await pipeline.predict("song.flac");
   */
  async predict(source: PipelineSource, options: PredictOptions = {}): Promise<Prediction> {
    const { description } = this;
    const { channels = 1 } = description;
    const samples = hear(await sound(source), description, typeof source === "string" ? source : "samples");
    const length = samples.length / channels;
    const cut = cutSound(length, description);
    const assembler = new Assembler(description, length, cut);
    await track("predict", cut.pieces, "pieces", options, async ({ signal, tick }) => {
      await this.eachBatch(samples, cut, options, signal, (from, values, shape) => {
        assembler.add(from, values, shape);
        tick(shape[0]);
      });
    });
    return assembler.prediction();
  }

  /** Runs the model on batches of pieces; the next batch's features are computed meanwhile. */
  private async eachBatch(
    samples: Float32Array,
    cut: Cut,
    { batchSize = 32, workers }: PredictOptions,
    signal: AbortSignal,
    take: (from: number, values: Float32Array, shape: number[]) => void,
  ): Promise<void> {
    if (!(Number.isInteger(batchSize) && batchSize > 0)) {
      throw new DatasetError("OPTION", `batchSize: ${batchSize}, expected a whole number above 0`);
    }
    const { description } = this;
    const all = async (hearing: (task: HearTask) => Promise<Float32Array> | Float32Array): Promise<void> => {
      const task = (from: number): HearTask => {
        const count = Math.min(batchSize, cut.pieces - from);
        const rows = pieceRows(samples, cut, from, from + count, description.channels ?? 1);
        return { rows, count, shape: inputShape(description, count, cut.size), description };
      };
      const first = task(0);
      let next = { task: first, input: hearing(first) };
      for (let from = 0; from < cut.pieces; from += batchSize) {
        const { task: now, input } = next;
        const values = await input;
        throwIfAborted(signal, "predict");
        if (from + batchSize < cut.pieces) {
          const following = task(from + batchSize);
          next = { task: following, input: hearing(following) };
        }
        const output = await this.forward(values, [...now.shape]);
        take(from, output.values, output.shape);
      }
    };
    if (!description.features) await all(({ rows }) => rows);
    else await withPool(workerCount(workers), (pool) => all((task) => runTask(pool, "hearRows", task, signal)));
  }

  /** Runs the model on one batch. */
  private async forward(input: Float32Array, shape: number[]): Promise<{ values: Float32Array; shape: number[] }> {
    const tf = loadTensorFlow();
    const output = tf.tidy(() => {
      const predicted = this.model.predict(tf.tensor(input, shape, "float32")) as tfjs.Tensor | tfjs.Tensor[];
      if (predicted instanceof tf.Tensor) return predicted;
      throw new DatasetError("OPTION", "model output: several tensors, expected one; choose one with tf.model");
    });
    try {
      return { values: (await output.data()) as Float32Array, shape: [...output.shape] };
    } finally {
      output.dispose();
    }
  }

  /**
   * Saves the pipeline to a folder, for `loadPipeline`: the model as TensorFlow.js saves it, without its optimizer, and
   * `pipeline.json`.
   * @throws DatasetError "FILE" when it can't be written
   * @example await pipeline.save("models/notes");
   */
  save(folder: string): Promise<void> {
    return savePipeline(this.model, this.description, folder);
  }

  /** Frees the model's memory. */
  dispose(): void {
    this.model.dispose();
  }
}

async function sound(source: PipelineSource): Promise<Audio> {
  if (typeof source === "string") return await readAudio(source);
  const { samples, sampleRate, channels } = source;
  const wrong = [
    ["sampleRate", sampleRate],
    ["channels", channels],
  ].find(([, value]) => !(Number.isInteger(value) && (value as number) > 0));
  if (wrong) throw new DatasetError("OPTION", `${wrong[0]}: ${wrong[1]}, expected a whole number above 0`);
  if (samples.length % channels === 0) return source;
  throw new DatasetError("OPTION", `samples: ${samples.length}, expected a multiple of the ${channels} channels`);
}

/** A sound as the training heard it: its rate and channels, rounded as the records were. */
function hear(audio: Audio, { sampleRate, channels = 1, encoding }: PipelineDescription, where: string): Float32Array {
  const broken = notFinite(audio.samples, audio.channels);
  if (broken !== undefined) throw new DatasetError("CHECK", `${broken} (${where})`);
  if (audio.samples.length === 0) throw new DatasetError("CHECK", `samples: none, expected at least one (${where})`);
  const { samples } = convertAudio(audio, { sampleRate, channels });
  if (samples instanceof Int16Array) return toFloat32(samples);
  if (encoding === "pcm16") return toFloat32(toInt16(samples));
  return encoding === "float16" ? fromFloat16(toFloat16(samples)) : samples;
}
