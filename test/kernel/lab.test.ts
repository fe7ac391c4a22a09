// What a person does to a kernel in JupyterLab: run all with a failing cell, interrupt, restart, a flood of output.
import assert from "node:assert/strict";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { after, test } from "node:test";
import type { Browser } from "playwright-core";
import {
  cellOutput,
  command,
  kernelIdle,
  type Lab,
  launchBrowser,
  noBrowser,
  openNotebook,
  runAll,
  save,
  startLab,
} from "../lab.js";
import { root } from "../python.js";
import { kernelFolder } from "./drive.js";

let lab: Lab | undefined;
let browser: Browser | undefined;
const folder = kernelFolder();

after(async () => {
  await browser?.close();
  await lab?.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** Opens a new notebook with these cells. */
async function open(name: string, cells: string[]): Promise<Awaited<ReturnType<typeof openNotebook>>> {
  lab ??= await startLab();
  browser ??= await launchBrowser();
  const file = join(folder, `${name}.ipynb`);
  const code = cells.map((source, i) => ({
    cell_type: "code",
    id: `cell${i}`,
    execution_count: null,
    metadata: {},
    outputs: [],
    source,
  }));
  const kernelspec = { name: "tslab", display_name: "TypeScript (tslab)", language: "typescript" };
  writeFileSync(file, JSON.stringify({ cells: code, metadata: { kernelspec }, nbformat: 4, nbformat_minor: 5 }));
  return openNotebook(browser, lab, relative(root, file));
}

test("run all with a failing cell shows where it failed, and that the rest was not run", {
  skip: noBrowser,
}, async () => {
  const { page, errors } = await open("failing", [
    'console.log("first");',
    'function broken(): void {\n  throw new RangeError("too far");\n}\nbroken();',
    'console.log("never");',
  ]);
  await runAll(page);
  const error = (await cellOutput(page, "function broken")).getByText("RangeError: too far").first();
  await error.waitFor({ state: "visible" });
  const text = (await (await cellOutput(page, "function broken")).textContent())!;
  assert.match(text, /RangeError: too far/);
  assert.match(text, /----> 2 {3}throw new RangeError\("too far"\);/);
  const skipped = (await cellOutput(page, "never")).getByText("not run: cell [2] failed before it");
  await skipped.waitFor({ state: "visible" });
  assert.deepEqual(errors, []);
  await page.close();
});

test("interrupt and restart from the menu work while a cell keeps the kernel busy", { skip: noBrowser }, async () => {
  const { page } = await open("busy", [
    "let kept = 41;",
    "await new Promise<void>((resolve) => setTimeout(resolve, 50)); while (true) {}",
    "kept + 1",
  ]);
  await page.evaluate(`void window.jupyterapp.commands.execute("notebook:run-all-cells")`);
  await page.waitForTimeout(3000);
  await command(page, "kernelmenu:interrupt");
  await (await cellOutput(page, "while (true)"))
    .getByText("the cell was interrupted")
    .first()
    .waitFor({ state: "visible" });
  await kernelIdle(page);
  await page.evaluate(`(() => {
    const { content } = window.jupyterapp.shell.currentWidget;
    content.activeCellIndex = 2;
    void window.jupyterapp.commands.execute("notebook:run-cell");
  })()`);
  await (await cellOutput(page, "kept + 1")).getByText("42").waitFor({ state: "visible" });

  await page.evaluate("window.jupyterapp.shell.currentWidget.context.sessionContext.session.kernel.restart()");
  await page.evaluate(`void window.jupyterapp.commands.execute("notebook:run-cell")`);
  await (await cellOutput(page, "kept + 1")).getByText("Cannot find name 'kept'").first().waitFor({ state: "visible" });
  await page.close();
});

test("50,000 lines arrive in JupyterLab, which stays alive", { skip: noBrowser }, async () => {
  const { page } = await open("flood", ["for (let i = 0; i < 50000; i++) console.log(`line ${i}`);", '"still here"']);
  await runAll(page);
  await save(page);
  await (await cellOutput(page, "still here")).getByText("'still here'").first().waitFor({ state: "visible" });
  const saved = JSON.parse(readFileSync(join(folder, "flood.ipynb"), "utf8"));
  const text = saved.cells[0].outputs.flatMap((output: { text: string[] }) => output.text).join("");
  assert.equal(text, Array.from({ length: 50000 }, (_, i) => `line ${i}\n`).join(""));
  await page.close();
});
