import type { Tensor } from "@tensorflow/tfjs-core";
import type { Native } from "./native.js";

/** What this file uses of tfjs-layers' cells. */
interface Cell {
  dropout: number;
  recurrentDropout: number;
  kernel: { read(): Tensor };
  recurrentKernel: { read(): Tensor };
  bias: { read(): Tensor } | null;
  activation: { getClassName(): string };
  recurrentActivation: { getClassName(): string };
}

type Call = (this: Cell, inputs: Tensor[], options: unknown) => Tensor[];

/** Input x, states h (and c), kernel w, recurrent kernel u, bias b. */
type Inputs = Record<string, Tensor>;

/** The activation of gates, and its gradient from its output. */
interface Gate {
  of(x: Tensor): Tensor;
  gradient(y: Tensor, dy: Tensor): Tensor;
}

/** One step of a recurrent layer. */
interface Step {
  states: readonly string[];
  /** The new states, and what the gradient needs. */
  forward(gate: Gate, inputs: Inputs): { states: Tensor[]; kept: Tensor[] };
  /** Gradients of the inputs from those of the new states. */
  backward(gate: Gate, gradients: Tensor[], inputs: Inputs, kept: Tensor[]): Record<string, () => Tensor>;
}

/**
 * Makes a step of LSTM and GRU one kernel with its gradient; tfjs takes it apart into some twenty ops, each with a trace
 * and gradients of its own. Cells with dropout or other activations stay with tfjs.
 */
export function recurrentCells(native: Native): void {
  const ops = operations(native);
  const gates = gateActivations(native, ops);
  addStep(native, gates, "LSTMCell", lstm(ops));
  addStep(native, gates, "GRUCell", gru(ops));
}

function addStep(native: Native, gates: Record<string, Gate>, cell: string, step: Step): void {
  const { tf } = native;
  const kernelName = `${cell}Step`;
  const inputsToSave = ["x", ...step.states, "w", "u"];
  const gateOf = (attrs: unknown): Gate => gates[(attrs as { gate: string }).gate]!;
  tf.registerKernel({
    kernelName,
    backendName: "tensorflow",
    kernelFunc: ({ inputs, attrs }) => {
      const { states, kept } = step.forward(gateOf(attrs), inputs as Inputs);
      // As empty tensors they cost tfjs no gradients of zeros.
      return [...states, ...kept.map((tensor) => native.share(tensor, [0]))];
    },
  });
  tf.registerGradient({
    kernelName,
    inputsToSave,
    outputsToSave: [...step.states.map(() => false), true, true, true],
    gradFunc: (gradients, saved, attrs) => {
      const inputs = Object.fromEntries(inputsToSave.map((name, i) => [name, saved[i]!]));
      return step.backward(gateOf(attrs), gradients as Tensor[], inputs, saved.slice(inputsToSave.length));
    },
  });
  const prototype = tf.serialization.SerializationMap.getMap().classNameMap[cell]![0].prototype as unknown as {
    call: Call;
  };
  const original = prototype.call;
  prototype.call = function (inputs, options) {
    const gate = this.recurrentActivation.getClassName();
    const usual = this.activation.getClassName() === "tanh" && gate in gates;
    const dropout = this.dropout > 0 || this.recurrentDropout > 0;
    const [x] = inputs as [Tensor];
    // Of a gradient of the gradient nothing is known here.
    const usable = tf.getBackend() === "tensorflow" && tf.engine().state.gradientDepth <= 1 && x.dtype === "float32";
    if (!usual || dropout || !usable) return original.call(this, inputs, options);
    return tf.tidy(() => {
      const named: Inputs = { x, w: this.kernel.read(), u: this.recurrentKernel.read() };
      for (const [i, name] of step.states.entries()) named[name] = inputs[i + 1]!;
      if (this.bias) named.b = this.bias.read();
      const states = (tf.engine().runKernel(kernelName, named, { gate }) as Tensor[]).slice(0, step.states.length);
      return [states[0]!, ...states];
    });
  };
}

type Operations = ReturnType<typeof operations>;

/** TensorFlow's ops on float32, without tfjs's bookkeeping. */
function operations({ tf, run, runMany }: Native) {
  const channelsLast = { strings: { data_format: "NHWC" } };
  return {
    add: (a: Tensor, b: Tensor): Tensor => run("AddV2", {}, [a, b]),
    sub: (a: Tensor, b: Tensor): Tensor => run("Sub", {}, [a, b]),
    mul: (a: Tensor, b: Tensor): Tensor => run("Mul", {}, [a, b]),
    tanh: (x: Tensor): Tensor => run("Tanh", {}, [x]),
    tanhGradient: (y: Tensor, dy: Tensor): Tensor => run("TanhGrad", {}, [y, dy]),
    biased: (x: Tensor, b?: Tensor): Tensor => (b ? run("BiasAdd", channelsLast, [x, b]) : x),
    biasGradient: (dy: Tensor): Tensor => run("BiasAddGrad", channelsLast, [dy]),
    /** Along the last of two axes. */
    split: (x: Tensor, parts: number): Tensor[] =>
      runMany("Split", { ints: { num_split: parts } }, [tf.scalar(1, "int32"), x], parts),
    join: (parts: Tensor[]): Tensor =>
      run("ConcatV2", { ints: { N: parts.length } }, [...parts, tf.scalar(1, "int32")]),
    product: (a: Tensor, b: Tensor): Tensor => tf.matMul(a, b),
    /** With a or b transposed. */
    productA: (a: Tensor, b: Tensor): Tensor => tf.matMul(a, b, true, false),
    productB: (a: Tensor, b: Tensor): Tensor => tf.matMul(a, b, false, true),
  };
}

