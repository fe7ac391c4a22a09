// Every display as a person sees it: in JupyterLab in Chromium, light, dark and narrow, reopened without trust, and as
// html with the network off. A reviewed picture of each is kept in fixtures/displays; a changed one is left beside the
// build for a person to look at, and `REVIEWED=1` keeps it.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import type { Browser, Locator, Page } from "playwright-core";
import {
  kernelIdle,
  type Lab,
  launchBrowser,
  noBrowser,
  openNotebook,
  runAll,
  save,
  startLab,
} from "../support/lab.js";
import { pythonPath, root } from "../support/python.js";
import { DISPLAYS, SETUP } from "./every-display.js";

const names = Object.keys(DISPLAYS);
const work = join(root, "build", "display-test");
const reviewed = join(root, "test", "fixtures", "displays");
const file = join(work, "displays.ipynb");

function writeNotebook(): void {
  const cells = [SETUP, ...names.map((name) => DISPLAYS[name]!.line)].map((source, i) => ({
    cell_type: "code",
    id: `cell-${i}`,
    metadata: {},
    execution_count: null,
    outputs: [],
    source,
  }));
  const kernelspec = { display_name: "TypeScript (tslab)", language: "typescript", name: "tslab" };
  const language_info = { name: "typescript" };
  writeFileSync(
    file,
    JSON.stringify({ cells, metadata: { kernelspec, language_info }, nbformat: 4, nbformat_minor: 5 }),
  );
}

/** The outputs of a display's cell, in Lab or in exported html. */
function outputOf(page: Page, name: string): Locator {
  const cell = page.locator(".jp-CodeCell").nth(names.indexOf(name) + 1);
  return cell.locator(".jp-OutputArea").first();
}

/** Asserts that what a display promises is really there: charts drawn, pictures decoded, sounds loaded. */
async function assertSeen(page: Page, name: string, charts: "interactive" | "static"): Promise<void> {
  const output = outputOf(page, name);
  await output.scrollIntoViewIfNeeded();
  for (const seen of DISPLAYS[name]!.sees) {
    if (seen === "chart" && charts === "interactive") {
      await output.locator(".js-plotly-plot svg.main-svg").first().waitFor({ state: "visible" });
    } else if (seen === "chart" || seen === "picture") {
      const picture = output.locator("img").first();
      await picture.waitFor({ state: "visible" });
      await page.waitForFunction(
        (img) => (img as { naturalWidth: number }).naturalWidth > 50,
        await picture.elementHandle(),
      );
    } else if (seen === "progress") {
      const bar = output.locator("progress").last();
      await bar.waitFor({ state: "visible" });
      assert.equal(await bar.getAttribute("value"), "1.0000");
    } else if (seen === "table") {
      await output.locator("table tbody tr").first().waitFor({ state: "visible" });
    } else {
      const player = output.locator("audio").first();
      await player.waitFor({ state: "visible" });
      const seconds = await player.evaluate(async (element) => {
        const audio = element as unknown as {
          duration: number;
          load(): void;
          preload: string;
          onloadedmetadata: unknown;
        };
        if (audio.duration > 0) return audio.duration;
        await new Promise((resolve) => {
          audio.onloadedmetadata = resolve;
          audio.preload = "metadata";
          audio.load();
        });
        return audio.duration;
      });
      assert.ok(seconds > 0.5 && seconds <= 3.01, `${name}: ${seconds} s of sound`);
    }
  }
}

/**
 * Mean difference of two pictures as a share of full scale, over all and in the worst of 24 × 18 fields, both brought to
 * 240 × 180 so that fonts matter little. What is above an output decides on which row of pixels it begins: the least
 * difference counts of those with one picture moved by a pixel.
 */
