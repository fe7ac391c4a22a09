import { basename } from "node:path";
import { DatasetError } from "../core/error.js";
import { decodeFlacBlocks, flacSizes, readFlacHead } from "../format/flac.js";
import { type ReadRequest, READ_FIELDS, readInto } from "./read-into.js";

/**
 * A run of FLAC's blocks to read: shard, position and bytes of it, samples per block, samples per channel to drop at its beginning and to
 * keep after them, place in the buffer, bytes to fill there (zeros behind what is kept).
 */
export const BLOCK_FIELDS = 8;

/** Bytes read at a time. */
const PART_BYTES = 4 << 20;

let packed = new Uint8Array(0);

/** Samples of one array. */
const MOST = 2 ** 30;
const MOST_UNSEEN = 1 << 24;

/** Runs of blocks to read and decode. */
export interface FlacRequest extends ReadRequest {
  /** BLOCK_FIELDS numbers per run. */
  blocks: Float64Array;
  channels: number;
}

/**
 * Reads what `task.blocks` names, in the order of the disk, and decodes it to 16-bit samples in `bytes`.
 * @returns the reads that took, the bytes read and the milliseconds of decoding
 * @throws DatasetError "RECORD" where there is something else
 */
export function readFlac(bytes: Uint8Array, task: FlacRequest): { calls: number; read: number; decoding: number } {
  const { blocks } = task;
  const order = Array.from({ length: blocks.length / BLOCK_FIELDS }, (_, i) => i * BLOCK_FIELDS).sort(
    (a, b) => blocks[a]! - blocks[b]! || blocks[a + 1]! - blocks[b + 1]!,
  );
  const sum = { calls: 0, read: 0, decoding: 0 };
  for (let from = 0, to = 0; from < order.length; from = to) {
    const reads: number[] = [];
    let end = 0;
    for (; to < order.length && (to === from || end < PART_BYTES); to++) {
      const [shard, position, length] = blocks.subarray(order[to]!, order[to]! + 3) as unknown as number[];
      reads.push(shard!, position!, length!, end, length!);
      end += length!;
    }
    if (packed.length < end) packed = new Uint8Array(end);
    const { calls, read } = readInto(packed, { ...task, reads: Float64Array.from(reads) });
    const start = performance.now();
    for (let k = from; k < to; k++) decodeRun(bytes, task, order[k]!, reads[(k - from) * READ_FIELDS + 3]!);
    sum.calls += calls;
    sum.read += read;
    sum.decoding += performance.now() - start;
  }
  return sum;
}

function decodeRun(bytes: Uint8Array, { blocks, channels, shards }: FlacRequest, at: number, from: number): void {
  const run = blocks.subarray(at, at + BLOCK_FIELDS) as unknown as number[];
  const [shard, position, length, block, skip, kept, place, room] = run as [number, number, ...number[]];
  const count = kept! * channels;
  bytes.fill(0, place! + 2 * count, place! + room!);
  if (count === 0) return;
  const out = new Int16Array(bytes.buffer, bytes.byteOffset + place!, count);
  const end = decodeFlacBlocks(packed.subarray(0, from + length!), { channels, block: block!, from, skip: skip! }, out);
  if (end !== from + length!) throw damaged(`${basename(shards[shard]!.path)}, byte ${position}`);
}

/**
 * Decodes a stored FLAC, or its first samples.
 * @param most samples per channel
 * @returns channels interleaved
 * @throws DatasetError "RECORD" where it is damaged
 */
export function decodeFlac(bytes: Uint8Array, most: number = Infinity): Int16Array {
  const head = readFlacHead(bytes);
  const count = head ? Math.min(head.samples, most) * head.channels : Infinity;
  if (!head || count > MOST) throw damaged("samples of an example");
  // Memory isn't taken because a header says so alone.
  if (count > MOST_UNSEEN && !flacSizes(bytes, head)) throw damaged("samples of an example");
  const out = new Int16Array(count);
  if (decodeFlacBlocks(bytes, { ...head, from: head.first }, out) < 0) throw damaged("samples of an example");
  return out;
}

function damaged(where: string): DatasetError {
  return new DatasetError(
    "RECORD",
    `FLAC: damaged, expected whole blocks (${where}); verify() says more, repair() fixes it`,
  );
}
