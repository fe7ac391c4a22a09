import { checksumBy } from "./table-checksum.js";

const POLYNOMIAL = 0x82f63b78; // Castagnoli, reflected
const checksum = checksumBy((byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1;
  return crc;
});

/**
 * CRC-32C (Castagnoli, RFC 3720) of `bytes[start..end)`.
 *
 * @param crc checksum of the bytes before these, to continue from; default 0
 * @returns unsigned 32-bit checksum
 * @example crc32c(new TextEncoder().encode("123456789")); // 0xe3069283
 */
export function crc32c(bytes: Uint8Array, start = 0, end: number = bytes.length, crc = 0): number {
  return ~checksum(~crc, bytes, start, end) >>> 0;
}

/**
 * The checksum of two pieces of data one after the other, from their checksums: the first times x^(8 · secondBytes)
 * modulo the polynomial, plus the second (the way of zlib's crc32_combine). Takes a microsecond, however long they are.
 */
export function joinCrc32c(first: number, second: number, secondBytes: number): number {
  return (shift(first, secondBytes) ^ second) >>> 0;
}

/** A checksum times x^(8 · bytes): what it becomes when that many zero bytes follow. */
function shift(crc: number, bytes: number): number {
  let power = powers.get(bytes);
  if (power === undefined) {
    if (powers.size >= 64) powers.clear();
    power = powerOfX(bytes);
    powers.set(bytes, power);
  }
  return multiply(power, crc);
}

/** x^0, in the reflected order of bits. */
const ONE = 1 << 31;
const SQUARES: Int32Array = squares();
/** Powers of x by the bytes they stand for: lengths come again and again. */
const powers = new Map<number, number>();

/** x^(2^k) modulo the polynomial. */
function squares(): Int32Array {
  const powers = Int32Array.of(1 << 30, ...new Array<number>(63).fill(0));
  for (let k = 1; k < powers.length; k++) powers[k] = multiply(powers[k - 1]!, powers[k - 1]!);
  return powers;
}

/** x^(8 · bytes) modulo the polynomial. */
function powerOfX(bytes: number): number {
  let power = ONE;
  for (let k = 3, n = bytes; n > 0; k++, n = Math.floor(n / 2)) if (n % 2 === 1) power = multiply(SQUARES[k]!, power);
  return power;
}

/** The product of two polynomials over GF(2), modulo CRC-32C's. */
function multiply(a: number, b: number): number {
  let product = 0;
  let shifted = b;
  for (let bit = 31; bit >= 0; bit--) {
    if ((a >>> bit) & 1) product ^= shifted;
    shifted = shifted & 1 ? (shifted >>> 1) ^ POLYNOMIAL : shifted >>> 1;
  }
  return product;
}

/** The masked form that TFRecord stores, so that a checksum of data holding checksums stays useful. */
export function maskedCrc32c(bytes: Uint8Array, start = 0, end: number = bytes.length): number {
  return maskCrc32c(crc32c(bytes, start, end));
}

/** As `maskedCrc32c`, of a checksum. */
export function maskCrc32c(crc: number): number {
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}
