import type { LayersModel, Tensor, layers } from "@tensorflow/tfjs-node-gpu";
import { seedSteps } from "../tensorflow/kernels/step-inputs.js";
import { loadTensorFlow } from "../tensorflow/load.js";

type Seeded = { seed?: number | undefined; apply(shape: number[], dtype?: string): Tensor };

/**
 * Gives the model new weights that depend on `seed` alone, as its layers' initializers make them.
 *
 * @example seedModel(model, 1)
 */
export function seedModel(model: LayersModel, seed: number): void {
  const tf = loadTensorFlow();
  model.layers.forEach((layer, l) => {
    const weights = layer.getWeights();
    if (weights.length === 0) return;
    tf.tidy(() => {
      const made = layer.weights.map(({ originalName, shape }, w) => {
        const initializer = initializerOf(layer, originalName);
        if (!initializer) return weights[w]!;
        const before = initializer.seed;
        initializer.seed = mix(seed, l * 100 + w);
        const values = initializer.apply(shape as number[], "float32");
        initializer.seed = before;
        return values;
      });
      layer.setWeights(made);
    });
  });
}

/**
 * Makes every dropout of the model, and everything else random in a step, follow from `seed` and the step: a fixed seed
 * alone would drop the same elements always.
 */
export function seedStep(model: LayersModel, seed: number, step: number): void {
  seedSteps(loadTensorFlow(), mix(seed, step * 1009 + 1008));
  model.layers.forEach((layer, l) => {
    if (/Dropout/.test(layer.getClassName())) (layer as unknown as Seeded).seed = mix(seed, step * 1009 + l);
  });
}

/** `conv1d/kernel` of a layer is made by its `kernelInitializer`, `gru/recurrent_kernel` by its `recurrentInitializer`. */
function initializerOf(layer: layers.Layer, weight: string): Seeded | undefined {
  const name = weight
    .split("/")
    .at(-1)!
    .replace(/_kernel$/, "");
  const camel = name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
  return (layer as unknown as Record<string, Seeded | undefined>)[`${camel}Initializer`];
}

/** Another whole number for each pair of whole numbers (the finalizer of MurmurHash3). */
function mix(seed: number, n: number): number {
  let h = Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) ^ n;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 1;
}
