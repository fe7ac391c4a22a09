import { replaceGradient } from "./replace.js";
import type { Native } from "./native.js";

/**
 * Gradients of activations as one op each.
 *
 * tfjs writes relu's as step × dy, seven ops that each read and write the whole activation.
 */
export function activationGradients(native: Native): void {
  replaceGradient(native, "Relu", (dy, [x]) =>
    x!.dtype === "float32" ? { x: () => native.run("ReluGrad", {}, [dy, x!]) } : undefined,
  );
  replaceGradient(native, "Sigmoid", (dy, [y]) => ({ x: () => native.run("SigmoidGrad", {}, [y!, dy]) }));
  replaceGradient(native, "Tanh", (dy, [y]) => ({ x: () => native.run("TanhGrad", {}, [y!, dy]) }));
}
