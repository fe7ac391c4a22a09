import { isSet } from "../../system/switches.js";
import { activationGradients } from "./activation.js";
import { fusedAdam } from "./adam.js";
import { broadcastGradients } from "./broadcast.js";
import { sharedConstants } from "./constants.js";
import { convolutionKernel } from "./convolution.js";
import { crossEntropyGradients } from "./cross-entropy.js";
import { identityKernels } from "./identity.js";
import { interruptibleTraining } from "./interruptible.js";
import { fasterLayers } from "./layers.js";
import { matrixProducts } from "./matmul.js";
import { nativeOps } from "./native.js";
import { poolingKernel } from "./pooling.js";
import { recurrentCells } from "./recurrent.js";
import type { TensorFlow } from "./types.js";

/** The version of TensorFlow.js whose inner parts this folder was written for. */
export const TFJS_VERSION = "4.22.0";

/** What was done to an instance of TensorFlow.js. */
export interface Patches {
  /** Whether it has this library's kernels and gradients. */
  kernels: boolean;
  /** Why it hasn't. */
  reason?: string;
}

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

/** What `patchTensorFlow` did. */
export function patchesOf(tf: TensorFlow): Patches {
  return (tf as Patched)[PATCHES] ?? { kernels: false, reason: "not loaded by loadTensorFlow" };
}

function patch(tf: TensorFlow): Patches {
  interruptibleTraining(tf);
  if (tf.getBackend() !== "tensorflow") return { kernels: false, reason: "no native TensorFlow" };
  if (isSet("DEEP_AUDIO_PLAIN_TFJS")) return { kernels: false, reason: "DEEP_AUDIO_PLAIN_TFJS is set" };
  const other = otherVersions(tf);
  if (other !== "") {
    const reason = `${other}, expected ${TFJS_VERSION}`;
    process.emitWarning(
      `TensorFlow.js: ${reason}. Its own kernels and gradients are used, so training is slower; ` +
        `install @tensorflow/tfjs-node-gpu@${TFJS_VERSION}, or set DEEP_AUDIO_PLAIN_TFJS=1 to keep this version without the warning.`,
      { code: "TFJS_VERSION" },
    );
    return { kernels: false, reason };
  }
  const native = nativeOps(tf);
  sharedConstants(native);
  activationGradients(native);
  broadcastGradients(native);
  poolingKernel(native);
  convolutionKernel(native);
  identityKernels(native);
  matrixProducts(native);
  fusedAdam(native);
  fasterLayers(native);
  recurrentCells(native);
  crossEntropyGradients(native);
  return { kernels: true };
}

/** The packages that are patched, of a version other than the one expected. */
function otherVersions(tf: TensorFlow): string {
  const versions = tf.version as Record<string, string | undefined>;
  return ["tfjs-core", "tfjs-layers", "tfjs-node"]
    .filter((name) => versions[name] !== TFJS_VERSION)
    .map((name) => `${name} ${versions[name]}`)
    .join(", ");
}
