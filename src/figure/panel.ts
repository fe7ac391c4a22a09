import { NEUTRAL } from "./colour.js";
import type { Scale } from "./scale.js";

/** One plot of a figure: axes, what is drawn as SVG, and the same as plotly traces. */
export interface Panel {
  title?: string;
  x: Scale;
  y: Scale;
  /** Height of the plot area in pixels. */
  height: number;
  /** SVG of the data inside the plot area. */
  draw(box: Box): string;
  /** Plotly traces without their axes. */
  traces: Record<string, unknown>[];
  /** Pictures under the traces, in axis values. */
  images?: PanelImage[];
  bar?: ColourBar;
  legend?: { text: string; colour: string; dash?: boolean }[];
  /** Extra keys of plotly's layout, for example barmode. */
  layout?: Record<string, unknown>;
}

/** A picture spanning a rectangle of axis values. */
export interface PanelImage {
  /** data: URI */
  source: string;
  x0: number;
  x1: number;
  y0: number;
  y1: number;
}

/** The key of a colour map: colours from the lowest to the highest value. */
export interface ColourBar {
  scale: [number, string][];
  min: number;
  max: number;
  label: string;
}

/** The plot area in pixels and the way from values to pixels. */
export interface Box {
  width: number;
  height: number;
  px(value: number): number;
  py(value: number): number;
}

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

/** A plotly annotation at a corner of the picture. */
const LABEL = { xref: "paper", yref: "paper", xanchor: "left", yanchor: "bottom", showarrow: false };

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
  const layout = baseLayout(right, total);
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
    (layout.annotations as unknown[]).push({ ...LABEL, text: escapeText(options.note), x: 0, y: 0 });
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

/** Where a plot lies, as fractions of the picture without its side margins. */
interface Place {
  across: [number, number];
  up: [number, number];
}

function addToPlotly(
  panel: Panel,
  index: number,
  place: Place,
  linked: boolean,
  data: Record<string, unknown>[],
  layout: Record<string, unknown>,
): void {
  const n = index === 0 ? "" : String(index + 1);
  const { across, up } = place;
  const grid = panel.images ? { showgrid: false } : {}; // a grid would be drawn over the picture
  layout[`xaxis${n}`] = {
    ...axis(panel.x),
    ...grid,
    domain: across,
    anchor: `y${n}`,
    ...(linked && index ? { matches: "x" } : {}),
  };
  layout[`yaxis${n}`] = { ...axis(panel.y), ...grid, domain: up, anchor: `x${n}` };
  for (const trace of panel.traces) data.push({ ...trace, xaxis: `x${n}`, yaxis: `y${n}` });
  if (panel.bar) data.push(colourBarTrace(panel.bar, n, across[1], up));
  const y = (value: number): number => (panel.y.kind === "warped" ? panel.y.position(value) : value);
  const coordinate = (value: number): number => (panel.y.kind === "log" ? Math.log10(value) : y(value));
  for (const image of panel.images ?? []) {
    (layout.images as unknown[]).push({
      source: image.source,
      xref: `x${n}`,
      yref: `y${n}`,
      x: image.x0,
      y: coordinate(image.y1),
      sizex: image.x1 - image.x0,
      sizey: coordinate(image.y1) - coordinate(image.y0),
      sizing: "stretch",
      layer: "below",
    });
  }
  if (panel.title) {
    (layout.annotations as unknown[]).push({ ...LABEL, text: escapeText(panel.title), x: across[0], y: up[1] });
  }
  if (panel.legend) {
    const names = panel.legend.map(
      (l) => `<span style="color:${l.colour}">${l.dash ? "╍╍" : "━━"} ${escapeText(l.text)}</span>`,
    );
    (layout.annotations as unknown[]).push({
      ...LABEL,
      text: names.join("  "),
      x: across[1],
      y: up[1],
      xanchor: "right",
    });
  }
  Object.assign(layout, panel.layout);
}

function axis(scale: Scale): Record<string, unknown> {
  const style = { gridcolor: "rgba(122,122,122,.25)", zeroline: false, linecolor: NEUTRAL, mirror: true };
  const title = { text: escapeText(scale.label), standoff: 5 };
  const ticks = { tickmode: "array", ticktext: scale.ticks.map((t) => escapeText(t.text)) };
  if (scale.kind === "log") {
    const range = [Math.log10(scale.min), Math.log10(scale.max)];
    return { ...style, ...ticks, title, type: "log", range, tickvals: scale.ticks.map((t) => t.at) };
  }
  if (scale.kind === "linear" && scale.ticks.every((t) => Number.isFinite(Number(t.text.replaceAll(",", ""))))) {
    const step =
      scale.whole && scale.ticks.length > 1 ? { dtick: Math.round(scale.ticks[1]!.at - scale.ticks[0]!.at) } : {};
    return { ...style, ...step, title, range: [scale.min, scale.max] };
  }
  const warped = scale.kind === "warped";
  return {
    ...style,
    ...ticks,
    title,
    range: warped ? [0, 1] : [scale.min, scale.max],
    tickvals: scale.ticks.map((t) => (warped ? scale.position(t.at) : t.at)),
  };
}

/** Plotly draws a colour bar only beside a trace, so an empty one carries it. */
function colourBarTrace(bar: ColourBar, n: string, right: number, up: [number, number]): Record<string, unknown> {
  return {
    type: "scatter",
    mode: "markers",
    x: [null],
    y: [null],
    xaxis: `x${n}`,
    yaxis: `y${n}`,
    hoverinfo: "skip",
    showlegend: false,
    marker: {
      color: [bar.min],
      cmin: bar.min,
      cmax: bar.max,
      colorscale: bar.scale,
      showscale: true,
      colorbar: {
        title: { text: escapeText(bar.label) },
        thickness: 12,
        x: right + 0.01,
        xanchor: "left",
        y: (up[0] + up[1]) / 2,
        len: up[1] - up[0],
        lenmode: "fraction",
        ypad: 0,
      },
    },
  };
}

function baseLayout(right: number, height: number): Record<string, unknown> {
  return {
    height,
    autosize: true,
    margin: { l: LEFT, r: right, t: 0, b: 0 },
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    font: { color: NEUTRAL, size: 12 },
    showlegend: false,
    hovermode: "closest",
    images: [],
    annotations: [],
  };
}

/** Escapes text for html, SVG and plotly labels, in content and in quoted attributes. */
export function escapeText(text: string): string {
  const names: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };
  return text.replace(/[&<>"']/g, (c) => names[c]!);
}

/** One decimal is a tenth of a pixel: shorter files, same picture. */
export function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function short(text: string): string {
  return text.length > 9 ? `${text.slice(0, 8)}…` : text;
}
