import { checkKnown } from "../core/known-options.js";
import { DatasetError } from "../core/error.js";
import { peakOf } from "../core/samples.js";
import { displayBundle, type MimeBundle } from "../notebook/display.js";
import { PALETTE } from "../figure/colour.js";
import { figure } from "../figure/figure.js";
import { escapeText, type Panel } from "../figure/panel.js";
import { timeScale, waveformPanel } from "../figure/waveform.js";
import { bundleBytes, figureBundle, fit, MAX_BYTES } from "./bundle.js";
import { audioHtml, encodePreview } from "./player.js";
import { type ExampleLike, type Sound, type SoundSource, sampleRange, toSound } from "./sound.js";
import {
  panelOf,
  SPECTROGRAM_OPTIONS,
  type SpectrogramOptions,
  type SpectrogramValues,
  spectrogramValues,
} from "./spectrogram.js";
import { describe } from "./waveform.js";

/** What to call the two sides of a pair. */
export interface PairOptions extends SpectrogramOptions {
  /** Names of the two sides. Default "input" and "target". */
  names?: readonly [string, string];
  /** Shows the second side minus the first too, with the signal-to-noise ratio in dB. Default false. */
  difference?: boolean;
}

/**
 * Shows the input above the target of an example: players, waveforms and spectrograms on one time axis (zooming one
 * zooms all), amplitudes and decibels to the same scale.
 *
 * @example
 * show.pair(await dataset.example(0));
 * show.pair(["in/a.wav", "out/a.wav"], { scale: "log", difference: true });
 * @throws DatasetError "OPTION" for a difference of sides that aren't as long as each other
 */
export function pair(source: ExampleLike | readonly [SoundSource, SoundSource], options: PairOptions = {}): void {
  checkKnown("show.pair", options, { ...SPECTROGRAM_OPTIONS, names: true, difference: true });
  for (const bundle of pairBundles(source, options)) displayBundle(bundle);
}

/** What `pair` shows: the players, then the pictures. */
export function pairBundles(
  source: ExampleLike | readonly [SoundSource, SoundSource],
  options: PairOptions = {},
): MimeBundle[] {
  const { sounds, title } = sides(source, options);
  const names: string[] = [...(options.names ?? ["input", "target"])];
  if (options.difference && sounds.length > 1) {
    const { sound, snr } = difference(sounds[0]!, sounds[1]!);
    sounds.push(sound);
    names.push(`difference, SNR ${Number.isFinite(snr) ? `${snr.toFixed(1)} dB` : "infinite"}`);
  }
  const maxBytes = options.maxBytes ?? MAX_BYTES;
  // The sound as it is comes before the last detail of the pictures.
  const heard = sounds.reduce((sum, { channels }) => sum + (channels.length * (channels[0]!.length * 8)) / 3 + 1000, 0);
  const room = Math.max(maxBytes / 4, Math.min(maxBytes / 2, maxBytes - heard));
  const pictures = picturesBundle(sounds, names, title, options, room);
  const players = playersBundle(sounds, names, title, maxBytes - bundleBytes(pictures));
  return [players, pictures];
}

function sides(
  source: ExampleLike | readonly [SoundSource, SoundSource],
  options: PairOptions,
): { sounds: Sound[]; title: string } {
  if (!("input" in source)) {
    const sounds = source.map((side) => toSound(side, options));
    return { sounds, title: options.title ?? "" };
  }
  const input = toSound(source, options);
  const target = source.target ? [toSound({ ...source, input: source.target }, options)] : [];
  return { sounds: [input, ...target], title: options.title ?? input.name };
}

/** The second sound minus the first, and how many decibels the second is above that. */
export function difference(first: Sound, second: Sound): { sound: Sound; snr: number } {
  const form = ({ channels, sampleRate }: Sound): string =>
    `${channels.length} × ${channels[0]!.length} samples at ${sampleRate} Hz`;
  if (form(first) !== form(second)) {
    throw new DatasetError("OPTION", `difference: ${form(second)} minus ${form(first)}, expected sides of one form`);
  }
  let [signal, noise] = [0, 0];
  const channels = second.channels.map((samples, c) =>
    samples.map((value, i) => {
      const left = value - first.channels[c]![i]!;
      signal += value * value;
      noise += left * left;
      return left;
    }),
  );
  return { sound: { ...second, channels, name: "difference" }, snr: 10 * Math.log10(signal / noise) };
}

