// TensorBoard's event files: TFRecords of tensorflow/core/util/event.proto.
import { bytesField, doubleField, floatField, numberField } from "./protobuf.js";
import { frameRecord, RECORD_HEAD, RECORD_OVERHEAD } from "./tfrecord.js";

/** What every event file begins with. `seconds` are those since 1970. */
export const eventFileHead = (seconds: number): Uint8Array =>
  record([doubleField(1, seconds), bytesField(3, "brain.Event:2")]);

/** Numbers by their names, at a step. `seconds` are those since 1970. */
export function scalarEvent(seconds: number, step: number, values: Readonly<Record<string, number>>): Uint8Array {
  const summary = Object.entries(values).map(([tag, value]) =>
    bytesField(1, Buffer.concat([bytesField(1, tag), floatField(2, value)])),
  );
  return record([doubleField(1, seconds), numberField(2, step), bytesField(5, Buffer.concat(summary))]);
}

function record(fields: readonly Buffer[]): Uint8Array {
  const payload = Buffer.concat(fields);
  const bytes = new Uint8Array(payload.length + RECORD_OVERHEAD);
  bytes.set(payload, RECORD_HEAD);
  frameRecord(bytes, 0, payload.length);
  return bytes;
}
