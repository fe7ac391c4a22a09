import { HOLLOW, PALETTE, VERDICT } from "./colour.js";
import { escapeText, type Panel, round } from "./panel.js";
import { linearScale, type Scale } from "./scale.js";

/** A stretch of time in one row of a roll. */
export interface RollNote {
  /** Seconds. */
  onset: number;
  /** Seconds. */
  offset: number;
  /** Row number: a feature column, or a MIDI pitch. */
  row: number;
}

/** What comparing labels with predictions says about a stretch. */
export type Verdict = "hit" | "miss" | "false alarm";

/** A stretch with its verdict; without one it is a plain label. */
export interface JudgedNote extends RollNote {
  verdict?: Verdict;
}

/** What a roll shows. */
export interface RollView {
  notes: readonly JudgedNote[];
  /** Name of a row, for the axis. */
  rowName(row: number): string;
  /** Seconds shown. */
  start: number;
  end: number;
  title?: string | undefined;
  height?: number;
  label?: string;
  colour?: string;
}

/**
 * Splits the time of each row into hits (label and prediction), misses (label alone) and false alarms (prediction
 * alone). Adjoining stretches of one verdict are one.
 */
export function verdicts(labels: readonly RollNote[], predictions: readonly RollNote[]): JudgedNote[] {
  const rows = new Set([...labels, ...predictions].map((note) => note.row));
  const judged: JudgedNote[] = [];
  for (const row of [...rows].sort((a, b) => a - b)) {
    const edges: { at: number; label: number; prediction: number }[] = [];
    for (const { onset, offset } of labels.filter((n) => n.row === row)) {
      edges.push({ at: onset, label: 1, prediction: 0 }, { at: offset, label: -1, prediction: 0 });
    }
    for (const { onset, offset } of predictions.filter((n) => n.row === row)) {
      edges.push({ at: onset, label: 0, prediction: 1 }, { at: offset, label: 0, prediction: -1 });
    }
    edges.sort((a, b) => a.at - b.at);
    let label = 0;
    let prediction = 0;
    edges.forEach((edge, i) => {
      label += edge.label;
      prediction += edge.prediction;
      const offset = edges[i + 1]?.at ?? edge.at;
      if (offset <= edge.at || (label <= 0 && prediction <= 0)) return;
      const verdict: Verdict = label > 0 ? (prediction > 0 ? "hit" : "miss") : "false alarm";
      const before = judged.at(-1);
      if (before && before.row === row && before.offset === edge.at && before.verdict === verdict)
        before.offset = offset;
      else judged.push({ onset: edge.at, offset, row, verdict });
    });
  }
  return judged;
}

/** Joins notes of one row and verdict whose gap is shorter than `gap` seconds: what a picture that coarse can show. */
export function joinNotes(notes: readonly JudgedNote[], gap: number): JudgedNote[] {
  const sorted = [...notes].sort(
    (a, b) => a.row - b.row || (a.verdict ?? "").localeCompare(b.verdict ?? "") || a.onset - b.onset,
  );
  const joined: JudgedNote[] = [];
  for (const note of sorted) {
    const before = joined.at(-1);
    const same = before && before.row === note.row && before.verdict === note.verdict;
    if (same && note.onset - before.offset < gap) before.offset = Math.max(before.offset, note.offset);
    else joined.push({ ...note });
  }
  return joined;
}

