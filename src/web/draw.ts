// What the page shows of a sound and of what the model says, drawn on canvases in the page's own colours.
import { featuresOf } from "../features/features.js";
import type { Audio } from "../format/wav.js";
import type { ClassPrediction, FramePrediction } from "../pipeline/predictions.js";

/** A canvas as wide as its place, sharp on every screen. */
function canvas(
  height: number,
  label: string,
  paint: (pen: CanvasRenderingContext2D, width: number) => void,
): HTMLCanvasElement {
  const element = document.createElement("canvas");
  element.setAttribute("role", "img");
  element.setAttribute("aria-label", label);
  element.style.height = `${height}px`;
  const draw = (): void => {
    const ratio = window.devicePixelRatio;
    const width = element.clientWidth || 640;
    element.width = Math.round(width * ratio);
    element.height = Math.round(height * ratio);
    const pen = element.getContext("2d")!;
    pen.scale(ratio, ratio);
    paint(pen, width);
  };
  new ResizeObserver(draw).observe(element);
  return element;
}

const colour = (name: string): string => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** The first channel as an envelope. */
export function waveform({ samples, channels }: Audio): HTMLCanvasElement {
  const scale = samples instanceof Int16Array ? 32768 : 1;
  const frames = samples.length / channels;
  return canvas(80, "waveform", (pen, width) => {
    pen.fillStyle = colour("--accent");
    for (let x = 0; x < width; x++) {
      let least = 0;
      let most = 0;
      for (let i = Math.floor((x * frames) / width); i < ((x + 1) * frames) / width; i++) {
        const value = samples[i * channels]! / scale;
        least = Math.min(least, value);
        most = Math.max(most, value);
      }
      pen.fillRect(x, 40 - most * 38, 1, Math.max(1, (most - least) * 38));
    }
  });
}

/** Log-mel of the first channel, dark where it is quiet. */
export function spectrogram({ samples, channels, sampleRate }: Audio): HTMLCanvasElement {
  const scale = samples instanceof Int16Array ? 1 / 32768 : 1;
  const mono = Float32Array.from({ length: samples.length / channels }, (_, i) => samples[i * channels]! * scale);
  const step = Math.max(256, Math.ceil(mono.length / 1500));
  const options = { kind: "logMel", frameLength: 1024, frameStep: step, melBins: 64, ref: "max" } as const;
  const { data, frames, bins } = featuresOf(mono, options, sampleRate);
  const picture = document.createElement("canvas");
  picture.width = frames;
  picture.height = bins;
  const pen = picture.getContext("2d")!;
  const image = pen.createImageData(frames, bins);
  for (let t = 0; t < frames; t++) {
    for (let k = 0; k < bins; k++) {
      const level = Math.max(0, 1 + data[t * bins + k]! / 80);
      const at = 4 * ((bins - 1 - k) * frames + t);
      image.data.set([255 * level ** 1.4, 190 * level ** 2, 90 * Math.sin(Math.PI * level) + 60 * level, 255], at);
    }
  }
  pen.putImageData(image, 0, 0);
  return canvas(120, "spectrogram", (target, width) => target.drawImage(picture, 0, 0, width, 120));
}

/** Scores of each label over time. */
export function classesOverTime(prediction: ClassPrediction): HTMLCanvasElement {
  const { pieces, labels } = prediction;
  const shown = labels
    .map((_, k) => k)
    .sort((a, b) => prediction.scores[b]! - prediction.scores[a]!)
    .slice(0, 12);
  const end = Math.max(...pieces.map((piece) => piece.end));
  return canvas(20 * shown.length, "scores of the labels over time", (pen, width) => {
    for (const [row, k] of shown.entries()) {
      pen.fillStyle = colour("--accent");
      for (const { start, end: to, values } of pieces) {
        pen.globalAlpha = Math.max(0, Math.min(1, values[k]!));
        pen.fillRect((start / end) * width, row * 20 + 1, ((to - start) / end) * width, 18);
      }
      pen.globalAlpha = 1;
      pen.fillStyle = colour("--text");
      pen.fillText(labels[k]!, 4, row * 20 + 13);
    }
  });
}

/** The events, one row for each label that occurs. */
export function roll({ events, labels, values, features, secondsPerFrame }: FramePrediction): HTMLCanvasElement {
  const rows = [...new Set(events.map(({ feature }) => feature))].sort((a, b) => b - a);
  const end = (values.length / features) * secondsPerFrame;
  return canvas(Math.max(24, 14 * rows.length), "events over time", (pen, width) => {
    for (const { feature, onset, offset } of events) {
      pen.fillStyle = colour("--accent");
      pen.fillRect(
        (onset / end) * width,
        rows.indexOf(feature) * 14 + 1,
        Math.max(1, ((offset - onset) / end) * width),
        12,
      );
    }
    pen.fillStyle = colour("--text");
    for (const [row, feature] of rows.entries()) pen.fillText(labels[feature]!, 2, row * 14 + 11);
    if (rows.length === 0) pen.fillText("no event", 4, 15);
  });
}
