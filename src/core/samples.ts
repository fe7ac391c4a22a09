/**
 * Floats of full scale -1 to 1 to the nearest 16-bit integers, times 32768; full scale and beyond is clipped.
 *
 * @example toInt16(Float32Array.of(0.5, -2)) // 16384 -32768
 */
export function toInt16(samples: Float32Array, gain = 1): Int16Array {
  const out = new Int16Array(samples.length);
  for (let i = 0; i < out.length; i++) {
    const value = Math.round(samples[i]! * gain * 32768);
    out[i] = Math.max(-32768, Math.min(32767, value));
  }
  return out;
}

/** The largest absolute value of `samples` from `from` to before `to`; 0 where there are none. */
export function peakOf(samples: Float32Array | Int16Array, from = 0, to: number = samples.length): number {
  let peak = 0;
  for (let i = from; i < to; i++) {
    const size = Math.abs(samples[i]!);
    if (size > peak) peak = size;
  }
  return peak;
}

/**
 * What is wrong with samples of which one is NaN or infinite, with the frame of the first; undefined where all are finite.
 * @param before frames before these samples
 */
export function notFinite(samples: Float32Array | Int16Array, channels: number, before = 0): string | undefined {
  if (samples instanceof Int16Array) return undefined;
  for (let i = 0; i < samples.length; i++) {
    const value = samples[i]!;
    // 0 for every finite number, NaN for the others.
    if (value - value === 0) continue;
    return `sample of frame ${before + Math.floor(i / channels)}: ${value}, expected a finite number; export the file again`;
  }
  return undefined;
}
