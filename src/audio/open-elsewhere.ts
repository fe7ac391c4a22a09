import { closeSync } from "node:fs";
import { join } from "node:path";
import { isAddress } from "../core/names.js";
import type { SeenFile } from "../core/rows.js";
import type { ByteSource } from "../format/byte-source.js";
import { fetchBegin, fetchFile, fetchRange, inFetchFolder } from "../storage/fetch-file.js";
import { openToRead } from "../system/open-to-read.js";
import { fileSource } from "./file-source.js";

/** How a sound of a dataset is opened. */
export interface OpenSound {
  directory: string;
  /** Where fetched files go, as `withFetches` gives it. */
  fetches?: string | undefined;
  /** Whether `work` reads all of it, not the header alone. */
  whole: boolean;
}

/**
 * Works with the bytes of a sound: a file of the dataset's folder, or one at an address, of which no more is fetched than `work` reads, as
 * far as that is in a few places.
 *
 * @param work is called again whenever more had to be fetched
 * @throws the system's error where there is no such file, DatasetError "FILE" that names the address
 */
export async function withSoundBytes<T>(
  file: string,
  { directory, fetches, whole }: OpenSound,
  work: (source: ByteSource, seen?: SeenFile) => Promise<T>,
): Promise<T> {
  if (!isAddress(file)) return await withOpened(join(directory, file), work);
  return await inFetchFolder(fetches, async (folder) => {
    const path = join(folder, "whole");
    if (whole) {
      const seen = await fetchFile(file, path);
      return await withOpened(path, (source) => work(source, seen));
    }
    const { begin, seen } = await fetchBegin(file, PIECE, path);
    if (begin) {
      const pieces = new Pieces(seen.bytes, begin);
      for (let ranges = 0; ranges < MOST_RANGES; ranges++) {
        try {
          return await work(pieces, seen);
        } catch (error) {
          if (!(error instanceof NotFetched)) throw error;
          pieces.add(error.from, await fetchRange(file, error.from, error.to, seen));
        }
      }
      await fetchFile(file, path, seen);
    }
    return await withOpened(path, (source) => work(source, seen));
  });
}

async function withOpened<T>(path: string, work: (source: ByteSource) => Promise<T>): Promise<T> {
  const file = openToRead(path);
  try {
    return await work(fileSource(file));
  } finally {
    closeSync(file);
  }
}

/** Bytes fetched at a time: most headers are within the first ones. */
const PIECE = 1 << 16;
/** Ranges that are fetched behind the first; what needs more, such as the frames of an MP3, is read through. */
const MOST_RANGES = 4;

/** Thrown where bytes are read that aren't here. */
class NotFetched extends Error {
  constructor(
    readonly from: number,
    readonly to: number,
  ) {
    super("not fetched");
  }
}

/** The bytes of a file elsewhere, as far as they were fetched. */
class Pieces implements ByteSource {
  private readonly pieces = new Map<number, Uint8Array>();

  constructor(
    readonly size: number,
    begin: Uint8Array,
  ) {
    this.add(0, begin);
  }

  /** Takes bytes from the beginning of a piece on, to the end of one. */
  add(from: number, bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; at += PIECE)
      this.pieces.set((from + at) / PIECE, bytes.subarray(at, at + PIECE));
  }

  read(into: Uint8Array, from: number): number {
    const to = Math.min(this.size, from + into.length);
    for (let at = from; at < to; ) {
      const k = Math.floor(at / PIECE);
      const part = this.pieces.get(k)?.subarray(at - k * PIECE, to - k * PIECE);
      if (!part) throw new NotFetched(k * PIECE, Math.min(this.size, Math.ceil(to / PIECE) * PIECE));
      into.set(part, at - from);
      at += part.length;
    }
    return Math.max(0, to - from);
  }
}