async function difference(page: Page, a: Buffer, b: Buffer): Promise<{ all: number; field: number }> {
  const sources = [a, b].map((png) => `data:image/png;base64,${png.toString("base64")}`);
  return (await page.evaluate(`(async () => {
    const [one, other] = await Promise.all(${JSON.stringify(sources)}.map(async (source) => {
      const image = new Image();
      image.src = source;
      await image.decode();
      return image;
    }));
    // The rows that both have once either is moved; a picture of another size is brought to the same and differs.
    const near = Math.abs(one.height - other.height) <= 2;
    const rows = Math.min(one.height, other.height) - 1;
    const draw = (image, top) => {
      const canvas = new OffscreenCanvas(240, 180).getContext("2d");
      canvas.imageSmoothingQuality = "high";
      canvas.drawImage(image, 0, near ? top : 0, image.width, near ? rows : image.height, 0, 0, 240, 180);
      return canvas.getImageData(0, 0, 240, 180).data;
    };
    const compare = (p, q) => {
      const fields = new Float64Array(24 * 18);
      for (let i = 0; i < p.length; i++) {
        const at = i >> 2;
        fields[24 * Math.floor(at / 2400) + Math.floor((at % 240) / 10)] += Math.abs(p[i] - q[i]);
      }
      // Alpha is 255 everywhere and adds nothing.
      return { all: fields.reduce((x, y) => x + y) / (3 * 240 * 180 * 255), field: Math.max(...fields) / (3 * 100 * 255) };
    };
    const found = [[0, 0], [0, 1], [1, 0]].map(([p, q]) => compare(draw(one, p), draw(other, q)));
    return found.reduce((best, next) => (next.all < best.all ? next : best));
  })()`)) as { all: number; field: number };
}

/** Waits until what is on the page has kept its size for a second's frames, after a change of size or theme. */
async function settled(page: Page): Promise<void> {
  await page.evaluate(`new Promise((resolve) => {
    const sizes = () => [...document.querySelectorAll(".jp-OutputArea, .js-plotly-plot, .jp-OutputArea img")]
      .map((e) => [e.scrollWidth, e.clientWidth, e.clientHeight]).join();
    let [before, frames] = ["", 0];
    const look = () => {
      const now = sizes();
      frames = now === before ? frames + 1 : 0;
      before = now;
      if (frames < 60) requestAnimationFrame(look);
      else resolve();
    };
    look();
  })`);
}

/** Asserts that every drawn chart has the height of its layout: resized ones can collapse to nothing. */
async function assertChartsOpen(page: Page): Promise<void> {
  const heights = (await page.evaluate(`[...document.querySelectorAll(".js-plotly-plot")].map((chart) =>
    [Math.round(chart.getBoundingClientRect().height), chart._fullLayout.height])`)) as [number, number][];
  assert.ok(heights.length >= 8, `${heights.length} charts`);
  for (const [shown, wanted] of heights) assert.ok(shown >= wanted && wanted > 100, `${shown} px of ${wanted}`);
}

/** Texts of charts that reach out of their chart or over each other. */
async function badlyPlaced(page: Page): Promise<string[]> {
  return (await page.evaluate(`[...document.querySelectorAll(".js-plotly-plot")].flatMap((chart) => {
    const area = chart.getBoundingClientRect();
    const texts = [...chart.querySelectorAll("svg.main-svg text, svg.main-svg .annotation-text")]
      .filter((e) => e.textContent.trim() && e.getClientRects().length > 0)
      .map((e) => ({ name: e.textContent, slanted: /rotate\\((?!0|-90)/.test(e.getAttribute("transform")), ...e.getBoundingClientRect().toJSON() }));
    const outside = texts.filter((t) => t.left < area.left - 1 || t.right > area.right + 1 || t.top < area.top - 1 || t.bottom > area.bottom + 1);
    // Lines of text are higher than their letters.
    const over = (a, b) => Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1 && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 4;
    // The box around a slanted text is larger than the text.
    const level = texts.filter(({ slanted }) => !slanted);
    const both = level.flatMap((a, i) => level.slice(i + 1).filter((b) => over(a, b)).map((b) => a.name + " over " + b.name));
    return [...outside.map(({ name }) => name + " is cut"), ...both];
  })`)) as string[];
}

