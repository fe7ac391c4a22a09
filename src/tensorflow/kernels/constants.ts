import type { Tensor } from "@tensorflow/tfjs-core";
import type { Native } from "./native.js";

/** Tensors of more numbers are no constants. */
const MOST_NUMBERS = 8;

/** How many constants are kept. */
const MOST_CONSTANTS = 512;

/** What this file uses of tfjs-node's backend. */
interface Backend {
  binding: {
    createTensor(shape: number[], dtype: number, values: Values): number;
    deleteTensor(id: number): void;
  };
  tensorMap: { has(dataId: object): boolean; get(dataId: object): Data };
  getInputTensorIds(inputs: readonly Partial<Tensor>[]): number[];
  disposeData(dataId: object, force?: boolean): boolean;
}

type Values = Float32Array | Int32Array;

/** What the backend keeps of a tensor: its numbers until an op first takes it, then TensorFlow's tensor. */
interface Data {
  shape: number[];
  dtype: number;
  values: unknown;
  id: number;
  constant?: Constant;
}

interface Constant {
  id: number;
  uses: number;
}

/**
 * Lets small tensors of the same numbers share one of TensorFlow's.
 *
 * A training step makes fifty of them: shapes, axes, rates. Each is copied to a GPU, which takes as long as an op there.
 */
export function sharedConstants({ tf }: Native): void {
  const prototype = Object.getPrototypeOf(tf.backend()) as Backend;
  const { getInputTensorIds, disposeData } = prototype;
  const kept = new WeakMap<Backend, Map<string, Constant>>();

  prototype.getInputTensorIds = function (inputs) {
    for (const { dataId } of inputs) {
      const data = dataId && this.tensorMap.get(dataId);
      if (data && isSmall(data.values)) share(this, data, data.values);
    }
    return getInputTensorIds.call(this, inputs);
  };

  prototype.disposeData = function (dataId, force) {
    const data = this.tensorMap.has(dataId) ? this.tensorMap.get(dataId) : undefined;
    if (!data?.constant) return disposeData.call(this, dataId, force);
    const { constant } = data;
    // Without an id the backend has nothing to give back to TensorFlow.
    data.id = -1;
    const gone = disposeData.call(this, dataId, force);
    if (gone) constant.uses--;
    else data.id = constant.id;
    return gone;
  };

  function share(backend: Backend, data: Data, values: Values): void {
    const constants = kept.get(backend) ?? new Map<string, Constant>();
    kept.set(backend, constants);
    // Bits, since 0 and −0 are two constants.
    const bits = new Int32Array(values.buffer, values.byteOffset, values.length);
    const key = `${data.dtype}:${data.shape}:${bits}`;
    let constant = constants.get(key);
    if (!constant) {
      if (constants.size >= MOST_CONSTANTS && !dropOne(backend, constants)) return;
      // A copy: TensorFlow's tensor may have the array's own memory, which its owner may write to.
      constant = { id: backend.binding.createTensor(data.shape, data.dtype, values.slice()), uses: 0 };
    }
    // The newest stand last.
    constants.delete(key);
    constants.set(key, constant);
    constant.uses++;
    Object.assign(data, { id: constant.id, values: null, constant });
  }
}

function isSmall(values: unknown): values is Values {
  return (values instanceof Float32Array || values instanceof Int32Array) && values.length <= MOST_NUMBERS;
}

/** Makes room by the constant that was asked for the longest time ago, of those that no tensor uses. */
function dropOne(backend: Backend, constants: Map<string, Constant>): boolean {
  for (const [key, { id, uses }] of constants) {
    if (uses > 0) continue;
    backend.binding.deleteTensor(id);
    return constants.delete(key);
  }
  return false;
}
