import type { Tensor, Tensor2D, Tensor3D } from "@tensorflow/tfjs-core";
import type { Native } from "./native.js";
import type { TensorFlow } from "./types.js";

/** Name of the kernel that gives the CTC loss `[batch]` of `logits [batch, frames, classes]` and `labels [batch, length]`. */
export const CTC_LOSS = "CtcLoss";

/** Registers the connectionist temporal classification loss with its gradient, of which TensorFlow's op gives both. */
export function ctcKernel(native: Native): void {
  const { tf } = native;
  tf.registerKernel({
    kernelName: CTC_LOSS,
    backendName: "tensorflow",
    kernelFunc: ({ inputs }) => {
      const { logits, labels } = inputs as { logits: Tensor3D; labels: Tensor2D };
      const [batch, frames] = logits.shape;
      const [loss, gradient] = tf.tidy(() => {
        const classes = labels.toInt();
        const at = native.runLong("Where", { types: { T: "bool" } }, [tf.notEqual(classes, tf.scalar(0, "int32"))]);
        const values = native.run("GatherNd", { types: { Tparams: "int32", Tindices: "int64" } }, [classes, at]);
        const bools = {
          preprocess_collapse_repeated: false,
          ctc_merge_repeated: true,
          ignore_longer_outputs_than_inputs: false,
        };
        // TensorFlow's blank is the last class.
        const labelled = native.run("Sub", { types: { T: "int32" } }, [values, tf.scalar(1, "int32")]);
        const times = tf.transpose(rolled(tf, logits, 1), [1, 0, 2]);
        return native.runMany("CTCLoss", { bools }, [times, at, labelled, tf.fill([batch], frames, "int32")], 2);
      }) as [Tensor, Tensor];
      // As an empty tensor it costs tfjs no gradient of zeros.
      return [loss, native.share(gradient, [0])];
    },
  });
  tf.registerGradient({
    kernelName: CTC_LOSS,
    inputsToSave: [],
    outputsToSave: [false, true],
    gradFunc: (gradients, [gradient]) => {
      const [dy] = gradients as [Tensor];
      const whole = (): Tensor => native.run("Mul", {}, [gradient!, tf.reshape(dy, [1, -1, 1])]);
      return { logits: () => rolled(tf, tf.transpose(whole(), [1, 0, 2]), -1) };
    },
  });
}

/** The classes moved down by some, the first ones to the end. */
function rolled({ slice, concat }: TensorFlow, x: Tensor, by: number): Tensor {
  const [batch, frames, classes] = x.shape as [number, number, number];
  const at = (by + classes) % classes;
  const part = (from: number, size: number): Tensor => slice(x, [0, 0, from], [batch, frames, size]);
  return concat([part(at, classes - at), part(0, at)], 2);
}
