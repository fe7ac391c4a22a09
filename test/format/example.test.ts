import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  decodeExample,
  decodeFeatures,
  encodeExample,
  exampleWriter,
  type Feature,
} from "../../dist/format/example.js";
import { python } from "../support/python.js";

const feature: fc.Arbitrary<Feature> = fc.oneof(
  fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 3 }).map((values): Feature => ({ kind: "bytes", values })),
  fc.float32Array({ maxLength: 50 }).map((values): Feature => ({ kind: "float", values })),
  fc
    .array(fc.oneof(fc.maxSafeInteger(), fc.integer({ min: -3, max: 300 })), { maxLength: 20 })
    .map((values): Feature => ({ kind: "int64", values: Float64Array.from(values) })),
  fc.constant<Feature>({ kind: "empty" }),
);
const name = fc.stringMatching(/^[a-z_äß√]{1,12}$/);
const features = fc.dictionary(name, feature, { maxKeys: 5, noNullPrototype: true });

function plain(value: ReadonlyMap<string, Feature>): Record<string, unknown> {
  const shown = (f: Feature): unknown => {
    if (f.kind === "bytes") return { bytes: f.values.map((v) => Buffer.from(v).toString("hex")) };
    if (f.kind === "empty") return {};
    return { [f.kind]: Array.from(f.values, (v) => (Number.isFinite(v) ? v : String(v).toLowerCase())) };
  };
  // Unlike an assignment, this takes the name __proto__ for a name.
  return Object.fromEntries([...value].sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, f]) => [key, shown(f)]));
}

const DESCRIBE = `
import base64, math
from tensorflow.core.example import example_pb2
def number(v): return v if math.isfinite(v) else {"inf": "infinity", "-inf": "-infinity", "nan": "nan"}[str(v)]
def describe(raw):
    e = example_pb2.Example.FromString(raw)
    out = {}
    for k in e.features.feature:
        f = e.features.feature[k]
        kind = f.WhichOneof("kind")
        if kind is None: out[k] = {}
        elif kind == "bytes_list": out[k] = {"bytes": [v.hex() for v in f.bytes_list.value]}
        elif kind == "float_list": out[k] = {"float": [number(v) for v in f.float_list.value]}
        else: out[k] = {"int64": list(f.int64_list.value)}
    return out
`;

test("what is written is read back, at any place in a larger buffer, with the data where it is said to be", () => {
  fc.assert(
    fc.property(features, fc.nat(40), (original, shift) => {
      const writer = exampleWriter(original);
      const bytes = new Uint8Array(writer.bytes + shift + 7);
      const places = writer.write(bytes, shift);
      const read = decodeExample(bytes, shift, shift + writer.bytes);
      assert.deepEqual(plain(read), plain(new Map(Object.entries(original))));
      for (const [key, f] of read) {
        assert.equal(f.entryAt, places.get(key)!.entryAt);
        assert.equal(f.entryEnd, places.get(key)!.entryEnd);
        if (f.kind === "bytes" && f.values.length > 0) {
          assert.equal(f.dataAt, places.get(key)!.dataAt);
          assert.deepEqual(bytes.subarray(f.dataAt, f.dataAt + f.dataBytes), f.values[0]);
        }
        assert.deepEqual(plain(decodeFeatures(bytes, f.entryAt, f.entryEnd)), plain(new Map([[key, f]])));
      }
    }),
  );
});

test("TensorFlow reads our examples to the same values and writes the same bytes", () => {
  // Names of one length: which of two names comes first where one begins the other is TensorFlow's own affair.
  const evenly = fc.dictionary(fc.stringMatching(/^[a-z_]{3}$/), feature, { maxKeys: 5, noNullPrototype: true });
  const cases = fc.sample(evenly, { numRuns: 100, seed: 7 });
  // TensorFlow is asked for the order of the names.
  const sorted = cases.map((c) => Object.fromEntries(Object.entries(c).sort(([a], [b]) => (a < b ? -1 : 1))));
  const encoded = sorted.map((c) => encodeExample(c));
  const expected = python(
    `${DESCRIBE}
print(json.dumps([[describe(base64.b64decode(x)), base64.b64encode(
    example_pb2.Example.FromString(base64.b64decode(x)).SerializeToString(deterministic=True)).decode()] for x in input]))`,
    encoded.map((e) => Buffer.from(e).toString("base64")),
  );
  cases.forEach((c, i) => {
    assert.deepEqual(expected[i][0], plain(new Map(Object.entries(c))));
    assert.equal(Buffer.from(encoded[i]!).toString("base64"), expected[i][1]);
  });
});

test("TensorFlow's examples are read: any order of the map, lists not packed, unknown fields, big and negative numbers", () => {
  const made = python(`${DESCRIBE}
import tensorflow as tf
F, B, L, I = tf.train.Feature, tf.train.BytesList, tf.train.FloatList, tf.train.Int64List
def example(**k): return tf.train.Example(features=tf.train.Features(feature=k)).SerializeToString()
plainly = example(z=F(int64_list=I(value=[-1, -2**53, 2**53 - 1, 0])), a=F(bytes_list=B(value=[b"", b"xyz"])), m=F(float_list=L(value=[1.5, -0.1])))
def field(n, body): return bytes([n << 3 | 2, len(body)]) + body
unpacked = field(2, b"\\x0d\\x00\\x00\\xc0\\x3f\\x0d\\x00\\x00\\x80\\xbf")           # two floats, a tag each
ints = field(3, b"\\x08\\x07\\x08\\x96\\x01")
entry = lambda k, f: field(1, field(1, k) + field(2, f))
unknown = b"\\x48\\x05" + field(10, b"??") + b"\\x5d\\x01\\x02\\x03\\x04" + b"\\x61" + b"\\x00" * 8
odd = unknown + field(1, entry(b"z", unpacked) + unknown + entry(b"b", ints) + entry(b"a", field(1, field(1, b"hi"))))
print(json.dumps([[base64.b64encode(x).decode(), describe(x)] for x in (plainly, odd)]))`);
  for (const [bytes, expected] of made) {
    assert.deepEqual(plain(decodeExample(Buffer.from(bytes, "base64"))), expected);
  }
});

test("an example cut short or torn is an error, never a wrong value", () => {
  const whole = encodeExample({
    a_in: { kind: "bytes", values: [new Uint8Array(300)] },
    id: { kind: "int64", values: [70000] },
  });
  for (let end = 1; end < whole.length; end++) {
    assert.throws(() => decodeExample(whole, 0, end, "N0.tfrecord, example 3"), {
      name: "DatasetError",
      code: "RECORD",
      message: /expected .*\(N0.tfrecord, example 3\)$/,
    });
  }
  assert.throws(() => decodeExample(Uint8Array.of(0x0b)), { code: "RECORD", message: /^wire type 3/ });
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (noise) => {
      try {
        decodeExample(noise);
      } catch (error) {
        assert.equal((error as { code?: string }).code, "RECORD");
      }
    }),
    { numRuns: 2000 },
  );
  assert.throws(() => encodeExample({ id: { kind: "int64", values: [0.5] } }), {
    code: "OPTION",
    message: "id: 0.5, expected a whole number below 2^53",
  });
});
