import type { Tensor } from "@tensorflow/tfjs-core";
import type { TensorFlow } from "../kernels/types.js";
import type { Backend, Handle } from "./backend.js";
import { graphDef, nodeDef, shapeAttribute, tensorAttribute, typeAttribute } from "./proto.js";
import { type Argument, type Constant, type Origin, type Recording, Unrecordable } from "./recording.js";

/** A step that runs as one TensorFlow function. */
export interface StepFunction {
  /** Does what the recorded step did, on these inputs; `as` "recorded" with the recorded rates and seeds. */
  run(inputs: readonly Tensor[], as?: "recorded"): Tensor[];
  dispose(): void;
}

/** Constants of more numbers, all the same, are made when the step runs. */
const FILLED_FROM = 64;

/** A graph can't be larger than 2 GiB, and each constant is in memory several times while TensorFlow prepares it. */
const MOST_BYTES = 2 ** 28;

let serial = 0;

/** @throws Unrecordable where the step's constants are too large */
export function stepFunction(tf: TensorFlow, recording: Recording): StepFunction {
  const backend = tf.backend() as unknown as Backend;
  const name = `deep_audio_step_${serial++}`;
  const outputs = [...recording.results, ...recording.updates.map(({ value }) => value)];
  backend.binding.addFunction!(
    name,
    graphOf(backend, recording),
    recording.arguments.map((argument) => argument.name),
    outputs.map(reference),
    recording.effects,
    false,
  );
  return {
    run: (inputs, as) =>
      tf.tidy(() => {
        const given = recording.arguments.map(({ source }) => tensorOf(tf, source, inputs, as === "recorded"));
        const ids = backend.getInputTensorIds(given);
        const made = backend.binding.executeOp(name, [], ids, outputs.length) as Handle[];
        const tensors = made.map((handle) => backend.createOutputTensor(handle));
        recording.updates.forEach(({ variable }, i) => {
          const value = tensors[recording.results.length + i]!;
          variable.assign(value);
          value.dispose();
        });
        return tensors.slice(0, recording.results.length);
      }),
    dispose: () => backend.binding.removeFunction(name),
  };
}

/** Whether something that the step works on is gone, such as an optimizer's resources after it was restored. */
export function isStale(tf: TensorFlow, recording: Recording): boolean {
  const backend = tf.backend() as unknown as Backend;
  return recording.backend !== backend || recording.arguments.some(({ source }) => isGone(backend, source));
}

function isGone({ tensorMap }: Backend, source: Argument["source"]): boolean {
  if (source.kind === "variable") return source.variable.isDisposed;
  return source.kind === "tensor" && !tensorMap.has(source.dataId);
}

function tensorOf(tf: TensorFlow, source: Argument["source"], inputs: readonly Tensor[], recorded: boolean): Tensor {
  switch (source.kind) {
    case "input":
      return inputs[source.index]!;
    case "variable":
      return source.variable;
    case "tensor":
      // The backend asks for the data alone.
      return { dataId: source.dataId } as Tensor;
    case "rate":
      return tf.scalar(recorded ? source.value : source.read());
    case "seed":
      return tf.tensor1d(recorded ? source.value : source.read(), "int32");
  }
}

const reference = ({ node, output }: Origin): string => (output > 0 ? `${node}:${output}` : node);

function graphOf({ binding }: Backend, recording: Recording): Uint8Array {
  const placeholders = recording.arguments.map(({ name, dtype, shape }) => {
    const attributes = new Map([["dtype", typeAttribute(dtype)]]);
    if (dtype !== binding.TF_RESOURCE) attributes.set("shape", shapeAttribute(shape));
    return nodeDef(name, "Placeholder", [], attributes);
  });
  const constants = recording.constants.flatMap(constantNodes);
  if (constants.reduce((sum, { length }) => sum + length, 0) > MOST_BYTES) {
    throw new Unrecordable(`its constants take more than ${MOST_BYTES / 2 ** 20} MiB`);
  }
  const ops = recording.ops.map(({ name, op, inputs, after, attributes }) =>
    nodeDef(name, op, [...inputs.map(reference), ...after.map((before) => `^${before}`)], attributes),
  );
  return graphDef([...placeholders, ...constants, ...ops]);
}

function constantNodes({ name, dtype, shape, values }: Constant): Buffer[] {
  const constant = (name: string, dtype: number, shape: readonly number[], bytes: Uint8Array): Buffer =>
    nodeDef(
      name,
      "Const",
      [],
      new Map([
        ["dtype", typeAttribute(dtype)],
        ["value", tensorAttribute(dtype, shape, bytes)],
      ]),
    );
  const bytesOf = (values: Constant["values"]): Uint8Array =>
    new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  if (values.length < FILLED_FROM || !isUniform(values)) return [constant(name, dtype, shape, bytesOf(values))];
  const INT32 = 3;
  return [
    constant(`${name}/shape`, INT32, [shape.length], bytesOf(Int32Array.from(shape))),
    constant(`${name}/value`, dtype, [], bytesOf(values.slice(0, 1))),
    nodeDef(name, "Fill", [`${name}/shape`, `${name}/value`], new Map([["T", typeAttribute(dtype)]])),
  ];
}

/** Whether all numbers are the same, 0 and −0 being two. */
const isUniform = (values: Constant["values"]): boolean => values.every((value) => Object.is(value, values[0]));
