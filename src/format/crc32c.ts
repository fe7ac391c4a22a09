import { createMemory, loopsIn } from "../core/wasm-loops.js";

const POLYNOMIAL = 0x82f63b78; // Castagnoli, reflected
/** Data lies in the loops' memory behind 16 tables of 256 words. */
const DATA_AT = 16 * 1024;
/** Bytes per call of the loops: little enough to stay in the cache on the way in and through. */
const BLOCK_BYTES = 32 * 1024;

const memory = createMemory(DATA_AT + BLOCK_BYTES);
const loops = loopsIn(memory);
const data: Uint8Array = new Uint8Array(memory.buffer, DATA_AT, BLOCK_BYTES);
const table: Int32Array = fillTables(new Int32Array(memory.buffer, 0, 16 * 256), (byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1;
  return crc;
});

/**
 * Table t of 16 (256 entries each): what a byte adds to the checksum when t more bytes follow it.
 * @param one what a byte adds, in the order of bytes in which the checksum is stored
 * @returns the first of them
 */
export function fillTables(tables: Int32Array, one: (byte: number) => number): Int32Array {
  for (let byte = 0; byte < 256; byte++) tables[byte] = one(byte);
  for (let i = 256; i < tables.length; i++) {
    const shorter = tables[i - 256]!;
    tables[i] = (shorter >>> 8) ^ tables[shorter & 255]!;
  }
  return tables.subarray(0, 256);
}

/**
 * CRC-32C (Castagnoli, RFC 3720) of `bytes[start..end)`.
 *
 * Sixteen bytes per step, each looked up in its own table, in WebAssembly, where lookups need no bounds checks.
 *
 * @param crc checksum of the bytes before these, to continue from; default 0
 * @returns unsigned 32-bit checksum
 * @example crc32c(new TextEncoder().encode("123456789")); // 0xe3069283
 */
export function crc32c(bytes: Uint8Array, start = 0, end: number = bytes.length, crc = 0): number {
  let c = ~crc;
  let i = start;
  while (end - i >= 64) {
    const block = Math.min(BLOCK_BYTES, (end - i) & ~15);
    data.set(bytes.subarray(i, i + block));
    c = loops.checksum(c, DATA_AT, DATA_AT + block);
    i += block;
  }
  for (; i < end; i++) c = (c >>> 8) ^ table[(c ^ bytes[i]!) & 255]!;
  return ~c >>> 0;
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
