import { HOLLOW, NEUTRAL } from "./colour.js";
import { type Box, type ColourBar, escapeText, type Panel, round } from "./panel.js";
import {
  cutText,
  legendWidth,
  LINE,
  PHONE,
  type PlacedPanel,
  placePanels,
  sameAxis,
  textWidth,
  tickName,
  wrapText,
} from "./place.js";
import { addNote, addToPlotly, baseLayout } from "./plotly.js";
import { tickText } from "./scale.js";

/** A finished picture: static, interactive, and in words. */
export interface Figure {
  /**
   * A self-contained SVG picture on a transparent ground. It has no size of its own: the plots fill what width they are
   * given, text keeps its size.
   */
  svg: string;
  /** Pixels of the picture, its width at most. */
  width: number;
  height: number;
  plotly: { data: Record<string, unknown>[]; layout: Record<string, unknown>; config: Record<string, unknown> };
  /** Where the plots over the first one's x axis lie, for a cursor: margins and tops and bottoms in pixels. */
  plot: { left: number; right: number; rows: [top: number, bottom: number][] };
  /** What the picture shows, for those who don't see it and where pictures aren't shown. */
  alt: string;
  /** What was left out to keep the output small. */
  note?: string | undefined;
}

/** How panels are put together. */
export interface FigureOptions {
  /** Pixels of the whole picture. Default 720. */
  width?: number | undefined;
  alt: string;
  note?: string | undefined;
  /** Zooms all panels' x axes together in plotly. Default true. */
  linked?: boolean;
}

/** Pixels of the narrowest plot: on a phone, with a colour bar beside it. */
const NARROWEST = 150;

/** Strokes keep their width; where the picture is narrow, every second number that has no room is left out, and names are turned. */
const STYLE =
  "<style>.d *{vector-effect:non-scaling-stroke}@media(max-width:480px){.wide{display:none}}@media(min-width:481px){.narrow{display:none}}</style>";

/** Puts panels into one figure, one under the other. An x axis that the panel below shares is written once, under the lowest. */
export function figure(panels: readonly Panel[], options: FigureOptions): Figure {
  const width = options.width ?? 720;
  const { placed, height, left, right } = placePanels(panels, width);
  const note = wrapText(options.note ?? "", PHONE - left);
  const total = height + (note.length > 0 ? 6 + LINE * note.length : 0);
  const parts: string[] = [];
  const data: Record<string, unknown>[] = [];
  const layout = baseLayout(left, right, total);
  // Chromium takes what is reckoned as attribute, Firefox as style.
  const fluid = `calc(100% - ${left + right}px)`;
  placed.forEach((place, i) => {
    parts.push(
      `<svg x="${left}" y="${round(place.top)}" width="${fluid}" style="width:${fluid}" height="${place.panel.height}" overflow="visible">${panelSvg(place, i)}</svg>`,
    );
    const up: [number, number] = [1 - (place.top + place.panel.height) / total, 1 - place.top / total];
    addToPlotly({ ...place, up }, i, options.linked ?? true, data, layout);
  });
  note.forEach((line, i) => {
    parts.push(`<text x="${left}" y="${total - 5 - LINE * (note.length - 1 - i)}">${escapeText(line)}</text>`);
  });
  if (note.length > 0) addNote(layout, note);
  const svg =
    `<svg xmlns="http://www.w3.org/2000/svg" width="100%" height="${total}" ` +
    `font-family="system-ui,sans-serif" font-size="12" fill="${NEUTRAL}" role="img"><title>${escapeText(options.alt)}</title>${STYLE}${parts.join("")}</svg>`;
  const first = placed[0]!;
  const rows = placed.filter((place) => sameAxis(place.panel, first.panel));
  return {
    svg,
    width,
    height: total,
    // Not responsive: plotly then draws into 100 % of no height when the page is resized. JupyterLab resizes by itself, the
    // page of plain Node gives each chart its height.
    plotly: { data, layout, config: { displaylogo: false } },
    plot: { left, right, rows: rows.map(({ top, panel }) => [round(top), round(top + panel.height)]) },
    alt: options.alt,
    note: options.note,
  };
}

