import { DatasetError } from "../core/error.js";
import type { TimedLabel } from "./event-table.js";

/** A cue point as `wavefile` lists it: milliseconds; `end` of a labelled region. */
interface CuePoint {
  position: number;
  end?: number;
  label?: string;
}

/**
 * Reads the cue points and labelled regions inside a wav, as digital audio workstations and Audacity write them. Points
 * without a label are called by their number.
 * @throws DatasetError "LABEL" where the file is no wav, or says that it has more points than fit into it
 */
export function readCues(bytes: Uint8Array, where: string): TimedLabel[] {
  const marks = marksAlone(bytes, where);
  const { WaveFile } = require("wavefile") as typeof import("wavefile");
  let points: CuePoint[];
  try {
    points = new WaveFile(marks).listCuePoints() as CuePoint[];
  } catch (cause) {
    throw new DatasetError("LABEL", `cue points: ${(cause as Error).message}, expected a wav (${where})`, [], {
      cause,
    });
  }
  return points.map(({ position, end, label }, i) => {
    const onset = position / 1000;
    return { onset, offset: Math.max(onset, (end ?? position) / 1000), label: label || String(i + 1), line: 1 };
  });
}

/** Bytes of a point, and of what stands before the points of a chunk. */
const [POINT, COUNT] = [24, 4];
const DESCRIPTIONS = ["labl", "note", "ltxt"];

/**
 * A wav of the form, the cue points and their descriptions alone. `wavefile` copies all samples, makes as many points as a chunk
 * says it has, four billion if need be, and takes time that doubles with each list in the file.
 */
function marksAlone(bytes: Uint8Array, where: string): Uint8Array {
  const little = bytes[3] !== 0x58; // RIFX
  const kept = new Map<string, Uint8Array>();
  for (const { id, at, end } of chunksOf(bytes, 12, little)) {
    if (id === "cue " && end - at >= 8 + COUNT) checkCount(bytes, at, end, little, where);
    const isLabels = id === "LIST" && text(bytes, at + 8) === "adtl";
    if (kept.has(id) || !(isLabels || id === "fmt " || id === "cue ")) continue;
    if (!isLabels) kept.set(id, bytes.subarray(at, end));
    else {
      const parts = [...chunksOf(bytes.subarray(0, end), at + 12, little)].filter((part) =>
        DESCRIPTIONS.includes(part.id),
      );
      const head = bytes.slice(at, at + 12);
      const size = parts.reduce((sum, part) => sum + part.end - part.at, 4);
      new DataView(head.buffer).setUint32(4, size, little);
      kept.set(id, Buffer.concat([head, ...parts.map((part) => bytes.subarray(part.at, part.end))]));
    }
  }
  const noSamples = new Uint8Array([0x64, 0x61, 0x74, 0x61, 0, 0, 0, 0]);
  return Buffer.concat([bytes.subarray(0, 12), ...kept.values(), noSamples]);
}

/** The chunks from a place on, each with the byte that pads it. */
function* chunksOf(
  bytes: Uint8Array,
  from: number,
  little: boolean,
): Generator<{ id: string; at: number; end: number }> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = from; at + 8 <= bytes.length; ) {
    const size = view.getUint32(at + 4, little);
    const end = at + 8 + size + (size % 2);
    yield { id: text(bytes, at), at, end: Math.min(end, bytes.length) };
    at = end;
  }
}

function text(bytes: Uint8Array, at: number): string {
  return String.fromCharCode(...bytes.subarray(at, at + 4));
}

function checkCount(bytes: Uint8Array, at: number, end: number, little: boolean, where: string): void {
  const count = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(at + 8, little);
  const most = Math.max(0, Math.floor((end - at - 8 - COUNT) / POINT));
  if (count > most)
    throw new DatasetError(
      "LABEL",
      `cue points: ${count}, expected at most the ${most} that fit into their chunk (${where}); write the file again`,
    );
}
