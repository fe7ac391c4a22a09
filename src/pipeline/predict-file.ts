import { extname } from "node:path";
import { DatasetError } from "../core/error.js";
import { encodeWav } from "../format/wav.js";
import { writeWhole } from "../system/atomic-file.js";
import { loadPipeline } from "./load-pipeline.js";
import type { Prediction } from "./predictions.js";

/**
 * Runs a saved pipeline on a sound file, writes the prediction to `out` where it is given, and returns it as text and as plain
 * data; of a prediction that was written the file's name, and of sound its form.
 * @throws DatasetError "OPTION" where the kind of prediction has no such form
 */
export async function predictFile(
  folder: string,
  file: string,
  out?: string,
): Promise<{ text: string; value: object }> {
  const pipeline = await loadPipeline(folder);
  const form = out === undefined ? undefined : formOf(pipeline.description.kind, out);
  const prediction = await pipeline.predict(file);
  if (form) await writeWhole(out!, form(prediction));
  return out === undefined ? { text: text(prediction), value: plain(prediction) } : { text: out, value: { out } };
}

type Form = (prediction: Prediction) => Uint8Array | string;

function formOf(kind: Prediction["kind"], out: string): Form {
  const forms: Record<Prediction["kind"], Record<string, Form>> = {
    classes: { ".json": json },
    values: { ".json": json },
    frames: {
      ".json": json,
      ".csv": (p) => (p.kind === "frames" ? p.toCsv() : ""),
      ".mid": (p) => (p.kind === "frames" ? p.toMidi() : ""),
    },
    pairs: { ".wav": (p) => (p.kind === "pairs" ? encodeWav(p) : "") },
  };
  const form = forms[kind][extname(out).toLowerCase()];
  if (form) return form;
  const expected = Object.keys(forms[kind]).join(", ");
  throw new DatasetError("OPTION", `out: ${out}, expected a name that ends in ${expected} for a model of kind ${kind}`);
}

const json = (prediction: Prediction): string => `${JSON.stringify(plain(prediction), null, 2)}\n`;

/** Scores, values or events as plain data; not the values of every frame, nor samples. */
function plain(prediction: Prediction): object {
  if (prediction.kind === "frames") {
    const { kind, labels, secondsPerFrame, events } = prediction;
    return { kind, labels, secondsPerFrame, events };
  }
  if (prediction.kind === "pairs") {
    const { kind, sampleRate, channels, samples } = prediction;
    return { kind, sampleRate, channels, seconds: samples.length / channels / sampleRate };
  }
  const listed = (_: string, value: unknown): unknown => (value instanceof Float32Array ? [...value] : value);
  return JSON.parse(JSON.stringify(prediction, listed)) as object;
}

function text(prediction: Prediction): string {
  if (prediction.kind === "frames") return prediction.toCsv().trimEnd();
  if (prediction.kind === "pairs") {
    const { samples, sampleRate, channels } = prediction;
    const seconds = (samples.length / channels / sampleRate).toFixed(2);
    return `${seconds} s of sound at ${sampleRate} Hz; --out FILE.wav writes it`;
  }
  const numbers = prediction.kind === "classes" ? prediction.scores : prediction.values;
  const order = prediction.labels.map((label, k) => ({ label, value: numbers[k]! }));
  if (prediction.kind === "classes") order.sort((a, b) => b.value - a.value);
  return order.map(({ label, value }) => `${value.toFixed(4)}  ${label}`).join("\n");
}
