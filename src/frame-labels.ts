import { LABEL_FIELDS } from "./batch-layout.js";
import { DatasetError } from "./error.js";
import { denseLabels } from "./format/events.js";
import { decodeFeatures, type StoredFeature } from "./format/example.js";

/** How stored labels become a matrix. */
export interface LabelForm {
  /** Columns. */
  width: number;
  /** Samples per row. */
  inputSize: number;
  timeUnit: "frames" | "samples";
  /** LABEL_FIELDS numbers a row of the batch, see BatchLayout. */
  rows: Float64Array;
}

/** Makes the matrices `[frames × width]` of every row from the labels read into `bytes`, and writes them where they belong there. */
export function writeFrameLabels(bytes: Uint8Array, form: LabelForm): void {
  const { width, inputSize, timeUnit, rows } = form;
  for (let at = 0; at < rows.length; at += LABEL_FIELDS) {
    const [place, length, start, frames, to] = rows.subarray(at, at + LABEL_FIELDS) as unknown as number[];
    // A copy: text in memory that is shared between threads can't be decoded.
    const features = decodeFeatures(bytes.slice(place, place! + length!), 0, length!, "labels");
    const values = numbers(features.get("b_val"));
    const dense = features.has("b_on")
      ? denseLabels(
          {
            on: numbers(features.get("b_on")),
            off: numbers(features.get("b_off")),
            feature: Array.from(numbers(features.get("b_ind"))),
            value: Array.from(values),
          },
          { frames: frames!, features: width, inputSize, timeUnit, start },
        )
      : storedRows(values, Math.round(start! / inputSize) * width, frames! * width, width);
    new Float32Array(bytes.buffer, bytes.byteOffset + to!, dense.length).set(dense);
  }
}

/** The original stores the matrix itself. */
function storedRows(values: Float64Array, from: number, count: number, width: number): Float32Array {
  if (values.length % width !== 0) {
    throw new DatasetError(
      "LABEL",
      `labels: ${values.length} values, expected a multiple of ${width}, one per feature`,
    );
  }
  const dense = new Float32Array(count);
  dense.set(values.subarray(from, from + count));
  return dense;
}

function numbers(feature: StoredFeature | undefined): Float64Array {
  return feature?.kind === "float" || feature?.kind === "int64"
    ? Float64Array.from(feature.values)
    : new Float64Array();
}
