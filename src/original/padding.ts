/** Frames of audio as the original pads it: a whole frame of zeros more where `inputSize` divides the length. */
export function originalFrameCount(samples: number, inputSize: number): number {
  return Math.floor(samples / inputSize) + 1;
}

/** The original pads its frame-labelled audio with 1 to `inputSize` zeros. */
export function padRows(halves: Uint8Array, inputSize: number): Uint8Array {
  const samples = halves.length / 2;
  const padded = new Uint8Array((samples + inputSize - (samples % inputSize)) * 2);
  padded.set(halves);
  return padded;
}
