import { NEUTRAL, PALETTE } from "../figure/colour.js";
import { escapeText, round } from "../figure/panel.js";
import { envelope } from "../figure/waveform.js";
import { resample } from "../signal/resample.js";
import { encodePreview } from "./player.js";
import { type ExampleLike, mono, toSound } from "./sound.js";

/**
 * A waveform of 60 strokes to its own scale; an img, since plain SVG is dropped where a notebook isn't trusted. Of
 * several channels the first. Where it would be a solid block, as a tone's, a few periods of its middle and their time.
 */
export function thumbnailHtml(example: ExampleLike): string {
  const sound = toSound(example);
  const samples = sound.channels[0]!;
  const { low, high } = envelope(samples, 60);
  let peak = 1e-9;
  for (let i = 0; i < low.length; i++) peak = Math.max(peak, high[i]!, -low[i]!);
  const y = (value: number): number => round(12 - (value / peak) * 11);
  const period = isBlock(low, high, peak) ? 1 / frequencyOf(samples) : 0;
  const shown = Math.round(PERIODS * period);
  const [path, note] =
    shown > 0 && shown < samples.length / 2
      ? [linePath(middle(samples, shown), y), millisText((1000 * shown) / sound.sampleRate)]
      : [Array.from(low, (value, i) => `M${2 * i + 1} ${y(high[i]!)}V${y(value) + 0.5}`).join(""), ""];
  const text =
    note &&
    `<text x="119" y="34" text-anchor="end" font-size="10" font-family="system-ui,sans-serif" fill="${NEUTRAL}">${note}</text>`;
  const height = note ? 36 : 24;
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="120" height="${height}"><path d="${path}" fill="none" stroke="${PALETTE[0]}" stroke-width="1.6"/>${text}</svg>`;
  const alt = escapeText(`Waveform of ${sound.name || "an example"}${note && `, ${note} of it`}`);
  return `<img alt="${alt}" style="min-width:120px" src="data:image/svg+xml;base64,${Buffer.from(svg).toString("base64")}">`;
}

/** Periods of a tone that a thumbnail shows. */
const PERIODS = 6;

/** Whether strokes from these lows to these highs would fill nearly all of the picture. */
function isBlock(low: Float32Array, high: Float32Array, peak: number): boolean {
  let filled = 0;
  for (let i = 0; i < low.length; i++) filled += (high[i]! - low[i]!) / (2 * peak);
  return filled > 0.75 * low.length;
}

/** Periods per sample, counted by the crossings of zero upwards. */
function frequencyOf(samples: Float32Array): number {
  let crossings = 0;
  for (let i = 1; i < samples.length; i++) if (samples[i - 1]! < 0 && samples[i]! >= 0) crossings++;
  return crossings / samples.length;
}

/** `count` samples from the middle, from a crossing of zero on where there is one. */
function middle(samples: Float32Array, count: number): Float32Array {
  let from = Math.floor((samples.length - count) / 2);
  for (let i = from; i > 0 && i > from - count; i--) {
    if (samples[i - 1]! < 0 && samples[i]! >= 0) {
      from = i;
      break;
    }
  }
  return samples.subarray(from, from + count);
}

function linePath(samples: Float32Array, y: (value: number) => number): string {
  return `M${Array.from(samples, (value, i) => `${round((118 * i) / (samples.length - 1) + 1)} ${y(value)}`).join("L")}`;
}

function millisText(milliseconds: number): string {
  return `${Number(milliseconds.toPrecision(2))} ms`;
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
  const html = `<audio controls preload="none" style="height:28px;width:${shown.seconds < 1 ? 120 : 180}px;vertical-align:middle" aria-label="${label}" title="${label}" src="${shown.source}"></audio>`;
  return { html, preview };
}

/** Seconds of an example's input. */
export function secondsOf({ input, channels, sampleRate }: ExampleLike): number {
  return input.length / (channels ?? 1) / sampleRate;
}
