import { basename } from "node:path";
import type { Audio } from "../format/wav.js";
import { checkKnown, type OptionNames } from "../core/known-options.js";
import { displayBundle, type MimeBundle } from "../notebook/display.js";
import { barsPanel } from "../figure/bars.js";
import { CURSOR } from "../figure/colour.js";
import { type Figure, figure } from "../figure/figure.js";
import { escapeText, type Panel } from "../figure/panel.js";
import { waveformPanel } from "../figure/waveform.js";
import { fit, MAX_BYTES, pictureHtml } from "./bundle.js";
import { asRoll, framesOf, type LabelledExample, type RollSource, rollOf } from "./piano-roll.js";
import { audioHtml, encodePreview } from "./player.js";
import { type Sound, type SoundSource, sampleRange, toSound } from "./sound.js";
import { panelOf, SPECTROGRAM_OPTIONS, type SpectrogramOptions, spectrogramValues } from "./spectrogram.js";
import { pair } from "./pair.js";
import { describe } from "./waveform.js";

/** What a sound is shown with. */
export interface PredictionOptions extends SpectrogramOptions {
  /** True labels over time. Default: the example's own. */
  label?: RollSource | undefined;
  /**
   * Predicted labels over time; beside `label` they are shown as hits, misses and false alarms. Plain numbers are frames
   * like those of the example's labels.
   */
  prediction?: RollSource | Float32Array | undefined;
  /** Value from which a frame is active, one for all rows or one per row. Default 0.5. */
  threshold?: number | readonly number[] | undefined;
  /** Names of the labels' rows; "pitch" names MIDI pitches. */
  names?: readonly string[] | "pitch" | undefined;
  /** True and predicted values of the whole file, one per class, shown as bars. Default: the example's own. */
  classes?: { labels: readonly string[]; truth?: ArrayLike<number>; predicted?: ArrayLike<number> } | undefined;
}

/** Their names. */
export const PREDICTION_OPTIONS: OptionNames<PredictionOptions> = {
  ...{ ...SPECTROGRAM_OPTIONS, label: true, prediction: true, threshold: true, names: true, classes: true },
};

/** A pipeline, as far as it is used to show what it says of a sound. */
export interface ShownPipeline {
  description: { thresholds?: number | readonly number[] };
  hear(source: string | Audio): Promise<Audio>;
  predict(
    source: string | Audio,
  ): Promise<
    | { kind: "classes"; labels: string[]; scores: Float32Array }
    | { kind: "values"; labels: string[]; values: Float32Array }
    | { kind: "frames"; labels: string[]; values: Float32Array; features: number; secondsPerFrame: number }
    | { kind: "pairs"; samples: Float32Array; sampleRate: number; channels: number }
  >;
}

/**
 * Shows a sound with what is known and predicted of it on one time axis: player, waveform, spectrogram, labels against
 * predictions. A cursor follows the sound, and a click on the picture plays from there. With a pipeline, what that says of a file
 * or of samples, which are shown as it hears them; kind pairs: its input beside its output.
 *
 * @example
 * show.predictions(await dataset.example(3), { prediction: await dataset.predict(model, 3) });
 * await show.predictions("song.flac", { pipeline });
 * show.predictions("song.wav", { label: notes, prediction: { values: output.dataSync(), features: 88, secondsPerFrame: 0.016 } });
 */
export function predictions(source: SoundSource | LabelledExample, options?: PredictionOptions): void;
export function predictions(
  source: string | Audio,
  options: PredictionOptions & { pipeline: ShownPipeline },
): Promise<void>;
export function predictions(
  source: SoundSource | LabelledExample,
  { pipeline, ...options }: PredictionOptions & { pipeline?: ShownPipeline } = {},
): void | Promise<void> {
  checkKnown("show.predictions", options, PREDICTION_OPTIONS);
  if (options.classes) checkKnown("classes", options.classes, { labels: true, truth: true, predicted: true });
  if (pipeline) return heardBy(pipeline, source as string | Audio, options);
  displayBundle(predictionsBundle(source, options));
}

async function heardBy(pipeline: ShownPipeline, source: string | Audio, given: PredictionOptions): Promise<void> {
  const sound = await pipeline.hear(source);
  const predicted = await pipeline.predict(source);
  const { thresholds: threshold = 0.5 } = pipeline.description;
  const options = { ...(typeof source === "string" ? { title: basename(source) } : {}), ...given };
  if (predicted.kind === "pairs") return pair([sound, predicted], { ...options, names: ["input", "output"] });
  const { labels } = predicted;
  if (predicted.kind === "frames") {
    displayBundle(predictionsBundle(sound, { threshold, names: labels, ...options, prediction: predicted }));
  } else {
    const values = predicted.kind === "classes" ? predicted.scores : predicted.values;
    displayBundle(predictionsBundle(sound, { ...options, classes: { ...given.classes, labels, predicted: values } }));
  }
}

