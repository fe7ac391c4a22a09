const POLYNOMIAL = 0x82f63b78; // Castagnoli, reflected
/** Data lies in the kernel's memory behind 16 tables of 256 words. */
const DATA_AT = 16 * 1024;
/** Bytes per call of the kernel: little enough to stay in the cache on the way in and through. */
const BLOCK_BYTES = 32 * 1024;

interface Kernel {
  memory: { buffer: ArrayBuffer };
  /** Goes on from checksum state `c` over the bytes from DATA_AT to `end`, a multiple of 16 later. */
  run(c: number, end: number): number;
}
declare const WebAssembly: {
  Module: new (bytes: Uint8Array) => object;
  Instance: new (module: object) => { exports: Kernel };
};

const kernel: Kernel = new WebAssembly.Instance(new WebAssembly.Module(kernelBytes())).exports;
const data: Uint8Array = new Uint8Array(kernel.memory.buffer, DATA_AT, BLOCK_BYTES);
const table: Int32Array = fillTables(new Int32Array(kernel.memory.buffer, 0, 16 * 256));

/** Table t of 16 (256 entries each): what a byte adds to the checksum when t more bytes follow it. */
function fillTables(tables: Int32Array): Int32Array {
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1;
    tables[byte] = crc;
  }
  for (let i = 256; i < tables.length; i++) {
    const shorter = tables[i - 256]!;
    tables[i] = (shorter >>> 8) ^ tables[shorter & 255]!;
  }
  return tables.subarray(0, 256);
}

/**
 * CRC-32C (Castagnoli, RFC 3720) of `bytes[start..end)`.
 *
 * Slicing-by-16: sixteen bytes a step, each looked up in a table of its own (Kounavis and Berry, 2005), in WebAssembly,
 * where table lookups need no bounds checks.
 *
 * @param crc checksum of the bytes before these, to go on with; default 0
 * @returns unsigned 32-bit checksum
 * @example crc32c(new TextEncoder().encode("123456789")); // 0xe3069283
 */
export function crc32c(bytes: Uint8Array, start = 0, end: number = bytes.length, crc = 0): number {
  let c = ~crc;
  let i = start;
  while (end - i >= 64) {
    const block = Math.min(BLOCK_BYTES, (end - i) & ~15);
    data.set(bytes.subarray(i, i + block));
    c = kernel.run(c, DATA_AT + block);
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
  if (lastPower.bytes !== secondBytes) lastPower = { bytes: secondBytes, power: powerOfX(secondBytes) };
  return (multiply(lastPower.power, first) ^ second) >>> 0;
}

/** x^0, in the reflected order of bits. */
const ONE = 1 << 31;
const SQUARES: Int32Array = squares();
let lastPower = { bytes: 0, power: ONE };

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

/** The kernel as a WebAssembly module: exports `memory` and `run`. */
function kernelBytes(): Uint8Array {
  const [c, end, p, x] = [0, 1, 2, 3]; // parameters and locals
  const get = (local: number): number[] => [0x20, local];
  const set = (local: number): number[] => [0x21, local];
  const constant = (value: number): number[] => [0x41, ...leb(value, true)];
  const load = (offset: number): number[] => [0x28, 2, ...leb(offset, false)];
  const [geU, add, and, xor, shl, shrU] = [0x4f, 0x6a, 0x71, 0x73, 0x74, 0x76];

  const step: number[] = [];
  for (const word of [1, 2, 3, 0]) {
    step.push(...get(p), ...load(4 * word));
    if (word === 0) step.push(...get(c), xor);
    step.push(...set(x));
    for (let byte = 0; byte < 4; byte++) {
      // Four bytes an entry: the byte's value, shifted to bits 2 to 9.
      const shift = 8 * byte - 2;
      step.push(...get(x), ...constant(Math.abs(shift)), shift < 0 ? shl : shrU, ...constant(1020), and);
      step.push(...load(1024 * (15 - 4 * word - byte)));
      if (!(word === 1 && byte === 0)) step.push(xor);
    }
  }
  const code = [
    ...[1, 2, 0x7f], // two locals, i32
    ...[...constant(DATA_AT), ...set(p)],
    ...[0x02, 0x40, 0x03, 0x40], // block, loop
    ...[...get(p), ...get(end), geU, 0x0d, 1], // leave the block at the end
    ...[...step, ...set(c)],
    ...[...get(p), ...constant(16), add, ...set(p), 0x0c, 0, 0x0b, 0x0b], // next, end of loop and block
    ...[...get(c), 0x0b],
  ];
  const section = (id: number, content: number[]): number[] => [id, ...leb(content.length, false), ...content];
  const text = (s: string): number[] => [s.length, ...Buffer.from(s)];
  return Uint8Array.from([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [1, 0x60, 2, 0x7f, 0x7f, 1, 0x7f]), // type: (i32, i32) → i32
    ...section(3, [1, 0]),
    ...section(5, [1, 0, 1]), // one page of memory
    ...section(7, [2, ...text("memory"), 2, 0, ...text("run"), 0, 0]),
    ...section(10, [1, ...leb(code.length, false), ...code]),
  ]);
}

/** LEB128. */
function leb(value: number, signed: boolean): number[] {
  const out: number[] = [];
  for (let v = value; ; v >>= 7) {
    const last = signed ? v < 64 : v < 128;
    out.push(last ? v : (v & 127) | 128);
    if (last) return out;
  }
}
