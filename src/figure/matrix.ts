import { colourTable, plotlyScale } from "./colour.js";
import { escapeText, type Panel, round } from "./panel.js";
import { namedScale } from "./scale.js";

/** A table of numbers as coloured cells; row 0 is at the top. */
export interface MatrixView {
  values: readonly (readonly number[])[];
  rows: readonly string[];
  columns: readonly string[];
  rowLabel: string;
  columnLabel: string;
  /** Text of a cell. Default: the number. Left out where cells are too small. */
  text?(value: number, row: number, column: number): string;
  /** Value of the brightest colour. Default: the largest. */
  top?: number;
  barLabel: string;
  title?: string;
}

/** Coloured cells with their numbers inside, the text dark on light cells and light on dark ones. */
export function matrixPanel(view: MatrixView): Panel {
  const { values, rows, columns } = view;
  let top = view.top ?? 0;
  if (view.top === undefined) for (const row of values) for (const value of row) top = Math.max(top, value);
  const table = colourTable("viridis");
  const height = Math.max(120, Math.min(480, rows.length * 34));
  const y = namedScale([...rows].reverse(), view.rowLabel);
  const text = view.text ?? ((value: number) => String(value));
  const readable = columns.length <= 16 && rows.length <= 24;
  return {
    title: view.title,
    x: namedScale(columns, view.columnLabel, 16),
    y,
    height,
    bar: { scale: plotlyScale("viridis"), min: 0, max: top, label: view.barLabel },
    draw: (box) => {
      const cells = values.flatMap((row, r) =>
        row.map((value, c) => {
          const level = Math.round(255 * Math.min(1, top > 0 ? value / top : 0));
          const [red, green, blue] = table.subarray(3 * level, 3 * level + 3);
          const [left, right, y0] = [box.px(c), box.px(c + 1), box.py(rows.length - r)];
          const y1 = box.py(rows.length - r - 1);
          const name = escapeText(`${rows[r]} as ${columns[c]}: ${text(value, r, c)}`);
          const ink = 0.299 * red! + 0.587 * green! + 0.114 * blue! > 130 ? "#000" : "#fff";
          const words = readable
            ? `<text x="${round((left + right) / 2)}" y="${round((y0 + y1) / 2 + 4)}" text-anchor="middle" fill="${ink}">${escapeText(text(value, r, c))}</text>`
            : "";
          return `<rect x="${left}" y="${y0}" width="${round(right - left)}" height="${round(y1 - y0)}" fill="rgb(${red},${green},${blue})"><title>${name}</title></rect>${words}`;
        }),
      );
      return cells.join("");
    },
    traces: [
      {
        type: "heatmap",
        z: [...values].reverse(),
        x0: 0.5,
        dx: 1,
        y0: 0.5,
        dy: 1,
        zmin: 0,
        zmax: top,
        colorscale: plotlyScale("viridis"),
        showscale: false,
        text: [...values].map((row, r) => row.map((v, c) => escapeText(text(v, r, c)))).reverse(),
        ...(readable ? { texttemplate: "%{text}" } : {}),
        customdata: rows.map((r) => columns.map((c) => escapeText(`${r} as ${c}`))).reverse(),
        hovertemplate: "%{customdata}: %{text}<extra></extra>",
      },
    ],
  };
}
