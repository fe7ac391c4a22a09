import { checkKnown } from "../core/known-options.js";
import { displayBundle, type MimeBundle } from "../notebook/display.js";
import { figure } from "../figure/figure.js";
import { escapeText } from "../figure/panel.js";
import { waveformPanel } from "../figure/waveform.js";
import {
  fit,
  MAX_BYTES,
  numberText,
  pictureHtml,
  secondsText,
  SHOW_OPTIONS,
  type ShowOptions,
  headingHtml,
} from "./bundle.js";
import { audioHtml, encodePreview } from "./player.js";
import { type ExampleLike, toSound } from "./sound.js";

/** A prediction to look at. */
export interface Judged {
  example: ExampleLike;
  /** Loss of this example; the largest are the worst. */
  loss: number;
  /** True label or labels in words. */
  label?: string;
  /** Predicted label or labels in words. */
  predicted?: string;
  /** Confidence in the prediction, 0 to 1. */
  confidence?: number;
}

/**
 * Shows the `n` predictions with the largest loss (default 5), to see and hear.
 *
 * @example
 * show.worst(judged, 3);
 */
export function worst(judged: readonly Judged[], n = 5, options: ShowOptions = {}): void {
  checkKnown("show.worst", options, SHOW_OPTIONS);
  displayBundle(worstBundle(judged, n, options));
}

/** What `worst` shows. */
export function worstBundle(judged: readonly Judged[], n = 5, options: ShowOptions = {}): MimeBundle {
  const sorted = [...judged].sort((a, b) => b.loss - a.loss).slice(0, n);
  const title = options.title ?? `The ${sorted.length} worst of ${judged.length} predictions`;
  const maxBytes = options.maxBytes ?? MAX_BYTES;
  return fit(maxBytes, (detail) => {
    const each = (detail * maxBytes) / Math.max(1, sorted.length);
    const cards = sorted.map((one, i) => card(one, i + 1, each));
    return {
      "text/html": `<div>${headingHtml(title)}${cards.map((c) => c.html).join("")}</div>`,
      "text/plain": [title, ...cards.map((c) => c.text)].join("\n"),
    };
  });
}

function card(judged: Judged, place: number, maxBytes: number): { html: string; text: string } {
  const sound = toSound(judged.example);
  const samples = sound.channels[0]!;
  const name = sound.name || `prediction ${place}`;
  const facts = [
    `loss ${numberText(judged.loss)}`,
    judged.label === undefined ? "" : `true ${judged.label}`,
    judged.predicted === undefined ? "" : `predicted ${judged.predicted}`,
    judged.confidence === undefined ? "" : `confidence ${(100 * judged.confidence).toFixed(0)} %`,
    secondsText(samples.length / sound.sampleRate),
  ].filter(Boolean);
  const panel = waveformPanel({
    samples,
    sampleRate: sound.sampleRate,
    from: 0,
    to: samples.length,
    zoomBins: 2,
    height: 60,
  });
  const picture = figure([panel], { width: 480, alt: `Waveform of ${name}` });
  const playable = encodePreview(sound, 0, samples.length, maxBytes - picture.svg.length * 1.4 - 900, false);
  const text = `${place}. ${name}: ${facts.join(", ")}${playable.preview ? ` — preview: ${playable.preview}` : ""}`;
  return {
    html: `<div style="margin:8px 0">${escapeText(text)}<br>${audioHtml(playable, name)}<br>${pictureHtml(picture)}</div>`,
    text,
  };
}
