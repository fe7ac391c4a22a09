import type { Argument, Recording } from "./recording.js";

/**
 * How two recordings of the same step differ, in words, or undefined: then the step is the same each time, apart from its
 * arguments.
 */
export function difference(a: Recording, b: Recording): string | undefined {
  for (const [i, op] of a.ops.entries()) {
    const other = b.ops[i];
    const same =
      other &&
      op.name === other.name &&
      equal(op.inputs, other.inputs) &&
      equal(op.after, other.after) &&
      sameBytes(op.attributes, other.attributes);
    if (!same) return `${placeOf(op.name)} does something else in each step`;
  }
  if (a.ops.length !== b.ops.length) return "another number of operations in each step";
  for (const [i, constant] of a.constants.entries()) {
    const { values } = b.constants[i]!;
    // A constant's name is the same by now. Bits, since NaN is not itself and 0 is −0.
    if (!Buffer.from(bits(constant.values)).equals(bits(values))) {
      return `${constant.layer} makes numbers in JavaScript that are others in each step`;
    }
  }
  const moved = a.arguments.find(({ source }, i) => !sameSource(source, b.arguments[i]!.source));
  if (moved) return "a tensor that is no variable is another one in each step";
  if (!equal(a.results, b.results) || !equal(namesOf(a), namesOf(b))) return "other variables are set in each step";
  return undefined;
}

const namesOf = ({ updates }: Recording): unknown => updates.map(({ variable, value }) => [variable.id, value]);

const placeOf = (node: string): string => `"${node.split("/")[0]}"`;

const equal = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

const bits = ({ buffer, byteOffset, byteLength }: Recording["constants"][number]["values"]): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength);

function sameBytes(a: ReadonlyMap<string, Uint8Array>, b: ReadonlyMap<string, Uint8Array>): boolean {
  return (
    a.size === b.size && [...a].every(([key, value]) => Buffer.from(value).equals(b.get(key) ?? new Uint8Array(1)))
  );
}

function sameSource(a: Argument["source"], b: Argument["source"]): boolean {
  if (a.kind === "variable") return b.kind === "variable" && a.variable === b.variable;
  if (a.kind === "tensor") return b.kind === "tensor" && a.dataId === b.dataId;
  if (a.kind === "input") return b.kind === "input" && a.index === b.index;
  return a.kind === b.kind && (a.kind !== "rate" || (b.kind === "rate" && a.name === b.name));
}
