import type { SplitName } from "../core/split-name.js";
import { eventsOf } from "../format/events.js";
import type { DatasetExample } from "../records/read-example.js";
import { exampleSamples, type Records } from "../records/records.js";

/** An event of a sound. */
export interface ExportedEvent {
  /** In seconds. */
  onset: number;
  offset: number;
  label: string;
  value: number;
}

/** An example as other libraries have it. */
export interface ExportedExample {
  /** Its wav. */
  file: string;
  id: string;
  /** Samples per channel. */
  samples: number;
  group?: string;
  /** Kinds classes and values: what it is labelled with, by names of fields. */
  fields?: Record<string, unknown>;
  /** Kind frames. */
  events?: ExportedEvent[];
}

/** Objects as lines of json. */
export const jsonLines = (entries: readonly object[]): string =>
  entries.map((entry) => `${JSON.stringify(entry)}\n`).join("");

/** Makes files of text from the examples of a side. */
export interface Layout {
  /** The folder of a side's sounds, and that which the names in its texts are relative to. */
  folderOf(side: SplitName): { sounds: string; base: string };
  /** The texts by their names, relative to the exported folder. */
  texts(side: SplitName, examples: readonly ExportedExample[], records: Records): Record<string, string>;
}

/** The names of the labels, and how examples have them. */
export interface ExportedLabels {
  names: readonly string[];
  /** Whether every example has one class, of weight 1. */
  single: boolean;
  /** Whether some class has another weight than 1. */
  weighted: boolean;
}

/** The names of a dataset's labels; numbers where they have none. */
export function labelsOf({ manifest, values, count }: Records): ExportedLabels {
  const width = manifest.width ?? 0;
  const names = manifest.labels ?? Array.from({ length: width }, (_, k) => String(k));
  if (!values || manifest.kind !== "classes") return { names, single: false, weighted: false };
  const ones = new Uint32Array(count);
  let weighted = false;
  for (const [k, value] of values.entries()) {
    if (value !== 0) ones[Math.floor(k / width)]!++;
    weighted ||= value !== 0 && value !== 1;
  }
  return { names, single: !weighted && ones.every((n) => n === 1), weighted };
}

/** What an example is called and labelled with. */
export function describeExample(
  example: DatasetExample,
  i: number,
  records: Records,
  labels: ExportedLabels,
): Omit<ExportedExample, "file"> {
  const { kind, sampleRate } = records.manifest;
  const samples = exampleSamples(records, i);
  const group = records.groups?.[i];
  const head = { id: String(example.id), samples, ...(group ? { group } : {}) };
  if (kind === "frames") return { ...head, events: timedEvents(example, labels.names, samples / sampleRate) };
  const values = Array.from(example.values ?? []);
  if (kind === "values")
    return { ...head, fields: Object.fromEntries(values.map((value, k) => [labels.names[k]!, value])) };
  const own = labels.names.flatMap((name, k) => (values[k] === 0 ? [] : [{ name, weight: values[k]! }]));
  if (labels.single) return { ...head, fields: { label: own[0]!.name } };
  const weights = labels.weighted ? { weights: own.map(({ weight }) => weight) } : {};
  return { ...head, fields: { labels: own.map(({ name }) => name), ...weights } };
}

function timedEvents(example: DatasetExample, names: readonly string[], end: number): ExportedEvent[] {
  const { secondsPerUnit, secondsPerFrame } = example;
  // The original's records hold a row of labels per frame.
  const dense = example.values && names.length > 0 ? eventsOf(example.values, names.length) : undefined;
  const events = example.events ?? dense;
  const unit = example.events ? secondsPerUnit : secondsPerFrame;
  if (!events || !unit) return [];
  return Array.from(events.on, (on, k) => ({
    onset: on * unit,
    offset: Math.min(end, events.off[k]! * unit),
    label: names[events.feature[k]!]!,
    value: events.value[k]!,
  }));
}
