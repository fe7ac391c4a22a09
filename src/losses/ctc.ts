import type * as tfjs from "@tensorflow/tfjs-node-gpu";
import { DatasetError } from "../core/error.js";
import { CTC_LOSS } from "../tensorflow/kernels/ctc.js";
import { loadTensorFlow } from "../tensorflow/load.js";
import type { Loss } from "./loss.js";

/**
 * Connectionist temporal classification (Graves et al. 2006), for models that give a sequence of labels of which nobody
 * says when: speech as letters, music as notes.
 *
 * The model's output is `[batch, frames, classes]` without a softmax; class 0 is the blank. The truth is `[batch, length]`
 * with classes from 1 on, filled up with 0. All frames of the output count. The loss, minus the logarithm of the
 * probability of the labels, is `[batch]`. It is TensorFlow's own, as in Keras's `CTC`, and needs native TensorFlow with
 * this library's kernels.
 * @throws DatasetError "ENVIRONMENT" without those, later "OPTION" for other shapes
 * @example
 * const speech = tf.sequential();
 * speech.add(tf.layers.gru({ inputShape: [null, 80], units: 64, returnSequences: true }));
 * speech.add(tf.layers.dense({ units: 29 }));
 * speech.compile({ optimizer: "adam", loss: ctcLoss() });
 */
export function ctcLoss(): Loss {
  const tf = loadTensorFlow();
  if (!tf.getKernel(CTC_LOSS, tf.getBackend())) {
    throw new DatasetError(
      "ENVIRONMENT",
      `ctcLoss: TensorFlow.js's own kernels on backend ${tf.getBackend()}, expected this library's on native TensorFlow; see doctor()`,
    );
  }
  const loss: Loss = (labels, output) => {
    if (labels.rank !== 2 || output.rank !== 3) {
      throw new DatasetError(
        "OPTION",
        `ctcLoss: truth [${labels.shape}] and output [${output.shape}], expected [batch, length] and [batch, frames, classes]`,
      );
    }
    return (tf.engine().runKernel(CTC_LOSS, { logits: output, labels }) as tfjs.Tensor[])[0]!;
  };
  return Object.assign(loss, { truthShape: [null, null] });
}
