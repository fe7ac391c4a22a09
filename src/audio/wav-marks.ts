import { DatasetError } from "../core/error.js";

/** A marked place in a wav. */
export interface WavCue {
  /** Seconds from the beginning. */
  time: number;
  /** Its name. Default: none. */
  label?: string;
}

/**
 * Adds tags and cue points to the bytes of a wav.
 * @param duration the sound's length in seconds
 * @throws DatasetError "OPTION" for those that a wav can't have
 */
export function addWavMarks(
  bytes: Uint8Array,
  marks: {
    tags?: Readonly<Record<string, string>> | undefined;
    cues?: readonly WavCue[] | undefined;
  },
  duration: number,
  path: string,
): Uint8Array {
  const { WaveFile } = require("wavefile") as typeof import("wavefile");
  const wav = new WaveFile(bytes);
  for (const [tag, value] of Object.entries(marks.tags ?? {})) {
    if (!/^[A-Z]{4}$/.test(tag) || typeof value !== "string") {
      const message = `tag ${JSON.stringify(tag)}: ${JSON.stringify(value)}, expected four capital letters and a text (${path})`;
      throw new DatasetError("OPTION", message);
    }
    wav.setTag(tag, value);
  }
  for (const { time, label } of marks.cues ?? []) {
    if (!(time >= 0 && time <= duration)) {
      throw new DatasetError("OPTION", `cue: ${time} s, expected a time within the ${duration} s of sound (${path})`);
    }
    wav.setCuePoint({ position: time * 1000, ...(label === undefined ? {} : { label }) });
  }
  return wav.toBuffer();
}
