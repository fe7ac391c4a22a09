import type { Panel } from "./panel.js";
import type { Tick } from "./scale.js";

/** Where a panel's plot area lies in the figure, in pixels, and how its time or other x axis is written. */
export interface PlacedPanel {
  panel: Panel;
  left: number;
  top: number;
  width: number;
  /** Lines of its title. */
  title: string[];
  /** Whether legends lie under titles, from the left, since on a phone there is no room for one of them on the right. */
  apart: boolean;
  /** Whether ticks and name are written under the axis: not where the panel below has the same axis. */
  written: boolean;
  /** Whether the names under the axis are turned because they are longer than their places are wide. */
  turned: boolean;
  /** Whether they are turned on a phone. */
  turns: boolean;
}

/** All panels of a figure. */
export interface Placement {
  placed: PlacedPanel[];
  height: number;
  /** Margins left and right of the plots. */
  left: number;
  right: number;
}

/** Pixels of an output on a phone, in JupyterLab, where figures still show all of their text. */
export const PHONE = 286;
/** Pixels from line to line, and most lines of a title. */
export const LINE = 16;
const TITLE_LINES = 2;
/** Pixels above a panel that has a title, a legend or a colour bar, and above one that has none. */
const HEAD = 26;
const NO_HEAD = 14;
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

/** The text in lines of at most this many pixels, broken at spaces and in words that are longer than a line. */
export function wrapText(text: string, pixels: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(" ").filter(Boolean)) {
    const longer = lines.length > 0 ? `${lines.at(-1)} ${word}` : word;
    if (lines.length > 0 && textWidth(longer) <= pixels) {
      lines[lines.length - 1] = longer;
      continue;
    }
    lines.push("");
    for (const character of word) {
      if (textWidth(lines.at(-1) + character) > pixels) lines.push("");
      lines[lines.length - 1] += character;
    }
  }
  return lines;
}

/** Longest text beside or under an axis; longer ones are cut. */
export function tickName(tick: Tick): string {
  return cutText(tick.text, LONGEST).replace(/^-/, "−");
}

/** Puts panels one under the other, with room for their texts and the same margins. */
export function placePanels(panels: readonly Panel[], width: number): Placement {
  const left = Math.max(...panels.map(leftOf));
  const right = panels.some((panel) => panel.bar) ? BAR : RIGHT;
  const plotWidth = Math.max(40, width - left - right);
  const heads = panels.map((panel) => headOf(panel, PHONE - left, right));
  const apart = heads.some((head) => head.apart);
  let top = 0;
  const placed = panels.map((panel, i): PlacedPanel => {
    const { title } = heads[i]!;
    const lines = title.length + (apart && panel.legend && title.length > 0 ? 1 : 0);
    const below = panels[i + 1];
    const written = !(below && sameAxis(panel, below));
    const names = panel.x.ticks.map((tick) => textWidth(tickName(tick)));
    const tooLong = (width: number): boolean =>
      panel.x.names === true && Math.max(0, ...names) > width / Math.max(1, names.length) - 4;
    const turned = tooLong(plotWidth);
    const turns = tooLong(PHONE - left - right);
    top += lines > 0 || panel.legend || panel.bar ? HEAD + LINE * Math.max(0, lines - 1) : NO_HEAD;
    const place = { panel, left, top, width: plotWidth, title, apart, written, turned, turns };
    const ticks = turns ? Math.max(TICKS, 0.7 * Math.max(...names) + 14) : TICKS;
    top += panel.height + (written ? ticks + (panel.x.label ? NAME : 0) : 0);
    return place;
  });
  return { placed, height: Math.ceil(top), left, right };
}

/** The lines of a title, which reaches to the picture's end unless a colour bar is there, and whether a legend has no room beside it. */
function headOf(panel: Panel, width: number, right: number): { title: string[]; apart: boolean } {
  const { title = "", legend = [], bar } = panel;
  const room = width - (bar ? right : RIGHT);
  const lines = wrapText(title, room);
  if (lines.length > TITLE_LINES) lines.push(cutText(lines.splice(TITLE_LINES - 1).join(" "), room));
  const beside = legend.reduce((sum, { text }) => sum + legendWidth(text), 0);
  return { title: lines, apart: beside > 0 && textWidth(title) + beside > width - right };
}

/** Pixels of an entry of a legend. */
export function legendWidth(text: string): number {
  return 32 + textWidth(cutText(text, 150));
}

function leftOf({ y }: Panel): number {
  return Math.ceil(Math.max(24, ...y.ticks.map((tick) => textWidth(tickName(tick)))) + 12 + (y.label ? 18 : 0));
}

/** Whether two panels lie over the same stretch of the same x axis. */
export function sameAxis(a: Panel, b: Panel): boolean {
  return a.x.label !== "" && a.x.label === b.x.label && a.x.min === b.x.min && a.x.max === b.x.max;
}
