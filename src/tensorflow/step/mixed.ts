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
  return ops.some((op) => FUSED.has(op.op) || isProduct(op));
}

const isProduct = ({ op, attributes }: RecordedOp): boolean =>
  op in PRODUCTS && Buffer.from(typeAttribute(FLOAT)).equals(attributes.get("T") ?? new Uint8Array());

function rounded(op: RecordedOp): RecordedOp[] {
  if (FUSED.has(op.op)) return unfused(op);
  return isProduct(op) ? product(op, op.name) : [op];
}

/** The op on rounded inputs; its output, float32 again, gets the name. */
function product(op: RecordedOp, name: string): RecordedOp[] {
  const places = PRODUCTS[op.op]!;
  const casts = places.map((place) => cast(`${op.name}/rounded_${place}`, op.inputs[place]!, FLOAT, BFLOAT16));
  const inputs = op.inputs.map((input, i) => (places.includes(i) ? output(`${op.name}/rounded_${i}`) : input));
  const attributes = new Map([...op.attributes, ["T", typeAttribute(BFLOAT16)] as const]);
  const inner = `${op.name}/bfloat16`;
  return [...casts, { ...op, name: inner, attributes, inputs }, cast(name, output(inner), BFLOAT16, FLOAT)];
}

/** A convolution, its bias and its relu, each by itself. */
function unfused({ name, attributes, inputs, after }: RecordedOp): RecordedOp[] {
  const [x, filter, bias] = inputs as [Origin, Origin, Origin];
  const kept = [...attributes].filter(([key]) => CONVOLUTION.includes(key));
  const format = kept.filter(([key]) => key === "data_format");
  const float = ["T", typeAttribute(FLOAT)] as const;
  const relu = Buffer.from(attributes.get("fused_ops") ?? []).includes("Relu");
  const [convolved, sum] = [`${name}/product`, relu ? `${name}/sum` : name];
  return [
    ...product({ name, op: "Conv2D", inputs: [x, filter], after, attributes: new Map(kept) }, convolved),
    node(sum, "BiasAdd", [output(convolved), bias], [float, ...format]),
    ...(relu ? [node(name, "Relu", [output(sum)], [float])] : []),
  ];
}

const output = (node: string): Origin => ({ node, output: 0 });

const node = (
  name: string,
  op: string,
  inputs: Origin[],
  attributes: readonly (readonly [string, Uint8Array])[],
): RecordedOp => ({ name, op, inputs, after: [], attributes: new Map(attributes) });

const cast = (name: string, input: Origin, from: number, to: number): RecordedOp =>
  node(
    name,
    "Cast",
    [input],
    [
      ["SrcT", typeAttribute(from)],
      ["DstT", typeAttribute(to)],
    ],
  );
