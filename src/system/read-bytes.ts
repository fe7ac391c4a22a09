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

/** A file in parts of some megabytes, each of whole lines. */
export function* fileParts(path: string, partBytes = 4 * PART_BYTES): Generator<Uint8Array> {
  try {
    const file = openToRead(path);
    try {
      let rest = new Uint8Array(0);
      for (let at = 0; ; ) {
        const part = new Uint8Array(rest.length + partBytes);
        part.set(rest);
        const got = fillFrom(file, part.subarray(rest.length), at);
        at += got;
        const all = part.subarray(0, rest.length + got);
        const end = got < partBytes ? all.length : all.lastIndexOf(10) + 1;
        if (end > 0) yield all.subarray(0, end);
        if (got < partBytes) return;
        rest = all.slice(end);
      }
    } finally {
      closeSync(file);
    }
  } catch (error) {
    throw fileError(error, path);
  }
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
