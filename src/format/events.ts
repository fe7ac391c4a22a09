import { DatasetError } from "../core/error.js";
import { checkKnown, type OptionNames } from "../core/known-options.js";

/**
 * Labels of one file as events: feature `feature[i]` has the value `value[i]` from `on[i]` (included) to `off[i]` (excluded).
 *
 * Sorted by `on`, then by feature; events of one feature may overlap only where a later one replaces the earlier.
 * Values of 0 make no event. Times are whole frames or whole samples.
 */
export interface LabelEvents {
  on: Float64Array | readonly number[];
  off: Float64Array | readonly number[];
  feature: Int32Array | readonly number[];
  value: Float32Array | readonly number[];
}

/** The `off` of an event that holds to the end of the audio, wherever its last frame ends. */
export const UNTIL_END: number = Number.MAX_SAFE_INTEGER;

/** Turns rows of values into events: one for every stretch of the same non-zero value. */
export class EventBuilder {
  private readonly events = { on: [] as number[], off: [] as number[], feature: [] as number[], value: [] as number[] };
  private readonly open: number[] = [];

  /** Takes the row at `time`; the values start at `cells[1]`. */
  row(time: number, cells: Float64Array): void {
    const { on, off, feature, value } = this.events;
    for (let f = 0; f + 1 < cells.length; f++) {
      const now = Math.fround(cells[f + 1] as number);
      const open = this.open[f] ?? -1;
      if (open >= 0) {
        if (value[open] === now) continue;
        off[open] = time;
      } else if (now === 0) continue;
      if (now === 0) {
        this.open[f] = -1;
        continue;
      }
      this.open[f] = on.length;
      on.push(time);
      off.push(UNTIL_END);
      feature.push(f);
      value.push(now);
    }
  }

  finish(end: number): LabelEvents {
    for (const open of this.open) if (open >= 0) this.events.off[open] = end;
    return this.events;
  }
}

/** Options of `denseLabels`. */
export interface DenseOptions {
  /** Number of rows wanted. */
  frames: number;
  /** Number of columns. */
  features: number;
  /** Samples per frame. */
  inputSize: number;
  /** What the events' times count. */
  timeUnit: "frames" | "samples";
  /** First sample of the first frame. Default 0. */
  start?: number | undefined;
}

const OPTIONS: OptionNames<DenseOptions> = {
  ...{ frames: true, features: true, inputSize: true, timeUnit: true, start: true },
};

/** @throws DatasetError "OPTION" for a unit that isn't one of `known`; undefined is the default of whoever asks */
export function checkTimeUnit(unit: string | undefined, known: readonly string[] = ["frames", "samples"]): void {
  if (unit === undefined || known.includes(unit)) return;
  throw new DatasetError("OPTION", `timeUnit: ${JSON.stringify(unit)}, expected ${known.join(", ")}`);
}

/**
 * The matrix `[frames × features]` (row-major) that events stand for. Times in samples are taken to the nearest border
 * between two frames, so that time stamps printed with few decimals fall where they were meant; however short an event,
 * it marks at least one frame, unless the border nearest to its start is the last.
 * @example denseLabels({ on: [1], off: [3], feature: [0], value: [1] }, { frames: 4, features: 1, inputSize: 256, timeUnit: "frames" }) // 0 1 1 0
 */
export function denseLabels(events: LabelEvents, options: DenseOptions): Float32Array {
  checkKnown("denseLabels", options, OPTIONS);
  checkTimeUnit(options.timeUnit);
  const { frames, features, inputSize, timeUnit, start = 0 } = options;
  const out = new Float32Array(frames * features);
  const unit = timeUnit === "frames" ? 1 : inputSize;
  const shift = timeUnit === "frames" ? start / inputSize : start;
  for (let i = 0; i < events.on.length; i++) {
    const from = Math.round(((events.on[i] as number) - shift) / unit);
    if (from >= frames) break;
    const to = Math.max(Math.round(((events.off[i] as number) - shift) / unit), from + 1);
    const feature = events.feature[i] as number;
    if (feature >= features) continue;
    const value = events.value[i] as number;
    for (let k = Math.max(0, from); k < Math.min(to, frames); k++) out[k * features + feature] = value;
  }
  return out;
}

/**
 * The events of a matrix `[frames × features]` of labels or predictions, times in frames.
 * @param threshold values below it count as 0, the others stay as they are; by default nothing is cut
 * @example eventsOf(new Float32Array([0, 0.9, 0.8, 0]), 1, 0.5) // on [1], off [3], feature [0]
 */
export function eventsOf(dense: Float32Array, features: number, threshold = -Infinity): LabelEvents {
  const builder = new EventBuilder();
  const frames = Math.floor(dense.length / features);
  const cells = new Float64Array(features + 1);
  for (let k = 0; k < frames; k++) {
    for (let f = 0; f < features; f++) {
      const value = dense[k * features + f] as number;
      cells[f + 1] = value < threshold ? 0 : value;
    }
    builder.row(k, cells);
  }
  return builder.finish(frames);
}
