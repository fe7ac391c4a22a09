// `using` and `await using` in cells: what they print is what the same code prints as a module, lowered by esbuild.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { describe, test } from "node:test";
import { transformSync } from "esbuild";
import { errorsOf, runCells, textOf } from "./drive.js";

const HELPERS = `const open = (name: string) => ({ name, [Symbol.dispose]() { console.log("end", name); } });
const later = (name: string) => ({ name, async [Symbol.asyncDispose]() { await null; console.log("end later", name); } });
const broken = (name: string) => ({ name, [Symbol.dispose]() { throw new Error(name); } });
const told = (work: () => unknown) => { try { console.log(work()); } catch (error: any) { console.log(error.name, error.message, error.error?.message, error.suppressed?.message); } };
`;

const CELLS: Record<string, string> = {
  "outside of blocks: ended with the cell, in the opposite order": `using a = open("a");
using b: { name: string } & Disposable = open("b"), none = null;
console.log(a.name, b.name, none);`,
  "awaited outside of blocks": `await using a = later("a");
await using b = open("b");
console.log(a.name, b.name);`,
  "in a block and in a function, with what they return": `{
  using a = open("a");
  console.log("in", a.name);
}
function f() {
  using b = open("b");
  using c = undefined;
  return b.name + String(c);
}
console.log(f());`,
  "awaited in a block outside of functions": `console.log("before");
{ await using a = later("a"); console.log(a.name); }
console.log("after");`,
  "awaited in a function": `const g = async () => { await using a = later("a"); using b = open("b"); return [a.name, b.name]; };
console.log(await g());`,
  "in the head of a loop, with break and continue": `for (using a of [open("a"), open("b"), open("c")]) {
  if (a.name === "a") continue;
  console.log(a.name);
  if (a.name === "b") break;
}
for (await using a of [later("d")]) console.log(a.name);
async function* all() { yield open("e"); }
for await (using a of all()) console.log(a.name);`,
  "errors in the block, while ending, and both": `told(() => { using a = open("a"); throw new TypeError("x"); });
told(() => { using a = broken("a"); using b = open("b"); return 1; });
told(() => { using a = broken("a"); using b = broken("b"); throw new RangeError("x"); });`,
  "a generator that is left early": `function* numbers() { using a = open("a"); yield 1; yield 2; }
for (const n of numbers()) { console.log(n); break; }`,
  "no declarations": `const using = [1, 2];
let of = 0;
console.log(using[of], using.length, "using x = 1", /using y = 2/.test(\`using \${using
  [1]} z = 3\`));
for (const using of [7]) console.log(using);`,
};

/** What a module prints. */
function printed(code: string): string {
  const { code: js } = transformSync(code, { loader: "ts", target: "node20", format: "esm" });
  const { stdout, stderr, status } = spawnSync(process.execPath, ["--input-type=module", "-e", js], {
    encoding: "utf8",
  });
  assert.equal(status, 0, stderr);
  return stdout;
}

describe("using", () => {
  test("prints what the same module prints", async () => {
    const cells = await runCells(HELPERS, ...Object.values(CELLS));
    Object.entries(CELLS).forEach(([name, code], i) => {
      const cell = cells[i + 1]!;
      assert.deepEqual(errorsOf(cell), [], name);
      assert.equal(textOf(cell), printed(`${HELPERS}${code}`), name);
    });
  });

  test("names stay, with their types; a cell that fails ends what it used; errors point into the cell", async () => {
    const [, used, after, failed, broken, notOne, misplaced, typed, exported] = await runCells(
      HELPERS,
      'using kept = open("kept");\nkept.name',
      "const text: string = kept.name; text",
      'using a = open("a");\nlet before = 1;\nthrow new Error("stop");',
      'using b = broken("b");\n1',
      "using c = { name: 1 };",
      'if (true) using d = open("d");',
      "using e = open(1);",
      'export const f = 1;\nusing g = open("g"); console.log(f, before);',
    );
    assert.equal(textOf(used), "end kept\n");
    const result = (cell: typeof used): unknown =>
      cell!.outputs.find(({ type }) => type === "execute_result")?.data["text/plain"];
    assert.deepEqual([result(used), result(after)], ["'kept'", "'kept'"]);
    assert.equal(textOf(failed), "end a\n");
    assert.match(errorsOf(failed)[0]!.traceback, /Error: stop\n.*cell \[4\]:3/);
    assert.match(errorsOf(broken)[0]!.traceback, /^Error: b\n/);
    assert.match(errorsOf(notOne)[0]!.evalue, /^using: a value without a method \[Symbol\.dispose\], expected one/);
    assert.equal(misplaced!.reply.status, "error");
    assert.match(errorsOf(typed)[0]!.traceback, /'number' is not assignable to parameter of type 'string'/);
    assert.equal(textOf(exported), "1 1\nend g\n");
  });
});
