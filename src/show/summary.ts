import { displayBundle, type MimeBundle } from "../display.js";
import { figure } from "../figure/figure.js";
import { escapeText } from "../figure/panel.js";
import { waveformPanel } from "../figure/waveform.js";
import { fit, MAX_BYTES, pictureHtml, secondsText, type ShowOptions, tableHtml, tableText } from "./bundle.js";
import { audioHtml, encodePreview } from "./player.js";
import { type ExampleLike, toSound } from "./sound.js";

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
  seed?: number;
  /** "fresh", "stale" or "damaged", and why. */
  state?: string;
  /** Shown with small waveforms and players. */
  first?: readonly ExampleLike[];
}

/**
 * Shows a dataset's card: what it holds, how large it is, whether it is up to date, and its first examples.
 *
 * @example
 * summary({ name: "dataset", kind: "pairs", examples: 4000, sampleRate: 16000, state: "fresh" });
 */
export function summary(view: SummaryView, options: ShowOptions = {}): void {
  displayBundle(summaryBundle(view, options));
}

/** What `summary` shows. */
export function summaryBundle(view: SummaryView, options: ShowOptions = {}): MimeBundle {
  const rows = facts(view);
  const title = options.title ?? `Dataset ${view.name}`;
  const maxBytes = options.maxBytes ?? MAX_BYTES;
  const first = view.first ?? [];
  return fit(maxBytes, (detail) => {
    const each = (detail * maxBytes * 0.9) / Math.max(1, first.length);
    const thumbnails = first.map((shown) => thumbnail(shown, each));
    return {
      "text/html":
        `<div><div style="font-weight:600">${escapeText(title)}</div>${tableHtml(["", ""], rows)}` +
        `${thumbnails.map((t) => t.html).join("")}</div>`,
      "text/plain": [title, tableText(["", ""], rows).trim(), ...thumbnails.map((t) => t.text)].join("\n"),
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

function thumbnail(shown: ExampleLike, maxBytes: number): { html: string; text: string } {
  const sound = toSound(shown);
  const samples = sound.channels[0]!;
  const name = sound.name || "example";
  const panel = waveformPanel({
    samples,
    sampleRate: sound.sampleRate,
    from: 0,
    to: samples.length,
    zoomBins: 2,
    height: 44,
  });
  const picture = figure([panel], { width: 320, alt: `Waveform of ${name}` });
  const playable = encodePreview(sound, 0, samples.length, maxBytes - picture.svg.length * 1.4 - 700, false);
  const text = `${name}, ${secondsText(samples.length / sound.sampleRate)}${playable.preview ? ` — preview: ${playable.preview}` : ""}`;
  return {
    html: `<div style="margin:8px 0">${escapeText(text)}<br>${audioHtml(playable, name)}<br>${pictureHtml(picture)}</div>`,
    text,
  };
}

/** Bytes for people: `812 B`, `1.9 MB`. */
export function bytesText(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  const power = Math.min(units.length - 1, bytes > 0 ? Math.floor(Math.log10(bytes) / 3) : 0);
  return `${power === 0 ? bytes : (bytes / 1000 ** power).toFixed(1)} ${units[power]}`;
}
