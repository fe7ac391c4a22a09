import { DatasetError } from "../core/error.js";
import { nextTurn } from "../system/event-loop.js";
import type { Sound } from "./sound.js";

/** Samples that are read at a time, and milliseconds after which others get a turn of the event loop. */
const TURN = 1 << 20;
const TURN_MS = 5;
const BLOCK = 1 << 16;

/** Reads to the end, whatever the header says of it. */
export async function readAll<I extends boolean>(
  sound: Sound,
  integers: I,
  out?: Float32Array,
  where = "",
): Promise<I extends true ? Int16Array | Float32Array : Float32Array> {
  const { channels, frames } = sound;
  const make = (length: number): Float32Array | Int16Array => {
    if (length > MOST) throw tooLong(length, where);
    // Not filled with zeros first: every sample is written, or an error thrown.
    return integers
      ? new Int16Array(Buffer.allocUnsafeSlow(2 * length).buffer)
      : new Float32Array(Buffer.allocUnsafeSlow(4 * length).buffer);
  };
  if (sound.sure && frames! * channels > MOST) throw tooLong(frames! * channels, where);
  const exact = frames !== undefined && frames * channels <= MOST_AT_ONCE ? frames * channels : undefined;
  let samples: Float32Array | Int16Array = out ?? make(exact ?? channels * TURN);
  if (out && exact !== undefined && sound.sure && out.length < exact) throw tooShort(out, exact, where);
  let done = 0;
  let since = performance.now();
  for (;;) {
    if (done + channels > samples.length) {
      // The array is full: is that all?
      const more = (integers ? new Int16Array(channels * BLOCK) : new Float32Array(channels * BLOCK)) as Float32Array;
      const got = (await sound.read(more)) * channels;
      if (got === 0) break;
      if (out) throw tooShort(out, done + got + channels * (await countFrames(sound)), where);
      const larger = make(Math.max(samples.length + got, Math.min(MOST, 2 * samples.length)));
      larger.set(samples);
      larger.set(more.subarray(0, got), done);
      samples = larger;
      done += got;
      continue;
    }
    const room = samples.subarray(done, done + TURN - (TURN % channels));
    const got = await sound.read(room);
    done += got * channels;
    if (done === exact) break;
    if (got < Math.floor(room.length / channels)) break;
    if (done < samples.length && performance.now() - since > TURN_MS) {
      await nextTurn();
      since = performance.now();
    }
  }
  return samples.subarray(0, done) as I extends true ? Int16Array | Float32Array : Float32Array;
}

/** Samples of one array: 4 GB of floats. */
const MOST = 2 ** 30;
/** Samples for which memory is taken at once, because a header says so: 1 GB of floats. */
const MOST_AT_ONCE = 1 << 28;

function tooLong(samples: number, where: string): DatasetError {
  const message = `samples: ${samples}, expected at most ${MOST} in one array; read a part, or use readAudioBlocks`;
  return new DatasetError("OPTION", where === "" ? message : `${message} (${where})`);
}

/** The error for an array that is too short. */
export function tooShort(out: Float32Array, samples: number, where: string): DatasetError {
  return new DatasetError("OPTION", `out: ${out.length} samples, expected at least ${samples} (${where})`);
}

/** Reads to the end and says how many frames there are. */
export async function countFrames(sound: Sound): Promise<number> {
  const scratch = new Float32Array(BLOCK * sound.channels);
  let frames = 0;
  for (;;) {
    const got = await sound.read(scratch);
    frames += got;
    if (got < BLOCK) return frames;
    await nextTurn();
  }
}
