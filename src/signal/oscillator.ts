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

/** Samples per block: small enough for the first-level cache, and where each sine starts anew from its exact angle. */
const BLOCK = 4096;

/** One block of the signal, used again by every call. */
const block: Float64Array = new Float64Array(BLOCK);

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
    for (const frequency of tone.frequencies) addTone(tone, frequency, scale, start, count);
    if (noise) for (let i = 0; i < count; i++) block[i]! += noise();
    // Plain waves of less than full volume stay in the range; checking each sample takes as long as making it.
    if (noise || tone.antialias || tone.volume > 0.999) clip(count);
    quantize(out, start, count);
  }
}

/** Rounds `count` values of the block into `out` from `start` on. */
function quantize(out: Int16Array, start: number, count: number): void {
  // Of a positive number, cutting off the fraction is rounding down, and much faster than Math.floor. Four at a time,
  // because the loop itself costs as much as the rounding of one.
  const whole = count & ~3;
  for (let i = 0, at = start; i < whole; i += 4, at += 4) {
    out[at] = ((block[i]! + 32768.5) | 0) - 32768;
    out[at + 1] = ((block[i + 1]! + 32768.5) | 0) - 32768;
    out[at + 2] = ((block[i + 2]! + 32768.5) | 0) - 32768;
    out[at + 3] = ((block[i + 3]! + 32768.5) | 0) - 32768;
  }
  for (let i = whole; i < count; i++) out[start + i] = ((block[i]! + 32768.5) | 0) - 32768;
}

function clip(count: number): void {
  for (let i = 0; i < count; i++) block[i] = Math.max(-32768, Math.min(32767, block[i]!));
}

function addTone(tone: Tone, frequency: number, scale: number, start: number, count: number): void {
  if (tone.antialias) addHarmonics(tone, frequency, scale, start, count);
  else if (tone.wave === "sin") addSine(frequency / tone.sampleRate, 0, scale, start, count);
  else if (tone.wave === "square") addSquare(frequency, tone.sampleRate, scale, start, count);
  else if (tone.wave === "saw") addSaw(frequency, tone.sampleRate, scale, start, count);
  else addTriangle(frequency, tone.sampleRate, scale, start, count);
}

/**
 * Adds scale · sin(2π (cycles · n + offset)) for n from `start` on. Four points, one sample apart, each turn by four
 * samples' angle: a multiplication of complex numbers instead of a sine, and four of them at once.
 */
function addSine(cycles: number, offset: number, scale: number, start: number, count: number): void {
  const phase = cycles * start + offset;
  const angle = 2 * Math.PI * (phase - Math.floor(phase));
  const step = 2 * Math.PI * cycles;
  const turn = 2 * Math.PI * (4 * cycles - Math.floor(4 * cycles));
  const c = Math.cos(turn);
  const s = Math.sin(turn);
  let x0 = scale * Math.cos(angle);
  let y0 = scale * Math.sin(angle);
  let x1 = scale * Math.cos(angle + step);
  let y1 = scale * Math.sin(angle + step);
  let x2 = scale * Math.cos(angle + 2 * step);
  let y2 = scale * Math.sin(angle + 2 * step);
  let x3 = scale * Math.cos(angle + 3 * step);
  let y3 = scale * Math.sin(angle + 3 * step);
  // The last group may reach beyond `count`, but never beyond the block, whose length is a multiple of four.
  for (let i = 0; i < count; i += 4) {
    block[i]! += y0;
    block[i + 1]! += y1;
    block[i + 2]! += y2;
    block[i + 3]! += y3;
    const t0 = x0 * c - y0 * s;
    y0 = x0 * s + y0 * c;
    x0 = t0;
    const t1 = x1 * c - y1 * s;
    y1 = x1 * s + y1 * c;
    x1 = t1;
    const t2 = x2 * c - y2 * s;
    y2 = x2 * s + y2 * c;
    x2 = t2;
    const t3 = x3 * c - y3 * s;
    y3 = x3 * s + y3 * c;
    x3 = t3;
  }
}

// The three below compute the phase alike: from the sample's number, so that no error adds up and edges fall where they should.

function addSquare(f: number, rate: number, scale: number, start: number, count: number): void {
  for (let i = 0; i < count; i++) {
    // The number of half cycles: even in the first half, odd in the second.
    const halves = (2 * f * (start + i)) / rate;
    block[i]! += scale - 2 * scale * (halves & 1);
  }
}

function addSaw(f: number, rate: number, scale: number, start: number, count: number): void {
  for (let i = 0; i < count; i++) {
    const cycles = (f * (start + i)) / rate;
    block[i]! += scale * (2 * (cycles - Math.floor(cycles)) - 1);
  }
}

function addTriangle(f: number, rate: number, scale: number, start: number, count: number): void {
  for (let i = 0; i < count; i++) {
    const cycles = (f * (start + i)) / rate;
    block[i]! += scale * (1 - 4 * Math.abs(cycles - Math.floor(cycles) - 0.5));
  }
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
