import type { Tensor, Variable } from "@tensorflow/tfjs-core";
import { asStep, type SeedPair } from "../kernels/step-inputs.js";
import type { TensorFlow } from "../kernels/types.js";
import type { Backend, Handle, Values } from "./backend.js";
import { layerNames } from "./layer-names.js";
import { type OpAttributes, readAttributes } from "./proto.js";

/** Where a tensor of a step comes from: an output of an op, an argument or a constant. */
export interface Origin {
  node: string;
  output: number;
}

/** An op of a step. */
export interface RecordedOp {
  name: string;
  op: string;
  attributes: OpAttributes;
  inputs: Origin[];
  /** Ops that must have run before, for what they do. */
  after: string[];
}

/** A tensor that is another one in each step. */
export interface Argument {
  name: string;
  shape: readonly number[];
  dtype: number;
  source:
    | { kind: "input"; index: number }
    | { kind: "variable"; variable: Variable }
    /** Something that lived before the step and is no variable, such as a resource of the optimizer. */
    | { kind: "tensor"; dataId: object }
    | { kind: "rate"; name: string; read: () => number; value: number }
    | { kind: "seed"; layer: string; read: () => SeedPair; value: SeedPair };
}

/** Numbers that were made in JavaScript during the step. */
export interface Constant {
  name: string;
  shape: readonly number[];
  dtype: number;
  values: Exclude<Values, Uint8Array[]>;
  /** The layer that they were made in. */
  layer: string;
}

/** One step, op by op. */
export interface Recording {
  /** What it ran on. */
  backend: object;
  ops: RecordedOp[];
  arguments: Argument[];
  constants: Constant[];
  /** The tensors that the step gave back. */
  results: Origin[];
  /** Variables that the step set, and what to. */
  updates: { variable: Variable; value: Origin }[];
  /** Ops that run for what they do. */
  effects: string[];
}

/** A step can't be recorded; the message says why. */
export class Unrecordable extends Error {}

/**
 * Runs `step` and records what it did, in TensorFlow's ops.
 *
 * Everything is as if it had just run. `inputs` must share their data with no other tensor, nor may variables.
 * @returns what it gave, and its recording or why there is none
 */
export function record(
  tf: TensorFlow,
  inputs: readonly Tensor[],
  step: () => Tensor[],
): { results: Tensor[]; recording: Recording | Unrecordable } {
  const recorder = new Recorder(tf, inputs);
  const results = recorder.run(step);
  try {
    return { results, recording: recorder.finish(results) };
  } catch (error) {
    if (error instanceof Unrecordable) return { results, recording: error };
    throw error;
  }
}

type Fresh = { values: Values; shape: number[]; dtype: string; layer: string };

class Recorder {
  private readonly backend: Backend;
  private readonly variables: Variable[];
  private readonly before: object[];
  /** What a tensor's data is that was there before the step, or that changes from step to step. */
  private readonly known = new Map<object, Argument["source"]>();
  /** Data made in JavaScript during the step. */
  private readonly fresh = new Map<object, Fresh>();
  /** Of the data that became an argument or a constant. */
  private readonly placed = new Map<object, Origin>();
  /** Of the outputs of ops, by the addon's numbers for tensors. */
  private readonly outputs = new Map<number, Origin>();
  /** TensorFlow's variables that were made during the step, by their nodes, and the addon's numbers for them. */
  private readonly handles = new Map<string, number>();
  /** Arguments that are variables of TensorFlow's. */
  private readonly resources = new Set<string>();
  private readonly lastWith = new Map<string, string>();
  private readonly layers;
  private problem: Unrecordable | undefined;
  private readonly recording: Recording;

  constructor(
    private readonly tf: TensorFlow,
    inputs: readonly Tensor[],
  ) {
    this.backend = tf.backend() as unknown as Backend;
    const none = { ops: [], arguments: [], constants: [], results: [], updates: [], effects: [] };
    this.recording = { backend: this.backend, ...none };
    this.layers = layerNames(tf);
    this.variables = Object.values(tf.engine().registeredVariables);
    this.before = this.variables.map(({ dataId }) => dataId);
    this.variables.forEach((variable) => void this.known.set(variable.dataId, { kind: "variable", variable }));
    inputs.forEach(({ dataId }, index) => void this.known.set(dataId, { kind: "input", index }));
  }

