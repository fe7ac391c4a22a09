import assert from "node:assert/strict";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { drive, errorsOf, kernelFolder, type Cell, runCells, textOf } from "./drive.js";

const resultOf = (cell: Cell | undefined, type = "text/plain"): string | undefined =>
  cell?.outputs.find((output) => output.type === "execute_result")?.data[type];

test("what a failed or interrupted cell has defined stays, with its type; what it hasn't reached stays as it was", async () => {
  const { cells } = await drive([
    ["send", 'const v = "old"; const w = "old"; interface Kept { a: number }'],
    ["wait"],
    [
      "send",
      'interface Later { b: number }\nimport * as path from "path";\nfunction double(n: number) { return 2 * n; }\nclass Box { size = 3; }\nconst v = { n: 1 };\nif (v.n === 1) throw new Error("x");\nconst w = 5, never2 = 6;',
    ],
    ["wait"],
    ["send", "v.toUpperCase()"],
    ["wait"],
    ["send", 'const b: Later = { b: v.n };\n[b, v, w.toUpperCase(), double(4), new Box().size, path.basename("/x/y")]'],
    ["wait"],
    ["send", "never2"],
    ["wait"],
    ["send", 'const model = { w: 1 };\nconsole.log("running");\nawait new Promise(() => setInterval(() => {}, 1000));'],
    ["text"],
    ["interrupt"],
    ["wait"],
    ["send", "model.w + 1"],
    ["wait"],
    ["send", 'let forced = "yes";\nconsole.log("running");\nwhile (true) {}'],
    ["text"],
    ["interrupt"],
    ["wait"],
    ["send", "forced.length"],
    ["wait"],
  ]);
  assert.equal(errorsOf(cells[1])[0]!.evalue, "x");
  assert.match(errorsOf(cells[2])[0]!.evalue, /^Property 'toUpperCase' does not exist on type '\{ n: number; \}'/);
  assert.equal(resultOf(cells[3]), "[ { b: 1 }, { n: 1 }, 'OLD', 8, 3, 'y' ]");
  assert.match(errorsOf(cells[4])[0]!.evalue, /^Cannot find name 'never2'/);
  assert.equal(errorsOf(cells[5])[0]!.ename, "Interrupted");
  assert.equal(resultOf(cells[6]), "2");
  assert.equal(resultOf(cells[8]), "3");
});

test("stacks point into the cell's own text wherever they are read; errors of syntax are called so", async () => {
  const cells = await runCells(
    "try {\n  (null as any).foo;\n} catch (e) {\n  console.error(e);\n}",
    'const fault = (): Error => new Error("shown");\nfault()',
    "fault().stack",
    "const a = ;\nconst b: string = 5;",
  );
  assert.match(textOf(cells[0], "stderr"), /^TypeError: Cannot read [^\n]*\n {4}at cell \[1\]:2:17\n$/);
  assert.equal(resultOf(cells[1]), "Error: shown\n    at fault (cell [2]:1:28)\n    at cell [2]:2:1");
  assert.equal(resultOf(cells[2]), "'Error: shown\\n    at fault (cell [2]:1:28)\\n    at cell [3]:1:1'");
  const errors = errorsOf(cells[3]);
  assert.deepEqual([errors[0]!.ename, errors[0]!.evalue], ["SyntaxError", "Expression expected. (line 1)"]);
  assert.match(errors[0]!.traceback, /----> 1 const a = ;/);
  assert.doesNotMatch(errors[0]!.traceback, /assignable/);
});

test("cells import from other folders and by full names, and may say export", async (t) => {
  const folder = kernelFolder();
  t.after(() => rmSync(folder, { recursive: true }));
  mkdirSync(join(folder, "notes"));
  mkdirSync(join(folder, "my"));
  writeFileSync(
    join(folder, "my/file.ts"),
    'import { seven } from "./more.js";\nexport const up: number = 10 * seven;\n',
  );
  writeFileSync(join(folder, "my/more.ts"), "export const seven = 7;\n");
  writeFileSync(join(folder, "notes/here.ts"), "export const here = 1;\n");
  const { cells } = await drive(
    [
      ["send", 'import { up } from "../my/file";\nimport { here } from "./here.ts";\nup + here'],
      ["wait"],
      ["send", '(await import("../my/more.ts")).seven'],
      ["wait"],
      ["send", "export const kept = 4;\nexport function f() { return kept; }\nexport default f;\nexport { up };"],
      ["wait"],
      ["send", "kept + f()"],
      ["wait"],
    ],
    join(folder, "notes"),
  );
  assert.deepEqual(
    cells.map((cell) => [cell.reply.status, resultOf(cell)]),
    [
      ["ok", "71"],
      ["ok", "7"],
      ["ok", "[Function: f]"],
      ["ok", "8"],
    ],
  );
});

