import { checkKnown, type OptionNames } from "../core/known-options.js";
import { displayBundle, type MimeBundle } from "../notebook/display.js";
import { DatasetError } from "../core/error.js";
import type { ColourMap } from "../figure/colour.js";
import { figure } from "../figure/figure.js";
import type { Panel } from "../figure/panel.js";
import type { RollNote } from "../figure/roll.js";
import { linearScale, logScale, type Scale, warpedScale } from "../figure/scale.js";
import { spectrogramPanel } from "../figure/spectrogram.js";
import { hzToMel, melBank, melToHz } from "../signal/mel.js";
import { pooledSpectrum } from "../signal/pool-frames.js";
import { type Frames, planStft, powerToDb, type StftOptions } from "../signal/stft.js";
import { figureBundle, fit, MAX_BYTES, secondsText, SHOW_OPTIONS, type ShowOptions } from "./bundle.js";
import { mono, type Sound, SOUND_OPTIONS, type SoundOptions, type SoundSource, sampleRange, toSound } from "./sound.js";

/** How a spectrogram looks. */
export interface SpectrogramOptions extends ShowOptions, SoundOptions, Omit<StftOptions, "center" | "padEnd"> {
  /** Frequency axis: "linear" (default), "log", or "mel" (a mel spectrogram). */
  scale?: "linear" | "log" | "mel";
  /** Number of mel bands on the mel axis. Default 128. */
  melBins?: number;
  /** Lowest frequency shown in Hz. Default 0, on a log axis 20 or the second bin. */
  lowerEdge?: number;
  /** Highest frequency shown in Hz. Default half the sample rate. */
  upperEdge?: number;
  /** Decibels from the darkest to the brightest colour. Default 80. */
  topDb?: number;
  /** The power that is 0 dB. Default "max": the loudest point is 0 dB. */
  ref?: number | "max";
  /** Default "viridis". */
  colours?: ColourMap;
  /** What is kept when several frames share a pixel: the largest power (default) or the mean. */
  pool?: "max" | "mean";
  /** Drawn over the picture: a pitch track in seconds and Hz, which NaN or 0 breaks, or notes whose rows are MIDI pitches. */
  overlay?: PitchTrack | readonly RollNote[];
}

/** Their names. */
export const SPECTROGRAM_OPTIONS: OptionNames<SpectrogramOptions> = {
  ...{
    ...SHOW_OPTIONS,
    ...SOUND_OPTIONS,
    frameLength: true,
    frameStep: true,
    fftLength: true,
    window: true,
    scale: true,
  },
  ...{
    melBins: true,
    lowerEdge: true,
    upperEdge: true,
    topDb: true,
    ref: true,
    colours: true,
    pool: true,
    overlay: true,
  },
};

/** A pitch over time, seconds and Hz. */
export interface PitchTrack {
  times: ArrayLike<number>;
  frequencies: ArrayLike<number>;
  name?: string;
}

/** The numbers behind a spectrogram picture. */
export interface SpectrogramValues {
  /** dB, shape [columns, rows], row 0 the lowest frequency. */
  decibels: Float32Array;
  columns: number;
  rows: number;
  /** Edges of the picture in seconds. */
  from: number;
  to: number;
  start: number;
  end: number;
  frequency: Scale;
  low: number;
  high: number;
  floor: number;
  top: number;
  /** Frames that share one column; 1 where every frame is shown. */
  framesPerColumn: number;
  fftLength: number;
  frameLength: number;
  frameStep: number;
}

/** Most rows and columns of the picture before it is made smaller to fit its budget. */
const COLUMNS = 900;
const ROWS = 256;

/**
 * Shows the power of each frequency over time in dB, time in seconds and frequency in Hz; of several channels their mean.
 * Frames are centred and windowed as in librosa (periodic Hann; 1024 samples every 256 unless said otherwise).
 *
 * @example
 * show.spectrogram("data/in/a.wav", { scale: "mel", frameLength: 512, frameStep: 128 });
 */
export function spectrogram(source: SoundSource, options: SpectrogramOptions = {}): void {
  checkKnown("show.spectrogram", options, SPECTROGRAM_OPTIONS);
  displayBundle(spectrogramBundle(source, options));
}

