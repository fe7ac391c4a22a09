import assert from "node:assert/strict";
import { test } from "node:test";
import { drive, errorsOf, runCells, textOf } from "./drive.js";

const FOREVER = "while (true) {}";
const PAUSE = "await new Promise<void>((resolve) => setTimeout(resolve, 50));";

test("an error is a Jupyter error whose traceback points into the cell's own text", async () => {
  const cells = await runCells(
    "interface Shape {\n  sides: number;\n}\n\nfunction area(shape: Shape): number {\n  throw new RangeError(`no area for ${shape.sides}`);\n}",
    "const three: Shape = { sides: 3 };\n\narea(three);",
    `${PAUSE}\nconst x: number = 1;\n(null as any).sides;`,
    'throw new Error("outer", { cause: new TypeError("inner") })',
    'throw "a text"',
    "1",
  );
  const [error] = errorsOf(cells[1]);
  assert.equal(error!.ename, "RangeError");
  assert.equal(error!.evalue, "no area for 3");
  const lines = error!.traceback.split("\n");
  assert.equal(lines[0], "RangeError: no area for 3");
  assert.equal(lines[1], "    at area (cell [1]:6:9)");
  assert.ok(lines.includes("----> 6   throw new RangeError(`no area for ${shape.sides}`);"), error!.traceback);
  assert.ok(lines.includes("    at cell [2]:3:1"), error!.traceback);
  assert.ok(!/tslab|node:|dist.kernel/.test(error!.traceback), error!.traceback);
  const { ename, evalue, status } = cells[1]!.reply;
  assert.deepEqual({ ename, evalue, status }, { ename: "RangeError", evalue: "no area for 3", status: "error" });

  assert.equal(errorsOf(cells[2])[0]!.ename, "TypeError");
  assert.match(errorsOf(cells[2])[0]!.traceback, /----> 3 \(null as any\)\.sides;/);
  assert.match(errorsOf(cells[3])[0]!.traceback, /caused by TypeError: inner/);
  assert.equal(errorsOf(cells[4])[0]!.evalue, "'a text'");
  assert.equal(cells[5]!.reply.status, "ok");
});

test("a type error names its line, and the cell does not run", async () => {
  const cells = await runCells('console.log("ran");\n\nconst n: number = "text";', "1");
  const [error] = errorsOf(cells[0]);
  assert.equal(error!.ename, "TypeScriptError");
  assert.equal(error!.evalue, "Type 'string' is not assignable to type 'number'. (line 3)");
  assert.match(error!.traceback, /----> 3 const n: number = "text";/);
  assert.equal(textOf(cells[0]), "");
});

test("late errors show in the cell they come from", async () => {
  const { cells } = await drive([
    ["send", 'setTimeout(() => {\n  throw new Error("late");\n}, 100);'],
    ["wait"],
    ["sleep", 0.5],
    ["send", 'void Promise.reject(new Error("nobody awaits me"))'],
    ["wait"],
    ["send", "1 + 1"],
    ["wait"],
  ]);
  const [late] = errorsOf(cells[0]);
  assert.equal(late!.evalue, "late");
  assert.match(late!.traceback, /----> 2 {3}throw new Error\("late"\);/);
  assert.equal(cells[0]!.reply.status, "ok");
  assert.equal(errorsOf(cells[1])[0]!.evalue, "nobody awaits me");
  // Its data ends with a DatasetError, or the cell ends first: whichever comes before the other.
  assert.match(cells[1]!.reply.ename, /^(DatasetError|Interrupted)$/, cells[1]!.reply.evalue);
  assert.equal(textOf(cells[3]), "true 0\n");
  assert.equal(textOf(cells[4]), "4\n");
});

test("a property's short form finds the variables of earlier cells, and the cell's own first", async () => {
  const cells = await runCells(
    "const rate = 1;\nlet size = 2;\nfunction twice(n: number): number { return 2 * n; }",
    "console.log(JSON.stringify({ rate, size, four: twice(2) }), typeof { twice }.twice, typeof { process }.process.pid);",
    "((size: number) => console.log({ rate, size }.size))(9);\nsize = 3;\nconsole.log({ size });",
    "let a = 0;\n({ a } = { a: 5 });\nconsole.log(a);",
    'const inner = { rate, deep: { size } };\nthrow new RangeError("line 2");',
  );
  assert.equal(textOf(cells[1]), '{"rate":1,"size":2,"four":4} function number\n');
  assert.equal(textOf(cells[2]), "9\n{ size: 3 }\n");
  assert.equal(textOf(cells[3]), "5\n");
  assert.match(errorsOf(cells[4])[0]!.traceback, /----> 2 throw new RangeError/);
});
