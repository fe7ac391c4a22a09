import type { GradConfig, KernelFunc, NamedAttrMap, Tensor } from "@tensorflow/tfjs-core";
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

/** Puts a faster kernel in front of one of tfjs's on native TensorFlow; tfjs's own stays for where `faster` gives undefined. */
export function replaceKernel(
  { tf }: Native,
  kernelName: string,
  faster: (...call: Parameters<KernelFunc>) => ReturnType<KernelFunc> | undefined,
): void {
  const original = tf.getKernel(kernelName, "tensorflow");
  tf.unregisterKernel(kernelName, "tensorflow");
  tf.registerKernel({ ...original, kernelFunc: (call) => faster(call) ?? original.kernelFunc(call) });
}

/** Layers, unlike cells, may have a function of the user's that sees each call (`setCallHook`). */
interface Hooked {
  invokeCallHook?(inputs: unknown, options: object): void;
}

/**
 * Puts a faster `call` in front of the one that a class of tfjs's layers or cells has.
 *
 * tfjs's own stays for other backends, and where `faster` gives undefined.
 */
export function replaceCall<L extends object, I, O>(
  { tf }: Native,
  className: string,
  faster: (layer: L, inputs: I, options: { training?: boolean }) => O | undefined,
): void {
  const { prototype } = tf.serialization.SerializationMap.getMap().classNameMap[className]![0];
  const layer = prototype as unknown as { call(this: L, inputs: I, options?: { training?: boolean }): O };
  const original = layer.call;
  layer.call = function (inputs, options) {
    const result = tf.getBackend() === "tensorflow" ? faster(this, inputs, options ?? {}) : undefined;
    if (!result) return original.call(this, inputs, options);
    (this as Hooked).invokeCallHook?.(inputs, options ?? {});
    return result;
  };
}
