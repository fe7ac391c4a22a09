import { join } from "node:path";
import type * as tfjs from "@tensorflow/tfjs-node-gpu";
import { writeWhole } from "../system/atomic-file.js";
import { loadTensorFlow } from "../tensorflow/load.js";
import { writeModel } from "../train/checkpoint.js";
import { describedJson, type PipelineDescription } from "./description.js";
import type { PipelineModel } from "./run.js";

/** The description's file in a pipeline's folder. */
export const PIPELINE_FILE = "pipeline.json";

/** Writes a pipeline's folder: the model as tfjs saves it (`model.json` and weights, no optimizer), the description last. */
export async function savePipeline(
  model: PipelineModel,
  description: PipelineDescription,
  folder: string,
): Promise<void> {
  await writeModel(folder, {}, async (handler) => void (await (model as tfjs.LayersModel).save(handler)));
  const { version: library } = require("../../package.json") as { version: string };
  const versions = { library, tfjs: loadTensorFlow().version.tfjs };
  await writeWhole(join(folder, PIPELINE_FILE), describedJson({ ...description, versions }));
}
