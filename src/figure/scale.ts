import { ticks as evenTicks } from "d3-array";

/** An axis: the values it spans, where its ticks lie and how they read. */
export interface Scale {
  min: number;
  max: number;
  /** Name and unit, for example "time (s)". */
  label: string;
  ticks: Tick[];
  /** Where a value lies between min (0) and max (1). */
  position(value: number): number;
  /** How positions grow: plotly draws linear and log axes itself, a warped one through its ticks. */
  kind: "linear" | "log" | "warped";
  /** Ticks at whole numbers only. */
  whole?: boolean;
  /** Ticks are names rather than numbers. */
  names?: boolean;
}

/** One tick of an axis. */
export interface Tick {
  at: number;
  text: string;
}

/** An evenly divided axis with about `count` round ticks. */
export function linearScale(min: number, max: number, label: string, count = 6): Scale {
  const span = max > min ? max - min : 1;
  return {
    min,
    max: min + span,
    label,
    ticks: roundTicks(min, min + span, count),
    position: (value) => (value - min) / span,
    kind: "linear",
  };
}

/** A logarithmic axis with ticks at 1, 2, 5, 10 … times a power of ten, and at its end unless `end` is false. */
export function logScale(min: number, max: number, label: string, end = true): Scale {
  const ticks: Tick[] = [];
  for (let power = Math.floor(Math.log10(min)); 10 ** power <= max; power++) {
    for (const digit of [1, 2, 5]) {
      const at = digit * 10 ** power;
      if (at >= min && at <= max) ticks.push({ at, text: tickText(at) });
    }
  }
  if (!end && ticks.length < 2) ticks.splice(0, 1, ...roundTicks(min, max, 4));
  const position = (value: number): number => Math.log(value / min) / Math.log(max / min);
  return { min, max, label, ticks: end ? toTheEnd(ticks, max, position) : ticks, position, kind: "log" };
}

/** An axis on which `warp(value)` grows evenly, for example mel; ticks are round values spread over it. */
export function warpedScale(min: number, max: number, label: string, warp: (value: number) => number): Scale {
  const [low, high] = [warp(min), warp(max)];
  const position = (value: number): number => (warp(value) - low) / (high - low);
  const ticks: Tick[] = [];
  for (const at of [0, ...[100, 1000, 10000].flatMap((p) => [p, 2 * p, 4 * p])]) {
    const last = ticks.at(-1);
    if (at >= min && at <= max && (!last || position(at) - position(last.at) > 0.07)) {
      ticks.push({ at, text: tickText(at) });
    }
  }
  return { min, max, label, ticks: toTheEnd(ticks, max, position), position, kind: "warped" };
}

/** Ticks with one at the end of the axis, where the last round one leaves room for it. */
function toTheEnd(ticks: Tick[], max: number, position: (value: number) => number): Tick[] {
  const last = ticks.at(-1);
  return last && 1 - position(last.at) < 0.06 ? ticks : [...ticks, { at: max, text: tickText(max) }];
}

/** An axis of `names`, one unit wide each, the first from 0 to 1. */
export function namedScale(names: readonly string[], label: string, most = 40): Scale {
  const every = Math.max(1, Math.ceil(names.length / most));
  const scale = linearScale(0, Math.max(1, names.length), label);
  scale.names = true;
  scale.ticks = names.flatMap((text, i) => (i % every === 0 ? [{ at: i + 0.5, text }] : []));
  return scale;
}

/** A number for people: 3 significant digits, thousands separated. */
export function tickText(value: number): string {
  const rounded = Number(value.toPrecision(6));
  return Math.abs(rounded) >= 10000 || Number.isInteger(rounded)
    ? Math.round(rounded).toLocaleString("en-US")
    : String(rounded);
}

/** Round ticks, about `count` of them and at least two. */
function roundTicks(min: number, max: number, count: number): Tick[] {
  const most = 64 * count;
  let found = evenTicks(min, max, count);
  for (let more = count + 1; found.length < 2 && more <= most; more++) found = evenTicks(min, max, more);
  return found.map((at) => ({ at, text: tickText(at) }));
}