/** What `predictions` shows. */
export function predictionsBundle(source: SoundSource | LabelledExample, given: PredictionOptions = {}): MimeBundle {
  const options = withOwnLabels(source, given);
  const sound = toSound(source, options);
  const { from, to } = sampleRange(sound, options);
  const title = options.title ?? (sound.name || "sound");
  const maxBytes = options.maxBytes ?? MAX_BYTES;
  const playable = encodePreview(sound, from, to, maxBytes / 2, false);
  return fit(maxBytes, (detail) => {
    const shown = pictureOf(sound, from, to, title, options, detail);
    const note = playable.preview ? ` — preview: ${playable.preview}` : "";
    const head = escapeText(`${title}: ${describe(sound, from, to)}${note}`);
    const html =
      `<div><div>${head}</div>${audioHtml(playable, title)}<div style="position:relative;max-width:${options.width ?? 720}px">` +
      `${pictureHtml(shown)}</div>${cursorScript(shown, (to - from) / sound.sampleRate)}</div>`;
    return { "text/html": html, "text/plain": `${shown.alt}${note}` };
  });
}

/** The options, and what the example itself knows of its labels. */
function withOwnLabels(source: SoundSource | LabelledExample, given: PredictionOptions): OwnOptions {
  const { prediction } = given;
  const example = typeof source === "object" && "input" in source ? (source as LabelledExample) : undefined;
  const { labels, values } = example ?? {};
  const timed = example && (example.events || framesOf(example)) ? example : undefined;
  const whole = values && !timed && !given.label && !given.prediction;
  const names = labels ?? Array.from(values ?? [], (_, i) => String(i));
  return {
    ...given,
    names: given.names ?? labels,
    label: given.label ?? timed,
    prediction: prediction && asRoll(prediction, example),
    classes: given.classes ?? (whole ? { labels: names, truth: values } : undefined),
  };
}

type OwnOptions = PredictionOptions & { prediction?: RollSource | undefined };

function pictureOf(sound: Sound, from: number, to: number, title: string, options: OwnOptions, detail: number): Figure {
  const { sampleRate } = sound;
  const [start, end] = [from / sampleRate, to / sampleRate];
  const values = spectrogramValues(sound, options, Math.round(640 * detail));
  const panels: Panel[] = [
    waveformPanel({ samples: sound.channels[0]!, sampleRate, from, to, zoomBins: 2, height: 70 }),
    panelOf(values, options, ""),
  ];
  const words: string[] = [describe(sound, from, to)];
  const rolls = options.label ?? options.prediction;
  if (rolls) {
    const prediction = options.label ? options.prediction : undefined;
    const heading = prediction ? "label against prediction" : options.label ? "label" : "prediction";
    const roll = rollOf(rolls, { ...options, prediction, start, end, title: heading }, detail);
    panels.push(roll.panel);
    words.push(`${heading}: ${roll.words}`);
  }
  if (options.classes) {
    const { panel, text } = classBars(options.classes);
    panels.push(panel);
    words.push(text);
  }
  return figure(panels, { width: options.width, alt: `${title}: ${words.join("; ")}` });
}

function classBars(classes: NonNullable<PredictionOptions["classes"]>): { panel: Panel; text: string } {
  const { labels, truth, predicted } = classes;
  const series = [
    ...(truth ? [{ name: "true", values: truth }] : []),
    ...(predicted ? [{ name: "predicted", values: predicted }] : []),
  ];
  const best = (values: ArrayLike<number>): string => {
    let at = 0;
    for (let i = 1; i < labels.length; i++) if (values[i]! > values[at]!) at = i;
    return labels[at] ?? "none";
  };
  const text = series.map(({ name, values }) => `${name} ${best(values)}`).join(", ");
  return { panel: barsPanel({ names: labels, series, label: "value", title: text, height: 110, axis: "class" }), text };
}

/** A line over each plot that follows the player; without scripts the picture and the player stay as they are. */
function cursorScript({ plot }: Figure, seconds: number): string {
  const { left, right, rows } = plot;
  return `<script>(s=>{const d=s.parentNode,a=d.querySelector("audio"),p=d.querySelector("img").parentNode,l=${left},m=${left + right},n=${seconds},at=t=>"calc("+l+"px + (100% - "+m+"px) * "+t+")";const cs=${JSON.stringify(rows)}.map(([y,z])=>{const c=document.createElement("div");c.style.cssText="position:absolute;top:"+y+"px;height:"+(z-y)+"px;width:2px;background:${CURSOR};pointer-events:none;left:"+at(0);return p.appendChild(c)});const f=()=>{for(const c of cs)c.style.left=at(Math.min(1,a.currentTime/n));if(!a.paused)requestAnimationFrame(f)};a.addEventListener("play",f);a.addEventListener("seeked",f);p.addEventListener("click",e=>{const b=p.getBoundingClientRect(),t=(e.clientX-b.left-l)/(b.width-m);if(t>=0&&t<=1){a.currentTime=t*n;a.play()}})})(document.currentScript)</script>`;
}
