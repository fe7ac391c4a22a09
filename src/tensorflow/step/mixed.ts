import { typeAttribute } from "./proto.js";
import type { Origin, RecordedOp, Recording } from "./recording.js";

const FLOAT = 1;
const BFLOAT16 = 14;

/** Products of matrices and convolutions, and which of their inputs are numbers, not sizes. */
const PRODUCTS: Record<string, readonly number[]> = {
  MatMul: [0, 1],
  BatchMatMulV2: [0, 1],
  Conv2D: [0, 1],
  Conv2DBackpropInput: [1, 2],
  Conv2DBackpropFilter: [0, 2],
};

/** Convolutions that add the bias and may take the relu: they have no form for bfloat16 everywhere. */
const FUSED = new Set(["_FusedConv2D", "_MklNativeFusedConv2D", "_MklNativeConv2DWithBias"]);

const CONVOLUTION = ["strides", "dilations", "padding", "data_format", "explicit_paddings"];

/**
 * The same step with its products of matrices and convolutions in bfloat16: their inputs are rounded to 8 bits, their
 * sums and everything else stay float32, weights and the optimizer's numbers too. bfloat16 has float32's range, so that no
 * loss has to be scaled.
 */
export function inBfloat16(recording: Recording): Recording {
  return { ...recording, ops: recording.ops.flatMap(rounded) };
}

/** Whether anything of the step is a product. */
export function hasProducts({ ops }: Recording): boolean {
  return ops.some(({ op }) => op in PRODUCTS || FUSED.has(op));
}

function rounded(op: RecordedOp): RecordedOp[] {
  if (FUSED.has(op.op)) return unfused(op);
  const places = PRODUCTS[op.op];
  if (!places || !isFloat(op)) return [op];
  return product(op, places, op.name);
}

/** The op on rounded inputs; its output, float32 again, gets the name. */
function product(op: RecordedOp, places: readonly number[], name: string): RecordedOp[] {
  const casts = places.map((place) => cast(`${op.name}/rounded_${place}`, op.inputs[place]!, FLOAT, BFLOAT16));
  const inputs = op.inputs.map((input, i) => (places.includes(i) ? output(`${op.name}/rounded_${i}`) : input));
  const attributes = new Map([...op.attributes, ["T", typeAttribute(BFLOAT16)]] as [string, Uint8Array][]);
  const inner = `${op.name}/bfloat16`;
  return [...casts, { ...op, name: inner, attributes, inputs }, cast(name, output(inner), BFLOAT16, FLOAT)];
}

function unfused(op: RecordedOp): RecordedOp[] {
  const { name, attributes } = op;
  const [x, filter, bias] = op.inputs as [Origin, Origin, Origin];
  const kept = [...attributes].filter(([key]) => CONVOLUTION.includes(key));
  const relu = Buffer.from(attributes.get("fused_ops") ?? []).includes("Relu");
  const sum = relu ? `${name}/sum` : name;
  const convolution = { ...op, op: "Conv2D", inputs: [x, filter], attributes: new Map(kept) };
  const float: [string, Uint8Array] = ["T", typeAttribute(FLOAT)];
  const format = kept.filter(([key]) => key === "data_format");
  const product_ = product(convolution, PRODUCTS.Conv2D!, `${name}/product`);
  const after: RecordedOp[] = [
    {
      name: sum,
      op: "BiasAdd",
      inputs: [output(`${name}/product`), bias],
      after: [],
      attributes: new Map([float, ...format]),
    },
  ];
  if (relu) after.push({ name, op: "Relu", inputs: [output(sum)], after: [], attributes: new Map([float]) });
  return [...product_, ...after];
}

const output = (node: string): Origin => ({ node, output: 0 });

const isFloat = ({ attributes }: RecordedOp): boolean =>
  Buffer.from(typeAttribute(FLOAT)).equals(attributes.get("T") ?? new Uint8Array());

const cast = (name: string, input: Origin, from: number, to: number): RecordedOp => ({
  name,
  op: "Cast",
  inputs: [input],
  after: [],
  attributes: new Map([
    ["SrcT", typeAttribute(from)],
    ["DstT", typeAttribute(to)],
  ]),
});
