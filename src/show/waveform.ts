import { checkKnown } from "../core/known-options.js";
import { displayBundle, type MimeBundle } from "../notebook/display.js";
import { PALETTE } from "../figure/colour.js";
import { figure } from "../figure/figure.js";
import type { Panel } from "../figure/panel.js";
import { waveformPanel } from "../figure/waveform.js";
import { figureBundle, fit, MAX_BYTES, secondsText, SHOW_OPTIONS, type ShowOptions } from "./bundle.js";
import { type Sound, SOUND_OPTIONS, type SoundOptions, type SoundSource, sampleRange, toSound } from "./sound.js";

/** Stretches kept for zooming in; a sound of fewer than twice as many samples is kept whole. */
const ZOOM_BINS = 8_000;

/**
 * Shows the amplitude over time, one plot per channel. Every pixel spans the smallest and the largest sample in it; for a
 * long sound give `start` and `end` to see a part exactly.
 *
 * @example
 * show.waveform("data/in/a.wav", { start: 0, end: 0.05 });
 */
export function waveform(source: SoundSource, options: ShowOptions & SoundOptions = {}): void {
  checkKnown("show.waveform", options, { ...SHOW_OPTIONS, ...SOUND_OPTIONS });
  displayBundle(waveformBundle(source, options));
}

/** What `waveform` shows. */
export function waveformBundle(source: SoundSource, options: ShowOptions & SoundOptions = {}): MimeBundle {
  const sound = toSound(source, options);
  const { from, to } = sampleRange(sound, options);
  const title = options.title ?? sound.name;
  return fit(options.maxBytes ?? MAX_BYTES, (detail) => {
    const zoomBins = Math.round((ZOOM_BINS * detail) / sound.channels.length);
    const panels = waveformPanels(sound, from, to, zoomBins, title);
    return figureBundle(
      figure(panels, {
        width: options.width,
        alt: `Waveform${title ? ` of ${title}` : ""}: ${describe(sound, from, to)}`,
        note: to - from > 2 * zoomBins ? thinned(sound, to - from, zoomBins) : undefined,
      }),
    );
  });
}

/** One panel per channel. */
export function waveformPanels(sound: Sound, from: number, to: number, zoomBins: number, title: string): Panel[] {
  return sound.channels.map((samples, c) =>
    waveformPanel({
      samples,
      sampleRate: sound.sampleRate,
      from,
      to,
      zoomBins,
      title: sound.channels.length > 1 ? `channel ${c + 1}${title && c === 0 ? `: ${title}` : ""}` : title,
      colour: PALETTE[c % PALETTE.length]!,
    }),
  );
}

/** Length, rate, channels and peak in words. */
export function describe(sound: Sound, from: number, to: number): string {
  let peak = 0;
  for (const samples of sound.channels) {
    for (let i = from; i < to; i++) {
      const size = Math.abs(samples[i]!);
      if (size > peak) peak = size;
    }
  }
  const channels = sound.channels.length === 1 ? "1 channel" : `${sound.channels.length} channels`;
  const db = peak > 0 ? `${(20 * Math.log10(peak)).toFixed(1)} dBFS` : "silence";
  return `${secondsText((to - from) / sound.sampleRate)}, ${sound.sampleRate.toLocaleString("en-US")} Hz, ${channels}, peak ${peak.toFixed(3)} (${db})`;
}

function thinned(sound: Sound, samples: number, bins: number): string {
  const each = (1000 * samples) / bins / sound.sampleRate;
  return `Zooming in shows the extremes of every ${each.toPrecision(2)} ms; start and end show a part exactly.`;
}
