import type { Panel } from "./panel.js";
import type { Tick } from "./scale.js";

/** Where a panel's plot area lies in the figure, in pixels, and how its time or other x axis is written. */
export interface PlacedPanel {
  panel: Panel;
  left: number;
  top: number;
  width: number;
  /** Whether ticks and name are written under the axis: not where the panel below has the same axis. */
  written: boolean;
  /** Whether the names under the axis are turned because they are longer than their places are wide. */
  turned: boolean;
}

/** All panels of a figure. */
export interface Placement {
  placed: PlacedPanel[];
  height: number;
  /** Margins left and right of the plots. */
  left: number;
  right: number;
}

/** Pixels above a panel that has a title, a legend or a colour bar, and above one that has none. */
const HEAD = 26;
const NO_HEAD = 10;
/** Pixels of ticks and of the name under an axis. */
const TICKS = 22;
const NAME = 18;
const RIGHT = 14;
const BAR = 76;
const LONGEST = 150;

/** About how wide a text is at 12 pixels: wide enough for common fonts. */
export function textWidth(text: string): number {
  let width = 0;
  for (const character of text) width += character.codePointAt(0)! > 0x2e7f ? 12 : 6.9;
  return width;
}

/** The text, cut to fit this many pixels. */
export function cutText(text: string, pixels: number): string {
  if (textWidth(text) <= pixels) return text;
  let cut = "";
  for (const character of text) {
    if (textWidth(`${cut}${character}…`) > pixels) break;
    cut += character;
  }
  return `${cut}…`;
}

/** The text in lines of at most this many pixels, broken at spaces. */
export function wrapText(text: string, pixels: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(" ").filter(Boolean)) {
    const longer = lines.length > 0 ? `${lines.at(-1)} ${word}` : word;
    if (lines.length > 0 && textWidth(longer) <= pixels) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines;
}

/** Longest text beside or under an axis; longer ones are cut. */
export function tickName(tick: Tick): string {
  return cutText(tick.text, LONGEST).replace(/^-/, "−");
}

/** Puts panels into rows of `columns`, with room for their texts. Panels of one column share its margins. */
export function placePanels(panels: readonly Panel[], columns: number, width: number): Placement {
  const column = (c: number): Panel[] => panels.filter((_, i) => i % columns === c);
  const lefts = Array.from({ length: columns }, (_, c) => Math.max(...column(c).map(leftOf)));
  const rights = Array.from({ length: columns }, (_, c) => (column(c).some((p) => p.bar) ? BAR : RIGHT));
  const sum = (list: number[]): number => list.reduce((a, b) => a + b, 0);
  const plotWidth = Math.max(40, (width - sum(lefts) - sum(rights)) / columns);
  const placed: PlacedPanel[] = [];
  let top = 0;
  for (let i = 0; i < panels.length; i += columns) {
    const row = panels.slice(i, i + columns);
    const head = row.some((p) => p.title || p.legend || p.bar) ? HEAD : NO_HEAD;
    let foot = 0;
    row.forEach((panel, c) => {
      const below = panels[i + c + columns];
      const written = !(below && sameAxis(panel, below));
      const names = panel.x.ticks.map((tick) => textWidth(tickName(tick)));
      const turned = panel.x.names === true && Math.max(0, ...names) > plotWidth / Math.max(1, names.length) - 4;
      placed.push({
        panel,
        left: sum(lefts.slice(0, c + 1)) + sum(rights.slice(0, c)) + c * plotWidth,
        top: top + head,
        width: plotWidth,
        written,
        turned,
      });
      const ticks = turned ? Math.max(TICKS, 0.7 * Math.max(...names) + 14) : TICKS;
      foot = Math.max(foot, written ? ticks + (panel.x.label ? NAME : 0) : 0);
    });
    top += head + Math.max(...row.map((p) => p.height)) + foot;
  }
  return { placed, height: Math.ceil(top), left: lefts[0]!, right: rights[columns - 1]! };
}

function leftOf({ y }: Panel): number {
  return Math.ceil(Math.max(24, ...y.ticks.map((tick) => textWidth(tickName(tick)))) + 12 + (y.label ? 18 : 0));
}

/** Whether two panels lie over the same stretch of the same x axis. */
export function sameAxis(a: Panel, b: Panel): boolean {
  return a.x.label !== "" && a.x.label === b.x.label && a.x.min === b.x.min && a.x.max === b.x.max;
}
