import { type ColourMap, colourTable, CURSOR, plotlyScale } from "./colour.js";
import type { Panel, PanelImage } from "./panel.js";
import { palettePng } from "./png.js";
import { linearScale, type Scale } from "./scale.js";

/** Decibels over time and frequency, ready to draw: row 0 is the lowest frequency. */
export interface SpectrogramView {
  /** [columns, rows] */
  decibels: Float32Array;
  columns: number;
  rows: number;
  /** Edges of the picture on the time axis in seconds: half a frame before the first centre, half after the last. */
  from: number;
  to: number;
  /** The part of the time axis shown, in seconds. */
  start: number;
  end: number;
  /** The frequency axis; the rows divide it evenly. */
  frequency: Scale;
  /** Edges of the picture on the frequency axis in Hz; default the axis' own. */
  low?: number;
  high?: number;
  /** Values at and below `floor`, and at `top`, get the ends of the colour map. */
  floor: number;
  top: number;
  colours?: ColourMap | undefined;
  title?: string;
  height?: number;
  /** Lines over the picture: a pitch track, time in seconds and Hz; NaN breaks the line. */
  overlay?: { times: ArrayLike<number>; frequencies: ArrayLike<number>; name?: string } | undefined;
}

/** Distinct steps from floor to top in a picture; more make the file larger, not the picture better. */
export const LEVELS = 64;

/** The PNG of a view: one pixel per value, the lowest frequency at the bottom. */
export function spectrogramPng(view: SpectrogramView): Uint8Array {
  const { decibels, columns, rows, floor, top } = view;
  const pixels = new Uint8Array(columns * rows);
  const scale = (LEVELS - 1) / Math.max(1e-9, top - floor);
  for (let c = 0; c < columns; c++) {
    for (let r = 0; r < rows; r++) {
      const level = Math.round((decibels[c * rows + r]! - floor) * scale);
      pixels[(rows - 1 - r) * columns + c] = Math.max(0, Math.min(LEVELS - 1, level));
    }
  }
  return palettePng(columns, rows, pixels, levelColours(view.colours ?? "viridis"));
}

/** The spectrogram as a picture under axes, with a colour bar in dB. */
export function spectrogramPanel(view: SpectrogramView): Panel {
  const source = `data:image/png;base64,${Buffer.from(spectrogramPng(view)).toString("base64")}`;
  const { frequency, overlay } = view;
  const image: PanelImage = {
    source,
    x0: view.from,
    x1: view.to,
    y0: view.low ?? frequency.min,
    y1: view.high ?? frequency.max,
  };
  const scale = plotlyScale(view.colours ?? "viridis");
  return {
    title: view.title,
    x: linearScale(view.start, view.end, "time (s)", 8),
    y: frequency,
    height: view.height ?? 220,
    images: [image],
    bar: { scale, min: view.floor, max: view.top, label: "dB" },
    draw: (box) => {
      const [left, right] = [box.px(image.x0), box.px(image.x1)];
      const [top, bottom] = [box.py(image.y1), box.py(image.y0)];
      const picture = `<image x="${left}" y="${top}" width="${right - left}" height="${bottom - top}" preserveAspectRatio="none" style="image-rendering:pixelated" href="${source}"/>`;
      return (
        picture +
        (overlay
          ? overlayPath(
              overlay,
              (t) => box.px(t),
              (f) => box.py(f),
            )
          : "")
      );
    },
    traces: [
      overlay
        ? {
            type: "scatter",
            mode: "lines",
            x: Array.from(overlay.times),
            y: Array.from(overlay.frequencies, (f) =>
              f > 0 ? (frequency.kind === "warped" ? frequency.position(f) : f) : null,
            ),
            customdata: Array.from(overlay.frequencies, (f) => (f > 0 ? f : null)),
            hovertemplate: "%{x:.3f} s: %{customdata:.1f} Hz<extra></extra>",
            name: overlay.name ?? "pitch",
            line: { color: CURSOR, width: 2 },
          }
        : { type: "scatter", mode: "markers", x: [view.start, view.end], y: [null, null], hoverinfo: "skip" },
    ],
  };
}

function overlayPath(
  overlay: NonNullable<SpectrogramView["overlay"]>,
  px: (t: number) => number,
  py: (f: number) => number,
): string {
  let path = "";
  let pen = "M";
  for (let i = 0; i < overlay.times.length; i++) {
    const f = overlay.frequencies[i]!;
    if (!(f > 0)) pen = "M";
    else {
      path += `${pen}${px(overlay.times[i]!)} ${py(f)}`;
      pen = "L";
    }
  }
  return `<path d="${path}" fill="none" stroke="${CURSOR}" stroke-width="2"/>`;
}

function levelColours(map: ColourMap): Uint8Array {
  const table = colourTable(map);
  const colours = new Uint8Array(3 * LEVELS);
  for (let i = 0; i < LEVELS; i++) {
    const at = 3 * Math.round((255 * i) / (LEVELS - 1));
    colours.set(table.subarray(at, at + 3), 3 * i);
  }
  return colours;
}