function playersBundle(
  sounds: readonly Sound[],
  names: readonly string[],
  title: string,
  maxBytes: number,
): MimeBundle {
  const cells = sounds.map((sound, i) => {
    const playable = encodePreview(sound, 0, sound.channels[0]!.length, maxBytes / sounds.length - 800, false);
    const note = playable.preview ? ` — preview: ${playable.preview}` : "";
    return {
      text: `${names[i]}: ${describe(sound, 0, sound.channels[0]!.length)}${note}`,
      audio: audioHtml(playable, `${names[i]} ${title}`),
    };
  });
  return {
    "text/html": sidesHtml(cells.map((cell) => `${escapeText(cell.text)}<br>${cell.audio}`)),
    "text/plain": cells.map((cell) => `Player: ${cell.text}`).join("\n"),
  };
}

/** Players beside each other, each as low as the others; on a narrow screen one under the other. */
function sidesHtml(parts: readonly string[]): string {
  const least = Math.floor(576 / parts.length);
  const sides = parts.map((part) => `<div style="flex:1 1 ${least}px;min-width:0">${part}</div>`);
  return `<div style="display:flex;flex-wrap:wrap;align-items:end;gap:4px 12px">${sides.join("")}</div>`;
}

function picturesBundle(
  sounds: readonly Sound[],
  names: readonly string[],
  title: string,
  options: PairOptions,
  maxBytes: number,
): MimeBundle {
  const range = sounds.map((sound) => sampleRange(sound, options));
  const peak = Math.max(...sounds.map((sound, i) => peakOf(sound.channels[0]!, range[i]!.from, range[i]!.to)));
  return fit(maxBytes, (detail) => {
    const values = sameScale(
      sounds.map((sound) =>
        spectrogramValues(
          sound,
          { ...options, ref: options.ref === "max" ? 1 : (options.ref ?? 1), topDb: Infinity },
          Math.round(360 * detail),
        ),
      ),
      options,
    );
    const starts = range.map(({ from }, i) => from / sounds[i]!.sampleRate);
    const ends = range.map(({ to }, i) => to / sounds[i]!.sampleRate);
    const time = timeScale(Math.min(...starts), Math.max(...ends));
    const panels = sounds.flatMap((sound, i): Panel[] => {
      const wave = waveformPanel({
        samples: sound.channels[0]!,
        sampleRate: sound.sampleRate,
        ...range[i]!,
        time,
        zoomBins: Math.round(2500 * detail),
        bins: Math.round(720 * detail),
        title: `${names[i]} ${i === 0 ? title : ""}`.trim(),
        colour: PALETTE[i]!,
        height: 80,
        peak,
      });
      const { bar, ...picture } = { ...panelOf(values[i]!, options, ""), x: time, height: 160 };
      return [wave, i === 0 && bar ? { ...picture, bar } : picture]; // one colour bar for all
    });
    const alt = `${names.slice(0, sounds.length).join(" and ")}${title ? ` of ${title}` : ""}: ${sounds.map((s, i) => `${names[i]} ${describe(s, range[i]!.from, range[i]!.to)}`).join("; ")}`;
    return figureBundle(figure(panels, { width: options.width, alt }));
  });
}

/** The loudest point of all sides is the top of the colour map; with the default `ref` it is 0 dB. */
function sameScale(values: SpectrogramValues[], options: PairOptions): SpectrogramValues[] {
  const loudest = Math.max(...values.map((v) => v.top));
  const zero = (options.ref ?? "max") === "max" ? loudest : 0;
  return values.map((v) => ({
    ...v,
    decibels: v.decibels.map((value) => value - zero),
    top: loudest - zero,
    floor: loudest - zero - (options.topDb ?? 80),
  }));
}
