import { DatasetError } from "../core/error.js";
import { cutSound, pieceRows, predictedRows } from "./cut.js";
import type { PipelineDescription } from "./description.js";
import { hear, hearRows } from "./hear.js";
import type { PredictedPiece } from "./predictions.js";
import { forward, inputShape, type PipelineModel, type Tensors } from "./run.js";

/**
 * Predictions of sound as it comes: `push` takes samples at the pipeline's rate and channels and gives the model's output for
 * each piece that they complete. The pieces are those of `predict`, their features equal to the bit.
 */
export class PipelineStream {
  private held: Float32Array;
  /** Samples per channel that `held` begins at, below 0 in the silence before the sound, and that came in all. */
  private from: number;
  private samples = 0;
  private next = 0;
  private ended = false;
  /** The pieces that were asked for last: each call waits for those before it. */
  private last: Promise<unknown> = Promise.resolve();

  /** @throws DatasetError "OPTION" for a pipeline without windows: its model needs all of the sound */
  constructor(
    private readonly tf: Tensors,
    private readonly model: PipelineModel,
    private readonly description: Readonly<PipelineDescription>,
  ) {
    if (!description.window) {
      const expected = "expected pieces of one length; give the description a window, or use predict";
      throw new DatasetError("OPTION", `stream: the model takes the whole sound at once, ${expected}`);
    }
    const { channels = 1, window } = description;
    const { context = 0 } = window;
    this.held = new Float32Array(context * channels);
    this.from = -context;
  }

  /** Seconds from the first sample that a piece predicts to its prediction, without the time that the model takes. */
  get latency(): number {
    const { window, sampleRate } = this.description;
    return (window!.length - (window!.context ?? 0)) / sampleRate;
  }

  /**
   * Takes samples, channels interleaved, and gives the pieces that are complete now, in order. The samples are copied, and calls
   * need not be awaited: each gives its own pieces.
   * @throws DatasetError "CHECK" for samples that aren't finite, "OPTION" after `end`
   */
  async push(samples: Float32Array): Promise<PredictedPiece[]> {
    if (this.ended) throw new DatasetError("OPTION", "stream: ended, expected no more samples; begin another");
    if (samples.length === 0) return [];
    const { channels = 1, sampleRate } = this.description;
    const heard = hear({ samples, sampleRate, channels }, this.description, "stream");
    const all = new Float32Array(this.held.length + heard.length);
    all.set(this.held);
    all.set(heard, this.held.length);
    this.held = all;
    this.samples += heard.length / channels;
    const { length, step, context } = cutSound(this.samples, this.description);
    return await this.inTurn(Math.floor((this.samples + context - length) / step) + 1);
  }

  /** The pieces that are left, the last one padded with zeros as in `predict`. */
  async end(): Promise<PredictedPiece[]> {
    this.ended = true;
    return this.samples === 0 ? [] : await this.inTurn(cutSound(this.samples, this.description).pieces);
  }

  /** The pieces before `end` that no call before this one gives. */
  private async inTurn(end: number): Promise<PredictedPiece[]> {
    const pieces = this.last.then(() => this.predictTo(end));
    this.last = pieces.catch(() => undefined);
    return await pieces;
  }

  private async predictTo(end: number): Promise<PredictedPiece[]> {
    const { description } = this;
    const { channels = 1, sampleRate } = description;
    const cut = cutSound(this.samples, description);
    const out: PredictedPiece[] = [];
    for (; this.next < end; this.next++) {
      const start = this.next * cut.step;
      const own = this.held.subarray((start - cut.context - this.from) * channels);
      const rows = pieceRows(own, cut, 0, 1, channels);
      const shape = inputShape(description, 1, cut.size);
      const heard = hearRows({ rows, count: 1, shape, description });
      const output = await forward(this.tf, this.model, heard, shape, cut, description);
      const frames = description.kind === "frames";
      const last = Math.min(this.samples, start + (frames ? cut.step : cut.length));
      const values = frames
        ? predictedRows(output.values, output.shape.at(-1)!, cut, description.inputSize!)
        : output.values;
      out.push({ start: start / sampleRate, end: last / sampleRate, values });
    }
    const kept = Math.min(this.next * cut.step - cut.context, this.samples);
    this.held = this.held.slice((kept - this.from) * channels);
    this.from = kept;
    return out;
  }
}
