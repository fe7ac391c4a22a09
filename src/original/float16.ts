let halves: Uint16Array | undefined;
let floats: Float32Array | undefined;
const float = new Float32Array(1);
const bits = new Uint32Array(float.buffer);

/**
 * Samples as IEEE 754 half floats, little-endian, full scale -1 to 1: int16 / 32768 or the floats themselves,
 * rounded to the nearest, ties to even, as TensorFlow casts. Exact for int16 up to ±2048.
 */
export function toFloat16(samples: Int16Array | Float32Array): Uint8Array {
  const out = new Uint8Array(samples.length * 2);
  if (samples instanceof Int16Array) {
    const table = int16Halves();
    for (let i = 0, at = 0; i < samples.length; i++, at += 2) {
      const half = table[samples[i]! & 0xffff]!;
      out[at] = half;
      out[at + 1] = half >>> 8;
    }
  } else {
    for (let i = 0, at = 0; i < samples.length; i++, at += 2) {
      const half = halfBits(samples[i]!);
      out[at] = half;
      out[at + 1] = half >>> 8;
    }
  }
  return out;
}

/** The values of little-endian half floats, exactly. */
export function fromFloat16(bytes: Uint8Array): Float32Array {
  const table = float16Values();
  const out = new Float32Array(bytes.length >>> 1);
  for (let i = 0, at = 0; i < out.length; i++, at += 2) out[i] = table[bytes[at]! | (bytes[at + 1]! << 8)]!;
  return out;
}

/** The value of each of the 65,536 half floats. */
export function float16Values(): Float32Array {
  if (floats) return floats;
  floats = new Float32Array(65536);
  for (let half = 0; half < 65536; half++) {
    const exponent = (half >>> 10) & 31;
    const fraction = half & 1023;
    const size =
      exponent === 31
        ? fraction === 0
          ? Infinity
          : Number.NaN
        : exponent === 0
          ? fraction * 2 ** -24
          : (1024 + fraction) * 2 ** (exponent - 25);
    floats[half] = half & 0x8000 ? -size : size;
  }
  return floats;
}

/** The half float of each int16 / 32768, by the int16's bits. */
function int16Halves(): Uint16Array {
  if (halves) return halves;
  halves = new Uint16Array(65536);
  for (let i = -32768; i < 32768; i++) halves[i & 0xffff] = halfBits(i / 32768);
  return halves;
}

function halfBits(value: number): number {
  float[0] = value;
  const word = bits[0]!;
  const sign = (word >>> 16) & 0x8000;
  const size = word & 0x7fffffff;
  if (size > 0x7f800000) return sign | 0x7e00; // not a number
  if (size >= 0x477ff000) return sign | 0x7c00; // rounds to infinity
  if (size < 0x38800000) return sign | roundToEven(Math.abs(float[0]!) * 2 ** 24); // subnormal, in steps of 2^-24
  const kept = size >>> 13;
  const rest = size & 0x1fff;
  const up = rest > 0x1000 || (rest === 0x1000 && kept & 1) ? 1 : 0;
  return sign | (kept + up - (112 << 10));
}

function roundToEven(value: number): number {
  const below = Math.floor(value);
  const rest = value - below;
  return rest > 0.5 || (rest === 0.5 && below & 1) ? below + 1 : below;
}
