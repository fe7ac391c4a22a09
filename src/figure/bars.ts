import { PALETTE } from "./colour.js";
import { escapeText, type Panel, round } from "./panel.js";
import { linearScale, namedScale } from "./scale.js";

/** Groups of bars: one group per name, one bar per series. */
export interface BarsView {
  names: readonly string[];
  series: readonly { name: string; values: ArrayLike<number> }[];
  label: string;
  title?: string;
  height?: number;
  /** What the names are, under the axis. */
  axis?: string;
}

/** Bars side by side in groups. */
export function barsPanel(view: BarsView): Panel {
  const { names, series } = view;
  let top = 0;
  for (const { values } of series) for (let i = 0; i < names.length; i++) top = Math.max(top, values[i] ?? 0);
  const colour = (s: number): string => PALETTE[s % PALETTE.length]!;
  return {
    title: view.title,
    x: namedScale(names, view.axis ?? "", 24),
    y: linearScale(0, top > 0 ? top * 1.05 : 1, view.label, 4),
    height: view.height ?? 160,
    legend: series.length > 1 ? series.map(({ name }, s) => ({ text: name, colour: colour(s) })) : undefined,
    draw: (box) => {
      const bars: string[] = [];
      series.forEach(({ name, values }, s) => {
        for (let i = 0; i < names.length; i++) {
          const left = round(box.px(i + 0.1 + (0.8 * s) / series.length));
          const width = Math.max(0.5, round(box.px(0.8 / series.length)));
          const y = box.py(values[i] ?? 0);
          bars.push(
            `<rect x="${left}" y="${y}" width="${width}" height="${round(box.height - y)}" fill="${colour(s)}"><title>${escapeText(`${names[i]}, ${name}: ${values[i] ?? 0}`)}</title></rect>`,
          );
        }
      });
      return bars.join("");
    },
    traces: series.map(({ name, values }, s) => ({
      type: "bar",
      name: escapeText(name),
      x: names.map((_, i) => i + 0.5),
      y: Array.from(names, (_, i) => values[i] ?? 0),
      text: names.map(escapeText),
      textposition: "none",
      marker: { color: colour(s) },
      hovertemplate: "%{text}: %{y}",
    })),
    layout: { barmode: "group" },
  };
}
