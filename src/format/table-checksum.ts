import { createMemory, loopsIn } from "../core/wasm-loops.js";

/** Data lies in the loops' memory behind 16 tables of 256 words. */
const DATA_AT = 16 * 1024;
/** Bytes per call of the loops: little enough to stay in the cache on the way in and through. */
const BLOCK_BYTES = 32 * 1024;

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
 * A cyclic checksum: sixteen bytes per step, each looked up in its own table, in WebAssembly, where lookups need no bounds checks.
 * @param one as for `fillTables`
 * @returns goes on from a state over `bytes[start..end)`
 */
export function checksumBy(
  one: (byte: number) => number,
): (state: number, bytes: Uint8Array, start: number, end: number) => number {
  const memory = createMemory(DATA_AT + BLOCK_BYTES);
  const loops = loopsIn(memory);
  const data = new Uint8Array(memory.buffer, DATA_AT, BLOCK_BYTES);
  const table = fillTables(new Int32Array(memory.buffer, 0, 16 * 256), one);
  return (state, bytes, start, end) => {
    let c = state;
    let i = start;
    while (end - i >= 64) {
      const block = Math.min(BLOCK_BYTES, (end - i) & ~15);
      data.set(bytes.subarray(i, i + block));
      c = loops.checksum(c, DATA_AT, DATA_AT + block);
      i += block;
    }
    for (; i < end; i++) c = (c >>> 8) ^ table[(c ^ bytes[i]!) & 255]!;
    return c;
  };
}
