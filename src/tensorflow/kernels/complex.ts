import type { GradConfig, NamedTensorMap, Tensor } from "@tensorflow/tfjs-core";
import { DatasetError } from "../../core/error.js";
import type { Native } from "./native.js";
import { replaceKernel } from "./replace.js";

/** Kernels that move numbers or add them: tfjs's own gradients are right for real and imaginary parts, each by itself. */
const LINEAR = [
  ...["Add", "AddN", "Sub", "Sum", "Reshape", "Slice", "Concat", "Pack", "Unpack", "SplitV", "Transpose", "ExpandDims"],
  ...["Reverse", "PadV2", "Identity", "Cast"],
];

/** What is watched of tfjs's engine: where it notes how to go back through an op. */
interface Engine {
  addTapeNode(kernel: string, inputs: NamedTensorMap, outputs: Tensor[], ...rest: unknown[]): void;
  makeTensorFromTensorInfo(info: object): Tensor;
  state: { activeTape: { gradient?: Gradient }[] };
}

type Gradient = (dys: (Tensor | null)[]) => Record<string, () => Tensor>;

const isComplex = ({ dtype }: Tensor): boolean => dtype === "complex64";

/**
 * Gradients of complex numbers, for which tfjs has none: those of a loss by the real part, plus i times those by the
 * imaginary part, as TensorFlow's.
 *
 * tfjs lets no gradient be complex. So they go from op to op labelled as float32.
 */
export function complexGradients(native: Native): void {
  const { tf } = native;
  const engine = tf.engine() as unknown as Engine;
  const kernels = [...LINEAR, ...addGradients(native)];
  /** Data of complex gradients. */
  const labelled = new WeakSet<object>();
  const asReal = (x: Tensor): Tensor => {
    labelled.add(x.dataId);
    return engine.makeTensorFromTensorInfo({ ...native.share(x, x.shape), dtype: "float32" });
  };
  const asComplex = (x: Tensor): Tensor =>
    labelled.has(x.dataId)
      ? engine.makeTensorFromTensorInfo({ ...native.share(x, x.shape), dtype: "complex64" })
      : tf.complex(x, tf.zerosLike(x));

  // Where a tensor was used twice, tfjs adds its gradients.
  replaceKernel(native, "Add", ({ inputs }) => {
    const { a, b } = inputs as { a: Tensor; b: Tensor };
    if (isComplex(a) || !labelled.has(a.dataId)) return undefined;
    return tf.tidy(() => asReal(tf.add(asComplex(a), asComplex(b))));
  });

  const prototype = Object.getPrototypeOf(engine) as Engine;
  const { addTapeNode } = prototype;
  prototype.addTapeNode = function (kernel, inputs, outputs, ...rest) {
    addTapeNode.call(this, kernel, inputs, outputs, ...rest);
    if (![...Object.values(inputs), ...outputs].some(isComplex)) return;
    const node = this.state.activeTape.at(-1)!;
    const { gradient } = node;
    node.gradient = (dys) => {
      if (!gradient || !kernels.includes(kernel)) {
        throw new DatasetError(
          "OPTION",
          `gradient: ${kernel} of complex numbers, expected one of ${kernels.join(", ")}`,
        );
      }
      const given = dys.map((dy, i) => (isComplex(outputs[i]!) ? asComplex(dy ?? tf.zeros(outputs[i]!.shape)) : dy));
      const made = LINEAR.includes(kernel) ? byParts(native, gradient, given as Tensor[]) : gradient(given);
      const labelledAs = (name: string, dx: Tensor): Tensor => {
        if (isComplex(inputs[name]!)) return asReal(isComplex(dx) ? dx : asComplex(dx));
        return isComplex(dx) ? tf.real(dx) : dx;
      };
      return Object.fromEntries(Object.entries(made).map(([name, make]) => [name, () => labelledAs(name, make())]));
    };
  };
}

function byParts({ tf }: Native, gradient: Gradient, dys: Tensor[]): Record<string, () => Tensor> {
  const imaginary = gradient(dys.map((dy) => tf.imag(dy)));
  const parts = Object.entries(gradient(dys.map((dy) => tf.real(dy))));
  return Object.fromEntries(parts.map(([name, real]) => [name, () => tf.complex(real(), imaginary[name]!())]));
}

/** The gradients themselves; gives the names of their kernels. */
function addGradients({ tf }: Native): string[] {
  const times = (z: Tensor, x: Tensor): Tensor => tf.complex(tf.mul(tf.real(z), x), tf.mul(tf.imag(z), x));
  const conjugate = (z: Tensor): Tensor => (isComplex(z) ? tf.complex(tf.real(z), tf.neg(tf.imag(z))) : z);
  const size = (z: Tensor): Tensor => tf.scalar(z.shape.at(-1)!);
  const zeros = (x: Tensor): Tensor => tf.zerosLike(x);
  const one = (kernelName: string, gradient: (dy: Tensor) => Tensor, input = "input"): GradConfig => ({
    kernelName,
    gradFunc: (dy) => ({ [input]: () => gradient(dy as Tensor) }),
  });
  /** The product's gradient by `a`, with as many numbers as it. */
  const factor = (dy: Tensor, a: Tensor, b: Tensor) => (): Tensor => {
    const d = tf.mul(dy, conjugate(b));
    return tf.reshape(tf.sum(d, tf.broadcast_util.getReductionAxes(a.shape, d.shape)), a.shape);
  };
  const multiply = tf.getGradient("Multiply") as GradConfig;
  const configs: GradConfig[] = [
    {
      kernelName: "Complex",
      gradFunc: (dy) => ({ real: () => tf.real(dy as Tensor), imag: () => tf.imag(dy as Tensor) }),
    },
    one("Real", (dy) => tf.complex(dy, zeros(dy))),
    one("Imag", (dy) => tf.complex(zeros(dy), dy)),
    one("FFT", (dy) => times(tf.spectral.ifft(dy), size(dy))),
    one("IFFT", (dy) => times(tf.spectral.fft(dy), tf.div(1, size(dy)))),
    {
      kernelName: "ComplexAbs",
      inputsToSave: ["x"],
      gradFunc: (dy, [x]) => ({ x: () => times(x!, tf.divNoNan(dy as Tensor, tf.abs(x!))) }),
    },
    {
      ...multiply,
      gradFunc: (dy, saved, attributes) => {
        const [a, b] = saved as [Tensor, Tensor];
        if (!isComplex(dy as Tensor)) return multiply.gradFunc(dy, saved, attributes);
        return { a: factor(dy as Tensor, a, b), b: factor(dy as Tensor, b, a) };
      },
    },
  ];
  for (const config of configs) tf.registerGradient(config);
  return configs.map(({ kernelName }) => kernelName);
}
