import { NEUTRAL } from "./colour.js";
import { type Box, type ColourBar, escapeText, type Panel, round } from "./panel.js";
import { addNote, addToPlotly, baseLayout } from "./plotly.js";

/** A finished picture: static, interactive, and in words. */
export interface Figure {
  /** A self-contained SVG picture on a transparent ground. */
  svg: string;
  plotly: { data: Record<string, unknown>[]; layout: Record<string, unknown>; config: Record<string, unknown> };
  /** Where the first column's plots lie, as fractions of the picture's width: for a cursor over it. */
  plot: { left: number; right: number };
  /** What the picture shows, for those who don't see it and where pictures aren't shown. */
  alt: string;
  /** What was left out to keep the output small. */
  note?: string;
}

/** How panels are put together. */
export interface FigureOptions {
  /** Pixels of the whole picture. Default 720. */
  width?: number;
  /** Panels side by side in this many columns. Default 1. */
  columns?: number;
  alt: string;
  note?: string;
  /** Zooms all panels' x axes together in plotly. Default true. */
  linked?: boolean;
}

const LEFT = 62;
const TOP = 26;
const BOTTOM = 40;
const NOTE = 22;

/** Puts panels into one figure, row by row. */
export function figure(panels: readonly Panel[], options: FigureOptions): Figure {
  const width = options.width ?? 720;
  const columns = options.columns ?? 1;
  const right = panels.some((p) => p.bar) ? 76 : 14;
  const plotWidth = width / columns - LEFT - right;
  const rows: Panel[][] = [];
  for (let i = 0; i < panels.length; i += columns) rows.push(panels.slice(i, i + columns));
  const tops: number[] = [];
  let total = 0;
  for (const row of rows) {
    tops.push(total);
    total += TOP + BOTTOM + Math.max(...row.map((p) => p.height));
  }
  if (options.note) total += NOTE;
  const parts: string[] = [];
  const data: Record<string, unknown>[] = [];
  const layout = baseLayout(LEFT, right, total);
  panels.forEach((panel, i) => {
    const left = (i % columns) * (width / columns) + LEFT;
    const top = tops[Math.floor(i / columns)]! + TOP;
    parts.push(`<g transform="translate(${round(left)} ${round(top)})">${panelSvg(panel, plotWidth, i)}</g>`);
    const inner = width - LEFT - right;
    const across: [number, number] = [(left - LEFT) / inner, (left - LEFT + plotWidth) / inner];
    const up: [number, number] = [1 - (top + panel.height) / total, 1 - top / total];
    addToPlotly(panel, i, { across, up }, options.linked ?? true, data, layout);
  });
  if (options.note) {
    parts.push(`<text x="4" y="${total - 5}">${escapeText(options.note)}</text>`);
    addNote(layout, options.note);
  }
  const svg =
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${total}" viewBox="0 0 ${width} ${total}" ` +
    `font-family="system-ui,sans-serif" font-size="12" fill="${NEUTRAL}" role="img"><title>${escapeText(options.alt)}</title>${parts.join("")}</svg>`;
  return {
    svg,
    plotly: { data, layout, config: { displaylogo: false, responsive: true } },
    plot: { left: LEFT / width, right: (LEFT + plotWidth) / width },
    alt: options.alt,
    note: options.note,
  };
}

function panelSvg(panel: Panel, width: number, index: number): string {
  const { x, y, height } = panel;
  const box: Box = {
    width,
    height,
    px: (value) => round(x.position(value) * width),
    py: (value) => round((1 - y.position(value)) * height),
  };
  const grid = `stroke="${NEUTRAL}" stroke-opacity=".25"`;
  const xs = x.ticks.map(
    (t) =>
      `<path d="M${box.px(t.at)} 0V${height}" ${grid}/><text x="${box.px(t.at)}" y="${height + 15}" text-anchor="middle">${escapeText(t.text)}</text>`,
  );
  const ys = y.ticks.map(
    (t) =>
      `<path d="M0 ${box.py(t.at)}H${round(width)}" ${grid}/><text x="-6" y="${box.py(t.at) + 4}" text-anchor="end">${escapeText(short(t.text))}</text>`,
  );
  const title = panel.title ? `<text y="-9" font-weight="600">${escapeText(panel.title)}</text>` : "";
  const legend = (panel.legend ?? []).map(({ text, colour, dash }, i, all) => {
    const at = round(width - (all.length - i) * 92);
    return `<path d="M${at} -13h16" stroke="${colour}" stroke-width="4"${dash ? ' stroke-dasharray="4 3"' : ""}/><text x="${at + 20}" y="-9">${escapeText(text)}</text>`;
  });
  return (
    `${xs.join("")}${ys.join("")}${title}${legend.join("")}` +
    `<text x="${round(width / 2)}" y="${height + 32}" text-anchor="middle">${escapeText(x.label)}</text>` +
    `<text transform="translate(-50 ${round(height / 2)}) rotate(-90)" text-anchor="middle">${escapeText(y.label)}</text>` +
    `<clipPath id="c${index}"><rect width="${round(width)}" height="${height}"/></clipPath><g clip-path="url(#c${index})">${panel.draw(box)}</g>` +
    `<rect width="${round(width)}" height="${height}" fill="none" stroke="${NEUTRAL}"/>${panel.bar ? barSvg(panel.bar, width, height, index) : ""}`
  );
}

function barSvg(bar: ColourBar, width: number, height: number, index: number): string {
  const stops = bar.scale.map(([at, colour]) => `<stop offset="${at}" stop-color="${colour}"/>`).join("");
  const marks = [0, 0.5, 1].map((at) => {
    const value = Math.round(bar.min + (bar.max - bar.min) * at);
    return `<text x="${round(width + 26)}" y="${round((1 - at) * (height - 8) + 8)}">${value}</text>`;
  });
  return (
    `<linearGradient id="b${index}" x2="0" y1="1" y2="0">${stops}</linearGradient>` +
    `<rect x="${round(width + 10)}" width="12" height="${height}" fill="url(#b${index})"/>${marks.join("")}` +
    `<text x="${round(width + 10)}" y="-9">${escapeText(bar.label)}</text>`
  );
}

function short(text: string): string {
  return text.length > 9 ? `${text.slice(0, 8)}…` : text;
}
