import type { Tensor, TensorInfo } from "@tensorflow/tfjs-node-gpu";
import type { TensorFlow } from "./types.js";

/** An attribute of a TensorFlow op; the suffix of the key says its type. */
export interface Attributes {
  ints?: Record<string, number | readonly number[]>;
  strings?: Record<string, string> | undefined;
  bools?: Record<string, boolean>;
  shapes?: Record<string, readonly number[]>;
  /** Lists of strings. */
  lists?: Record<string, readonly string[]>;
  /** Lists of types, all float32: how many. */
  floats?: Record<string, number>;
  numbers?: Record<string, number>;
  /** Types, of an op that has more of them than "T". */
  types?: Record<string, "float32" | "int32" | "int64" | "bool">;
}

/** Native TensorFlow, one op at a time. */
export interface Native {
  tf: TensorFlow;
  /** Whether TensorFlow computes on a GPU. */
  gpu: boolean;
  /** Whether the ops that oneDNN brings may be used: on the CPU, where this TensorFlow has them switched on. */
  onednn: boolean;
  /** Runs a float32 op with one output. */
  run(op: string, attributes: Attributes, inputs: readonly Tensor[]): Tensor;
  /** Runs an op whose output is int64, which tfjs doesn't have: for other ops here alone. */
  runLong(op: string, attributes: Attributes, inputs: readonly Tensor[]): Tensor;
  /** Runs a float32 op with several outputs. */
  runMany(op: string, attributes: Attributes, inputs: readonly Tensor[], outputs: number): Tensor[];
  /**
   * As `run`, but on the CPU the op is only begun: a thread of TensorFlow's works on it, so that neither what comes next
   * here nor the other thread waits. What uses the output waits for it; an error shows there.
   * @param shape of the output
   * @param when "late" for an output that isn't needed soon, such as a weight's gradient: it has its own thread
   */
  begin(
    op: string,
    attributes: Attributes,
    inputs: readonly Tensor[],
    shape: readonly number[],
    when?: "soon" | "late",
  ): Tensor;
  /** The data of a tensor under another shape, as a kernel's output. */
  share(x: Tensor, shape: number[]): TensorInfo;
  /** Whether gradients of the gradients being computed may be asked for; native gradient ops leave no trace for those. */
  nested(): boolean;
}

interface Attribute {
  name: string;
  type: number;
  value: unknown;
}

interface Backend {
  isUsingGpuDevice: boolean;
  binding: Record<
    | "TF_ATTR_TYPE"
    | "TF_ATTR_INT"
    | "TF_ATTR_FLOAT"
    | "TF_ATTR_STRING"
    | "TF_ATTR_BOOL"
    | "TF_ATTR_SHAPE"
    | "TF_FLOAT"
    | "TF_INT32"
    | "TF_INT64"
    | "TF_BOOL",
    number
  > & {
    executeOp(op: string, attributes: Attribute[], inputs: number[], thread: -1 | -2 | -3): number;
    executeOp(op: string, attributes: Attribute[], inputs: number[], outputs: 1): [{ id: number; shape: number[] }];
  };
  getInputTensorIds(inputs: readonly Tensor[]): number[];
  createOutputTensor(output: { id: number; shape: number[]; dtype: number }): Tensor;
  incRef(dataId: object): void;
  executeSingleOutput(op: string, attributes: Attribute[], inputs: readonly Tensor[]): Tensor;
  executeMultipleOutputs(op: string, attributes: Attribute[], inputs: readonly Tensor[], outputs: number): Tensor[];
}

/** oneDNN's kernels are registered under this label, so that nothing takes them by accident. */
const ONEDNN_LABEL = "MklNameChangeOp";
const ONEDNN_PREFIX = "_MklNative";

