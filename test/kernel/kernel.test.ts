import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { pythonPath, root } from "../support/python.js";
import { drive, errorsOf, runCells, textOf } from "./drive.js";

// Says when it has begun: from then on it can be interrupted.
const FOREVER = 'console.log("running"); while (true) {}';
const PAUSE = "await new Promise<void>((resolve) => setTimeout(resolve, 50));";

test("an error is a Jupyter error whose traceback points into the cell's own text", async () => {
  const cells = await runCells(
    "interface Shape {\n  sides: number;\n}\n\nfunction area(shape: Shape): number {\n  throw new RangeError(`no area for ${shape.sides}`);\n}",
    "const three: Shape = { sides: 3 };\n\narea(three);",
    `${PAUSE}\nconst x: number = 1;\n(null as any).sides;`,
    'throw new Error("outer", { cause: new TypeError("inner") })',
    'throw "a text"',
    "1",
    `import { AudioDataset } from "deep-audio-dataset";\n\nawait new AudioDataset("/nowhere", "x").load();`,
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
  assert.match(errorsOf(cells[4])[0]!.traceback, /^Thrown: 'a text'\n {4}at cell \[5\]$/);
  assert.equal(cells[5]!.reply.status, "ok");
  assert.match(
    errorsOf(cells[6])[0]!.traceback,
    /^DatasetError: records of "x": none[\s\S]*----> 3 await new AudioDataset/,
  );
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
    ["error", 0],
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
  assert.equal(cells[1]!.reply.status, "error");
  assert.equal(cells[2]!.reply.status, "ok");
});

test("without a front end a late error fails the next cell", async () => {
  const { cells } = await drive([
    ["send", 'setTimeout(() => { throw new Error("late"); }, 100);', { allow_stdin: false }],
    ["wait"],
    ["sleep", 0.5],
    ["send", "1 + 1", { allow_stdin: false }],
    ["wait"],
    ["send", "2 + 2", { allow_stdin: false }],
    ["wait"],
  ]);
  assert.deepEqual(
    cells.map((cell) => cell.reply.status),
    ["ok", "error", "ok"],
  );
  assert.equal(cells[1]!.reply.evalue, "late");
});

test("cells queued behind an error say that they were not run", async () => {
  const { cells } = await drive([
    ["send", `${PAUSE} throw new Error("first")`],
    ["send", 'console.log("second")'],
    ["send", 'console.log("third")'],
    ["wait"],
    ["send", 'console.log("fourth")'],
    ["wait"],
  ]);
  assert.deepEqual(
    cells.map((cell) => cell.reply.status),
    ["error", "aborted", "aborted", "ok"],
  );
  for (const cell of cells.slice(1, 3)) {
    assert.equal(textOf(cell), "");
    assert.equal(textOf(cell, "stderr"), "not run: cell [1] failed before it\n");
  }
  assert.equal(textOf(cells[3]), "fourth\n");
});

test("50,000 lines arrive, in order, in few messages", async () => {
  const [cell, next] = await runCells("for (let i = 0; i < 50000; i++) console.log(`line ${i}`)", "1");
  const expected = Array.from({ length: 50000 }, (_, i) => `line ${i}\n`).join("");
  assert.ok(textOf(cell) === expected, "the lines differ");
  assert.ok(cell!.outputs.length < 500, `${cell!.outputs.length} messages`);
  assert.equal(next!.reply.status, "ok");
});

test("a flood without end stays within what Jupyter lets through, and can be interrupted", async () => {
  const { cells } = await drive([
    ["send", `while (true) console.log("${"x".repeat(1000)}")`],
    ["text", 2_500_000],
    ["interrupt"],
    ["wait"],
    ["send", "1 + 1"],
    ["wait"],
  ]);
  assert.equal(errorsOf(cells[0])[0]!.ename, "Interrupted");
  const bytes = textOf(cells[0]).length;
  // Jupyter's limit is 1 MB/s over windows of 3 s.
  const windows = Math.ceil(cells[0]!.seconds / 3) + 1;
  assert.ok(bytes < windows * 3_000_000, `${bytes} bytes in ${cells[0]!.seconds} s`);
  assert.equal(cells[1]!.reply.status, "ok");
});

test("both outputs arrive whole, with characters that fall apart between two writes", async () => {
  const [cell] = await runCells(
    `const bytes = Buffer.from("täglich 🎵");
for (const byte of bytes) process.stdout.write(Buffer.from([byte]));
for (let i = 0; i < 200; i++) { console.log("out", i); console.error("err", i); }`,
  );
  const numbers = (word: string): string => Array.from({ length: 200 }, (_, i) => `${word} ${i}\n`).join("");
  assert.equal(textOf(cell), `täglich 🎵${numbers("out")}`);
  assert.equal(textOf(cell, "stderr"), numbers("err"));
});

for (const [what, code] of [
  ["a loop", FOREVER],
  ["a loop after an await", `${PAUSE} ${FOREVER}`],
  ["a loop in a timer", `setTimeout(() => { ${FOREVER} }, 10); await new Promise<void>(() => {});`],
  ["a promise that never settles", 'console.log("running"); await new Promise<void>(() => {})'],
] as const) {
  test(`interrupt stops ${what}, and what was there before is still there`, async () => {
    const { cells } = await drive([
      ["send", "let kept = 7;"],
      ["wait"],
      ["send", code],
      ["text"],
      ["interrupt"],
      ["wait"],
      ["send", "kept++;\nkept"],
      ["wait"],
      ["send", `${PAUSE} console.log("after")`],
      ["wait"],
    ]);
    assert.equal(cells[1]!.reply.ename, "Interrupted");
    assert.equal(cells[2]!.outputs.find((output) => output.type === "execute_result")?.data["text/plain"], "8");
    assert.equal(textOf(cells[3]), "after\n");
  });
}

test("interrupt lets library work end by itself, with what it says", async () => {
  const work = `const { track } = require("${process.cwd()}/dist/notebook/progress.js");
await track("records", 10, "examples", { onProgress: false }, async ({ signal, tick }: any) => {
  tick(3);
  console.log("running");
  await new Promise((resolve, reject) => signal.addEventListener("abort", () => reject(new Error("aborted"))));
});`;
  const { cells } = await drive([["send", work], ["text"], ["interrupt"], ["wait"], ["send", "1"], ["wait"]]);
  assert.equal(cells[0]!.reply.ename, "DatasetError");
  assert.match(cells[0]!.reply.evalue, /^records: aborted after 3 of 10 examples/);
  assert.equal(cells[1]!.reply.status, "ok");
});

test("restart and shutdown leave no process behind, a busy kernel included", async () => {
  const child = `import { spawn } from "node:child_process";
const child = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"]);
console.log(child.pid)`;
  const { results } = await drive([
    ["send", child],
    ["wait"],
    ["pids"],
    ["restart"],
    ["send", child],
    ["wait"],
    ["send", `${PAUSE} ${FOREVER}`],
    ["text"],
    ["pids"],
    ["shutdown"],
  ]);
  const [first, , second] = results as number[][];
  assert.ok(first!.length >= 2 && second!.length >= 2, `${first} ${second}`);
  const { results: left } = await drive([["alive", [...first!, ...second!]]]);
  assert.deepEqual(left, [[]]);
});

test("a kernel ends when Jupyter was killed, also while the kernel was starting", async () => {
  const python = (delay: number): string => `
import os, signal, subprocess, sys, time
from jupyter_client.manager import KernelManager
manager = KernelManager(kernel_name="tslab")
manager.start_kernel(cwd=sys.argv[1], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
print(manager.provisioner.pid, flush=True)
time.sleep(${delay})
os.kill(os.getpid(), signal.SIGKILL)`;
  for (const delay of [0, 3]) {
    const args = ["-c", python(delay), join(root, "notebooks")];
    const run = spawnSync(pythonPath, args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
    assert.equal(run.signal, "SIGKILL");
    const pid = Number(run.stdout);
    assert.ok(pid > 1, run.stdout);
    while (existsSync(`/proc/${pid}`)) await pause(20);
  }
});

test("whatever a cell awaits is waited for", async () => {
  const later = (value: number): string => `new Promise<number>((resolve) => setTimeout(() => resolve(${value}), 50))`;
  const cells = await runCells(
    `await (async () => { console.log(await ${later(1)}); })();`,
    `const two = (await (${later(2)})).toFixed(1);\nconsole.log(two);`,
    `for await (const n of (async function* () { yield await ${later(3)}; })()) console.log(n);`,
    "const later = async () => { await (Promise.resolve()); return 4; };\nconsole.log(later.name, two);",
    'const n = 5;\nawait (async () => { throw new RangeError("in line 2"); })();',
    "const await_ = 6; [await_].map((await_) => await_)[0]",
  );
  assert.deepEqual(
    cells.slice(0, 4).map((cell) => textOf(cell)),
    ["1\n", "2.0\n", "3\n", "later 2.0\n"],
  );
  assert.match(errorsOf(cells[4])[0]!.traceback, /RangeError: in line 2[\s\S]*----> 2 await \(async/);
  assert.equal(cells[5]!.outputs.find((output) => output.type === "execute_result")?.data["text/plain"], "6");
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
