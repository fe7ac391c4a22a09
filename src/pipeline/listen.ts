import { convertedLength, PartConverter } from "../audio/convert.js";
import { openFile } from "../audio/open-file.js";
import { readAudioInfo } from "../audio/read-audio.js";
import { DatasetError } from "../core/error.js";
import { notFinite } from "../core/samples.js";
import type { SoundReader } from "./cut.js";
import type { PipelineDescription } from "./description.js";
import { asRecorded } from "./hear.js";

/** A sound that is heard while it is read. */
export interface Listener {
  read: SoundReader;
  /** Samples per channel as the model hears them, or about that many. */
  length: number;
  close(): void;
}

/**
 * A file as the training heard it, as `hear` gives it whole. Close it.
 * @throws DatasetError "FILE" or "FORMAT" where it can't be read; "CHECK", while it is read too, for no samples, or some that aren't finite
 */
export async function listenTo(path: string, description: PipelineDescription): Promise<Listener> {
  const { sampleRate, channels = 1, encoding } = description;
  const { sound, close } = await openFile(path, undefined);
  let { frames } = sound;
  try {
    frames ??= (await readAudioInfo(path)).frames;
  } catch (error) {
    close();
    throw error;
  }
  let at = 0;
  const checked = {
    ...sound,
    read: async (out: Float32Array | Int16Array): Promise<number> => {
      const got = await sound.read(out);
      const broken = notFinite(out.subarray(0, got * sound.channels), sound.channels, at);
      if (broken !== undefined) throw new DatasetError("CHECK", `${broken} (${path})`);
      at += got;
      return got;
    },
  };
  const converter = new PartConverter(checked, { sampleRate, channels }, { start: 0, duration: Infinity });
  return {
    read: async (count) => {
      const samples = await converter.next(count);
      if (at === 0) throw new DatasetError("CHECK", `samples: none, expected at least one (${path})`);
      return asRecorded(samples, encoding);
    },
    length: convertedLength(frames, sound.sampleRate, { sampleRate }),
    close,
  };
}
