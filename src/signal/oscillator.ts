import { createMemory, loopsIn } from "../core/wasm-loops.js";

/** A periodic signal; each starts at phase 0. */
export type Wave = "sin" | "square" | "saw" | "triangle";

/** Every wave there is. */
export const WAVES: readonly Wave[] = ["sin", "square", "saw", "triangle"];

/**
 * The tones of every chord and interval, as ratios to its lowest tone; all of them have the same wave.
 * `maj7` is the chord; the interval of a major seventh alone is `maj7th`.
 */
export const CHORDS = {
  pure: [1],
  oct: [1, 2],
  per5: [1, 3 / 2],
  per4: [1, 4 / 3],
  maj3: [1, 5 / 4],
  maj6: [1, 5 / 3],
  maj2: [1, 9 / 8],
  maj7th: [1, 15 / 8],
  maj: [1, 5 / 4, 3 / 2],
  min: [1, 6 / 5, 3 / 2],
  dim: [1, 6 / 5, 11 / 8],
  aug: [1, 5 / 4, 128 / 81],
  maj7: [1, 5 / 4, 3 / 2, 15 / 8],
  majmin7: [1, 5 / 4, 3 / 2, 16 / 9],
  min7: [1, 6 / 5, 3 / 2, 16 / 9],
} as const satisfies Record<string, readonly number[]>;

/** A key of `CHORDS`. */
export type Chord =
  | "pure"
  | "oct"
  | "per5"
  | "per4"
  | "maj3"
  | "maj6"
  | "maj2"
  | "maj7th"
  | "maj"
  | "min"
  | "dim"
  | "aug"
  | "maj7"
  | "majmin7"
  | "min7";

/** A signal of one or more tones of the same wave. */
export interface Tone {
  wave: Wave;
  /** Hz; the signal is the mean of a wave of each frequency. */
  frequencies: readonly number[];
  /** Hz. */
  sampleRate: number;
  /** Peak of the mean, as a share of full scale. */
  volume: number;
  /** Builds square, saw and triangle of their harmonics below half the sample rate alone, and leaves out tones above it. */
  antialias: boolean;
}

/** Samples per block: small enough for the first-level cache, and where each sine restarts from its exact angle. */
const BLOCK = 4096;

/** Points, one sample apart, that the loops move on together. */
const POINTS = 8;
/** How near to a wave's jump rounding may matter, as a share of the cycle: more than it amounts to within a block. */
const EDGE = 2 ** -28;
/** Frequencies of no more binary places, in Hz, are added up without rounding. */
const EXACT = 2 ** 10;

/**
 * The loops' memory: one block of the signal as float64, the same as int16, and two numbers for each point; used again by
 * every call.
 */
const memory = createMemory(10 * BLOCK + 16 * POINTS);
const loops = loopsIn(memory);
const block: Float64Array = new Float64Array(memory.buffer, 0, BLOCK);
const ROUNDED_AT = 8 * BLOCK;
const rounded: Int16Array = new Int16Array(memory.buffer, ROUNDED_AT, BLOCK);
const POINTS_AT = 10 * BLOCK;
const points: Float64Array = new Float64Array(memory.buffer, POINTS_AT, 2 * POINTS);

/**
 * Fills `out` with a signal, as int16: rounded to the nearest, halves upwards, clipped to the range.
 *
 * With phase p = frac(f n / sampleRate): sin is sin(2πp); square is 1 for p < 1/2, else -1; saw is 2p - 1; triangle rises
 * from -1 to 1 at p = 1/2 and falls back. These alias; `antialias` gives the same waves without what lies above half the
 * sample rate (their Fourier series, cut there), with peaks up to 4/π.
 *
 * @param noise Added to each sample before rounding, in steps of int16. Default none.
 * @example synthesize({ wave: "sin", frequencies: [440], sampleRate: 16000, volume: 0.5, antialias: false }, new Int16Array(16000))
 */
