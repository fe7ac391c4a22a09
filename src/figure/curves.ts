import { PALETTE } from "./colour.js";
import { escapeText, type Panel } from "./panel.js";
import { linearScale, logScale } from "./scale.js";

/** One line. */
export interface Curve {
  name: string;
  values: ArrayLike<number>;
  dash?: boolean;
  colour?: string;
  /** Thin and pale, without dots: what lies behind the others. */
  faint?: boolean;
  /** Left out of the legend. */
  unnamed?: boolean;
}

/** Lines over a common axis. */
export interface CurvesView {
  x: ArrayLike<number>;
  /** NaN breaks a line. */
  curves: readonly Curve[];
  xLabel: string;
  yLabel: string;
  xMax?: number | undefined;
  /** A logarithmic y axis, which leaves out what isn't above 0. */
  log?: boolean | undefined;
  /** Ticks at whole numbers only. */
  wholeX?: boolean;
  title?: string | undefined;
  height?: number;
  /** A point to mark, in values of the axes, with its text. */
  mark?: { x: number; y: number; text: string } | undefined;
}

const FAINT = 'stroke-width="1" stroke-opacity=".5"';

/** Lines with dots, so that a single point shows too; dashes distinguish lines without colour. */
export function curvesPanel(view: CurvesView): Panel {
  const shows = (value?: number): value is number => Number.isFinite(value) && (!view.log || value! > 0);
  const finite = view.curves.flatMap((c) => Array.from(c.values).filter(shows));
  const low = finite.length ? Math.min(...finite) : 0;
  const high = finite.length ? Math.max(...finite) : 1;
  const log = view.log === true && finite.length > 0;
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
    y: log ? logScale(low / 1.1, high * 1.1, view.yLabel, false) : linearScale(low - pad, high + pad, view.yLabel, 5),
    height: view.height ?? 170,
    legend: view.curves.flatMap(({ name, dash, unnamed }, i) =>
      unnamed ? [] : [{ text: name, colour: colour(i), dash }],
    ),
    draw: (box) => {
      const lines = view.curves.map(({ values, dash, faint }, i) => {
        let path = "";
        let dots = "";
        let pen = "M";
        for (let j = 0; j < xs.length; j++) {
          const value = values[j] ?? Number.NaN;
          if (!shows(value)) {
            pen = "M";
            continue;
          }
          path += `${pen}${box.px(xs[j]!)} ${box.py(value)}`;
          pen = "L";
          if (xs.length <= 60 && !faint) dots += `M${box.px(xs[j]!)} ${box.py(value)}h0`;
        }
        const round = dots ? `<path d="${dots}" stroke="${colour(i)}" stroke-width="5" stroke-linecap="round"/>` : "";
        return `<path d="${path}" fill="none" stroke="${colour(i)}" ${faint ? FAINT : 'stroke-width="2"'}${dash ? ' stroke-dasharray="6 4"' : ""}/>${round}`;
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
      ...view.curves.map(({ name, values, dash, faint }, i) => ({
        type: "scatter",
        mode: xs.length <= 60 && !faint ? "lines+markers" : "lines",
        name: escapeText(name),
        x: xs,
        y: Array.from(xs, (_, j) => (shows(values[j]) ? values[j] : null)),
        line: { color: colour(i), dash: dash ? "dash" : "solid", width: faint ? 1 : 2 },
        ...(faint ? { opacity: 0.5 } : {}),
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
