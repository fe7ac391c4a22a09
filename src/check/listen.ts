import { notFinite } from "../core/samples.js";

const FULL_SCALE = 32767 / 32768;
/** Samples in a row at full scale that make a file count as clipped. */
const CLIPPED_RUN = 4;
/** Mean of a channel from which on it has a DC offset: -40 dB of full scale. */
const OFFSET = 0.01;
/** Seconds from which on a mean says something. */
const SHORTEST = 0.5;

/** Listens to a file block by block: finds silence (nothing above one step of 16 bits), clipping, DC offset and values that are no numbers. */
export class Listener {
  frames = 0;
  /** Largest absolute value, full scale being 1. */
  peak = 0;
  /** The first value that isn't finite, in words. */
  broken: string | undefined;
  private longest = 0;
  private readonly sums: Float64Array;
  /** Samples at full scale in a row until now, and their value, of each channel. */
  private readonly runs: Float64Array;
  private readonly values: Float64Array;

  constructor(
    private readonly channels: number,
    private readonly sampleRate: number,
  ) {
    this.sums = new Float64Array(channels);
    this.runs = new Float64Array(channels);
    this.values = new Float64Array(channels);
  }

  /** Takes the next samples, interleaved. */
  hear(samples: Int16Array | Float32Array): void {
    const { channels } = this;
    this.broken ??= notFinite(samples, channels, this.frames);
    this.frames += samples.length / channels;
    const scale = samples instanceof Int16Array ? 1 / 32768 : 1;
    const full = FULL_SCALE / scale;
    for (let c = 0; c < channels; c++) {
      let peak = 0;
      let sum = 0;
      for (let i = c; i < samples.length; i += channels) {
        const value = samples[i]!;
        const size = Math.abs(value);
        if (size > peak) peak = size;
        sum += value;
      }
      this.sums[c]! += sum * scale;
      this.peak = Math.max(this.peak, peak * scale);
      if (peak >= full) this.follow(samples, c, full);
      else this.runs[c] = 0;
    }
  }

  /** What there is to say of the whole file. */
  problems(): { kind: string; message: string }[] {
    if (this.broken !== undefined) return [{ kind: "not finite", message: this.broken }];
    if (this.peak <= 1 / 32768) return [{ kind: "silent", message: "samples: silent throughout, expected sound" }];
    const problems: { kind: string; message: string }[] = [];
    if (this.longest >= CLIPPED_RUN) {
      const message = `samples: ${this.longest} in a row at full scale, expected none; record it at a lower level`;
      problems.push({ kind: "clipped", message });
    }
    const means = Array.from(this.sums, (sum) => sum / this.frames);
    // In a short sound the mean is that of its lowest tones.
    if (this.frames < SHORTEST * this.sampleRate) return problems;
    const worst = means.reduce((a, b) => (Math.abs(b) > Math.abs(a) ? b : a));
    if (Math.abs(worst) >= OFFSET) {
      const message = `samples: mean ${worst.toFixed(3)} of full scale, expected about 0; remove the DC offset with a high-pass filter`;
      problems.push({ kind: "dc offset", message });
    }
    return problems;
  }

  private follow(samples: Int16Array | Float32Array, c: number, full: number): void {
    let run = this.runs[c]!;
    let last = this.values[c]!;
    for (let i = c; i < samples.length; i += this.channels) {
      const value = samples[i]!;
      if (Math.abs(value) < full) run = 0;
      else run = value === last ? run + 1 : 1;
      last = value;
      if (run > this.longest) this.longest = run;
    }
    this.runs[c] = run;
    this.values[c] = last;
  }
}
