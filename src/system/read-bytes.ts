import { openToRead } from "./open-to-read.js";
import { fileError } from "./atomic-file.js";
import { closeSync, readSync } from "node:fs";

/** Bytes of a part: few calls, and little memory. */
const PART_BYTES = 1 << 20;

/** Fills `bytes` with those of a file from byte `from` on; returns how many there were before its end. */
export function fillFrom(file: number, bytes: Uint8Array, from: number): number {
  let got = 0;
  while (got < bytes.length) {
    const part = readSync(file, bytes, got, bytes.length - got, from + got);
    if (part === 0) break;
    got += part;
  }
  return got;
}

/** Reads a whole file part by part; the next part overwrites the one before. */
export function eachPart(path: string, visit: (part: Uint8Array) => void): void {
  try {
    const file = openToRead(path);
    const buffer = Buffer.allocUnsafe(PART_BYTES);
    try {
      for (let got = readSync(file, buffer); got > 0; got = readSync(file, buffer)) visit(buffer.subarray(0, got));
    } finally {
      closeSync(file);
    }
  } catch (error) {
    throw fileError(error, path);
  }
}
