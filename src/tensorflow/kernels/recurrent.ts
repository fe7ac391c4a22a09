import type { Tensor } from "@tensorflow/tfjs-core";
import type { Native } from "./native.js";
import { replaceCall } from "./replace.js";

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

/** Input x, states h (and c), kernel w, recurrent kernel u, bias b. */
type Inputs = Record<string, Tensor>;

/** The activation of gates, and its gradient from its output. */
interface Gate {
  of(x: Tensor): Tensor;
  gradient(y: Tensor, dy: Tensor): Tensor;
}

/** What a step keeps for its gradient. */
type Kept = [Tensor, Tensor, Tensor];

/** One step of a recurrent layer. */
interface Step {
  states: readonly string[];
  forward(gate: Gate, inputs: Inputs): { states: Tensor[]; kept: Kept };
  /** Gradients of the inputs from those of the new states. */
  backward(gate: Gate, gradients: Tensor[], inputs: Inputs, kept: Kept): Record<string, () => Tensor>;
}

/**
 * Makes a step of LSTM and GRU one kernel with its gradient; tfjs takes it apart into some twenty ops, each with a trace
 * and gradients of its own. Cells with dropout or other activations stay with tfjs.
 */
export function recurrentCells(native: Native): void {
  const ops = operations(native);
  const gates = gateActivations(native, ops);
  addStep(native, gates, "LSTMCell", lstm(native, ops));
  addStep(native, gates, "GRUCell", gru(native, ops));
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
      return step.backward(gateOf(attrs), gradients as Tensor[], inputs, saved.slice(inputsToSave.length) as Kept);
    },
  });
  replaceCall<Cell, Tensor[], Tensor[]>(native, cell, (layer, inputs) => {
    const gate = layer.recurrentActivation.getClassName();
    const usual = layer.activation.getClassName() === "tanh" && gate in gates;
    const dropout = layer.dropout > 0 || layer.recurrentDropout > 0;
    const [x] = inputs as [Tensor];
    // Of a gradient of the gradient nothing is known here.
    if (!usual || dropout || x.dtype !== "float32" || tf.engine().state.gradientDepth > 1) return undefined;
    return tf.tidy(() => {
      const named: Inputs = { x, w: layer.kernel.read(), u: layer.recurrentKernel.read() };
      for (const [i, name] of step.states.entries()) named[name] = inputs[i + 1]!;
      if (layer.bias) named.b = layer.bias.read();
      const states = (tf.engine().runKernel(kernelName, named, { gate }) as Tensor[]).slice(0, step.states.length);
      return [states[0]!, ...states];
    });
  });
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
function lstm({ tf }: Native, ops: Operations): Step {
  const { add, mul, tanh, tanhGradient, biased, biasGradient, split, join } = ops;
  return {
    states: ["h", "c"],
    forward: (gate, { x, h, c, w, u, b }) => {
      const z = biased(add(tf.matMul(x!, w!), tf.matMul(h!, u!)), b);
      const gates = gate.of(z);
      const [i, f, , o] = split(gates, 4);
      const g = tanh(split(z, 4)[2]!);
      const cell = add(mul(f!, c!), mul(i!, g));
      const t = tanh(cell);
      return { states: [mul(o!, t), cell], kept: [gates, g, t] };
    },
    backward: (gate, gradients, { x, h, c, w, u }, [gates, g, t]) => {
      const [dh, dc] = gradients as [Tensor, Tensor];
      const [i, f, , o] = split(gates, 4) as [Tensor, Tensor, Tensor, Tensor];
      const d = add(dc, tanhGradient(t, mul(dh, o)));
      const dz = join([
        gate.gradient(i, mul(d, g)),
        gate.gradient(f, mul(d, c!)),
        tanhGradient(g, mul(d, i)),
        gate.gradient(o, mul(dh, t)),
      ]);
      return {
        x: () => tf.matMul(dz, w!, false, true),
        h: () => tf.matMul(dz, u!, false, true),
        c: () => mul(d, f),
        w: () => tf.matMul(x!, dz, true, false),
        u: () => tf.matMul(h!, dz, true, false),
        b: () => biasGradient(dz),
      };
    },
  };
}

/** Cho et al. 2014, gates z and r and candidate n; the reset gate comes before the product, as in tfjs. */
function gru({ tf }: Native, ops: Operations): Step {
  const { add, sub, mul, tanh, tanhGradient, biased, biasGradient, split, join } = ops;
  return {
    states: ["h"],
    forward: (gate, { x, h, w, u, b }) => {
      const [xz, xr, xn] = split(biased(tf.matMul(x!, w!), b), 3) as [Tensor, Tensor, Tensor];
      const [uz, ur, un] = split(u!, 3) as [Tensor, Tensor, Tensor];
      const z = gate.of(add(xz, tf.matMul(h!, uz)));
      const r = gate.of(add(xr, tf.matMul(h!, ur)));
      const n = tanh(add(xn, tf.matMul(mul(r, h!), un)));
      return { states: [add(n, mul(z, sub(h!, n)))], kept: [z, r, n] };
    },
    backward: (gate, gradients, { x, h, w, u }, [z, r, n]) => {
      const [dh] = gradients as [Tensor];
      const [uz, ur, un] = split(u!, 3) as [Tensor, Tensor, Tensor];
      const dz = gate.gradient(z, mul(dh, sub(h!, n)));
      const dn = tanhGradient(n, sub(dh, mul(dh, z)));
      const dm = tf.matMul(dn, un, false, true);
      const dr = gate.gradient(r, mul(dm, h!));
      const all = join([dz, dr, dn]);
      return {
        x: () => tf.matMul(all, w!, false, true),
        h: () => add(add(mul(dh, z), mul(dm, r)), add(tf.matMul(dz, uz, false, true), tf.matMul(dr, ur, false, true))),
        w: () => tf.matMul(x!, all, true, false),
        u: () =>
          join([
            tf.matMul(h!, dz, true, false),
            tf.matMul(h!, dr, true, false),
            tf.matMul(mul(r, h!), dn, true, false),
          ]),
        b: () => biasGradient(all),
      };
    },
  };
}
