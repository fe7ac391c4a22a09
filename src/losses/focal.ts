import { checkKnown, type OptionNames } from "../core/known-options.js";
import { loadTensorFlow } from "../tensorflow/load.js";
import { checkNumber, type Loss } from "./loss.js";

/** How focal losses weigh. */
export interface FocalOptions {
  /** How little what is right already counts: its loss is multiplied by (1 − probability)^gamma. Default 2. */
  gamma?: number;
  /** Of the categorical loss, a factor; of the binary one, 0 to 1, what present labels count against absent ones. Default: 0.25, and none. */
  alpha?: number;
}

const OPTIONS: OptionNames<FocalOptions> = { gamma: true, alpha: true };

/** Keras's, which keeps logarithms finite. */
const LEAST = 1e-7;

/**
 * Focal loss (Lin et al. 2017) for multi-label classifiers with a sigmoid: the cross-entropy of each label, less where it
 * is right already, for labels that are rare. As Keras's BinaryFocalCrossentropy, with `apply_class_balancing` where there
 * is an `alpha`. `[…, labels]` → `[…]`.
 * @throws DatasetError "OPTION" for options out of range
 * @example model.compile({ optimizer: "adam", loss: binaryFocalLoss({ gamma: 2 }) })
 */
export function binaryFocalLoss(options: FocalOptions = {}): Loss {
  checkKnown("binaryFocalLoss", options, OPTIONS);
  const { gamma = 2, alpha } = options;
  checkNumber("gamma", gamma, 0);
  checkNumber("alpha", alpha ?? 0, 0);
  checkNumber("1 - alpha", 1 - (alpha ?? 0), 0);
  const tf = loadTensorFlow();
  return (truth, output) =>
    tf.tidy(() => {
      const p = tf.clipByValue(output, LEAST, 1 - LEAST);
      // Of the label as it is.
      const right = tf.add(tf.mul(truth, output), tf.mul(tf.sub(1, truth), tf.sub(1, output)));
      const entropy = tf.add(tf.mul(truth, tf.log(p)), tf.mul(tf.sub(1, truth), tf.log(tf.sub(1, p))));
      const losses = tf.mul(tf.neg(entropy), tf.pow(tf.sub(1, right), gamma));
      const weights = alpha === undefined ? 1 : tf.add(tf.mul(truth, 2 * alpha - 1), 1 - alpha);
      return tf.mean(tf.mul(losses, weights), -1);
    });
}

/**
 * Focal loss for multi-class classifiers with a softmax, as Keras's CategoricalFocalCrossentropy. `[…, classes]` → `[…]`.
 * @throws DatasetError "OPTION" for options out of range
 * @example model.compile({ optimizer: "adam", loss: categoricalFocalLoss({ gamma: 2 }) })
 */
export function categoricalFocalLoss(options: FocalOptions = {}): Loss {
  checkKnown("categoricalFocalLoss", options, OPTIONS);
  const { gamma = 2, alpha = 0.25 } = options;
  checkNumber("gamma", gamma, 0);
  checkNumber("alpha", alpha, 0);
  const tf = loadTensorFlow();
  return (truth, output) =>
    tf.tidy(() => {
      const p = tf.clipByValue(tf.div(output, tf.sum(output, -1, true)), LEAST, 1 - LEAST);
      const losses = tf.mul(tf.mul(truth, tf.log(p)), tf.pow(tf.sub(1, p), gamma));
      return tf.mul(tf.sum(losses, -1), -alpha);
    });
}
