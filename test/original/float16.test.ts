import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fromFloat16, toFloat16 } from "../../dist/original/float16.js";
import { python, root } from "../support/python.js";

const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
const bytesOf = (a: Float32Array): Uint8Array => new Uint8Array(a.buffer, a.byteOffset, a.byteLength);

test("every int16 becomes the half float that the original stores", () => {
  const all = Int16Array.from({ length: 65536 }, (_, i) => i - 32768);
  const expected = python(`
import hashlib, numpy as np, tensorflow as tf
x = tf.constant(np.arange(-32768, 32768, dtype=np.int16).astype(np.float32) / 32768)
print(json.dumps(hashlib.sha256(tf.cast(x, tf.float16).numpy().tobytes()).hexdigest()))`);
  assert.equal(sha256(toFloat16(all)), expected);
  const edge = JSON.parse(readFileSync(join(root, "test/fixtures/original/edge_int16/expected.json"), "utf8"));
  for (const [value, half] of edge.int16_to_float16_bits) {
    const bytes = toFloat16(Int16Array.of(value));
    assert.equal(bytes[0]! | (bytes[1]! << 8), half);
  }
});

test("floats are rounded as TensorFlow casts: ties, subnormals, overflow, signed zero", () => {
  const words = Uint32Array.from({ length: 200000 }, (_, i) => Math.imul(i, 2654435761));
  const ties = Float32Array.of(
    0,
    -0,
    1 + 2 ** -11,
    1 + 3 * 2 ** -11,
    2 ** -25,
    3 * 2 ** -25,
    65519.996,
    65520,
    -1e30,
    1,
  );
  const values = Float32Array.from([...new Float32Array(words.buffer), ...ties]).filter((v) => !Number.isNaN(v));
  const expected = python(
    `
import base64, hashlib, numpy as np, tensorflow as tf
x = np.frombuffer(base64.b64decode(input), "<f4")
print(json.dumps(hashlib.sha256(tf.cast(tf.constant(x), tf.float16).numpy().tobytes()).hexdigest()))`,
    Buffer.from(bytesOf(values)).toString("base64"),
  );
  assert.equal(sha256(toFloat16(values)), expected);
});

test("all 65,536 half floats are read as numpy reads them", () => {
  const all = Uint16Array.from({ length: 65536 }, (_, i) => i).filter((h) => (h & 0x7fff) <= 0x7c00);
  const expected = python(
    `
import hashlib, numpy as np
x = np.arange(65536, dtype=np.uint16).view(np.float16).astype(np.float32)
print(json.dumps(hashlib.sha256(x[~np.isnan(x)].tobytes()).hexdigest()))`,
  );
  assert.equal(sha256(bytesOf(fromFloat16(new Uint8Array(all.buffer)))), expected);
  assert.ok(Number.isNaN(fromFloat16(Uint8Array.of(1, 0x7e))[0]));
});
