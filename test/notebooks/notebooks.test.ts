// Every notebook as a person would use it: run in JupyterLab in Chromium, and kept with its outputs.
import assert from "node:assert/strict";
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import type { Browser, Page } from "playwright-core";
import { type Lab, launchBrowser, noBrowser, openNotebook, runAll, save, startLab } from "../support/lab.js";
import { root } from "../support/python.js";

const work = join(root, "build", "notebook-test");

interface Cell {
  cell_type: string;
  source: string | string[];
  execution_count: number | null;
  outputs: { output_type: string; name?: string; text?: string | string[]; data?: Record<string, unknown> }[];
}

/** What a person must see after Run All: at least this many of each. */
interface Visible {
  charts: number;
  pictures: number;
  players: number;
  /** Seconds of the shortest player. Default: more than 0.2. */
  shortest?: number;
  text: RegExp;
  /** What a person tries then. */
  tried?: (page: Page) => Promise<void>;
}

const VISIBLE: Record<string, Visible> = {
  "01-generate": { charts: 5, pictures: 0, players: 5, text: /loss on the test split 0\.\d+/ },
  "02-custom-pairs": {
    charts: 2,
    pictures: 0,
    players: 3,
    text: /3 errors, 2 warnings[\s\S]*truncated[\s\S]*identical880[\s\S]*none between splits[\s\S]*: (?:[5-9]|1\d)\.\d dB better/,
  },
  "03-midi-timestamps": { charts: 2, pictures: 2, players: 3, text: /macro mean[\s\S]*TIME STAMP,C3,C#3/ },
  "04-gpu-training": {
    charts: 4,
    pictures: 1,
    players: 5,
    text: /largest difference of 160 predictions: \d\.\de-0[5-9]/,
  },
  "05-gallery": { charts: 25, pictures: 60, players: 12, text: /macro mean/ },
  "06-use-and-publish": {
    charts: 0,
    pictures: 1,
    players: 1,
    text: /\d+ pieces, 1\.28 s behind the sound; 9\d\.\d % of the scores[\s\S]*page\.js/,
    tried: async (page) => {
      const inside = page.frameLocator('.jp-OutputArea-output iframe[title="page"]');
      await inside.getByText("ready, by wasm").waitFor();
      await inside.locator("#file").setInputFiles(join(work, "data/piano/heard.flac"));
      await inside.getByText(/^heard\.flac: 9\.6 s of sound in/).waitFor();
      await inside.getByText(/^[1-9]\d+ events$/).waitFor();
    },
  },
  "07-real-recordings": {
    charts: 3,
    pictures: 2,
    players: 50,
    shortest: 0.09,
    text: /56 recordings by 31 people[\s\S]*clipped[\s\S]*identical[\s\S]*(?:4[2-9]|5\d) of 55 right[\s\S]*page\.js/,
  },
};

const folder = join(root, "notebooks");
const names = readdirSync(folder)
  .filter((file) => file.endsWith(".ipynb"))
  .map((file) => file.slice(0, -".ipynb".length));
const cellsOf = (file: string): Cell[] =>
  JSON.parse(readFileSync(file, "utf8")).cells.filter((cell: Cell) => cell.cell_type === "code");

describe("the notebooks as committed", () => {
  for (const name of names) {
    it(`${name} carries its outputs, in under 2 MB, without an error`, () => {
      const file = join(folder, `${name}.ipynb`);
      assert.ok(statSync(file).size < 2e6, `${statSync(file).size} bytes`);
      const cells = cellsOf(file);
      cells.forEach((cell, i) => {
        assert.equal(cell.execution_count, i + 1, `cell ${i + 1} was run in order`);
        assert.ok(!cell.outputs.some((output) => output.output_type === "error"));
      });
      const shown = cells.flatMap((cell) => cell.outputs).filter((output) => output.data);
      assert.ok(shown.length > 0);
      for (const { data } of shown) {
        assert.ok("text/plain" in data!, "every display has a text form");
        const still = ["text/html", "image/png", "image/svg+xml", "text/plain"];
        assert.ok(
          still.some((type) => type in data!),
          `a static form beside ${Object.keys(data!)}`,
        );
      }
    });
  }
});

describe("the notebooks in JupyterLab", { skip: noBrowser }, () => {
  let lab: Lab | undefined;
  let browser: Browser | undefined;

  before(async () => {
    rmSync(work, { recursive: true, force: true });
    mkdirSync(work, { recursive: true });
    lab = await startLab({ folder: work });
    browser = await launchBrowser();
  });
  after(async () => {
    await browser?.close();
    await lab?.stop();
  });

  for (const name of names) {
    it(`${name}: Run All shows every picture, player and chart`, async () => {
      copyFileSync(join(folder, `${name}.ipynb`), join(work, `${name}.ipynb`));
      const { page, errors, outside } = await openNotebook(browser!, lab!, `${name}.ipynb`);
      await runAll(page);
      await assertRan(page);
      const expected = VISIBLE[name];
      assert.ok(expected, `${name} is listed in VISIBLE`);
      assert.ok((await count(page, ".js-plotly-plot svg.main-svg")) >= expected.charts, "charts");
      assert.ok((await count(page, ".jp-OutputArea-output img")) >= expected.pictures, "pictures");
      assert.ok((await count(page, ".jp-OutputArea-output audio")) >= expected.players, "players");
      const { shortest = 0.2 } = expected;
      for (const seconds of await durations(page)) assert.ok(seconds > shortest, `a player of ${seconds} s`);
      assert.match((await page.locator(".jp-OutputArea").allTextContents()).join("\n"), expected.text);
      await expected.tried?.(page);
      if (process.env.PICTURES) await page.screenshot({ path: join(process.env.PICTURES, `${name}.png`) });
      assert.deepEqual(outside, [], "no request leaves the machine");
      assert.deepEqual(errors, []);
      await save(page);
      assert.ok(statSync(join(work, `${name}.ipynb`)).size < 2e6, "saved by JupyterLab, within the budget");
      await page.close();
    });
  }

  it("a failing cell shows a readable error", async () => {
    const file = join(work, "failing.ipynb");
    copyFileSync(join(root, "test/fixtures/failing.ipynb"), file);
    assert.ok(existsSync(file));
    const { page } = await openNotebook(browser!, lab!, "failing.ipynb");
    await runAll(page);
    const error = page.locator(
      '[data-mime-type="application/vnd.jupyter.error"], [data-mime-type="application/vnd.jupyter.stderr"]',
    );
    await error.first().waitFor({ state: "visible" });
    assert.match((await error.allTextContents()).join("\n"), /not loaded; call await dataset\.load\(\) first/);
    await page.close();
  });
});

/** Every code cell has run, none failed. */
async function assertRan(page: Page): Promise<void> {
  const failed = (await page.evaluate(`[...window.jupyterapp.shell.currentWidget.content.model.sharedModel.cells]
    .flatMap((cell) => cell.cell_type === "code" ? cell.outputs : [])
    .filter((output) => output.output_type === "error")
    .map((output) => output.ename + ": " + output.evalue)`)) as string[];
  assert.deepEqual(failed, []);
}

/** How many elements a selector finds that take up room on the page. */
async function count(page: Page, selector: string): Promise<number> {
  return (await page.evaluate(
    `[...document.querySelectorAll(${JSON.stringify(selector)})].filter((e) => e.getBoundingClientRect().width > 20 && e.getBoundingClientRect().height > 10).length`,
  )) as number;
}

/** Seconds of every player, as the browser reads them. */
async function durations(page: Page): Promise<number[]> {
  return (await page.evaluate(`Promise.all([...document.querySelectorAll(".jp-OutputArea-output audio")].map((audio) =>
    audio.readyState >= 1 ? audio.duration : new Promise((resolve) => {
      audio.preload = "metadata";
      audio.addEventListener("loadedmetadata", () => resolve(audio.duration));
      audio.load();
    })))`)) as number[];
}
