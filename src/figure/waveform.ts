import { peakOf } from "../core/samples.js";
import { PALETTE } from "./colour.js";
import { type Panel, round } from "./panel.js";
import { linearScale, type Scale } from "./scale.js";

/** The smallest and the largest sample of each stretch of a signal. */
export interface Envelope {
  low: Float32Array;
  high: Float32Array;
}

/**
 * Divides samples `from` ≤ i < `to` into `bins` stretches, bin b from ⌊from + b · n / bins⌋ on, and gives the extremes
 * of each: no peak is lost, however many samples a bin holds. At most one bin per sample.
 */
export function envelope(samples: Float32Array, bins: number, from = 0, to: number = samples.length): Envelope {
  const n = Math.max(0, to - from);
  const count = Math.max(0, Math.min(Math.floor(bins), n));
  const low = new Float32Array(count);
  const high = new Float32Array(count);
  let at = from;
  for (let b = 0; b < count; b++) {
    const end = from + Math.floor(((b + 1) * n) / count);
    let min = samples[at]!;
    let max = min;
    for (at++; at < end; at++) {
      const value = samples[at]!;
      if (value < min) min = value;
      else if (value > max) max = value;
    }
    at = end;
    low[b] = min;
    high[b] = max;
  }
  return { low, high };
}

/** What a waveform panel shows. */
export interface WaveformView {
  samples: Float32Array;
  sampleRate: number;
  /** The time axis. Default: from the first sample shown to the end of the last. */
  time?: Scale;
  /** First sample shown and the one after the last. */
  from: number;
  to: number;
  /** Number of stretches kept for zooming. */
  zoomBins: number;
  /** Number of stretches in the picture. Default: one per pixel. */
  bins?: number;
  title?: string;
  colour?: string;
  height?: number;
  /** Half the height of the amplitude axis. Default: the largest magnitude shown. */
  peak?: number;
}

/** The axis of these seconds. */
export function timeScale(start: number, end: number): Scale {
  return linearScale(start, end, "time (s)", 8);
}

/** Amplitude over time: exact extremes per stretch, and as many stretches as the budget allows for zooming in. */
export function waveformPanel(view: WaveformView): Panel {
  const { samples, sampleRate, from, to } = view;
  const colour = view.colour ?? PALETTE[0]!;
  const peak = view.peak ?? peakOf(samples, from, to);
  const top = peak > 0 ? peak * 1.05 : 1;
  const height = view.height ?? 150;
  return {
    title: view.title,
    x: view.time ?? timeScale(from / sampleRate, to / sampleRate),
    y: linearScale(-top, top, "amplitude", Math.max(1, Math.min(4, height / 36))),
    height,
    draw: (box) => {
      const left = box.px(from / sampleRate);
      const span = box.px(to / sampleRate) - left;
      const { low, high } = envelope(samples, Math.max(1, Math.min(Math.round(span), view.bins ?? Infinity)), from, to);
      const width = span / Math.max(1, low.length);
      if (to - from <= span) {
        const points = Array.from(low, (value, i) => `${round(left + i * width)} ${box.py(value)}`);
        return `<path d="M${points.join("L")}" stroke="${colour}" stroke-width="1.5" fill="none"/>`;
      }
      const line = Array.from(low, (value, i) => {
        const x = round(left + (i + 0.5) * width);
        // At least one pixel high, so that silence is a line.
        return `M${x} ${round(box.py(high[i]!) - 0.5)}V${round(box.py(value) + 0.5)}`;
      });
      return `<path d="${line.join("")}" stroke="${colour}" stroke-width="${Math.max(1, round(width + 0.2))}" fill="none"/>`;
    },
    traces: [zoomTrace(view, colour)],
  };
}

/** A line through the samples or, of a long signal, through the minimum and the maximum of each stretch. */
function zoomTrace(view: WaveformView, colour: string): Record<string, unknown> {
  const { samples, sampleRate, from, to, zoomBins } = view;
  const whole = to - from <= 2 * zoomBins;
  const { low, high } = envelope(samples, whole ? to - from : zoomBins, from, to);
  const y = new Float32Array(whole ? low.length : 2 * low.length);
  if (whole) y.set(low);
  else {
    for (let i = 0; i < low.length; i++) {
      y[2 * i] = low[i]!;
      y[2 * i + 1] = high[i]!;
    }
  }
  return {
    type: "scatter",
    mode: "lines",
    x0: from / sampleRate,
    dx: (to - from) / sampleRate / Math.max(1, y.length),
    y: { dtype: "f4", bdata: Buffer.from(y.buffer).toString("base64") },
    // Thinner lines, nearer to each other than a pixel, would make stripes that the sound does not have.
    line: { color: colour, width: 1.5 },
    hovertemplate: "%{x:.4f} s: %{y:.4f}<extra></extra>",
  };
}
