import { DatasetError } from "../core/error.js";
import type { OptionNames } from "../core/known-options.js";
import type { Kind } from "../core/rows.js";
import type { Features } from "../features/features.js";
import type { Encoding } from "../records/manifest.js";

/** What a model hears and what its output means: everything between a sound file and the model, and behind it. */
export interface PipelineDescription {
  format: 1;
  /** What the output is: classes or values of a whole sound, labels per frame, or sound. */
  kind: Kind;
  /** Sample rate that the model hears, in Hz; other sounds are resampled to it. */
  sampleRate: number;
  /** Channels that it hears; the mean of all where it is 1. Default 1. */
  channels?: number;
  /** How the samples of its training were stored: "pcm16" rounds them to 16 bits, as there. Default "float32". */
  encoding?: Encoding;
  /** Samples per frame: the model takes `[batch, frames, inputSize]`. Without it `[batch, samples]`. */
  inputSize?: number;
  /**
   * Pieces that the model takes, in samples; without it the whole sound at once. `context`, kind frames alone: samples at both
   * ends of a piece, whole rows of labels, that it hears beside those that it predicts. Default 0.
   */
  window?: { length: number; step?: number; context?: number };
  /**
   * How samples reach the model: as rows of `inputSize`, or one by one, `[batch, samples, channels]`. Default "rows" where there is an
   * `inputSize`.
   */
  input?: "rows" | "samples";
  /** Name of the output to take, of a model that has several. */
  output?: string;
  /** Features that it takes in the place of samples. */
  features?: Features;
  /** Names of the classes, values or features of the labels. */
  labels?: readonly string[];
  /** Classes: whether exactly one is right (multi-class); else each is decided by itself (multi-label). Default false. */
  exclusive?: boolean;
  /** Score from which a label counts as present, one for all or one each. Default 0.5. */
  thresholds?: number | readonly number[];
  /** Fingerprint of the dataset that it was trained on. */
  fingerprint?: string;
  /** Versions that saved it. */
  versions?: { library: string; tfjs: string };
}

const KINDS: OptionNames<Record<Kind, unknown>> = { pairs: true, classes: true, values: true, frames: true };
const ENCODINGS: OptionNames<Record<Encoding, unknown>> = { pcm16: true, flac: true, float32: true, float16: true };
const WINDOW: OptionNames<PipelineDescription["window"] & object> = { length: true, step: true, context: true };
const KNOWN: OptionNames<PipelineDescription> = {
  ...{ format: true, kind: true, sampleRate: true, channels: true, encoding: true, inputSize: true, window: true },
  ...{ features: true, labels: true, exclusive: true, thresholds: true, fingerprint: true, versions: true },
  ...{ input: true, output: true },
};

/** The first entry that isn't one of `names`. */
const strangeIn = (given: object, names: object): string | undefined =>
  Object.keys(given).find((name) => !Object.hasOwn(names, name));
const listOf = (names: object): string => Object.keys(names).join(", ");

/**
 * Checks a description, which may come from anywhere.
 * @throws DatasetError "OPTION" with the entry that is wrong
 */
