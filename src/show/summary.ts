import { displayBundle, type MimeBundle } from "../notebook/display.js";
import { escapeText } from "../figure/panel.js";
import { fit, MAX_BYTES, secondsText, type ShowOptions, tableText } from "./bundle.js";
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
  /** Shown with small waveforms and players. */
  first?: readonly ExampleLike[];
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
  return fit(maxBytes, (detail) => {
    const each = (detail * maxBytes * 0.9) / Math.max(1, first.length) - 900;
    const heard = first.map((example) => {
      const { html, preview } = smallPlayer(example, each);
      const words = [example.name || "example", secondsText(secondsOf(example))];
      const text = [...words, ...(preview ? [`preview: ${preview}`] : [])].join(", ");
      const parts = [thumbnailHtml(example), html, `<span style="min-width:0">${escapeText(text)}</span>`];
      return { text, html: `<div style="${ROW}">${parts.join("")}</div>` };
    });
    return {
      "text/html":
        `<div><div style="font-weight:600">${escapeText(title)}</div><table style="border-collapse:collapse"><tbody>${card.join("")}</tbody></table>` +
        (heard.length > 0
          ? `<div style="margin:8px 0 2px">First examples</div>${heard.map((h) => h.html).join("")}`
          : "") +
        "</div>",
      "text/plain": [title, tableText(["", ""], rows).trim(), ...heard.map((h) => h.text)].join("\n"),
    };
  });
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
