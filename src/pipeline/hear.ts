import { featureRows } from "../features/feature-rows.js";
import type { PipelineDescription } from "./description.js";

/** Rows of samples to turn into a model's input. */
export interface HearTask {
  rows: Float32Array;
  count: number;
  shape: readonly number[];
  description: Pick<PipelineDescription, "features" | "channels" | "sampleRate">;
}

/** The features of rows of samples. Runs in a worker. */
export function hearRows({ rows, count, shape, description }: HearTask): Float32Array {
  const { features, channels = 1, sampleRate } = description;
  return features ? featureRows(rows, count, shape, features, { channels, sampleRate }) : rows;
}
