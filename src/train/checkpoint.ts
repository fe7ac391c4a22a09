import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import type { LayersModel, Tensor } from "@tensorflow/tfjs-node-gpu";
import type { io, Optimizer } from "@tensorflow/tfjs-core";
import { DatasetError } from "../core/error.js";
import { nameProblem } from "../core/names.js";
import { loadTensorFlow } from "../tensorflow/load.js";
import { fileError, namedError, writeWhole } from "../system/atomic-file.js";

const MODEL = "model.json";

/**
 * Saves a model to a folder, whole or not at all, with the state of its optimizer and `training`, anything that json holds.
 *
 * The format is tfjs's own: `tf.loadLayersModel("file://FOLDER/model.json")` reads it. The weights go to a file of a new
 * name; the model's file, which names it, is exchanged last.
 *
 * @throws DatasetError "FILE" when it can't be written; what was there stays
 * @example await saveModel(model, "./models/pitch")
 */
export async function saveModel(model: LayersModel, folder: string, training: object = {}): Promise<void> {
  const compiled = model.optimizer !== undefined && model.optimizer !== null;
  const save = async (handler: io.IOHandler): Promise<void> =>
    void (await model.save(handler, { includeOptimizer: compiled }));
  await writeModel(folder, training, (handler) =>
    compiled ? disposingOfSteps(model.optimizer, () => save(handler)) : save(handler),
  );
}

/**
 * Writes what `save` hands to its handler to a folder, whole or not at all.
 * @throws DatasetError "FILE" when it can't be written; what was there stays
 */
export async function writeModel(
  folder: string,
  training: object,
  save: (handler: io.IOHandler) => Promise<void>,
): Promise<void> {
  const tf = loadTensorFlow();
  const handler = tf.io.withSaveHandler(async (artifacts) => {
    try {
      await mkdir(folder, { recursive: true });
      await writeArtifacts(tf.io.CompositeArrayBuffer.join(artifacts.weightData), artifacts, folder, training);
    } catch (error) {
      throw fileError(error, folder);
    }
    return { modelArtifactsInfo: tf.io.getModelArtifactsInfoForJSON(artifacts) };
  });
  await save(handler);
}

/** Saves without leaving behind the tensor that tfjs makes of the optimizer's number of steps each time. */
async function disposingOfSteps(optimizer: Optimizer, save: () => Promise<void>): Promise<void> {
  const made: Tensor[] = [];
  const original = optimizer.saveIterations;
  optimizer.saveIterations = async () => {
    const steps = await original.call(optimizer);
    made.push(steps.tensor);
    return steps;
  };
  try {
    await save();
  } finally {
    optimizer.saveIterations = original;
    for (const tensor of made) tensor.dispose();
  }
}

async function writeArtifacts(
  weights: ArrayBuffer,
  artifacts: io.ModelArtifacts,
  folder: string,
  training: object,
): Promise<void> {
  const old = await readdir(folder);
  const taken = old.map((name) => Number(/^weights-(\d+)\.bin$/.exec(name)?.[1] ?? 0));
  const path = `weights-${Math.max(0, ...taken) + 1}.bin`;
  await writeWhole(join(folder, path), new Uint8Array(weights));
  const { weightData: _, weightSpecs, ...rest } = artifacts;
  const json = { ...rest, weightsManifest: [{ paths: [path], weights: weightSpecs }], training };
  await writeWhole(join(folder, MODEL), JSON.stringify(json, withoutNaN));
  for (const name of old) if (/^weights-\d+\.bin$/.test(name)) await rm(join(folder, name));
}

/** Whether `folder` holds a saved model. */
export function hasModel(folder: string): boolean {
  return existsSync(join(folder, MODEL));
}

/**
 * Puts the weights and the optimizer's state that `saveModel` saved into `model`, which must be of the same shape.
 *
 * @returns what was saved as `training`
 * @throws DatasetError "OPTION" when the saved model has other weights, "FILE" when it can't be read
 */
