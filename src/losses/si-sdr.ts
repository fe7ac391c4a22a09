import { loadTensorFlow } from "../tensorflow/load.js";
import { asSamples, type Loss } from "./loss.js";

/** Keeps quotients finite. */
const EPSILON = 1e-8;

/**
 * The negative scale-invariant signal-to-distortion ratio (Le Roux et al. 2019) in dB, for models that give sound: by how
 * much the part of the output that is the truth, at whatever volume, exceeds the rest. DC offsets don't count.
 *
 * Truth and output are `[batch, samples]` or `[batch, frames, inputSize]`; the loss is `[batch]`. Its values are those of
 * auraloss's SISDRLoss.
 * @example model.compile({ optimizer: "adam", loss: siSdrLoss() })
 */
export function siSdrLoss(): Loss {
  const tf = loadTensorFlow();
  return (truth, output) =>
    tf.tidy(() => {
      const [y, x] = [truth, output].map((side) => {
        const samples = asSamples(side);
        return samples.sub(samples.mean(1, true));
      });
      const scale = tf.div(tf.sum(tf.mul(x!, y!), 1, true), tf.square(y!).sum(1, true).add(EPSILON));
      const target = tf.mul(y!, scale);
      const rest = tf.square(tf.sub(x!, target)).sum(1).add(EPSILON);
      return tf.mul(tf.log(tf.div(tf.square(target).sum(1), rest).add(EPSILON)), -10 / Math.LN10);
    });
}
