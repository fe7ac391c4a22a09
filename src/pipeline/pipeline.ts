import type { Audio } from "../format/wav.js";
import { readAudio } from "../audio/read-audio.js";
import { checkKnown, type OptionNames } from "../core/known-options.js";
import { type LongOptions, track } from "../notebook/progress.js";
import { withPool, workerCount } from "../system/pool.js";
import { runTask } from "../system/task.js";
import { loadTensorFlow } from "../tensorflow/load.js";
import { cutSound, readerOf } from "./cut.js";
import type { JudgedDataset } from "../train/judge-examples.js";
import type { PipelineDescription } from "./description.js";
import { type EvaluateOptions, type Evaluation, evaluatePipeline } from "./evaluate.js";
import { hear, hearRows } from "./hear.js";
import { type Listener, listenTo } from "./listen.js";
import type { Prediction } from "./predictions.js";
import { checkModel, type Hearing, type PipelineModel, predictSamples } from "./run.js";
import { PipelineStream } from "./stream.js";
import { type SaveOptions, savePipeline } from "./save-pipeline.js";

/** Options of `Pipeline.predict`. */
export interface PredictOptions extends LongOptions {
  /** Pieces that the model takes at once. Default 32. */
  batchSize?: number;
  /** Threads that compute features. Default: one per core. */
  workers?: number;
}

const OPTIONS: OptionNames<PredictOptions> = { signal: true, onProgress: true, batchSize: true, workers: true };

const EVALUATE_OPTIONS: OptionNames<EvaluateOptions> = { ...OPTIONS, split: true, limit: true };

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
   * long as the input. A file is read while it is predicted, where the model takes pieces: its length costs no memory but that of
   * the result. The sound is converted, cut and turned into features as the training data was, to the bit.
   *
   * @throws DatasetError "FILE" or "FORMAT" where the file can't be read, "CHECK" for samples that aren't finite, "ABORTED"
   * @example const prediction = await pipeline.predict("song.flac");
   */
  async predict(source: PipelineSource, options: PredictOptions = {}): Promise<Prediction> {
    const { description } = this;
    checkKnown("predict", options, OPTIONS);
    const { batchSize = 32 } = options;
    const listener = await this.listen(source);
    const { pieces } = cutSound(listener.length, description);
    try {
      return await track("predict", pieces, "pieces", options, ({ signal, tick }) => {
        const run = (hearing: Hearing): Promise<Prediction> => {
          const how = { batchSize, hearing, signal, onPieces: tick };
          return predictSamples(loadTensorFlow(), this.model, description, listener.read, how);
        };
        if (!description.features) return run(hearRows);
        return withPool(workerCount(options.workers), (pool) => run((task) => runTask(pool, "hearRows", task, signal)));
      });
    } finally {
      listener.close();
    }
  }

  /**
   * Predicts the examples of a loaded dataset's split, each whole, and scores them as the field does. classes: precision, recall and
   * F1 of each label, mAP and d′, and where exactly one is right accuracy and confusion; frames: notes by onset, offset and velocity, and
   * frames, as mir_eval has them; pairs: SNR and SI-SDR in dB, beside those of the input; values: mean absolute and root mean square errors.
   *
   * @throws DatasetError "OPTION" where the dataset's kind, labels or form isn't the pipeline's, or the split is empty; "ABORTED"
   * @example
   * const evaluation = await pipeline.evaluate(dataset);
   * if (evaluation.kind === "classes") console.log(evaluation.meanAveragePrecision);
   */
  async evaluate(
    dataset: Pick<JudgedDataset, "split" | "example">,
    options: EvaluateOptions = {},
  ): Promise<Evaluation> {
    checkKnown("evaluate", options, EVALUATE_OPTIONS);
    return await evaluatePipeline(this, dataset, options);
  }

  /**
   * A sound as the model hears it: of the pipeline's rate and channels, full scale -1 to 1.
   * @throws DatasetError "FILE" or "FORMAT" where the file can't be read, "CHECK" for samples that aren't finite
   */
  async hear(source: PipelineSource): Promise<Audio & { samples: Float32Array }> {
    const { sampleRate, channels = 1 } = this.description;
    const audio = typeof source === "string" ? await readAudio(source) : source;
    const samples = hear(audio, this.description, typeof source === "string" ? source : "samples");
    return { sampleRate, channels, samples };
  }

  private async listen(source: PipelineSource): Promise<Listener> {
    const { description } = this;
    if (typeof source === "string" && description.window) return await listenTo(source, description);
    const { samples, channels } = await this.hear(source);
    return { read: readerOf(samples, channels), length: samples.length / channels, close: () => {} };
  }

  /**
   * Predictions of sound as it comes, for a pipeline with windows: pieces of a microphone's samples, at the pipeline's rate and
   * channels. Its `latency` is the length of a window.
   *
   * @throws DatasetError "OPTION" where the model needs all of the sound
   */
  stream(): PipelineStream {
    return new PipelineStream(loadTensorFlow(), this.model, this.description);
  }

  /**
   * Saves the pipeline to a folder, for `loadPipeline`: the model as TensorFlow.js saves it, without its optimizer, and
   * `pipeline.json`.
   * @throws DatasetError "FILE" when it can't be written, "OPTION" for weights that can't be stored as asked for
   * @example await pipeline.save("models/notes");
   */
  save(folder: string, options: SaveOptions = {}): Promise<void> {
    return savePipeline(this.model, this.description, folder, options);
  }

  /** Frees the model's memory. */
  dispose(): void {
    this.model.dispose();
  }
}
