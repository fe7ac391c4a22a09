import type { LayersModel } from "@tensorflow/tfjs-node-gpu";
import { DatasetError } from "../../core/error.js";
import { interruptCount, interruptible } from "../../system/interrupts.js";
import type { TensorFlow } from "./types.js";

type Train = (this: LayersModel, ...given: unknown[]) => Promise<unknown>;

/**
 * Lets the notebook's stop button end tfjs's own `fit` and `fitDataset` after the batch they are at, with an error.
 *
 * Without it they would continue unseen, and a model whose training was ended by force could never be trained again.
 */
export function interruptibleTraining(tf: TensorFlow): void {
  const prototype = tf.LayersModel.prototype as unknown as Record<"fit" | "fitDataset", Train>;
  /** How often the stop button had been pressed when a model's training began. */
  const began = new WeakMap<LayersModel, number>();
  for (const name of ["fit", "fitDataset"] as const) {
    const original = prototype[name];
    prototype[name] = async function (...given) {
      if (!interruptible()) return original.apply(this, given);
      const before = interruptCount();
      // It was interrupted and could not even say that it is over.
      const training = this as unknown as { isTraining: boolean };
      if (training.isTraining && (began.get(this) ?? before) < before) training.isTraining = false;
      began.set(this, before);
      const stop = (): void => {
        this.stopTraining = true;
      };
      process.on("SIGINT", stop);
      try {
        const history = await original.apply(this, given);
        if (interruptCount() > before) {
          throw new DatasetError("ABORTED", "training: interrupted; the model has the weights of its last batch");
        }
        return history;
      } finally {
        process.off("SIGINT", stop);
      }
    };
  }
}
