import { NEUTRAL } from "./colour.js";
import { type ColourBar, escapeText } from "./panel.js";
import { cutText, LINE, type PlacedPanel, tickName } from "./place.js";
import type { Scale } from "./scale.js";

/** A plotly annotation at a corner of the picture. */
const LABEL = { xref: "paper", yref: "paper", xanchor: "left", yanchor: "bottom", showarrow: false };

/** A panel, and where it lies as fractions of the picture's height. */
interface Place extends PlacedPanel {
  up: [number, number];
}

/** Adds one panel's axes, traces, pictures and texts. */
export function addToPlotly(
  place: Place,
  index: number,
  linked: boolean,
  data: Record<string, unknown>[],
  layout: Record<string, unknown>,
): void {
  const n = index === 0 ? "" : String(index + 1);
  const { panel, up } = place;
  const grid = panel.images ? { showgrid: false } : {}; // a grid would be drawn over the picture
  layout[`xaxis${n}`] = {
    ...axis(panel.x, true),
    ...(place.turned ? { tickangle: -45 } : {}),
    ...(place.written ? {} : { showticklabels: false, title: undefined }),
    ...grid,
    anchor: `y${n}`,
    ...(linked && index ? { matches: "x" } : {}),
  };
  layout[`yaxis${n}`] = { ...axis(panel.y), ...grid, domain: up, anchor: `x${n}` };
  for (const trace of panel.traces) data.push({ ...trace, xaxis: `x${n}`, yaxis: `y${n}` });
  if (panel.bar) {
    data.push(colourBarTrace(panel.bar, n, up));
    (layout.annotations as unknown[]).push({
      ...LABEL,
      text: escapeText(panel.bar.label),
      x: 1,
      xshift: 10,
      y: up[1],
      yshift: 5, // over the number at the upper end
    });
  }
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
  if (place.title.length > 0) {
    (layout.annotations as unknown[]).push({
      ...LABEL,
      text: `<b>${place.title.map(escapeText).join("<br>")}</b>`,
      align: "left",
      x: 0,
      y: up[1],
      ...(place.apart && panel.legend ? { yshift: LINE } : {}),
    });
  }
  if (panel.legend) {
    const names = panel.legend.map(
      (l) =>
        `<span style="color:${l.colour}">${l.hollow ? "▭" : l.dash ? "╍╍" : "━━"} ${escapeText(cutText(l.text, 150))}</span>`,
    );
    (layout.annotations as unknown[]).push({
      ...LABEL,
      text: names.join("  "),
      x: place.apart ? 0 : 1,
      y: up[1],
      xanchor: place.apart ? "left" : "right",
    });
  }
  Object.assign(layout, panel.layout);
}

function axis(scale: Scale, across = false): Record<string, unknown> {
  const style = { gridcolor: "rgba(122,122,122,.25)", zeroline: false, linecolor: NEUTRAL, mirror: true };
  const title = scale.label ? { text: escapeText(scale.label), standoff: 5, font: { size: 12 } } : undefined;
  const common = { ...style, title, separatethousands: true };
  const { ticks } = scale;
  if (scale.kind === "linear" && !scale.names) {
    // Plotly chooses the ticks itself, so that there are new ones after zooming in: across as many as have room, up about
    // as many as in the picture.
    const most = across ? {} : { nticks: Math.max(4, ticks.length + 1) };
    const step = scale.whole && ticks.length > 1 ? { dtick: Math.round(ticks[1]!.at - ticks[0]!.at) } : most;
    return { ...common, ...step, range: [scale.min, scale.max] };
  }
  const texts = { tickmode: "array", ticktext: ticks.map((t) => escapeText(tickName(t))) };
  if (scale.kind === "log") {
    const range = [Math.log10(scale.min), Math.log10(scale.max)];
    return { ...common, ...texts, type: "log", range, tickvals: ticks.map((t) => t.at) };
  }
  const warped = scale.kind === "warped";
  return {
    ...common,
    ...texts,
    range: warped ? [0, 1] : [scale.min, scale.max],
    tickvals: ticks.map((t) => (warped ? scale.position(t.at) : t.at)),
  };
}

/** Plotly draws a colour bar only beside a trace, so an empty one carries it. */
function colourBarTrace(bar: ColourBar, n: string, up: [number, number]): Record<string, unknown> {
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
        thickness: 12,
        x: 1,
        xpad: 10,
        xanchor: "left",
        y: (up[0] + up[1]) / 2,
        len: up[1] - up[0],
        lenmode: "fraction",
        ypad: 0,
      },
    },
  };
}

/** The layout before any panel: transparent, so that it suits a light and a dark page. */
export function baseLayout(left: number, right: number, height: number): Record<string, unknown> {
  return {
    height,
    autosize: true,
    margin: { l: left, r: right, t: 0, b: 0 },
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    font: { color: NEUTRAL, size: 12 },
    showlegend: false,
    hovermode: "closest",
    images: [],
    annotations: [],
  };
}

/** Adds lines of text at the foot of the picture. */
export function addNote(layout: Record<string, unknown>, lines: readonly string[]): void {
  const text = lines.map(escapeText).join("<br>");
  (layout.annotations as unknown[]).push({ ...LABEL, text, align: "left", x: 0, y: 0 });
}
