import { NEUTRAL } from "./colour.js";
import { type Box, type ColourBar, escapeText, type Panel, round } from "./panel.js";
import { cutText, type PlacedPanel, placePanels, sameAxis, textWidth, tickName } from "./place.js";
import { addNote, addToPlotly, baseLayout } from "./plotly.js";
import { tickText } from "./scale.js";

/** A finished picture: static, interactive, and in words. */
export interface Figure {
  /** A self-contained SVG picture on a transparent ground. */
  svg: string;
  plotly: { data: Record<string, unknown>[]; layout: Record<string, unknown>; config: Record<string, unknown> };
  /** Where the plots over the first one's x axis lie, as fractions of the picture's width and height: for a cursor. */
  plot: { left: number; right: number; top: number; bottom: number };
  /** What the picture shows, for those who don't see it and where pictures aren't shown. */
  alt: string;
  /** What was left out to keep the output small. */
  note?: string | undefined;
}

/** How panels are put together. */
export interface FigureOptions {
  /** Pixels of the whole picture. Default 720. */
  width?: number | undefined;
  /** Panels side by side in this many columns. Default 1. */
  columns?: number;
  alt: string;
  note?: string | undefined;
  /** Zooms all panels' x axes together in plotly. Default true. */
  linked?: boolean;
}

const NOTE = 22;

/** Puts panels into one figure, row by row. An x axis that the panel below shares is written once, under the lowest. */
export function figure(panels: readonly Panel[], options: FigureOptions): Figure {
  const width = options.width ?? 720;
  const { placed, height, left, right } = placePanels(panels, options.columns ?? 1, width);
  const total = height + (options.note ? NOTE : 0);
  const parts: string[] = [];
  const data: Record<string, unknown>[] = [];
  const layout = baseLayout(left, right, total);
  const inner = width - left - right;
  placed.forEach((place, i) => {
    const panel = { ...place.panel, title: heading(place) };
    parts.push(
      `<g transform="translate(${round(place.left)} ${round(place.top)})">${panelSvg({ ...place, panel }, i)}</g>`,
    );
    const across: [number, number] = [(place.left - left) / inner, (place.left - left + place.width) / inner];
    const up: [number, number] = [1 - (place.top + panel.height) / total, 1 - place.top / total];
    addToPlotly({ ...place, panel, across, up }, i, options.linked ?? true, data, layout);
  });
  if (options.note) {
    parts.push(`<text x="4" y="${total - 5}">${escapeText(options.note)}</text>`);
    addNote(layout, options.note);
  }
  const svg =
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${total}" viewBox="0 0 ${width} ${total}" ` +
    `font-family="system-ui,sans-serif" font-size="12" fill="${NEUTRAL}" role="img"><title>${escapeText(options.alt)}</title>${parts.join("")}</svg>`;
  const first = placed[0]!;
  const last = placed.filter((place) => sameAxis(place.panel, first.panel)).at(-1) ?? first;
  return {
    svg,
    // Not responsive: plotly then draws into 100 % of no height when the page is resized. JupyterLab resizes by itself.
    plotly: { data, layout, config: { displaylogo: false } },
    plot: {
      left: left / width,
      right: (left + first.width) / width,
      top: first.top / total,
      bottom: (last.top + last.panel.height) / total,
    },
    alt: options.alt,
    note: options.note,
  };
}

/** The title, cut where it would run into the legend or out of the picture. */
function heading({ panel, width }: PlacedPanel): string | undefined {
  if (!panel.title) return undefined;
  return cutText(panel.title, width - (panel.legend ?? []).reduce((sum, { text }) => sum + legendWidth(text), 0));
}

function legendWidth(text: string): number {
  return 32 + textWidth(cutText(text, 150));
}

function panelSvg({ panel, width, written, turned }: PlacedPanel, index: number): string {
  const { x, y, height } = panel;
  const box: Box = {
    width,
    height,
    px: (value) => round(x.position(value) * width),
    py: (value) => round((1 - y.position(value)) * height),
  };
  const grid = `stroke="${NEUTRAL}" stroke-opacity=".25"`;
  let foot = height + 32;
  const xs = x.ticks.map((t) => {
    const at = box.px(t.at);
    const line = `<path d="M${at} 0V${height}" ${grid}/>`;
    if (!written) return line;
    const name = tickName(t);
    if (turned) foot = Math.max(foot, height + 28 + 0.7 * textWidth(name));
    const place = turned
      ? `transform="translate(${at + 4} ${height + 14}) rotate(-45)" text-anchor="end"`
      : `x="${at}" y="${height + 15}" text-anchor="middle"`;
    return `${line}<text ${place}>${escapeText(name)}</text>`;
  });
  const ys = y.ticks.map(
    (t) =>
      `<path d="M0 ${box.py(t.at)}H${round(width)}" ${grid}/><text x="-6" y="${box.py(t.at) + 4}" text-anchor="end">${escapeText(tickName(t))}</text>`,
  );
  const beside = 14 + Math.max(24, ...y.ticks.map((t) => textWidth(tickName(t))));
  const title = panel.title ? `<text y="-9" font-weight="600">${escapeText(panel.title)}</text>` : "";
  const name = written && x.label ? x.label : "";
  return (
    `${xs.join("")}${ys.join("")}${title}${legendSvg(panel, width)}` +
    (name ? `<text x="${round(width / 2)}" y="${round(foot)}" text-anchor="middle">${escapeText(name)}</text>` : "") +
    (y.label
      ? `<text transform="translate(${round(-beside)} ${round(height / 2)}) rotate(-90)" text-anchor="middle">${escapeText(y.label)}</text>`
      : "") +
    `<clipPath id="c${index}"><rect width="${round(width)}" height="${height}"/></clipPath><g clip-path="url(#c${index})">${panel.draw(box)}</g>` +
    `<rect width="${round(width)}" height="${height}" fill="none" stroke="${NEUTRAL}"/>${panel.bar ? barSvg(panel.bar, width, height, index) : ""}`
  );
}

function legendSvg({ legend = [] }: Panel, width: number): string {
  let at = width - legend.reduce((sum, { text }) => sum + legendWidth(text), 0) + 12;
  return legend
    .map(({ text, colour, dash }) => {
      const entry = `<path d="M${round(at)} -13h16" stroke="${colour}" stroke-width="4"${dash ? ' stroke-dasharray="4 3"' : ""}/><text x="${round(at + 20)}" y="-9">${escapeText(cutText(text, 150))}</text>`;
      at += legendWidth(text);
      return entry;
    })
    .join("");
}

function barSvg(bar: ColourBar, width: number, height: number, index: number): string {
  const stops = bar.scale.map(([at, colour]) => `<stop offset="${at}" stop-color="${colour}"/>`).join("");
  const marks = [0, 0.5, 1].map((at) => {
    const value = tickText(Number((bar.min + (bar.max - bar.min) * at).toPrecision(3))).replace("-", "−");
    return `<text x="${round(width + 26)}" y="${round((1 - at) * (height - 8) + 8)}">${value}</text>`;
  });
  return (
    `<linearGradient id="b${index}" x2="0" y1="1" y2="0">${stops}</linearGradient>` +
    `<rect x="${round(width + 10)}" width="12" height="${height}" fill="url(#b${index})"/>${marks.join("")}` +
    `<text x="${round(width + 10)}" y="-9">${escapeText(bar.label)}</text>`
  );
}
