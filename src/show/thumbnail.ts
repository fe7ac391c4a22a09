import { PALETTE } from "../figure/colour.js";
import { escapeText, round } from "../figure/panel.js";
import { envelope } from "../figure/waveform.js";
import { resample } from "../signal/resample.js";
import { encodePreview } from "./player.js";
import { type ExampleLike, mono, toSound } from "./sound.js";

/**
 * A waveform of 60 strokes to its own scale; an img, since plain SVG is dropped where a notebook isn't trusted. Of
 * several channels the first.
 */
export function thumbnailHtml(example: ExampleLike): string {
  const sound = toSound(example);
  const { low, high } = envelope(sound.channels[0]!, 60);
  let peak = 1e-9;
  for (let i = 0; i < low.length; i++) peak = Math.max(peak, high[i]!, -low[i]!);
  const y = (value: number): number => round(12 - (value / peak) * 11);
  const line = Array.from(low, (value, i) => `M${2 * i + 1} ${y(high[i]!)}V${y(value) + 0.5}`).join("");
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="120" height="24"><path d="${line}" stroke="${PALETTE[0]}" stroke-width="1.6"/></svg>`;
  const alt = escapeText(`Waveform of ${sound.name || "an example"}`);
  return `<img alt="${alt}" src="data:image/svg+xml;base64,${Buffer.from(svg).toString("base64")}">`;
}

/** Sample rate of sounds in small players where the whole doesn't fit: many short listens rather than a few good ones. */
const LOW_RATE = 8000;

/** A small player of at most `maxBytes` characters, and what its sound gave up for that. */
export function smallPlayer(example: ExampleLike, maxBytes: number): { html: string; preview: string } {
  const whole = toSound(example);
  const low = 1.34 * whole.channels[0]!.length > maxBytes - 500 && whole.sampleRate > LOW_RATE;
  const sound = low
    ? { ...whole, channels: [resample(mono(whole), whole.sampleRate, LOW_RATE)], sampleRate: LOW_RATE }
    : whole;
  const shown = encodePreview(sound, 0, sound.channels[0]!.length, maxBytes - 400, false);
  const preview = [low ? "8,000 Hz" : "", shown.preview].filter(Boolean).join(", ");
  const label = escapeText(`Play ${sound.name || "the example"}${preview ? ` (preview: ${preview})` : ""}`);
  const html = `<audio controls preload="none" style="height:28px;width:180px;vertical-align:middle" aria-label="${label}" title="${label}" src="${shown.source}"></audio>`;
  return { html, preview };
}

/** Seconds of an example's input. */
export function secondsOf({ input, channels, sampleRate }: ExampleLike): number {
  return input.length / (channels ?? 1) / sampleRate;
}
