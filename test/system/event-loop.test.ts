import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { scanIndex } from "../../dist/sources/index-csv.js";
import { inTurns } from "../../dist/system/event-loop.js";

/** How many turns the event loop has while something works. */
async function turnsDuring(work: () => Promise<unknown>): Promise<number> {
  let turns = 0;
  let working = true;
  const count = (): void => {
    turns++;
    if (working) setImmediate(count);
  };
  setImmediate(count);
  await work();
  working = false;
  return turns;
}

test("every item is visited in order, with a turn of the event loop after each thousand", async () => {
  const items = Array.from({ length: 3500 }, (_, i) => i);
  const visited: number[] = [];
  const turns = await turnsDuring(() => inTurns(items, (item) => void visited.push(item)));
  assert.deepEqual(visited, items);
  assert.equal(turns, 3);
  const slow: number[] = [];
  await inTurns(new Set([1, 2, 3]), async (item) => {
    await new Promise((resolve) => setTimeout(resolve, 5 - item));
    slow.push(item);
  });
  assert.deepEqual(slow, [1, 2, 3]);
});

test("reading an index of 20,000 rows leaves the event loop its turns", async () => {
  const folder = mkdtempSync(join(tmpdir(), "turns-"));
  try {
    for (const side of ["in", "out"]) mkdirSync(join(folder, side));
    writeFileSync(join(folder, "set"), Array.from({ length: 20_000 }, (_, i) => `a${i}.wav,b${i}.wav\n`).join(""));
    const turns = await turnsDuring(async () => {
      const { index, problems } = await scanIndex(folder, "set", "pairs");
      assert.deepEqual([index.rows.length, problems], [20_000, []]);
    });
    // Twenty thousands, gone through to read them, to look at each column's names and for links, and for doubles.
    assert.ok(turns >= 6 * 20, `${turns} turns`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