export async function restoreModel(model: LayersModel, folder: string): Promise<Record<string, unknown>> {
  const tf = loadTensorFlow();
  const { json, weights } = await readSaved(folder);
  const [group] = json.weightsManifest;
  const specs = group!.weights;
  const tensors = tf.io.decodeWeights(weights, specs);
  try {
    const of = (optimizer: boolean): { name: string; tensor: Tensor }[] =>
      specs
        .filter((spec) => (spec.group === "optimizer") === optimizer)
        .map(({ name }) => ({ name, tensor: tensors[name]! }));
    const saved = of(false).map(({ tensor }) => tensor);
    const shapes = (list: readonly { shape: readonly (number | null)[] }[]): string =>
      list.map(({ shape }) => `[${shape}]`).join(" ");
    if (shapes(saved) !== shapes(model.weights)) {
      throw new DatasetError(
        "OPTION",
        `model: weights ${shapes(model.weights)}, expected ${shapes(saved)} as saved in ${folder}; pass the same model, or another folder`,
      );
    }
    model.setWeights(saved);
    const optimizer = of(true);
    if (optimizer.length > 0) await model.optimizer.setWeights(optimizer);
  } finally {
    tf.dispose(tensors);
  }
  return JSON.parse(JSON.stringify(json.training ?? {}), withNaN) as Record<string, unknown>;
}

/** json has no word for NaN and the infinities: they are saved as texts. */
const withoutNaN = (_: string, value: unknown): unknown =>
  typeof value === "number" && !Number.isFinite(value) ? String(value) : value;

/** The reverse of `withoutNaN`; json by itself makes null of them. */
function withNaN(_: string, value: unknown): unknown {
  if (value === null) return Number.NaN;
  return value === "NaN" || value === "Infinity" || value === "-Infinity" ? Number(value) : value;
}

/** Bytes of a weight in the file of weights. */
function bytesOf({ shape, dtype, quantization }: io.WeightsManifestEntry): number {
  const width = { uint8: 1, uint16: 2, float16: 2, bool: 1 } as Partial<Record<string, number>>;
  return shape.reduce((a, b) => a * b, 1) * (width[quantization?.dtype ?? dtype] ?? 4);
}

/** A model's json, beside its weights. */
export interface SavedModel {
  modelTopology: object;
  weightsManifest: { paths: string[]; weights: io.WeightsManifestEntry[] }[];
  training?: Record<string, unknown>;
}

/**
 * What `saveModel` or another program of tfjs's wrote to a folder.
 * @throws DatasetError "FILE" when it can't be read, or isn't a model whose weights lie in the folder
 */
export async function readSaved(folder: string): Promise<{ json: SavedModel; weights: ArrayBuffer }> {
  try {
    const json = JSON.parse(await readFile(join(folder, MODEL), "utf8")) as SavedModel;
    const group = json?.weightsManifest?.[0];
    const paths = group?.paths;
    if (!Array.isArray(paths) || !Array.isArray(group!.weights) || json.weightsManifest.length !== 1) {
      throw new DatasetError("FILE", `${join(folder, MODEL)}: no list of weights, expected a saved model`);
    }
    const parts = await Promise.all(
      paths.map((name: unknown) => {
        const wrong = typeof name === "string" ? nameProblem(name) : "is no text, expected a file name";
        if (wrong) throw new DatasetError("FILE", `weights ${JSON.stringify(name)} ${wrong} (${join(folder, MODEL)})`);
        return readFile(join(folder, name as string));
      }),
    );
    const bytes = Buffer.concat(parts);
    const found = bytes.length;
    const expected = group!.weights.reduce((sum, spec) => sum + bytesOf(spec), 0);
    if (found !== expected) {
      throw new DatasetError("FILE", `weights: ${found} bytes, expected ${expected} (${join(folder, MODEL)})`);
    }
    return { json, weights: bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + found) as ArrayBuffer };
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw fileError(namedError(error), folder);
    const message = `${join(folder, MODEL)}: no valid json, expected a saved model; delete the folder to start over`;
    throw new DatasetError("FILE", message, [], { cause: error });
  }
}
