import { DatasetError } from "../core/error.js";
import { crc32c, joinCrc32c, maskCrc32c, maskedCrc32c } from "./crc32c.js";

/** Bytes before a record's payload: its length (8) and that length's checksum (4). */
export const RECORD_HEAD = 12;
/** Bytes a record takes beyond its payload: head and the payload's checksum (4). */
export const RECORD_OVERHEAD = 16;

/** A piece of a payload whose checksum is known already, so that it needn't be read again. */
export interface KnownPiece {
  at: number;
  bytes: number;
  /** CRC-32C, not masked. */
  crc: number;
}

/**
 * Frames the payload that already lies at `bytes[at + RECORD_HEAD …]`: writes its length and both checksums around it.
 * @param known pieces of the payload with their checksums, in order
 * @returns where the next record starts
 */
export function frameRecord(
  bytes: Uint8Array,
  at: number,
  payloadBytes: number,
  known: readonly KnownPiece[] = [],
): number {
  const end = at + RECORD_HEAD + payloadBytes;
  writeUint32(bytes, at, payloadBytes >>> 0);
  writeUint32(bytes, at + 4, Math.floor(payloadBytes / 2 ** 32));
  writeUint32(bytes, at + 8, maskedCrc32c(bytes, at, at + 8));
  let crc = 0;
  let done = at + RECORD_HEAD;
  for (const piece of known) {
    crc = joinCrc32c(crc32c(bytes, done, piece.at, crc), piece.crc, piece.bytes);
    done = piece.at + piece.bytes;
  }
  writeUint32(bytes, end, maskCrc32c(crc32c(bytes, done, end, crc)));
  return end + 4;
}

/**
 * The payload's length from a record's head at `bytes[at …]`.
 * @param where shard, example and byte offset, for the message
 * @throws DatasetError "RECORD" when the head's checksum is wrong
 */
export function recordLength(bytes: Uint8Array, at: number, where: string): number {
  const length = readUint32(bytes, at) + readUint32(bytes, at + 4) * 2 ** 32;
  const stored = readUint32(bytes, at + 8);
  const actual = maskedCrc32c(bytes, at, at + 8);
  if (stored !== actual) {
    throw new DatasetError("RECORD", `length checksum: ${hex(actual)}, expected ${hex(stored)} (${where})`);
  }
  return length;
}

/**
 * Checks the payload of the whole record at `bytes[at …]` against its checksum.
 * @throws DatasetError "RECORD" when it is wrong
 */
export function checkPayload(bytes: Uint8Array, at: number, payloadBytes: number, where: string): void {
  const start = at + RECORD_HEAD;
  checkChecksum(crc32c(bytes, start, start + payloadBytes), readUint32(bytes, start + payloadBytes), where);
}

/**
 * Compares a payload's checksum with the one stored behind it, masked.
 * @throws DatasetError "RECORD" when they differ
 */
export function checkChecksum(crc: number, stored: number, where: string): void {
  const actual = maskCrc32c(crc);
  if (stored !== actual) {
    throw new DatasetError("RECORD", `data checksum: ${hex(actual)}, expected ${hex(stored)} (${where})`);
  }
}

function readUint32(b: Uint8Array, at: number): number {
  return (b[at]! | (b[at + 1]! << 8) | (b[at + 2]! << 16) | (b[at + 3]! << 24)) >>> 0;
}

function writeUint32(b: Uint8Array, at: number, value: number): void {
  b[at] = value;
  b[at + 1] = value >>> 8;
  b[at + 2] = value >>> 16;
  b[at + 3] = value >>> 24;
}

function hex(value: number): string {
  return `0x${value.toString(16).padStart(8, "0")}`;
}
