import { DatasetError } from "../core/error.js";
import { cutSound, pieceRows } from "./cut.js";
import type { PipelineDescription } from "./description.js";
import { hear, hearRows } from "./hear.js";
import type { PredictedPiece } from "./predictions.js";
import { forward, inputShape, type PipelineModel, type Tensors } from "./run.js";

/**
 * Predictions of sound as it comes: `push` takes samples at the pipeline's rate and channels and gives the model's output for
 * each piece that they complete. The pieces are those of `predict`, their features equal to the bit.
 */
export class PipelineStream {
  private held = new Float32Array(0);
  /** Samples per channel that `held` begins at, and that came in all. */
  private from = 0;
  private samples = 0;
  private next = 0;
  private ended = false;

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
  }

  /** Seconds from a piece's first sample to its prediction, without the time that the model takes. */
  get latency(): number {
    const { window, sampleRate } = this.description;
    return window!.length / sampleRate;
  }

  /**
   * Takes samples, channels interleaved, and gives the pieces that are complete now, in order.
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
    const { length, step } = cutSound(this.samples, this.description);
    return await this.predictTo(Math.max(this.next, Math.floor((this.samples - length) / step) + 1));
  }

  /** The pieces that are left, the last one padded with zeros as in `predict`. */
  async end(): Promise<PredictedPiece[]> {
    this.ended = true;
    return this.samples === 0 ? [] : await this.predictTo(cutSound(this.samples, this.description).pieces);
  }

  private async predictTo(end: number): Promise<PredictedPiece[]> {
    const { description } = this;
    const { channels = 1, sampleRate } = description;
    const cut = cutSound(this.samples, description);
    const out: PredictedPiece[] = [];
    for (; this.next < end; this.next++) {
      const start = this.next * cut.step;
      const own = this.held.subarray((start - this.from) * channels);
      const rows = pieceRows(own, cut, 0, 1, channels);
      const shape = inputShape(description, 1, cut.size);
      const { values } = await forward(this.tf, this.model, hearRows({ rows, count: 1, shape, description }), shape);
      const last = Math.min(this.samples, start + cut.length);
      out.push({ start: start / sampleRate, end: last / sampleRate, values });
    }
    const kept = Math.min(this.next * cut.step, this.samples);
    this.held = this.held.slice((kept - this.from) * channels);
    this.from = kept;
    return out;
  }
}
