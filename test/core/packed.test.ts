import assert from "node:assert/strict";
import { test } from "node:test";
import { NameSet } from "../../dist/core/name-set.js";
import { Texts } from "../../dist/core/texts.js";

// Names as they are, short and long, beyond a block of the packed texts and several growths of the set.
const names = Array.from({ length: 20_000 }, (_, i) => (i % 7 === 0 ? "" : `söund ${"🎵".repeat(i % 3)}/${i}.wav`));

test("packed texts are those that were put in", () => {
  const texts = new Texts();
  for (const name of names) texts.push(name);
  assert.deepEqual(
    Array.from({ length: texts.length }, (_, i) => texts.at(i)),
    names,
  );
  assert.equal(texts.at(names.length), undefined);
});

test("a set of names holds what a Set holds", () => {
  const set = new NameSet();
  const known = new Set<string>();
  for (const name of names) {
    assert.equal(set.add(name), !known.has(name));
    known.add(name);
  }
  assert.equal(set.size, known.size);
  for (const name of names) assert.ok(set.has(name) && !set.has(`${name}x`));
});
