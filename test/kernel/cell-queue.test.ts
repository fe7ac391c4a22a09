import assert from "node:assert/strict";
import { test } from "node:test";
import { createCellQueue } from "../../dist/kernel/cell-queue.js";

test("cells run one after the other; those queued before one failed are refused, later ones run", async () => {
  const ran: string[] = [];
  let atOnce = 0;
  const queue = createCellQueue<string, string>(
    async (cell) => {
      assert.equal(++atOnce, 1, "two at once");
      await new Promise((resolve) => setImmediate(resolve));
      ran.push(cell);
      atOnce--;
      return cell.startsWith("bad") ? "error" : "ok";
    },
    (cell, reply) => reply === "error" && cell !== "bad but tolerated",
    () => "aborted",
  );
  const replies = await Promise.all(["a", "bad but tolerated", "b", "bad", "c", "d"].map((cell) => queue.add(cell)));
  assert.deepEqual(replies, ["ok", "error", "ok", "error", "aborted", "aborted"]);
  assert.equal(await queue.add("e"), "ok");
  assert.deepEqual(ran, ["a", "bad but tolerated", "b", "bad", "e"]);
});

test("a cell whose running throws fails alone", async () => {
  const queue = createCellQueue<number, number>(
    async (cell) => {
      if (cell === 1) throw new Error("broken");
      return cell;
    },
    () => false,
    () => -1,
  );
  const [first, second] = await Promise.allSettled([queue.add(1), queue.add(2)]);
  assert.equal(first.status, "rejected");
  assert.deepEqual(second, { status: "fulfilled", value: 2 });
});