  /** Runs the step with ears at the backend. */
  run(step: () => Tensor[]): Tensor[] {
    const { backend } = this;
    const { binding, getInputTensorIds, write, readSync } = backend;
    let last: { ids: number[]; tensors: readonly Tensor[] } = { ids: [], tensors: [] };
    const listening = {
      getInputTensorIds: (tensors: readonly Tensor[]): number[] => {
        const ids = getInputTensorIds.call(backend, tensors);
        last = { ids, tensors };
        return ids;
      },
      write: (values: Values, shape: number[], dtype: string): object => {
        const dataId = write.call(backend, values, shape, dtype);
        this.fresh.set(dataId, { values, shape, dtype, layer: this.layers.current() });
        return dataId;
      },
      readSync: (dataId: object): Values => {
        if (!this.fresh.has(dataId)) this.fail("reads data in the middle of a step");
        return readSync.call(backend, dataId);
      },
      binding: Object.create(binding, {
        executeOp: {
          value: (op: string, attributes: unknown[], ids: number[], count: number) => {
            const out = binding.executeOp(op, attributes, ids, count);
            if (last.ids === ids) this.op(op, binding.opAttributes(), last.tensors, ids, out);
            else this.fail(`runs ${op} on data of its own`);
            return out;
          },
        },
      }),
    };
    binding.keepAttributes(true);
    Object.assign(backend, listening);
    try {
      return this.layers.watch(() => asStep(this.tf, step, this));
    } finally {
      binding.keepAttributes(false);
      backend.binding = binding;
      for (const name of ["getInputTensorIds", "write", "readSync"] as const)
        delete (backend as Partial<Backend>)[name];
    }
  }

  rate(scalar: Tensor, name: string, read: () => number): void {
    this.known.set(scalar.dataId, { kind: "rate", name, read, value: read() });
  }

  seed(seed: Tensor, given: number | undefined, read: () => SeedPair): void {
    const value = Array.from(seed.dataSync()) as SeedPair;
    const layer = this.layers.top() as { name: string; seed?: number } | undefined;
    // A seed that isn't the layer's own stays what it is; where it is another in the next step, that is found out.
    if (given !== undefined && layer?.seed !== given) return;
    const again = given === undefined ? read : (): SeedPair => [layer!.seed! | 0, 0];
    this.known.set(seed.dataId, { kind: "seed", layer: this.layers.current(), read: again, value });
  }

  finish(results: readonly Tensor[]): Recording {
    const { recording } = this;
    recording.results = results.map((tensor) => this.origin(tensor));
    this.variables.forEach((variable, i) => {
      const gone = variable.isDisposed || variable.dataId === this.before[i];
      if (!gone) recording.updates.push({ variable, value: this.origin(variable) });
    });
    if ([...this.handles.values()].some((id) => this.lives(id))) this.fail("makes a variable that stays");
    if (this.problem) throw this.problem;
    return recording;
  }

  private lives(id: number): boolean {
    const { binding } = this.backend;
    try {
      binding.deleteTensor(binding.shareTensor(id).id);
      return true;
    } catch {
      return false;
    }
  }

  private fail(what: string): void {
    this.problem ??= new Unrecordable(`${this.layers.current()} ${what}`);
  }

  private op(
    op: string,
    attributes: Uint8Array,
    tensors: readonly Tensor[],
    ids: number[],
    out: Handle[] | number,
  ): void {
    const { recording } = this;
    const name = `${this.layers.scope()}/${op.replace(/^_+/, "")}_${recording.ops.length}`;
    const inputs = tensors.map((tensor, i) => this.origin(tensor, ids[i]));
    const resources = inputs.map(({ node }) => node).filter((node) => this.isResource(node));
    const after = new Set<string>();
    for (const resource of resources) {
      const before = this.lastWith.get(resource);
      if (before) after.add(before);
      this.lastWith.set(resource, name);
    }
    if (resources.length > 0) recording.effects.push(name);
    recording.ops.push({ name, op, attributes: readAttributes(attributes), inputs, after: [...after] });
    const made = typeof out === "number" ? [out] : out.map(({ id }) => id);
    made.forEach((id, output) => void this.outputs.set(id, { node: name, output }));
    if (op === "VarHandleOp") this.handles.set(name, made[0]!);
  }

  private isResource(node: string): boolean {
    return this.handles.has(node) || this.resources.has(node);
  }

  private origin({ dataId }: Tensor, id?: number): Origin {
    const placed = this.placed.get(dataId);
    if (placed) return placed;
    const source = this.known.get(dataId);
    if (source) return this.argument(dataId, source);
    const fresh = this.fresh.get(dataId);
    if (fresh) return this.constant(dataId, fresh);
    const made = this.outputs.get(id ?? this.backend.tensorMap.get(dataId)?.id ?? -1);
    return made ?? this.argument(dataId, { kind: "tensor", dataId });
  }

  private argument(dataId: object, source: Argument["source"]): Origin {
    const { binding, tensorMap } = this.backend;
    const shared = binding.shareTensor(tensorMap.get(dataId).id);
    binding.deleteTensor(shared.id);
    const name = `${source.kind}_${this.recording.arguments.length}`;
    if (shared.dtype === binding.TF_RESOURCE) this.resources.add(name);
    this.recording.arguments.push({ name, shape: shared.shape, dtype: shared.dtype, source });
    return this.place(dataId, name);
  }

  private constant(dataId: object, { values, shape, dtype, layer }: Fresh): Origin {
    const name = `constant_${this.recording.constants.length}`;
    if (Array.isArray(values)) this.fail("makes texts");
    else {
      const type = this.backend.getDTypeInteger(dtype);
      this.recording.constants.push({ name, shape, dtype: type, values: values.slice(), layer });
    }
    return this.place(dataId, name);
  }

  private place(dataId: object, node: string): Origin {
    const origin = { node, output: 0 };
    this.placed.set(dataId, origin);
    return origin;
  }
}
