import type { TensorFlow } from "../tensorflow.js";
import { activationGradients } from "./activation.js";
import { fusedAdam } from "./adam.js";
import { broadcastGradients } from "./broadcast.js";
import { convolutionKernel } from "./convolution.js";
import { identityKernels } from "./identity.js";
import { fasterLayers } from "./layers.js";
import { nativeOps } from "./native.js";
import { poolingKernel } from "./pooling.js";

/** Registers this library's kernels and gradients on native TensorFlow. */
export function registerKernels(tf: TensorFlow): void {
  const native = nativeOps(tf);
  activationGradients(native);
  broadcastGradients(native);
  poolingKernel(native);
  convolutionKernel(native);
  identityKernels(native);
  fusedAdam(native);
  fasterLayers(native);
}