/** Rows of bars over time: hits filled, misses hollow, false alarms thin, so that they differ by more than colour. */
export function rollPanel(view: RollView): Panel {
  const shown = view.notes.filter((n) => n.offset > view.start && n.onset < view.end);
  const y = rowScale(shown, view);
  const height = view.height ?? Math.max(120, NAME * (y.ticks.length + 1), Math.min(320, 8 * (y.max - y.min)));
  const colour = (verdict?: Verdict): string => (verdict ? VERDICT[verdict] : (view.colour ?? PALETTE[0]!));
  const kinds = [...new Set(shown.map((n) => n.verdict))];
  return {
    title: view.title,
    x: linearScale(view.start, view.end, "time (s)", 8),
    y,
    height,
    legend: kinds.some(Boolean)
      ? (["hit", "miss", "false alarm"] as const).map((text) => ({
          text,
          colour: colour(text),
          hollow: text === "miss",
        }))
      : undefined,
    draw: (box) => {
      const full = Math.max(1.5, (box.py(0) - box.py(1)) * 0.8);
      return kinds
        .map((kind) => {
          const tall = kind === "false alarm" ? full * 0.45 : full;
          const bars = shown
            .filter((n) => n.verdict === kind)
            .map((n) => {
              const left = box.px(n.onset);
              const wide = Math.max(1, round(box.px(n.offset) - left));
              return `M${left} ${round(box.py(n.row) - tall / 2)}h${wide}v${round(tall)}h${-wide}z`;
            });
          const style =
            kind === "miss"
              ? `fill="${colour(kind)}" fill-opacity="${HOLLOW}" stroke="${colour(kind)}"`
              : `fill="${colour(kind)}"`;
          return `<path d="${bars.join("")}" ${style}/>`;
        })
        .join("");
    },
    traces: kinds.map((kind) => {
      const notes = shown.filter((n) => n.verdict === kind);
      const half = kind === "false alarm" ? 0.18 : 0.4;
      return {
        type: "scatter",
        mode: "lines",
        name: kind ?? "label",
        x: notes.flatMap((n) => [
          milli(n.onset),
          milli(n.offset),
          milli(n.offset),
          milli(n.onset),
          milli(n.onset),
          null,
        ]),
        y: notes.flatMap((n) => [n.row - half, n.row - half, n.row + half, n.row + half, n.row - half, null]),
        fill: "toself",
        fillcolor: kind === "miss" ? translucent(colour(kind)) : colour(kind),
        line: { color: colour(kind), width: 1 },
        hoveron: "points",
        text: notes.flatMap((n) => Array<string>(6).fill(escapeText(view.rowName(n.row)))),
        hovertemplate: `%{x:.3f} s, %{text}${kind ? `: ${kind}` : ""}<extra></extra>`,
      };
    }),
  };
}

/** Height of the name of a row, in pixels. */
const NAME = 13;

function rowScale(notes: readonly RollNote[], view: RollView): Scale {
  let low = Infinity;
  let high = -Infinity;
  for (const { row } of notes) {
    low = Math.min(low, row);
    high = Math.max(high, row);
  }
  if (high < low) [low, high] = [0, 1];
  const scale = linearScale(low - 1, high + 1, view.label ?? "label");
  scale.names = true;
  const every = Math.max(1, Math.ceil((high - low + 1) / 16));
  scale.ticks = [];
  for (let row = low; row <= high; row += every) scale.ticks.push({ at: row, text: view.rowName(row) });
  return scale;
}

/** A colour as what is hollow is filled with. */
function translucent(hex: string): string {
  return `${hex}${Math.round(255 * HOLLOW).toString(16)}`;
}

function milli(seconds: number): number {
  return Math.round(seconds * 1e4) / 1e4;
}

/** The text that a whole roll says in words. */
export function rollWords(notes: readonly JudgedNote[]): string {
  const seconds = (kind?: Verdict): number =>
    notes.filter((n) => n.verdict === kind).reduce((sum, n) => sum + n.offset - n.onset, 0);
  if (!notes.some((n) => n.verdict)) return `${notes.length} notes, ${seconds().toFixed(2)} s in total`;
  const [hit, miss, alarm] = [seconds("hit"), seconds("miss"), seconds("false alarm")];
  const f1 = hit > 0 ? (2 * hit) / (2 * hit + miss + alarm) : 0;
  return escapeText(
    `hits ${hit.toFixed(2)} s, misses ${miss.toFixed(2)} s, false alarms ${alarm.toFixed(2)} s, F1 by time ${f1.toFixed(3)}`,
  );
}
