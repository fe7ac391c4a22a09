import { PALETTE } from "./colour.js";
import { escapeText, type Panel } from "./panel.js";
import { linearScale } from "./scale.js";

/** Lines over a common axis. */
export interface CurvesView {
  x: ArrayLike<number>;
  /** NaN breaks a line. */
  curves: readonly { name: string; values: ArrayLike<number>; dash?: boolean; colour?: string }[];
  xLabel: string;
  yLabel: string;
  xMax?: number | undefined;
  /** Ticks at whole numbers only. */
  wholeX?: boolean;
  title?: string | undefined;
  height?: number;
  /** A point to mark, in values of the axes, with its text. */
  mark?: { x: number; y: number; text: string } | undefined;
}

/** Lines with dots, so that a single point shows too; dashes distinguish lines without colour. */
export function curvesPanel(view: CurvesView): Panel {
  const finite = view.curves.flatMap((c) => Array.from(c.values).filter(Number.isFinite));
  const low = finite.length ? Math.min(...finite) : 0;
  const high = finite.length ? Math.max(...finite) : 1;
  const pad = (high - low || Math.abs(high) || 1) * 0.06;
  const xs = Array.from(view.x);
  const first = xs[0] ?? 0;
  const last = Math.max(view.xMax ?? -Infinity, xs.at(-1) ?? 1, first + 1);
  const x = linearScale(first - (last - first) * 0.03, last + (last - first) * 0.03, view.xLabel, 8);
  if (view.wholeX) {
    x.whole = true;
    x.ticks = x.ticks.filter((tick) => Number.isInteger(Number(tick.at.toFixed(9))));
  }
  const colour = (i: number): string => view.curves[i]!.colour ?? PALETTE[i % PALETTE.length]!;
  const { mark } = view;
  // The text of the mark stays inside the plot.
  const place = mark
    ? mark.x > first + 0.85 * (last - first)
      ? "left"
      : mark.x < first + 0.15 * (last - first)
        ? "right"
        : "center"
    : "center";
  const under = mark !== undefined && mark.y > low + 0.75 * (high - low);
  return {
    title: view.title,
    x,
    y: linearScale(low - pad, high + pad, view.yLabel, 5),
    height: view.height ?? 170,
    legend: view.curves.map(({ name, dash }, i) => ({ text: name, colour: colour(i), dash })),
    draw: (box) => {
      const lines = view.curves.map(({ values, dash }, i) => {
        let path = "";
        let dots = "";
        let pen = "M";
        for (let j = 0; j < xs.length; j++) {
          const value = values[j] ?? Number.NaN;
          if (!Number.isFinite(value)) {
            pen = "M";
            continue;
          }
          path += `${pen}${box.px(xs[j]!)} ${box.py(value)}`;
          pen = "L";
          if (xs.length <= 60) dots += `M${box.px(xs[j]!)} ${box.py(value)}h0`;
        }
        const round = dots ? `<path d="${dots}" stroke="${colour(i)}" stroke-width="5" stroke-linecap="round"/>` : "";
        return `<path d="${path}" fill="none" stroke="${colour(i)}" stroke-width="2"${dash ? ' stroke-dasharray="6 4"' : ""}/>${round}`;
      });
      return lines.join("");
    },
    over: (box) => {
      if (!mark) return [];
      const ring = `<circle r="6" fill="none" stroke="${PALETTE[5]}" stroke-width="2"/>`;
      const anchor = { left: "end", right: "start", center: "middle" }[place];
      const text = `<text y="${under ? 20 : -10}" text-anchor="${anchor}">${escapeText(mark.text)}</text>`;
      return [{ x: box.px(mark.x), y: box.py(mark.y), svg: ring + text }];
    },
    traces: [
      ...view.curves.map(({ name, values, dash }, i) => ({
        type: "scatter",
        mode: xs.length <= 60 ? "lines+markers" : "lines",
        name: escapeText(name),
        x: xs,
        y: Array.from(xs, (_, j) => (Number.isFinite(values[j]) ? values[j] : null)),
        line: { color: colour(i), dash: dash ? "dash" : "solid" },
      })),
      ...(mark
        ? [
            {
              type: "scatter",
              mode: "markers+text",
              x: [mark.x],
              y: [mark.y],
              text: [escapeText(mark.text)],
              textposition: `${under ? "bottom" : "top"} ${place}`,
              hoverinfo: "skip",
              marker: { symbol: "circle-open", size: 12, color: PALETTE[5], line: { width: 2 } },
            },
          ]
        : []),
    ],
  };
}