describe("displays in JupyterLab", { skip: noBrowser }, () => {
  let browser: Browser | undefined;
  let lab: Lab | undefined;
  let page: Page;
  let errors: string[];
  let outside: string[];

  before(async () => {
    rmSync(work, { recursive: true, force: true });
    mkdirSync(work, { recursive: true });
    writeNotebook();
    browser = await launchBrowser();
    lab = await startLab({ folder: work });
    ({ page, errors, outside } = await openNotebook(browser!, lab!, "displays.ipynb"));
    await page.setViewportSize({ width: 1000, height: 1300 });
    await runAll(page);
  });
  after(async () => {
    await browser?.close();
    await lab?.stop();
  });

  for (const name of names) {
    it(`${name} is seen, and looks as reviewed`, async () => {
      await assertSeen(page, name, "interactive");
      // A player's signs are grey until its sound is there.
      await outputOf(page, name)
        .locator("audio")
        .evaluateAll(async (elements) => {
          for (const player of elements as unknown as {
            preload: string;
            readyState: number;
            onloadedmetadata: unknown;
          }[]) {
            player.preload = "metadata";
            if (player.readyState === 0) await new Promise((done) => (player.onloadedmetadata = done));
          }
        });
      // The words beside a bar tell times, which differ.
      const shown = name === "progress" ? outputOf(page, name).locator("progress").first() : outputOf(page, name);
      const picture = await shown.screenshot();
      const kept = join(reviewed, `${name}.png`);
      if (process.env.REVIEWED) {
        mkdirSync(reviewed, { recursive: true });
        writeFileSync(kept, picture);
      }
      const changed = join(work, `${name}-changed.png`);
      writeFileSync(changed, picture);
      assert.ok(existsSync(kept), `no reviewed picture; look at ${changed}, then run with REVIEWED=1`);
      const { all, field } = await difference(page, picture, readFileSync(kept));
      if (process.env.REVIEWED) console.log(name, all, field);
      const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
      assert.ok(
        all < 0.015 && field < 0.12,
        `${name} differs by ${percent(all)} and in one field by ${percent(field)}, expected under 1.5 % and 12 %; look at ${changed}`,
      );
      rmSync(changed);
    });
  }

  it("nothing hostile ran, nothing failed, no request left the server", async () => {
    assert.equal(await page.locator('img[src="x"]').count(), 0);
    assert.deepEqual(errors, []);
    assert.deepEqual(outside, []);
  });

  it("a picture follows the sound: the cursor moves with the player's position, a click moves the player", async () => {
    const output = outputOf(page, "predictions");
    const cursor = output.locator("div[style*='pointer-events']").first();
    const left = async (): Promise<number> => (await cursor.boundingBox())!.x;
    const start = await left();
    const audio = output.locator("audio").first();
    await audio.evaluate((element) => {
      const a = element as unknown as { currentTime: number };
      a.currentTime = 1.5;
    });
    const moved = ([e, before]: [unknown, number]): boolean =>
      (e as { getBoundingClientRect(): { x: number } }).getBoundingClientRect().x !== before;
    await page.waitForFunction(moved as never, [await cursor.elementHandle(), start]);
    const width = (await output.locator("img").first().boundingBox())!.width - 62 - 76;
    assert.ok(Math.abs((await left()) - start - width / 2) < 3, "half the plot after half the sound");
    assert.equal(
      await output.locator("div[style*='pointer-events']").count(),
      3,
      "one over each plot, none over titles",
    );
  });

  it("explore filters by words, split and length and sorts by a column", async () => {
    const output = outputOf(page, "explore");
    const rows = output.locator("tbody tr:visible");
    const status = output.locator("[role=status]");
    const [words, from, to] = ["words", "shortest length in seconds", "longest length in seconds"].map((name) =>
      output.getByLabel(name, { exact: true }),
    );
    const split = output.getByLabel("split", { exact: true });
    const shows = async (n: number): Promise<void> => {
      assert.equal(await rows.count(), n);
      assert.equal(await status.textContent(), `${n} of 4`);
    };
    await shows(4);
    await words!.fill("train");
    await shows(2);
    await words!.fill("");
    await split.selectOption("test");
    await shows(2);
    await words!.fill("0.6");
    await shows(1);
    await words!.fill("");
    await split.selectOption("all");
    await to!.fill("0.5");
    await shows(0);
    await to!.fill("");
    await from!.fill("2");
    await shows(0);
    await from!.fill("");
    const head = output.locator("th", { hasText: "loss" });
    await head.click();
    assert.equal(await head.getAttribute("aria-sort"), "ascending");
    assert.match((await rows.first().textContent()) ?? "", /sinsaw0 ?[^.]*1\.000 s/);
    await head.press("Enter");
    assert.equal(await head.getAttribute("aria-sort"), "descending");
    assert.match((await rows.first().textContent()) ?? "", /0\.9/);
  });

  for (const width of [1200, 800, 390]) {
    it(`at ${width} px nothing is wider than its cell, and the texts of charts are whole and apart`, async () => {
      await page.setViewportSize({ width, height: 900 });
      await settled(page);
      for (const name of names) {
        const [inner, outer] = (await outputOf(page, name).evaluate((e) => {
          const area = e as unknown as { scrollWidth: number; clientWidth: number };
          return [area.scrollWidth, area.clientWidth];
        })) as [number, number];
        assert.ok(inner <= outer + 1, `${name}: ${inner} px in ${outer}`);
      }
      await assertChartsOpen(page);
      assert.deepEqual(await badlyPlaced(page), []);
      const explore = await outputOf(page, "explore").boundingBox();
      const player = await outputOf(page, "explore").locator("audio").first().boundingBox();
      assert.ok(player!.x + player!.width <= explore!.x + explore!.width, "explore keeps its player in sight");
      await page.setViewportSize({ width: 1000, height: 1300 });
    });
  }

  it("on the dark theme no display brings a light ground", async () => {
    await page.evaluate(`window.jupyterapp.commands.execute("apputils:change-theme", { theme: "JupyterLab Dark" })`);
    await page.waitForFunction(`document.body.dataset.jpThemeLight === "false"`);
    await settled(page);
    const black = await page.evaluate(`(async () => {
      const c = new OffscreenCanvas(240, 180);
      const x = c.getContext("2d");
      x.fillStyle = "#111";
      x.fillRect(0, 0, 240, 180);
      const bytes = new Uint8Array(await (await c.convertToBlob()).arrayBuffer());
      return btoa(String.fromCharCode(...bytes));
    })()`);
    for (const name of names.filter((n) => n !== "confusion")) {
      const output = outputOf(page, name);
      await output.scrollIntoViewIfNeeded();
      const { all } = await difference(page, await output.screenshot(), Buffer.from(black as string, "base64"));
      assert.ok(all < 0.35, `${name} is ${(100 * all).toFixed(0)} % away from dark`);
    }
    await assertChartsOpen(page);
    await save(page);
  });

  it("a player remembers its position over a reload", async () => {
    const audio = (): Locator => outputOf(page, "player").locator("audio").first();
    const at = (): Promise<number> => audio().evaluate((e) => (e as unknown as { currentTime: number }).currentTime);
    await audio().evaluate((e) => {
      (e as unknown as { currentTime: number }).currentTime = 1.25;
    });
    await page.waitForFunction(`Object.keys(sessionStorage).some((key) => key.startsWith("deep-audio"))`);
    await page.reload();
    await page.waitForSelector(".jp-NotebookPanel .jp-Cell");
    await kernelIdle(page);
    await audio().waitFor({ state: "visible" });
    await page.waitForFunction((e) => (e as { currentTime: number }).currentTime > 1, await audio().elementHandle());
    assert.ok(Math.abs((await at()) - 1.25) < 0.3, `${await at()} s`);
  });
});

