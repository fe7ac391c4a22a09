import { checkKnown } from "../core/known-options.js";
import { displayBundle, type MimeBundle } from "../notebook/display.js";
import { type Figure, figure } from "../figure/figure.js";
import { histogramPanel } from "../figure/histogram.js";
import { escapeText, type Panel } from "../figure/panel.js";
import {
  fit,
  MAX_BYTES,
  secondsText,
  SHOW_OPTIONS,
  type ShowOptions,
  tableText,
  pictureHtml,
  headingHtml,
  captionHtml,
} from "./bundle.js";
import type { ExampleLike } from "./sound.js";
import { secondsOf, smallPlayer, thumbnailHtml } from "./thumbnail.js";

/** A dataset, as far as its card shows it. What is missing is left out of the card. */
export interface SummaryView {
  name: string;
  /** For example "pairs". */
  kind: string;
  examples: number;
  seconds?: number;
  sampleRate?: number;
  channels?: number;
  encoding?: string;
  shards?: number;
  bytes?: number;
  labels?: readonly string[];
  seed?: number | string;
  /** "fresh", "stale" or "damaged", and why. */
  state?: string;
  /** Seconds of each example; shown as a histogram where they differ. */
  lengths?: readonly number[];
  /** Peak and RMS in dBFS (0 is full scale) of some examples, -Infinity for silence; shown as histograms. */
  levels?: readonly Level[];
  /** Shown with small waveforms and players. */
  first?: readonly ExampleLike[];
}

/** How loud an example is, in dB of full scale. */
export interface Level {
  peak: number;
  rms: number;
}

/** Peak and RMS of samples in dBFS: of a sine of full scale 0 and -3.01 dB; -Infinity where all are 0. */
export function levelOf(samples: ArrayLike<number>): Level {
  let [peak, sum] = [0, 0];
  for (let i = 0; i < samples.length; i++) {
    peak = Math.max(peak, Math.abs(samples[i]!));
    sum += samples[i]! ** 2;
  }
  const decibels = (value: number): number => 20 * Math.log10(value);
  return { peak: decibels(peak), rms: decibels(Math.sqrt(sum / Math.max(1, samples.length))) };
}

/** Anything that makes its own card: a dataset. */
export interface Described {
  describe(): Promise<SummaryView>;
}

/**
 * Shows a dataset's card: what it holds, how large it is, whether it is up to date, and its first examples.
 *
 * @example
 * await show.summary(dataset);
 * show.summary({ name: "dataset", kind: "pairs", examples: 4000, sampleRate: 16000, state: "fresh" });
 */
export function summary(dataset: Described, options?: ShowOptions): Promise<void>;
export function summary(view: SummaryView, options?: ShowOptions): void;
export function summary(shown: Described | SummaryView, options: ShowOptions = {}): void | Promise<void> {
  checkKnown("show.summary", options, SHOW_OPTIONS);
  if ("describe" in shown) return shown.describe().then((view) => summary(view, options));
  displayBundle(summaryBundle(shown, options));
}

/** A small waveform, its player and its words, which take the next line on a narrow screen. */
const ROW = "display:flex;flex-wrap:wrap;align-items:center;gap:4px 12px;padding:2px 8px";

