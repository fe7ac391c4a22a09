import { HOLLOW, NEUTRAL } from "./colour.js";
import { type Box, type ColourBar, escapeText, type Panel, round } from "./panel.js";
import { cutText, type PlacedPanel, placePanels, sameAxis, textWidth, tickName, wrapText } from "./place.js";
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
  /** Panels side by side in this many columns. Default 1. */
  columns?: number;
  alt: string;
  note?: string | undefined;
  /** Zooms all panels' x axes together in plotly. Default true. */
  linked?: boolean;
}

/** Pixels from line to line. */
const LINE = 16;

/** Pixels of title and legend from which they don't fit beside each other in the plot of a narrow picture. */
const NARROWEST = 230;

/** What the picture does where it is narrow: strokes keep their width, a title gives way to the legend beside it. */
const STYLE = "<style>.d *{vector-effect:non-scaling-stroke}@media(max-width:480px){.wide{display:none}}</style>";

/** Puts panels into one figure, row by row. An x axis that the panel below shares is written once, under the lowest. */
export function figure(panels: readonly Panel[], options: FigureOptions): Figure {
  const width = options.width ?? 720;
  const columns = options.columns ?? 1;
  const { placed, height, left, right } = placePanels(panels, columns, width);
  const note = wrapText(options.note ?? "", SCREEN - left);
  const total = height + (note.length > 0 ? 6 + LINE * note.length : 0);
  const parts: string[] = [];
  const data: Record<string, unknown>[] = [];
  const layout = baseLayout(left, right, total);
  const inner = width - left - right;
  placed.forEach((place, i) => {
    const panel = { ...place.panel, title: heading(place) };
    // Chromium takes what is reckoned as attribute, Firefox as style.
    const fluid = `calc(100% - ${left + right}px)`;
    const wide = columns === 1 ? `"${fluid}" style="width:${fluid}"` : `"${round(place.width)}"`;
    parts.push(
      `<svg x="${round(place.left)}" y="${round(place.top)}" width=${wide} height="${panel.height}" overflow="visible">${panelSvg({ ...place, panel }, i)}</svg>`,
    );
    const across: [number, number] = [(place.left - left) / inner, (place.left - left + place.width) / inner];
    const up: [number, number] = [1 - (place.top + panel.height) / total, 1 - place.top / total];
    addToPlotly({ ...place, panel, across, up }, i, options.linked ?? true, data, layout);
  });
  note.forEach((line, i) => {
    parts.push(`<text x="${left}" y="${total - 5 - LINE * (note.length - 1 - i)}">${escapeText(line)}</text>`);
  });
  if (note.length > 0) addNote(layout, note);
  const fits = placed.every((place) => heading(place) === heading({ ...place, width: SCREEN - left - right }));
  if (columns > 1 || !fits) layout.meta = { narrow: stackedLayout(panels, columns, data) };
  const svg =
    `<svg xmlns="http://www.w3.org/2000/svg" width="${columns === 1 ? "100%" : width}" height="${total}" ` +
    `font-family="system-ui,sans-serif" font-size="12" fill="${NEUTRAL}" role="img"><title>${escapeText(options.alt)}</title>${STYLE}${parts.join("")}</svg>`;
  const first = placed[0]!;
  const rows = placed.filter((place) => place.left === first.left && sameAxis(place.panel, first.panel));
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

/** Room for a player and its words above a side, and the width of a narrow screen. */
const [PLAYER, SCREEN] = [110, 366];

/** What differs where the columns don't fit beside each other: one under the other, with room above each for its player. */
function stackedLayout(panels: readonly Panel[], columns: number, wide: Record<string, unknown>[]): object {
  const numbered = panels.map((panel, index) => ({ panel, index }));
  const sides = Array.from({ length: columns }, (_, c) => {
    const own = numbered.filter(({ index }) => index % columns === c);
    const placement = placePanels(
      own.map(({ panel }) => panel),
      1,
      SCREEN,
    );
    return { own, ...placement };
  });
  const left = Math.max(...sides.map((side) => side.left));
  const right = Math.max(...sides.map((side) => side.right));
  const total = sides.reduce((sum, { height }) => sum + height + PLAYER, -PLAYER);
  const data: Record<string, unknown>[] = [];
  const layout = baseLayout(left, right, total);
  const players: number[] = [];
  let top = 0;
  for (const { own, placed, height } of sides) {
    if (top > 0) players.push(top - PLAYER);
    placed.forEach((place, i) => {
      const from = top + place.top;
      const up: [number, number] = [1 - (from + place.panel.height) / total, 1 - from / total];
      const title = heading({ ...place, width: SCREEN - left - right });
      addToPlotly(
        { ...place, panel: { ...place.panel, title }, across: [0, 1], up },
        own[i]!.index,
        true,
        data,
        layout,
      );
    });
    top += height + PLAYER;
  }
  delete layout.images; // they lie on the axes, wherever those are
  const bars: Record<number, object> = {};
  data.forEach((trace) => {
    const { x, y, len } = (trace as BarTrace).marker?.colorbar ?? {};
    const same = wide.findIndex((other) => (other as BarTrace).marker?.colorbar && other.yaxis === trace.yaxis);
    if (y !== undefined && same >= 0) bars[same] = { x, y, len };
  });
  return { layout, bars, players };
}

interface BarTrace {
  marker?: { colorbar?: { x: number; y: number; len: number } };
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
  const percent = (px: number): string => `${Math.round((1e5 * px) / width) / 1e3}%`;
  const grid = `stroke="${NEUTRAL}" stroke-opacity=".25"`;
  let foot = height + 32;
  const xs = x.ticks.map((t) => {
    const at = percent(box.px(t.at));
    const line = `<line x1="${at}" x2="${at}" y2="${height}" ${grid}/>`;
    if (!written) return line;
    const name = tickName(t);
    if (turned) foot = Math.max(foot, height + 28 + 0.7 * textWidth(name));
    if (!turned) return `${line}<text x="${at}" y="${height + 15}" text-anchor="middle">${escapeText(name)}</text>`;
    const text = `<text transform="translate(4 14) rotate(-45)" text-anchor="end">${escapeText(name)}</text>`;
    return line + svgAt(at, height, text);
  });
  const ys = y.ticks.map(
    (t) =>
      `<line x2="100%" y1="${box.py(t.at)}" y2="${box.py(t.at)}" ${grid}/><text x="-6" y="${box.py(t.at) + 4}" text-anchor="end">${escapeText(tickName(t))}</text>`,
  );
  const beside = 14 + Math.max(24, ...y.ticks.map((t) => textWidth(tickName(t))));
  const head =
    textWidth(panel.title ?? "") + (panel.legend ?? []).reduce((sum, { text }) => sum + legendWidth(text), 0);
  const wide = head > NARROWEST ? ' class="wide"' : "";
  const title = panel.title ? `<text y="-9" font-weight="600"${wide}>${escapeText(panel.title)}</text>` : "";
  const name = written && x.label ? x.label : "";
  const over = (panel.over?.(box) ?? []).map((mark) => svgAt(percent(mark.x), mark.y, mark.svg));
  return (
    `${xs.join("")}${ys.join("")}${title}${legendSvg(panel)}` +
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

function legendSvg({ legend = [] }: Panel): string {
  let at = 12 - legend.reduce((sum, { text }) => sum + legendWidth(text), 0);
  const entries = legend.map(({ text, colour, dash, hollow }) => {
    const line = `<path d="M${round(at)} -13h16" stroke="${colour}" stroke-width="4"${dash ? ' stroke-dasharray="4 3"' : ""}/>`;
    const box = `<rect x="${round(at)}" y="-17" width="16" height="8" fill="${colour}" fill-opacity="${HOLLOW}" stroke="${colour}"/>`;
    const entry = `${hollow ? box : line}<text x="${round(at + 20)}" y="-9">${escapeText(cutText(text, 150))}</text>`;
    at += legendWidth(text);
    return entry;
  });
  return entries.length > 0 ? svgAt("100%", 0, entries.join("")) : "";
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
