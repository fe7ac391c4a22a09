import type { ByteSink } from "./libsndfile.js";

/** Memory that grows with what is written. */
export interface MemorySink extends ByteSink {
  /** What was written so far. */
  bytes(): Uint8Array;
}

/** A file in memory, for libsndfile to write. */
export function memorySink(): MemorySink {
  let memory = Buffer.alloc(1 << 16);
  const sink: MemorySink = {
    size: 0,
    write: (bytes, at) => {
      const end = at + bytes.length;
      if (end > memory.length) {
        const larger = Buffer.alloc(Math.max(end, 2 * memory.length));
        memory.copy(larger, 0, 0, sink.size);
        memory = larger;
      }
      memory.set(bytes, at);
      sink.size = Math.max(sink.size, end);
    },
    read: (into, from) => {
      const part = memory.subarray(from, Math.min(sink.size, from + into.length));
      into.set(part);
      return part.length;
    },
    bytes: () => memory.subarray(0, sink.size),
  };
  return sink;
}
