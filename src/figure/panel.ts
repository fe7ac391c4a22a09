import type { Scale } from "./scale.js";
export { escapeText } from "../core/escape.js";

/** One plot of a figure: axes, what is drawn as SVG, and the same as plotly traces. */
export interface Panel {
  title?: string | undefined;
  x: Scale;
  y: Scale;
  /** Height of the plot area in pixels. */
  height: number;
  /** SVG of the data inside the plot area, which is stretched to the width there is. */
  draw(box: Box): string;
  /** SVG over the data that keeps its shape, text for example, around its place in pixels. */
  over?(box: Box): { x: number; y: number; svg: string }[];
  /** Plotly traces without their axes. */
  traces: Record<string, unknown>[];
  /** Pictures under the traces, in axis values. */
  images?: PanelImage[];
  bar?: ColourBar;
  legend?: { text: string; colour: string; dash?: boolean | undefined; hollow?: boolean | undefined }[] | undefined;
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

/** One decimal is a tenth of a pixel: shorter files, same picture. */
export function round(value: number): number {
  return Math.round(value * 10) / 10;
}