/** Wraps tfjs's TensorFlow backend. */
export function nativeOps(tf: TensorFlow): Native {
  // Asked for each time, since tfjs makes a new one after `tf.engine().reset()`.
  const backend = (): Backend => tf.backend() as unknown as Backend;
  const { TF_ATTR_TYPE, TF_ATTR_INT, TF_ATTR_FLOAT, TF_ATTR_STRING, TF_ATTR_BOOL, TF_ATTR_SHAPE } = backend().binding;
  const { TF_FLOAT, TF_INT32, TF_INT64, TF_BOOL } = backend().binding;
  const dtypes = { float32: TF_FLOAT, int32: TF_INT32, int64: TF_INT64, bool: TF_BOOL };
  const list = (
    op: string,
    { ints, strings, bools, shapes, lists, floats, types, numbers }: Attributes,
  ): Attribute[] => {
    const named: NonNullable<Attributes["types"]> = types ?? {
      [/Variable|VarHandle/.test(op) ? "dtype" : "T"]: "float32",
    };
    const all: Attribute[] = [];
    for (const name in named) {
      all.push({ name, type: TF_ATTR_TYPE, value: dtypes[named[name]!] });
    }
    for (const name in ints) all.push({ name, type: TF_ATTR_INT, value: ints[name] });
    for (const name in numbers) all.push({ name, type: TF_ATTR_FLOAT, value: numbers[name] });
    for (const name in strings) all.push({ name, type: TF_ATTR_STRING, value: strings[name] });
    for (const name in bools) all.push({ name, type: TF_ATTR_BOOL, value: bools[name] });
    for (const name in lists) all.push({ name, type: TF_ATTR_STRING, value: lists[name] });
    for (const name in floats) all.push({ name, type: TF_ATTR_TYPE, value: Array(floats[name]).fill(TF_FLOAT) });
    for (const name in shapes) all.push({ name, type: TF_ATTR_SHAPE, value: shapes[name] });
    if (op.startsWith(ONEDNN_PREFIX)) all.push({ name: "_kernel", type: TF_ATTR_STRING, value: ONEDNN_LABEL });
    return all;
  };
  // What still computes when the process ends would use what is destroyed then.
  let waits = false;
  const waitAtExit = (): void => {
    if (waits) return;
    waits = true;
    process.once("exit", () => backend().binding.executeOp("NoOp", [], [], -3));
  };
  const native: Native = {
    tf,
    gpu: backend().isUsingGpuDevice,
    onednn: false,
    run: (op, attributes, inputs) => backend().executeSingleOutput(op, list(op, attributes), inputs),
    runLong: (op, attributes, inputs) => {
      const ids = backend().getInputTensorIds(inputs);
      const [{ id, shape }] = backend().binding.executeOp(op, list(op, attributes), ids, 1);
      // Under the label of int32 tfjs has nothing to say about it.
      return backend().createOutputTensor({ id, shape, dtype: TF_INT32 });
    },
    runMany: (op, attributes, inputs, outputs) =>
      backend().executeMultipleOutputs(op, list(op, attributes), inputs, outputs),
    begin: (op, attributes, inputs, shape, when = "soon") => {
      // On a GPU no op is waited for anyway.
      if (native.gpu) return native.run(op, attributes, inputs);
      waitAtExit();
      const ids = backend().getInputTensorIds(inputs);
      const id = backend().binding.executeOp(op, list(op, attributes), ids, when === "soon" ? -1 : -2);
      return backend().createOutputTensor({ id, shape: [...shape], dtype: TF_FLOAT });
    },
    share: (x, shape) => {
      backend().incRef(x.dataId);
      return { dataId: x.dataId, shape, dtype: x.dtype };
    },
    nested: () => tf.engine().state.gradientDepth > 0,
  };
  native.onednn = !native.gpu && hasOneDnn(native);
  return native;
}

/** Tries one op: which builds and processors have them is TensorFlow's own secret. */
function hasOneDnn({ tf, run }: Native): boolean {
  return tf.tidy(() => {
    const attributes = {
      ints: { strides: [1, 1, 1, 1], dilations: [1, 1, 1, 1] },
      strings: { padding: "VALID", data_format: "NHWC" },
    };
    const one = tf.ones([1, 1, 1, 1]);
    try {
      run("_MklNativeConv2DWithBias", attributes, [one, one, tf.ones([1])]);
      return true;
    } catch (error) {
      // "No OpKernel registered" or "… not found": this TensorFlow does without; anything else is an error.
      if (/No OpKernel|No registered|not registered|Op type not/.test((error as Error).message)) return false;
      throw error;
    }
  });
}
