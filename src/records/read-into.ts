import { openToRead } from "../system/open-to-read.js";
import { closeSync, fstatSync, readvSync } from "node:fs";
import { fileError } from "../system/atomic-file.js";
import { DatasetError } from "../core/error.js";
import { checkUnchanged, type OpenShard } from "./open-shard.js";

/** One read: shard, position, bytes, place in the buffer, bytes to fill there (zeros behind what is read). */
export const READ_FIELDS = 5;

/** Gaps between two reads up to this are read and thrown away, in one call to the system with what is around them. */
const GAP_BYTES = 4096;

/** Linux takes 1,024 buffers in one call. */
const MAX_BUFFERS = 1000;

const MAX_OPEN = 100;

const trash = new Uint8Array(GAP_BYTES);

/** What to read, and where it goes. */
export interface ReadRequest {
  /** The shards, by the number in `reads`. */
  shards: Record<number, OpenShard>;
  /** Identifies this opening of the dataset, so that files rebuilt since are opened again. */
  opened: string;
  /** READ_FIELDS numbers per read, see BatchLayout. */
  reads: Float64Array;
}

const open = new Map<string, number>();

/** Reads what `task.reads` names, in the order of the disk, neighbours together, and fills the rest of each place with zeros. Returns the calls that took, and the bytes read. */
export function readInto(bytes: Uint8Array, task: ReadRequest): { calls: number; read: number } {
  const { reads } = task;
  const order = Array.from({ length: reads.length / READ_FIELDS }, (_, i) => i * READ_FIELDS).sort(
    (a, b) => reads[a]! - reads[b]! || reads[a + 1]! - reads[b + 1]!,
  );
  let run = newRun(-1, 0);
  let calls = 0;
  let read = 0;
  for (const at of order) {
    const [shard, position, length, place, slot] = reads.subarray(at, at + READ_FIELDS) as unknown as number[];
    bytes.fill(0, place! + length!, place! + slot!);
    if (length === 0) continue;
    const gap = position! - run.end;
    if (shard !== run.shard || gap < 0 || gap > GAP_BYTES || run.buffers.length >= MAX_BUFFERS) {
      flush(run, task);
      run = newRun(shard!, position!);
      calls++;
    } else if (gap > 0) {
      run.buffers.push(trash.subarray(0, gap));
    }
    run.buffers.push(bytes.subarray(place, place! + length!));
    run.end = position! + length!;
    read += length!;
  }
  flush(run, task);
  return { calls, read };
}

interface Run {
  shard: number;
  start: number;
  end: number;
  buffers: Uint8Array[];
}

function newRun(shard: number, start: number): Run {
  return { shard, start, end: start, buffers: [] };
}

function flush(run: Run, task: ReadRequest): void {
  if (run.buffers.length === 0) return;
  const shard = task.shards[run.shard]!;
  const { path } = shard;
  let got: number;
  try {
    got = readvSync(shardFile(shard, task.opened), run.buffers, run.start);
  } catch (cause) {
    throw fileError(cause, path);
  }
  if (got === run.end - run.start) return;
  // What was cut while it was read is said to be so.
  shardFile(shard, task.opened);
  throw new DatasetError(
    "RECORD",
    `shard: ends at byte ${run.start + got}, expected data up to byte ${run.end}; verify() says more, generateRecords() fixes it (${path})`,
  );
}

function closeOldest(): void {
  const [oldest, file] = open.entries().next().value!;
  closeSync(file);
  open.delete(oldest);
}

/** Where the process may open no more files, those of other threads included, the oldest of this one make room. */
function openShardFile(path: string): number {
  for (;;) {
    try {
      return openToRead(path);
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== "EMFILE" || open.size === 0) throw fileError(cause, path);
      closeOldest();
    }
  }
}

/**
 * An open file of a shard. Files stay open from batch to batch; the one unused for longest is closed when there are too many.
 * @throws DatasetError "RECORD" where it isn't what it was when the dataset was opened
 */
export function shardFile(shard: OpenShard, opened: string): number {
  const { path } = shard;
  const key = `${opened} ${path}`;
  let file = open.get(key);
  if (file === undefined) {
    if (open.size >= MAX_OPEN) closeOldest();
    file = openShardFile(path);
  }
  open.delete(key);
  try {
    // Each time: it can be written to while it is open.
    checkUnchanged(shard, fstatSync(file));
  } catch (error) {
    closeSync(file);
    throw error;
  }
  open.set(key, file);
  return file;
}
