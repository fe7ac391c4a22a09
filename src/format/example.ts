import { DatasetError } from "../core/error.js";

/** One named feature of a tf.train.Example; "empty" is a feature without any list, which protobuf allows. */
export type Feature =
  | { kind: "bytes"; values: Uint8Array[] }
  | { kind: "float"; values: Float32Array }
  | { kind: "int64"; values: Float64Array | readonly number[] }
  | { kind: "empty" };

/** A feature and where it lies in the bytes it was read from. */
export type StoredFeature = Feature & {
  /** Start and end of the whole map entry. */
  entryAt: number;
  entryEnd: number;
  /** Start of the list's data (a bytes list's first value, a packed list's first number), or -1 where it isn't in one piece. */
  dataAt: number;
  /** Bytes of that data. */
  dataBytes: number;
};

const utf8 = new TextEncoder();
const fromUtf8 = new TextDecoder();

/** Where a feature went: its list's data and its whole map entry. */
export interface FeaturePlace {
  dataAt: number;
  entryAt: number;
  entryEnd: number;
}

/** An Example to write: its size, and the writing. */
export interface ExampleWriter {
  bytes: number;
  /** Writes the example at `target[at …]` and returns where each feature's data and entry went. */
  write(target: Uint8Array, at: number): Map<string, FeaturePlace>;
}

/**
 * Prepares a tf.train.Example for writing straight into a larger buffer. Features are written in the order given, numeric
 * lists packed, so the same features always give the same bytes (and TensorFlow's own).
 */
export function exampleWriter(features: Readonly<Record<string, Feature>>): ExampleWriter {
  const entries = Object.entries(features).map(([name, feature]) => sizedEntry(name, feature));
  const inner = entries.reduce((sum, e) => sum + 1 + varintBytes(e.bytes) + e.bytes, 0);
  return {
    bytes: 1 + varintBytes(inner) + inner,
    write: (target, start) => {
      const places = new Map<string, FeaturePlace>();
      target[start] = 0x0a;
      let at = writeVarint(target, start + 1, inner);
      for (const entry of entries) {
        const entryAt = at;
        target[at] = 0x0a;
        at = writeVarint(target, at + 1, entry.bytes);
        const dataAt = writeEntry(target, at, entry);
        at += entry.bytes;
        places.set(entry.name, { dataAt, entryAt, entryEnd: at });
      }
      return places;
    },
  };
}

/** Serializes a tf.train.Example. */
export function encodeExample(features: Readonly<Record<string, Feature>>): Uint8Array {
  const writer = exampleWriter(features);
  const bytes = new Uint8Array(writer.bytes);
  writer.write(bytes, 0);
  return bytes;
}

interface Entry {
  name: string;
  key: Uint8Array;
  feature: Feature;
  /** Bytes of the entry's body, of the Feature message in it, of the list in that and of the packed numbers. */
  bytes: number;
  featureBytes: number;
  listBytes: number;
  packed: number;
}

/** The same few features are in every example. */
const encodedKeys = new Map<string, Uint8Array>();

function encodedKey(name: string): Uint8Array {
  let key = encodedKeys.get(name);
  if (!key) {
    key = utf8.encode(name);
    if (encodedKeys.size < 64) encodedKeys.set(name, key);
  }
  return key;
}

function sizedEntry(name: string, feature: Feature): Entry {
  const key = encodedKey(name);
  let packed = 0;
  let listBytes = 0;
  if (feature.kind === "bytes") {
    for (const v of feature.values) listBytes += 1 + varintBytes(v.length) + v.length;
  } else if (feature.kind !== "empty") {
    if (feature.kind === "float") packed = feature.values.length * 4;
    else for (const v of feature.values) packed += v < 0 ? 10 : varintBytes(checkedInteger(v, name));
    listBytes = packed === 0 ? 0 : 1 + varintBytes(packed) + packed;
  }
  const featureBytes = feature.kind === "empty" ? 0 : 1 + varintBytes(listBytes) + listBytes;
  const bytes = 1 + varintBytes(key.length) + key.length + 1 + varintBytes(featureBytes) + featureBytes;
  return { name, key, feature, bytes, featureBytes, listBytes, packed };
}

function checkedInteger(value: number, name: string): number {
  if (Number.isSafeInteger(value)) return value;
  throw new DatasetError("OPTION", `${name}: ${value}, expected a whole number below 2^53`);
}