function gateActivations({ tf, run }: Native, { add, mul }: Operations): Record<string, Gate> {
  return {
    sigmoid: {
      of: (x) => run("Sigmoid", {}, [x]),
      gradient: (y, dy) => run("SigmoidGrad", {}, [y, dy]),
    },
    // tfjs's, 0.2 x + 0.5 clipped to 0 and 1, as a sixth of what relu6 makes of six times that.
    hardSigmoid: {
      of: (x) => mul(run("Relu6", {}, [add(mul(x, tf.scalar(1.2)), tf.scalar(3))]), tf.scalar(1 / 6)),
      gradient: (y, dy) => mul(run("Relu6Grad", {}, [dy, mul(y, tf.scalar(6))]), tf.scalar(0.2)),
    },
  };
}

/** Hochreiter and Schmidhuber 1997, with the forget gate of Gers et al. 2000; gates in the order i, f, g, o. */
function lstm({ add, mul, tanh, tanhGradient, biased, biasGradient, split, join, ...ops }: Operations): Step {
  return {
    states: ["h", "c"],
    forward: (gate, { x, h, c, w, u, b }) => {
      const z = biased(add(ops.product(x!, w!), ops.product(h!, u!)), b);
      const gates = gate.of(z);
      const [i, f, , o] = split(gates, 4);
      const g = tanh(split(z, 4)[2]!);
      const cell = add(mul(f!, c!), mul(i!, g));
      const t = tanh(cell);
      return { states: [mul(o!, t), cell], kept: [gates, g, t] };
    },
    backward: (gate, gradients, { x, h, c, w, u }, kept) => {
      const [dh, dc] = gradients as [Tensor, Tensor];
      const [gates, g, t] = kept as [Tensor, Tensor, Tensor];
      const [i, f, , o] = split(gates, 4) as [Tensor, Tensor, Tensor, Tensor];
      const d = add(dc, tanhGradient(t, mul(dh, o)));
      const dz = join([
        gate.gradient(i, mul(d, g)),
        gate.gradient(f, mul(d, c!)),
        tanhGradient(g, mul(d, i)),
        gate.gradient(o, mul(dh, t)),
      ]);
      return {
        x: () => ops.productB(dz, w!),
        h: () => ops.productB(dz, u!),
        c: () => mul(d, f),
        w: () => ops.productA(x!, dz),
        u: () => ops.productA(h!, dz),
        b: () => biasGradient(dz),
      };
    },
  };
}

/** Cho et al. 2014, gates z and r and candidate n; the reset gate comes before the product, as in tfjs. */
function gru({ add, sub, mul, tanh, tanhGradient, biased, biasGradient, split, join, ...ops }: Operations): Step {
  return {
    states: ["h"],
    forward: (gate, { x, h, w, u, b }) => {
      const [xz, xr, xn] = split(biased(ops.product(x!, w!), b), 3) as [Tensor, Tensor, Tensor];
      const [uz, ur, un] = split(u!, 3) as [Tensor, Tensor, Tensor];
      const z = gate.of(add(xz, ops.product(h!, uz)));
      const r = gate.of(add(xr, ops.product(h!, ur)));
      const n = tanh(add(xn, ops.product(mul(r, h!), un)));
      return { states: [add(n, mul(z, sub(h!, n)))], kept: [z, r, n] };
    },
    backward: (gate, gradients, { x, h, w, u }, kept) => {
      const [dh] = gradients as [Tensor];
      const [z, r, n] = kept as [Tensor, Tensor, Tensor];
      const [uz, ur, un] = split(u!, 3) as [Tensor, Tensor, Tensor];
      const dz = gate.gradient(z, mul(dh, sub(h!, n)));
      const dn = tanhGradient(n, sub(dh, mul(dh, z)));
      const dm = ops.productB(dn, un);
      const dr = gate.gradient(r, mul(dm, h!));
      const all = join([dz, dr, dn]);
      return {
        x: () => ops.productB(all, w!),
        h: () => add(add(mul(dh, z), mul(dm, r)), add(ops.productB(dz, uz), ops.productB(dr, ur))),
        w: () => ops.productA(x!, all),
        u: () => join([ops.productA(h!, dz), ops.productA(h!, dr), ops.productA(mul(r, h!), dn)]),
        b: () => biasGradient(all),
      };
    },
  };
}
