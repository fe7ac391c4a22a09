import { readWhole } from "../system/file-names.js";
import { join } from "node:path";
import type { io } from "@tensorflow/tfjs-core";
import { DatasetError } from "../core/error.js";
import { melLayer } from "../features/mel-layer.js";
import { fileError } from "../system/atomic-file.js";
import { loadTensorFlow } from "../tensorflow/load.js";
import { readSaved } from "../train/checkpoint.js";
import { describedFrom } from "./description.js";
import { Pipeline } from "./pipeline.js";
import type { PipelineModel } from "./run.js";
import { PIPELINE_FILE } from "./save-pipeline.js";

/**
 * Reads a pipeline that `pipeline.save` wrote. It is data alone: no code of it is run, and nothing outside the folder is read.
 *
 * @throws DatasetError "FILE" where there is none or a file is damaged, "OPTION" where its parts don't fit each other or
 * this version of the library
 * @example const pipeline = await loadPipeline("models/notes");
 */
export async function loadPipeline(folder: string): Promise<Pipeline> {
  const path = join(folder, PIPELINE_FILE);
  let text: string;
  try {
    text = String(await readWhole(path));
  } catch (error) {
    throw fileError(error, path);
  }
  const description = describedFrom(text, path);
  return new Pipeline(await loadModel(folder), description);
}

async function loadModel(folder: string): Promise<PipelineModel> {
  const tf = loadTensorFlow();
  const { json, weights } = await readSaved(folder);
  const { weightsManifest, ...rest } = json as typeof json & { format?: string };
  const artifacts = { ...rest, weightSpecs: weightsManifest[0]!.weights, weightData: weights };
  const handler = tf.io.fromMemory(artifacts as io.ModelArtifacts);
  try {
    if (rest.format === "graph-model") return await tf.loadGraphModel(handler);
    melLayer();
    return await tf.loadLayersModel(handler);
  } catch (cause) {
    const { message } = cause as Error;
    const where = join(folder, "model.json");
    throw new DatasetError("FILE", `model: ${message} (${where}); save the pipeline again`, [], { cause });
  }
}
