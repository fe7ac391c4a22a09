/** The bytes of a file, wherever they are. */
export interface ByteSource {
  readonly size: number;
  /** All of them, where they lie in memory. */
  readonly bytes?: Uint8Array;
  /** The open file whose bytes they all are, where they are in one. */
  readonly file?: number;
  /** Copies the bytes from `from` on into `into`; returns how many there were. */
  read(into: Uint8Array, from: number): number;
}

/** Bytes in memory as a source. */
export function bytesSource(bytes: Uint8Array): ByteSource {
  return {
    size: bytes.length,
    bytes,
    read: (into, from) => {
      const part = bytes.subarray(from, from + into.length);
      into.set(part);
      return part.length;
    },
  };
}

/** The bytes of a source from `from` to before `to` as a source of their own. */
export function partOf(source: ByteSource, from: number, to: number): ByteSource {
  if (from === 0 && to === source.size) return source;
  return {
    size: to - from,
    ...(source.bytes ? { bytes: source.bytes.subarray(from, to) } : {}),
    read: (into, at) => source.read(into.subarray(0, Math.max(0, to - from - at)), from + at),
  };
}

/** Bytes that a decoder's requests are rounded up to: few, since it also jumps to find its place. */
const PIECE = 1 << 14;

/** A source that is read in larger pieces than it is asked for: a decoder asks for few bytes at a time. */
export function buffered(source: ByteSource): ByteSource {
  if (source.bytes) return source;
  const reach = reachInto(source, PIECE);
  return {
    size: source.size,
    read: (into, from) => {
      if (into.length >= PIECE) return source.read(into, from);
      const part = reach(from, into.length);
      into.set(part);
      return part.length;
    },
  };
}

/** All bytes of a source. */
export function allBytes(source: ByteSource): Uint8Array {
  if (source.bytes) return source.bytes;
  const bytes = new Uint8Array(source.size);
  return bytes.subarray(0, source.read(bytes, 0));
}

/** Gives up to `length` bytes from `from` on, fewer at the end of the file; valid until the next call. */
export type Reach = (from: number, length: number) => Uint8Array;

/** Bytes read at a time by a walk through a file. */
const WINDOW = 1 << 17;

/** A walk through a source, mostly forwards: in memory as the bytes lie, else by a window that moves along. */
export function reachInto(source: ByteSource, piece: number = WINDOW): Reach {
  const { bytes } = source;
  if (bytes) return (from, length) => bytes.subarray(from, from + length);
  let window: Uint8Array = new Uint8Array(0);
  let start = 0;
  let end = 0;
  return (from, length) => {
    if (from < start || Math.min(source.size, from + length) > end) {
      if (window.length < length) window = new Uint8Array(Math.max(piece, length));
      start = from;
      end = from + source.read(window, from);
    }
    return window.subarray(from - start, Math.min(end, from + length) - start);
  };
}