/** What `summary` shows. */
export function summaryBundle(view: SummaryView, options: ShowOptions = {}): MimeBundle {
  const rows = facts(view);
  const title = options.title ?? `Dataset “${view.name}”`;
  const maxBytes = options.maxBytes ?? MAX_BYTES;
  const first = view.first ?? [];
  const cell = (html: string, tag = "td"): string => `<${tag} style="text-align:left;padding:2px 8px">${html}</${tag}>`;
  const card = rows.map(([name, value]) => `<tr>${cell(escapeText(name), "th")}${cell(escapeText(value))}</tr>`);
  const spread = histograms(view);
  const picture = spread ? pictureHtml(spread) : "";
  return fit(maxBytes, (detail) => {
    const each = (detail * (maxBytes * 0.9 - picture.length)) / Math.max(1, first.length) - 900;
    const heard = first.map((example) => {
      const { html, preview } = smallPlayer(example, each);
      const words = [example.name || "example", secondsText(secondsOf(example))];
      const text = [...words, ...(preview ? [`preview: ${preview}`] : [])].join(", ");
      const parts = [thumbnailHtml(example), html, `<span style="min-width:0">${escapeText(text)}</span>`];
      return { text, html: `<div style="${ROW}">${parts.join("")}</div>` };
    });
    return {
      "text/html":
        `<div>${headingHtml(title)}<table style="border-collapse:collapse"><tbody>${card.join("")}</tbody></table>${picture}` +
        (heard.length > 0 ? `${captionHtml("First examples")}${heard.map((h) => h.html).join("")}` : "") +
        "</div>",
      "text/plain": [
        title,
        tableText(["", ""], rows).trim(),
        ...(spread ? [spread.alt] : []),
        ...heard.map((h) => h.text),
      ].join("\n"),
    };
  });
}

/** Lengths that differ, and levels, as histograms; undefined where there are none. */
function histograms({ lengths = [], levels = [] }: SummaryView): Figure | undefined {
  const panels: Panel[] = [];
  const words: string[] = [];
  const range = (values: readonly number[]): [number, number] => [Math.min(...values), Math.max(...values)];
  const [shortest, longest] = range(lengths);
  if (longest > shortest) {
    panels.push(histogramPanel({ series: [{ name: "length", values: lengths }], label: "length (s)" }));
    words.push(`lengths ${secondsText(shortest)} to ${secondsText(longest)}`);
  }
  const heard = levels.filter(({ peak }) => peak > -Infinity);
  if (heard.length > 0) {
    const series = (["peak", "rms"] as const).map((key) => ({
      name: key === "rms" ? "RMS" : key,
      values: heard.map((level) => level[key]),
    }));
    const silent = levels.length - heard.length;
    const title = `${levels.length} ${levels.length === 1 ? "example" : "examples"}${silent > 0 ? `, ${silent} silent` : ""}`;
    panels.push(histogramPanel({ series, label: "level (dBFS)", title }));
    const said = series.map(({ name, values }) => {
      const [low, high] = range(values);
      return `${name} ${low.toFixed(1)} to ${high.toFixed(1)} dBFS`;
    });
    words.push(`levels of ${title}: ${said.join(", ")}`);
  }
  return panels.length > 0 ? figure(panels, { width: 480, alt: `Histograms: ${words.join("; ")}` }) : undefined;
}

function facts(view: SummaryView): [string, string][] {
  const number = (n: number): string => n.toLocaleString("en-US");
  const rows: [string, string | undefined][] = [
    ["kind", view.kind],
    ["examples", number(view.examples)],
    ["length", view.seconds === undefined ? undefined : secondsText(view.seconds)],
    ["sample rate", view.sampleRate === undefined ? undefined : `${number(view.sampleRate)} Hz`],
    ["channels", view.channels === undefined ? undefined : String(view.channels)],
    ["encoding", view.encoding],
    ["shards", view.shards === undefined ? undefined : number(view.shards)],
    ["size", view.bytes === undefined ? undefined : bytesText(view.bytes)],
    ["labels", labelsText(view.labels)],
    ["seed", view.seed === undefined ? undefined : String(view.seed)],
    ["state", view.state],
  ];
  return rows.filter((row): row is [string, string] => row[1] !== undefined);
}

function labelsText(labels?: readonly string[]): string | undefined {
  if (!labels) return undefined;
  const more = labels.length > 12 ? ` … and ${labels.length - 12} more` : "";
  return `${labels.length}: ${labels.slice(0, 12).join(", ")}${more}`;
}

/** Bytes for people: `812 B`, `1.9 MB`. */
export function bytesText(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  const power = Math.min(units.length - 1, bytes > 0 ? Math.floor(Math.log10(bytes) / 3) : 0);
  return `${power === 0 ? bytes : (bytes / 1000 ** power).toFixed(1)} ${units[power]}`;
}
