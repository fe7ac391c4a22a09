import type { CompressedInfo } from "../format/compressed-info.js";
import { FlacBlocks, readFlacHead } from "../format/flac.js";

/** What gives FLAC's integers: this library's decoder, libsndfile, or an array that was decoded whole. */
export interface IntegerReader {
  /** Fills `out` with the next samples, all channels together, in its full width; returns how many, -1 where another reader has to go on. */
  read(out: Int16Array | Int32Array): number;
  /** What was found wrong since the last call; "" where nothing was. */
  error(): string;
  seek(frame: number): boolean;
  close(): void;
}

/** This library's decoder. */
export interface IntactReader extends IntegerReader {
  /** The byte behind the last block that was decoded. */
  end(): number;
}

/** Bits per sample that this library decodes itself. */
const DEPTHS = [16, 24];

/** Those whose blocks it can tell from what is none. */
const ALL_DEPTHS = [8, 12, 16, 20, 24];

/** The first damaged block of a FLAC that isn't where it was cut, from a sample on; undefined also where its blocks are of several sizes. */
export function damagedBlock(
  { container, part }: CompressedInfo,
  from: number,
): { number: number; at: number } | undefined {
  const head = container === "FLAC" ? readFlacHead(part, ALL_DEPTHS, true) : undefined;
  return head && new FlacBlocks(part, head).damaged(Math.floor(from / head.block));
}

/**
 * Reads a FLAC by this library's own decoder as long as its blocks are as they should be. Undefined where it is of another form than
 * nearly all: Ogg FLAC, other bits, blocks of several sizes, without its length or its MD5.
 */
export function intactReader({ container, md5, part }: CompressedInfo): IntactReader | undefined {
  const head = container === "FLAC" && md5 !== undefined ? readFlacHead(part, DEPTHS) : undefined;
  if (!head) return undefined;
  const blocks = new FlacBlocks(part, head);
  const none: Int16Array | Int32Array = head.bits === 16 ? new Int16Array(0) : new Int32Array(0);
  /** Samples of the last block that were not asked for yet. */
  let rest = none;
  /** Samples to drop of the next block. */
  let skip = 0;
  return {
    read: (out) => {
      let done = 0;
      for (let block: typeof rest | undefined = rest; ; block = blocks.next()) {
        if (!block) return -1;
        const from = Math.min(skip, block.length);
        skip -= from;
        const kept = block.subarray(from, from + out.length - done);
        out.set(kept, done);
        done += kept.length;
        if (done < out.length) continue;
        rest = block === rest ? block.subarray(from + kept.length) : block.slice(from + kept.length);
        return done;
      }
    },
    error: () => "",
    end: () => blocks.at,
    seek: (frame) => {
      rest = none;
      skip = (frame % head.block) * head.channels;
      return blocks.seek(Math.floor(frame / head.block));
    },
    close: () => {},
  };
}
