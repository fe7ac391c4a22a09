import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { gzipSync } from "node:zlib";

const PLOTLY = "application/vnd.plotly.v1+json";

const HEAD = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark"><title>Displays</title>
<style>body{font:14px system-ui,sans-serif;max-width:1000px;margin:24px auto;padding:0 12px;background:Canvas;color:CanvasText}
section{margin:0 0 28px}img,svg{max-width:100%}</style></head><body>
`;

interface Page {
  file: string;
  sections: number;
  plotly: boolean;
}

let page: Page | undefined;
let chosen: string | undefined;

/**
 * Chooses the html file that displays go to outside a notebook. Default: `<script>.displays.html` in the current folder.
 *
 * @example show.displayFile("report.html")
 */
export function displayFile(file: string): void {
  chosen = resolve(file);
  page = undefined;
}

/**
 * Adds one bundle to the html file of this process. Each process starts a new file; plotly is embedded before the first
 * chart that needs it, so that the file opens with the network off. Without scripts the static images show.
 */
export function appendToPage(data: Record<string, unknown>): void {
  page ??= beginPage();
  page.sections++;
  const chart = data[PLOTLY];
  let body = "";
  if (chart !== undefined && !page.plotly) {
    body += plotlyScript();
    page.plotly = true;
  }
  const still = staticForm(data);
  body += `<section>${chart === undefined ? still : `${chartSection(chart, page.sections)}<noscript>${still}</noscript>`}</section>\n`;
  appendFileSync(page.file, body);
}

/** What the displays use of Plotly, packed, and the script that draws with it. */
function plotlyScript(): string {
  const [plotly, charts] = ["plotly.js", "charts.js"].map((name) => readFileSync(join(__dirname, "../web", name)));
  const notice = plotly!.subarray(0, plotly!.indexOf("*/") + 2).toString("utf8");
  const packed = gzipSync(plotly!, { level: 9 }).toString("base64");
  return `<script>${notice}\n${charts!.toString("utf8")}plotlyFrom("${packed}")</script>\n`;
}

function beginPage(): Page {
  const script = basename(process.argv[1] ?? "node").replace(/\.[cm]?[jt]s$/, "");
  const file = chosen ?? join(process.cwd(), `${script}.displays.html`);
  writeFileSync(file, HEAD);
  console.log(`displays: ${file}`);
  return { file, sections: 0, plotly: false };
}

function chartSection(chart: unknown, number: number): string {
  // "<" is escaped so that no text inside the data can end the script element.
  const json = JSON.stringify(chart).replaceAll("<", "\\u003c");
  return `<div id="chart${number}"></div><script>drawChart("chart${number}",${json})</script>`;
}

function staticForm(data: Record<string, unknown>): string {
  const text = (mime: string): string | undefined =>
    typeof data[mime] === "string" ? (data[mime] as string) : undefined;
  const html = text("text/html") ?? text("image/svg+xml");
  if (html !== undefined) return html;
  const plain = (text("text/plain") ?? "").replaceAll("&", "&amp;").replaceAll("<", "&lt;");
  const png = text("image/png");
  if (png !== undefined) return `<img alt="${plain.replaceAll('"', "&quot;")}" src="data:image/png;base64,${png}">`;
  return `<pre>${plain}</pre>`;
}
