import { PALETTE } from "./colour.js";
import { type Panel, round } from "./panel.js";
import { linearScale } from "./scale.js";

/** How often values occur. */
export interface HistogramView {
  /** Values of each series; what isn't finite is left out. */
  series: readonly { name: string; values: readonly number[] }[];
  /** What the values are, with their unit. */
  label: string;
  title?: string;
  height?: number;
}

const BINS = 24;

/**
 * Counts of `values` in `bins` stretches of one width from `min` to `max`, each without its upper end but the last:
 * numpy's histogram.
 */
export function histogram(values: readonly number[], min: number, max: number, bins: number): number[] {
  const counts = new Array<number>(bins).fill(0);
  for (const value of values) {
    if (!(value >= min && value <= max)) continue;
    counts[Math.min(bins - 1, Math.floor(((value - min) / (max - min)) * bins))]!++;
  }
  return counts;
}

/** Bars of counts over an axis of values, of several series over each other, the later ones see-through. */
export function histogramPanel({ series, label, title, height = 80 }: HistogramView): Panel {
  const finite = series.flatMap(({ values }) => values.filter(Number.isFinite));
  const [low, high] = [Math.min(...finite), Math.max(...finite)];
  const [min, max] = high > low ? [low, high] : [low - 0.5, low + 0.5];
  const counts = series.map(({ values }) => histogram(values, min, max, BINS));
  const top = Math.max(1, ...counts.flat());
  const colour = (s: number): string => PALETTE[s % PALETTE.length]!;
  const opacity = (s: number): number => (s > 0 ? 0.6 : 1);
  const width = (max - min) / BINS;
  const y = linearScale(0, top * 1.05, "examples", 3);
  y.ticks = y.ticks.filter(({ at }) => Number.isInteger(at));
  return {
    title,
    x: linearScale(min, max, label, 6),
    y,
    height,
    legend: series.length > 1 ? series.map(({ name }, s) => ({ text: name, colour: colour(s) })) : undefined,
    draw: (box) =>
      counts
        .map((row, s) => {
          const bars = row.flatMap((count, b) => {
            const [left, right] = [box.px(min + b * width), box.px(min + (b + 1) * width)];
            return count > 0 ? [`M${left} ${box.height}V${box.py(count)}H${right}V${round(box.height)}z`] : [];
          });
          return `<path d="${bars.join("")}" fill="${colour(s)}" fill-opacity="${opacity(s)}"/>`;
        })
        .join(""),
    traces: counts.map((row, s) => ({
      type: "bar",
      name: series[s]!.name,
      x: row.map((_, b) => min + (b + 0.5) * width),
      y: row,
      width,
      marker: { color: colour(s), opacity: opacity(s) },
    })),
    layout: { barmode: "overlay" },
  };
}
