import { mayPatch, type Patches } from "../../system/patches.js";
import { activationGradients } from "./activation.js";
import { complexGradients } from "./complex.js";
import { convolutionKernel } from "./convolution.js";
import { corrections } from "./corrections.js";
import { crossEntropyGradients } from "./cross-entropy.js";
import { ctcKernel } from "./ctc.js";
import { gathering } from "./gather.js";
import { interruptibleTraining } from "./interruptible.js";
import { fasterLayers } from "./layers.js";
import { matrixProducts } from "./matmul.js";
import { type Native, nativeOps } from "./native.js";
import { normalizations } from "./normalization.js";
import { nativeOptimizers } from "./optimizers.js";
import { poolingKernel } from "./pooling.js";
import { deviceRandom } from "./random.js";
import { recurrentCells } from "./recurrent.js";
import { sampleWeights } from "./sample-weights.js";
import { completeTraining } from "./training.js";
import type { TensorFlow } from "./types.js";

/** The version of TensorFlow.js whose inner parts this folder was written for. */
export const TFJS_VERSION = "4.22.0";

/** On the instance itself, so that a second copy of this library finds what the first one did. */
const PATCHES = Symbol.for("deep-audio-dataset.patches");

type Patched = TensorFlow & { [PATCHES]?: Patches };

/**
 * Everything that this library changes in TensorFlow.js, once per instance: kernels and gradients on native TensorFlow,
 * and training that the notebook's stop button ends.
 *
 * With `DEEP_AUDIO_PLAIN_TFJS=1`, or where the version isn't the one they were written for (a warning says so), kernels
 * and gradients stay TensorFlow.js's own.
 */
export function patchTensorFlow(tf: TensorFlow): Patches {
  const patched = tf as Patched;
  patched[PATCHES] ??= patch(tf);
  return patched[PATCHES];
}

function patch(tf: TensorFlow): Patches {
  interruptibleTraining(tf);
  if (tf.getBackend() !== "tensorflow") return { patched: false, reason: "no native TensorFlow" };
  const then = `Its own kernels and gradients are used, so training is slower; install @tensorflow/tfjs-node-gpu@${TFJS_VERSION}`;
  const patches = mayPatch("DEEP_AUDIO_PLAIN_TFJS", otherVersions(tf), then);
  if (patches.warning) process.emitWarning(`TensorFlow.js: ${patches.warning}`, { code: "TFJS_VERSION" });
  if (patches.patched) addKernels(nativeOps(tf));
  return patches;
}

function addKernels(native: Native): void {
  activationGradients(native);
  complexGradients(native);
  corrections(native);
  poolingKernel(native);
  convolutionKernel(native);
  gathering(native);
  matrixProducts(native);
  normalizations(native);
  nativeOptimizers(native);
  deviceRandom(native);
  fasterLayers(native);
  recurrentCells(native);
  crossEntropyGradients(native);
  ctcKernel(native);
  completeTraining(native.tf);
  sampleWeights(native.tf);
}

/** The packages that are patched, where they are of another version than the one expected. */
function otherVersions(tf: TensorFlow): string | undefined {
  const versions = tf.version as Record<string, string | undefined>;
  const others = ["tfjs-core", "tfjs-layers", "tfjs-node"].filter((name) => versions[name] !== TFJS_VERSION);
  if (others.length === 0) return undefined;
  return `${others.map((name) => `${name} ${versions[name]}`).join(", ")}, expected ${TFJS_VERSION}`;
}
