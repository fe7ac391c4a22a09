import { join } from "node:path";
import type { io } from "@tensorflow/tfjs-core";
import type * as tfjs from "@tensorflow/tfjs-node-gpu";
import { DatasetError } from "../core/error.js";
import { checkKnown } from "../core/known-options.js";
import { toFloat16 } from "../original/float16.js";
import { writeWhole } from "../system/atomic-file.js";
import { loadTensorFlow } from "../tensorflow/load.js";
import { writeModel } from "../train/checkpoint.js";
import { describedJson, type PipelineDescription } from "./description.js";
import type { PipelineModel } from "./run.js";

/** The description's file in a pipeline's folder. */
export const PIPELINE_FILE = "pipeline.json";

/** Options of `Pipeline.save`. */
export interface SaveOptions {
  /** How the model's weights are stored: "float16" halves them, rounded to 11 bits. Default "float32". */
  weights?: "float32" | "float16";
}

/** Writes a pipeline's folder: the model as tfjs saves it (`model.json` and weights, no optimizer), the description last. */
export async function savePipeline(
  model: PipelineModel,
  description: PipelineDescription,
  folder: string,
  options: SaveOptions = {},
): Promise<void> {
  checkKnown("save", options, { weights: true });
  const { weights = "float32" } = options;
  if (weights !== "float32" && weights !== "float16") {
    throw new DatasetError("OPTION", `weights: ${JSON.stringify(weights)}, expected "float32" or "float16"`);
  }
  await writeModel(folder, {}, async (handler) => {
    await (model as tfjs.LayersModel).save(weights === "float16" ? inHalf(handler) : handler);
  });
  const { version: library } = require("../../package.json") as { version: string };
  const versions = { library, tfjs: loadTensorFlow().version.tfjs };
  await writeWhole(join(folder, PIPELINE_FILE), describedJson({ ...description, versions }));
}

/** Saves through `handler` with float16 weights, which tfjs makes float32 again as it loads them. */
function inHalf(handler: io.IOHandler): io.IOHandler {
  return { save: (artifacts) => handler.save!(halved(artifacts)) };
}

function halved(artifacts: io.ModelArtifacts): io.ModelArtifacts {
  const bytes = loadTensorFlow().io.CompositeArrayBuffer.join(artifacts.weightData);
  const parts: Uint8Array[] = [];
  let at = 0;
  const weightSpecs = artifacts.weightSpecs!.map((spec): io.WeightsManifestEntry => {
    if (spec.dtype !== "float32" && spec.dtype !== "int32" && spec.dtype !== "bool") {
      throw new DatasetError(
        "OPTION",
        `weights: ${spec.dtype} (${spec.name}), expected numbers; save them as "float32"`,
      );
    }
    const length = spec.shape.reduce((a, b) => a * b, 1) * (spec.dtype === "bool" ? 1 : 4);
    const own = bytes.slice(at, at + length);
    at += length;
    parts.push(spec.dtype === "float32" ? halfOf(new Float32Array(own), spec.name) : new Uint8Array(own));
    return spec.dtype === "float32"
      ? { ...spec, quantization: { dtype: "float16", original_dtype: "float32" } as typeof spec.quantization & object }
      : spec;
  });
  return { ...artifacts, weightSpecs, weightData: new Uint8Array(Buffer.concat(parts)).buffer };
}

/** The first value that float16 rounds to infinity. */
const HALF_LIMIT = 65520;

function halfOf(values: Float32Array, name: string): Uint8Array {
  const far = values.find((value) => Math.abs(value) >= HALF_LIMIT);
  if (far === undefined) return toFloat16(values);
  throw new DatasetError("OPTION", `weights: ${far} (${name}), expected below ${HALF_LIMIT}; save them as "float32"`);
}
