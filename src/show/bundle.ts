import type { OptionNames } from "../core/known-options.js";
import type { MimeBundle } from "../notebook/display.js";
import type { Figure } from "../figure/figure.js";
import { escapeText } from "../figure/panel.js";

/** Options that every display takes. */
export interface ShowOptions {
  /** Shown above the picture. Default: the file's or example's name. */
  title?: string;
  /** Width of the static picture in pixels. Default 720. */
  width?: number;
  /** Most bytes that the output may add to the notebook. Default 300,000; the output says what was left out to stay below. */
  maxBytes?: number;
}

/** Their names. */
export const SHOW_OPTIONS: OptionNames<ShowOptions> = { title: true, width: true, maxBytes: true };

/** The default of `maxBytes`. */
export const MAX_BYTES = 300_000;

/** The bytes a bundle adds to a notebook. */
export function bundleBytes(bundle: MimeBundle): number {
  return Buffer.byteLength(JSON.stringify(bundle));
}

/** A figure as a bundle: plotly where the front end draws it, else a picture that needs no script, else words. */
export function figureBundle(shown: Figure): MimeBundle {
  return {
    "application/vnd.plotly.v1+json": shown.plotly,
    "text/html": `<div>${pictureHtml(shown)}</div>`,
    "text/plain": shown.note ? `${shown.alt}\n${shown.note}` : shown.alt,
  };
}

/**
 * The static picture as an `img`: JupyterLab keeps that even of a notebook it doesn't trust, where it drops plain SVG
 * and scripts.
 */
export function pictureHtml(shown: Figure): string {
  const source = `data:image/svg+xml;base64,${Buffer.from(shown.svg).toString("base64")}`;
  const size = `width:100%;max-width:${shown.width}px;height:${shown.height}px`;
  return `<img alt="${escapeText(shown.alt)}" style="${size};vertical-align:top" src="${source}">`;
}

/**
 * Builds a bundle with less and less detail until it fits: `make(detail)` is called with detail 1, 0.7, 0.49 …
 * The last try is shown even when it is too large, since an output must not be empty.
 */
export function fit(maxBytes: number, make: (detail: number) => MimeBundle): MimeBundle {
  let bundle = make(1);
  for (let detail = 0.7; bundleBytes(bundle) > maxBytes && detail > 0.02; detail *= 0.7) bundle = make(detail);
  return bundle;
}

const NUMBER = /^(NaN|[-+]?Infinity|[-+]?[\d.,]+(e[-+]?\d+)?( ?[%a-zA-Z]+)?( \d+ [a-z]+)?)$/;

/** What stands above a whole display; escaped. */
export function headingHtml(text: string): string {
  return `<div style="font-weight:600">${escapeText(text)}</div>`;
}

/** A line above a part of a display; escaped. */
export function captionHtml(text: string): string {
  return `<div style="margin:8px 0 4px">${escapeText(text)}</div>`;
}

/** An html table: head and rows of text; columns of numbers, with or without unit, aligned right. Everything is escaped. */
export function tableHtml(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const isNumber = (value: string | number = ""): boolean => typeof value === "number" || NUMBER.test(value);
  // Cells may be empty, but not all.
  const numbers = head.map(
    (_, c) => rows.some((row) => row[c] !== "") && rows.every((row) => row[c] === "" || isNumber(row[c])),
  );
  // A long word breaks before the table is wider than a phone's screen.
  const style = head.map((_, c) => {
    if (numbers[c]) return "text-align:right";
    return `text-align:left${rows.some((row) => String(row[c] ?? "").length > 20) ? ";min-width:12ch;overflow-wrap:anywhere" : ""}`;
  });
  const cell = (value: string | number, c: number, tag: string): string =>
    `<${tag} style="${style[c]};padding:2px 8px">${escapeText(typeof value === "number" ? numberText(value) : value)}</${tag}>`;
  const line = (row: readonly (string | number)[], tag: string): string =>
    `<tr>${row.map((value, c) => cell(value, c, tag)).join("")}</tr>`;
  return `<div style="overflow-x:auto"><table style="border-collapse:collapse"><thead>${line(head, "th")}</thead><tbody>${rows.map((row) => line(row, "td")).join("")}</tbody></table></div>`;
}

/** The same table as aligned text. */
export function tableText(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const lines = [head, ...rows.map((row) => row.map((v) => (typeof v === "number" ? numberText(v) : v)))];
  const widths = head.map((_, c) => Math.max(...lines.map((line) => (line[c] ?? "").length)));
  return lines
    .map((line) =>
      line
        .map((v, c) => v.padEnd(widths[c]!))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

/** A number for people: whole numbers with separators, others with 4 significant digits. */
export function numberText(value: number): string {
  return Number.isInteger(value) ? value.toLocaleString("en-US") : String(Number(value.toPrecision(4)));
}

/** Seconds for people: `0.500 s`, `12.3 s`, `3 min 20 s`, `1 h 5 min`. */
export function secondsText(seconds: number): string {
  if (seconds < 10) return `${seconds.toFixed(3)} s`;
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const s = Math.round(seconds);
  if (s < 3600) return `${Math.floor(s / 60)} min ${s % 60} s`;
  return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
}
