// The page that plain Node writes, opened as a file with the network off, on a wide screen, a narrow one and a phone's.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { pathToFileURL } from "node:url";
import type { Browser, Page } from "playwright-core";
import { launchBrowser, noBrowser } from "../support/lab.js";
import { root } from "../support/python.js";
import { DISPLAYS, SETUP } from "./every-display.js";

const work = join(root, "build", "html-page-test");
const file = join(work, "every.displays.html");

/** Writes a page of these displays. */
function writePage(names: readonly string[], name: string): void {
  const library = pathToFileURL(join(root, "dist/index.js")).href;
  const lines = [SETUP, ...names.map((each) => DISPLAYS[each]!.line)].join("\n");
  const script = join(work, `${name}.mts`);
  writeFileSync(script, lines.replace('"deep-audio-dataset"', JSON.stringify(library)));
  execFileSync(process.execPath, ["--import", "tsx", script], { cwd: work, stdio: "pipe" });
}

/** What reaches beyond its output or the page, other than inside a part that scrolls by itself. */
const BEYOND = `(() => {
  const found = [];
  const page = document.documentElement;
  if (page.scrollWidth > page.clientWidth) found.push("the page: " + page.scrollWidth + " px in " + page.clientWidth);
  for (const section of document.querySelectorAll("section")) {
    const area = section.getBoundingClientRect();
    for (const element of section.querySelectorAll("*")) {
      const { left, right, width, height } = element.getBoundingClientRect();
      const scrolls = element.parentElement.closest("[style*='overflow']");
      if (width === 0 || height === 0 || (scrolls && section.contains(scrolls) && !element.closest("svg"))) continue;
      if (element.closest("defs, clipPath, .draglayer, .cartesianlayer .plot")) continue;
      if (right > area.right + 1 || left < area.left - 1)
        found.push(element.tagName + " " + element.getAttribute("class") + " " + element.textContent.slice(0, 40) + ": " + left.toFixed(0) + " to " + right.toFixed(0) + " px in " + area.left.toFixed(0) + " to " + area.right.toFixed(0));
    }
  }
  return found;
})()`;

interface Box {
  top: number;
  bottom: number;
}

/** Waits until every chart is drawn and has the height of its layout. */
async function drawn(page: Page): Promise<void> {
  await page.waitForFunction(`(() => {
    const charts = [...document.querySelectorAll("[id^=chart]")];
    return charts.length > 0 && charts.every((chart) => chart.querySelector("svg.main-svg") && chart._fullLayout.width <= chart.clientWidth
      && chart.getBoundingClientRect().height >= chart._fullLayout.height);
  })()`);
}

