const POLYNOMIAL = 0x82f63b78; // Castagnoli, reflected
const LITTLE_ENDIAN = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1;

/** Table t of 16 (256 entries each): what a byte adds to the checksum when t more bytes follow it. */
const TABLES: Int32Array = makeTables();

function makeTables(): Int32Array {
  const tables = new Int32Array(16 * 256);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1;
    tables[byte] = crc;
  }
  for (let i = 256; i < tables.length; i++) {
    const shorter = tables[i - 256]!;
    tables[i] = (shorter >>> 8) ^ tables[shorter & 255]!;
  }
  return tables;
}

/**
 * CRC-32C (Castagnoli, RFC 3720) of `bytes[start..end)`.
 *
 * Slicing-by-16: sixteen bytes a step, each looked up in a table of its own (Kounavis and Berry, 2005).
 *
 * @param crc checksum of the bytes before these, to go on with; default 0
 * @returns unsigned 32-bit checksum
 * @example crc32c(new TextEncoder().encode("123456789")); // 0xe3069283
 */
export function crc32c(bytes: Uint8Array, start = 0, end: number = bytes.length, crc = 0): number {
  const t = TABLES;
  let c = ~crc;
  let i = start;
  const aligned = Math.min(end, i + (-(bytes.byteOffset + i) & 3));
  if (LITTLE_ENDIAN && end - aligned >= 16) {
    for (; i < aligned; i++) c = (c >>> 8) ^ t[(c ^ bytes[i]!) & 255]!;
    const steps = (end - i) >>> 4;
    const words = new Int32Array(bytes.buffer, bytes.byteOffset + i, steps * 4);
    for (let w = 0; w < words.length; w += 4) {
      const a = c ^ words[w]!;
      const b = words[w + 1]!;
      const d = words[w + 2]!;
      const e = words[w + 3]!;
      c =
        t[3840 + (a & 255)]! ^
        t[3584 + ((a >>> 8) & 255)]! ^
        t[3328 + ((a >>> 16) & 255)]! ^
        t[3072 + (a >>> 24)]! ^
        t[2816 + (b & 255)]! ^
        t[2560 + ((b >>> 8) & 255)]! ^
        t[2304 + ((b >>> 16) & 255)]! ^
        t[2048 + (b >>> 24)]! ^
        t[1792 + (d & 255)]! ^
        t[1536 + ((d >>> 8) & 255)]! ^
        t[1280 + ((d >>> 16) & 255)]! ^
        t[1024 + (d >>> 24)]! ^
        t[768 + (e & 255)]! ^
        t[512 + ((e >>> 8) & 255)]! ^
        t[256 + ((e >>> 16) & 255)]! ^
        t[e >>> 24]!;
    }
    i += steps * 16;
  }
  for (; i < end; i++) c = (c >>> 8) ^ t[(c ^ bytes[i]!) & 255]!;
  return ~c >>> 0;
}

/** The masked form that TFRecord stores, so that a checksum of data holding checksums stays useful. */
export function maskedCrc32c(bytes: Uint8Array, start = 0, end: number = bytes.length): number {
  const crc = crc32c(bytes, start, end);
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}