/** Writes an entry's body and returns where its list's data begins. */
function writeEntry(target: Uint8Array, start: number, entry: Entry): number {
  const { feature } = entry;
  let at = start;
  target[at] = 0x0a;
  at = writeVarint(target, at + 1, entry.key.length);
  target.set(entry.key, at);
  at += entry.key.length;
  target[at] = 0x12;
  at = writeVarint(target, at + 1, entry.featureBytes);
  if (feature.kind === "empty") return at;
  target[at] = feature.kind === "bytes" ? 0x0a : feature.kind === "float" ? 0x12 : 0x1a;
  at = writeVarint(target, at + 1, entry.listBytes);
  let dataAt = at;
  if (feature.kind === "bytes") {
    feature.values.forEach((value, i) => {
      target[at] = 0x0a;
      at = writeVarint(target, at + 1, value.length);
      if (i === 0) dataAt = at;
      target.set(value, at);
      at += value.length;
    });
  } else if (entry.packed > 0) {
    target[at] = 0x0a;
    at = writeVarint(target, at + 1, entry.packed);
    dataAt = at;
    if (feature.kind === "int64") for (const v of feature.values) at = writeInt64(target, at, v);
    else writeFloats(target, at, feature.values);
  }
  return dataAt;
}

function writeFloats(target: Uint8Array, at: number, values: Float32Array): void {
  const view = new DataView(target.buffer, target.byteOffset + at, values.length * 4);
  for (let i = 0; i < values.length; i++) view.setFloat32(i * 4, values[i]!, true);
}

function varintBytes(value: number): number {
  let bytes = 1;
  for (let v = value; v >= 128; v = Math.floor(v / 128)) bytes++;
  return bytes;
}

function writeVarint(target: Uint8Array, start: number, value: number): number {
  let at = start;
  let v = value;
  for (; v >= 128; v = Math.floor(v / 128)) target[at++] = (v % 128) | 128;
  target[at++] = v;
  return at;
}

function writeInt64(target: Uint8Array, start: number, value: number): number {
  if (value >= 0) return writeVarint(target, start, value);
  let v = BigInt.asUintN(64, BigInt(value));
  let at = start;
  for (; v >= 128n; v >>= 7n) target[at++] = Number(v & 127n) | 128;
  target[at++] = Number(v);
  return at;
}

/**
 * Reads a tf.train.Example from `bytes[start..end)`: features in any order, unknown fields skipped, lists packed or not.
 * Bytes values are views of `bytes`, not copies. Integers beyond 2^53 become the nearest number.
 *
 * @param where shard, example and offset, for messages
 * @throws DatasetError "RECORD" when the bytes aren't a complete Example
 */
export function decodeExample(
  bytes: Uint8Array,
  start = 0,
  end: number = bytes.length,
  where = "example",
): Map<string, StoredFeature> {
  const reader: Reader = { bytes, at: start, where };
  const features = new Map<string, StoredFeature>();
  fields(reader, end, (field, wire, from, to) => {
    if (field === 1 && wire === 2) for (const [k, v] of decodeFeatures(bytes, from, to, where)) features.set(k, v);
  });
  return features;
}

/** Reads the entries of a Features message, or any run of whole entries cut out of one, from `bytes[start..end)`. */
export function decodeFeatures(
  bytes: Uint8Array,
  start: number,
  end: number,
  where = "example",
): Map<string, StoredFeature> {
  const reader: Reader = { bytes, at: start, where };
  const features = new Map<string, StoredFeature>();
  let entryAt = start;
  fields(reader, end, (field, wire, from, to) => {
    if (field === 1 && wire === 2) {
      let name = "";
      let feature: StoredFeature = { kind: "empty", entryAt, entryEnd: to, dataAt: -1, dataBytes: 0 };
      fields({ bytes, at: from, where }, to, (inner, innerWire, a, b) => {
        if (inner === 1 && innerWire === 2) name = fromUtf8.decode(bytes.subarray(a, b));
        else if (inner === 2 && innerWire === 2) feature = { ...feature, ...decodeFeature(bytes, a, b, where) };
      });
      features.set(name, feature);
    }
    entryAt = to;
  });
  return features;
}

type Data = Feature & { dataAt: number; dataBytes: number };

function decodeFeature(bytes: Uint8Array, start: number, end: number, where: string): Data {
  let result: Data = { kind: "empty", dataAt: -1, dataBytes: 0 };
  fields({ bytes, at: start, where }, end, (field, wire, from, to) => {
    if (wire !== 2) return;
    if (field === 1) result = decodeBytesList(bytes, from, to, where);
    else if (field === 2) result = decodeFloatList(bytes, from, to, where);
    else if (field === 3) result = decodeInt64List(bytes, from, to, where);
  });
  return result;
}

