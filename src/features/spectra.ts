import { DatasetError } from "../core/error.js";
import { checkKnown } from "../core/known-options.js";
import { withPool, workerCount } from "../system/pool.js";
import { type Frames, planStft } from "../signal/stft.js";
import { checkFeatures, type Features } from "./features.js";
import type { SpectraOptions, SpectraPiece, SpectraTask } from "./compute-spectra.js";
import { type Runner, runTask } from "../system/task.js";

/** How features are computed. */
export interface ComputeOptions {
  /** Threads. Default: one per core. */
  workers?: number;
  signal?: AbortSignal;
}

/** Where the work is done. */
export interface SpectraRun extends ComputeOptions {
  /** A pool to use instead of one made and ended for this call. */
  pool?: Runner;
}

/** Frames that one piece of work has at least; fewer cost more to send than to compute. */
const PIECE = 512;

/**
 * Spectra of many sounds, or of a long one, on all cores: the frames are dealt out to worker threads, which read the
 * samples from and write the values to shared memory. The values are those of `stft`, `spectrum`, `melSpectrum` and
 * `logMel`, for any number of workers.
 *
 * @returns one result per sound, shape [frames, bins]; for "stft" as pairs of numbers
 * @throws DatasetError "OPTION" for options that don't fit, "ABORTED" when the signal aborts
 * @example
 * const [mel] = await spectra([samples], { kind: "logMel", sampleRate: 16000, melBins: 80 });
 */
export async function spectra(
  sounds: readonly Float32Array[],
  options: SpectraOptions,
  run: SpectraRun = {},
): Promise<Frames[]> {
  const mel = options.kind === "mel" || options.kind === "logMel";
  if (mel && !(options.sampleRate! > 0)) {
    throw new DatasetError(
      "OPTION",
      `sampleRate: ${options.sampleRate}, expected the samples per second, for mel bands`,
    );
  }
  const samples = shared(sounds.reduce((sum, sound) => sum + sound.length, 0));
  const pieces: SpectraPiece[] = [];
  const results: { frames: number; bins: number; from: number; size: number }[] = [];
  const plans = sounds.map((sound) => planStft(sound.length, options));
  const total = plans.reduce((sum, plan) => sum + plan.frames, 0);
  const workers = workerCount(run.workers);
  const most = Math.max(PIECE, Math.ceil(total / (workers * 4)));
  let at = 0;
  let out = 0;
  sounds.forEach((sound, i) => {
    const { frames, bins: all } = plans[i]!;
    const bins = mel ? (options.melBins ?? 80) : all;
    const size = frames * bins * (options.kind === "stft" ? 2 : 1);
    samples.set(sound, at);
    for (let from = 0; from < frames; from += most) {
      pieces.push({ at, length: sound.length, from, to: Math.min(frames, from + most), out });
    }
    results.push({ frames, bins, from: out, size });
    at += sound.length;
    out += size;
  });
  const values = shared(out);
  const tasks = dealt(pieces, most).map((part): SpectraTask => ({ samples, out: values, pieces: part, options }));
  const work = async (pool: Runner): Promise<void> => {
    await Promise.all(tasks.map((task) => runTask<void>(pool, "computeSpectra", task, run.signal)));
  };
  await (run.pool ? work(run.pool) : withPool(workers, work));
  return results.map(({ frames, bins, from, size }) => {
    const data = values.subarray(from, from + size);
    if (options.kind === "logMel") referAndFloor(data, options);
    return { data, frames, bins };
  });
}

/** Puts pieces together until they hold `frames` frames. */
function dealt(pieces: readonly SpectraPiece[], frames: number): SpectraPiece[][] {
  const parts: SpectraPiece[][] = [];
  let held = Infinity;
  for (const piece of pieces) {
    if (held >= frames) {
      parts.push([]);
      held = 0;
    }
    parts.at(-1)!.push(piece);
    held += piece.to - piece.from;
  }
  return parts;
}

/** The part of `powerToDb` that needs every value of a sound. */
function referAndFloor(db: Float32Array, options: SpectraOptions): void {
  const { ref = 1, topDb = 80, amin = 1e-10 } = options;
  if (ref === 1 && topDb === Infinity) return;
  let largest = -Infinity;
  for (let i = 0; i < db.length; i++) if (db[i]! > largest) largest = db[i]!;
  const zero = ref === "max" ? largest : 10 * Math.log10(Math.max(amin, ref));
  const floor = largest - zero - topDb;
  for (let i = 0; i < db.length; i++) db[i] = Math.max(db[i]! - zero, floor);
}

function shared(length: number): Float32Array {
  return new Float32Array(new SharedArrayBuffer(4 * length));
}

/**
 * The features of a sound, as `load({ features })` gives them of a dataset's, on all cores.
 *
 * @param samples one channel, full scale -1 to 1
 * @param options kind and parameters as for `load`, and the sample rate in Hz
 * @returns shape [frames, bins]; for "stft" `data` holds pairs of numbers, real and imaginary part
 * @throws DatasetError "OPTION" for options that don't fit
 * @example
 * const { samples, sampleRate } = await readAudio("song.wav");
 * const { data, frames, bins } = await computeFeatures(samples, { kind: "logMel", sampleRate, melBins: 80 });
 */
export async function computeFeatures(
  samples: Float32Array,
  options: Omit<Features, "targets"> & { sampleRate: number },
  run: ComputeOptions = {},
): Promise<Frames> {
  checkFeatures(options, options.sampleRate);
  checkKnown("computeFeatures", run, { workers: true, signal: true });
  const [features] = await spectra([samples], options, run);
  return features!;
}
