import { LABEL_FIELDS } from "./batch-layout.js";
import { DatasetError } from "../core/error.js";
import { denseLabels } from "../format/events.js";
import { decodeLabels } from "../records/read-example.js";

/** How stored labels become a matrix. */
export interface LabelForm {
  /** Columns. */
  width: number;
  /** Samples per row. */
  inputSize: number;
  timeUnit: "frames" | "samples";
  /** LABEL_FIELDS numbers per row of the batch, see BatchLayout. */
  rows: Float64Array;
}

/** Makes the matrices `[frames × width]` of every row from the labels read into `bytes`, and writes them where they belong there. */
export function writeFrameLabels(bytes: Uint8Array, form: LabelForm): void {
  const { width, inputSize, timeUnit, rows } = form;
  for (let at = 0; at < rows.length; at += LABEL_FIELDS) {
    const [place, length, start, frames, to] = rows.subarray(at, at + LABEL_FIELDS) as unknown as number[];
    // A copy: text in memory that is shared between threads can't be decoded.
    const labels = decodeLabels(bytes.slice(place, place! + length!));
    const dense =
      "events" in labels
        ? denseLabels(labels.events, { frames: frames!, features: width, inputSize, timeUnit, start })
        : storedRows(labels.values, Math.round(start! / inputSize), frames!, width);
    new Float32Array(bytes.buffer, bytes.byteOffset + to!, dense.length).set(dense);
  }
}

/** The original stores the matrix itself. */
function storedRows(values: Float32Array, from: number, frames: number, width: number): Float32Array {
  if (values.length % width !== 0) {
    throw new DatasetError(
      "LABEL",
      `labels: ${values.length} values, expected a multiple of ${width}, one per feature`,
    );
  }
  const dense = new Float32Array(frames * width);
  dense.set(values.subarray(from * width, (from + frames) * width));
  return dense;
}
