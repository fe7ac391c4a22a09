import { DatasetError } from "../core/error.js";
import { checkKnown, type OptionNames } from "../core/known-options.js";
import { logMel, melBank, type MelOptions, melSpectrum } from "../signal/mel.js";
import { type DecibelOptions, type Frames, planStft, spectrum, type StftOptions, stft } from "../signal/stft.js";

/** Features instead of samples, computed while loading. */
export interface Features extends StftOptions, Omit<MelOptions, "sampleRate">, DecibelOptions {
  /**
   * "logMel": `[frames, melBins]` in dB, as librosa's power_to_db(melspectrogram); "mel" the same as power;
   * "power" and "magnitude": `[frames, fftLength / 2 + 1]`; "stft": `[frames, fftLength / 2 + 1, 2]`, real and imaginary part.
   */
  kind: "logMel" | "mel" | "power" | "magnitude" | "stft";
  /** Pairs: whether the targets become features too. Default false. */
  targets?: boolean;
}

/** Features of one signal. Frames are those of `planStft`. */
export function featuresOf(samples: Float32Array, options: Features, sampleRate: number): Frames {
  switch (options.kind) {
    case "logMel":
      return logMel(samples, { ...options, sampleRate });
    case "mel":
      return melSpectrum(samples, { ...options, sampleRate });
    case "power":
      return spectrum(samples, { ...options, power: 2 });
    case "magnitude":
      return spectrum(samples, { ...options, power: 1 });
    case "stft":
      return stft(samples, options);
    default:
      throw unknownKind(options.kind);
  }
}

const OPTIONS: OptionNames<Features & { sampleRate: number }> = {
  ...{ kind: true, targets: true, sampleRate: true, frameLength: true, frameStep: true, fftLength: true, window: true },
  ...{ center: true, padEnd: true, melBins: true, lowerEdge: true, upperEdge: true, scale: true },
  ...{ ref: true, amin: true, topDb: true },
};

const KINDS: readonly string[] = ["logMel", "mel", "power", "magnitude", "stft"];

function unknownKind(kind: unknown): DatasetError {
  const expected = 'expected "logMel", "mel", "power", "magnitude" or "stft"';
  return new DatasetError("OPTION", `features.kind: ${JSON.stringify(kind) ?? "missing"}, ${expected}`);
}

/** What the values of options may be that are not checked where they are used. */
const VALUES: Partial<Record<keyof Features, [fits: (value: unknown) => boolean, expected: string]>> = {
  scale: [(v) => v === "slaney" || v === "htk", '"slaney" or "htk"'],
  melBins: [(v) => Number.isSafeInteger(v) && (v as number) > 0, "a positive integer"],
  ref: [(v) => v === "max" || isAbove0(v), 'a number above 0, or "max"'],
  amin: [isAbove0, "a number above 0"],
  topDb: [(v) => typeof v === "number" && v >= 0, "decibels from 0 on; Infinity for no floor"],
};

function isAbove0(value: unknown): boolean {
  return typeof value === "number" && value > 0 && Number.isFinite(value);
}

/** Says on the main thread what is wrong with features: the workers that compute them can't. */
export function checkFeatures(options: Features, sampleRate: number): void {
  checkKnown("features", options, OPTIONS);
  if (!KINDS.includes(options.kind)) throw unknownKind(options.kind);
  for (const [name, [fits, expected]] of Object.entries(VALUES)) {
    const value = options[name as keyof Features];
    if (value === undefined || fits(value)) continue;
    const found = typeof value === "string" ? JSON.stringify(value) : String(value);
    throw new DatasetError("OPTION", `features.${name}: ${found}, expected ${expected}`);
  }
  if (options.kind === "mel" || options.kind === "logMel") {
    melBank(planStft(0, options).fftLength, { ...options, sampleRate });
  }
}

/** The shape that a signal of `samples` samples gets: [frames, bins], and 2 for complex numbers. */
export function featureShape(samples: number, options: Features): number[] {
  const plan = planStft(samples, options);
  if (options.kind === "stft") return [plan.frames, plan.bins, 2];
  return [plan.frames, options.kind === "logMel" || options.kind === "mel" ? (options.melBins ?? 80) : plan.bins];
}