export function synthesize(tone: Tone, out: Int16Array, noise?: () => number): void {
  const scale = (tone.volume * 32768) / tone.frequencies.length;
  for (let start = 0; start < out.length; start += BLOCK) {
    const count = Math.min(BLOCK, out.length - start);
    block.fill(0);
    let sure = true;
    for (const frequency of tone.frequencies) sure = addTone(tone, frequency, scale, start, count) && sure;
    if (!sure) {
      block.fill(0);
      for (const frequency of tone.frequencies) addByFormula(tone, frequency, scale, start, count);
    }
    if (noise) for (let i = 0; i < count; i++) block[i]! += noise();
    loops.quantize(count, ROUNDED_AT);
    out.set(count === BLOCK ? rounded : rounded.subarray(0, count), start);
  }
}

/** Adds one tone; false where a sample may be on the wrong side of a jump of square or saw. */
function addTone(tone: Tone, frequency: number, scale: number, start: number, count: number): boolean {
  const { wave, sampleRate, antialias } = tone;
  if (antialias) addHarmonics(tone, frequency, scale, start, count);
  else if (wave === "sin") addSine(frequency / sampleRate, 0, scale, start, count);
  else return addRamps(wave, frequency, sampleRate, scale, start, count);
  return true;
}

/**
 * Adds square, saw or triangle for n from `start` on, without a division: a place in the cycle is the remainder of f n by
 * the sample rate, and that of eight samples later a sum.
 */
function addRamps(
  wave: "square" | "saw" | "triangle",
  f: number,
  sampleRate: number,
  scale: number,
  start: number,
  count: number,
): boolean {
  for (let k = 0; k < POINTS; k++) points[k] = (f * (start + k)) % sampleRate;
  const step = (f * POINTS) % sampleRate;
  if (wave === "triangle") {
    loops.addTriangle(POINTS_AT, step, sampleRate, scale, count);
    return true;
  }
  const begun = points.subarray(0, POINTS).some((place) => nearJump(place / sampleRate));
  const loop = wave === "square" ? loops.addSquare : loops.addSaw;
  const near = loop(POINTS_AT, step, sampleRate, EDGE * sampleRate, scale, count) !== 0;
  return !(begun || near) || (Number.isInteger(f * EXACT) && Number.isInteger(sampleRate));
}

/** Whether a place, as a share of the cycle, lies beside a jump, but not on it. */
function nearJump(place: number): boolean {
  const away = Math.abs(place - Math.round(2 * place) / 2);
  return away > 0 && away < EDGE;
}

/** Adds square or saw as they are defined. */
function addByFormula({ wave, sampleRate }: Tone, f: number, scale: number, start: number, count: number): void {
  for (let i = 0; i < count; i++) {
    const cycles = (f * (start + i)) / sampleRate;
    const p = cycles - Math.floor(cycles);
    block[i]! += scale * (wave === "saw" ? 2 * p - 1 : p < 0.5 ? 1 : -1);
  }
}

/**
 * Adds scale · sin(2π (cycles · n + offset)) for n from `start` on. The points turn by eight samples' angle at a time: a
 * multiplication of complex numbers instead of a sine, and eight of them at once.
 */
function addSine(cycles: number, offset: number, scale: number, start: number, count: number): void {
  const phase = cycles * start + offset;
  const angle = 2 * Math.PI * (phase - Math.floor(phase));
  const step = 2 * Math.PI * cycles;
  for (let k = 0; k < POINTS; k++) {
    points[k] = scale * Math.cos(angle + k * step);
    points[POINTS + k] = scale * Math.sin(angle + k * step);
  }
  const turn = 2 * Math.PI * (POINTS * cycles - Math.floor(POINTS * cycles));
  loops.addSine(POINTS_AT, Math.cos(turn), Math.sin(turn), count);
}

/** The Fourier series of a wave, up to half the sample rate. */
function addHarmonics(tone: Tone, f: number, scale: number, start: number, count: number): void {
  const odd = tone.wave === "square" || tone.wave === "triangle";
  for (let k = 1; k * f < tone.sampleRate / 2; k += odd ? 2 : 1) {
    const cycles = (k * f) / tone.sampleRate;
    if (tone.wave === "square") addSine(cycles, 0, (scale * 4) / Math.PI / k, start, count);
    else if (tone.wave === "saw") addSine(cycles, 0, (-scale * 2) / Math.PI / k, start, count);
    // A cosine is a sine a quarter of a cycle on.
    else if (tone.wave === "triangle") addSine(cycles, 0.25, (-scale * 8) / (Math.PI * k) ** 2, start, count);
    else {
      addSine(cycles, 0, scale, start, count);
      break;
    }
  }
}
