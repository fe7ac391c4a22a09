import type { LayersModel, layers, Tensor } from "@tensorflow/tfjs-node-gpu";
import { isGathering } from "../kernels/optimizers.js";
import type { TensorFlow } from "../kernels/types.js";

/** What a step depends on besides the numbers in its inputs and variables. */
export interface Fingerprint {
  /** What it is for, and the shapes of its inputs. */
  form: string;
  /** What it is made of. */
  settings: string[];
}

/**
 * What a step depends on, in texts: other texts are another step.
 *
 * Layers, losses and optimizers are JavaScript, of which only the ops they run are recorded. So whatever plain numbers,
 * flags, texts and tensors they have belongs to it, down to what they are made of.
 */
export function fingerprint(tf: TensorFlow, kind: string, model: LayersModel, data: readonly Tensor[]): Fingerprint {
  const { optimizer, layers, lossFunctions, metricsTensors } = model as unknown as Compiled;
  const settings: string[] = [];
  describeLayers(layers, settings);
  settings.push(LAYER);
  if (kind !== "predict") {
    for (const loss of lossFunctions) settings.push("loss", identity(loss));
    for (const metric of metricsTensors.flat()) {
      settings.push("metric", typeof metric === "number" ? `${metric}` : identity(metric));
    }
  }
  // Not a change of one step but two kinds of it.
  const form = kind === "train" && isGathering(optimizer) ? "gather" : kind;
  if (kind === "train") {
    settings.push("optimizer", identity(optimizer));
    describe(optimizer, settings, 1, hasRates(tf, optimizer) ? RATES : NOTHING);
  }
  return { form: [form, ...data.map(({ shape, dtype }) => `${dtype}${shape}`)].join(" "), settings };
}

/** The first of the settings that is another one, in words. */
export function changedSetting(a: readonly string[], b: readonly string[]): string {
  const at = a.findIndex((text, i) => text !== b[i]);
  const layer = a
    .slice(0, at)
    .reverse()
    .find((text) => text.startsWith(LAYER))!;
  const property = `"${a[at - 1]}" is another one in each step`;
  return layer === LAYER ? property : `layer "${layer.slice(LAYER.length)}": its ${property}`;
}

/** Begins a layer's settings, with its name. */
const LAYER = "layer ";

interface Compiled {
  optimizer: object;
  layers: layers.Layer[];
  lossFunctions: object[];
  metricsTensors: (object | number)[][];
}

/** A layer that keeps a state from step to step, such as a recurrent one. */
export function statefulLayer(model: LayersModel): layers.Layer | undefined {
  return model.layers.find((layer) => layer.stateful);
}

/** A layer, also of a model within one, with a function of the user's that is to see each call (`setCallHook`). */
export function hookedLayer(model: { layers: layers.Layer[] }): layers.Layer | undefined {
  for (const layer of model.layers) {
    const { _callHook, layers = [] } = layer as unknown as { _callHook: unknown; layers?: layers.Layer[] };
    const found = _callHook ? layer : hookedLayer({ layers });
    if (found) return found;
  }
  return undefined;
}

/** Properties that say nothing about a step, that change with it, or that it takes as arguments. */
const LEFT_OUT = new Set([
  ...["id", "name", "built", "_built", "_refCount", "_callHook", "_addedWeightNames", "initialWeights", "inputSpec"],
  ...[
    "DEFAULT_KERNEL_INITIALIZER",
    "DEFAULT_BIAS_INITIALIZER",
    "inboundNodes",
    "outboundNodes",
    "seed",
    "states_",
    "keptStates",
    "dropoutMask",
    "recurrentDropoutMask",
  ],
]);

/** What tfjs's optimizers give to a step as arguments, and what they keep of it. */
const RATES = new Set([
  ...["learningRate", "beta1", "beta2", "epsilon", "decay", "momentum", "rho", "iterations_", "c", "m"],
  ...["accBeta1", "accBeta2", "iteration", "accumulations", "accumulatedGrads", "accumulatedUpdates"],
  ...["accumulatedMeanSquares", "accumulatedMoments", "accumulatedMeanGrads"],
  ...["gathered", "accumulatedFirstMoment", "accumulatedSecondMoment", "accumulatedWeightedInfNorm"],
]);

/** Of another optimizer only the count of its steps isn't a matter of the step. */
const NOTHING = new Set(["iterations_"]);

function hasRates(tf: TensorFlow, optimizer: object): boolean {
  const { SGDOptimizer, MomentumOptimizer, AdagradOptimizer, AdadeltaOptimizer } = tf;
  const { RMSPropOptimizer, AdamOptimizer, AdamaxOptimizer } = tf;
  const known = [SGDOptimizer, MomentumOptimizer, AdagradOptimizer, AdadeltaOptimizer, RMSPropOptimizer, AdamOptimizer];
  return [...known, AdamaxOptimizer].some(({ prototype }) => Object.getPrototypeOf(optimizer) === prototype);
}

const DEEPEST = 3;

const identities = new WeakMap<object, number>();
let identified = 0;

/** Another text for each object. */
function identity(object: object): string {
  let number = identities.get(object);
  if (number === undefined) {
    number = identified++;
    identities.set(object, number);
  }
  return `#${number}`;
}

function describeLayers(all: readonly layers.Layer[], parts: string[]): void {
  for (const layer of all) {
    parts.push(LAYER + layer.name);
    // A model in a model.
    if ("layers" in layer) {
      parts.push("trainable", `${layer.trainable}`);
      describeLayers(layer.layers as layers.Layer[], parts);
    } else describe(layer, parts, 0);
  }
}

function describe(object: object, parts: string[], depth: number, leftOut: ReadonlySet<string> = NOTHING): void {
  for (const key in object) {
    if (LEFT_OUT.has(key) || leftOut.has(key) || key.endsWith("Initializer") || !Object.hasOwn(object, key)) continue;
    const value = (object as Record<string, unknown>)[key];
    if (value === null || value === undefined) continue;
    if (typeof value !== "object") {
      parts.push(key, typeof value === "function" ? identity(value) : String(value));
    } else if ("dataId" in value) {
      parts.push(key, identity(value));
    } else if (isWeight(value)) {
      parts.push("trainable", `${value.trainable_}`);
    } else if (depth < DEEPEST) {
      // What a class does shows in none of its properties.
      parts.push(key, isPlain(value) ? "" : identity(value));
      describe(value, parts, depth + 1);
    }
  }
}

const isPlain = (value: object): boolean => Array.isArray(value) || Object.getPrototypeOf(value) === Object.prototype;

/** A variable of a layer; its value is an argument. */
const isWeight = (value: object): value is { trainable_: boolean } => "val" in value && "originalName" in value;