describe("the page that plain Node writes", { skip: noBrowser }, () => {
  let browser: Browser | undefined;
  let page: Page;
  const outside: string[] = [];
  const errors: string[] = [];
  before(async () => {
    rmSync(work, { recursive: true, force: true });
    mkdirSync(work, { recursive: true });
    writePage(
      Object.keys(DISPLAYS).filter((name) => name !== "progress"),
      "every",
    );
    browser = await launchBrowser();
    const context = await browser.newContext({ offline: true });
    page = await context.newPage();
    page.setDefaultTimeout(0);
    page.on("request", (request) => {
      if (!/^(file|data|blob):/.test(request.url())) outside.push(request.url());
    });
    page.on("pageerror", (error) => errors.push(String(error)));
  });
  after(() => browser?.close());

  for (const width of [1200, 800, 390]) {
    it(`at ${width} px nothing is cut and nothing reaches beyond its output`, async () => {
      await page.setViewportSize({ width, height: 900 });
      await page.goto(pathToFileURL(file).href);
      await drawn(page);
      if (process.env.PICTURES)
        await page.screenshot({ path: join(process.env.PICTURES, `page-${width}.png`), fullPage: true });
      assert.deepEqual(await page.evaluate(BEYOND), []);
      assert.deepEqual(errors, []);
    });
  }

  it("a pair's players lie one under the other on a phone and beside each other where they fit, its plots one under the other", async () => {
    for (const [width, beside] of [
      [390, false],
      [1200, true],
    ] as const) {
      await page.setViewportSize({ width, height: 900 });
      await drawn(page);
      const [players, plots] = (await page.evaluate(`(() => {
        const chart = [...document.querySelectorAll(".js-plotly-plot")].find((each) => each._fullLayout._subplots.cartesian.length === 4);
        const box = (e) => { const { top, bottom } = e.getBoundingClientRect(); return { top, bottom }; };
        const players = [...chart.closest("section").previousElementSibling.querySelectorAll("audio")].map(box);
        return [players, ["xy", "x2y2", "x3y3", "x4y4"].map((name) => box(chart.querySelector(".draglayer ." + name + " .nsewdrag")))];
      })()`)) as [Box[], Box[]];
      assert.equal(players.length, 2);
      assert.equal(Math.abs(players[0]!.top - players[1]!.top) < 2, beside, `players at ${width} px`);
      plots.slice(1).forEach((plot, i) => {
        assert.ok(plot.top > plots[i]!.bottom, `plots ${i} and ${i + 1} at ${width} px`);
      });
    }
  });

  it("static pictures keep the size of their text and reach the end of their plots", async () => {
    await page.setViewportSize({ width: 390, height: 900 });
    await page.goto(pathToFileURL(file).href);
    const texts =
      (await page.evaluate(`Promise.all([...document.querySelectorAll("section > div img[src^='data:image/svg']")].map(async (img) => {
      const svg = new DOMParser().parseFromString(await (await fetch(img.src)).text(), "image/svg+xml").documentElement;
      const shown = document.importNode(svg, true);
      const box = img.getBoundingClientRect();
      shown.style.cssText = "position:absolute;left:0;top:0;width:" + box.width + "px;height:" + box.height + "px";
      document.body.append(shown);
      const found = [...shown.querySelectorAll("text")].filter((e) => e.getClientRects().length > 0).map((e) => {
        const { left, right, height } = e.getBoundingClientRect();
        return { text: e.textContent, left, right, height, width: box.width };
      });
      shown.remove();
      return found;
    }))`)) as { text: string; left: number; right: number; height: number; width: number }[][];
    assert.ok(texts.length >= 5, `${texts.length} pictures`);
    for (const { text, left, right, height, width } of texts.flat()) {
      assert.ok(height >= 10, `${text}: ${height} px high`);
      assert.ok(left >= -1 && right <= width + 1, `${text}: ${left} to ${right} in ${width} px`);
    }
  });

  it("charts follow the page as it becomes narrow, and keep their height", async () => {
    await page.setViewportSize({ width: 1200, height: 900 });
    await page.goto(pathToFileURL(file).href);
    await drawn(page);
    await page.setViewportSize({ width: 600, height: 900 });
    await drawn(page);
    assert.deepEqual(await page.evaluate(BEYOND), []);
  });

  it("asks for nothing outside, and takes less than 1.5 MB for two displays", () => {
    assert.deepEqual(outside, []);
    writePage(["spectrogram", "confusion"], "two");
    const bytes = statSync(join(work, "two.displays.html")).size;
    assert.ok(bytes < 1.5e6, `${bytes} bytes`);
  });

  it("draws the traces that the displays use, as the whole Plotly does", async () => {
    const traces = /"type":"(\w+)"/g;
    const used = new Set([...readFileSync(file, "utf8").matchAll(traces)].map(([, type]) => type));
    const known = (await page.evaluate("Object.keys(Plotly.PlotSchema.get().traces)")) as string[];
    assert.deepEqual([...known].sort(), ["bar", "heatmap", "scatter"]);
    for (const type of used) if (type !== "log") assert.ok(known.includes(type!), type);
  });
});
