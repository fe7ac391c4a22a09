import { interpolateGreys, interpolateMagma, interpolateViridis } from "d3-scale-chromatic";

/** Colour maps whose lightness grows evenly, so that they read the same for colour-blind people and in print. */
export type ColourMap = "viridis" | "magma" | "grey";

const tables = new Map<ColourMap, Uint8Array>();

/** 256 colours as red, green, blue bytes, from the lowest value (dark) to the highest (light). */
export function colourTable(map: ColourMap): Uint8Array {
  let table = tables.get(map);
  if (!table) {
    const at = { viridis: interpolateViridis, magma: interpolateMagma, grey: (t: number) => interpolateGreys(1 - t) }[
      map
    ];
    table = new Uint8Array(768);
    for (let i = 0; i < 256; i++) table.set(rgb(at(i / 255)), 3 * i);
    tables.set(map, table);
  }
  return table;
}

/** A colour map as plotly's list of [position, colour], `steps` of them. */
export function plotlyScale(map: ColourMap, steps = 17): [number, string][] {
  const table = colourTable(map);
  return Array.from({ length: steps }, (_, i) => {
    const at = 3 * Math.round((255 * i) / (steps - 1));
    return [i / (steps - 1), `rgb(${table[at]},${table[at + 1]},${table[at + 2]})`];
  });
}

/** Red, green and blue, 0 to 255. */
export type Rgb = readonly [number, number, number];

/** Black or white, whichever has the larger contrast on a colour: at least 4.58 : 1 (WCAG 2.2's relative luminance). */
export function inkOn(colour: Rgb): "#000" | "#fff" {
  const [red, green, blue] = colour.map((v) => (v <= 10.31475 ? v / 3294.6 : ((v / 255 + 0.055) / 1.055) ** 2.4));
  const luminance = 0.2126 * red! + 0.7152 * green! + 0.0722 * blue!;
  return (luminance + 0.05) ** 2 > 1.05 * 0.05 ? "#000" : "#fff";
}

/** Colours of categories: Okabe and Ito's palette without its black and yellow, readable on light and dark. */
export const PALETTE: readonly string[] = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00"];

/** Grey for axes and text: 4.5 : 1 or close to it on white as well as on JupyterLab's dark background. */
export const NEUTRAL = "#7a7a7a";

/** What lies over a spectrogram, a pitch track or a cursor: this orange keeps apart from viridis, magma and grey. */
export const CURSOR = "#ff4f00";

/** How much of its colour fills what is drawn hollow. */
export const HOLLOW = 0.2;

/** Hits, misses and false alarms: blue, orange, vermilion differ in lightness too; shapes repeat what colours say. */
export const VERDICT: Readonly<Record<"hit" | "miss" | "false alarm", string>> = {
  hit: "#0072b2",
  miss: "#e69f00",
  "false alarm": "#d55e00",
};

function rgb(css: string): [number, number, number] {
  if (css.startsWith("#")) {
    const n = Number.parseInt(css.slice(1), 16);
    return [n >> 16, (n >> 8) & 255, n & 255];
  }
  const [r, g, b] = (css.match(/\d+/g) ?? []).map(Number);
  return [r ?? 0, g ?? 0, b ?? 0];
}