function decodeBytesList(bytes: Uint8Array, start: number, end: number, where: string): Data {
  const values: Uint8Array[] = [];
  let dataAt = -1;
  fields({ bytes, at: start, where }, end, (field, wire, from, to) => {
    if (field !== 1 || wire !== 2) return;
    if (values.length === 0) dataAt = from;
    values.push(bytes.subarray(from, to));
  });
  return { kind: "bytes", values, dataAt, dataBytes: values[0]?.length ?? 0 };
}

function decodeFloatList(bytes: Uint8Array, start: number, end: number, where: string): Data {
  const parts: [number, number][] = [];
  fields({ bytes, at: start, where }, end, (field, wire, from, to) => {
    if (field === 1 && (wire === 2 || wire === 5)) parts.push([from, to]);
  });
  const total = parts.reduce((sum, [a, b]) => sum + b - a, 0);
  const joined = new Uint8Array(total);
  let at = 0;
  for (const [a, b] of parts) {
    joined.set(bytes.subarray(a, b), at);
    at += b - a;
  }
  if (total % 4 !== 0) fail(where, `float list: ${total} bytes, expected a multiple of 4`);
  const single = parts.length === 1;
  return {
    kind: "float",
    values: new Float32Array(joined.buffer),
    dataAt: single ? parts[0]![0] : -1,
    dataBytes: total,
  };
}

function decodeInt64List(bytes: Uint8Array, start: number, end: number, where: string): Data {
  const values: number[] = [];
  fields({ bytes, at: start, where }, end, (field, wire, from, to) => {
    if (field !== 1) return;
    const reader: Reader = { bytes, at: from, where };
    if (wire === 0 || wire === 2) while (reader.at < to) values.push(readInt64(reader, to));
  });
  return { kind: "int64", values: Float64Array.from(values), dataAt: -1, dataBytes: 0 };
}

interface Reader {
  bytes: Uint8Array;
  at: number;
  where: string;
}

/** Calls `each` with every field of a message and the range of its value; checks that all of them end within `end`. */
function fields(
  reader: Reader,
  end: number,
  each: (field: number, wire: number, from: number, to: number) => void,
): void {
  while (reader.at < end) {
    const tag = readVarint(reader, end);
    const wire = tag & 7;
    let from = reader.at;
    let to: number;
    if (wire === 2) {
      const length = readVarint(reader, end);
      from = reader.at;
      to = from + length;
    } else if (wire === 0) {
      readInt64(reader, end);
      to = reader.at;
    } else if (wire === 1 || wire === 5) {
      to = from + (wire === 1 ? 8 : 4);
    } else {
      fail(reader.where, `wire type ${wire} at byte ${from}, expected 0, 1, 2 or 5`);
    }
    if (to > end) fail(reader.where, `field of ${to - from} bytes at byte ${from}, expected at most ${end - from}`);
    each(Math.floor(tag / 8), wire, from, to);
    reader.at = to;
  }
}

/** A length or tag: an unsigned varint below 2^53. */
function readVarint(reader: Reader, end: number): number {
  const value = readInt64(reader, end);
  if (value < 0 || value > Number.MAX_SAFE_INTEGER) fail(reader.where, `length ${value}, expected at most 2^53`);
  return value;
}

function readInt64(reader: Reader, end: number): number {
  const { bytes } = reader;
  let value = 0;
  let scale = 1;
  const start = reader.at;
  for (let i = 0; i < 10; i++) {
    if (reader.at >= end) break;
    const byte = bytes[reader.at++]!;
    value += (byte & 127) * scale;
    if (byte < 128) return i < 7 ? value : bigInt64(bytes, start, reader.at);
    scale *= 128;
  }
  return fail(reader.where, `number at byte ${start} doesn't end, expected at most 10 bytes`);
}

/** Nearest double of a varint too long for exact float arithmetic (all negative numbers are). */
function bigInt64(bytes: Uint8Array, start: number, end: number): number {
  let value = 0n;
  for (let i = end - 1; i >= start; i--) value = (value << 7n) | BigInt(bytes[i]! & 127);
  return Number(BigInt.asIntN(64, value));
}

function fail(where: string, message: string): never {
  throw new DatasetError("RECORD", `${message} (${where})`);
}
