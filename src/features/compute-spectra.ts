import { bandSums, type RealFft } from "../signal/fft.js";
import type { Features } from "./features.js";
import { melBank, type MelOptions } from "../signal/mel.js";
import { type DecibelOptions, eachFrame, planStft, type StftOptions, writePairs } from "../signal/stft.js";

/** Some frames of one sound: where its samples lie and where the values go, in memory shared between threads. */
export interface SpectraPiece {
  /** First sample of the sound and their number. */
  at: number;
  length: number;
  /** Frames `from` ≤ t < `to`. */
  from: number;
  to: number;
  /** Where the value of frame 0 would go. */
  out: number;
}

/** What one worker does. */
export interface SpectraTask {
  samples: Float32Array;
  out: Float32Array;
  pieces: readonly SpectraPiece[];
  options: SpectraOptions;
}

/** Computes the frames of a task into the shared output. Runs in a worker. */
export function computeSpectra({ samples, out, pieces, options }: SpectraTask): void {
  const mel = options.kind === "mel" || options.kind === "logMel";
  const { fftLength } = planStft(0, options);
  const bank = mel ? melBank(fftLength, { ...options, sampleRate: options.sampleRate! }) : undefined;
  const sums = bank && bandSums(fftLength, bank.first, bank.start, bank.weights);
  for (const piece of pieces) {
    const sound = samples.subarray(piece.at, piece.at + piece.length);
    const plan = planStft(sound.length, options);
    const { bins } = plan;
    const write = (visit: (fft: RealFft, frame: number) => void): void =>
      eachFrame(sound, plan, visit, piece.from, piece.to);
    if (bank && sums) {
      write((fft, frame) => {
        fft.powers();
        sums.apply(out, piece.out + frame * bank.melBins);
      });
      if (options.kind === "logMel") toDecibels(out, piece, bank.melBins, options.amin ?? 1e-10);
    } else if (options.kind === "stft") {
      write(({ output }, frame) => writePairs(output, out, piece.out + frame * bins * 2));
    } else {
      write((fft, frame) => out.set(fft.powers(), piece.out + frame * bins));
      if (options.kind === "magnitude") toMagnitudes(out, piece, bins);
    }
  }
}

function toMagnitudes(out: Float32Array, piece: SpectraPiece, bins: number): void {
  for (let i = piece.out + piece.from * bins; i < piece.out + piece.to * bins; i++) out[i] = Math.sqrt(out[i]!);
}

/** 10 · log₁₀ of the piece's values; reference and floor need all pieces and are applied afterwards. */
function toDecibels(out: Float32Array, piece: SpectraPiece, bins: number, amin: number): void {
  const scale = 10 / Math.LN10;
  const end = piece.out + piece.to * bins;
  for (let i = piece.out + piece.from * bins; i < end; i++) out[i] = scale * Math.log(Math.max(amin, out[i]!));
}

/** What is computed of each sound. */
export interface SpectraOptions extends StftOptions, Partial<MelOptions>, DecibelOptions {
  /** "stft" (complex pairs), "power", "magnitude", "mel" or "logMel" (dB). */
  kind: Features["kind"];
}
