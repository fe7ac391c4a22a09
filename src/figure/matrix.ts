import { colourTable, inkOn, plotlyScale, type Rgb } from "./colour.js";
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
  const colourOf = (value: number): Rgb => {
    const at = 3 * Math.round(255 * Math.min(1, top > 0 ? value / top : 0));
    return [table[at]!, table[at + 1]!, table[at + 2]!];
  };
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
          const [left, right, y0] = [box.px(c), box.px(c + 1), box.py(rows.length - r)];
          const y1 = box.py(rows.length - r - 1);
          const name = escapeText(`${rows[r]} as ${columns[c]}: ${text(value, r, c)}`);
          return `<rect x="${left}" y="${y0}" width="${round(right - left)}" height="${round(y1 - y0)}" fill="${css(colourOf(value))}"><title>${name}</title></rect>`;
        }),
      );
      return cells.join("");
    },
    over: (box) =>
      readable
        ? values.flatMap((row, r) =>
            row.map((value, c) => ({
              x: box.px(c + 0.5),
              y: box.py(rows.length - r - 0.5) + 4,
              svg: `<text text-anchor="middle" fill="${inkOn(colourOf(value))}">${escapeText(text(value, r, c))}</text>`,
            })),
          )
        : [],
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
        customdata: rows.map((r) => columns.map((c) => escapeText(`${r} as ${c}`))).reverse(),
        hovertemplate: "%{customdata}: %{text}<extra></extra>",
      },
      // Plotly's own text in cells is grey on bright ones.
      ...(readable ? [cellTexts(values.map((row, r) => row.map((v, c) => [text(v, r, c), inkOn(colourOf(v))])))] : []),
    ],
  };
}

/** The texts of all cells, each in its colour: rows from the top. */
function cellTexts(cells: readonly (readonly (readonly string[])[])[]): Record<string, unknown> {
  const places = cells.flatMap((row, r) => row.map((_, c) => [c + 0.5, cells.length - r - 0.5]));
  return {
    type: "scatter",
    mode: "text",
    x: places.map(([x]) => x),
    y: places.map(([, y]) => y),
    text: cells.flat().map(([text]) => escapeText(text!)),
    textfont: { color: cells.flat().map(([, ink]) => ink) },
    hoverinfo: "skip",
  };
}

function css([red, green, blue]: Rgb): string {
  return `rgb(${red},${green},${blue})`;
}
