// As much of protocol buffers as a GraphDef takes (tensorflow/core/framework/graph.proto, node_def.proto,
// attr_value.proto, tensor.proto).
import { bytesField, numberField } from "../../format/protobuf.js";

/** The version of GraphDef's producer. Below it TensorFlow reads some ops as their forebears. */
const PRODUCER = 1800;

const shapeOf = (shape: readonly number[]): Buffer => Buffer.concat(shape.map((n) => bytesField(2, numberField(1, n))));

/** Attributes of an op by name, each a serialized AttrValue. */
export type OpAttributes = ReadonlyMap<string, Uint8Array>;

export const typeAttribute = (dtype: number): Uint8Array => numberField(6, dtype);

export const shapeAttribute = (shape: readonly number[]): Uint8Array => bytesField(7, shapeOf(shape));

/** A tensor of these bytes, in TensorFlow's order of them. */
export const tensorAttribute = (dtype: number, shape: readonly number[], bytes: Uint8Array): Uint8Array =>
  bytesField(8, Buffer.concat([numberField(1, dtype), bytesField(2, shapeOf(shape)), bytesField(4, bytes)]));

/** A node of a graph; inputs are "node", "node:1" for its second output, and "^node" for one to come after. */
export function nodeDef(name: string, op: string, inputs: readonly string[], attributes: OpAttributes): Buffer {
  const entry = ([key, value]: [string, Uint8Array]): Buffer =>
    bytesField(5, Buffer.concat([bytesField(1, key), bytesField(2, value)]));
  return bytesField(
    1,
    Buffer.concat([
      bytesField(1, name),
      bytesField(2, op),
      ...inputs.map((input) => bytesField(3, input)),
      ...[...attributes].map(entry),
    ]),
  );
}

export const graphDef = (nodes: readonly Buffer[]): Buffer =>
  Buffer.concat([...nodes, bytesField(4, numberField(1, PRODUCER))]);

/** The attributes of a NameAttrList, sorted by their names; protocol buffers write a map in any order. */
export function readAttributes(list: Uint8Array): OpAttributes {
  const found = new Map<string, Uint8Array>();
  for (const [field, entry] of fields(list)) {
    if (field !== 2) continue;
    const parts = new Map(fields(entry));
    found.set(Buffer.from(parts.get(1) ?? []).toString(), parts.get(2) ?? new Uint8Array());
  }
  return new Map([...found].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** The fields of a message all of whose fields are bytes. */
function* fields(message: Uint8Array): Generator<[field: number, value: Uint8Array]> {
  let at = 0;
  const next = (): number => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = message[at++]!;
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
  };
  while (at < message.length) {
    const field = next() >> 3;
    const length = next();
    yield [field, message.subarray(at, at + length)];
    at += length;
  }
}