/** What `spectrogram` shows. */
export function spectrogramBundle(source: SoundSource, options: SpectrogramOptions = {}): MimeBundle {
  const sound = toSound(source, options);
  const title = options.title ?? sound.name;
  const whole = spectrogramValues(sound, options);
  return fit(options.maxBytes ?? MAX_BYTES, (detail) => {
    const values = detail === 1 ? whole : shrink(whole, Math.sqrt(detail));
    return figureBundle(
      figure([panelOf(values, options, title)], {
        width: options.width,
        alt: `Spectrogram${title ? ` of ${title}` : ""}: ${inWords(sound, values, options)}`,
        note: thinned(values),
      }),
    );
  });
}

/** The panel of computed values, for figures of several panels. */
export function panelOf(values: SpectrogramValues, options: SpectrogramOptions, title: string): Panel {
  const { overlay } = options;
  const track = overlay && !("times" in overlay) ? notesTrack(overlay) : overlay;
  return spectrogramPanel({ ...values, colours: options.colours, overlay: track, title });
}

/** Each note as a stretch at its frequency: 440 Hz for pitch 69, twelve to the octave. */
function notesTrack(notes: readonly RollNote[]): PitchTrack {
  const hertz = (pitch: number): number => 440 * 2 ** ((pitch - 69) / 12);
  return {
    times: notes.flatMap(({ onset, offset }) => [onset, offset, offset]),
    frequencies: notes.flatMap(({ row }) => [hertz(row), hertz(row), Number.NaN]),
    name: "notes",
  };
}

/**
 * Computes the picture's values: at most `columns` columns and 256 rows.
 *
 * @throws DatasetError "OPTION" for edges outside 0 … half the sample rate.
 */
export function spectrogramValues(
  sound: Sound,
  options: SpectrogramOptions = {},
  columns: number = COLUMNS,
): SpectrogramValues {
  const { from, to } = sampleRange(sound, options);
  const { sampleRate } = sound;
  const samples = mono(sound);
  const plan = planStft(samples.length, { ...options, center: true });
  const { lowerEdge, upperEdge } = edges(options, sampleRate, plan.fftLength);
  const first = Math.floor(from / plan.frameStep);
  const last = Math.min(plan.frames, Math.ceil(to / plan.frameStep) + 1);
  const scale = options.scale ?? "linear";
  const melBins = options.melBins ?? 128;
  const bank = scale === "mel" ? melBank(plan.fftLength, { sampleRate, melBins, lowerEdge, upperEdge }) : undefined;
  const pooled = pooledSpectrum(samples, plan, { columns, pool: options.pool, bank, from: first, to: last });
  const picture =
    scale === "mel"
      ? { data: pooled.data, rows: pooled.bins, low: lowerEdge, high: upperEdge }
      : rowsOf(pooled, sampleRate / plan.fftLength, scale, lowerEdge, upperEdge);
  const topDb = options.topDb ?? 80;
  powerToDb(picture.data, { ref: options.ref ?? "max", topDb });
  let top = -Infinity;
  for (const value of picture.data) if (value > top) top = value;
  return {
    decibels: picture.data,
    columns: pooled.frames,
    rows: picture.rows,
    from: ((first - 0.5) * plan.frameStep) / sampleRate,
    to: ((last - 0.5) * plan.frameStep) / sampleRate,
    start: from / sampleRate,
    end: to / sampleRate,
    frequency: frequencyScale(scale, lowerEdge, upperEdge),
    low: picture.low,
    high: picture.high,
    floor: top - topDb,
    top,
    framesPerColumn: (last - first) / pooled.frames,
    fftLength: plan.fftLength,
    frameLength: plan.frameLength,
    frameStep: plan.frameStep,
  };
}

function edges(
  options: SpectrogramOptions,
  sampleRate: number,
  fftLength: number,
): { lowerEdge: number; upperEdge: number } {
  const log = options.scale === "log";
  const lowerEdge = options.lowerEdge ?? (log ? Math.max(20, sampleRate / fftLength) : 0);
  const upperEdge = options.upperEdge ?? sampleRate / 2;
  if (lowerEdge >= (log ? 1e-3 : 0) && lowerEdge < upperEdge && upperEdge <= sampleRate / 2)
    return { lowerEdge, upperEdge };
  throw new DatasetError(
    "OPTION",
    `lowerEdge and upperEdge: ${lowerEdge} to ${upperEdge} Hz, expected ${log ? "0 <" : "0 ≤"} lowerEdge < upperEdge ≤ ${sampleRate / 2} Hz, half the sample rate`,
  );
}

interface Picture {
  data: Float32Array;
  rows: number;
  low: number;
  high: number;
}