function panelSvg({ panel, width, title, apart, written, turned, turns }: PlacedPanel, index: number): string {
  const { x, y, height } = panel;
  const box: Box = {
    width,
    height,
    px: (value) => round(x.position(value) * width),
    py: (value) => round((1 - y.position(value)) * height),
  };
  const percent = (px: number): string => `${Math.round((1e5 * px) / width) / 1e3}%`;
  const grid = `stroke="${NEUTRAL}" stroke-opacity=".25"`;
  let foot = height + 32;
  const crowded = !x.names && x.ticks.reduce((sum, t) => sum + textWidth(tickName(t)) + 8, 0) > NARROWEST;
  const xs = x.ticks.map((t, i) => {
    const at = percent(box.px(t.at));
    const line = `<line x1="${at}" x2="${at}" y2="${height}" ${grid}/>`;
    if (!written) return line;
    const name = tickName(t);
    if (turns) foot = Math.max(foot, height + 28 + 0.7 * textWidth(name));
    const wide = turns || (crowded && i % 2 === 1) ? ' class="wide"' : "";
    const level = `<text x="${at}" y="${height + 15}" text-anchor="middle"${wide}>${escapeText(name)}</text>`;
    if (!turns) return line + level;
    const text = `<text transform="translate(4 14) rotate(-45)" text-anchor="end"${turned ? "" : ' class="narrow"'}>${escapeText(name)}</text>`;
    return line + (turned ? "" : level) + svgAt(at, height, text);
  });
  const ys = y.ticks.map(
    (t) =>
      `<line x2="100%" y1="${box.py(t.at)}" y2="${box.py(t.at)}" ${grid}/><text x="-6" y="${box.py(t.at) + 4}" text-anchor="end">${escapeText(tickName(t))}</text>`,
  );
  const beside = 14 + Math.max(24, ...y.ticks.map((t) => textWidth(tickName(t))));
  const above = apart && panel.legend ? title.length : title.length - 1;
  const heading = title.map(
    (line, i) => `<text y="${-9 - LINE * (above - i)}" font-weight="600">${escapeText(line)}</text>`,
  );
  const name = written && x.label ? x.label : "";
  const over = (panel.over?.(box) ?? []).map((mark) => svgAt(percent(mark.x), mark.y, mark.svg));
  return (
    `${xs.join("")}${ys.join("")}${heading.join("")}${legendSvg(panel, apart)}` +
    (name ? `<text x="50%" y="${round(foot)}" text-anchor="middle">${escapeText(name)}</text>` : "") +
    (y.label
      ? `<text transform="translate(${round(-beside)} ${round(height / 2)}) rotate(-90)" text-anchor="middle">${escapeText(y.label)}</text>`
      : "") +
    `<svg class="d" width="100%" height="${height}" viewBox="0 0 ${round(width)} ${height}" preserveAspectRatio="none">${panel.draw(box)}</svg>${over.join("")}` +
    `<rect width="100%" height="${height}" fill="none" stroke="${NEUTRAL}"/>${panel.bar ? barSvg(panel.bar, height, index) : ""}`
  );
}

/** Something at a place that moves with the width of the plot. */
function svgAt(x: string, y: number, inside: string): string {
  return `<svg x="${x}" y="${round(y)}" overflow="visible">${inside}</svg>`;
}

function legendSvg({ legend = [] }: Panel, apart: boolean): string {
  let at = apart ? 0 : 12 - legend.reduce((sum, { text }) => sum + legendWidth(text), 0);
  const entries = legend.map(({ text, colour, dash, hollow }) => {
    const line = `<path d="M${round(at)} -13h16" stroke="${colour}" stroke-width="4"${dash ? ' stroke-dasharray="4 3"' : ""}/>`;
    const box = `<rect x="${round(at)}" y="-17" width="16" height="8" fill="${colour}" fill-opacity="${HOLLOW}" stroke="${colour}"/>`;
    const entry = `${hollow ? box : line}<text x="${round(at + 20)}" y="-9">${escapeText(cutText(text, 150))}</text>`;
    at += legendWidth(text);
    return entry;
  });
  return entries.length > 0 ? svgAt(apart ? "0" : "100%", 0, entries.join("")) : "";
}

function barSvg(bar: ColourBar, height: number, index: number): string {
  const stops = bar.scale.map(([at, colour]) => `<stop offset="${at}" stop-color="${colour}"/>`).join("");
  const marks = [0, 0.5, 1].map((at) => {
    const value = tickText(Number((bar.min + (bar.max - bar.min) * at).toPrecision(3))).replace("-", "−");
    return `<text x="26" y="${round((1 - at) * (height - 8) + 8)}">${value}</text>`;
  });
  const inside =
    `<linearGradient id="b${index}" x2="0" y1="1" y2="0">${stops}</linearGradient>` +
    `<rect x="10" width="12" height="${height}" fill="url(#b${index})"/>${marks.join("")}` +
    `<text x="10" y="-9">${escapeText(bar.label)}</text>`;
  return svgAt("100%", 0, inside);
}
