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

/** Registers this library's kernels and gradients on native TensorFlow, and makes its training interruptible. */
export function registerKernels(tf: TensorFlow): void {
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
  interruptibleTraining(tf);
}
