import { isTimed, TIME_UNITS, type TimeUnit, unitLength } from "./keys.js";
import { DatasetError } from "../core/error.js";
import { checkKnown, type OptionNames } from "../core/known-options.js";
import { formatCsv } from "./csv.js";
import { checkTimeUnit } from "./events.js";

/** Options of `formatKeys`. */
export interface FormatKeysOptions {
  /** Names of the features; their number is that of the columns. */
  labels: readonly string[];
  /** What to write into the first column. Default "frames". */
  timeUnit?: TimeUnit;
  /** Samples per frame; needed for all but frames. */
  inputSize?: number;
  /** In Hz; needed for seconds and milliseconds. */
  sampleRate?: number;
}

const OPTIONS: OptionNames<FormatKeysOptions> = { labels: true, timeUnit: true, inputSize: true, sampleRate: true };

/**
 * The key csv of a matrix `[frames × features]` of labels or predictions: a row per frame, so that the original reads it
 * as well. `parseKeys` gives the same float32 values back.
 *
 * @throws DatasetError "OPTION" without the `inputSize` or the `sampleRate` that the unit needs
 * @example formatKeys(new Float32Array([0, 1]), { labels: ["C4"] })
 */
export function formatKeys(dense: Float32Array, options: FormatKeysOptions): string {
  checkKnown("formatKeys", options, OPTIONS);
  const { labels, timeUnit = "frames", inputSize, sampleRate } = options;
  checkTimeUnit(timeUnit, TIME_UNITS);
  if (timeUnit !== "frames" && !inputSize)
    throw new DatasetError("OPTION", `inputSize ${inputSize}: expected samples per frame`);
  if (isTimed(timeUnit) && !sampleRate) throw new DatasetError("OPTION", `sampleRate ${sampleRate}: expected Hz`);
  const step = timeUnit === "frames" ? 1 : (inputSize as number);
  const scale = unitLength(timeUnit, sampleRate);
  const lines = [formatCsv([["TIME STAMP", ...labels]]).trimEnd()];
  for (let k = 0; k * labels.length < dense.length; k++) {
    const cells = [String((k * step) / scale)];
    for (let f = 0; f < labels.length; f++) cells.push(shortest(dense[k * labels.length + f] as number));
    lines.push(cells.join(","));
  }
  return `${lines.join("\n")}\n`;
}

/** The shortest of 6 to 9 digits that reads back to the same float32. */
function shortest(value: number): string {
  if (Number.isInteger(value)) return String(value);
  for (let digits = 6; digits < 9; digits++) {
    const text = String(Number(value.toPrecision(digits)));
    if (Math.fround(Number(text)) === value) return text;
  }
  return String(Number(value.toPrecision(9)));
}
