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
 * @throws DatasetError "LABEL" where the file is no wav
 */
export function readCues(bytes: Uint8Array, where: string): TimedLabel[] {
  const { WaveFile } = require("wavefile") as typeof import("wavefile");
  let points: CuePoint[];
  try {
    points = new WaveFile(bytes).listCuePoints() as CuePoint[];
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
