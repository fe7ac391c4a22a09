import { DatasetError } from "../core/error.js";
import { type Chord, CHORDS, WAVES, type Wave } from "../signal/oscillator.js";
import type { Row } from "../core/rows.js";

/** Options of a generated dataset of pairs. */
export interface RecipeOptions {
  /** Default all: sin, square, saw, triangle. */
  waves?: readonly Wave[];
  /** Chords and intervals, keys of `CHORDS`. Default `["pure"]`: single tones. */
  chords?: readonly Chord[];
  /** Seconds, fractions too. Default 1. */
  duration?: number;
  /** Hz. Default 16000. */
  sampleRate?: number;
  /** Frequency of the target over that of the input. Default 2: an octave up. */
  dilation?: number;
  /** Peak as a share of full scale, above 0 and at most 1. Default 0.1. */
  volume?: number;
  /** Band-limited waves; tones above half the sample rate are left out. Default false: plain waves, which alias. */
  antialias?: boolean;
  /** Adds triangular noise of one step of int16 before rounding, from `seed`. Default false. */
  dither?: boolean;
  /** A whole number or a text. Default 0. */
  seed?: number | string;
}

/** All that determines a generated dataset, as plain JSON. */
export interface Recipe extends Required<RecipeOptions> {
  kind: "pairs";
  /** Lowest and highest frequency of an input's lowest tone, Hz. */
  inputLower: number;
  inputUpper: number;
  /** Frequencies per wave and chord. */
  steps: number;
}

/** One pair of a recipe. */
export interface RecipeRow extends Row {
  target: string;
  wave: Wave;
  chord: Chord;
  /** Hz, of the input's lowest tone. */
  frequency: number;
  /** Hz, of the target's lowest tone. */
  targetFrequency: number;
}

/** Names of the options in the Python original. */
const FORMER_NAMES: Record<string, string> = {
  mods: "chords",
  length: "duration",
  sample_rate: "sampleRate",
  dialation: "dilation",
  vol: "volume",
  remove_wav: "removeWav",
  ex_per_file: "examplesPerFile",
  n_processes: "workers",
};

/**
 * Plans a dataset of pairs: every wave, every chord, `steps` frequencies from `inputUpper` down to `inputLower` at equal
 * ratios, both ends included (one step is `inputUpper` alone). The target is the input `dilation` times as high.
 *
 * Other keys of `options` are left alone, so the options of `generate` can be passed whole.
 * @throws DatasetError "OPTION" for values that make no sense, and for tones at or above half the sample rate, which
 * would alias (with `antialias`: where nothing would be left)
 * @example planRecipe(100, 1000, 1000, { waves: ["sin"], duration: 0.5 })
 */
export function planRecipe(inputLower: number, inputUpper: number, steps: number, options: RecipeOptions = {}): Recipe {
  for (const [former, now] of Object.entries(FORMER_NAMES)) {
    if (former in options) throw bad(`option ${former}`, "unknown", `${now}, its name here`);
  }
  const recipe: Recipe = {
    kind: "pairs",
    inputLower,
    inputUpper,
    steps,
    waves: options.waves ?? [...WAVES],
    chords: options.chords ?? ["pure"],
    duration: options.duration ?? 1,
    sampleRate: options.sampleRate ?? 16000,
    dilation: options.dilation ?? 2,
    volume: options.volume ?? 0.1,
    antialias: options.antialias ?? false,
    dither: options.dither ?? false,
    seed: options.seed ?? 0,
  };
  checkNumbers(recipe);
  checkNames("waves", recipe.waves, WAVES);
  checkNames("chords", recipe.chords, Object.keys(CHORDS));
  checkVolume(recipe);
  checkTones(recipe);
  return recipe;
}

/** The number of pairs of a recipe. */
export function recipeSize(recipe: Recipe): number {
  return recipe.steps * recipe.waves.length * recipe.chords.length;
}

/** Samples of every file of a recipe. */
export function recipeSamples(recipe: Recipe): number {
  return Math.round(recipe.duration * recipe.sampleRate);
}

/**
 * The pairs `from` to `to` of a recipe (default all), by wave, then chord, then falling frequency.
 *
 * Files are named `{wave}_{chord}_{frequency}.wav` with the frequency in Hz to two decimals, `.` as `_`; to more where
 * neighbours are closer than that, so that no two files have one name.
 * @example recipeRows(planRecipe(100, 1000, 3))[0].input // "sin_pure_1000_00.wav"
 */
export function recipeRows(recipe: Recipe, from = 0, to: number = recipeSize(recipe)): RecipeRow[] {
  const { steps, waves, chords, inputLower, inputUpper, dilation } = recipe;
  const digits = nameDigits(recipe);
  const rows: RecipeRow[] = [];
  for (let id = from; id < to; id++) {
    const step = id % steps;
    const group = Math.floor(id / steps);
    const chord = chords[group % chords.length]!;
    const wave = waves[Math.floor(group / chords.length)]!;
    // The powers of the ends are written out, because (lower / upper) ** 1 * upper needn't be lower to the last bit.
    const frequency =
      step > 0 && step === steps - 1
        ? inputLower
        : inputUpper * (inputLower / inputUpper) ** (step / Math.max(1, steps - 1));
    const targetFrequency = dilation * frequency;
    const name = (hz: number): string => `${wave}_${chord}_${hz.toFixed(digits).replace(".", "_")}.wav`;
    rows.push({
      id,
      line: id + 1,
      input: name(frequency),
      target: name(targetFrequency),
      wave,
      chord,
      frequency,
      targetFrequency,
    });
  }
  return rows;
}

