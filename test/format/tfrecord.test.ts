import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { crc32c } from "../../dist/format/crc32c.js";
import { checkPayload, frameRecord, RECORD_HEAD, RECORD_OVERHEAD, recordLength } from "../../dist/format/tfrecord.js";
import { python } from "../support/python.js";

function file(payloads: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(payloads.reduce((sum, p) => sum + p.length + RECORD_OVERHEAD, 0));
  let at = 0;
  for (const payload of payloads) {
    bytes.set(payload, at + RECORD_HEAD);
    at = frameRecord(bytes, at, payload.length);
  }
  assert.equal(at, bytes.length);
  return bytes;
}

test("records are the bytes of TensorFlow's own writer, and its reader takes them", () => {
  const folder = mkdtempSync(join(tmpdir(), "tfrecord-"));
  try {
    const payloads = ["", "a", "ab".repeat(5000), "\u0000\u00ff"].map((t) => new TextEncoder().encode(t));
    const path = join(folder, "ours.tfrecord");
    writeFileSync(path, file(payloads));
    const read = python(
      `
import tensorflow as tf
got = [r.numpy() for r in tf.data.TFRecordDataset(input)]
with tf.io.TFRecordWriter(input + ".theirs") as w:
    for r in got: w.write(r)
print(json.dumps([r.hex() for r in got]))`,
      path,
    );
    assert.deepEqual(
      read,
      payloads.map((p) => Buffer.from(p).toString("hex")),
    );
    assert.deepEqual(readFileSync(`${path}.theirs`), readFileSync(path));
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("known checksums of pieces give the same record", () => {
  const payload = fc.uint8Array({ minLength: 1, maxLength: 300 });
  fc.assert(
    fc.property(payload, fc.array(fc.nat(300), { maxLength: 6 }), (data, cuts) => {
      const whole = file([data]);
      const ends = cuts.map((cut) => cut % data.length).sort((a, b) => a - b);
      const pieces = [];
      for (let i = 0; i + 1 < ends.length; i += 2) {
        const [from, to] = [ends[i]!, ends[i + 1]!];
        pieces.push({ at: RECORD_HEAD + from, bytes: to - from, crc: crc32c(data, from, to) });
      }
      const bytes = new Uint8Array(whole.length);
      bytes.set(data, RECORD_HEAD);
      frameRecord(bytes, 0, data.length, pieces);
      assert.deepEqual(bytes, whole);
    }),
  );
});

test("one changed bit in a record is found and named", () => {
  const payload = fc.uint8Array({ maxLength: 100 });
  fc.assert(
    fc.property(payload, fc.nat(), (data, where) => {
      const bytes = file([data]);
      assert.equal(recordLength(bytes, 0, "here"), data.length);
      checkPayload(bytes, 0, data.length, "here");
      const bit = where % (bytes.length * 8);
      bytes[bit >> 3]! ^= 1 << (bit & 7);
      const message = bit < RECORD_HEAD * 8 ? /^length checksum: .*\(here\)$/ : /^data checksum: .*\(here\)$/;
      assert.throws(
        () => {
          recordLength(bytes, 0, "here");
          checkPayload(bytes, 0, data.length, "here");
        },
        { name: "DatasetError", code: "RECORD", message },
      );
    }),
  );
});
