import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { createMemory, type Loops, loopsIn } from "../../dist/core/wasm-loops.js";
import { close } from "../support/close.js";

const memory = createMemory(65536);
const loops: Loops = loopsIn(memory);
const all = new Float32Array(memory.buffer);
const table = new Int32Array(memory.buffer);

const numbers = (blocks: number): fc.Arbitrary<number[]> =>
  fc.array(
    fc.integer({ min: -1e6, max: 1e6 }).map((n) => Math.fround(n / 1024)),
    { minLength: 4 * blocks, maxLength: 4 * blocks },
  );

test("multiply and power do what JavaScript does, and nothing beyond their end", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 20 }).chain((n) => fc.tuple(numbers(2 * n), numbers(2 * n))),
      ([a, b]) => {
        all.fill(7);
        all.set(a, 0);
        all.set(b, 1000);
        loops.multiply(0, 4000, 8000, 4 * a.length);
        assert.deepEqual(
          Array.from(all.subarray(2000, 2000 + a.length)),
          a.map((v, i) => Math.fround(v * b[i]!)),
        );
        assert.equal(all[2000 + a.length], 7);
        loops.power(0, 12000, 4 * a.length);
        const pairs = a.filter((_, i) => i % 2 === 0).map((v, i) => v * v + a[2 * i + 1]! ** 2);
        close(all.subarray(3000, 3000 + pairs.length), pairs, 0, 1e-6);
        assert.equal(all[3000 + pairs.length], 7);
      },
    ),
  );
});

test("bands are weighted sums of their own stretch", () => {
  const band = fc.record({
    from: fc.integer({ min: 0, max: 50 }),
    weights: fc.integer({ min: 1, max: 4 }).chain(numbers),
  });
  fc.assert(
    fc.property(numbers(20), fc.array(band, { minLength: 1, maxLength: 10 }), (values, list) => {
      all.fill(7);
      all.set(values, 0);
      list.forEach(({ from, weights }, i) => {
        table.set([4 * from, 4 * (from + weights.length)], 500 + 2 * i);
      });
      all.set(
        list.flatMap((b) => b.weights),
        1000,
      );
      loops.bands(2000, 2000 + 8 * list.length, 4000, 8000);
      const wanted = list.map(({ from, weights }) => weights.reduce((sum, w, i) => sum + w * values[from + i]!, 0));
      const size = list.map(({ from, weights }) =>
        weights.reduce((sum, w, i) => sum + Math.abs(w * values[from + i]!), 0),
      );
      for (let i = 0; i < list.length; i++) {
        assert.ok(Math.abs(all[2000 + i]! - wanted[i]!) <= 1e-5 * size[i]!, `band ${i}`);
      }
      assert.equal(all[2000 + list.length], 7);
    }),
  );
});

test("products are those of whole vectors, in the order asked for", () => {
  const bytes = new Int8Array(memory.buffer);
  const vector = fc.array(fc.integer({ min: -127, max: 127 }), { minLength: 32, maxLength: 32 });
  fc.assert(
    fc.property(fc.array(vector, { minLength: 1, maxLength: 9 }), fc.nat(8), (vectors, n) => {
      const one = n % vectors.length;
      const others = vectors.map((_, i) => (i * 5 + n) % vectors.length);
      table.fill(7);
      vectors.forEach((v, i) => {
        bytes.set(v, 1024 + 32 * i);
      });
      table.set(others, 0);
      loops.products(1024, 32, one, 0, 4 * others.length, 8192);
      const wanted = others.map((other) => vectors[other]!.reduce((sum, v, d) => sum + v * vectors[one]![d]!, 0));
      assert.deepEqual(Array.from(table.subarray(2048, 2048 + others.length)), wanted);
      assert.equal(table[2048 + others.length], 7);
    }),
  );
});
