// Parameters that papermill puts into a notebook of this kernel: what the cells see is what was passed.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { pythonPath, root } from "../support/python.js";
import { kernelFolder } from "./drive.js";

const folder = kernelFolder();
after(() => rmSync(folder, { recursive: true, force: true }));

const PROGRAM = join(root, "python/deep_audio_papermill.py");

/** A notebook of these cells, the first of which holds the parameters. */
function notebook(name: string, ...sources: string[]): string {
  const cells = sources.map((source, i) => ({
    cell_type: "code",
    id: `cell${i}`,
    execution_count: null,
    metadata: { tags: i === 0 ? ["parameters"] : [] },
    outputs: [],
    source,
  }));
  const kernelspec = { name: "tslab", display_name: "TypeScript (tslab)", language: "typescript" };
  writeFileSync(
    join(folder, name),
    JSON.stringify({ cells, metadata: { kernelspec }, nbformat: 4, nbformat_minor: 5 }),
  );
  return join(folder, name);
}

/** What the last cell of a notebook printed. */
function printed(file: string): string {
  const { cells } = JSON.parse(readFileSync(file, "utf8"));
  return [cells.at(-1).outputs[0].text].flat().join("");
}

/** Runs Python with this library's Python files on its path, from the folder of the notebooks. */
function run(...given: string[]): { status: number | null; stdout: string; stderr: string } {
  const env = { ...process.env, PYTHONPATH: join(root, "python") };
  return spawnSync(pythonPath, given, { cwd: folder, encoding: "utf8", env });
}

test("every value of json arrives as it was, under the entry point that papermill finds", () => {
  const values = {
    text: 'it\'s "quoted", `ticked ${1}`, \\ and\nlines\r\n\u2028 \u{1F600} é </script>',
    empty: "",
    whole: -3,
    large: 1e300,
    small: 1e-7,
    yes: true,
    no: false,
    none: null,
    list: [1, "two", [null, true], {}],
    object: { "no name": 1, class: { "`": "\n" }, "": [], __proto_: 2 },
    $under_score1: 1,
  };
  const names = Object.keys(values);
  const file = notebook(
    "values.ipynb",
    `let text = ""; let whole: number = 1;`,
    `console.log(JSON.stringify({ ${names.join(", ")} }));`,
  );
  const code = `import json, papermill, sys
assert "deep_audio_papermill" in sys.modules
papermill.execute_notebook(sys.argv[1], sys.argv[2], json.loads(sys.argv[3]), progress_bar=False)`;
  const { status, stderr } = run("-c", code, file, join(folder, "out.ipynb"), JSON.stringify(values));
  assert.equal(status, 0, stderr);
  assert.deepEqual(JSON.parse(printed(join(folder, "out.ipynb"))), values);
});

test("what json has not: NaN, infinities, a key __proto__", () => {
  const file = notebook("odd.ipynb", "let odd = null;", "console.log(odd, Object.keys(key));");
  const code = `import papermill, sys
values = {"odd": [float("nan"), float("inf"), -float("inf")], "key": {"__proto__": 1, "2": 3}}
ran = papermill.execute_notebook(sys.argv[1], sys.argv[2], values, progress_bar=False)
print(ran.cells[-1].outputs[0].text)`;
  const { stdout, stderr } = run("-c", code, file, join(folder, "odd-out.ipynb"));
  assert.match(stdout, /^\[ NaN, Infinity, -Infinity \] \[ '2', '__proto__' \]\n/, stderr);
});

test("as a program; the parameters of a notebook are listed; names that can't be variables are refused", () => {
  const file = notebook(
    "fit.ipynb",
    'let epochs = 3; // how long\nlet name: string = "a";\nlet rate = 1e-3',
    "console.log(epochs + 1, name);",
  );
  const out = join(folder, "fit-out.ipynb");
  const { status, stderr } = run(PROGRAM, file, out, "-p", "epochs", "7", "-p", "name", "it's", "--no-progress-bar");
  assert.equal(status, 0, stderr);
  assert.equal(printed(out), "8 it's\n");
  const help = run(PROGRAM, "--help-notebook", file);
  assert.match(
    help.stdout,
    /epochs: Unknown type \(default 3\)\s+how long\s+name: string \(default "a"\)\s+rate: Unknown type/,
  );
  for (const name of ["my-name", "class", "1st", ""]) {
    const refused = run(PROGRAM, file, out, "-p", name, "1");
    assert.notEqual(refused.status, 0);
    assert.match(
      refused.stderr,
      new RegExp(`parameter '${name}': no name of a variable, expected letters, digits, _ and \\$`),
    );
  }
});
