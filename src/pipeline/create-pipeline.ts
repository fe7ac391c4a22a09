import type { LayersModel } from "@tensorflow/tfjs-node-gpu";
import { DatasetError } from "../core/error.js";
import { checkKnown } from "../core/known-options.js";
import type { BatchOptions } from "../load/options.js";
import type { Records } from "../records/records.js";
import { checkDescription, type PipelineDescription } from "./description.js";
import { Pipeline } from "./pipeline.js";
import type { PipelineModel } from "./run.js";

/** A dataset as it was loaded for training. */
export interface LoadedDataset {
  readonly records: Records;
  readonly loadOptions: BatchOptions;
}

/** Options of `createPipeline`. */
export interface CreatePipelineOptions {
  /** Score from which a label counts as present, one for all or one each, as `judge` finds them. Default 0.5. */
  thresholds?: number | readonly number[] | undefined;
}

/**
 * Makes a pipeline of a trained model and the dataset that it was trained on, loaded as for the training; or of a
 * description by hand, where there is no such dataset.
 *
 * @throws DatasetError "OPTION" where model and dataset don't fit, or the targets are features: no sound can be made of them; for an option that isn't there
 * @example
 * const pipeline = createPipeline(model, dataset);
 * await pipeline.predict("song.flac");
 */
export function createPipeline(
  model: PipelineModel,
  trainedOn: LoadedDataset | Omit<PipelineDescription, "format">,
  options: CreatePipelineOptions = {},
): Pipeline {
  checkKnown("createPipeline", options, { thresholds: true });
  const described = "records" in trainedOn ? describe(model, trainedOn) : { format: 1 as const, ...trainedOn };
  const { thresholds } = options;
  const all = thresholds === undefined ? described : { ...described, thresholds };
  return new Pipeline(model, checkDescription(all, "pipeline"));
}

function describe(model: PipelineModel, { records, loadOptions }: LoadedDataset): PipelineDescription {
  const { kind, sampleRate, channels, encoding, labels, samples, fingerprint } = records.manifest;
  const { inputSize, features, window, legacyPadding } = loadOptions;
  if (kind === "pairs" && features) {
    throw new DatasetError(
      "OPTION",
      "features of pairs: expected samples, so that the output is sound; load without features",
    );
  }
  if (legacyPadding) {
    throw new DatasetError(
      "OPTION",
      "legacyPadding: true, expected false; the original's padding is for its own records alone",
    );
  }
  const fixed = (model.inputs[0]?.shape?.[1] ?? -1) > 0;
  // A model of one length, trained on sounds of one length: that is its window.
  const cut = window ?? (fixed ? { length: samples.max } : undefined);
  const { length, step } = cut ?? {};
  const ends = step !== undefined && Number.isFinite(step) && step <= length! ? { step } : {};
  return {
    format: 1,
    kind,
    sampleRate,
    channels,
    encoding,
    ...(inputSize ? { inputSize } : {}),
    ...(length !== undefined ? { window: { length, ...ends } } : {}),
    ...(features ? { features } : {}),
    ...(labels ? { labels } : {}),
    ...(kind === "classes" ? { exclusive: (model as Partial<LayersModel>).loss === "categoricalCrossentropy" } : {}),
    fingerprint,
  };
}
