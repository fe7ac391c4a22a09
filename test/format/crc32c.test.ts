import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { crc32c, joinCrc32c, maskedCrc32c } from "../../dist/format/crc32c.js";
import { python } from "../support/python.js";

test("CRC-32C gives the values of RFC 3720, appendix B.4", () => {
  const up = Uint8Array.from({ length: 32 }, (_, i) => i);
  // An iSCSI read command
  const command = new Uint8Array(48);
  command.set([0x01, 0xc0], 0);
  command.set([0x14], 16);
  command.set([0, 0, 4, 0, 0, 0, 0, 0x14, 0, 0, 0, 0x18, 0x28], 20);
  command.set([2], 40);
  assert.equal(crc32c(new Uint8Array(32)), 0x8a9136aa);
  assert.equal(crc32c(new Uint8Array(32).fill(255)), 0x62a8ab43);
  assert.equal(crc32c(up), 0x46dd794e);
  assert.equal(crc32c(up.slice().reverse()), 0x113fdb5c);
  assert.equal(crc32c(command), 0xd9963a56);
  assert.equal(crc32c(new TextEncoder().encode("123456789")), 0xe3069283);
  assert.equal(crc32c(new Uint8Array(0)), 0);
});

test("CRC-32C of any range equals the bit by bit definition, whole or in two parts", () => {
  const bitwise = (bytes: Uint8Array): number => {
    let crc = 0xffffffff;
    for (const byte of bytes) {
      crc ^= byte;
      for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
    }
    return ~crc >>> 0;
  };
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(200), fc.nat(200), (bytes, a, b) => {
      const start = Math.min(a, bytes.length);
      const middle = Math.min(start + b, bytes.length);
      assert.equal(crc32c(bytes, start), bitwise(bytes.subarray(start)));
      assert.equal(crc32c(bytes, middle, bytes.length, crc32c(bytes, start, middle)), crc32c(bytes, start));
    }),
  );
});

test("the checksum of two pieces follows from theirs", () => {
  const piece = fc.uint8Array({ maxLength: 5000 });
  fc.assert(
    fc.property(piece, piece, (a, b) => {
      assert.equal(joinCrc32c(crc32c(a), crc32c(b), b.length), crc32c(Buffer.concat([a, b])));
    }),
  );
  const zeros = new Uint8Array(3 << 20);
  assert.equal(joinCrc32c(crc32c(zeros), crc32c(zeros), zeros.length), crc32c(new Uint8Array(6 << 20)));
});

test("the masked checksum is TensorFlow's", () => {
  const inputs = ["", "a", "deep audio", "x".repeat(1000)];
  const expected = python(
    `
import struct, tempfile, tensorflow as tf
out = []
for text in input:
    path = tempfile.mktemp()
    with tf.io.TFRecordWriter(path) as w: w.write(text.encode())
    out.append(struct.unpack("<I", open(path, "rb").read()[-4:])[0])
print(json.dumps(out))`,
    inputs,
  );
  assert.deepEqual(
    inputs.map((text) => maskedCrc32c(new TextEncoder().encode(text))),
    expected,
  );
});