/** Two decimals, or as many as distinguish the closest two frequencies: those at the lower end. */
function nameDigits(recipe: Recipe): number {
  const { steps, inputLower, inputUpper, dilation } = recipe;
  if (steps === 1) return 2;
  const closest = inputLower * ((inputUpper / inputLower) ** (1 / (steps - 1)) - 1) * Math.min(1, dilation);
  return Math.max(2, Math.ceil(-Math.log10(closest)));
}

function checkNumbers(recipe: Recipe): void {
  const positive = ["inputLower", "inputUpper", "duration", "dilation", "volume"] as const;
  for (const name of positive) {
    const value = recipe[name];
    if (typeof value !== "number" || !(value > 0) || !Number.isFinite(value))
      throw bad(name, value, "a number above 0");
  }
  for (const name of ["steps", "sampleRate"] as const) {
    const value = recipe[name];
    if (!Number.isSafeInteger(value) || value < 1) throw bad(name, value, "a whole number of at least 1");
  }
  const { seed, inputLower, inputUpper, steps } = recipe;
  if (typeof seed !== "string" && !Number.isSafeInteger(seed)) throw bad("seed", seed, "a whole number or a text");
  for (const name of ["antialias", "dither"] as const) {
    if (typeof recipe[name] !== "boolean") throw bad(name, recipe[name], "true or false");
  }
  if (inputLower > inputUpper) throw bad("inputLower", inputLower, `at most inputUpper, ${inputUpper}`);
  if (inputLower === inputUpper && steps > 1) {
    throw bad("steps", steps, `1 where inputLower and inputUpper are the same, ${inputUpper}`);
  }
  if (nameDigits(recipe) > 9) {
    throw bad(
      "steps",
      steps,
      `fewer: frequencies between ${inputLower} and ${inputUpper} Hz would lie closer than 1e-9 Hz`,
    );
  }
  const samples = recipeSamples(recipe);
  if (samples < 1) throw bad("duration", recipe.duration, `at least one sample, ${1 / recipe.sampleRate} s`);
  if (samples > 2 ** 30)
    throw bad("duration", recipe.duration, `at most ${2 ** 30} samples, ${2 ** 30 / recipe.sampleRate} s`);
}

function checkNames(option: string, values: readonly string[], known: readonly string[]): void {
  if (!Array.isArray(values) || values.length === 0)
    throw bad(option, JSON.stringify(values), `a list of ${known.join(", ")}`);
  for (const value of values) {
    if (!known.includes(value)) throw bad(option, JSON.stringify(value), `only ${known.join(", ")}`);
  }
  const twice = values.find((value, i) => values.indexOf(value) !== i);
  if (twice !== undefined)
    throw bad(option, `"${twice}" twice`, "each once, since equal pairs would leak between the splits");
}

function checkVolume({ volume, antialias, waves }: Recipe): void {
  if (volume > 1) throw bad("volume", volume, "at most 1, full scale; more would clip");
  if (antialias && volume > Math.PI / 4 && (waves.includes("square") || waves.includes("saw"))) {
    throw bad(
      "volume",
      volume,
      "at most 0.785 for antialiased square and saw waves, whose peaks are up to 4/π as high; more would clip",
    );
  }
}

function checkTones(recipe: Recipe): void {
  const { antialias, sampleRate, dilation, inputUpper, waves } = recipe;
  const half = sampleRate / 2;
  // With antialias the higher tones of a chord may fall away, but not its lowest: the file would be silent.
  const top = (chord: Chord): number => (antialias ? 1 : Math.max(...CHORDS[chord]));
  const chord = recipe.chords.reduce((a, b) => (top(b) > top(a) ? b : a));
  const highest = inputUpper * top(chord) * Math.max(1, dilation);
  if (highest < half) return;
  const most = (half / top(chord) / Math.max(1, dilation)).toPrecision(6);
  const file = recipeRows({ ...recipe, waves: [waves[0]!], chords: [chord] }, 0, 1)[0]!;
  throw bad(
    "highest tone",
    `${highest.toPrecision(6)} Hz`,
    `below ${half} Hz, half of sampleRate (${dilation > 1 ? `out/${file.target}` : `in/${file.input}`}); lower inputUpper below ${most}${
      dilation > 1 ? " or lower dilation" : ""
    }, or raise sampleRate${antialias ? "" : ", or pass antialias: true to leave such tones out"}`,
  );
}

function bad(subject: string, actual: unknown, expected: string): DatasetError {
  return new DatasetError("OPTION", `${subject}: ${String(actual)}, expected ${expected}`);
}
