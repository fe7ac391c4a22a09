import { basename } from "node:path";
import { readSync } from "node:fs";
import { DatasetError } from "../core/error.js";
import { fileError } from "../system/atomic-file.js";
import { checkChecksum, RECORD_HEAD, RECORD_OVERHEAD, recordLength } from "../format/tfrecord.js";
import { crc32c } from "../format/crc32c.js";
import { shardFile, type ReadRequest } from "./read-into.js";

/** One record to check: shard, position, bytes of its payload. */
export const CHECK_FIELDS = 3;

/** Read at a time; a record may be hours of sound. */
const PART_BYTES = 1 << 20;
const part = new Uint8Array(PART_BYTES);

/**
 * Compares records with their checksums, in the order of the disk.
 * @param checks CHECK_FIELDS numbers per record
 * @returns the reads that took, at least, and the bytes read
 * @throws DatasetError "RECORD" that names the shard and the place of the first damaged one
 */
export function checkRecords(request: ReadRequest, checks: Float64Array): { calls: number; read: number } {
  const order = Array.from({ length: checks.length / CHECK_FIELDS }, (_, i) => i * CHECK_FIELDS).sort(
    (a, b) => checks[a]! - checks[b]! || checks[a + 1]! - checks[b + 1]!,
  );
  let read = 0;
  for (const at of order) {
    const [shard, position, bytes] = checks.subarray(at, at + CHECK_FIELDS) as unknown as number[];
    read += bytes!;
    const { path } = request.shards[shard!]!;
    const file = shardFile(request.shards[shard!]!, request.opened);
    try {
      checkRecord(file, position!, bytes!, `${basename(path)}, byte ${position}`);
    } catch (cause) {
      if (!(cause instanceof DatasetError)) throw fileError(cause, path);
      // What was written to while it was read is said to be so.
      shardFile(request.shards[shard!]!, request.opened);
      throw new DatasetError("RECORD", `${cause.message}; verify() says more, repair() fixes it`, [], { cause });
    }
  }
  return { calls: order.length, read };
}

function checkRecord(file: number, position: number, bytes: number, where: string): void {
  const end = position + bytes + RECORD_OVERHEAD;
  let crc = 0;
  let stored = 0;
  for (let at = position; at < end; ) {
    const got = readSync(file, part, 0, Math.min(PART_BYTES, end - at), at);
    if (got === 0) throw new DatasetError("RECORD", `record: ends at byte ${at}, expected ${end} (${where})`);
    if (at === position) {
      const length = recordLength(part, 0, where);
      if (length !== bytes) throw new DatasetError("RECORD", `record: ${length} bytes, expected ${bytes} (${where})`);
    }
    const payload = [Math.max(at, position + RECORD_HEAD), Math.min(at + got, position + RECORD_HEAD + bytes)] as const;
    if (payload[0] < payload[1]) crc = crc32c(part, payload[0] - at, payload[1] - at, crc);
    // The last four bytes, which may lie in two parts.
    for (let k = Math.max(at, end - 4); k < at + got; k++) stored |= part[k - at]! << (8 * (k - (end - 4)));
    at += got;
  }
  checkChecksum(crc, stored >>> 0, where);
}
