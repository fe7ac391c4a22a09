// `npm start -- --run NAME`: notebooks without a front end.
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { kernelFolder } from "../kernel/drive.js";
import { type Ended, ended, start } from "../support/processes.js";
import { pythonPath, root } from "../support/python.js";

const folder = kernelFolder();
after(() => rmSync(folder, { recursive: true, force: true }));

interface Ran extends Ended {
  html: string;
}

/** Runs a notebook of these cells; sends Ctrl+C once the file `interruptAt` is there. */
async function run(name: string, sources: string[], interruptAt?: string, tags: string[] = []): Promise<Ran> {
  const cells = sources.map((source, i) => ({
    cell_type: "code",
    id: `cell${i}`,
    execution_count: null,
    metadata: { tags },
    outputs: [],
    source,
  }));
  const kernelspec = { name: "tslab", display_name: "TypeScript (tslab)", language: "typescript" };
  const file = join(folder, `${name}.ipynb`);
  writeFileSync(file, JSON.stringify({ cells, metadata: { kernelspec }, nbformat: 4, nbformat_minor: 5 }));
  const out = join(folder, "out");
  mkdirSync(out, { recursive: true });
  const child = start(pythonPath, [join(root, "python/run_notebook.py"), "--out", out, file]);
  const run = ended(child);
  if (interruptAt) {
    while (child.exitCode === null && !existsSync(interruptAt)) await pause(20);
    child.kill("SIGINT");
  }
  return { ...(await run), html: readFileSync(join(out, `${name}.html`), "utf8") };
}

test("a notebook that runs shows its cells as they go and becomes html", async () => {
  const { status, stdout, html } = await run("good", ["const n = 6;", 'console.log("seven times", 7 * n);']);
  assert.equal(status, 0);
  assert.match(stdout, /\[1\/2\] const n = 6; … \d+\.\d s\n {2}\[2\/2\] console\.log.* … \d+\.\d s\nok: good\.ipynb, /);
  assert.match(html, /seven times 42/);
});

test("a failing cell ends the run with its error, which the html shows too", async () => {
  const { status, stdout, stderr, html } = await run("bad", ["1", 'throw new RangeError("too far");', "3"]);
  assert.equal(status, 1);
  assert.match(stdout, /\[2\/3\] throw .*failed\nfailed: bad\.ipynb/);
  assert.match(stderr, /^RangeError: too far\n {4}at cell \[2\]:1:7\n----> 1 throw new RangeError/);
  assert.match(html, /RangeError/);
});

test("errors that come late fail the run: between two cells, and after the last", async () => {
  const between = await run("between", [
    'setTimeout(() => { throw new Error("from a timer"); }, 50);',
    "await new Promise<void>((resolve) => setTimeout(resolve, 300));",
  ]);
  assert.equal(between.status, 1);
  assert.match(between.stderr, /Error: from a timer \(thrown outside of what the cell awaits\)/);
  const last = await run("last", [
    'void new Promise<void>((_, reject) => setTimeout(() => reject(new Error("nobody awaits me")), 200));',
  ]);
  assert.equal(last.status, 1);
  assert.match(last.stderr, /Error: nobody awaits me \(rejected promise that nothing awaits\)/);
});

test("an error that its cell is tagged for is none", async () => {
  const { status } = await run("tagged", ['throw new Error("as announced");', "1"], undefined, ["raises-exception"]);
  assert.equal(status, 0);
});

test("Ctrl+C interrupts the cell and ends the run; what was there is written", async () => {
  const running = join(folder, "running");
  const endless = `require("node:fs").writeFileSync(${JSON.stringify(running)}, ""); while (true) {}`;
  const cells = ['console.log("kept");', endless, 'console.log("never");'];
  const { status, stdout, stderr, html } = await run("endless", cells, running);
  assert.equal(status, 130);
  assert.match(stdout, /interrupted: endless\.ipynb/);
  assert.match(stderr, /^Interrupted: the cell was interrupted\n$/);
  assert.match(html, /kept/);
});
