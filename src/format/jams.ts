import { lineError } from "../core/error.js";
import { addDecimals } from "../core/numbers.js";
import { pitchName } from "../core/pitch.js";
import type { TimedLabel } from "./event-table.js";
import { jsonLine } from "./json-lines.js";

/** Namespaces whose values are MIDI pitches. */
const PITCHES: readonly string[] = ["note_midi", "pitch_midi"];

interface Observation {
  time?: unknown;
  duration?: unknown;
  value?: unknown;
  confidence?: unknown;
}

/**
 * Reads the labels of a JAMS file: those of all annotations, or of one namespace. Values are texts, or MIDI pitches of
 * `note_midi` and `pitch_midi`, which become names of notes.
 * @throws DatasetError "LABEL" where it is none, damaged, or has no such namespace
 */
export function readJams(text: string, where: string, namespace?: string): TimedLabel[] {
  const fail = (message: string, path?: readonly (string | number)[], cause?: unknown): never => {
    const line = jsonLine(text, path);
    throw lineError("LABEL", { kind: "labels", file: where, line, message: `JAMS: ${message}`, cause });
  };
  let json: { annotations?: { namespace?: unknown; data?: unknown }[] } | null;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    return fail(`${(cause as Error).message}, expected json`, undefined, cause);
  }
  const annotations = json?.annotations;
  if (!Array.isArray(annotations)) return fail("no annotations, expected a list of them", ["annotations"]);
  const known = annotations.map((annotation) => String(annotation?.namespace ?? "no namespace"));
  if (namespace !== undefined && !known.includes(namespace)) {
    fail(`namespace "${namespace}": not found, expected one of ${[...new Set(known)].join(", ")}`, ["annotations"]);
  }
  return annotations.flatMap((annotation, a) => {
    if (namespace !== undefined && known[a] !== namespace) return [];
    const data = ["annotations", a, "data"];
    return observations(annotation?.data).map((observation, i): TimedLabel => {
      const path = Array.isArray(annotation.data) ? [...data, i] : [...data, "time", i];
      const place = `annotation ${a + 1} (${known[a]}), entry ${i + 1}`;
      const { time, duration = 0, value, confidence } = observation ?? {};
      if (typeof time !== "number" || typeof duration !== "number" || !(time >= 0 && duration >= 0)) {
        return fail(`${place}: time ${shown(time)}, duration ${shown(duration)}, expected numbers of 0 or more`, path);
      }
      const label = labelOf(value, known[a]!);
      if (label === undefined) return fail(`${place}: value ${shown(value)}, expected a text or a pitch`, path);
      const score = typeof confidence === "number" ? { score: confidence } : {};
      return { onset: time, offset: addDecimals(time, duration), label, ...score, line: 1 };
    });
  });
}

const shown = (value: unknown): string => JSON.stringify(value)?.slice(0, 100) ?? "missing";

/** The observations of an annotation: a list of them, or a list for each of their fields. */
function observations(data: unknown): Observation[] {
  if (Array.isArray(data)) return data as Observation[];
  const columns = (data ?? {}) as Record<keyof Observation, unknown[] | undefined>;
  return Array.from(columns.time ?? [], (time, i) => ({
    time,
    duration: columns.duration?.[i],
    value: columns.value?.[i],
    confidence: columns.confidence?.[i],
  }));
}

function labelOf(value: unknown, namespace: string): string | undefined {
  if (PITCHES.includes(namespace) && typeof value === "number") return pitchName(Math.round(value));
  if (typeof value === "string") return value;
  if (typeof value === "number") return String(value);
  const label = (value as { label?: unknown } | null)?.label;
  return typeof label === "string" ? label : undefined;
}