describe("the saved displays", { skip: noBrowser }, () => {
  let browser: Browser | undefined;
  before(async () => {
    browser = await launchBrowser();
  });
  after(async () => {
    await browser?.close();
  });

  it("are seen when the notebook is opened elsewhere, untrusted, without running it", async () => {
    const lab = await startLab({ folder: work }); // settings of its own, so it has never signed this notebook
    try {
      const { page, errors } = await openNotebook(browser!, lab!, "displays.ipynb");
      assert.equal(await page.locator(".jp-OutputArea script").count(), 0);
      for (const name of names) await assertSeen(page, name, "interactive");
      for (const width of [1270, 1260]) {
        await page.setViewportSize({ width, height: 1700 });
        await settled(page);
        await assertChartsOpen(page);
      }
      assert.deepEqual(errors, []);
    } finally {
      await lab.stop();
    }
  });

  it("are seen in exported html with the network off", async () => {
    execFileSync(pythonPath, ["-m", "nbconvert", "--to", "html", file], { stdio: "pipe" });
    const context = await browser!.newContext({ offline: true });
    const page = await context.newPage();
    page.setDefaultTimeout(0);
    await page.goto(`file://${join(work, "displays.html")}`, { waitUntil: "domcontentloaded" });
    for (const name of names) await assertSeen(page, name, "static");
    // As nbconvert's webpdf prints it.
    const pdf = (await page.pdf()).toString("latin1");
    assert.ok(pdf.split("/Subtype /Image").length > 8, "pictures in the pdf");
    await context.close();
  });

  it("are pictures in LaTeX, which nbconvert makes pdfs of, as far as the notebook has room; the others keep their words", () => {
    execFileSync(pythonPath, ["-m", "nbconvert", "--to", "latex", file], { stdio: "pipe" });
    const latex = readFileSync(join(work, "displays.tex"), "utf8");
    const { cells } = JSON.parse(readFileSync(file, "utf8")) as {
      cells: { outputs: { data?: Record<string, string | string[]>; metadata?: object }[] }[];
    };
    const outputs = cells.flatMap((cell) => cell.outputs);
    const shown = outputs.flatMap(({ data }) => (data ? [data] : []));
    assert.ok(shown.length >= names.length);
    const pictures = outputs
      .filter(({ metadata }) => metadata && "deep_audio_picture" in metadata)
      .map(({ data }) => data);
    const included = [...latex.matchAll(/\\adjustimage\{.*\}\{([^{}]*\.png)\}/g)].map(([, name]) => name!);
    assert.ok(pictures.length >= 5, `${pictures.length} pictures`);
    assert.equal(included.length, pictures.length);
    for (const name of included) {
      const png = readFileSync(join(work, name));
      const [width, height] = [png.readUInt32BE(16), png.readUInt32BE(20)];
      assert.ok(width >= 500 && height >= 150, `${name}: ${width} × ${height}`);
    }
    for (const data of shown.filter((each) => !pictures.includes(each))) {
      const words = [data["text/plain"]!]
        .flat()
        .join("")
        .match(/[A-Za-z]{4,}/g)!
        .slice(0, 3);
      for (const word of words) assert.ok(latex.includes(word), `${word} of ${words}`);
    }
  });

  it("stay under 2 MB, and no picture stands before its chart", () => {
    const bytes = readFileSync(file).length;
    assert.ok(!readFileSync(file, "utf8").includes('"image/png"'));
    assert.ok(bytes <= 2e6, `${bytes} bytes for ${names.length} displays`);
  });
});
