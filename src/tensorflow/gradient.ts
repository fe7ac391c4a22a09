import type { GradConfig, NamedAttrMap, Tensor } from "@tensorflow/tfjs-core";
import type { Native } from "./native.js";

/** Gradients per input of a kernel, each computed only when it is asked for. */
export type Gradients = Record<string, () => Tensor>;

/**
 * Puts a faster gradient in front of the one tfjs has for a kernel.
 *
 * tfjs's own stays for other backends, for gradients of gradients, and where `faster` gives undefined.
 */
export function replaceGradient(
  native: Native,
  kernelName: string,
  faster: (dy: Tensor, saved: Tensor[], attributes: NamedAttrMap) => Gradients | undefined,
): void {
  const { tf } = native;
  const original = tf.getGradient(kernelName) as GradConfig;
  tf.registerGradient({
    ...original,
    gradFunc: (dy, saved, attributes) => {
      const usable = tf.getBackend() === "tensorflow" && !native.nested() && !Array.isArray(dy);
      return (usable && faster(dy, saved, attributes)) || original.gradFunc(dy, saved, attributes);
    },
  });
}
