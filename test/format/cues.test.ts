import assert from "node:assert/strict";
import { test } from "node:test";
import { readCues } from "../../dist/format/cues.js";

/** A wav at 8 kHz with one cue point at sample 800, and any number in its count. */
function wavWithCues(count: number): Buffer {
  const chunk = (id: string, ...numbers: number[]): Buffer => {
    const bytes = Buffer.alloc(8 + 4 * numbers.length);
    bytes.write(id, "latin1");
    bytes.writeUInt32LE(bytes.length - 8, 4);
    for (const [i, number] of numbers.entries()) bytes.writeUInt32LE(number, 8 + 4 * i);
    return bytes;
  };
  const data = Buffer.from("data").readUInt32LE();
  const body = Buffer.concat([
    Buffer.from("WAVE"),
    chunk("fmt ", 0x10001, 8000, 16000, 0x100002),
    chunk("cue ", count, 1, 800, data, 0, 0, 800),
    chunk("data"),
  ]);
  const head = Buffer.from("RIFF\0\0\0\0");
  head.writeUInt32LE(body.length, 4);
  return Buffer.concat([head, body]);
}

test("a cue chunk that counts more points than it has room for is an error, not four billion points", () => {
  assert.deepEqual(
    readCues(wavWithCues(1), "a.wav").map(({ onset, label }) => [onset, label]),
    [[0.1, "1"]],
  );
  for (const count of [2, 2 ** 32 - 1]) {
    assert.throws(() => readCues(wavWithCues(count), "a.wav"), {
      code: "LABEL",
      message: `cue points: ${count}, expected at most the 1 that fit into their chunk (a.wav); write the file again`,
    });
  }
});
