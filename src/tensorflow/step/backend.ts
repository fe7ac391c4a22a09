import type { Tensor } from "@tensorflow/tfjs-core";

/** A tensor as the addon knows it. */
export interface Handle {
  id: number;
  shape: number[];
  dtype: number;
}

/** What steps use of the addon. */
export interface Binding {
  TF_FLOAT: number;
  TF_RESOURCE: number;
  TF_ATTR_TYPE: number;
  executeOp(op: string, attributes: unknown[], inputs: number[], outputs: number): Handle[] | number;
  deleteTensor(id: number): void;
  /** Missing, as all below, in an addon that was built before this library had them. */
  addFunction?(
    name: string,
    graph: Uint8Array,
    inputs: string[],
    outputs: string[],
    controls: string[],
    compile: boolean,
  ): void;
  removeFunction(name: string): void;
  keepAttributes(on: boolean): void;
  opAttributes(): Uint8Array;
  shareTensor(id: number): Handle;
}

export type Values = Float32Array | Int32Array | Uint8Array | Uint8Array[];

/** What steps use of tfjs-node's backend. */
export interface Backend {
  binding: Binding;
  isUsingGpuDevice: boolean;
  tensorMap: { has(dataId: object): boolean; get(dataId: object): { id: number; values: unknown } };
  getInputTensorIds(inputs: readonly Tensor[]): number[];
  createOutputTensor(output: Handle): Tensor;
  write(values: Values, shape: number[], dtype: string): object;
  readSync(dataId: object): Values;
  getDTypeInteger(dtype: string): number;
}
