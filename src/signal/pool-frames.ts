import { bandSums, type RealFft } from "./fft.js";
import type { MelBank } from "./mel.js";
import { eachFrame, type Frames, type StftPlan } from "./stft.js";

/** How a spectrogram is brought down to the size of a picture. */
export interface PoolOptions {
  /** Most columns kept; neighbouring frames share one. */
  columns: number;
  /** Keeps the largest power of the frames that share a column (default; nothing short vanishes), or their mean. */
  pool?: "max" | "mean" | undefined;
  /** Gathers bins into mel bands first. */
  bank?: MelBank | undefined;
  /** First frame and the one after the last. Default: all. */
  from?: number;
  to?: number;
}

/**
 * Power spectrogram of at most `columns` columns, shape [columns, bins], made frame by frame, so that an hour of sound
 * needs no more memory than its samples. Column c covers frames ⌊c · n / columns⌋ to ⌊(c + 1) · n / columns⌋.
 */
export function pooledSpectrum(samples: Float32Array, plan: StftPlan, options: PoolOptions): Frames {
  const { bank, pool = "max", from = 0, to = plan.frames } = options;
  const count = Math.max(0, to - from);
  const columns = Math.min(options.columns, count);
  const bins = bank?.melBins ?? plan.bins;
  const data = new Float32Array(columns * bins);
  const sums = bank && bandSums(plan.fftLength, bank.first, bank.start, bank.weights);
  const bands = new Float32Array(bins);
  let column = 0;
  let end = Math.floor(count / Math.max(1, columns));
  let begin = 0;
  const visit = (fft: RealFft, frame: number): void => {
    if (frame - from >= end) {
      column++;
      begin = end;
      end = Math.floor(((column + 1) * count) / columns);
    }
    const power = fft.powers();
    if (sums) sums.apply(bands, 0);
    const values = sums ? bands : power;
    const at = column * bins;
    if (pool === "mean") {
      const share = 1 / (end - begin);
      for (let k = 0; k < bins; k++) data[at + k] = data[at + k]! + values[k]! * share;
    } else {
      for (let k = 0; k < bins; k++) if (values[k]! > data[at + k]!) data[at + k] = values[k]!;
    }
  };
  eachFrame(samples, plan, visit, from, to);
  return { data, frames: columns, bins };
}