/**
 * Brings bins to rows that divide the axis evenly. A row spanning several bins keeps the largest; a row between two
 * bins takes the nearest, so that no value appears that the transform didn't give.
 */
function rowsOf(
  { data: power, frames: columns, bins }: Frames,
  hzPerBin: number,
  scale: "linear" | "log",
  lowerEdge: number,
  upperEdge: number,
): Picture {
  const firstBin = Math.max(0, Math.round(lowerEdge / hzPerBin));
  const lastBin = Math.min(bins - 1, Math.round(upperEdge / hzPerBin));
  const count = lastBin - firstBin + 1;
  const rows = scale === "log" ? ROWS : Math.min(ROWS, count);
  // A linear picture's edges lie half a bin outside its first and last bin, a log one's on the axis' ends.
  const low = scale === "log" ? lowerEdge : (firstBin - 0.5) * hzPerBin;
  const high = scale === "log" ? upperEdge : (lastBin + 0.5) * hzPerBin;
  const hz = (row: number): number =>
    scale === "log" ? low * (high / low) ** (row / rows) : low + ((high - low) * row) / rows;
  const data = new Float32Array(columns * rows);
  for (let row = 0; row < rows; row++) {
    let begin = Math.ceil(hz(row) / hzPerBin - 1e-9);
    let end = Math.ceil(hz(row + 1) / hzPerBin - 1e-9);
    if (end <= begin) {
      begin = Math.round((hz(row) + hz(row + 1)) / 2 / hzPerBin);
      end = begin + 1;
    }
    begin = Math.min(begin, bins - 1);
    end = Math.min(end, bins);
    for (let c = 0; c < columns; c++) {
      let max = 0;
      for (let k = begin; k < end; k++) max = Math.max(max, power[c * bins + k]!);
      data[c * rows + row] = max;
    }
  }
  return { data, rows, low, high };
}

function frequencyScale(scale: "linear" | "log" | "mel", low: number, high: number): Scale {
  if (scale === "log") return logScale(low, high, "frequency (Hz)");
  return scale === "mel"
    ? warpedScale(low, high, "frequency (Hz, mel)", hzToMel)
    : linearScale(low, high, "frequency (Hz)", 5);
}

/** The same values in fewer columns and rows, keeping the largest. */
function shrink(values: SpectrogramValues, factor: number): SpectrogramValues {
  const columns = Math.max(1, Math.round(values.columns * factor));
  const rows = Math.max(1, Math.round(values.rows * factor));
  const decibels = new Float32Array(columns * rows).fill(-Infinity);
  for (let c = 0; c < values.columns; c++) {
    const column = Math.floor((c * columns) / values.columns);
    for (let r = 0; r < values.rows; r++) {
      const at = column * rows + Math.floor((r * rows) / values.rows);
      decibels[at] = Math.max(decibels[at]!, values.decibels[c * values.rows + r]!);
    }
  }
  const framesPerColumn = (values.framesPerColumn * values.columns) / columns;
  return { ...values, decibels, columns, rows, framesPerColumn };
}

function inWords(sound: Sound, values: SpectrogramValues, options: SpectrogramOptions): string {
  const { decibels, rows, frequency } = values;
  let loudest = 0;
  for (let i = 1; i < decibels.length; i++) if (decibels[i]! > decibels[loudest]!) loudest = i;
  const place = ((loudest % rows) + 0.5) / rows;
  const hz =
    frequency.kind === "log"
      ? values.low * (values.high / values.low) ** place
      : frequency.kind === "warped"
        ? melToHz(hzToMel(values.low) + (hzToMel(values.high) - hzToMel(values.low)) * place)
        : values.low + (values.high - values.low) * place;
  const at = values.from + ((Math.floor(loudest / rows) + 0.5) / values.columns) * (values.to - values.from);
  return (
    `${secondsText(values.end - values.start)} at ${sound.sampleRate.toLocaleString("en-US")} Hz, ` +
    `${values.low < 0 ? 0 : Math.round(values.low)} to ${Math.round(Math.min(values.high, sound.sampleRate / 2))} Hz (${options.scale ?? "linear"}), ` +
    `${values.frameLength}-sample ${options.window ?? "hann"} frames every ${values.frameStep}; loudest near ${Math.round(hz)} Hz at ${Math.max(0, at).toFixed(2)} s`
  );
}

function thinned(values: SpectrogramValues): string | undefined {
  if (values.framesPerColumn <= 1) return undefined;
  return `Each column of the picture spans ${values.framesPerColumn.toFixed(1)} frames; start and end show a part in full.`;
}