export function checkDescription(given: unknown, where: string): PipelineDescription {
  const fail = (entry: string, found: unknown, expected: string): never => {
    const text = (JSON.stringify(found) ?? "missing").slice(0, 200);
    throw new DatasetError("OPTION", `${entry}: ${text}, expected ${expected} (${where})`);
  };
  if (typeof given !== "object" || given === null || Array.isArray(given)) return fail("pipeline", given, "an object");
  const d = given as PipelineDescription;
  if (d.format !== 1) fail("format", d.format, "1; another version of deep-audio-dataset saved it");
  const strange = strangeIn(d, KNOWN);
  if (strange !== undefined) fail(`entry ${JSON.stringify(strange)}`, "unknown", `one of ${listOf(KNOWN)}`);
  if (!Object.hasOwn(KINDS, d.kind)) fail("kind", d.kind, listOf(KINDS));
  const { sampleRate, channels = 1, inputSize = 1 } = d;
  for (const [name, value] of Object.entries({ sampleRate, channels, inputSize }))
    if (!isCount(value)) fail(name, value, `a whole number above 0, at most ${MOST}`);
  if (d.encoding !== undefined && !Object.hasOwn(ENCODINGS, d.encoding))
    fail("encoding", d.encoding, listOf(ENCODINGS));
  if (d.window !== undefined) {
    const { length, step = length, context = 0 } = d.window ?? {};
    const other = strangeIn(d.window ?? {}, WINDOW) !== undefined;
    if (other || !isCount(length) || !isCount(step) || step > length)
      fail("window", d.window, `length and step in samples, at most ${MOST}`);
    if (length * channels > MOST) fail("window.length", length, `at most ${MOST} samples of all channels`);
    const rows = d.kind === "frames" && d.inputSize !== undefined && context % d.inputSize === 0;
    if (context !== 0 && !(isCount(context) && rows && 2 * context < length))
      fail("context", context, "whole rows of labels that leave some of the piece, of kind frames");
  }
  if (d.input !== undefined && d.input !== "samples" && !(d.input === "rows" && d.inputSize !== undefined))
    fail("input", d.input, '"samples", or "rows" with an inputSize');
  if (d.output !== undefined && typeof d.output !== "string") fail("output", d.output, "the name of an output");
  if (d.features !== undefined && (typeof d.features !== "object" || d.features === null)) {
    fail("features", d.features, "an object");
  }
  const texts = Array.isArray(d.labels) && d.labels.every((label) => typeof label === "string");
  if (d.labels !== undefined && !texts) fail("labels", d.labels, "a list of names");
  if (d.exclusive !== undefined && typeof d.exclusive !== "boolean") fail("exclusive", d.exclusive, "true or false");
  const { thresholds = [] } = d;
  const numbers = typeof thresholds === "number" ? [thresholds] : thresholds;
  if (!Array.isArray(numbers) || !numbers.every((t) => typeof t === "number" && Number.isFinite(t))) {
    fail("thresholds", d.thresholds, "a number, or one for each label");
  }
  if (Array.isArray(d.thresholds) && d.labels && d.thresholds.length !== d.labels.length) {
    fail("thresholds", d.thresholds.length, `${d.labels.length}, one for each label`);
  }
  if (d.kind === "frames" && d.inputSize === undefined)
    fail("inputSize", d.inputSize, "the samples of a row of labels");
  return d;
}

/** Most samples of one array. */
const MOST = 2 ** 30;
const isCount = (value: unknown): value is number =>
  Number.isInteger(value) && (value as number) > 0 && (value as number) <= MOST;

/** A description as json. The infinite numbers of features (`topDb: Infinity`) become texts. */
export function describedJson(description: PipelineDescription): string {
  const { features } = description;
  const saved = features && Object.fromEntries(Object.entries(features).map(([name, value]) => [name, finite(value)]));
  return `${JSON.stringify({ ...description, ...(saved ? { features: saved } : {}) }, null, 2)}\n`;
}

const finite = (value: unknown): unknown =>
  typeof value === "number" && !Number.isFinite(value) ? String(value) : value;

/**
 * The description that a json holds.
 * @throws DatasetError "FILE" where it is no json, "OPTION" with the entry that is wrong
 */
export function describedFrom(json: string, where: string): PipelineDescription {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (cause) {
    throw new DatasetError("FILE", `${where}: no valid json, expected a saved pipeline`, [], { cause });
  }
  const description = checkDescription(value, where);
  const { features } = description;
  if (!features) return description;
  const entries = Object.entries(features).map(([name, entry]) => [name, entry === "Infinity" ? Infinity : entry]);
  return { ...description, features: Object.fromEntries(entries) as Features };
}
