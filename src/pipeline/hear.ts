import { convertAudio } from "../audio/convert.js";
import { DatasetError } from "../core/error.js";
import { notFinite, toInt16 } from "../core/samples.js";
import { featureRows } from "../features/feature-rows.js";
import { type Audio, toFloat32 } from "../format/wav.js";
import { fromFloat16, toFloat16 } from "../original/float16.js";
import type { PipelineDescription } from "./description.js";

/** Rows of samples to turn into a model's input. */
export interface HearTask {
  rows: Float32Array;
  count: number;
  shape: readonly number[];
  description: Pick<PipelineDescription, "features" | "channels" | "sampleRate">;
}

/** The features of rows of samples. Runs in a worker. */
export function hearRows({ rows, count, shape, description }: HearTask): Float32Array {
  const { features, channels = 1, sampleRate } = description;
  return features ? featureRows(rows, count, shape, features, { channels, sampleRate }) : rows;
}

/**
 * A sound as the training heard it: its rate and channels, rounded as the records were.
 * @throws DatasetError "OPTION" for a form that can't be, "CHECK" for no samples, or some that aren't finite
 */
export function hear(
  audio: Audio,
  { sampleRate, channels = 1, encoding }: PipelineDescription,
  where: string,
): Float32Array {
  if (!ArrayBuffer.isView(audio?.samples)) {
    const expected = "expected a file's name, or a Float32Array or Int16Array with its sampleRate and channels";
    throw new DatasetError("OPTION", `samples: ${typeof audio?.samples}, ${expected} (${where})`);
  }
  const counts = { sampleRate: audio.sampleRate, channels: audio.channels };
  for (const [name, value] of Object.entries(counts)) {
    if (Number.isInteger(value) && value > 0) continue;
    throw new DatasetError("OPTION", `${name}: ${value}, expected a whole number above 0`);
  }
  if (audio.samples.length % audio.channels !== 0) {
    const expected = `expected a multiple of the ${audio.channels} channels`;
    throw new DatasetError("OPTION", `samples: ${audio.samples.length}, ${expected}`);
  }
  const broken = notFinite(audio.samples, audio.channels);
  if (broken !== undefined) throw new DatasetError("CHECK", `${broken} (${where})`);
  if (audio.samples.length === 0) throw new DatasetError("CHECK", `samples: none, expected at least one (${where})`);
  const { samples } = convertAudio(audio, { sampleRate, channels });
  return samples instanceof Int16Array ? toFloat32(samples) : asRecorded(samples, encoding);
}

/** Floats rounded as the records of the training were. */
export function asRecorded(samples: Float32Array, encoding: PipelineDescription["encoding"]): Float32Array {
  if (encoding === "pcm16" || encoding === "flac") return toFloat32(toInt16(samples));
  return encoding === "float16" ? fromFloat16(toFloat16(samples)) : samples;
}