test("output belongs to the cell that began what writes it, in the order of writing", async () => {
  const { cells } = await drive([
    [
      "send",
      'let say!: () => void;\nconst said = new Promise<void>((r) => (say = r)).then(() => console.log("of cell 1"));',
    ],
    ["wait"],
    ["send", "say();\nawait said;"],
    ["wait"],
    ["send", 'console.log("a"); console.error("b"); console.log("c");'],
    ["wait"],
    [
      "send",
      'const stop = setInterval(() => {\n  console.log("tick");\n  clearInterval(stop);\n  go();\n}, 1);\nlet go!: () => void;\nconst gone = new Promise<void>((r) => (go = r));',
    ],
    ["wait"],
    ["send", 'await gone;\nconsole.log("after");'],
    ["wait"],
  ]);
  // Before Node 24 it isn't known who began a promise.
  const follows = Number(process.versions.node.split(".")[0]) >= 24;
  assert.deepEqual(
    cells.slice(0, 2).map((cell) => textOf(cell)),
    follows ? ["of cell 1\n", ""] : ["", "of cell 1\n"],
  );
  assert.deepEqual(
    cells[2]!.outputs.filter(({ type }) => type === "stream").map(({ name, text }) => [name, text]),
    [
      ["stdout", "a\n"],
      ["stderr", "b\n"],
      ["stdout", "c\n"],
    ],
  );
  assert.equal(textOf(cells[3]), "tick\n");
  assert.equal(textOf(cells[4]), "after\n");
});

test("what child processes print shows in the cell", async () => {
  const [cell] = await runCells(
    `import { execFileSync, execSync, spawn, spawnSync } from "node:child_process";
const child = spawn("sh", ["-c", "echo out; echo err >&2"], { stdio: "inherit" });
await new Promise((resolve) => child.on("close", resolve));
spawnSync("echo", ["sync"], { stdio: "inherit" });
execSync("echo exec; echo e2 >&2", { stdio: "inherit" });
execFileSync("echo", ["kept"], { encoding: "utf8" });`,
  );
  assert.equal(textOf(cell), "out\nsync\nexec\n");
  assert.equal(textOf(cell, "stderr"), "err\ne2\n");
  assert.equal(resultOf(cell), "'kept\\n'");
});

test("standard input asks through Jupyter's input box; a front end without one fails the cell", async () => {
  const ask = `import * as readline from "node:readline/promises";
const lines = readline.createInterface({ input: process.stdin, output: process.stdout });
const name = await lines.question("name? ");
const age = await lines.question("age? ");
lines.close();
[name, age]`;
  const { cells, results } = await drive([
    ["send", ask],
    ["answer", "Ada"],
    ["answer", "36"],
    ["wait"],
    ["send", ask, { allow_stdin: false }],
    ["wait"],
    ["send", "1"],
    ["wait"],
  ]);
  assert.deepEqual(results, ["name? ", "age? "]);
  assert.equal(resultOf(cells[0]), "[ 'Ada', '36' ]");
  assert.match(errorsOf(cells[1])[0]!.evalue, /^process\.stdin: this front end takes no input, expected one that does/);
  assert.equal(resultOf(cells[2]), "1");
});

test("an array of plain objects shows as a table, with its text as it was; others don't", async () => {
  const html = "text/html";
  const [rows, mixed, own, empty, getter, many] = await runCells(
    '[{ file: "<b>.wav", seconds: 1.5 }, { seconds: 2, label: "dog" }]',
    "[{ a: 1 }, 2]",
    "class Own { a = 1 }\n[new Own()]",
    "[{}, {}]",
    '[{ get a(): number { throw new Error("asked"); } }]',
    "Array.from({ length: 60 }, (_, i) => ({ i }))",
  );
  assert.match(
    resultOf(rows, html)!,
    /<th [^>]*>file<.*<th [^>]*>seconds<.*<th [^>]*>label<.*&lt;b&gt;\.wav.*right[^>]*>1\.5</s,
  );
  assert.equal(resultOf(rows), "[ { file: '<b>.wav', seconds: 1.5 }, { seconds: 2, label: 'dog' } ]");
  for (const cell of [mixed, own, empty, getter]) {
    assert.equal(cell!.reply.status, "ok");
    assert.equal(resultOf(cell, html), undefined);
  }
  assert.match(resultOf(many, html)!, /… 10 more rows/);
});

test("objects that say how they show themselves do", async () => {
  const cells = await runCells(
    '({ [Symbol.for("Jupyter.display")]: async () => ({ "text/html": "<b>x</b>", "text/plain": "x" }) })',
    '({ _toHtml: () => "<i>y</i>", _toSvg: () => "<svg/>" })',
    '({ _toMime: () => ({ "text/markdown": "*z*" }) })',
    '({ _toHtml() { throw new Error("broken"); } })',
    "1",
  );
  assert.deepEqual([resultOf(cells[0], "text/html"), resultOf(cells[0])], ["<b>x</b>", "x"]);
  assert.deepEqual([resultOf(cells[1], "text/html"), resultOf(cells[1], "image/svg+xml")], ["<i>y</i>", "<svg/>"]);
  assert.equal(resultOf(cells[2], "text/markdown"), "*z*");
  assert.equal(errorsOf(cells[3])[0]!.evalue, "broken");
  assert.equal(resultOf(cells[4]), "1");
});

test("process.exit ends the kernel, with the cell's output and a word of why", async () => {
  const { cells, results } = await drive([["send", 'console.log("last words"); process.exit(3)'], ["wait"], ["ended"]]);
  assert.equal(textOf(cells[0]), "last words\n");
  assert.equal(errorsOf(cells[0])[0]!.ename, "Exit");
  assert.deepEqual(results, [true]);
});
