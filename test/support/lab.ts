// JupyterLab on a free port of this machine with throw-away settings, driven by Chromium: what a person would see.
import type { ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Browser, chromium, type Locator, type Page } from "playwright-core";
import { writeFontConfig } from "./fonts.js";
import { find } from "./programs.js";
import { start } from "./processes.js";
import { pythonPath, root } from "./python.js";

/** The browser: what CHROMIUM names, else the first of its usual names on the PATH. */
export const chromiumPath: string | undefined =
  process.env.CHROMIUM ?? find("chromium", "chromium-browser", "google-chrome");

/** For the `skip` option of a browser test: why it can't run. CI has a browser, so there nothing is skipped. */
export const noBrowser: string | false =
  chromiumPath || process.env.CI ? false : "no Chromium: install Debian's chromium or name one with CHROMIUM";

/** A running JupyterLab. */
export interface Lab {
  url: string;
  token: string;
  pid: number;
  /** Its log so far. */
  log(): string;
  stop(): Promise<void>;
}

/** A notebook that is open in the browser, with everything that went wrong on the page. */
export interface OpenNotebook {
  page: Page;
  /** Errors of the page and of its console. */
  errors: string[];
  /** Requests that left the server. */
  outside: string[];
}

/** Starts JupyterLab on `folder` (default: the project) and waits until it answers. */
export async function startLab(options: { folder?: string; env?: NodeJS.ProcessEnv } = {}): Promise<Lab> {
  const state = mkdtempSync(join(tmpdir(), "deep-audio-lab-"));
  writeSettings(state);
  const port = await freePort();
  const token = randomBytes(16).toString("hex");
  const log = join(state, "lab.log");
  const out = openSync(log, "w");
  const args = ["--no-browser", "--allow-root", "--ip=127.0.0.1", `--port=${port}`, "--ServerApp.port_retries=0"];
  args.push(`--ServerApp.root_dir=${options.folder ?? root}`, "--LabApp.expose_app_in_browser=True");
  const child = start(pythonPath, ["-m", "jupyterlab", ...args], {
    stdio: ["ignore", out, out],
    env: {
      ...process.env,
      JUPYTER_TOKEN: token,
      JUPYTER_CONFIG_DIR: join(state, "config"),
      JUPYTER_RUNTIME_DIR: join(state, "runtime"),
      JUPYTER_DATA_DIR: join(state, "data"),
      IPYTHONDIR: join(state, "ipython"),
      ...options.env,
    },
  });
  const url = `http://127.0.0.1:${port}`;
  const readLog = (): string => readFileSync(log, "utf8");
  await untilAnswers(child, `${url}/api/status?token=${token}`, readLog);
  const stop = async (): Promise<void> => {
    // Not by its own shutdown, which ends the kernels and then, at times, waits for one of its threads without end.
    const kernels = (await (await fetch(`${url}/api/kernels?token=${token}`)).json()) as { id: string }[];
    await Promise.all(kernels.map(({ id }) => fetch(`${url}/api/kernels/${id}?token=${token}`, { method: "DELETE" })));
    const end = once(child, "exit");
    child.kill("SIGKILL");
    await end;
    rmSync(state, { recursive: true, force: true });
  };
  return { url, token, pid: child.pid!, log: readLog, stop };
}

/** No pop-up with news, and every cell drawn whether it is in view or not. */
function writeSettings(state: string): void {
  const settings = join(state, "config/lab/user-settings/@jupyterlab/notebook-extension");
  const lab = join(state, "config/labconfig");
  for (const folder of [settings, lab, ...["runtime", "data", "ipython"].map((name) => join(state, name))]) {
    mkdirSync(folder, { recursive: true });
  }
  const off = { "@jupyterlab/apputils-extension:announcements": true };
  writeFileSync(join(lab, "page_config.json"), JSON.stringify({ disabledExtensions: off }));
  writeFileSync(join(settings, "tracker.jupyterlab-settings"), JSON.stringify({ windowingMode: "none" }));
}

