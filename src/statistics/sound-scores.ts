/** How near a sound is to its target, in dB; NaN where the target is silent, Infinity where nothing differs. */
export interface SoundScores {
  /** Signal-to-noise ratio: the target's energy over that of the difference. */
  snr: number;
  /** The same with the target scaled to fit best (scale-invariant signal-to-distortion ratio, Le Roux et al. 2019), no mean taken away. */
  siSdr: number;
}

/** Compares a sound with its target, over the samples that both have; of several channels, interleaved, the mean. */
export function soundScores(target: Float32Array, sound: Float32Array, channels = 1): SoundScores {
  const length = Math.min(target.length, sound.length);
  const sums: SoundScores = { snr: 0, siSdr: 0 };
  for (let c = 0; c < channels; c++) {
    let [energy, product, other, noise] = [0, 0, 0, 0];
    for (let i = c; i < length; i += channels) {
      const [a, b] = [target[i]!, sound[i]!];
      energy += a * a;
      product += a * b;
      other += b * b;
      noise += (a - b) ** 2;
    }
    const scaled = product ** 2 / energy;
    sums.snr += energy > 0 ? decibel(energy, noise) : Number.NaN;
    sums.siSdr += energy > 0 ? decibel(scaled, noise === 0 ? 0 : Math.max(0, other - scaled)) : Number.NaN;
  }
  return { snr: sums.snr / channels, siSdr: sums.siSdr / channels };
}

const decibel = (signal: number, noise: number): number => 10 * Math.log10(signal / noise);
