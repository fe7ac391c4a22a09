import assert from "node:assert/strict";
import { test } from "node:test";
import { parseSidecar, sidecarText } from "../../dist/original/sidecar.js";

const facts = { name: "set", examples: 4, samples: { max: 800 }, sampleRate: 8000, inputSize: 256 };

test("a sidecar of which any bit has flipped is not what it should be, and becomes so again", () => {
  // As json.dump of the original writes it, but for blanks.
  const right = '{"size":4,"length":0.1,"sample_rate":8000,"input_size":256}';
  assert.equal(sidecarText(right, facts), right);
  for (let at = 0; at < right.length; at++) {
    for (let bit = 0; bit < 7; bit++) {
      const flipped = `${right.slice(0, at)}${String.fromCharCode(right.charCodeAt(at) ^ (1 << bit))}${right.slice(at + 1)}`;
      const fixed = sidecarText(flipped, facts);
      assert.ok(fixed !== undefined, `${flipped}: taken for another file`);
      const { size, length, sample_rate: rate, input_size: inputSize } = JSON.parse(fixed);
      assert.deepEqual([size, length, rate, inputSize], [4, 0.1, 8000, 256]);
      assert.notEqual(JSON.stringify(parseSidecar(flipped)), fixed, flipped);
    }
  }
  for (const other of ["", "notes on the set", '{"length":', '["size","length"]'])
    assert.equal(sidecarText(other, facts), undefined, other);
});