async function untilAnswers(child: ChildProcess, url: string, log: () => string): Promise<void> {
  for (;;) {
    if (child.exitCode !== null) throw new Error(`JupyterLab ended with ${child.exitCode}:\n${log()}`);
    const answer = await fetch(url).catch((error: Error) => error);
    if (!(answer instanceof Error) && answer.ok) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}

/** Starts Chromium, with the tests' own fonts. */
export async function launchBrowser(): Promise<Browser> {
  if (!chromiumPath) throw new Error("no Chromium, expected one on the PATH or in CHROMIUM");
  const args = [
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--autoplay-policy=no-user-gesture-required",
  ];
  const state = mkdtempSync(join(tmpdir(), "deep-audio-browser-"));
  const env = { ...process.env, FONTCONFIG_FILE: writeFontConfig(state) } as Record<string, string>;
  const browser = await chromium.launch({ executablePath: chromiumPath, headless: true, args, env, timeout: 0 });
  browser.on("disconnected", () => rmSync(state, { recursive: true, force: true }));
  return browser;
}

/** Opens a notebook (path below the Lab's folder) in single-document mode and waits until its kernel is idle. */
export async function openNotebook(browser: Browser, lab: Lab, path: string): Promise<OpenNotebook> {
  const page = await browser.newPage({ viewport: { width: 1280, height: 1700 } });
  // What is waited for takes as long as the machine needs.
  page.setDefaultTimeout(0);
  const errors: string[] = [];
  const outside: string[] = [];
  page.on("pageerror", (error) => errors.push(String(error)));
  page.on("console", (message) => {
    if (message.type() === "error") errors.push(`console: ${message.text()}`);
  });
  page.on("request", (request) => {
    if (!request.url().startsWith(lab.url) && !/^(data|blob):/.test(request.url())) outside.push(request.url());
  });
  const address = encodeURI(`${lab.url}/doc/tree/${path}`);
  await page.goto(`${address}?token=${lab.token}&reset`, { waitUntil: "domcontentloaded" });
  await page.waitForSelector(".jp-NotebookPanel .jp-Cell");
  await kernelIdle(page);
  return { page, errors, outside };
}

/** Waits until the open notebook's kernel is idle. */
export async function kernelIdle(page: Page): Promise<void> {
  const idle = `window.jupyterapp?.shell.currentWidget?.context?.sessionContext?.session?.kernel?.status === "idle"`;
  await page.waitForFunction(idle);
}

/** Runs every cell and waits until each has run, or until an error stopped the run. */
export async function runAll(page: Page): Promise<void> {
  // Not awaited in the page: the command ends with the last cell only.
  await page.evaluate(`void window.jupyterapp.commands.execute("notebook:run-all-cells")`);
  await page.waitForFunction(
    `(() => {
      const widget = window.jupyterapp.shell.currentWidget;
      const cells = [...widget.content.model.sharedModel.cells].filter((c) => c.cell_type === "code" && c.getSource().trim());
      const failed = cells.some((c) => c.outputs.some((o) => o.output_type === "error"));
      const idle = widget.context.sessionContext.session?.kernel?.status === "idle";
      return idle && (failed || cells.every((c) => c.execution_count != null && c.executionState !== "running"));
    })()`,
    null,
    { polling: 200 },
  );
}

/** The output area of the first code cell that contains `text`, scrolled into view. */
export async function cellOutput(page: Page, text: string): Promise<Locator> {
  const cell = page.locator(".jp-CodeCell", { hasText: text }).first();
  await cell.scrollIntoViewIfNeeded();
  return cell.locator(".jp-OutputArea").first();
}

/** Runs one of JupyterLab's commands, for example "kernelmenu:interrupt". */
export async function command(page: Page, name: string): Promise<void> {
  await page.evaluate(`window.jupyterapp.commands.execute(${JSON.stringify(name)})`);
}

/** Saves the open notebook. */
export async function save(page: Page): Promise<void> {
  await command(page, "docmanager:save");
}
