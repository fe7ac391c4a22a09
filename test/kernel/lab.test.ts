// What a person does to a kernel in JupyterLab: run all with a failing cell, interrupt, restart, a flood of output.
import assert from "node:assert/strict";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { after, test } from "node:test";
import type { Browser, Page } from "playwright-core";
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
} from "../support/lab.js";
import { root } from "../support/python.js";
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

/** Runs the cell of that number, without waiting for it. */
async function runCell(page: Page, number: number): Promise<void> {
  await page.evaluate(`(() => {
    window.jupyterapp.shell.currentWidget.content.activeCellIndex = ${number};
    void window.jupyterapp.commands.execute("notebook:run-cell");
  })()`);
}

/** Puts the cursor into a cell of one line, ready to type. */
async function cursorAt(page: Page, number: number, column: number): Promise<void> {
  await page.evaluate(`(() => {
    const { content } = window.jupyterapp.shell.currentWidget;
    content.activeCellIndex = ${number};
    content.mode = "edit";
    content.activeCell.editor.focus();
    content.activeCell.editor.setCursorPosition({ line: 0, column: ${column} });
  })()`);
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
    'await new Promise<void>((resolve) => setTimeout(resolve, 50)); console.log("running"); while (true) {}',
    "kept + 1",
  ]);
  await page.evaluate(`void window.jupyterapp.commands.execute("notebook:run-all-cells")`);
  const endless = await cellOutput(page, "while (true)");
  await endless.getByText("running", { exact: true }).waitFor({ state: "visible" });
  await command(page, "kernelmenu:interrupt");
  await endless.getByText("the cell was interrupted").first().waitFor({ state: "visible" });
  await kernelIdle(page);
  await runCell(page, 2);
  await (await cellOutput(page, "kept + 1")).getByText("42").waitFor({ state: "visible" });

  await page.evaluate("window.jupyterapp.shell.currentWidget.context.sessionContext.session.kernel.restart()");
  await page.evaluate(`void window.jupyterapp.commands.execute("notebook:run-cell")`);
  await (await cellOutput(page, "kept + 1")).getByText("Cannot find name 'kept'").first().waitFor({ state: "visible" });
  await page.close();
});

test("Tab completes the library's names, Shift-Tab explains them", { skip: noBrowser }, async () => {
  const { page } = await open("explained", [
    'import { AudioDataset } from "deep-audio-dataset";\nconst dataset = new AudioDataset("data", "tones");',
    "dataset.generateR",
    "dataset.generate()",
  ]);
  await runCell(page, 0);
  await kernelIdle(page);
  await cursorAt(page, 1, "dataset.generateR".length);
  // JupyterLab drops an answer that takes a second, as the first can while other tests keep the machine busy.
  const item = page.locator(".jp-Completer-item", { hasText: "generateRecords" });
  while (!(await item.isVisible())) {
    await page.keyboard.press("Tab");
    await item.waitFor({ state: "visible", timeout: 5000 }).catch((error: Error) => {
      if (error.name !== "TimeoutError") throw error;
    });
  }
  await page.keyboard.press("Enter");
  await page.locator(".jp-CodeCell", { hasText: "dataset.generateRecords" }).waitFor({ state: "visible" });
  await cursorAt(page, 2, "dataset.generate(".length);
  await page.keyboard.press("Shift+Tab");
  const tooltip = page.locator(".jp-Tooltip");
  await tooltip.waitFor({ state: "visible" });
  const text = (await tooltip.textContent())!;
  assert.match(text, /generate\(inputLower: number, inputUpper: number, /);
  assert.match(text, /DatasetError/, "the documentation beside the signature");
  await page.close();
});

test("training can be interrupted, and goes on when its cell is run again", { skip: noBrowser }, async () => {
  const { page, errors } = await open("training", [
    `import { AudioDataset, fit, loadTensorFlow } from "deep-audio-dataset";
import { mkdtempSync } from "node:fs";
const tf = loadTensorFlow();
const folder = mkdtempSync(${JSON.stringify(join(tmpdir(), "deep-audio-lab-"))});
const dataset = new AudioDataset(folder, "tones", { seed: 1 });
await dataset.generate(100, 400, 40, { waves: ["sin"], duration: 0.1, sampleRate: 8000, removeWav: true });
await dataset.load({ inputSize: 100, batchSize: 4, trainSplit: 0.7, valSplit: 0.15, testSplit: 0.15 });
const model = tf.sequential({ layers: [tf.layers.dense({ units: 100, inputShape: [8, 100] })] });
model.compile({ optimizer: "adam", loss: "meanSquaredError" });
let epochs = 1e6;`,
    'const result = await fit(model, dataset, { epochs, checkpoint: `${folder}/model`, onEpoch: (n) => { if (epochs === 1e6) console.log("first epoch"); epochs = n + 3; } });',
    'console.log("epochs in all", result.history.loss.length === epochs - 3);',
  ]);
  await runCell(page, 0);
  await kernelIdle(page);
  await runCell(page, 1);
  const output = await cellOutput(page, "const result");
  // The curve appears while it trains.
  await output.locator("svg, img").first().waitFor({ state: "visible" });
  await output.getByText("first epoch").waitFor({ state: "visible" });
  await command(page, "kernelmenu:interrupt");
  await output.getByText("training: aborted after").first().waitFor({ state: "visible" });
  await kernelIdle(page);
  await runCell(page, 1);
  await output.getByText(/Trained \d+ of \d+ epochs/).waitFor({ state: "visible" });
  await runCell(page, 2);
  await (await cellOutput(page, "epochs in all")).getByText("epochs in all true").waitFor({ state: "visible" });
  assert.deepEqual(errors, []);
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
